"""rollout(runs, ...): the table every comparison uses. Hold out the largest, refit, predict, for each method alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..law import Law
from ..quantities import tails
from ..runs import Runs, read
from ..shown import Shown
from .backtest import roll, sane
from .calibrate import shipped
from .candidates import candidates
from .odd import sound
from .prepare import prepare
from .solve import solve
from .threads import one_thread

BINS = ((1.0, 3.0, "1-3x"), (3.0, 10.0, "3-10x"), (10.0, np.inf, ">10x"))
AUTOMATIC = "automatic forecast"


@dataclass(frozen=True)
class Line:
    """One method in one bin of extrapolation: rows judged, mean absolute relative error, share inside the interval."""

    method: str
    factor: str
    rows: int
    error: float
    coverage: float | None
    naive: bool


@dataclass(frozen=True)
class Rollout(Shown):
    """Errors by method and by how far beyond the fitted rows. Every method saw the same rows at every origin."""

    lines: tuple[Line, ...]
    origins: int
    level: float
    warnings: tuple[str, ...]
    target: str = "loss"  # as it is told: errors of an accuracy that rises are those of 1 - accuracy

    def summary(self) -> str:
        bins = [name for *_, name in BINS if any(x.factor == name for x in self.lines)]
        wide = max(len(x.method) for x in self.lines)
        head = f"{'method':{wide}}  " + "  ".join(f"{b:>8}" for b in bins)
        table = {(x.method, x.factor): x for x in self.lines}
        mean = {
            m: np.mean([table[m, b].error for b in bins if (m, b) in table]) for m in dict.fromkeys(x.method for x in self.lines)
        }
        lines = [f"{self.origins} origins; mean absolute relative error of {self.target} in held-out rows by distance", head]
        for method in sorted(mean, key=mean.__getitem__):
            cells = (f"{table[method, b].error:8.2%}" if (method, b) in table else " " * 8 for b in bins)
            note = "  (naive)" if any(x.naive for x in self.lines if x.method == method) else ""
            lines.append(f"{method:{wide}}  " + "  ".join(cells) + note)
        inside = [f"{b} {table[AUTOMATIC, b].coverage:.0%}" for b in bins if (AUTOMATIC, b) in table]
        lines.append(f"its {self.level:.0%} interval held: " + ", ".join(inside))
        return "\n".join(lines + [f"warning: {w}" for w in self.warnings])

    def to_dict(self) -> dict:
        return {
            "target": self.target,
            "origins": self.origins,
            "level": self.level,
            "lines": [vars(x) for x in self.lines],
            "warnings": list(self.warnings),
        }


@one_thread
def rollout(
    runs: Runs | Any,
    inputs: Sequence[str] = ("params", "tokens"),
    *,
    target: str = "loss",
    laws: Sequence[Law] = (),
    farthest: float = 30.0,
    interval: float = 0.9,
    progress: Callable[[float], None] | None = None,
) -> Rollout:
    """Judge the automatic forecast, every candidate, the naive baselines and the user's laws by held-out larger rows.

    Origins lie up to `farthest` below the largest row. The automatic forecast at an origin sees the rows below it only,
    its own back-tests included.
    """
    tails(interval, "interval")
    if not isinstance(runs, Runs):
        runs = read(runs, only=(target, *inputs))
    everything = runs.numbers(tuple(inputs))
    top = {k: [float(v.max())] for k, v in everything.items()}
    asked = prepare(runs, target, top, own_terms=bool(laws))
    whole = asked.questions[0]
    splits = roll(whole, farthest)
    if not splits:
        raise InputError(f"{runs.source}: {len(whole.y)} rows leave none to hold out; a rollout needs more rows or more scales")
    raw = [whole.split(s.fit, s.new) for s in splits]
    parts = [sound(part) for part in raw]
    fewer = sum(len(a.y) > len(b.y) for a, b in zip(raw, parts, strict=True))
    notes = (f"rows far worse than all others say are left out of the fits at {fewer} of {len(splits)} origins",) if fewer else ()
    stack = candidates(whole.inputs, target, [asked.told.law(law) for law in laws], asked.told.rises)
    solved = solve(parts, stack, progress)
    able = {name for s in solved for name in s.names}  # some are for shares alone, or need more rows
    errors: dict[str, list] = {}
    inside, factors, naive = [], [], {}
    for part, split, s in zip(parts, splits, solved, strict=True):
        truth = np.log(whole.y[split.new])
        half = shipped().size(s.features) * shipped().quantile(interval)
        errors.setdefault(AUTOMATIC, []).append(np.abs(np.expm1(s.value - truth)))
        inside.append(np.abs(s.value - truth) <= half)
        factors.append(part.factor)
        rows = dict(zip(s.names, s.target, strict=True))
        blank = sane(np.full(len(truth), np.exp(np.mean(np.log(part.y)))), part.y)
        for c in (c for c in stack if c.name in able):
            naive[c.name] = c.naive
            own = rows.get(c.name, blank)
            errors.setdefault(c.name, []).append(np.abs(np.expm1(np.where(np.isfinite(own), own, blank) - truth)))
    factor, held = np.concatenate(factors), np.concatenate(inside)
    lines = []
    for method, parts_of in errors.items():
        error = np.concatenate(parts_of)
        for low, high, name in BINS:
            at = (factor > low) & (factor <= high)
            if at.any():
                cover = float(held[at].mean()) if method == AUTOMATIC else None
                lines.append(Line(method, name, int(at.sum()), float(error[at].mean()), cover, naive.get(method, False)))
    return Rollout(tuple(lines), len(splits), interval, tuple((*runs.warnings, *asked.notes, *notes)), asked.told.name(target))
