"""The three approaches to compute-optimal size side by side, and what all laws and valleys together say.

Approach 1 is the frontier, 2 the valleys of isoFLOP runs (three ways), 3 a parametric law.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import FitError, InputError
from ..fit import fit
from ..quantities import format_number
from ..runs import Runs
from ..runs.alike import apart
from ..shown import Shown
from .hardware import budget
from .optimum import plan
from .valleys import METHODS, IsoFlop, frontier_exponent, isoflop, one_ladder, parabola_shift


@dataclass(frozen=True)
class Approaches(Shown):
    """`exponents` of N* in C by approach: (value, low, high), NaN ends where an approach has no interval. `params`: the same
    of N* at the budget.

    `shift` is what a parabola adds to log N* on these sizes if the fitted law is right, a mean over budgets.
    """

    exponents: Mapping[str, tuple[float, float, float]]
    params: Mapping[str, tuple[float, float, float]]
    valleys: Mapping[str, IsoFlop]
    failed: Mapping[str, str]
    flops: float | None
    factor: float | None
    shift: float | None
    counts: str
    warnings: tuple[str, ...]

    def summary(self) -> str:
        lines = [f"a in N* = k C^a, 90 % intervals; counted as {self.counts}"]
        if self.flops:
            lines[0] += f"; N* at {self.flops:.3g} FLOP, {self.factor:.3g}x the dearest run"
        for name, (a, low, high) in self.exponents.items():
            interval = f"[{low:.3f}, {high:.3f}]" if np.isfinite(low) else ""
            lines.append(f"  {name:28} {a:.3f}  {interval:16} {_size(self.params.get(name))}".rstrip())
        lines += [f"  {name:28} cannot say: {why}" for name, why in self.failed.items()]
        if self.shift is not None:
            lines.append(f"a parabola's bottom lies {np.expm1(self.shift):+.1%} off on these sizes if the fitted law is right")
        return "\n".join([*lines, *(f"warning: {w}" for w in self.warnings)])

    def to_dict(self) -> dict:
        out = {k: v for k, v in vars(self).items() if k != "valleys"}
        for part in ("exponents", "params"):
            out[part] = {k: [v if np.isfinite(v) else None for v in t] for k, t in getattr(self, part).items()}
        return out | {"valleys": {k: v.to_dict() for k, v in self.valleys.items()}}


def _size(triple: tuple[float, float, float] | None) -> str:
    if triple is None:
        return ""
    value, low, high = (format_number(v) if np.isfinite(v) else "" for v in triple)
    return f"{value:6} [{low}, {high}]" if low else value


def approaches(runs: Runs, flops: float | str | None = None) -> Approaches:
    """Every approach that these runs allow; those they do not allow say why. `flops` asks for N* at a budget."""
    c, runs = budget(flops).flops if flops is not None else None, runs.filled(("params", "flops"))
    exponents: dict[str, tuple[float, float, float]] = {}
    params: dict[str, tuple[float, float, float]] = {}
    failed: dict[str, str] = {}
    valleys: dict[str, IsoFlop] = {}
    try:
        if said := one_ladder(runs):
            raise InputError(said)
        a, k = frontier_exponent(runs)
        exponents["1 frontier"] = (a, np.nan, np.nan)
        if c:
            params["1 frontier"] = (k * c**a, np.nan, np.nan)
    except InputError as error:
        failed["1 frontier"] = str(error)
    for method in METHODS:
        name = f"2 isoFLOP, {method}"
        try:
            valleys[method] = isoflop(runs, method, level=0.9)
        except InputError as error:
            failed[name] = str(error)
            continue
        exponents[name] = valleys[method].exponent
        if c:
            params[name] = valleys[method].params_at(c)
    shift = None
    top = float(np.max(runs["flops"]))
    try:
        from .. import laws

        found = fit(laws.get("chinchilla"), runs, resamples=300)
        if found.weak:
            raise FitError(found.weak)
        best = plan(found, c or top)
        exponents["3 parametric law"] = best.exponent
        if c:
            params["3 parametric law"] = best.params
        if "parabola" in valleys:
            shift = _shift(found, runs, valleys["parabola"])
    except (InputError, FitError) as error:
        failed["3 parametric law"] = str(error)
    try:
        best = plan(runs, c or top)
        exponents["all together"] = best.exponent
        if c:
            params["all together"] = best.params
    except InputError as error:
        failed["all together"] = str(error)
    if not exponents:
        whose = {why: ", ".join(k for k, v in failed.items() if v == why) for why in failed.values()}
        raise InputError(f"no approach works on these runs: {'; '.join(f'{k}: {why}' for why, k in whose.items())}")
    mixed = apart(runs, ("params", "flops"), np.ones(len(runs), bool), "loss")
    notes = [f"{mixed}; give one arm or setting, or the best rows (Runs.best, --best)"] if mixed else []
    return Approaches(exponents, params, valleys, failed, c, c / top if c else None, shift, runs.counts, (*runs.warnings, *notes))


def _shift(found, runs: Runs, valleys: IsoFlop) -> float:
    size, flops = np.asarray(runs["params"], float), np.asarray(runs["flops"], float)
    out = []
    for c in valleys.flops:
        mine = np.log(size[np.abs(np.log(flops / c)) < 0.02])
        centre = np.log(plan(found, c).params[0])
        out.append(parabola_shift(found.params["alpha"], found.params["beta"], mine - centre))
    return float(np.mean(out))
