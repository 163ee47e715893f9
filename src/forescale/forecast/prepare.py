"""From a table of runs and a target to questions: which columns are inputs, what orders rows, what is left out and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import InputError
from ..quantities import parse_number
from ..runs import Runs
from .general import is_resource
from .local import run_share
from .question import ALONG, Question, alike, several

EARLY = 0.1  # share of a run's tokens whose checkpoints are left out (Hitchhiker's guide, arXiv:2410.11840)
FEWEST = 4
UNLIKE = 1.0  # standard deviation of log tokens per parameter among runs of like compute, beyond which it is said
UNTOLD = 0.2  # share of the variance of log compute that inputs may leave open where targets are placed by what they tell of it
SHARES = {"share", "shares", "proportion", "proportions", "fraction", "fractions", "frac", "mixture"}
SHARED = 4.0  # times the variance that rows trained apart would give the means of runs: taken for checkpoints above it
LOGS = 2.5  # one standard deviation of a linear input counts as so many natural logarithms


@dataclass(frozen=True)
class Asked:
    """Questions by group, `points` as they were asked, `shift` (what was added to make targets positive) and notes on all.

    `own` are notes on single groups, in their order.
    """

    points: Mapping[str, np.ndarray]
    groups: tuple[str, ...]
    questions: tuple[Question, ...]
    shift: float
    notes: tuple[str, ...]
    own: tuple[tuple[str, ...], ...]


def prepare(runs: Runs, target: str, at: Mapping[str, Any], group: str | None = None, scale: str | None = None) -> Asked:
    """`at` gives each input's target values (numbers, texts such as 70B, lists; they broadcast).

    flops beside other inputs only orders the rows. `scale` names another column to order by.
    Raises InputError for a missing column, too few rows, or an input that never varies.
    """
    points = {k: _values(v, k, runs) for k, v in at.items()}
    if not points:
        raise InputError("say what to forecast, for example params=70e9, tokens=1.4e12")
    shape = np.broadcast_shapes(*(v.shape for v in points.values()))
    points = {k: np.broadcast_to(v, shape).astype(float) for k, v in points.items()}
    order = scale or ("flops" if "flops" in points and len(points) > 1 else None)
    inputs = tuple(k for k in points if k != order)
    x = np.stack(list(runs.numbers(inputs).values()), axis=1)
    y = runs[target]
    if np.asarray(y).dtype.kind != "f":
        raise InputError(f"{runs.source}: column {target!r} is not numeric")
    notes: list[str] = []
    keep = _usable(runs, x, y, target, notes) & _late(runs, inputs, notes)
    notes += _unlike(runs, inputs, keep, target)
    shift = 0.0
    if (y[keep] <= 0).any():
        low, high = float(y[keep].min()), float(y[keep].max())
        shift = (high - low) - low
        notes.append(f"{target} has values at or below zero (least {low:.4g}): forecast as {target} + {shift:.4g}")
    x_new = np.stack([points[n] for n in inputs], axis=1)
    asked = {n: points[n] for n in inputs}
    inputs, x, x_new = _linear(inputs, x, x_new, keep, notes)
    size, size_new = _scale(runs, x, x_new, inputs, order, points)
    names = [""] if group is None else [str(g) for g in dict.fromkeys(runs[group].tolist())]
    label = None if group is None else np.array([str(g) for g in runs[group].tolist()])
    questions, told = [], "run" in runs.columns
    for name in names:
        own = keep if label is None else keep & (label == name)
        where = f" of {group} {name!r}" if name else ""
        if own.sum() < FEWEST:
            raise InputError(f"{runs.source}: {own.sum()} usable rows{where}; a forecast needs at least {FEWEST}; add runs")
        for j, n in enumerate(inputs):
            if np.ptp(x[own, j]) == 0:
                raise InputError(
                    f"{runs.source}: every row{where} has {n} = {x[own, j][0]:g}; its effect cannot be learned: "
                    f"add runs that differ in {n}, or leave {n} out"
                )
        run = several(runs["run"][own].astype(str)) if told else None
        q = Question(inputs, x[own], y[own] + shift, size[own], x_new, size_new, run)
        questions.append(q if told else recognised(q))
    said = tuple(() if told else _recognised(q) for q in questions)
    return Asked(asked, tuple(names), tuple(questions), shift, tuple(notes), said)


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
    listed = value if isinstance(value, (list, tuple, np.ndarray)) else [value]
    out = np.array([parse_number(v, name) if isinstance(v, str) else float(v) for v in listed])
    signed = name in runs.columns and runs.columns[name].dtype.kind == "f" and (runs.columns[name] <= 0).any()
    if not (np.isfinite(out).all() and (signed or (out > 0).all())):
        raise InputError(f"{name} must be positive and finite, got {value!r}")
    return out


def _usable(runs: Runs, x: np.ndarray, y: np.ndarray, target: str, notes: list[str]) -> np.ndarray:
    good = np.isfinite(y) & np.isfinite(x).all(axis=1)
    if not good.all():
        notes.append(f"{(~good).sum()} rows left out: {target} or an input missing or not finite")
    return good


def _linear(inputs: tuple[str, ...], x: np.ndarray, x_new: np.ndarray, keep: np.ndarray, notes: list[str]) -> tuple:
    """Inputs that have no logarithm or are one already (zeros, shares of a mixture, names such as log_flops) enter as
    exp of the standardised value: what is a power of other inputs is an exponential of these. Shares of a mixture sum to one, or
    are called so and never sum to more."""
    rows = x[keep]
    bad = (rows <= 0).any(axis=0)
    bad |= np.array([n.lower().startswith("log") for n in inputs])
    shares = ((rows >= 0) & (rows <= 1)).all(axis=0)
    called = shares & np.array([bool(SHARES & set(n.lower().split("_"))) for n in inputs])
    for some, least in ((shares, 1.0), (called, 0.0)):
        total = rows[:, some].sum(axis=1)
        if some.sum() > 1 and (total > least - 1e-3).all() and (total < 1 + 1e-3).all():
            bad |= some
    names, x, x_new = list(inputs), x.copy(), x_new.copy()
    for j in np.flatnonzero(bad):
        middle, wide = rows[:, j].mean(), rows[:, j].std() or 1.0
        slope = LOGS / wide
        names[j] = f"exp({slope:.4g}*({inputs[j]}-{middle:.4g}))"
        x[:, j], x_new[:, j] = np.exp(slope * (x[:, j] - middle)), np.exp(slope * (x_new[:, j] - middle))
    if bad.any():
        notes.append(f"{', '.join(inputs[j] for j in np.flatnonzero(bad))}: taken as linear, not as logarithm")
    return tuple(names), x, x_new


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


def _unlike(runs: Runs, inputs: tuple[str, ...], keep: np.ndarray, target: str) -> list[str]:
    """Says so where flops alone is asked of runs that spend the same compute in different ways."""
    if inputs != ("flops",) or not {"params", "tokens"} <= set(runs.columns):
        return []
    split = runs.numbers(("flops", "params", "tokens"))
    c, n, d = (np.log(np.where(v > 0, v, np.nan))[keep] for v in split.values())
    known = np.isfinite(c + n + d)
    if known.sum() < FEWEST:
        return []
    ratio, at = (d - n)[known], c[known] - c[known].mean()
    off = ratio - ratio.mean() - at * (at @ ratio) / max(float(at @ at), 1e-12)
    if off.std() < UNLIKE:
        return []
    return [
        f"runs of the same flops differ {np.exp(2 * off.std()):.2g}-fold in tokens per parameter (one standard deviation either "
        f"way): this is the {target} of a usual run, not of the best; give params and tokens, or keep the best run of each scale"
    ]


def _scale(runs: Runs, x, x_new, inputs, order: str | None, points: Mapping) -> tuple[np.ndarray, np.ndarray]:
    """What orders rows: compute where it is known, else the product of the inputs that are extrapolated."""
    if order and order in points and order in runs.columns:
        return runs[order].astype(float), points[order]
    if order and order not in points:
        raise InputError(f"scale {order!r} needs its value at the target: give {order}=...")
    told = "flops" in runs.columns and "flops" not in points and not {"params", "tokens"} <= set(inputs)
    if told and (known := _compute(runs, x, x_new)):
        return known
    logs, logs_new = np.log(np.where(x > 0, x, np.nan)), np.log(x_new)
    if len(inputs) == 1:
        sign = np.ones(1) if np.median(logs_new) >= np.nanmedian(logs) else -np.ones(1)
    elif {"params", "tokens"} <= set(inputs):
        sign = np.array([float(n in ("params", "tokens")) for n in inputs])
    else:
        sign = np.array([float(is_resource(n)) for n in inputs])
        sign[[n == "width" and "depth" in inputs for n in inputs]] = 2.0  # parameters go as depth times width squared
        if not sign.any():  # unknown inputs: those that are extrapolated, in the direction they are
            sign = 1.0 * (logs_new.max(axis=0) > np.nanmax(logs, axis=0)) - 1.0 * (logs_new.min(axis=0) < np.nanmin(logs, axis=0))
    size, size_new = np.exp(logs @ sign), np.exp(logs_new @ sign)
    if {"params", "tokens"} <= set(inputs):
        if "flops" in runs.columns:  # the table's own accounting orders its rows; targets follow at its usual ratio to 6ND
            ratio = float(np.nanmedian(runs["flops"] / (6 * size)))
            return runs["flops"].astype(float), 6 * size_new * ratio
        return 6 * size, 6 * size_new
    return size, size_new


def _compute(runs: Runs, x: np.ndarray, x_new: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The table's own FLOP of its rows, and by a power law in the inputs that of targets; None where these do not tell it."""
    flops = runs["flops"]
    known = np.isfinite(x).all(axis=1) & (x > 0).all(axis=1)
    if flops.dtype.kind != "f" or not (np.isfinite(flops) & (flops > 0)).all() or known.sum() < FEWEST:
        return None
    logs = np.column_stack([np.ones(len(x)), np.log(np.where(x > 0, x, 1.0))])
    c, root = np.log(flops), np.where(known, (flops / flops.max()) ** 0.25, 0.0)  # weights C^0.5
    by = np.linalg.lstsq(logs * root[:, None], c * root, rcond=None)[0]
    left, spread = (np.average(np.square(v), weights=root**2) for v in (c - logs @ by, c - np.average(c, weights=root**2)))
    if left > UNTOLD * spread:
        return None
    return flops.astype(float), np.exp(by[0] + np.log(x_new) @ by[1:])
