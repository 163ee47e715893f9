"""What a fit minimises: a residual, a loss on it, and row weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import one_of


@dataclass(frozen=True)
class Objective:
    """sum over rows of weight * rho(residual), rho Huber (delta) or half squares.

    residual `log`: log prediction - log measurement; `plain`: prediction - measurement.
    `over` > 1 multiplies the cost of rows the law over-estimates (predicts above the measurement).
    """

    loss: str = "huber"
    residual: str = "log"
    delta: float = 1e-3
    over: float = 1.0

    def __post_init__(self) -> None:
        if self.loss not in ("huber", "squares"):
            raise one_of("loss", self.loss, ("huber", "squares"))
        if self.residual not in ("log", "plain"):
            raise one_of("residual", self.residual, ("log", "plain"))

    def cost(self, r: np.ndarray, weight: np.ndarray | float) -> np.ndarray:
        """Weighted cost of each residual."""
        half = 0.5 * r * r
        if self.loss == "huber":
            size = np.abs(r)
            half = np.where(size <= self.delta, half, self.delta * (size - 0.5 * self.delta))
        return half * self._row_weight(r, weight)

    def curvature(self, r: np.ndarray, weight: np.ndarray | float, blend: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row weights (gradient, curvature): gradient = sum J g r, curvature matrix = sum J c J'.

        For Huber, rows beyond delta have no curvature of their own. blend = 1 gives them the full
        reweighting bound (safe, slow), blend near 0 trusts the rows within delta alone (Newton, fast).
        """
        base = self._row_weight(r, weight)
        if self.loss == "squares":
            return base, base
        size = np.abs(r)
        inside = size <= self.delta
        g = np.where(inside, 1.0, self.delta / np.maximum(size, self.delta))
        return g * base, np.where(inside, 1.0, blend * g) * base

    def _row_weight(self, r: np.ndarray, weight: np.ndarray | float) -> np.ndarray | float:
        return weight if self.over == 1.0 else weight * np.where(r > 0, self.over, 1.0)

    def __str__(self) -> str:
        kind = f"Huber(delta={self.delta:g})" if self.loss == "huber" else "least squares"
        tail = f", over-estimates x{self.over:g}" if self.over != 1.0 else ""
        return f"{kind} on {self.residual} residuals{tail}"
