"""forecast(runs, **target): the automatic forecaster. No law is chosen by the user; many are weighed by back-test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import InputError
from ..law import Law
from ..quantities import tails
from ..runs import Runs, read
from .calibrate import Calibration, shipped
from .candidates import candidates
from .general import is_linear
from .inputs import is_spare
from .odd import named, odd, without
from .prepare import Asked, prepare
from .question import LINE, Question
from .result import Forecast, Member
from .solve import Solved, solve

UNTESTED = 2.0  # times the log distance of the farthest back-test: of targets beyond it the width is said to be extrapolated
FAR = 100.0  # beyond this factor no study at hand could test the intervals
HUGE = 700.0  # logs that still have a number
WIDE = np.log(1.5)  # a half-width beyond a factor 1.5 either way: not predictable from these rows


def forecast(
    runs: Runs | Any,
    *,
    target: str | Sequence[str] = "loss",
    interval: float = 0.9,
    bounds: tuple[float, float] | None = None,
    laws: Sequence[Law] = (),
    group: str | None = None,
    scale: str | None = None,
    keep_odd: bool = False,
    best: bool = False,
    calibration: Calibration | None = None,
    progress: Callable[[float], None] | None = None,
    **at: Any,
) -> Forecast | dict[str, Forecast]:
    """Forecast `target` at given inputs, for example forecast(runs, params="70B", tokens="1.4T").

    The inputs named are the inputs used. `target` is any numeric column (error rates and scores too), or several: then a dict of
    forecasts. A column `run` tells which rows are checkpoints of one run: they are no independent evidence on a new one. Targets
    asked together share their back-tests. `group` forecasts every group of a column, also as a dict; three or more groups of
    one input try each other's exponent. `bounds` are values that cannot be crossed; those of error rates and accuracies are
    known by their names. `laws` adds laws of the user's own to the stack. Runs that are far worse than all others say (diverged,
    not tuned) are left out and named, unless `keep_odd`. `best` keeps, of rows alike in all inputs (a sweep of learning rates),
    the lowest, or highest if the target rises: a forecast of the best run instead of a usual one.
    Raises InputError for unusable data; a target that cannot be predicted comes back flagged, with a wide interval.
    """
    tails(interval, "interval")
    if not isinstance(target, str):
        options = {"interval": interval, "bounds": bounds, "laws": laws, "group": group, "scale": scale}
        options |= {"keep_odd": keep_odd, "best": best}
        every = {"calibration": calibration, "progress": progress, **options, **at}
        return {name: forecast(runs, target=name, **every) for name in target}
    if bounds is not None and not bounds[0] < bounds[1]:
        raise InputError(f"bounds need a lower and a higher end, got {bounds}")
    if not isinstance(runs, Runs):
        runs = read(runs, only=(target, *(k for k in at if k != "flops" or not is_spare(at))))
    asked = prepare(runs, target, at, group, scale, bounds, own_terms=bool(laws), best=best)
    asked = asked if keep_odd else cleaned(asked, target)
    inputs = asked.questions[0].inputs
    for law in laws:
        if law.inputs != ("x",) and not set(law.inputs) <= set(inputs):
            raise InputError(f"law {law.name} takes {', '.join(law.inputs)}; the target gives {', '.join(inputs)}")
    solved = solve(
        asked.questions,
        candidates(inputs, target, [asked.told.law(law) for law in laws], asked.told.rises),
        progress,
        groups=group is not None,
    )
    rule = calibration or shipped()
    found = {
        name: _answer(q, s, rule, interval, target, asked, (*runs.warnings, *asked.notes, *own), runs.sha256)
        for name, q, s, own in zip(asked.groups, asked.questions, solved, asked.own, strict=True)
    }
    return found if group is not None else found[""]


def cleaned(asked: Asked, target: str) -> Asked:
    """Without the rows that are far worse than all others say, which are named."""
    out = [odd(q) for q in asked.questions]
    found = list(zip(asked.questions, out, asked.own, strict=True))
    own = tuple((*n, named(q, o, target, asked.told)) if o.any() else n for q, o, n in found)
    return replace(asked, questions=tuple(without(q, o) for q, o, _ in found), own=own)


def _answer(q: Question, s: Solved, rule: Calibration, level: float, target: str, asked: Asked, notes, sha) -> Forecast:
    back = lambda log: asked.told.back(np.exp(np.minimum(log, HUGE)))
    size = rule.size(s.features)
    half, joint = size * rule.quantile(level), size * rule.quantile(level, len(q.scale_new))
    low, high = asked.ends or (-np.inf, np.inf)
    free = [back(s.value + side * asked.told.sign * h) for h in (half, joint) for side in (-1, 1)]
    if any(((v < low) | (v > high)).any() for v in free):
        notes = (*notes, f"{target} is kept between {low:g} and {high:g}; other bounds can be given")
    # a rate that rises is judged by its own size: 1 to 10 % right is a wide answer though 90 to 99 % wrong is not
    spans = np.exp(np.minimum(2 * half, HUGE))
    if asked.told.sign < 0:
        spans = np.minimum(free[1], high) / np.clip(free[0], max(low, 1e-3 * high), high)
    members = tuple(
        Member(n, back(v), float(w), float(e), naive, formula)
        for n, v, w, e, naive, formula in zip(s.names, s.target, s.weights, s.losses, s.naive, s.formulas, strict=True)
    )
    names = tuple(asked.points) if len(q.inputs) == len(asked.points) else q.inputs
    best = max((m for m in members if m.formula), key=lambda m: m.weight, default=None)
    return Forecast(
        target,
        dict(asked.points),
        *(np.clip(v, low, high) for v in (back(s.value), *free)),
        level,
        q.factor,
        q.places(names),
        members,
        asked.told.formula(best.formula) if best else "",
        len(q.y),
        int(s.origins.max()),
        _flags(q, s, np.log(spans) / 2, names),
        tuple(notes),
        sha,
    )


def _flags(q: Question, s: Solved, half: np.ndarray, names: Sequence[str]) -> tuple[str, ...]:
    out = []
    if half.max() > WIDE:
        out.append(
            f"not predictable from these runs: the interval spans a factor {np.exp(2 * half.max()):.2g}; take it as 'undecided'"
        )
    if not s.origins.all():
        out.append("too few rows to hold any out: the width rests on the spread of the candidates alone")
    elif not np.isfinite(s.losses).any():
        out.append(
            "with the largest rows held out the others vary in one direction alone (one budget, one setting?), so that no "
            "candidate could be judged: all weigh the same; add runs of another budget or setting"
        )
    out += _untested(q, s)
    if q.factor.max() > FAR:
        out.append(f"{q.factor.max():.3g}x beyond the data: no study we calibrate on reaches beyond about {FAR:.0f}x")
    out += [f"{w}: farther than any study we calibrate on; is the target in the units of the table?" for w in _far_off(q)]
    return tuple(out + _design_flags(q, names))


def _untested(q: Question, s: Solved) -> list[str]:
    """Whether a target lies much farther out than any back-test reaches."""
    far = (np.log(np.maximum(q.factor, 1.0)) > UNTESTED * np.log(s.tested)) & (s.origins > 0)
    if not far.any():
        return []
    i = int(np.argmax(np.where(far, q.factor, 0.0)))
    return [
        f"back-tests reach {s.tested[i]:.2g}x beyond the rows they are made from, the target lies {q.factor[i]:.3g}x beyond: "
        "the width is extrapolated; smaller runs, farther down, would test it"
    ]


def _far_off(q: Question) -> list[str]:
    """Inputs of a target, in words, that lie more than FAR times below or above the data where its scale does not."""
    out = []
    for j, name in enumerate(q.inputs):
        value, x = q.x_new[:, j], q.x[:, j]
        if not is_linear(name) and q.factor.max() <= FAR:
            out += [f"{name} {x.min() / value.min():.3g}x below the data"] if value.min() < x.min() / FAR else []
            out += [f"{name} {value.max() / x.max():.3g}x above the data"] if value.max() > x.max() * FAR else []
    return out


def _design_flags(q: Question, names: Sequence[str]) -> list[str]:
    """What this design cannot tell, and which runs would; `names` of the inputs as they were asked."""
    out = []
    for j, (name, own) in enumerate(zip(names, q.inputs, strict=True)):
        off = np.abs(np.log(q.x_new[:, None, j] / q.x[None, :, j])).min(axis=1)
        if own in q.few and off.max() > 1e-3:  # at a value that was measured its bend does not matter
            out.append(f"{name} has two values only: its curvature is not identified; add a third")
    if q.x.shape[1] > 1:
        u = np.log(q.x) - np.log(q.x).mean(axis=0)
        value, vector = np.linalg.eigh(np.corrcoef(u.T))
        moved = np.abs((np.log(q.x_new) - np.log(q.x).mean(axis=0)) / u.std(axis=0) @ vector[:, 0])
        if value[0] < LINE and moved.max() > 3 * np.sqrt(max(value[0], 1e-6)):
            worst = np.argsort(-np.abs(vector[:, 0]))[:2]
            a, b = (names[i] for i in sorted(worst))
            out.append(
                f"{a} and {b} move together in these runs (they are nearly one line), and the target lies off it: "
                f"the law is not identified there; add runs with {a} up and {b} down, and the reverse"
            )
    return out
