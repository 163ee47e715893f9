"""Rollouts: hold out the largest rows, refit, predict. The origin rolls back so that the distance asked is covered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .candidates import Candidate
from .fitted import Fitted
from .local import level
from .question import Question

MOST = 5  # origins
AT_MOST = 300  # held-out rows judged per origin
THIN = 0.1  # of the spread of all rows in some direction: thinner rows do not show it
SPREAD = 0.05  # log spread of all rows that is meant: less is rounding, as of tokens at a fixed ratio
RUNS, SHARE = 3, 0.5  # fewer whole runs, or a smaller share of the rows, do not hold a law


@dataclass(frozen=True)
class Split:
    """Row numbers fitted and held out, how far the held-out rows reach beyond the fitted ones, or that they lie within.

    `thin`: the fitted rows do not spread in every direction that all rows do.
    """

    fit: np.ndarray
    new: np.ndarray
    factor: float
    within: bool = False
    thin: bool = False


def origins(q: Question) -> list[Split]:
    """Back-tests like the targets: for those that lie within the rows every fifth row is held out in turn; for the others the
    held-out rows lie as far beyond the fitted ones as the targets do, or up to twice that."""
    inside = q.inside
    out = folds(q) if inside.any() else []
    if not inside.all():
        beyond = q.factor[~inside]
        out += roll(q, 2 * max(float(beyond.max()), 1.3), max(1.0, float(beyond.min())))
    return out


def folds(q: Question) -> list[Split]:
    """Five splits into four fifths and one, interleaved along the scale."""
    if len(q.y) < max(6, 2 * q.x.shape[1] + 4):
        return []
    place = np.empty(len(q.y), int)
    place[np.lexsort((*q.x.T, q.scale))] = np.arange(len(q.y)) % MOST
    return [Split(np.flatnonzero(place != k), np.flatnonzero(place == k), 1.0, True) for k in range(MOST)]


def roll(q: Question, farthest: float, gap: float = 1.0) -> list[Split]:
    """Up to five origins from 1.15x to `farthest` below the largest row, each with enough rows left to fit.

    Rows less than `gap` times the largest fitted one are left out of both sides, unless nothing else is there.
    """
    order, need = np.sort(q.scale), max(5, 2 * q.x.shape[1] + 2)
    if len(order) <= need or order[-1] <= order[need - 1] * (1 + 1e-9):
        return []
    top = np.log(order[-1] / order[need - 1])
    out: dict[tuple, Split] = {}
    for cut in np.exp(np.linspace(np.log(1.15), min(np.log(farthest), top), MOST + 1)[1:]):
        fit = _whole(q, q.scale <= order[-1] / cut * (1 + 1e-9), need)
        if fit.sum() < need:
            continue
        last = q.scale[fit].max()
        new = np.flatnonzero(q.scale > last * max(1.0001, min(gap, 0.999 * order[-1] / last)))
        if len(new) > AT_MOST:
            new = new[np.linspace(0, len(new) - 1, AT_MOST).astype(int)]
        if len(new):
            out.setdefault((fit.sum(), len(new)), Split(np.flatnonzero(fit), new, float(order[-1] / last), thin=_thin(q, fit)))
    return list(out.values())


def _thin(q: Question, fit: np.ndarray) -> bool:
    """Whether the rows `fit` hardly spread in some direction that all rows do: those of one budget, or of one batch, say nothing
    of others, and no candidate is to be blamed for it. Of one input few rows show little, but the direction."""
    x = np.log(q.x)
    if x.shape[1] == 1:
        return False
    _, ways = np.linalg.eigh(np.cov(x[fit].T, ddof=0))
    seen, whole = ((rows @ ways).std(axis=0) for rows in (x[fit], x))
    return bool(((seen < THIN * whole) & (whole > SPREAD)).any())


def _whole(q: Question, fit: np.ndarray, need: int) -> np.ndarray:
    """Where targets are new runs, so are those held out: rows of runs that lie in `fit` whole, if they are half of it or more."""
    if not q.fresh.any():
        return fit
    whole = ~np.isin(q.run, q.run[~fit])
    enough = whole.sum() >= max(need, SHARE * fit.sum()) and len(np.unique(q.run[whole])) >= RUNS
    return whole if enough else fit


@dataclass(frozen=True)
class Bank:
    """Log predictions of every candidate that gave finite ones: targets (c, q) and, per origin, log errors (c, m).

    `truth` are the logs of the held-out rows per origin; `ends`, over one input, the log level where the rows end: of the
    whole, then of each origin.
    """

    names: tuple[str, ...]
    target: np.ndarray
    errors: tuple[np.ndarray, ...]
    splits: tuple[Split, ...]
    naive: tuple[bool, ...]
    local: tuple[bool, ...]
    formulas: tuple[str, ...]
    truth: tuple[np.ndarray, ...] = ()
    ends: tuple[float, ...] = ()


def sane(prediction: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Log predictions, kept within twice the measured range below and above it: nothing else is plausible."""
    low, high = np.log(y.min()), np.log(y.max())
    with np.errstate(all="ignore"):
        value = np.log(np.maximum(prediction, 1e-300))
    return np.clip(value, low - 2 * (high - low) - 0.2, high + 2 * (high - low) + 0.2)


