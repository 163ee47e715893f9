"""What a forecaster is asked: rows that were measured, and the inputs of rows that were not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .general import is_linear

SLACK = 1e-9  # logs closer than this are equal
LINE = 0.02  # eigenvalue of the correlation of inputs below which rows lie on nearly one line (or plane)
APART = 0.1  # log distance from a line that is rounding, as of tokens at a fixed ratio
LITTLE = 0.25  # of the largest distance: an input left by less does not make the way
WAYS = 3  # ways of leaving the rows sideways that are told apart
ALONG = ("tokens", "steps", "step", "samples", "examples")  # what grows along a run
LONG = 4  # checkpoints of a run in the median, at least, where a table does not name its runs


@dataclass(frozen=True)
class Question:
    """n measured rows with d positive inputs, and q target rows whose output is asked for.

    x (n, d), y (n,) positive, scale (n,): the compute that orders rows; x_new (q, d), scale_new (q,). run (n,) tells which rows
    are checkpoints of one run, where there are several runs and rows of one. whole: what y is of a rate when all answers are
    such as it counts; None where y is no rate.
    """

    inputs: tuple[str, ...]
    x: np.ndarray
    y: np.ndarray
    scale: np.ndarray
    x_new: np.ndarray
    scale_new: np.ndarray
    run: np.ndarray | None = None
    whole: float | None = None

    @property
    def factor(self) -> np.ndarray:
        """How far each target lies beyond the largest measured compute (q,)."""
        return self.scale_new / self.scale.max()

    @property
    def reach(self) -> np.ndarray:
        """How far each target lies beyond the measured ends of each input, in the log and signed (q, d); 0 between them."""
        at, low, high = np.log(self.x_new), np.log(self.x.min(axis=0)), np.log(self.x.max(axis=0))
        beyond = np.maximum(at - high, 0.0) + np.minimum(at - low, 0.0)
        return np.where(np.abs(beyond) > SLACK, beyond, 0.0)

    @property
    def inside(self) -> np.ndarray:
        """Which targets lie within the rows (q,): no larger in scale, every input between its measured ends."""
        return (self.reach == 0).all(axis=1) & (self.factor <= 1 + SLACK)

    @property
    def sideways(self) -> np.ndarray:
        """Which targets lie at least twice as far beyond the rows in some input as in scale, in the log (q,)."""
        return np.abs(self.reach).max(axis=1) > 2 * np.maximum(np.log(self.factor), SLACK)

    @property
    def few(self) -> dict[str, int]:
        """Inputs of which the rows show one value or two, and how many: one shows no effect, two no bend."""
        logs = np.round(np.log(self.x), 3)
        count = {n: len(np.unique(logs[:, j])) for j, n in enumerate(self.inputs)}
        return {n: c for n, c in count.items() if c < 3}

    @property
    def directions(self) -> int:
        """In how many directions the rows spread: fewer than inputs where these move together, as tokens at a fixed ratio do."""
        x = np.log(self.x)
        x = x[:, x.std(axis=0) > SLACK]
        return 1 if x.shape[1] < 2 else int((np.linalg.eigvalsh(np.corrcoef(x.T)) > LINE).sum())

    @property
    def on_one_line(self) -> bool:
        """Whether rows and targets lie on one line in the logs of several inputs, as sizes at a fixed ratio of tokens do."""
        if len(self.inputs) == 1 or any(is_linear(n) for n in self.inputs):
            return False
        x = np.log(np.concatenate([self.x, self.x_new])) - np.log(self.x).mean(axis=0)
        way = np.linalg.svd(x[: len(self.y)], full_matrices=False)[2][0]
        return bool(np.abs(x - np.outer(x @ way, way)).max() < APART)

    def along(self) -> Question:
        """The question in the input that varies most alone, for rows and targets on one line."""
        most = [int(np.argmax(np.log(self.x).std(axis=0)))]
        return replace(self, inputs=(self.inputs[most[0]],), x=self.x[:, most], x_new=self.x_new[:, most])

    def places(self, names: Sequence[str]) -> tuple[str, ...]:
        """Where each target lies, in words; `names` of the inputs as they were asked: factors are those of logarithmic ones."""

        def left(j: int, r: float) -> str:
            far = f" {np.exp(abs(r)):.3g}x" if names[j] == self.inputs[j] else ""
            return f"{names[j]}{far} {'beyond' if r > 0 else 'below'}"

        out = []
        for reach, inside, sideways, factor in zip(self.reach, self.inside, self.sideways, self.factor, strict=True):
            way = f"{', '.join(left(j, r) for j, r in enumerate(reach) if r)} the data"
            out.append("within the data" if inside else way if sideways else f"{factor:.3g}x beyond the data")
        return tuple(out)

    def views(self) -> list[tuple[np.ndarray, Question]]:
        """The targets by how they leave the rows: their numbers, and the question with its rows ordered that way.

        Targets within the rows, and those that lie about as far beyond them in scale as in any input, are ordered by scale.
        Others leave sideways: a larger model at fewer tokens, a batch beyond those tried. Their scale is the product of the
        inputs that they go beyond (one over an input that they fall short of): rows near that end count most there, and are
        what is held out to see how a forecast fares. Each way has back-tests of its own, so of many ways only the WAYS most
        common stay; other targets join the one most like theirs.
        """
        out, ways = [], self._ways()
        for way in np.unique(ways, axis=0):
            at = np.flatnonzero((ways == way).all(axis=1))
            view = replace(self, x_new=self.x_new[at], scale_new=self.scale_new[at])
            if way.any():
                view = replace(view, scale=np.exp(np.log(self.x) @ way), scale_new=np.exp(np.log(view.x_new) @ way))
            out.append((at, view))
        return out

    @property
    def fresh(self) -> np.ndarray:
        """Which targets are new runs (q,): no run of the rows has their values of what stays the same along a run, such as size.

        Others go on with a measured run, whose luck they share. All False where runs are not told apart or nothing stays.
        """
        if self.run is None:
            return np.zeros(len(self.scale_new), bool)
        order = np.argsort(self.run, kind="stable")
        begin = np.searchsorted(self.run[order], np.arange(self.run.max() + 1))
        first, last = np.minimum.reduceat(self.x[order], begin), np.maximum.reduceat(self.x[order], begin)
        stays = (last <= first * (1 + 1e-6)).all(axis=0)
        if not stays.any():
            return np.zeros(len(self.scale_new), bool)
        same = np.abs(np.log(self.x_new[:, None, stays] / first[None][:, :, stays])) < 1e-3
        return ~same.all(axis=2).any(axis=1)

    def _ways(self) -> np.ndarray:
        """Which inputs each target leaves sideways, 1 beyond or -1 below (q, d); all zero where the scale orders its rows."""
        reach = self.reach * self.sideways[:, None]
        size = np.abs(reach)
        ways = np.sign(np.where(size >= LITTLE * size.max(axis=1, keepdims=True), reach, 0.0))
        kept, count = np.unique(ways[ways.any(axis=1)], axis=0, return_counts=True)
        if len(kept) <= WAYS:
            return ways
        kept = kept[np.argsort(-count, kind="stable")[:WAYS]]
        like = reach @ (kept / np.linalg.norm(kept, axis=1, keepdims=True)).T
        nearest = np.where(like.max(axis=1, keepdims=True) > 0, kept[like.argmax(axis=1)], 0.0)
        common = (ways[:, None] == kept).all(axis=2).any(axis=1)
        return np.where(common[:, None], ways, nearest)

    def weights(self, gamma: float) -> np.ndarray:
        """Compute weights (C / Cmax)^gamma (n,): rows near the end that matters count most."""
        return (self.scale / self.scale.max()) ** gamma

    def split(self, fit: np.ndarray, new: np.ndarray) -> Question:
        """Rows `fit` become the measured ones, rows `new` the targets (both index or mask)."""
        run = several(self.run[fit]) if self.run is not None else None
        return replace(
            self, x=self.x[fit], y=self.y[fit], scale=self.scale[fit], x_new=self.x[new], scale_new=self.scale[new], run=run
        )

    def only(self, keep: np.ndarray) -> Question:
        """The question without some of its measured rows (index or mask)."""
        run = several(self.run[keep]) if self.run is not None else None
        return replace(self, x=self.x[keep], y=self.y[keep], scale=self.scale[keep], run=run)


def several(run: np.ndarray) -> np.ndarray | None:
    """Numbers of the runs, or None where rows are all of one run, or fewer than two of each on average."""
    names, number = np.unique(run, return_inverse=True)
    return number if 1 < len(names) <= len(run) / 2 else None


def alike(inputs: Sequence[str], x: np.ndarray) -> np.ndarray | None:
    """Numbers of what may be runs in a table that names none: rows alike in all inputs but the one that grows along a run.

    None where they are few, or rows few of each. A grid of runs that were trained apart looks the same.
    """
    along = np.array([n in ALONG for n in inputs])
    if along.sum() != 1 or len(inputs) < 2:
        return None
    _, number, count = np.unique(np.round(np.log(x[:, ~along]), 6), axis=0, return_inverse=True, return_counts=True)
    return several(number.ravel()) if np.median(count) >= LONG else None
