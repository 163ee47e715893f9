"""Targets that cannot cross a value: error rates and accuracies lie between 0 and 1, accuracies in per cent between 0 and 100.

A rate that rises is forecast as what it lacks of its upper end, which falls as a loss does: the same table told as accuracies
or as error rates has one forecast.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

ACCURACIES = {"accuracy", "accuracies", "acc"}
BENCHMARKS = {  # scored by the share of right answers; words of a column's name
    "arc", "bbh", "boolq", "commonsenseqa", "copa", "csqa", "gpqa", "gsm", "hellaswag", "humaneval", "lambada", "mbpp", "mmlu",
    "openbookqa", "piqa", "sciq", "siqa", "triviaqa", "truthfulqa", "winograd", "winogrande",
}  # fmt: skip
LOSSES = {"bpb", "ce", "loss", "losses", "nll", "perplexity", "ppl"}  # what a benchmark's column may hold instead
ERRORS = {"error", "errors", "err"}
NAMES = {"exact_match", "pass_rate", "success_rate", "solve_rate", "win_rate"}


@dataclass(frozen=True)
class Told:
    """What is forecast in a target's place: sign * target + shift, which is positive."""

    sign: float = 1.0
    shift: float = 0.0

    def of(self, y: np.ndarray) -> np.ndarray:
        return self.sign * y + self.shift

    def back(self, v: np.ndarray) -> np.ndarray:
        return self.sign * (v - self.shift)

    def formula(self, text: str) -> str:
        """A formula for what is forecast, as one for the target."""
        return f"{self.shift:g} - ({text})" if self.sign < 0 else f"{text} - {self.shift:.4g}" if self.shift else text

    def name(self, target: str) -> str:
        """What is forecast, in words: `1 - accuracy` for an accuracy that rises."""
        return f"{self.shift:g} - {target}" if self.sign < 0 else f"{target} + {self.shift:.4g}" if self.shift else target


def told(target: str, y: np.ndarray, scale: np.ndarray, high: float | None) -> tuple[Told, list[str]]:
    """How to tell a target y (n,) whose upper end is `high`, where it has one, and a line that says so."""
    from scipy.stats import spearmanr

    if high is not None and np.isfinite(high) and y.max() < high and np.ptp(y) and np.ptp(scale):
        if spearmanr(scale, y).statistic > 0:
            return Told(-1.0, high), [f"{target} rises towards {high:g}: forecast as {Told(-1.0, high).name(target)}"]
    if y.min() > 0:
        return Told(), []
    shift = (float(y.max()) - float(y.min())) - float(y.min())
    line = f"{target} has values at or below zero (least {y.min():.4g}): forecast as {Told(1.0, shift).name(target)}"
    return Told(1.0, shift), [line]


def rate_bounds(target: str, values: np.ndarray) -> tuple[float, float] | None:
    """The ends of a rate, by the words of its name and its values; None for all else (an `error` above one is none)."""
    low = target.lower()
    words, seen = set(re.split(r"[^a-z]+", low)), values[np.isfinite(values)]
    right = words & ACCURACIES or (words & BENCHMARKS and not words & LOSSES)
    if not len(seen) or seen.min() < 0 or not (right or words & ERRORS or low in NAMES):
        return None
    if seen.max() <= 1:
        return 0.0, 1.0
    return (0.0, 100.0) if right and seen.max() <= 100 else None


def perhaps_rate(target: str, y: np.ndarray, scale: np.ndarray) -> list[str]:
    """A line where a target of no known name may be a rate: it rises, between 0 and 1."""
    from scipy.stats import spearmanr

    if not len(y) or y.min() < 0 or y.max() > 1 or not np.ptp(y) or not np.ptp(scale) or spearmanr(scale, y).statistic <= 0:
        return []
    return [f"{target} rises between 0 and 1: if it is a rate such as an accuracy, give its bounds 0 and 1"]
