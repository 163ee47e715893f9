"""What a forecaster is asked: rows that were measured, and the inputs of rows that were not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Question:
    """n measured rows with d positive inputs, and q target rows whose output is asked for.

    x (n, d), y (n,) positive, scale (n,): the compute that orders rows; x_new (q, d), scale_new (q,).
    """

    inputs: tuple[str, ...]
    x: np.ndarray
    y: np.ndarray
    scale: np.ndarray
    x_new: np.ndarray
    scale_new: np.ndarray

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

    def weights(self, gamma: float) -> np.ndarray:
        """Compute weights (C / Cmax)^gamma (n,): rows near the end that matters count most."""
        return (self.scale / self.scale.max()) ** gamma

    def split(self, fit: np.ndarray, new: np.ndarray) -> Question:
        """Rows `fit` become the measured ones, rows `new` the targets (both index or mask)."""
        return Question(self.inputs, self.x[fit], self.y[fit], self.scale[fit], self.x[new], self.scale[new])
