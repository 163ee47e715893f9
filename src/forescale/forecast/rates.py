"""Targets that cannot cross a value: error rates and accuracies lie between 0 and 1, accuracies in per cent between 0 and 100."""

from __future__ import annotations

import re

import numpy as np

ACCURACIES = {"accuracy", "accuracies", "acc"}
WORDS = ACCURACIES | {"error", "errors", "err"}
NAMES = {"exact_match", "pass_rate", "success_rate", "solve_rate", "win_rate"}


def rate_bounds(target: str, values: np.ndarray) -> tuple[float, float] | None:
    """The ends of a rate, by the words of its name and its values; None for all else (an `error` above one is none)."""
    low = target.lower()
    words, seen = set(re.split(r"[^a-z]+", low)), values[np.isfinite(values)]
    if not len(seen) or seen.min() < 0 or not (words & WORDS or low in NAMES):
        return None
    if seen.max() <= 1:
        return 0.0, 1.0
    return (0.0, 100.0) if words & ACCURACIES and seen.max() <= 100 else None
