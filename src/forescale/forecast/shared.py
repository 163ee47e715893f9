"""Groups share an exponent: each group's power law with the exponent of the others, as one more candidate.

Over one input only. Over several the exponents of a group trade against each other and against the floor, and borrowing
them made forecasts of arms that are trained differently worse (docs/forecast.md). The back-tests of a group decide how
far its own exponent and the borrowed one are trusted, which is what partial pooling is for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .backtest import Bank, Split, extended
from .fitted import STARTS, Fitted, fit_batch, frame
from .general import general_law, readable
from .question import Question

FEWEST = 3  # groups: the exponent borrowed is the median of the others'
NAME = "power law above a floor, exponent of the other groups, weights C^1"


def share(questions: Sequence[Question], banks: Sequence[Bank]) -> list[Bank]:
    """The banks of groups of the same single input, each with the borrowed candidate added where it can be fitted."""
    inputs = questions[0].inputs if questions else ()
    if len(questions) < FEWEST or len(inputs) > 1 or "a_" + inputs[0] not in general_law(inputs).names:
        return list(banks)
    parts = [(q, *(q.split(s.fit, s.new) for s in b.splits)) for q, b in zip(questions, banks, strict=True)]
    own = _exponents(parts)
    out = []
    for g, (bank, group) in enumerate(zip(banks, parts, strict=True)):
        others = [(b.splits, e) for h, (b, e) in enumerate(zip(banks, own, strict=True)) if h != g]
        found = [_borrow(q, _middle(others, s)) for q, s in zip(group, (None, *bank.splits), strict=True)]
        out.append(extended(bank, group, NAME, found) if np.isfinite(found[0].value).all() else bank)
    return out


def _exponents(parts: Sequence[Sequence[Question]]) -> list[np.ndarray]:
    """Exponent of each group (first) and at each of its back-tests; nan where there are too few rows."""
    law = general_law(parts[0][0].inputs)
    flat = [q for group in parts for q in group]
    enough = [i for i, q in enumerate(flat) if len(q.y) > len(law.params)]
    out = np.full(len(flat), np.nan)
    framed = [frame(flat[i], 1.0) for i in enough]
    if framed:
        fits = fit_batch(law, [f.data for f in framed], [f.weights for f in framed], STARTS, 1e-3)
        out[enough] = [p["a_" + law.inputs[0]] for p in fits]
    return np.split(out, np.cumsum([len(group) for group in parts])[:-1])


def _middle(others: Sequence[tuple[Sequence[Split], np.ndarray]], at: Split | None) -> float:
    """Median exponent of the other groups; in a back-test of theirs in the back-tests that reach as far, so that no group
    shows what lies beyond the rows a back-test may see."""
    seen = []
    for splits, exponents in others:
        if at is None:
            seen.append(exponents[0])
        elif splits:
            far = np.abs(np.log([s.factor / at.factor for s in splits]))
            seen.append(exponents[1 + int(np.argmin(far))])
    known = [v for v in seen if np.isfinite(v)]
    return float(np.median(known)) if len(known) >= FEWEST - 1 else np.nan


def _borrow(q: Question, exponent: float) -> Fitted:
    law = general_law(q.inputs)
    if not np.isfinite(exponent) or len(q.y) < 3:
        return Fitted(np.full(len(q.scale_new), np.nan))
    f = frame(q, 1.0)
    params = fit_batch(law, [f.data], [f.weights], STARTS, 1e-3, {"a_" + q.inputs[0]: exponent})[0]
    return Fitted(f.predict(law, params, q.x_new), readable(params, q.inputs, f.middle, f.height))
