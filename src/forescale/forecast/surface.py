"""A smooth surface in the logs: a plane plus a Gaussian process that returns to the plane away from the rows.

Laws and quadratics have one bend per input; between measured rows a surface has as many as the rows show. Length scales,
heights and noise are those of largest (penalised) likelihood. Rasmussen and Williams 2006, Gaussian Processes for Machine
Learning, chapters 2 and 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, cholesky
from scipy.optimize import minimize

from .question import Question

MOST = 400  # rows: likelier ones are those of larger compute, beyond this
PLANE = 1.0  # variance of a slope, both sides standardised
JITTER = 1e-8
START = (np.log(2.0), np.log(0.3), np.log(0.1))  # length in standard deviations of an input, height and noise in those of y
LOOSE = (0.7, 1.0, 1.5)  # standard deviations of their (log-normal) priors
ODD = 3.0  # a row this many standard deviations off what the others say counts as noisier, as in Huber regression


@dataclass(frozen=True)
class Rows:
    """Standardised inputs u (n, d), outputs z (n,), squared distances by input (d, n, n)."""

    u: np.ndarray
    z: np.ndarray
    apart: np.ndarray

    def kernel(self, theta: np.ndarray) -> np.ndarray:
        """The process's part of the covariance (n, n); theta is log lengths (d,), log height, log noise."""
        return np.exp(2 * theta[-2] - 0.5 * np.tensordot(np.exp(-2 * theta[:-2]), self.apart, 1))

    def plane(self) -> np.ndarray:
        return 10.0 + PLANE * self.u @ self.u.T


def surface(q: Question) -> np.ndarray:
    """Predictions (q,) of the plane and process fitted to all rows alike, robust to single odd rows."""
    rows = _some(q)
    x, y = np.log(q.x[rows]), np.log(q.y[rows])
    middle, wide = x.mean(axis=0), x.std(axis=0) + 1e-9
    height, spread = y.mean(), y.std() + 1e-9
    u = (x - middle) / wide
    data = Rows(u, (y - height) / spread, np.square(u.T[:, :, None] - u.T[:, None, :]))
    louder = np.ones(len(y))
    theta = _fit(data, louder)
    louder = _odd(data, theta)
    if (louder > 1).any():
        theta = _fit(data, louder, theta)
    new = (np.log(q.x_new) - middle) / wide
    pull = cho_solve((_lower(data, theta, louder), True), data.z)
    apart = np.square(new.T[:, :, None] - u.T[:, None, :])
    process = np.exp(2 * theta[-2] - 0.5 * np.tensordot(np.exp(-2 * theta[:-2]), apart, 1))
    return np.exp(height + spread * ((10.0 + PLANE * new @ u.T + process) @ pull))


def _some(q: Question) -> np.ndarray:
    if len(q.y) <= MOST:
        return np.arange(len(q.y))
    share = np.maximum(q.weights(0.5), 0.05)
    return np.sort(np.random.default_rng(0).choice(len(q.y), MOST, replace=False, p=share / share.sum()))


def _lower(data: Rows, theta: np.ndarray, louder: np.ndarray) -> np.ndarray:
    return cholesky(data.plane() + data.kernel(theta) + np.diag(np.exp(2 * theta[-1]) * louder + JITTER), lower=True)


def _fit(data: Rows, louder: np.ndarray, theta: np.ndarray | None = None) -> np.ndarray:
    inputs, size = len(data.apart), len(data.z)
    prior = np.r_[np.full(inputs, START[0]), START[1:]]
    loose = np.r_[np.full(inputs, LOOSE[0]), LOOSE[1:]]

    def cost(t: np.ndarray) -> tuple[float, np.ndarray]:
        smooth = data.kernel(t)
        lower = cholesky(data.plane() + smooth + np.diag(np.exp(2 * t[-1]) * louder + JITTER), lower=True)
        inverse = cho_solve((lower, True), np.eye(size))
        pull = inverse @ data.z
        slack = np.outer(pull, pull) - inverse
        moved = slack * smooth
        lengths = -0.5 * np.einsum("nm,dnm->d", moved, data.apart) * np.exp(-2 * t[:-2])
        slope = np.r_[lengths, -moved.sum(), -np.exp(2 * t[-1]) * np.diag(slack) @ louder]
        away = (t - prior) / loose
        return 0.5 * data.z @ pull + np.log(np.diag(lower)).sum() + 0.5 * away @ away, slope + away / loose

    box = [(m - 4 * s, m + 4 * s) for m, s in zip(prior, loose, strict=True)]
    return minimize(cost, prior if theta is None else theta, jac=True, method="L-BFGS-B", bounds=box, options={"maxiter": 30}).x


def _odd(data: Rows, theta: np.ndarray) -> np.ndarray:
    """By how much each row's noise variance is raised: rows far off what all others say."""
    inverse = cho_solve((_lower(data, theta, np.ones(len(data.z))), True), np.eye(len(data.z)))
    off = np.abs(inverse @ data.z) / np.sqrt(np.diag(inverse))
    return np.maximum(off / ODD, 1.0) ** 2