def fill(questions: Sequence[Question], stack: Sequence[Candidate], progress=None) -> list[Bank]:
    """Every candidate on every question and on its origins, all of them in one batch per candidate."""
    splits = [origins(q) for q in questions]
    flat = [part for q, own in zip(questions, splits, strict=True) for part in (q, *(q.split(s.fit, s.new) for s in own))]
    found: list[list[Fitted]] = []
    for done, candidate in enumerate(stack):
        before = [found[i] for i, earlier in enumerate(stack[:done]) if earlier.name == candidate.on]
        found.append(candidate.predict(flat, *before))
        if progress:
            progress((done + 1) / len(stack))
    out, at = [], 0
    for q, own in zip(questions, splits, strict=True):
        good = [i for i in range(len(stack)) if np.isfinite(found[i][at].value).all()]
        errors = [
            np.array([missed(found[i][at + j].value, flat[at + j], np.log(q.y[s.new])) for i in good])
            for j, s in enumerate(own, 1)
        ]
        out.append(
            Bank(
                tuple(stack[i].name for i in good),
                np.array([sane(found[i][at].value, q.y) for i in good]),
                tuple(errors),
                tuple(own),
                tuple(stack[i].naive for i in good),
                tuple(stack[i].local for i in good),
                tuple(found[i][at].formula for i in good),
                tuple(np.log(q.y[s.new]) for s in own),
                tuple(level(part) for part in flat[at : at + 1 + len(own)]) if q.x.shape[1] == 1 else (),
            )
        )
        at += 1 + len(own)
    return out


def missed(prediction: np.ndarray, part: Question, truth: np.ndarray) -> np.ndarray:
    """Log errors of a back-test; a candidate that failed there is judged as if it knew nothing."""
    middle = np.exp(np.mean(np.log(part.y)))
    return sane(np.where(np.isfinite(prediction), prediction, middle), part.y) - truth


def extended(bank: Bank, parts: Sequence[Question], name: str, found: Sequence[Fitted]) -> Bank:
    """The bank with one more candidate; `parts` and `found` are the whole question and then its back-tests."""
    whole = parts[0]
    errors = tuple(
        np.vstack([e, missed(f.value, part, np.log(whole.y[s.new]))])
        for e, s, part, f in zip(bank.errors, bank.splits, parts[1:], found[1:], strict=True)
    )
    return Bank(
        (*bank.names, name),
        np.vstack([bank.target, sane(found[0].value, whole.y)]),
        errors,
        bank.splits,
        (*bank.naive, False),
        (*bank.local, False),
        (*bank.formulas, found[0].formula),
        bank.truth,
        bank.ends,
    )
