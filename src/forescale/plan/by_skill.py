"""Every skill has an optimum of its own: what a mix of validation sets does to the planned size. arXiv:2503.10061."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..fit import Fit, fit
from ..law import Law
from ..quantities import format_number, parse_positive, tails
from ..runs import Runs
from ..shown import Shown
from .optimum import numeric_params, optimal_params

STEP = 0.1  # of the weight, moved to one skill to see what it pulls


@dataclass(frozen=True)
class Skills(Shown):
    """Compute-optimal parameters (value, low, high) at `flops` for each skill alone and for their mix.

    `pull` is the factor by which N* of the mix changes when a tenth of the weight moves to a skill, `spread` the largest N* of
    a skill over the least: how far the choice of validation set alone can move the plan.
    """

    flops: float
    params: Mapping[str, tuple[float, float, float]]
    weights: Mapping[str, float]
    mix: tuple[float, float, float]
    pull: Mapping[str, float]
    spread: float
    level: float
    factor: float
    warnings: tuple[str, ...]

    def summary(self) -> str:
        lines = [
            f"compute-optimal size at {self.flops:.3g} FLOP by skill, {self.level:.0%} intervals ({self.factor:.3g}x the data)"
        ]
        wide = max(map(len, (*self.params, "mix")))
        for name, triple in sorted(self.params.items(), key=lambda p: -p[1][0]):
            value, low, high = map(format_number, triple)
            ratio = self.flops / (6 * triple[0] ** 2)
            extra = f"weight {self.weights[name]:.0%}; a tenth more of it: N* x{self.pull[name]:.3f}"
            lines.append(f"  {name:{wide}} {value:>6} [{low}, {high}], {ratio:.3g} tokens per parameter; {extra}")
        value, low, high = map(format_number, self.mix)
        lines.append(f"  {'mix':{wide}} {value:>6} [{low}, {high}]; the skills lie a factor {self.spread:.3g} apart")
        lines.append("  intervals take the law's form for right; forescale plan asks every law, one skill at a time")
        return "\n".join(lines + [f"warning: {w}" for w in self.warnings])


def fit_skills(law: Law, runs: Runs, by: str, **options: Any) -> dict[str, Fit]:
    """One fit of a law in params and tokens for each entry of column `by` (a validation set, a task)."""
    names = np.asarray(runs[by]).astype(str)
    return {name: fit(law, runs.where(names == name), **options) for name in dict.fromkeys(names.tolist())}


def skills(fits: Mapping[str, Fit], flops: float | str, weights: Mapping[str, float] | None = None, level: float = 0.9) -> Skills:
    """The optimum of each skill and of the weighted sum of their losses (default: equal weights, which are made to add up to 1).

    Raises InputError for fewer than two skills, laws not in params and tokens, or weights for other skills or not above zero.
    """
    if len(fits) < 2:
        raise InputError(f"{len(fits)} skill: two or more are needed to see what their mix does")
    for name, one in fits.items():
        if set(one.law.inputs) != {"params", "tokens"}:
            raise InputError(
                f"skill {name}: a law in params and tokens is needed; {one.law.name} takes {', '.join(one.law.inputs)}"
            )
    share = dict.fromkeys(fits, 1.0) if weights is None else dict(weights)
    if set(share) - set(fits) or not all(np.isfinite(w) and w >= 0 for w in share.values()) or sum(share.values()) <= 0:
        raise InputError(f"weights must name skills among {', '.join(fits)} and be zero or more, not all zero; got {share}")
    total = sum(share.values())
    share = {k: share.get(k, 0.0) / total for k in fits}
    budget = parse_positive(flops, "flops")
    ends = tails(level)
    alone = {}
    for name, one in fits.items():
        drawn = np.asarray(optimal_params(one.law, one.draws.params, budget))
        best = float(optimal_params(one.law, dict(one.params), budget))
        alone[name] = (best, *map(float, np.quantile(drawn, ends)))
    best = _of_mix(fits, share, budget)
    drawn = _of_mix(fits, share, budget, drawn=True)
    moved = {k: {j: (1 - STEP) * w + STEP * (j == k) for j, w in share.items()} for k in fits}
    factor = budget / max(one.ranges["flops"][1] for one in fits.values())
    sizes = [v[0] for v in alone.values()]
    return Skills(
        budget,
        alone,
        share,
        (float(best), *map(float, np.quantile(drawn, ends))),
        {k: float(_of_mix(fits, w, budget) / best) for k, w in moved.items()},
        max(sizes) / min(sizes),
        level,
        factor,
        _warnings(alone, factor),
    )


def _of_mix(fits: Mapping[str, Fit], share: Mapping[str, float], budget: float, drawn: bool = False) -> np.ndarray:
    """N* of the weighted loss, for the fits themselves or for each of their draws; skills are drawn independently."""
    some = {k: f for k, f in fits.items() if share[k] > 0}
    count = min(len(next(iter(f.draws.params.values()))) for f in some.values()) if drawn else 0
    rng = np.random.default_rng(0)
    values = {}
    for k, f in some.items():
        order = rng.permutation(count)
        values |= {(k, p): np.asarray(f.draws.params[p])[order] if drawn else v for p, v in f.params.items()}

    def loss(p: Mapping, **x: Any) -> np.ndarray:
        return sum(share[k] * f.law({n: p[k, n] for n in f.law.names}, **x) for k, f in some.items())

    return np.asarray(numeric_params(loss, values, budget))


def _warnings(alone: Mapping[str, tuple[float, float, float]], factor: float) -> tuple[str, ...]:
    out = []
    if factor > 10:
        out.append(f"{factor:.3g}x beyond the data: intervals assume that the laws still hold there")
    highest_low, lowest_high = max(v[1] for v in alone.values()), min(v[2] for v in alone.values())
    if highest_low <= lowest_high:
        out.append("undecided: the intervals of all skills overlap; these runs do not show that their optima differ")
    return tuple(out)
