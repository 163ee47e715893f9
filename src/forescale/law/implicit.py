"""Laws given as an equation for the loss rather than a formula: solved safely, differentiated exactly."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from .dual import Dual, _partials, value_of

ITERATIONS = 80


def implicit(residual: Callable[[Any, Any], Any], low: Callable, high: Callable, p: Any) -> Any:
    """The root L of residual(L, p) = 0 between low(p) and high(p), elementwise.

    `residual` must rise with L and change sign on the bracket. Newton steps, halved back into the bracket
    where they leave it. Derivatives in p follow from the implicit function theorem.
    """
    plain = SimpleNamespace(**{k: value_of(v) for k, v in vars(p).items()})
    root = _solve(lambda y: residual(y, plain), np.asarray(low(plain), float), np.asarray(high(plain), float))
    if not any(isinstance(v, Dual) for v in vars(p).values()):
        return root
    at = residual(Dual(root, {"root": np.ones(())}), p)
    slope = at.partials["root"]
    return Dual(root, {k: -v / slope for k, v in _partials(at).items() if k != "root"})


def _solve(residual: Callable, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    shape = np.shape(residual(0.5 * (low + high)))
    low, high = (np.broadcast_to(v, shape).copy() for v in (low, high))
    y = 0.5 * (low + high)
    with np.errstate(all="ignore"):
        for _ in range(ITERATIONS):
            at = residual(Dual(y, {"root": np.ones(())}))
            below = at.value < 0
            low, high = np.where(below, y, low), np.where(below, high, y)
            step = y - at.value / at.partials["root"]
            inside = (step > low) & (step < high)
            new = np.where(inside, step, 0.5 * (low + high))
            settled = np.abs(new - y) <= 1e-14 * (1.0 + np.abs(y))
            y = new
            if np.all(settled | ~np.isfinite(at.value)):
                break
    return y
