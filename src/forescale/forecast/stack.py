"""One forecast from many candidates: weights by back-test, a correction for errors that persist, and what to make of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .backtest import Bank
from .question import Question

HARDLY = 0.003  # log error that counts as none: below it candidates are not told apart
SHARP = 1.25  # weight is the back-test error to minus this power: gentle, as errors of candidates partly cancel
FADE = 2.0  # local shapes lose weight as (log distance tested / log distance asked) to this power
PERSIST = 0.5  # share of a persistent back-test error that is taken off the forecast (several inputs)
REALISED = 0.1  # how far from one the realised share of forecast progress is likely to lie (one input)


@dataclass(frozen=True)
class Stacked:
    """Log forecast (q,), weighted spread of the candidates (q,), typical back-test error (q,; nan without origins).

    `weights` (c,) and `losses` (c,), each candidate's typical log error in the back-tests, are means over the targets.
    """

    value: np.ndarray
    spread: np.ndarray
    backtest: np.ndarray
    weights: np.ndarray
    losses: np.ndarray


def combine(q: Question, bank: Bank) -> Stacked:
    """Each target is weighed for itself: origins that reach as far as it does count most.

    Weights fall with a candidate's back-test error, geometric over origins. Errors share a sign within a study more
    often than not. Over one input the forecast progress beyond the last rows is multiplied by the share of it that came
    true in the back-tests, pulled towards one where origins disagree; over several, where targets differ in shape as well,
    half of the mean error over origins is taken off, shrunk towards nothing where origins disagree about it.
    """
    count, size = len(bank.names), len(q.scale_new)
    if not bank.errors:
        even = np.full(count, 1.0 / count)
        value, nothing = np.median(bank.target, axis=0), np.full(count, np.nan)
        return Stacked(value, _spread(bank.target, even), np.full(size, np.nan), even, nothing)
    asked = np.round(np.log(np.maximum(q.factor, 1.2)), 2)
    value, spread, backtest = np.empty(size), np.empty(size), np.empty(size)
    weights, losses = np.zeros(count), np.zeros(count)
    for distance in np.unique(asked):
        at = asked == distance
        near, w, seen = _weigh(bank, distance)
        told = w @ bank.target[:, at]
        value[at] = told - _shift(bank, near, w)
        if bank.ends:
            ahead, end = at & (q.factor > 1.0), bank.ends[0]
            value[ahead] = end + _realised(bank, near, w) * (told[ahead[at]] - end)
        spread[at] = _spread(bank.target[:, at], w)
        backtest[at] = _typical(bank, near, w)
        weights += w * at.mean()
        losses += seen * at.mean()
    return Stacked(value, spread, backtest, weights, losses)


def _weigh(bank: Bank, asked: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How much each origin counts (o,), weights (c,) and typical errors (c,) of the candidates, for one log distance."""
    far = np.array([np.log(s.factor) for s in bank.splits])
    near = np.exp(-np.abs(np.log(np.maximum(far, 0.05) / asked)))
    near /= near.sum()
    losses = sum(a * np.log(np.abs(e).mean(axis=1) + HARDLY) for a, e in zip(near, bank.errors, strict=True))
    fade = min(1.0, far.max() / asked) ** FADE
    weights = np.exp(SHARP * (losses.min() - losses)) * np.where(bank.local, fade, 1.0)
    return near, weights / weights.sum(), np.maximum(np.exp(losses) - HARDLY, 0.0)


def _shift(bank: Bank, near: np.ndarray, weights: np.ndarray) -> float:
    """What is taken off: half of the persistent error of the back-tests."""
    signed = np.array([(weights @ e).mean() for e in bank.errors])
    mean = float(near @ signed)
    apart = np.mean([(_spread(e, weights) ** 2).mean() for e in bank.errors])
    scatter = float(near @ (signed - mean) ** 2 + apart / len(signed)) + 1e-6
    return PERSIST * mean * mean**2 / (mean**2 + scatter)


def _realised(bank: Bank, near: np.ndarray, weights: np.ndarray) -> float:
    """Share of the forecast progress that came true beyond the origins: least squares, pulled to one as by a normal prior."""
    came = np.array([t.mean() - end for t, end in zip(bank.truth, bank.ends[1:], strict=True)])
    told = came + np.array([(weights @ e).mean() for e in bank.errors])
    lever = float(near @ told**2)
    if lever <= 0:
        return 1.0
    share = float(near @ (told * came)) / lever
    unsure = (float(near @ (came - share * told) ** 2) + HARDLY**2) / lever
    return 1.0 + (share - 1.0) * REALISED**2 / (REALISED**2 + unsure)


def _typical(bank: Bank, near: np.ndarray, weights: np.ndarray) -> float:
    typical = np.array([np.sqrt(np.mean((weights @ e) ** 2)) for e in bank.errors])
    return float(np.exp(near @ np.log(typical + 1e-4)))


def _spread(target: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.sqrt(weights @ (target - weights @ target) ** 2)
