"""The compute-optimal model under a FLOP budget, C = 6 N D."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..fit import Fit
from ..law import Law
from ..quantities import format_number, parse_positive, tails
from ..runs import Runs, read
from ..shown import Shown

GOLDEN = 0.5 * (5**0.5 - 1)
COST = "6 N D with N as the runs count it"
WIDE = 10.0  # between the ends of an interval of N*: nothing is decided
SHOWN = 5  # voters that a summary names


def optimal_params(law: Law, values: dict, flops: Any) -> np.ndarray:
    """N* for each parameter draw: closed form where the law has one, else golden section in log N."""
    from types import SimpleNamespace

    if law.optimum:
        return np.asarray(law.optimum(SimpleNamespace(**{k: np.asarray(v) for k, v in values.items()}), flops)[0])
    return numeric_params(law, values, flops)


def optimum(law: Law, values: dict, flops: float | str) -> dict[str, float]:
    """The compute-optimal params, tokens and their loss under C = 6 N D for given parameters of a law, without intervals.

    Raises InputError for a law not in params and tokens, or a budget that is no positive number.
    """
    if set(law.inputs) != {"params", "tokens"}:
        raise InputError(f"an optimum needs a law in params and tokens; {law.name} takes {', '.join(law.inputs)}")
    budget = parse_positive(flops, "flops")
    n = float(optimal_params(law, dict(values), budget))
    d = budget / (6 * n)
    return {"flops": budget, "params": n, "tokens": d, "loss": float(law(values, params=n, tokens=d))}


def numeric_params(law: Law, values: dict, flops: Any) -> np.ndarray:
    """N* by a grid and golden section over log N between 1 and flops / 6, for any law in params and tokens."""
    draws = {k: np.atleast_1d(np.asarray(v, float))[:, None] for k, v in values.items()}
    top = np.log(flops / 6.0)

    def loss(log_n: np.ndarray) -> np.ndarray:
        n = np.exp(log_n)
        return law(draws, params=n, tokens=flops / (6.0 * n))

    grid = np.linspace(0.0, top, 400)[None, 1:-1]
    with np.errstate(all="ignore"):
        at = np.nan_to_num(loss(grid), nan=np.inf).argmin(axis=1)
        low, high = grid[0, np.maximum(at - 1, 0)], grid[0, np.minimum(at + 1, grid.shape[1] - 1)]
        for _ in range(60):
            a, b = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
            left = loss(a[:, None])[:, 0] < loss(b[:, None])[:, 0]
            high, low = np.where(left, b, high), np.where(left, low, a)
    out = np.exp(0.5 * (low + high))
    return out if np.ndim(next(iter(values.values()))) else out[0]


@dataclass(frozen=True)
class Vote:
    """The best size by one law (or by isoFLOP valleys), and its weight among all."""

    name: str
    params: float
    weight: float


@dataclass(frozen=True)
class Plan(Shown):
    """N*, D*, loss for a FLOP budget and the exponent a of N* in C, each (value, low, high).

    `cost` says what C is. `votes` are those it was averaged from; none where it is that of one law.
    """

    flops: float
    params: tuple[float, float, float]
    tokens: tuple[float, float, float]
    loss: tuple[float, float, float]
    exponent: tuple[float, float, float]
    flat: tuple[float, float]
    factor: float
    level: float
    counts: str
    warnings: tuple[str, ...]
    cost: str = COST
    votes: tuple[Vote, ...] = ()

    @property
    def tokens_per_param(self) -> float:
        return self.tokens[0] / self.params[0]

    def summary(self) -> str:
        def line(name: str, triple: tuple, digits: int = 4) -> str:
            value, low, high = (format_number(v, digits) for v in triple)
            return f"  {name:18} {value}   [{low}, {high}]"

        lines = [
            f"compute-optimal at {self.flops:.3g} FLOP ({self.factor:.3g}x the largest fitted run), {self.level:.0%} intervals",
            line("params", self.params),
            line("tokens", self.tokens),
            line("loss of a new run", self.loss),
            line("a in N* = k C^a", self.exponent),
            f"  {self.tokens_per_param:.1f} tokens per parameter; within 0.5 % of the best loss: "
            f"{format_number(self.flat[0])} to {format_number(self.flat[1])} params",
            f"  counted as {self.counts}: C = {self.cost}",
            *self._voted(),
        ]
        return "\n".join(lines + [f"warning: {w}" for w in self.warnings])

    def _voted(self) -> list[str]:
        if not self.votes:
            return ["  of this law alone: the intervals take its form for right; a plan from the runs themselves asks every law"]
        best = sorted(self.votes, key=lambda v: -v.weight)[:SHOWN]
        head = f"  averaged over {len(self.votes)} ways to tell the best size:"
        return [head, *(f"  {v.weight:4.0%}  {v.name}: {format_number(v.params, 3)}" for v in best)]

    def to_dict(self) -> dict:
        return vars(self) | {"tokens_per_param": self.tokens_per_param}


def plan(
    source: Fit | Runs | Any,
    flops: float | str,
    level: float = 0.9,
    unique_tokens: float | str | None = None,
    progress: Callable[[float], None] | None = None,
) -> Plan:
    """The compute-optimal size and data for a budget, from a table of runs, or from a fit in params and tokens.

    From runs no law is chosen: every law of the forecaster says where its valley lies at the budget, and what they disagree
    about is part of the interval (docs/plans.md). From a fit the intervals come from its resampled draws and take the law for
    right. That of the loss is for a new run. `unique_tokens` says how many distinct tokens exist: a plan that asks for more
    says so. `progress` is called with the share of the work that is done.
    Raises InputError for a law without both inputs, runs that do not tell size from data, or a budget that is no positive number.
    """
    if not isinstance(source, Fit):
        from .automatic import plan_runs

        runs = source if isinstance(source, Runs) else read(source)
        return plan_runs(runs, flops, level, unique_tokens, progress)
    return _of_law(source, flops, level, unique_tokens)


def _of_law(fit: Fit, flops: float | str, level: float, unique_tokens: float | str | None) -> Plan:
    if set(fit.law.inputs) != {"params", "tokens"}:
        raise InputError(f"a plan needs a law in params and tokens; {fit.law.name} takes {', '.join(fit.law.inputs)}")
    ends = tails(level)
    budget = parse_positive(flops, "flops")
    best = float(optimal_params(fit.law, dict(fit.params), budget))
    if not (best >= 1 and budget / (6 * best) >= 1):
        raise InputError(f"a budget of {budget:.3g} FLOP buys no model: less than one parameter or one token")
    drawn = np.asarray(optimal_params(fit.law, fit.draws.params, budget))
    nearby = np.asarray(optimal_params(fit.law, fit.draws.params, budget * 1.1))
    slopes = np.log(nearby / drawn) / np.log(1.1)
    slope = float(np.log(float(optimal_params(fit.law, dict(fit.params), budget * 1.1)) / best) / np.log(1.1))
    predicted = fit.predict(interval=level, params=best, tokens=budget / (6 * best))
    n_low, n_high = np.quantile(drawn, ends)
    a_low, a_high = np.quantile(slopes, ends)
    factor = budget / fit.ranges["flops"][1]
    return Plan(
        budget,
        (best, float(n_low), float(n_high)),
        (budget / (6 * best), float(budget / (6 * n_high)), float(budget / (6 * n_low))),
        (float(predicted.value), float(predicted.low), float(predicted.high)),
        (slope, float(a_low), float(a_high)),
        _flat(fit, best, budget),
        factor,
        level,
        fit.counts,
        _warnings(fit, best, budget, (n_low, n_high), factor) + too_little(budget / (6 * best), unique_tokens),
    )


def _flat(fit: Fit, best: float, budget: float, share: float = 0.005) -> tuple[float, float]:
    """The range of N whose loss stays within `share` of the best at this budget."""
    n = best * np.geomspace(1e-3, 1e3, 4001)
    n = n[(n > 1) & (n < budget / 6)]
    loss = fit.law(fit.params, params=n, tokens=budget / (6 * n))
    good = n[loss <= (1 + share) * loss.min()]
    return float(good.min()), float(good.max())


def _warnings(fit: Fit, best: float, budget: float, ends: tuple, factor: float) -> tuple[str, ...]:
    out = list(fit.undecided)
    low, high = fit.ranges["params"]
    if factor > 10:
        out.append(f"{factor:.3g}x beyond the data: intervals assume that the law still holds there")
    for name, value, (least, most) in (
        ("N*", best, (low, high)),
        ("D*", budget / (6 * best), fit.ranges["tokens"]),
    ):
        if factor <= 1 and not least < value < most:
            out.append(f"{name} = {format_number(value)} lies outside the fitted {format_number(least)} to {format_number(most)}")
    if ends[1] > WIDE * ends[0]:
        out.append(f"undecided: the interval of N* spans more than a factor {WIDE:g}; runs off the optimum would narrow it")
    return tuple(out)


def too_little(tokens: float, unique: float | str | None) -> tuple[str, ...]:
    if unique is None or tokens <= (have := parse_positive(unique, "unique_tokens")):
        return ()
    epochs = f"{tokens / have:.3g} epochs"
    found = f"{format_number(tokens)} tokens asked for, {format_number(have)} distinct ones exist: {epochs}"
    return (f"{found}, each worth less than the last; data_limited plans for that",)
