"""One batched Levenberg-Marquardt: every row of the batch is its own problem, start or resample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .problem import Problem

LARGEST_STEP = 3.0  # in unconstrained coordinates: a factor 20 in a positive parameter


@dataclass
class Descent:
    """z (s, k), cost (s,), settled (s,): whether the row stopped because nothing more could be gained."""

    z: np.ndarray
    cost: np.ndarray
    settled: np.ndarray
    iterations: int


def _solve(curvature: np.ndarray, gradient: np.ndarray, damping: np.ndarray) -> np.ndarray:
    diagonal = np.einsum("skk->sk", curvature)
    floor = 0.03 * diagonal.max(axis=1, keepdims=True) + 1e-300
    matrix = curvature.copy()
    np.einsum("skk->sk", matrix)[:] += damping[:, None] * np.maximum(diagonal, floor)
    try:
        return -np.linalg.solve(matrix, gradient[..., None])[..., 0]
    except np.linalg.LinAlgError:
        return -np.stack([np.linalg.lstsq(m, g, rcond=None)[0] for m, g in zip(matrix, gradient, strict=True)])


def descend(
    problem: Problem,
    z: np.ndarray,
    which: np.ndarray,
    resample: np.ndarray | None = None,
    iterations: int = 200,
    tolerance: float = 1e-13,
    progress: Callable[[float], None] | None = None,
    damping: float = 1e-2,
) -> Descent:
    """Minimise from each row of z. Stops a row when the cost can no longer fall by `tolerance` of itself.

    Damping adds max(H_jj, 0.03 max H) rather than H_jj: directions the start cannot see yet stay put.
    For Huber the curvature of rows beyond delta is blended from the safe bound towards none while steps succeed.
    """
    z, s = z.copy(), len(z)
    blend, damping = np.ones(s), np.full(s, damping)
    small = np.zeros(s, int)
    cost, gradient, curvature = problem.normal(z, which, resample, blend)
    settled = ~np.isfinite(cost)
    for count in range(iterations):
        a = np.flatnonzero(~settled)
        if not len(a):
            break
        step = _solve(curvature[a], gradient[a], damping[a])
        step = np.where(np.isfinite(step), step, 0.0)
        step *= np.minimum(1.0, LARGEST_STEP / np.maximum(np.abs(step).max(axis=1, keepdims=True), 1e-300))
        trial = z[a] + step
        blend_next = np.maximum(0.4 * blend[a], 0.02)
        new, g, h = problem.normal(trial, which[a], None if resample is None else resample[a], blend_next)
        gain = cost[a] - new
        won = gain > 0
        w, lost = a[won], a[~won]
        # a tiny gain of an undamped step is the end; of a damped one it takes two in a row
        small[w] = np.where(gain[won] <= tolerance * cost[w], small[w] + 1 + (damping[w] < 1e-3), 0)
        z[w], cost[w], gradient[w], curvature[w] = trial[won], new[won], g[won], h[won]
        blend[w] = blend_next[won]
        damping[w] = np.maximum(damping[w] * 0.15, 1e-12)
        damping[lost] = np.maximum(damping[lost] * 6.0, 1e-6)
        # a rejected row whose step could gain next to nothing is at rest
        promise = -(gradient[a] * step).sum(axis=1)
        rest = ~won & (promise <= tolerance * np.abs(cost[a]))
        stuck = damping[a] > 1e9
        settled[a[rest | stuck]] = True
        settled[small >= 2] = True
        if problem.objective.loss == "huber" and len(lost):
            again = lost[~settled[lost] & (blend[lost] < 0.9)]
            if len(again):
                blend[again] = np.minimum(1.0, 6.0 * blend[again])
                part = None if resample is None else resample[again]
                _, gradient[again], curvature[again] = problem.normal(z[again], which[again], part, blend[again])
        if progress:
            progress(float(settled.mean()))
    return Descent(z, cost, settled, count + 1 if s else 0)
