"""Where a parameter may lie, and the smooth bijection from the whole real line onto that set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Domain:
    """`to_domain(z)` maps the line onto the domain, `to_line` back, `slope` is d value / d z at a value."""

    name: str
    low: float = -np.inf
    high: float = np.inf

    def to_domain(self, z: np.ndarray) -> np.ndarray:
        if self.name == "positive":
            return np.exp(np.clip(z, -300.0, 300.0))
        if self.name == "interval":
            return self.low + (self.high - self.low) / (1.0 + np.exp(-np.clip(z, -40.0, 40.0)))
        return z

    def to_line(self, value: np.ndarray) -> np.ndarray:
        if self.name == "positive":
            return np.log(value)
        if self.name == "interval":
            u = (np.asarray(value) - self.low) / (self.high - self.low)
            return np.log(u) - np.log1p(-u)
        return np.asarray(value, float)

    def slope(self, value: np.ndarray) -> np.ndarray:
        if self.name == "positive":
            return value
        if self.name == "interval":
            return (value - self.low) * (self.high - value) / (self.high - self.low)
        return np.ones_like(value)

    def contains(self, value: float) -> bool:
        """Strictly inside: a start or preset on the edge has no finite place on the line."""
        low = 0.0 if self.name == "positive" else self.low
        return bool(np.isfinite(value)) and low < value < self.high

    def __str__(self) -> str:
        return f"({self.low:g}, {self.high:g})" if self.name == "interval" else self.name


real = Domain("real")
positive = Domain("positive", low=0.0)


def interval(low: float, high: float) -> Domain:
    """The open interval (low, high)."""
    if not low < high:
        raise ValueError(f"interval needs low < high, got ({low}, {high})")
    return Domain("interval", float(low), float(high))
