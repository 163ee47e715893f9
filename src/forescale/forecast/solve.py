"""Questions to answers: every way in which targets leave the rows has back-tests, weights and widths of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .backtest import Bank, fill
from .calibrate import features
from .candidates import Candidate
from .question import Question
from .shared import share
from .stack import combine
from .threads import one_thread


@dataclass(frozen=True)
class Solved:
    """Log forecast (q,) and features of its width (q, 6); log forecasts of the candidates (c, q), nan where one gave none.

    `weights` (c,) and `losses` (c,; typical log errors in the back-tests) are means over the targets. `origins` counts the
    back-tests behind each target (q,), `tested` is how far the farthest of them reaches (q,; a factor, 1 without any).
    """

    value: np.ndarray
    features: np.ndarray
    names: tuple[str, ...]
    target: np.ndarray
    weights: np.ndarray
    losses: np.ndarray
    naive: tuple[bool, ...]
    formulas: tuple[str, ...]
    origins: np.ndarray
    tested: np.ndarray


@one_thread
def solve(questions: Sequence[Question], stack: Sequence[Candidate], progress=None, groups: bool = False) -> list[Solved]:
    """Answers to questions of the same inputs, all of them in one batch per candidate.

    `groups`: the questions are groups of one table; over one input they share exponents along the scale.
    """
    views = [(i, at, view) for i, q in enumerate(questions) for at, view in q.views()]
    banks = fill([view for *_, view in views], stack, progress)
    if groups:
        along = [k for k, (i, _, view) in enumerate(views) if view.scale is questions[i].scale]
        for k, bank in zip(along, share([views[k][2] for k in along], [banks[k] for k in along]), strict=True):
            banks[k] = bank
    parts: list[list[tuple]] = [[] for _ in questions]
    for (i, at, view), bank in zip(views, banks, strict=True):
        parts[i].append((at, view, bank))
    return [_joined(len(q.scale_new), own) for q, own in zip(questions, parts, strict=True)]


def _joined(size: int, parts: Sequence[tuple[np.ndarray, Question, Bank]]) -> Solved:
    found = {name: (naive, formula) for *_, b in parts for name, naive, formula in zip(b.names, b.naive, b.formulas, strict=True)}
    names, shape = tuple(found), (len(found), size)
    value, wide, origins, tested = np.empty(size), np.empty((size, 6)), np.empty(size, int), np.empty(size)
    target, weights, losses = np.full(shape, np.nan), np.zeros(shape), np.full(shape, np.nan)
    for at, view, bank in parts:
        s = combine(view, bank)
        own = np.ix_([names.index(n) for n in bank.names], at)
        value[at], wide[at], origins[at] = s.value, features(view, s), len(bank.errors)
        tested[at] = max((split.factor for split in bank.splits), default=1.0)
        target[own], weights[own], losses[own] = bank.target, s.weights[:, None], s.losses[:, None]
    judged = np.isfinite(losses)
    mean = np.where(judged, losses, 0.0).sum(axis=1) / np.where(judged.any(axis=1), judged.sum(axis=1), np.nan)
    naive, formulas = zip(*found.values(), strict=True)
    return Solved(value, wide, names, target, weights.mean(axis=1), mean, naive, formulas, origins, tested)
