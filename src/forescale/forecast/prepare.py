"""From a table of runs and a target to questions: which columns are inputs, what orders rows, what is left out and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError
from ..quantities import parse_number
from ..runs import Runs
from ..runs.alike import best as best_of
from .inputs import by_compute, by_ratio, is_spare, linear, ordered
from .local import run_share
from .question import ALONG, Question, alike, several
from .rates import Told, lacking, rate_bounds, told
from .unlike import unlike

EARLY = 0.1  # share of a run's tokens whose checkpoints are left out (Hitchhiker's guide, arXiv:2410.11840)
FEWEST = 3
SHARED = 4.0  # times the variance that rows trained apart would give the means of runs: taken for checkpoints above it


@dataclass(frozen=True)
class Asked:
    """Questions by group, `points` (what was asked, or what it tells), how the target is told, its ends, notes on all.

    `own` are notes on single groups, in their order.
    """

    points: Mapping[str, np.ndarray]
    groups: tuple[str, ...]
    questions: tuple[Question, ...]
    told: Told
    ends: tuple[float, float] | None
    notes: tuple[str, ...]
    own: tuple[tuple[str, ...], ...]


def prepare(
    runs: Runs,
    target: str,
    at: Mapping[str, Any],
    group: str | None = None,
    scale: str | None = None,
    bounds: tuple[float, float] | None = None,
    own_terms: bool = False,
    best: bool = False,
) -> Asked:
    """`at` gives each input's target values (numbers, texts such as 70B, lists; they broadcast).

    flops beside params, or beside tokens, tells the other; beside both it only orders the rows, as a column named by `scale`
    does. tokens_per_param beside params tells the tokens. `bounds` are the target's ends, where its name does not tell them.
    `own_terms` leaves inputs that are accuracies as they are. `best` keeps the best of the rows alike in all inputs.
    Raises InputError for a missing column, too few rows, or an input that never varies.
    """
    points = {k: _values(v, k, runs) for k, v in at.items()}
    if not points:
        raise InputError("say what to forecast, for example params=70e9, tokens=1.4e12")
    shape = np.broadcast_shapes(*(v.shape for v in points.values()))
    points = {k: np.broadcast_to(v, shape).astype(float) for k, v in points.items()}
    notes: list[str] = []
    runs, points = by_ratio(runs, points, notes)
    points = by_compute(runs, points, notes)
    order = scale or ("flops" if is_spare(points) else None)
    inputs = tuple(k for k in points if k != order)
    x = np.stack(list(runs.numbers(inputs).values()), axis=1)
    y = runs[target]
    if np.asarray(y).dtype.kind != "f":
        raise InputError(f"{runs.source}: column {target!r} is not numeric")
    keep = _usable(runs, x, y, target, notes) & _late(runs, inputs, notes)
    ends = bounds or rate_bounds(target, y)
    if best and keep.any():
        form = told(target, y[keep], x[keep].prod(axis=1), ends, inputs)[0]
        keep, said = best_of(runs, inputs, keep, target, form.rises or form.sign < 0, group)
        notes += said
    notes += unlike(runs, inputs, keep, target, group)
    x_new = np.stack([points[n] for n in inputs], axis=1)
    asked = {n: points[n] for n in inputs}
    if ends and np.isfinite(ends[1]) and keep.any() and not own_terms:
        inputs, x, x_new = lacking(inputs, x, x_new, keep)
    inputs, x, x_new = linear(inputs, x, x_new, keep, notes)
    size, size_new = ordered(runs, x, x_new, inputs, order, points)
    form, lines = told(target, y[keep], size[keep], ends, inputs) if keep.any() else (Told(), [])
    notes += lines
    names = [""] if group is None else [str(g) for g in dict.fromkeys(runs[group].tolist())]
    label = None if group is None else np.array([str(g) for g in runs[group].tolist()])
    questions, known = [], "run" in runs.columns
    for name in names:
        own = keep if label is None else keep & (label == name)
        where = f" of {group} {name!r}" if name else ""
        if own.sum() < FEWEST:
            raise InputError(f"{runs.source}: {own.sum()} usable rows{where}; a forecast needs at least {FEWEST}; add runs")
        if np.ptp(y[own]) == 0:
            raise InputError(
                f"{runs.source}: every row{where} has {target} = {y[own][0]:g}; how it changes cannot be learned: add runs "
                "that differ (a score that is still zero: forescale passk)"
            )
        for j, n in enumerate(inputs):
            if np.ptp(x[own, j]) == 0:
                raise InputError(
                    f"{runs.source}: every row{where} has {n} = {x[own, j][0]:g}; its effect cannot be learned: "
                    f"add runs that differ in {n}, or leave {n} out"
                )
        run = several(runs["run"][own].astype(str)) if known else None
        q = Question(inputs, x[own], form.of(y[own]), size[own], x_new, size_new, run, form.whole(ends))
        questions.append(q if known else recognised(q))
    if not own_terms and all(q.on_one_line for q in questions):
        notes.append(f"{' and '.join(asked)} move together, and so does what is asked: forecast along their line")
        questions = [q.along() for q in questions]
    said = tuple(() if known else _recognised(q) for q in questions)
    return Asked(asked, tuple(names), tuple(questions), form, ends, tuple(notes), said)


def recognised(q: Question) -> Question:
    """The question with its runs, where a table names none: rows alike in all inputs but tokens that share far more noise than
    rows trained apart would. Grids of rows trained apart stay as they are."""
    run = alike(q.inputs, q.x)
    if run is None:
        return q
    found = replace(q, run=run)
    return found if run_share(found) > SHARED else q


def _recognised(q: Question) -> tuple[str, ...]:
    if q.run is None or not q.fresh.any():
        return ()
    along = next(n for n in q.inputs if n in ALONG)
    return (
        f"rows that differ in {along} alone go along smoothly, like checkpoints of one run: taken for {q.run.max() + 1} runs, "
        "which are held out whole; a column 'run' tells better",
    )


def _values(value: Any, name: str, runs: Runs) -> np.ndarray:
    listed = [value] if np.ndim(value) == 0 else list(value)
    out = np.array([parse_number(v, name) if isinstance(v, str) else float(v) for v in listed])
    if not out.size:
        raise InputError(f"{name} has no value to forecast at; give one or more")
    signed = name in runs.columns and runs.columns[name].dtype.kind == "f" and (runs.columns[name] <= 0).any()
    if not (np.isfinite(out).all() and (signed or (out > 0).all())):
        raise InputError(f"{name} must be positive and finite, got {value!r}")
    return out


def _usable(runs: Runs, x: np.ndarray, y: np.ndarray, target: str, notes: list[str]) -> np.ndarray:
    good = np.isfinite(y) & np.isfinite(x).all(axis=1)
    if not good.all():
        notes.append(f"{(~good).sum()} rows left out: {target} or an input missing or not finite")
    return good


def _late(runs: Runs, inputs: Sequence[str], notes: list[str]) -> np.ndarray:
    """Leave out the first tenth of each run where rows are checkpoints of several runs."""
    everything = np.ones(len(runs), bool)
    along = next((c for c in ALONG if c in runs.columns), None)
    if "run" not in runs.columns or along is None or along not in inputs:
        return everything
    _, index, count = np.unique(runs["run"].astype(str), return_inverse=True, return_counts=True)
    if len(count) < 2 or np.median(count) < 3:
        return everything
    top = np.zeros(len(count))
    np.maximum.at(top, index, runs[along])
    late = runs[along] >= EARLY * top[index]
    if not late.all():
        notes.append(f"{(~late).sum()} checkpoints from the first tenth of their run left out")
    return late
