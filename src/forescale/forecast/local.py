"""Forecasts without a law of two inputs: local polynomials in the logarithms, floors averaged, and the naive baselines.

Every function takes a Question and returns its q predictions. They are fast, closed-form, and fail in other ways than
laws do, which is why they are averaged with them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..fit.resample import TYPICAL
from .question import Question

END = (1.0, 0.75, 0.5, 0.25, 0.0)  # compute weights under which the noise near the end is looked for, until rows enough count
SPARE = 3  # rows that must count beyond the unknowns of a quadratic
LEAST = 1e-4  # noise below this counts as this
BENT = 2.0  # leverage of a law, which bends, over that of a line (1 and 2 were looked at)
FLOORS = np.array([0.0, 0.2, 0.4, 0.55, 0.7, 0.8, 0.9, 0.95])  # as shares of the smallest measured value


def _design(u: np.ndarray, degree: int) -> np.ndarray:
    """Columns 1, u_j and, for degree 2, u_i u_j of (n, d) coordinates."""
    n, d = u.shape
    columns = [np.ones(n), *u.T]
    if degree == 2:
        columns += [u[:, i] * u[:, j] for i in range(d) for j in range(i, d)]
    return np.stack(columns, axis=1)


def weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Along the first axis of values (n, ...), with weights (n,)."""
    order = np.argsort(values, axis=0)
    total = np.cumsum(weights[order], axis=0)
    half = np.argmax(total >= 0.5 * total[-1], axis=0)
    return np.take_along_axis(np.take_along_axis(values, order, 0), half[None], 0)[0]


def ridge(q: Question, gamma: float, penalty: float, degree: int = 2, robust: bool = True) -> np.ndarray:
    """A polynomial in the logs, fitted with compute weights; `penalty` shrinks second-order terms.

    Inputs are scaled to weighted unit variance, so the penalty means the same in every study. Robust: rows beyond
    1.345 (weighted) standard deviations are down-weighted as in Huber regression.
    """
    x, y, w = np.log(q.x), np.log(q.y), q.weights(gamma) + 1e-9
    middle = w @ x / w.sum()
    wide = np.sqrt(w @ (x - middle) ** 2 / w.sum()) + 1e-9
    basis = _design((x - middle) / wide, degree)
    shrink = np.full(basis.shape[1], penalty)
    shrink[0] = 0.0
    shrink[1 : 1 + x.shape[1]] = 1e-3
    keep = np.ones(len(y))
    for _ in range(8 if robust else 1):
        share = w * keep / (w * keep).sum()
        gram = (basis * share[:, None]).T @ basis + np.diag(shrink + 1e-12)
        beta = np.linalg.solve(gram, basis.T @ (share * y))
        size = np.abs(y - basis @ beta)
        scale = 1.4826 * weighted_median(size, w) + 1e-9
        keep = np.minimum(1.0, 1.345 * scale / np.maximum(size, 1e-12))
    return np.exp(np.clip(_design((np.log(q.x_new) - middle) / wide, degree) @ beta, -700.0, 700.0))


def log_odds(q: Question, gamma: float, penalty: float) -> np.ndarray:
    """The same polynomial in the log odds: shares (error rates, accuracies) level off before 0 and 1. NaN if one is no share."""
    if q.y.max() >= 1:
        return np.full(len(q.scale_new), np.nan)
    odds = ridge(replace(q, y=q.y / (1 - q.y)), gamma, penalty)
    return odds / (1 + odds)


def _line(q: Question, x_new: np.ndarray, gamma: float, degree: int, penalty: float) -> tuple[np.ndarray, np.ndarray]:
    """A compute-weighted polynomial: its terms (m, p) at other inputs (m, d), what each row's log output adds to them (p, n)."""
    x, w = np.log(q.x), q.weights(gamma) + 1e-9
    share = w / w.sum()
    middle = share @ x
    wide = np.sqrt(share @ (x - middle) ** 2) + 1e-9
    basis = _design((x - middle) / wide, degree)
    shrink = np.full(basis.shape[1], penalty)
    shrink[0], shrink[1 : 1 + x.shape[1]] = 0.0, 1e-3
    inverse = np.linalg.inv((basis * share[:, None]).T @ basis + np.diag(shrink + 1e-12))
    return _design((np.log(x_new) - middle) / wide, degree), inverse @ (basis * share[:, None]).T


def leverage(q: Question, gamma: float = 1.0) -> np.ndarray:
    """Variance of a compute-weighted line's value at each target, over that of a single row (q,): how few rows carry it."""
    new, told = _line(q, q.x_new, gamma, 1, 0.0)
    return np.einsum("mi,ij,mj->m", new, told @ told.T, new)


def run_leverage(q: Question) -> np.ndarray:
    """The same over that of what the rows of a run share (q,), for a law instead of a line: how few runs carry it."""
    new, told = _line(q, q.x_new, 1.0, 1, 0.0)
    return BENT * ((new @ _by_run(q, told)) ** 2).sum(axis=1)


def run_noise(q: Question) -> float:
    """Log noise that the rows of a run share: mean residuals of runs off a local quadratic.

    What the quadratic itself takes up of such noise is reckoned with; TYPICAL counts as one more degree of freedom.
    """
    _, shown, left, heavy = _run_means(q)
    count = 1.0 / (heavy @ heavy)
    return float(np.sqrt((count * heavy @ shown**2 + TYPICAL**2) / (count * heavy @ left + 1.0)))


