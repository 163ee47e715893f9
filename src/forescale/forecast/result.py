"""Forecast: the answer, its interval, who it was averaged from, and what to be careful about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..quantities import format_number, tails
from ..shown import Shown

SCHEMA = 1


@dataclass(frozen=True)
class Member:
    """A candidate of the stack: its forecast (q,), its weight, and its mean absolute log error in the back-tests."""

    name: str
    value: np.ndarray
    weight: float
    backtest: float
    naive: bool
    formula: str = ""


@dataclass(frozen=True)
class Forecast(Shown):
    """Forecast of `target` at each point (q,), with the interval of a new run at `level`.

    `joint_low`, `joint_high` hold for all points at once. `factor` is how far a point lies beyond the largest measured
    compute, `places` where it lies in words (within the data, beyond it in compute, or in some input). `flags` say where the
    answer should not be relied on; `formula` is the best law's, in the inputs' own units.
    """

    target: str
    points: Mapping[str, np.ndarray]
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    joint_low: np.ndarray
    joint_high: np.ndarray
    level: float
    factor: np.ndarray
    places: tuple[str, ...]
    members: tuple[Member, ...]
    formula: str
    rows: int
    origins: int
    flags: tuple[str, ...]
    warnings: tuple[str, ...]
    sha256: str

    def summary(self) -> str:
        lines = []
        for i in range(len(self.value)):
            at = ", ".join(f"{k} {format_number(v[i])}" for k, v in self.points.items())
            lines.append(
                f"{self.target} {self.value[i]:.4f}  [{self.low[i]:.4f}, {self.high[i]:.4f}] {self.level:.0%} for a new run"
                f"  at {at} ({self.places[i]})"
            )
        tested = f"{self.origins} back-test{'s' * (self.origins > 1)}" if self.origins else "no back-test was possible"
        lines.append(f"{self.rows} rows, {len(self.members)} candidates, {tested}")
        for m in sorted(self.members, key=lambda m: -m.weight)[:5]:
            error = f", back-test error {m.backtest:.2%}" if np.isfinite(m.backtest) else ""
            lines.append(f"  {m.weight:4.0%}  {m.name}: {m.value[0]:.4f}{error}")
        if self.formula:
            lines.append(f"best law: {self.target} = {self.formula}")
        return "\n".join(lines + [f"flag: {f}" for f in self.flags] + [f"warning: {w}" for w in self.warnings])

    def drawn(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """(size,) values of a new run at the first point: log-normal halves whose interval at `level` is this one, so that one
        which leans keeps leaning."""
        from scipy.special import ndtri

        value, low, high = (float(v[0]) for v in (self.value, self.low, self.high))
        z = rng.standard_normal(size)
        reach = np.where(z > 0, np.log(high / value), np.log(value / low)) / ndtri(tails(self.level)[1])
        return value * np.exp(z * reach)

    def to_frame(self) -> Any:
        """One row per point, as a polars frame."""
        import polars as pl

        pick = ("value", "low", "high", "joint_low", "joint_high", "factor")
        return pl.DataFrame({**self.points, **{k: getattr(self, k) for k in pick}})

    def to_dict(self) -> dict:
        pick = ("value", "low", "high", "joint_low", "joint_high", "factor")
        return {
            "schema": SCHEMA,
            "target": self.target,
            "points": {k: v.tolist() for k, v in self.points.items()},
            **{k: getattr(self, k).tolist() for k in pick},
            "places": list(self.places),
            "level": self.level,
            "rows": self.rows,
            "backtests": self.origins,
            "candidates": [
                {
                    "name": m.name,
                    "value": [_number(v) for v in m.value],
                    "weight": m.weight,
                    "backtest": _number(m.backtest),
                    "formula": m.formula,
                }
                for m in self.members
            ],
            "formula": self.formula,
            "flags": list(self.flags),
            "warnings": list(self.warnings),
            "data_sha256": self.sha256,
        }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
