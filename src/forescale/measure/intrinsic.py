"""How many dimensions a data set fills, and how sharply its labels change."""

from __future__ import annotations

import numpy as np

from ..errors import InputError


def _distances(points: np.ndarray, k: int) -> np.ndarray:
    """Distances (n, k) to the k nearest other points that do not coincide."""
    from scipy.spatial import cKDTree

    x = np.asarray(points, float)
    if x.ndim != 2 or len(x) <= k + 1 or not np.isfinite(x).all():
        raise InputError(f"points must be a finite table (n, d) with more than {k + 1} rows, got shape {x.shape}")
    x = np.unique(x, axis=0)
    if len(x) <= k + 1:
        raise InputError(f"only {len(x)} distinct points: too few for {k} neighbours")
    return cKDTree(x).query(x, k=k + 1)[0][:, 1:]


def two_nn(points: np.ndarray) -> float:
    """Intrinsic dimension n / sum ln(r2 / r1) from the two nearest neighbours. Facco et al. 2017, arXiv:1803.06992.

    `points` (n, d). Assumes that the density hardly changes over the second neighbour's distance.
    """
    near = _distances(points, 2)
    return float(len(near) / np.log(near[:, 1] / near[:, 0]).sum())


def mle_dimension(points: np.ndarray, k: int = 20) -> float:
    """Intrinsic dimension by maximum likelihood over k neighbours (Levina and Bickel 2004), inverses averaged.

    `points` (n, d). The mean of ln(T_k / T_j) over j < k is averaged over points before it is inverted.
    """
    near = _distances(points, k)
    return float(1.0 / np.log(near[:, -1:] / near[:, :-1]).mean())


def label_sharpness(points: np.ndarray, labels: np.ndarray, pairs: int = 1000, seed: int = 0) -> float:
    """K_F: the largest |y_i - y_j| / ||x_i - x_j|| over sampled pairs whose labels differ. arXiv:2401.08865.

    `points` (n, d), `labels` (n,). Classes count as differing by one. Raises InputError where all labels agree.
    """
    x, y = np.asarray(points, float), np.asarray(labels)
    if len(x) != len(y):
        raise InputError(f"{len(x)} points but {len(y)} labels")
    if len(np.unique(y)) < 2:
        raise InputError("all labels agree: their sharpness is not defined")
    rng = np.random.default_rng(seed)
    i = rng.integers(len(x), size=20 * pairs)
    j = rng.integers(len(x), size=20 * pairs)
    keep = np.flatnonzero(y[i] != y[j])[:pairs]
    apart = np.linalg.norm(x[i[keep]] - x[j[keep]], axis=1)
    gap = np.abs(y[i[keep]].astype(float) - y[j[keep]]) if y.dtype.kind == "f" else np.ones(len(keep))
    return float((gap[apart > 0] / apart[apart > 0]).max())
