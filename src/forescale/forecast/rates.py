"""Targets that cannot cross a value: error rates and accuracies lie between 0 and 1, accuracies in per cent between 0 and 100.

A rate that rises is forecast as what it lacks of its upper end, which falls as a loss does: the same table told as accuracies
or as error rates has one forecast.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..law import Law
from .known import is_loss

ACCURACIES = {"accuracy", "accuracies", "acc", "em"}
BENCHMARKS = {  # scored by the share of right answers; words of a column's name
    "agieval", "aime", "anli", "arc", "bbh", "boolq", "ceval", "cmmlu", "commonsenseqa", "copa", "coqa", "csqa", "gpqa", "gsm",
    "hellaswag", "humaneval", "ifeval", "lambada", "logiqa", "mathqa", "mbpp", "mmlu", "multirc", "naturalqs", "openbookqa",
    "piqa", "pubmedqa", "quac", "sciq", "siqa", "squad", "storycloze", "triviaqa", "truthfulqa", "webqs", "winograd",
    "winogrande", "xwinograd",
}  # fmt: skip
COUNTED = re.compile(r"(?<![a-z])((pass|recall|precision|hits?|top)[@_-]?(at[_-])?\d+|f1|auroc)(?![a-z])")  # pass@1, top-5, f1
RISES = 0.05  # chance of as high a rank correlation with the scale, below which a target rises
LOSSES = {"bpb", "ce", "loss", "losses", "nll", "perplexity", "ppl"}  # what a benchmark's column may hold instead
ERRORS = {"error", "errors", "err"}
QUESTIONS = 300.0  # a rate is as noisy as the share of so many answers: benchmarks have 160 to 14,000, but seeds differ as well
EDGE = 0.02  # shares nearer to 0 or 1 count as this in noise
STILL = 0.03  # share of a rate's range within which its rows stand still
RATES = ((0.0, 1.0), (0.0, 100.0))  # ends of shares and percentages
NAMED = re.compile(r"(?<![a-z])(exact[_ ]match|(pass|success|solve|win)[_ ]rate)(?![a-z])")


@dataclass(frozen=True)
class Told:
    """What is forecast in a target's place, positive: (sign * target + shift) / unit; `rises`: with scale, as scores do."""

    sign: float = 1.0
    shift: float = 0.0
    unit: float = 1.0
    rises: bool = False

    def of(self, y: np.ndarray) -> np.ndarray:
        return (self.sign * y + self.shift) / self.unit

    def back(self, v: np.ndarray) -> np.ndarray:
        return self.sign * (self.unit * v - self.shift)

    def law(self, law: Law) -> Law:
        """A law of the target as one of what is forecast."""
        if replace(self, rises=False) == Told():
            return law
        return replace(law, formula=lambda p, x: self.of(law.formula(p, x)), linear=(), working=None)

    def formula(self, text: str) -> str:
        """A formula for what is forecast, as one for the target."""
        if self.sign < 0:
            return f"{self.shift:g} - {'' if self.unit == 1 else f'{self.unit:g} * '}({text})"
        return f"{text} - {self.shift:.4g}" if self.shift else text

    def whole(self, ends: tuple[float, float] | None) -> float | None:
        """What a rate with these ends is told as at the upper of them (the lower, where it rises); None for what is no rate."""
        if ends is None or tuple(ends) not in RATES or (self.sign > 0 and self.shift):
            return None
        return 1.0 if self.sign < 0 else ends[1]

    def name(self, target: str) -> str:
        """What is forecast, in words but for the unit: `1 - accuracy` for an accuracy that rises."""
        return f"{self.shift:g} - {target}" if self.sign < 0 else f"{target} + {self.shift:.4g}" if self.shift else target


def rises(y: np.ndarray, scale: np.ndarray, chance: float = RISES) -> bool:
    """Whether values (n,) rise with a scale, as scores do and losses do not: by their rank correlation."""
    from scipy.stats import spearmanr

    if np.ptp(y) == 0 or np.ptp(scale) == 0:
        return False
    found = spearmanr(scale, y)
    return bool(found.statistic > 0 and found.pvalue <= chance)


