"""A whole configuration for a budget: shape, tokens and loss, with FLOP counted as one likes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ..errors import InputError
from ..fit import Fit
from ..law import Law
from ..quantities import format_number, tails
from ..shown import Shown
from .hardware import Budget, budget
from .shape import Shape, shape_for

SIZES_PER_DECADE = 40


@dataclass(frozen=True)
class Configuration(Shown):
    """The best shape found; `params`, `tokens` and `loss` are (value, low, high), `flat` the sizes within `within` of the
    best loss. `params` is N as the law counts it."""

    shape: Shape
    params: tuple[float, float, float]
    tokens: tuple[float, float, float]
    loss: tuple[float, float, float]
    flat: tuple[float, float]
    within: float
    spent: Budget
    counting: str
    context: int
    factor: float | None
    counts: str
    warnings: tuple[str, ...]

    def summary(self) -> str:
        def line(name: str, triple: tuple, form: Any) -> str:
            value, low, high = (form(v) for v in triple)
            return f"  {name:7} {value}" + (f"   [{low}, {high}]" if low != high else "   (no interval: published values)")

        size = lambda v: format_number(v, 4)
        lines = [
            self.spent.summary(),
            f"  {self.shape.summary()}",
            line("params", self.params, size),
            line("tokens", self.tokens, size),
            line("loss", self.loss, lambda v: f"{v:.4f}"),
            f"  within {self.within:.1%} of the best loss: {format_number(self.flat[0])} to {format_number(self.flat[1])} params",
            f"  FLOP counted by {self.counting} at context {self.context}; N and D as {self.counts}",
        ]
        if self.factor:
            lines.append(f"  {self.factor:.3g}x the largest fitted run")
        return "\n".join([*lines, *(f"warning: {w}" for w in self.warnings)])

    def to_dict(self) -> dict:
        return vars(self) | {"shape": vars(self.shape) | {"params": self.shape.params}, "spent": self.spent.to_dict()}


@cache
def _shapes(low: float, high: float, options: tuple) -> tuple[Shape, ...]:
    out = []
    for size in np.geomspace(low, high, int(SIZES_PER_DECADE * np.log10(high / low)) + 2):
        try:
            found = shape_for(float(size), **dict(options), tolerance=0.1)
        except InputError:
            continue
        if not out or found != out[-1]:
            out.append(found)
    return tuple(out)


def configure(
    source: Fit | Law,
    flops: float | str,
    *,
    values: Mapping[str, float] | None = None,
    counting: str | Callable[[Shape], float] = "6nd",
    context: int = 2048,
    embeddings: bool = True,
    level: float = 0.9,
    within: float = 0.005,
    **shape_options: Any,
) -> Configuration:
    """The shape of least loss for a budget (FLOP, or a text such as '30 days on 512 H100').

    `source` is a fit or a law with `values`, in params and tokens; `counting` is 6nd, kaplan, chinchilla or palm, or a function
    of the shape giving training FLOP per token as measured; `embeddings` says whether the law's N holds them. Raises
    InputError where no shape fits the options.
    """
    law = source.law if isinstance(source, Fit) else source
    if set(law.inputs) != {"params", "tokens"}:
        raise InputError(f"a configuration needs a law in params and tokens; {law.name} takes {', '.join(law.inputs)}")
    spent, ends = budget(flops), tails(level)
    middle = np.sqrt(spent.flops / 120)
    shapes = _shapes(max(middle / 100, 1e5), min(middle * 100, 2e13), tuple(sorted(shape_options.items())))
    if not shapes:
        raise InputError("no shape fits these options near the sizes this budget asks for")
    n = np.array([s.params if embeddings else s.params_blocks for s in shapes], float)
    per_token = counting if callable(counting) else lambda s: s.train_flops_per_token(counting, context)
    d = spent.flops / np.array([per_token(s) for s in shapes])
    name = "measured" if callable(counting) else counting
    point = dict(source.params) if isinstance(source, Fit) else dict(values or {})
    loss = law(point, params=n, tokens=d)
    best = int(loss.argmin())
    flat = n[loss <= (1 + within) * loss[best]]
    triples = [(v, v, v) for v in (n[best], d[best], float(loss[best]))]
    if isinstance(source, Fit):
        triples = _intervals(source, n, d, best, level, ends)
    factor = spent.flops / source.ranges["flops"][1] if isinstance(source, Fit) else None
    counts = source.counts if isinstance(source, Fit) else law.source.counts
    return Configuration(
        shapes[best], *triples, (float(flat.min()), float(flat.max())), within, spent, name, context, factor, counts,
        (*(source.undecided if isinstance(source, Fit) else ()), *_warnings(best, len(n), factor, triples[0])),
    )  # fmt: skip


def _intervals(fit: Fit, n: np.ndarray, d: np.ndarray, best: int, level: float, ends: tuple) -> list[tuple[float, float, float]]:
    drawn = fit.law({k: v[:, None] for k, v in fit.draws.params.items()}, params=n, tokens=d).argmin(axis=1)
    predicted = fit.predict(interval=level, params=n[best], tokens=d[best])
    sizes, tokens = ((float(v[best]), *(float(q) for q in np.quantile(v[drawn], ends))) for v in (n, d))
    return [sizes, tokens, (float(predicted.value), float(predicted.low), float(predicted.high))]


def _warnings(best: int, count: int, factor: float | None, sizes: tuple) -> tuple[str, ...]:
    out = []
    if best in (0, count - 1):
        out.append("the best shape lies at the edge of those tried: the law's optimum is far from twenty tokens per parameter")
    if factor and factor > 10:
        out.append(f"{factor:.3g}x beyond the data: intervals assume that the law still holds there")
    if sizes[2] > 10 * sizes[1]:
        out.append("undecided: the interval of the size spans more than a factor 10")
    return tuple(out)


def penalty(
    source: Fit | Law, flops: float | str, ratio: Any, values: Mapping[str, float] | None = None
) -> dict[str, np.ndarray]:
    """What leaving the optimum costs: loss at `ratio` tokens per parameter and the same 6 N D, and compute to make up for it.

    Returns arrays like `ratio`: params, tokens, loss, excess (relative to the best loss), compute (multiple of the budget at
    which the optimum would have only this loss: below one is compute wasted).
    """
    from .optimum import optimum

    law = source.law if isinstance(source, Fit) else source
    point = dict(source.params) if isinstance(source, Fit) else dict(values or {})
    c, m = budget(flops).flops, np.atleast_1d(np.asarray(ratio, float))
    if not (m > 0).all():
        raise InputError("tokens per parameter must be above zero")
    n = np.sqrt(c / (6 * m))
    loss, best = law(point, params=n, tokens=m * n), optimum(law, point, c)["loss"]
    grid = np.geomspace(1e-6, 1, 200)
    along = np.array([optimum(law, point, c * g)["loss"] for g in grid])
    compute = np.exp(np.interp(-loss, -along, np.log(grid), left=np.nan))
    return {"params": n, "tokens": m * n, "loss": loss, "excess": loss / best - 1, "compute": np.minimum(compute, 1.0)}
