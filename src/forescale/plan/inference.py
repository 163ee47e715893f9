"""The cheapest way to serve a quality: a smaller model trained for longer, once inference is paid for too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..fit import Fit
from ..law import Law
from ..quantities import format_number, parse_number, parse_positive, tails
from ..shown import Shown
from .optimum import GOLDEN, optimal_params

SPAN = 1e4  # sizes searched: this factor below and above the compute-optimal one


@dataclass(frozen=True)
class InferencePlan(Shown):
    """Each of `params`, `tokens` and `saving` is (value, low, high); `saving` is the share of `baseline_flops`.

    `flops` is 6 N D + 2 N D_inf of the plan, `baseline_*` those of the compute-optimal model of the same loss.
    """

    loss: float
    inference_tokens: float
    params: tuple[float, float, float]
    tokens: tuple[float, float, float]
    saving: tuple[float, float, float]
    flops: float
    baseline_params: float
    baseline_tokens: float
    baseline_flops: float
    factor: float | None
    counts: str
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict:
        return dict(vars(self))

    def summary(self) -> str:
        def line(name: str, triple: tuple, form: Any) -> str:
            value, low, high = (form(v) for v in triple)
            return f"  {name:10} {value}" + ("" if low == high else f"   [{low}, {high}]")

        return "\n".join(
            [
                f"loss {self.loss:.4f}, {format_number(self.inference_tokens)} tokens to serve",
                line("params", self.params, format_number),
                line("tokens", self.tokens, format_number),
                line("saving", self.saving, lambda v: f"{v:.1%}"),
                f"  training and serving {self.flops:.4g} FLOP against {self.baseline_flops:.4g} of the compute-optimal "
                f"{format_number(self.baseline_params)} on {format_number(self.baseline_tokens)} tokens",
                f"  counted as 6 N D to train and 2 N D to serve; N and D as {self.counts}",
                f"  training takes {self.factor:.3g}x the largest fitted run"
                if self.factor
                else "  published values: no interval, no fitted range",
                *(f"warning: {w}" for w in self.warnings),
            ]
        )


def inference_optimal(
    source: Fit | Law,
    inference_tokens: float | str,
    *,
    params: float | str | None = None,
    loss: float | None = None,
    values: Mapping[str, float] | None = None,
    level: float = 0.9,
) -> InferencePlan:
    """The size that reaches a loss at the least 6 N D + 2 N D_inf. Sardana et al. 2023, arXiv:2401.00448.

    `source` is a fit (intervals come from its draws) or a law with `values`, in params and tokens. The quality is a
    `loss`, or that of the compute-optimal model with so many `params`. Raises InputError where the law cannot reach it.
    """
    law = source.law if isinstance(source, Fit) else source
    if set(law.inputs) != {"params", "tokens"}:
        raise InputError(f"this plan needs a law in params and tokens; {law.name} takes {', '.join(law.inputs)}")
    if (params is None) == (loss is None):
        raise InputError("give the quality once: loss, or params of the compute-optimal model that has it")
    ends = tails(level)
    best = dict(source.params) if isinstance(source, Fit) else dict(values or {})
    demand = parse_number(inference_tokens, "inference_tokens")
    if demand < 0:
        raise InputError(f"inference_tokens: {inference_tokens!r} is below zero")
    quality = loss if loss is not None else _loss_of(law, best, parse_positive(params, "params"))
    one = _solve(law, {k: np.array([v]) for k, v in best.items()}, np.array([quality]), demand)
    if not np.isfinite(one[0][0]):
        raise InputError(f"law {law.name} does not reach a loss of {quality:.4g} at any size and data")
    many = one
    if isinstance(source, Fit):
        draws = {k: np.asarray(v) for k, v in source.draws.params.items()}
        aim = np.full(len(next(iter(draws.values()))), quality)
        many = _solve(law, draws, aim, demand)

    def triple(k: int) -> tuple[float, float, float]:
        low, high = np.nanquantile(many[k], ends)
        return float(one[k][0]), float(low), float(high)

    if demand == 0:  # nothing to serve: the compute-optimal model itself, not a search's answer beside it
        one = (one[3], one[4], np.zeros(1), one[3], one[4])
        many = (many[3], many[4], np.zeros_like(many[2]), many[3], many[4])
    n, d, _, n0, d0 = (float(v[0]) for v in one)
    cost, base = (6 * m * t + 2 * m * demand for m, t in ((n, d), (n0, d0)))
    factor = 6 * n * d / source.ranges["flops"][1] if isinstance(source, Fit) else None
    counts = source.counts if isinstance(source, Fit) else law.source.counts
    far = f"{factor:.3g}x beyond the data: intervals assume that the law still holds there" if factor and factor > 10 else ""
    said = (*(source.undecided if isinstance(source, Fit) else ()), *((far,) if far else ()))
    return InferencePlan(float(quality), demand, triple(0), triple(1), triple(2), cost, n0, d0, base, factor, counts, said)


def _loss_of(law: Law, values: Mapping[str, float], params: float) -> float:
    """Loss of the compute-optimal model of this size: the budget at which it is optimal, by bisection."""
    low, high = np.log(6 * params), np.log(6 * params) + 60.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if float(optimal_params(law, dict(values), np.exp(middle))) < params else (low, middle)
    return float(law(values, params=params, tokens=np.exp(0.5 * (low + high)) / (6 * params)))


def _tokens_for(law: Law, draws: Mapping[str, np.ndarray], n: np.ndarray, aim: np.ndarray) -> np.ndarray:
    """Tokens (s, n) at which size n reaches the loss; infinite where it never does."""
    low, high = np.zeros(np.broadcast(n, aim).shape), np.full(np.broadcast(n, aim).shape, np.log(1e30))
    values = {k: v[:, None] for k, v in draws.items()}
    never = law(values, params=n, tokens=np.exp(high)) > aim
    for _ in range(70):
        middle = 0.5 * (low + high)
        above = law(values, params=n, tokens=np.exp(middle)) > aim
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(never, np.inf, np.exp(0.5 * (low + high)))


def _least(law: Law, draws: Mapping[str, np.ndarray], aim: np.ndarray, centre: np.ndarray, served: float) -> tuple:
    """(N, D) of the least 6 N D + 2 N served for each draw: a grid around `centre`, then golden section."""
    aim = aim[:, None]

    def cost(log_n: np.ndarray) -> np.ndarray:
        n = np.exp(log_n)
        return np.log(6 * n * _tokens_for(law, draws, n, aim) + 2 * n * served)

    grid = np.log(centre)[:, None] + np.linspace(-np.log(SPAN), np.log(SPAN), 161)
    at = np.clip(cost(grid).argmin(axis=1), 1, 159)
    rows = np.arange(len(at))
    low, high = grid[rows, at - 1], grid[rows, at + 1]
    for _ in range(45):
        a, b = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        left = cost(a[:, None])[:, 0] < cost(b[:, None])[:, 0]
        high, low = np.where(left, b, high), np.where(left, low, a)
    n = np.exp(0.5 * (low + high))
    return n, _tokens_for(law, draws, n[:, None], aim)[:, 0]


def _solve(law: Law, draws: Mapping[str, np.ndarray], aim: np.ndarray, served: float) -> tuple[np.ndarray, ...]:
    """(N, D, saving, N0, D0) for each draw; N0 and D0 pay for training alone. NaN where the loss is out of reach."""
    with np.errstate(all="ignore"):
        reach = _tokens_for(law, draws, np.full((len(aim), 1), 1e18), aim[:, None])[:, 0]
        centre = np.full(len(aim), 1e10)
        n0, d0 = _least(law, draws, aim, centre, 0.0)
        n, d = _least(law, draws, aim, n0, served)
        saving = 1.0 - (6 * n * d + 2 * n * served) / (6 * n0 * d0 + 2 * n0 * served)
    return tuple(np.where(np.isfinite(reach), v, np.nan) for v in (n, d, saving, n0, d0))


def equivalent_tokens(
    input_tokens: float | str,
    output_tokens: float | str,
    *,
    mfu_train: float = 0.4,
    mfu_input: float = 0.4,
    mfu_output: float = 0.1,
    price: float = 1.0,
    speed: float = 1.0,
) -> float:
    """Tokens to serve, each counted as what it costs beside a token's two FLOP per parameter in training.

    Prompts and answers use the hardware at `mfu_input` and `mfu_output`, on devices `speed` times as fast (precision, newer
    chips) and at `price` times the price of the training devices. Feed the result to `inference_optimal`.
    """
    for name, value in {"mfu_train": mfu_train, "mfu_input": mfu_input, "mfu_output": mfu_output}.items():
        if not 0 < value <= 1:
            raise InputError(f"{name} must lie in (0, 1], got {value}")
    if price <= 0 or speed <= 0:
        raise InputError(f"price and speed must be above zero, got {price} and {speed}")
    counts = [parse_number(v, k) for v, k in ((input_tokens, "input_tokens"), (output_tokens, "output_tokens"))]
    if min(counts) < 0:
        raise InputError("tokens to serve cannot be below zero")
    return price / speed * (counts[0] * mfu_train / mfu_input + counts[1] * mfu_train / mfu_output)