def usual_noise(share: np.ndarray) -> np.ndarray:
    """The standard deviation of a rate at shares (q,), as far as it can be known without seeing it vary."""
    share = np.clip(share, EDGE, 1 - EDGE)
    return np.sqrt(share * (1 - share) / QUESTIONS)


def unmoved(target: str, y: np.ndarray, ends: tuple[float, float]) -> list[str]:
    """A line where the values (n,) of a rate with these ends stand still: what has not set in does not tell when it will."""
    if np.ptp(y) > STILL * (ends[1] - ends[0]):
        return []
    between = f"{y.min():.3g} to {y.max():.3g}"
    return [f"{target} stands still, from {between}: where a task is yet to be learned, such rows cannot tell when"]


def told(
    target: str, y: np.ndarray, scale: np.ndarray, ends: tuple[float, float] | None, inputs: Sequence[str] = ()
) -> tuple[Told, list[str]]:
    """How to tell a target y (n,) with these ends, where it has some, and lines that say so.

    A loss is not meant to rise with scale, and over inputs that are results themselves, such as a loss, scale is no progress.
    """
    lines = unmoved(target, y, ends) if ends in RATES else []
    if ends and rises(y, scale, 1.0) and y.max() < ends[1] < np.inf:
        gap = Told(-1.0, ends[1], ends[1] - ends[0] if np.isfinite(ends[0]) else 1.0)
        return gap, [f"{target} rises towards {ends[1]:g}: forecast as {gap.name(target)}", *lines]
    progress = not is_loss(target) and not any(is_loss(n) or _right(n) or _wrong(n) for n in inputs)
    up = progress and rises(y, scale)
    if up and not ends and 0 <= y.min() and y.max() <= 1:
        lines.append(f"{target} rises between 0 and 1: if it is a rate such as an accuracy, give its bounds 0 and 1")
    if y.min() > 0:
        return Told(rises=up), lines
    more = Told(1.0, (float(y.max()) - float(y.min())) - float(y.min()), rises=up)
    line = f"{target} has values at or below zero (least {y.min():.4g}): forecast as {more.name(target)}"
    return more, [*lines, line]


def _right(name: str) -> bool:
    """Whether a name is that of a share of right answers."""
    return not _wrong(name) and (bool(_words(name) & ACCURACIES) or _scored(name) or bool(NAMED.search(name.lower())))


def _scored(name: str) -> bool:
    """Whether a name is that of a benchmark or of what benchmarks count."""
    return not _words(name) & LOSSES and bool(_words(name) & BENCHMARKS or COUNTED.search(name.lower()))


def _wrong(name: str) -> bool:
    """Whether a name is that of an error rate, if its values are those of a rate."""
    return bool(_words(name) & ERRORS)


def _words(name: str) -> set[str]:
    return set(re.split(r"[^a-z]+", name.lower()))


def rate_bounds(target: str, values: np.ndarray) -> tuple[float, float] | None:
    """The ends of a rate, by the words of its name and its values; None for all else (an `error` above one is none)."""
    seen, right = values[np.isfinite(values)], _right(target)
    if not len(seen) or seen.min() < 0 or not (right or _wrong(target)):
        return None
    if seen.max() <= 1:
        return 0.0, 1.0
    return (0.0, 100.0) if (right or _scored(target)) and seen.max() <= 100 else None


def lacking(inputs: tuple[str, ...], x: np.ndarray, x_new: np.ndarray, keep: np.ndarray) -> tuple:
    """Inputs that are accuracies, as one over what they lack of their upper end: in logs a line where rates go by odds."""
    names, x, x_new = list(inputs), x.copy(), x_new.copy()
    for j, name in enumerate(inputs):
        ends = rate_bounds(name, x[keep, j]) if _right(name) else None
        if ends and max(x[keep, j].max(), x_new[:, j].max()) < ends[1]:
            names[j] = f"(1/({ends[1]:g} - {name}))"
            with np.errstate(divide="ignore"):
                x[:, j], x_new[:, j] = 1 / (ends[1] - x[:, j]), 1 / (ends[1] - x_new[:, j])
    return tuple(names), x, x_new
