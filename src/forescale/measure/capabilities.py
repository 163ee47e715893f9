"""Few capabilities behind many benchmarks: principal components of a score table with gaps. arXiv:2405.10938."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError


@dataclass(frozen=True)
class Capabilities:
    """`scores` (models, components), `loadings` (components, benchmarks), `shares` of variance by component, all of them."""

    scores: np.ndarray
    loadings: np.ndarray
    shares: np.ndarray
    filled: np.ndarray


def capabilities(table: np.ndarray, components: int = 3, low: float = 0.0, high: float = 1.0) -> Capabilities:
    """Principal components of `table` (models, benchmarks), NaN where a score is missing.

    Gaps are filled by a one-component fit repeated until it settles, clipped to [low, high] as the source does; columns
    are centred, not scaled, so scores must share a unit. Loadings are signed so that more is better. Raises InputError
    for a column or a row with no score.
    """
    x = np.asarray(table, float)
    gap = np.isnan(x)
    if x.ndim != 2 or min(x.shape) <= components:
        raise InputError(f"{components} components need a larger table than {x.shape}")
    if gap.all(axis=0).any() or gap.all(axis=1).any():
        raise InputError("a benchmark or a model has no score at all: drop it")
    filled = np.where(gap, np.nanmean(x, axis=0), x)
    for _ in range(500):
        mean = filled.mean(axis=0)
        u, s, v = np.linalg.svd(filled - mean, full_matrices=False)
        guess = np.clip(mean + s[0] * np.outer(u[:, 0], v[0]), low, high)
        new = np.where(gap, guess, x)
        moved = np.abs(new - filled).max()
        filled = new
        if moved < 1e-10:
            break
    u, s, v = np.linalg.svd(filled - filled.mean(axis=0), full_matrices=False)
    sign = np.where(v.sum(axis=1) < 0, -1.0, 1.0)
    shares = np.square(s) / np.square(s).sum()
    return Capabilities((u * s * sign)[:, :components], (v * sign[:, None])[:components], shares, filled)
