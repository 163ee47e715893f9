"""Laws as candidates: fitted with compute weights to many questions in one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..fit.objective import Objective
from ..fit.problem import Problem
from ..fit.starts import search
from ..law import Law
from .general import general_law, is_linear, readable
from .question import Question

CHUNK = 24  # data sets padded to one length at a time
STARTS = 32
# What is spent on a fit: a forecast averages many laws, each fitted to many back-tests. With 2 rounds of starts, 200 steps and
# 3 hops the public tasks had the same errors within 1 %, and took longer.
EFFORT = {"rounds": 1, "iterations": 60, "hops": 1}
BRIEF = {"rounds": 1, "iterations": 30, "hops": 0}  # catalogue, moving optima: half the time, same errors
MOST = 500  # rows that a law is fitted to: it has few parameters


@dataclass(frozen=True)
class Fitted:
    """Predictions at the targets (q,) and, of the general grammar, the formula in words and predictions at the rows (n,)."""

    value: np.ndarray
    formula: str = ""
    own: np.ndarray | None = None


def fit_batch(
    law: Law,
    data: list,
    weights: list,
    starts: int,
    delta: float,
    fixed: Mapping[str, float] | None = None,
    effort: Mapping[str, int] = EFFORT,
) -> list[dict[str, float]]:
    """Best parameters of each data set. Data sets of similar length share a batch, so that padding stays small."""
    out: list[dict[str, float]] = [{}] * len(data)
    order = np.argsort([len(y) for _, y in data], kind="stable")
    for part in np.array_split(order, max(1, -(-len(order) // CHUNK))):
        problem = Problem(law, [data[i] for i in part], Objective("huber", "log", delta), [weights[i] for i in part], fixed)
        found = search(problem, 0, starts, **effort)
        for place, i in enumerate(part):
            named = problem.law_params(found.z[place : place + 1], np.array([place]))
            out[i] = {k: float(v[0]) for k, v in named.items()}
    return out


@dataclass(frozen=True)
class Frame:
    """A question in inputs over their weighted middle (d,) and in outputs over their weighted height."""

    question: Question
    data: tuple[dict[str, np.ndarray], np.ndarray]
    weights: np.ndarray
    middle: np.ndarray
    height: float

    def predict(self, law: Law, params: Mapping[str, float], x: np.ndarray) -> np.ndarray:
        """Predictions (m,) at inputs x (m, d)."""
        with np.errstate(all="ignore"):
            at = {n: x[:, j] / self.middle[j] for j, n in enumerate(self.question.inputs)}
            return np.asarray(law(params, **at) * self.height)


def thinned(q: Question, gamma: float) -> tuple[Question, np.ndarray]:
    """Of many rows the largest and a draw of the others, which counts for all of them: the question of these, and weights."""
    w = q.weights(gamma)
    if len(w) <= MOST:
        return q, w
    order, half = np.argsort(-q.scale, kind="stable"), MOST // 2
    drawn = np.random.default_rng(0).choice(order[half:], half, replace=False)
    w[drawn] *= (len(w) - half) / half
    rows = np.sort(np.r_[order[:half], drawn])
    return q.only(rows), w[rows]


def frame(q: Question, gamma: float) -> Frame:
    q, w = thinned(q, gamma)
    middle, height = np.exp(w @ np.log(q.x) / w.sum()), float(np.exp(w @ np.log(q.y) / w.sum()))
    return Frame(q, ({n: q.x[:, j] / middle[j] for j, n in enumerate(q.inputs)}, q.y / height), w, middle, height)


def general(
    questions: Sequence[Question],
    gamma: float,
    coupled: bool = True,
    floor: bool = True,
    straight: bool = False,
    moving: bool = False,
) -> list[Fitted]:
    """The general grammar on questions of the same inputs; inputs have the effects that the rows of a question show.

    NaN where rows are too few (`moving`: two a parameter), and where the law would be another candidate's: no linear input
    bends (`straight`), no optimum can move, or the additive law is the coupled one, over one resource.
    """
    inputs, out = questions[0].inputs, [Fitted(np.full(len(q.scale_new), np.nan)) for q in questions]
    laws = [general_law(inputs, coupled, floor, straight, moving, q.few) for q in questions]
    bends = any(is_linear(n) and n not in q.few for q in questions for n in inputs)
    for names in dict.fromkeys(law.names for law in laws):
        able = (bends or not straight) and (not moving or "t" in names)
        able &= coupled or not floor or any(n.startswith("v_") for n in names)
        least = (1 + moving) * len(names)
        mine = [i for i, law in enumerate(laws) if able and law.names == names and len(questions[i].y) > least]
        if mine:
            found = _fitted(laws[mine[0]], [questions[i] for i in mine], gamma, BRIEF if moving else EFFORT)
            out = [found[mine.index(i)] if i in mine else old for i, old in enumerate(out)]
    return out


def _fitted(law: Law, questions: Sequence[Question], gamma: float, effort: Mapping[str, int]) -> list[Fitted]:
    """A law of the grammar on questions that have rows enough for it."""
    frames, out = [frame(q, gamma) for q in questions], []
    fits = fit_batch(law, [f.data for f in frames], [f.weights for f in frames], STARTS, 1e-3, effort=effort)
    for q, params, f in zip(questions, fits, frames, strict=True):
        value, own = (f.predict(law, params, x) for x in (q.x_new, q.x))
        out.append(Fitted(value, readable(params, q.inputs, f.middle, f.height), own))
    return out


def named(
    law: Law,
    questions: Sequence[Question],
    gamma: float,
    delta: float = 1e-3,
    powers: Mapping[str, Mapping[str, int]] | None = None,
    rows: int = 1,
) -> list[Fitted]:
    """A law of the catalogue or of the user; one of a single input x takes the scale.

    NaN where there are no more than `rows` a parameter. `powers`, for laws of the catalogue: for each of the law's inputs, the
    powers of the question's that multiply to it; the rows of a run count once then.
    """
    count = [len(np.unique(q.run)) if powers and q.run is not None else len(q.y) for q in questions]
    enough = [i for i, n in enumerate(count) if n > rows * len(law.params)]
    out = [Fitted(np.full(len(q.scale_new), np.nan)) for q in questions]
    if not enough:
        return out
    along, of = law.inputs == ("x",), powers or {n: {n: 1} for n in law.inputs}

    def columns(q: Question, x: np.ndarray, scale: np.ndarray) -> dict[str, np.ndarray]:
        if along:
            return {"x": scale}
        at = {n: x[:, j] for j, n in enumerate(q.inputs)}
        return {n: np.prod([at[m] ** p for m, p in own.items()], axis=0) for n, own in of.items()}

    few = [thinned(questions[i], gamma) for i in enough]
    data, weights = [(columns(q, q.x, q.scale), q.y) for q, _ in few], [w for _, w in few]
    fits = fit_batch(law, data, weights, STARTS, delta, effort=BRIEF if powers else EFFORT)
    for i, params in zip(enough, fits, strict=True):
        q = questions[i]
        with np.errstate(all="ignore"):
            value = np.asarray(law(params, **columns(q, q.x_new, q.scale_new)))
        words = ", ".join(f"{k} {v:.4g}" for k, v in params.items())
        out[i] = Fitted(value, f"{law.name}: {words}" if powers else "")
    return out