def run_share(q: Question) -> float:
    """Variance of the mean residuals of runs over what noise of single rows would make it: about one where runs share nothing.

    Noise of single rows is how far residuals lie from the mean of their neighbours in the run. Infinite without any.
    """
    off, shown, left, heavy = _run_means(q)
    w = q.weights(1.0) + 1e-9
    order = np.lexsort((q.scale, q.run))
    inner = np.flatnonzero(q.run[order][:-2] == q.run[order][2:]) + 1
    if not len(inner):
        return np.inf
    apart = off[order][inner] - (off[order][inner - 1] + off[order][inner + 1]) / 2
    single = np.average(apart**2, weights=w[order][inner]) / 1.5
    of, square = _by_run(q, np.stack([w, w**2]))
    return float(heavy @ shown**2 / max(heavy @ (left * single * square / of**2), 1e-300))


def _run_means(q: Question) -> tuple[np.ndarray, ...]:
    """Residuals (n,) off a local quadratic, their means by run (r,), the share of shared noise left in these, weights of runs."""
    w = q.weights(1.0) + 1e-9
    basis, told = _line(q, q.x, 1.0, 2, 0.03)
    off = np.log(q.y) - basis @ (told @ np.log(q.y))
    heavy = _by_run(q, w[None])[0]
    means = (_by_run(q, (basis * w[:, None]).T) / heavy).T
    taken = _by_run(q, told)
    left = 1 - 2 * np.einsum("rp,pr->r", means, taken) + np.einsum("rp,pq,rq->r", means, taken @ taken.T, means)
    return off, _by_run(q, (w * off)[None])[0] / heavy, np.maximum(left, 0.0), heavy / heavy.sum()


def _by_run(q: Question, values: np.ndarray) -> np.ndarray:
    """Sums (p, runs) of values (p, n) over the rows of each run."""
    return np.array([np.bincount(q.run, v) for v in values])


def level(q: Question) -> float:
    """Log level at the largest measured scale: a local quadratic there, so that one noisy last row does not decide."""
    last = np.array([int(np.argmax(q.scale))])
    return float(np.log(ridge(q.split(np.arange(len(q.y)), last), 1.0, 0.03))[0])


def noise(q: Question) -> float:
    """Log run-to-run noise: the median residual of a local quadratic near the end, as a standard deviation.

    A quadratic leaves few rows no residual to speak of: where they are hardly more than it has unknowns, those farther from the
    end count too, and TYPICAL counts as one more degree of freedom beside those left over.
    """
    rows, spent = np.arange(len(q.y)), 1 + (d := q.x.shape[1]) + d * (d + 1) / 2
    for gamma in END:
        w = q.weights(gamma) + 1e-9
        effective = w.sum() ** 2 / (w @ w)
        if effective > spent + SPARE:
            break
    size = np.abs(np.log(ridge(q.split(rows, rows), gamma, 0.03) / q.y))
    seen = 1.4826 * weighted_median(size, w)
    return float(np.sqrt((effective * seen**2 + TYPICAL**2) / (max(effective - spent, 0.0) + 1.0)))


def of_few(noise: np.ndarray, usual: np.ndarray, spare: float, drawn: float) -> np.ndarray:
    """Noise that `spare` rows beyond a curve's unknowns showed, drawn in the log to a `usual` one that counts as `drawn` rows:
    few rows that go along smoothly do so by luck."""
    part = drawn / (max(spare, 1.0) + drawn)
    return np.maximum(noise, LEAST) ** (1 - part) * np.maximum(usual, LEAST) ** part


def floor_average(q: Question, gamma: float) -> np.ndarray:
    """A power law in the scale above each of several floors, averaged by how well each explains the rows."""
    x, new, w = np.log(q.scale), np.log(q.scale_new), q.weights(gamma)
    w = w / w.sum()
    base = np.quantile(q.y, 0.02) * 0.999 if len(q.y) > 60 else q.y.min()
    effective = 1.0 / (w @ w)
    score, value = [], []
    for share in FLOORS:
        floor = min(share * base, 0.999 * q.y.min())
        z = np.log(q.y - floor)
        v = w * ((q.y - floor) / q.y) ** 2
        v = v / v.sum()
        at = v @ x
        slope = v @ ((x - at) * (z - v @ z)) / (v @ (x - at) ** 2 + 1e-12)
        fitted = floor + np.exp(v @ z + slope * (x - at))
        score.append(-0.5 * effective * np.log(w @ np.log(fitted / q.y) ** 2 + 1e-8))
        value.append(np.log(np.maximum(floor + np.exp(np.minimum(v @ z + slope * (new - at), 700.0)), 1e-300)))
    share = np.exp(np.array(score) - max(score))
    return np.exp(share / share.sum() @ np.array(value))


def last_points(q: Question, count: int, rises: bool = False) -> np.ndarray:
    """The naive baseline: a power law through the last points of the frontier (rows that no cheaper row beats).

    `rises`: more is better.
    """
    order = np.argsort(q.scale, kind="stable")
    scale, y = q.scale[order], q.y[order]
    front = y >= np.maximum.accumulate(y) if rises else y <= np.minimum.accumulate(y)
    scale, y = scale[front], y[front]
    scale, where = np.unique(scale[::-1], return_index=True)
    y = y[::-1][where][-count:]
    scale = scale[-count:]
    if len(scale) < 2 or scale[-1] < scale[0] * (1 + 1e-6):
        return np.full(len(q.scale_new), y[-1])
    slope, height = np.polyfit(np.log(scale), np.log(y), 1)
    return np.exp(np.clip(height + slope * np.log(q.scale_new), -700, 700))


def last_value(q: Question) -> np.ndarray:
    """No further progress: the mean of the last twentieth of the rows."""
    last = np.argsort(q.scale)[-max(1, len(q.y) // 20) :]
    return np.full(len(q.scale_new), np.exp(np.mean(np.log(q.y[last]))))
