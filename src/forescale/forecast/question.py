"""What a forecaster is asked: rows that were measured, and the inputs of rows that were not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Question:
    """n measured rows with d positive inputs, and q target rows whose output is asked for.

    x (n, d), y (n,) positive, scale (n,): the compute that orders rows; x_new (q, d), scale_new (q,). run (n,) tells which rows
    are checkpoints of one run, where there are several runs and rows of one.
    """

    inputs: tuple[str, ...]
    x: np.ndarray
    y: np.ndarray
    scale: np.ndarray
    x_new: np.ndarray
    scale_new: np.ndarray
    run: np.ndarray | None = None

    @property
    def factor(self) -> np.ndarray:
        """How far each target lies beyond the largest measured compute (q,)."""
        return self.scale_new / self.scale.max()

    @property
    def inside(self) -> np.ndarray:
        """Which targets lie within the rows (q,): no larger in scale, every input between its measured ends."""
        low, high = self.x.min(axis=0), self.x.max(axis=0)
        slack = 1 + 1e-9
        between = (self.x_new * slack >= low) & (self.x_new <= high * slack)
        return between.all(axis=1) & (self.factor <= slack)

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

    def weights(self, gamma: float) -> np.ndarray:
        """Compute weights (C / Cmax)^gamma (n,): rows near the end that matters count most."""
        return (self.scale / self.scale.max()) ** gamma

    def split(self, fit: np.ndarray, new: np.ndarray) -> Question:
        """Rows `fit` become the measured ones, rows `new` the targets (both index or mask)."""
        run = several(self.run[fit]) if self.run is not None else None
        return Question(self.inputs, self.x[fit], self.y[fit], self.scale[fit], self.x[new], self.scale[new], run)

    def only(self, keep: np.ndarray) -> Question:
        """The question without some of its measured rows (index or mask)."""
        run = several(self.run[keep]) if self.run is not None else None
        return replace(self, x=self.x[keep], y=self.y[keep], scale=self.scale[keep], run=run)


def several(run: np.ndarray) -> np.ndarray | None:
    """Numbers of the runs, or None where rows are all of one run, or fewer than two of each on average."""
    names, number = np.unique(run, return_inverse=True)
    return number if 1 < len(names) <= len(run) / 2 else None
