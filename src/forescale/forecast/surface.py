"""A smooth surface in the logs: a plane plus a Gaussian process that returns to the plane away from the rows.

Laws and quadratics have one bend per input; between measured rows a surface has as many as the rows show. Length scales,
heights and noise are those of largest (penalised) likelihood. Rasmussen and Williams 2006, Gaussian Processes for Machine
Learning, chapters 2 and 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cho_solve, cholesky, lapack
from scipy.optimize import minimize

from .fitted import Fitted
from .local import ridge, weighted_median
from .question import Question

MOST = 400  # rows: likelier ones are those of larger compute, beyond this
PLANE = 1.0  # variance of a slope, both sides standardised
JITTER = 1e-8
START = (np.log(2.0), np.log(0.3), np.log(0.1))  # length in standard deviations of an input, height and noise in those of y
LOOSE = (0.7, 1.0, 1.5)  # standard deviations of their (log-normal) priors
LOUDEST = 1e4  # times ODD: beyond it the covariance is no longer solved well
ROUNDS = 4  # of finding odd rows and fitting again
ODD = 3.0  # a row this many standard deviations off what the others say counts as noisier, as in Huber regression


@dataclass(frozen=True)
class Rows:
    """Standardised inputs u (n, d), outputs z (n,), squared distances by input (d, n, n); flat: no plane."""

    u: np.ndarray
    z: np.ndarray
    apart: np.ndarray
    flat: bool = False

    def kernel(self, theta: np.ndarray) -> np.ndarray:
        """The process's part of the covariance (n, n); theta is log lengths (d,), log height, log noise."""
        return np.exp(2 * theta[-2] - 0.5 * np.tensordot(np.exp(-2 * theta[:-2]), self.apart, 1))

    def plane(self, u: np.ndarray | None = None) -> np.ndarray:
        """The plane's part of the covariance of other inputs u (m, d), or of these, with these (m, n)."""
        u = self.u if u is None else u
        return np.zeros((len(u), len(self.u))) if self.flat else 10.0 + PLANE * u @ self.u.T


@dataclass(frozen=True)
class Surface:
    """What was fitted: numbers of the rows taken, their data, theta (Rows.kernel), noise variance of each over the usual one."""

    rows: np.ndarray
    data: Rows
    theta: np.ndarray
    louder: np.ndarray
    middle: np.ndarray
    wide: np.ndarray
    height: float
    spread: float

    def beside(self, x: np.ndarray) -> np.ndarray:
        """Covariance of the plane and process at other inputs (m, d) with the rows (m, n)."""
        u = (np.log(x) - self.middle) / self.wide
        apart = np.square(u.T[:, :, None] - self.data.u.T[:, None, :])
        process = np.exp(2 * self.theta[-2] - 0.5 * np.tensordot(np.exp(-2 * self.theta[:-2]), apart, 1))
        return self.data.plane(u) + process

    def pull(self) -> np.ndarray:
        return cho_solve((_lower(self.data, self.theta, self.louder), True), self.data.z)


def surface(q: Question, flat: bool = False) -> np.ndarray:
    """Predictions (q,) of the plane (unless `flat`) and process fitted to all rows alike, robust to single odd rows."""
    s = _surface(q, flat)
    return np.exp(np.clip(s.height + s.spread * (s.beside(q.x_new) @ s.pull()), -700.0, 700.0))


def corrected(questions: Sequence[Question], laws: Sequence[Fitted]) -> list[Fitted]:
    """A law's fits, and a smooth surface for what they leave of the rows: far from them the law alone speaks."""

    def one(q: Question, law: Fitted) -> np.ndarray:
        if law.own is None or not all(np.isfinite(v).all() and (v > 0).all() for v in (law.value, law.own)):
            return np.full(len(q.scale_new), np.nan)
        return law.value * surface(replace(q, y=q.y / law.own), flat=True)

    return [Fitted(one(q, law)) for q, law in zip(questions, laws, strict=True)]


def noises(q: Question) -> tuple[float, float]:
    """Log run-to-run noise, as standard deviations: of all rows, by likelihood, and near the end, by how far rows lie off what
    all others say (the compute-weighted median distance)."""
    s = _surface(q)
    overall = s.spread * float(np.exp(s.theta[-1]))
    off = np.abs(_off(s.data, s.theta, s.louder)[0])
    return overall, overall * 1.4826 * float(weighted_median(off, q.weights(1.0)[s.rows] + 1e-9))


def left_out(q: Question) -> tuple[np.ndarray, np.ndarray]:
    """How far each row lies off what all others say: in standard deviations, and in the log (n,)."""
    s = _surface(q)
    off, by = np.empty((2, len(q.y)))
    off[s.rows], by[s.rows] = _off(s.data, s.theta, s.louder)
    rest = np.setdiff1d(np.arange(len(q.y)), s.rows)
    if len(rest):
        cross = s.beside(q.x[rest])
        known = cho_solve((_lower(s.data, s.theta, s.louder), True), cross.T)
        u = (np.log(q.x[rest]) - s.middle) / s.wide
        variance = 10.0 + PLANE * (u**2).sum(axis=1) + np.exp(2 * s.theta[-2]) - np.einsum("rn,nr->r", cross, known)
        by[rest] = (np.log(q.y[rest]) - s.height) / s.spread - cross @ s.pull()
        off[rest] = by[rest] / np.sqrt(np.maximum(variance, 0.0) + np.exp(2 * s.theta[-1]))
    return off, s.spread * by


