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
    for a column or a row with no score, and for scores outside [low, high].
    """
    x = np.asarray(table, float)
    if x.ndim != 2 or len(x) <= components or x.shape[1] < components:
        raise InputError(f"{components} components need as many benchmarks and more models; the table is {x.shape}")
    gap = np.isnan(x)
    for what, empty in (("benchmark", gap.all(axis=0)), ("model", gap.all(axis=1))):
        if empty.any():
            raise InputError(f"{what} {int(empty.argmax()) + 1} of {len(empty)} has no score at all: drop it")
    beyond = ((x < low) | (x > high)).any(axis=0)
    if beyond.any():
        worst = x[:, beyond.argmax()]
        raise InputError(
            f"benchmark {int(beyond.argmax()) + 1} of {len(beyond)} has scores of {np.nanmin(worst):g} to {np.nanmax(worst):g}, "
            f"outside {low:g} to {high:g}: divide percentages by 100"
        )
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
