"""What pruning examples can gain: the exact error of a perceptron trained on pruned data. arXiv:2206.14486.

The source solves replica equations. Here the same model is solved by a comparison argument: the widest margin kappa of
P examples in d dimensions, both large, is the largest for which some student direction (a, b, s) keeps
alpha E[(kappa - y (a z1 + b z2) - s t)_+^2] = s^2, with z1 the teacher's field, z2 the other one in the plane of
teacher and probe, t the student's own noise and alpha = P / d. The error is arccos(a) / pi.
"""

from __future__ import annotations

import numpy as np

from ..errors import InputError


def pruned_perceptron(alpha: float, keep: float = 1.0, angle: float = 0.0, hard: bool = True) -> float:
    """Test error (share wrong) of a max-margin perceptron on `alpha` kept examples per dimension.

    `keep` is the share of the pool that was kept, by the margin to a probe at `angle` (radians) to the teacher: the
    smallest margins where `hard`, else the largest. keep = 1 is no pruning.
    """
    if alpha <= 0 or not 0 < keep <= 1 or not 0 <= angle < np.pi / 2:
        raise InputError(f"alpha must be positive, keep in (0, 1], angle in [0, pi/2); got {alpha}, {keep}, {angle}")
    from scipy.optimize import minimize, minimize_scalar

    y, z1, z2, weight = _kept(keep, angle, hard)

    def margin(a: float, b: float) -> float:
        s2 = 1.0 - a * a - b * b
        if s2 <= 1e-14:
            return -np.inf
        return _widest(y * (a * z1 + b * z2), np.sqrt(s2), weight, alpha)

    line = minimize_scalar(lambda u: -margin(np.cos(np.exp(u)), 0.0), bounds=(-16, np.log(np.pi / 2)), method="bounded")
    best = np.array([line.x, 0.0])
    if angle:
        # polar: b as a share of what a leaves, so that every trial is a direction
        def loss(q: np.ndarray) -> float:
            a = np.cos(np.exp(min(q[0], np.log(np.pi / 2))))
            return -margin(a, np.sqrt(max(1 - a * a, 0.0)) * np.tanh(q[1]))

        found = minimize(loss, best, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-12, "maxiter": 2000})
        best = found.x
    return float(np.exp(min(best[0], np.log(np.pi / 2))) / np.pi)


def _kept(keep: float, angle: float, hard: bool) -> tuple[np.ndarray, ...]:
    """Label, teacher field, other field and weight over the kept examples; the probe's field is even, so take it positive."""
    from numpy.polynomial.hermite_e import hermegauss
    from numpy.polynomial.legendre import leggauss
    from scipy.special import ndtri

    low, high = (0.5, 0.5 + keep / 2) if hard else (1 - keep / 2, 1.0)
    nodes, w = leggauss(120)
    if hard and keep < 1:  # even in the field itself: no loss of digits near zero
        top = ndtri(high)
        z0, w = 0.5 * top * (nodes + 1), w * np.exp(-((0.5 * top * (nodes + 1)) ** 2) / 2)
    else:
        bottom = ndtri(low)
        z0 = bottom + 0.5 * (9.0 - bottom) * (nodes + 1)
        w = w * np.exp(-(z0**2) / 2)
    w = w / w.sum()
    other, v = hermegauss(40) if angle else (np.zeros(1), np.ones(1))
    z0, side = z0[:, None], other[None, :]
    z1 = np.cos(angle) * z0 - np.sin(angle) * side
    z2 = np.sin(angle) * z0 + np.cos(angle) * side
    weight = w[:, None] * v[None, :] / v.sum()
    return np.where(z1 >= 0, 1.0, -1.0), z1, z2, weight


def _widest(field: np.ndarray, s: float, weight: np.ndarray, alpha: float) -> float:
    """The margin kappa at which alpha E[(kappa - field - s t)_+^2] = s^2, by bisection: the left side rises with kappa."""
    from scipy.special import ndtr

    low, high = -12.0, 12.0
    for _ in range(60):
        kappa = 0.5 * (low + high)
        m = (kappa - field) / s
        over = (m * m + 1) * ndtr(m) + m * np.exp(-0.5 * m * m) / np.sqrt(2 * np.pi)
        if alpha * (weight * over).sum() > 1.0:
            high = kappa
        else:
            low = kappa
    return 0.5 * (low + high)
