"""From log-probabilities to accuracy, step by step, and what each step costs in predictability. arXiv:2406.04391."""

from __future__ import annotations

import numpy as np

from ..errors import InputError


def metric_chain(log_p: np.ndarray, correct: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of each item at every step of the chain.

    `log_p` (items, choices): log-probability of every choice over the whole vocabulary; `correct` (items,): index of
    the right one. Returns log_p_correct, p_correct, p_choices (right choice among the choices), brier (sum of squares,
    lower is better), accuracy (ties count as wrong), each (items,).
    """
    log_p, correct = np.asarray(log_p, float), np.asarray(correct)
    if log_p.ndim != 2 or correct.shape != log_p.shape[:1]:
        raise InputError(f"log_p must be (items, choices) and correct (items,); got {log_p.shape} and {correct.shape}")
    bad = np.isnan(log_p) | (log_p > 1e-9)
    if bad.any():
        item, choice = np.argwhere(bad)[0]
        what = f"log_p of item {item + 1}, choice {choice + 1} is {log_p[item, choice]:g}"
        raise InputError(f"{what}: a log-probability is at most 0 ({bad.sum()} such of {bad.size})")
    if np.any((correct < 0) | (correct >= log_p.shape[1])):
        raise InputError(f"correct must name one of {log_p.shape[1]} choices, from 0")
    rows = np.arange(len(log_p))
    among = np.exp(log_p - np.logaddexp.reduce(log_p, axis=1, keepdims=True))
    right = np.zeros_like(log_p)
    right[rows, correct] = 1.0
    others = np.where(right > 0, -np.inf, log_p).max(axis=1)
    return {
        "log_p_correct": log_p[rows, correct],
        "p_correct": np.exp(log_p[rows, correct]),
        "p_choices": among[rows, correct],
        "brier": np.square(among - right).sum(axis=1),
        "accuracy": (log_p[rows, correct] > others).astype(float),
    }


def scale_correlation(scores: np.ndarray, flops: np.ndarray) -> np.ndarray:
    """Spearman's correlation of every item's score with compute: `scores` (models, items), `flops` (models,).

    Items whose score never changes get NaN: they say nothing. The spread over items is what each step of the chain widens.
    """
    from scipy.stats import rankdata

    ranks = rankdata(np.asarray(scores, float), axis=0)
    x = rankdata(np.asarray(flops, float))
    if len(x) != len(ranks) or len(x) < 3:
        raise InputError(f"{len(ranks)} models in scores and {len(x)} in flops; three or more of both are needed")
    ranks, x = ranks - ranks.mean(axis=0), x - x.mean()
    size = np.sqrt(np.square(ranks).sum(axis=0) * np.square(x).sum())
    return np.divide(ranks.T @ x, size, out=np.full(ranks.shape[1], np.nan), where=size > 0)
