"""One forecast from many candidates: weights by back-test, a correction for errors that persist, and what to make of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .backtest import Bank
from .question import Question

HARDLY = 0.003  # log error that counts as none: below it candidates are not told apart
SHARP = 1.25  # weight is the back-test error to minus this power: gentle, as errors of candidates partly cancel
FADE = 2.0  # local shapes lose weight as (log distance tested / log distance asked) to this power
PERSIST = 0.5  # share of a persistent back-test error that is taken off the forecast


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
    often than not: half of the mean error over origins is taken off, shrunk towards nothing where origins disagree
    about it, or where there are few and the candidates disagree.
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
        w, seen, shift, backtest[at] = _judge(bank, distance)
        value[at], spread[at] = w @ bank.target[:, at] - shift, _spread(bank.target[:, at], w)
        weights += w * at.mean()
        losses += seen * at.mean()
    return Stacked(value, spread, backtest, weights, losses)


def _judge(bank: Bank, asked: float) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Weights (c,), typical errors (c,), correction and the stack's own typical error, for one log distance."""
    far = np.array([np.log(s.factor) for s in bank.splits])
    near = np.exp(-np.abs(np.log(np.maximum(far, 0.05) / asked)))
    near /= near.sum()
    losses = sum(a * np.log(np.abs(e).mean(axis=1) + HARDLY) for a, e in zip(near, bank.errors, strict=True))
    fade = min(1.0, far.max() / asked) ** FADE
    weights = np.exp(SHARP * (losses.min() - losses)) * np.where(bank.local, fade, 1.0)
    weights /= weights.sum()
    signed = np.array([(weights @ e).mean() for e in bank.errors])
    mean = float(near @ signed)
    apart = np.mean([(_spread(e, weights) ** 2).mean() for e in bank.errors])
    scatter = float(near @ (signed - mean) ** 2 + apart / len(signed)) + 1e-6
    shift = PERSIST * mean * mean**2 / (mean**2 + scatter)
    typical = np.array([np.sqrt(np.mean((weights @ e) ** 2)) for e in bank.errors])
    return weights, np.maximum(np.exp(losses) - HARDLY, 0.0), shift, float(np.exp(near @ np.log(typical + 1e-4)))


def _spread(target: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.sqrt(weights @ (target - weights @ target) ** 2)
