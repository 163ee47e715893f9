"""Global search: many starts, linear coordinates solved, the best halved and polished until they agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .lm import Descent, descend
from .problem import Problem

AGREE = 1e-6  # relative distance in cost at which two polished starts count as the same optimum
MANY = 6  # with more coordinates than this, ranking needs more steps and optima come in clusters
SUBSAMPLE = 4096  # rows used to rank starts when there are many more


@dataclass
class Search:
    """Per data set: best z (b, k), cost (b,), settled (b,), polished starts and how many agreed with the best."""

    z: np.ndarray
    cost: np.ndarray
    settled: np.ndarray
    polished: int
    agreed: np.ndarray
    starts: int


def draw(problem: Problem, count: int, rng: np.random.Generator) -> np.ndarray:
    """Stratified starts (count, k) from the declared boxes, on the real line."""
    cells = rng.permuted(np.tile(np.arange(count), (problem.k, 1)), axis=1).T
    u = (cells + rng.random((count, problem.k))) / count
    out = np.empty_like(u)
    for j, p in enumerate(problem.coordinates):
        if p.domain.name == "positive":
            low, high = np.log(p.start)
            out[:, j] = low + (high - low) * u[:, j]
        else:
            low, high = p.start
            out[:, j] = p.domain.to_line(low + (high - low) * u[:, j])
    return out


def eliminate(problem: Problem, z: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Replace linear coordinates by their weighted least-squares values, kept inside their domains."""
    if not problem.linear:
        return z
    m, s, values = len(problem.linear), len(z), problem.to_values(z)
    gram = np.zeros((s, m + 1, m + 1))
    with np.errstate(all="ignore"):
        for part in problem.blocks(s)[0]:
            for rows in problem.blocks(s)[1]:
                x, y, w = problem._inputs(which[part], rows)
                value, jac = problem.jacobian(values[part], which[part], x)
                basis = jac[:, problem.linear]
                offset = value - np.einsum("sm,smn->sn", values[part][:, problem.linear], basis)
                scale = np.sqrt(w) / (y if problem.objective.residual == "log" else 1.0)
                stacked = np.concatenate((basis, (y - offset)[:, None]), axis=1) * scale[..., None, :]
                gram[part] += stacked @ stacked.transpose(0, 2, 1)
    solved = _bounded(gram[:, :m, :m], gram[:, :m, m], [problem.coordinates[j].domain for j in problem.linear])
    good = np.isfinite(solved).all(axis=1)
    values[np.ix_(good, problem.linear)] = solved[good]
    return np.where(good[:, None], problem.to_line(values), z)


def _bounded(gram: np.ndarray, right: np.ndarray, domains: list) -> np.ndarray:
    """Least squares from normal equations with positive unknowns kept positive (coordinate descent on those)."""
    size = np.sqrt(np.einsum("smm->sm", gram)) + 1e-300
    with np.errstate(all="ignore"):  # where a formula overflows, the start keeps its values
        unit, goal = gram / (size[:, :, None] * size[:, None, :]), right / size
    bad = ~np.isfinite(unit).all((1, 2)) | ~np.isfinite(goal).all(1)
    unit[bad], goal[bad] = np.eye(unit.shape[1]), np.nan
    u = np.linalg.solve(unit + 1e-12 * np.eye(unit.shape[1]), goal[..., None])[..., 0]
    low = 1e-3 * np.abs(goal).max(axis=1)
    bounded = [j for j, d in enumerate(domains) if d.name == "positive"]
    wrong = (u[:, bounded] < low[:, None]).any(axis=1) if bounded else np.zeros(len(u), bool)
    if wrong.any():
        v, g, b, floor = u[wrong], unit[wrong], goal[wrong], low[wrong]
        for _ in range(12):
            for j in range(v.shape[1]):
                v[:, j] += b[:, j] - (g[:, j] * v).sum(axis=1)
                if j in bounded:
                    v[:, j] = np.maximum(v[:, j], floor)
        u[wrong] = v
    return u / size


def _keep(cost: np.ndarray, which: np.ndarray, count: int, b: int) -> np.ndarray:
    """Indices of the `count` cheapest rows of each data set."""
    order = np.lexsort((cost, which))
    place = np.concatenate([np.arange(c) for c in np.bincount(which, minlength=b)])
    return order[place < count]


