"""Candidates for a target that rises and may level off: those of a loss, for what it lacks of a ceiling far above."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from .fitted import Fitted
from .local import ridge
from .question import Question

LEAST = 1e-3  # of the smallest measured value: less is not foretold
HEADROOM = 3.0  # ranges of the rows between the best of them and the ceiling, which a floor of what is lacked lowers


def below(predict: Callable[..., list[Fitted]]) -> Callable[[Sequence[Question]], list[Fitted]]:
    """The candidate `predict` of what a target lacks of a ceiling, as one of the target."""

    def lacked(questions: Sequence[Question]) -> list[Fitted]:
        tops = [q.y.max() + HEADROOM * _range(q) for q in questions]
        found = predict([replace(q, y=top - q.y) for q, top in zip(questions, tops, strict=True)])
        return [_back(q, f, top) for q, f, top in zip(questions, found, tops, strict=True)]

    return lacked


def _range(q: Question) -> float:
    """That of the rows; their size where a back-test's rows are all alike, as before anything is learned."""
    return float(np.ptp(q.y) or q.y.max())


def _back(q: Question, f: Fitted, top: float) -> Fitted:
    words = f"{top:.4g} - ({f.formula})" if f.formula else ""
    return Fitted(np.maximum(top - f.value, LEAST * q.y.min()), words)


def straight(q: Question, gamma: float) -> np.ndarray:
    """A plane in the logs for the target as it is, where others take its logarithm: ratings go straight by log compute."""
    wide = _range(q)
    tall = replace(q, y=np.exp((q.y - q.y.max()) / wide))
    return np.maximum(q.y.max() + wide * np.log(ridge(tall, gamma, 0.0, 1)), LEAST * q.y.min())
