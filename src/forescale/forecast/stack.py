"""One forecast from many candidates: weights by back-test, a correction for errors that persist, and what to make of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .question import Question
from .rollout import Bank

HARDLY = 0.003  # log error that counts as none: below it candidates are not told apart
SHARP = 1.25  # weight is the back-test error to minus this power: gentle, as errors of candidates partly cancel
PERSIST = 0.5  # share of a persistent back-test error that is taken off the forecast


@dataclass(frozen=True)
class Stacked:
    """Log forecast (q,), the weighted spread of the candidates (q,), the typical back-test error (nan without origins),
    the correction taken off, and each candidate's weight and typical log error in the back-tests (c,)."""

    value: np.ndarray
    spread: np.ndarray
    backtest: float
    shift: float
    weights: np.ndarray
    losses: np.ndarray


def combine(q: Question, bank: Bank) -> Stacked:
    """Weights fall with a candidate's back-test error, geometric over origins; origins as far out as the target count most.

    Errors share a sign within a study more often than not. Half of the mean error over origins is taken off, shrunk
    towards nothing where origins disagree about it, or where there are few and the candidates disagree.
    """
    count = len(bank.names)
    if not bank.errors:
        even = np.full(count, 1.0 / count)
        value = np.median(bank.target, axis=0)
        return Stacked(value, _spread(bank.target, even), np.nan, 0.0, even, np.full(count, np.nan))
    asked = np.log(max(float(q.factor.max()), 1.2))
    near = np.array([np.exp(-abs(np.log(max(np.log(s.factor), 0.05) / asked))) for s in bank.splits])
    near /= near.sum()
    losses = sum(a * np.log(np.abs(e).mean(axis=1) + HARDLY) for a, e in zip(near, bank.errors, strict=True))
    weights = np.exp(SHARP * (losses.min() - losses))
    weights /= weights.sum()
    signed = np.array([(weights @ e).mean() for e in bank.errors])
    mean = float(near @ signed)
    apart = np.mean([(_spread(e, weights) ** 2).mean() for e in bank.errors])
    scatter = float(near @ (signed - mean) ** 2 + apart / len(signed)) + 1e-6
    shift = PERSIST * mean * mean**2 / (mean**2 + scatter)
    typical = [np.sqrt(np.mean((weights @ e) ** 2)) for e in bank.errors]
    backtest = float(np.exp(near @ np.log(np.array(typical) + 1e-4)))
    seen = np.maximum(np.exp(losses) - HARDLY, 0.0)
    return Stacked(weights @ bank.target - shift, _spread(bank.target, weights), backtest, shift, weights, seen)


def _spread(target: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.sqrt(weights @ (target - weights @ target) ** 2)