def search(
    problem: Problem,
    seed: int = 0,
    starts: int | None = None,
    rounds: int = 6,
    need: int = 3,
    iterations: int = 200,
    hops: int = 3,
) -> Search:
    """Best optimum of each data set. New rounds of starts follow until `need` polished starts agree on the best.

    `iterations` of a polish at most: few rows take more than 60, and gain next to nothing by it, but a batch waits for them.
    `hops`: how often the best of many coordinates are perturbed and polished again, at most, while one gets better.

    With many rows, starts are ranked on a subsample; the last polish always uses every row. All data sets have the same starts:
    the answer of one must not depend on which others are fitted beside it.
    """
    starts = starts or (96 if problem.k <= MANY else 64 * problem.k)
    small = problem if problem.n <= 4 * SUBSAMPLE else problem.thinned(SUBSAMPLE, np.random.default_rng(seed))
    pool = _Pool(problem.b, problem.k)
    open_sets, polished = np.arange(problem.b), 0
    for done in range(1, rounds + 1):
        rng = np.random.default_rng([seed, done])
        z, which = _one_round(small, open_sets, starts, rng)
        end = descend(small, z, which, iterations=iterations)
        pool.add(end, which)
        polished += len(z) // len(open_sets)
        agreed = pool.agreed()
        if problem.k > MANY:
            for _ in range(hops):
                better = _hop(small, pool, open_sets, rng, iterations=iterations)
                agreed = np.where(better, 0, agreed)
                if not better.any():
                    break
        open_sets = np.flatnonzero(agreed < need)
        if not len(open_sets):
            break
    if small is problem:
        best, cost, settled = pool.best(), pool.least(), pool.settled[_keep(pool.cost, pool.which, 1, problem.b)]
    else:
        final = descend(problem, pool.best(), np.arange(problem.b), iterations=iterations, damping=1e-9)
        best, cost, settled = final.z, final.cost, final.settled
    return Search(best, cost, settled, polished, pool.agreed(), starts * done)


class _Pool:
    """Polished starts of every data set; hops (perturbed copies of a best) count only when they win."""

    def __init__(self, b: int, k: int):
        self.z, self.cost, self.which = np.empty((0, k)), np.empty(0), np.empty(0, int)
        self.settled = np.empty(0, bool)
        self.b = b

    def add(self, end: Descent, which: np.ndarray) -> None:
        self.z, self.cost = np.concatenate((self.z, end.z)), np.concatenate((self.cost, end.cost))
        self.which, self.settled = np.concatenate((self.which, which)), np.concatenate((self.settled, end.settled))

    def least(self) -> np.ndarray:
        out = np.full(self.b, np.inf)
        np.minimum.at(out, self.which, self.cost)
        return out

    def best(self) -> np.ndarray:
        return self.z[_keep(self.cost, self.which, 1, self.b)]

    def agreed(self) -> np.ndarray:
        near = self.cost <= self.least()[self.which] * (1 + AGREE) + 1e-300
        return np.bincount(self.which[near & np.isfinite(self.cost)], minlength=self.b)


def _hop(
    problem: Problem, pool: _Pool, sets: np.ndarray, rng: np.random.Generator, count: int = 10, iterations: int = 200
) -> np.ndarray:
    """Perturb each best and descend again: optima often come in clusters that no fresh start tells apart.

    Returns which data sets improved (b,).
    """
    which = np.repeat(sets, count)
    steps = np.geomspace(0.005, 1.0, count)[:, None] * rng.standard_normal((count, problem.k))
    end = descend(problem, pool.best()[which] + np.tile(steps, (len(sets), 1)), which, iterations=iterations)
    before = pool.least()
    won = end.cost < before[which] * (1 - 1e-9)
    first = _keep(end.cost[won], which[won], 1, pool.b) if won.any() else np.empty(0, int)
    pool.add(Descent(end.z[won][first], end.cost[won][first], end.settled[won][first], 0), which[won][first])
    return np.isin(np.arange(pool.b), which[won])


def _one_round(problem: Problem, sets: np.ndarray, starts: int, rng: np.random.Generator) -> tuple:
    """Draw, eliminate, rank; some steps on the better ones; hand on the best for polishing.

    The steps before the last cut use three times the Huber delta: a smoother landscape with the same basins.
    """
    which = np.repeat(sets, starts)
    z = eliminate(problem, np.tile(draw(problem, starts, rng), (len(sets), 1)), which)
    many = problem.k > MANY
    keep = _keep(problem.cost(z, which), which, max(8, starts // (3 if many else 6)), problem.b)
    first = descend(problem.smoothed(3.0), z[keep], which[keep], iterations=25 if many else 6)
    again = _keep(first.cost, which[keep], max(4, starts // 32), problem.b)
    return first.z[again], which[keep][again]
