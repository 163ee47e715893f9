"""One forecast from many candidates: weights by back-test, a correction for errors that persist, and what to make of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .backtest import Bank
from .local import weighted_median
from .question import Question

HARDLY = 0.003  # log error that counts as none: below it candidates are not told apart
SHARP = 1.0  # weight is one over the back-test error to this power: gentle, as errors of candidates partly cancel
WITHIN = 6.0  # the same within the rows, where back-tests are many and like the target
FADE = 2.0  # local shapes lose weight as (log distance tested / log distance asked) to this power
NEXT = 0.05  # log distance of the next row, at least
WILD = 6.0  # typical distances from the weighted median beyond which a candidate is drawn in
PERSIST = 0.5  # share of a persistent back-test error that is taken off the forecast (several inputs)
FARTHER = 1.5  # errors grow with log distance to this power: what a back-test that reaches less far than the target counts as
REALISED = 0.1  # how far from one the realised share of forecast progress is likely to lie (one input)


@dataclass(frozen=True)
class Stacked:
    """Log forecast (q,), weighted spread of the candidates (q,), typical back-test error (q,; nan without origins),
    taken to the distance asked where no origin reaches as far.

    `weights` (c,) and `losses` (c,), each candidate's typical log error in the back-tests, are means over the targets.
    """

    value: np.ndarray
    spread: np.ndarray
    backtest: np.ndarray
    weights: np.ndarray
    losses: np.ndarray


def combine(q: Question, bank: Bank) -> Stacked:
    """Each target is weighed for itself: origins that reach as far as it does count most.

    Weights fall with a candidate's back-test error, geometric over origins. Errors beyond the rows share a sign within a study
    more often than not. Over one input the forecast progress beyond the last rows is multiplied by the share of it that came
    true in the back-tests, pulled towards one where origins disagree; over several, where targets differ in shape as well,
    half of the mean error over origins is taken off, shrunk towards nothing where origins disagree about it. Targets within
    the rows are judged by rows held out in between, more sharply, and nothing is taken off. A candidate that goes far astray
    of the others is drawn in, whatever its back-tests: a law with many parameters can go anywhere beyond the rows.
    """
    count, size = len(bank.names), len(q.scale_new)
    asked = np.where(q.inside, 0.0, np.round(np.log(np.maximum(q.factor, 1.2)), 2))
    value, spread, backtest = np.empty(size), np.empty(size), np.empty(size)
    weights, losses = np.zeros(count), np.zeros(count)
    for distance in np.unique(asked):
        at = asked == distance
        every, near = (_near(bank, distance, thin) for thin in (True, False))
        w, seen = _judge(bank, near, distance)
        backtest[at] = _typical(bank, every, w) * _short(bank, every, distance)
        target = _tamed(bank.target[:, at], w)
        told = w @ target if near.any() else np.median(target, axis=0)
        value[at], spread[at] = told, _spread(bank.target[:, at], w)
        if distance and near.any():
            value[at] = _corrected(bank, near, w, told, q.factor[at])
        weights += w * at.mean()
        losses += seen * at.mean()
    return Stacked(value, spread, backtest, weights, losses)


def _near(bank: Bank, asked: float, thin: bool) -> np.ndarray:
    """How much each origin counts for a target at this log distance (0: within the rows); all zero where there is none.

    `thin` ones show how wrong a forecast can be, but not which candidate to trust, nor which way errors lean.
    """
    fits = np.array([s.within == (asked == 0) and (thin or not s.thin) for s in bank.splits], bool)
    far = np.array([np.log(s.factor) for s in bank.splits])
    near = np.where(fits, np.exp(-np.abs(np.log(np.maximum(far, NEXT) / asked))) if asked else 1.0, 0.0)
    return near / max(near.sum(), 1e-300)


def _judge(bank: Bank, near: np.ndarray, asked: float) -> tuple[np.ndarray, np.ndarray]:
    """Weights (c,) and typical errors (c,) of the candidates; nan without origins."""
    count = len(bank.names)
    if not near.any():
        return np.full(count, 1.0 / count), np.full(count, np.nan)
    losses = sum(a * np.log(np.abs(e).mean(axis=1) + HARDLY) for a, e in zip(near, bank.errors, strict=True))
    if asked:
        far = max(np.log(s.factor) for s, a in zip(bank.splits, near, strict=True) if a > 0)
        fade = np.where(bank.local, min(1.0, far / asked) ** FADE, 1.0)
        weights = np.exp(SHARP * (losses.min() - losses)) * fade
    else:
        weights = np.exp(WITHIN * (losses.min() - losses))
    return weights / weights.sum(), np.maximum(np.exp(losses) - HARDLY, 0.0)


def _typical(bank: Bank, near: np.ndarray, weights: np.ndarray) -> float:
    """The stack's own typical error in the back-tests; nan without any."""
    if not near.any():
        return np.nan
    typical = np.array([np.sqrt(np.mean((weights @ e) ** 2)) for e in bank.errors])
    return float(np.exp(near @ np.log(typical + 1e-4)))


def _short(bank: Bank, near: np.ndarray, asked: float) -> float:
    """What back-tests that reach less far than this log distance must be multiplied with: of few sizes, none may reach far."""
    if not asked or not near.any():
        return 1.0
    tested = np.exp(near @ np.log(np.maximum(np.log([s.factor for s in bank.splits]), NEXT)))
    return max(1.0, asked / float(tested)) ** FARTHER


def _corrected(bank: Bank, near: np.ndarray, weights: np.ndarray, told: np.ndarray, factor: np.ndarray) -> np.ndarray:
    shifted = told - _shift(bank, near, weights)
    if not bank.ends:
        return shifted
    end = bank.ends[0]
    return np.where(factor > 1.0, end + _realised(bank, near, weights) * (told - end), shifted)


def _shift(bank: Bank, near: np.ndarray, weights: np.ndarray) -> float:
    """What is taken off: half of the persistent error of the back-tests."""
    signed = np.array([(weights @ e).mean() for e in bank.errors])
    mean = float(near @ signed)
    scatter = float(near @ (signed - mean) ** 2) + _apart(bank, near, weights) + 1e-6
    return PERSIST * mean * mean**2 / (mean**2 + scatter)


def _realised(bank: Bank, near: np.ndarray, weights: np.ndarray) -> float:
    """Share of the forecast progress that came true beyond the origins: least squares, pulled to one as by a normal prior."""
    came = np.array([t.mean() - end for t, end in zip(bank.truth, bank.ends[1:], strict=True)])
    told = came + np.array([(weights @ e).mean() for e in bank.errors])
    lever = float(near @ told**2)
    if lever <= 0:
        return 1.0
    share = float(near @ (told * came)) / lever
    unsure = (float(near @ (came - share * told) ** 2) + _apart(bank, near, weights) + HARDLY**2) / lever
    return 1.0 + (share - 1.0) * REALISED**2 / (REALISED**2 + unsure)


def _apart(bank: Bank, near: np.ndarray, weights: np.ndarray) -> float:
    """What the candidates' disagreement leaves open about the mean error: its variance over the number of origins."""
    seen = [(_spread(e, weights) ** 2).mean() for e, a in zip(bank.errors, near, strict=True) if a > 0]
    return float(np.mean(seen) / len(seen))


def _tamed(target: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Candidates' log forecasts (c, q) within WILD typical distances of their weighted median."""
    middle = weighted_median(target, weights)
    reach = WILD * (1.4826 * weighted_median(np.abs(target - middle), weights) + HARDLY)
    return np.clip(target, middle - reach, middle + reach)


def _spread(target: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.sqrt(weights @ (target - weights @ target) ** 2)