def _surface(q: Question, flat: bool = False) -> Surface:
    rows = _some(q)
    x, y = np.log(q.x[rows]), np.log(q.y[rows])
    off = np.abs(np.log(ridge(q.split(rows, rows), 0.0, 0.03)) - y)
    louder = _loud(off / (1.4826 * np.median(off) + 1e-9))
    middle, wide = x.mean(axis=0), x.std(axis=0) + 1e-9
    height = 0.0 if flat else float(np.average(y, weights=1 / louder))
    spread = float(np.sqrt(np.average((y - height) ** 2, weights=1 / louder))) + 1e-9
    u = (x - middle) / wide
    data = Rows(u, (y - height) / spread, np.square(u.T[:, :, None] - u.T[:, None, :]), flat)
    theta = _fit(data, louder)
    for _ in range(ROUNDS):
        before, louder = louder, _loud(np.abs(_off(data, theta, louder)[0]))
        if np.allclose(louder, before, rtol=0.1):
            break
        theta = _fit(data, louder, theta)
    return Surface(rows, data, theta, louder, middle, wide, height, spread)


def _some(q: Question) -> np.ndarray:
    if len(q.y) <= MOST:
        return np.arange(len(q.y))
    share = np.maximum(q.weights(0.5), 0.05)
    return np.sort(np.random.default_rng(0).choice(len(q.y), MOST, replace=False, p=share / share.sum()))


def _covariance(data: Rows, smooth: np.ndarray, theta: np.ndarray, louder: np.ndarray) -> np.ndarray:
    out = data.plane() + smooth
    np.einsum("nn->n", out)[:] += np.exp(2 * theta[-1]) * louder + JITTER
    return out


def _lower(data: Rows, theta: np.ndarray, louder: np.ndarray) -> np.ndarray:
    return cholesky(_covariance(data, data.kernel(theta), theta, louder), lower=True)


def _inverse(covariance: np.ndarray) -> tuple[np.ndarray, float]:
    """Its inverse, and half the log of its determinant. LAPACK's own inverse takes a third of the steps of a solve for it."""
    lower, failed = lapack.dpotrf(covariance, lower=1)
    if failed:
        raise np.linalg.LinAlgError(f"the covariance of {len(covariance)} rows is not positive definite")
    half = lapack.dpotri(lower, lower=1)[0]
    return np.where(np.tri(len(half), dtype=bool), half, half.T), float(np.log(np.diag(lower)).sum())


def _fit(data: Rows, louder: np.ndarray, theta: np.ndarray | None = None) -> np.ndarray:
    inputs, apart = len(data.apart), data.apart.reshape(len(data.apart), -1)
    prior = np.r_[np.full(inputs, START[0]), START[1:]]
    loose = np.r_[np.full(inputs, LOOSE[0]), LOOSE[1:]]

    def cost(t: np.ndarray) -> tuple[float, np.ndarray]:
        smooth = data.kernel(t)
        inverse, half = _inverse(_covariance(data, smooth, t, louder))
        pull = inverse @ data.z
        slack = np.outer(pull, pull) - inverse
        moved = slack * smooth
        lengths = -0.5 * (apart @ moved.ravel()) * np.exp(-2 * t[:-2])
        slope = np.r_[lengths, -moved.sum(), -np.exp(2 * t[-1]) * np.diag(slack) @ louder]
        away = (t - prior) / loose
        return 0.5 * data.z @ pull + half + 0.5 * away @ away, slope + away / loose

    box = [(m - 4 * s, m + 4 * s) for m, s in zip(prior, loose, strict=True)]
    return minimize(cost, prior if theta is None else theta, jac=True, method="L-BFGS-B", bounds=box, options={"maxiter": 30}).x


def _loud(off: np.ndarray) -> np.ndarray:
    """Noise variance over the usual one, for rows so many standard deviations off: the pull of odd rows stays bounded."""
    return np.clip(off / ODD, 1.0, LOUDEST) ** 2


def _off(data: Rows, theta: np.ndarray, louder: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far each row lies off what all others say (n,): in standard deviations of a row no louder than the rest, and in z."""
    inverse, _ = _inverse(_covariance(data, data.kernel(theta), theta, louder))
    alone = 1 / np.diag(inverse)
    by, quiet = (inverse @ data.z) * alone, np.exp(2 * theta[-1])
    return by / np.sqrt(np.maximum(alone - (louder - 1) * quiet, quiet)), by  # rounding must not take more than there is
