"""Rows that are no evidence: runs that diverged or were hardly tuned, told from what all the other rows say.

One such run at the large end pulls every candidate with it, whatever its weight. Only what is worse counts as odd: a run that
is better than foretold was not an accident.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from ..quantities import format_number
from .question import Question
from .rates import Told
from .surface import left_out

OFF = 6.0  # standard deviations off what all others say
WORSE = 0.02  # and at least so much in the log
FEWEST = 12  # rows; fewer cannot tell
SHARE = 0.05  # of the rows; more of them are the shape of the data, not accidents
TREND = 0.5  # rank correlation with scale that tells which way is progress


def odd(q: Question) -> np.ndarray:
    """Which rows are far worse than all others say (n,)."""
    none = np.zeros(len(q.y), bool)
    if len(q.y) < FEWEST or np.ptp(q.y) == 0 or np.ptp(q.scale) == 0:
        return none
    trend = spearmanr(q.scale, q.y).statistic
    if not abs(trend) >= TREND:
        return none
    off, by = left_out(q)
    worse = -np.sign(trend)
    found = (worse * off > OFF) & (worse * by > WORSE)
    return found if found.sum() <= max(1, SHARE * len(q.y)) else none


def sound(q: Question) -> Question:
    """The question without its odd rows."""
    return without(q, odd(q))


def without(q: Question, out: np.ndarray) -> Question:
    return q.only(~out) if out.any() else q


def named(q: Question, out: np.ndarray, target: str, told: Told, most: int = 3) -> str:
    """One line that names the rows left out."""
    rows, at = np.flatnonzero(out), []
    for i in rows[:most]:
        inputs = ", ".join(f"{n} {format_number(v, 3)}" for n, v in zip(q.inputs, q.x[i], strict=True))
        at.append(f"{target} {told.back(q.y[i]):.4g} at {inputs}")
    more = f" and {len(rows) - most} more" if len(rows) > most else ""
    return f"left out, far worse than all other rows say (diverged, not tuned?): {'; '.join(at)}{more}; keep_odd keeps them"
