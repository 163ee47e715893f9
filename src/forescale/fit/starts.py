"""Global search: many starts, linear coordinates solved, the best halved and polished until they agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .lm import descend
from .problem import Problem

AGREE = 1e-6  # relative distance in cost at which two polished starts count as the same optimum
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


def search(problem: Problem, seed: int = 0, starts: int = 192, rounds: int = 6, need: int = 3) -> Search:
    """Best optimum of each data set. New rounds of starts follow until `need` polished starts agree on the best.

    With many rows, starts are ranked on a subsample; the last polish always uses every row.
    """
    rng = np.random.default_rng(seed)
    small = problem if problem.n <= 4 * SUBSAMPLE else problem.thinned(SUBSAMPLE, rng)
    best = np.full((problem.b, problem.k), np.nan)
    cost, settled = np.full(problem.b, np.inf), np.zeros(problem.b, bool)
    agreed, polished, tried = np.zeros(problem.b, int), 0, 0
    open_sets = np.arange(problem.b)
    pool_z, pool_cost, pool_which = np.empty((0, problem.k)), np.empty(0), np.empty(0, int)
    for _ in range(rounds):
        z, which = _one_round(small, open_sets, starts, rng)
        end = descend(small, z, which)
        pool_z, pool_cost = np.concatenate((pool_z, end.z)), np.concatenate((pool_cost, end.cost))
        pool_which = np.concatenate((pool_which, which))
        tried, polished = tried + starts, polished + len(z) // len(open_sets)
        for i in open_sets:
            mine = np.flatnonzero(pool_which == i)
            at = mine[np.argmin(pool_cost[mine])]
            best[i], cost[i] = pool_z[at], pool_cost[at]
            agreed[i] = int((pool_cost[mine] <= cost[i] * (1 + AGREE) + 1e-300).sum())
        open_sets = np.flatnonzero(agreed < need)
        if not len(open_sets):
            break
    final = descend(problem, best, np.arange(problem.b))
    return Search(final.z, final.cost, final.settled, polished, agreed, tried)


def _one_round(problem: Problem, sets: np.ndarray, starts: int, rng: np.random.Generator) -> tuple:
    """Draw, eliminate, rank; a few steps on the better ones; hand on the best for polishing."""
    which = np.repeat(sets, starts)
    z = eliminate(problem, np.concatenate([draw(problem, starts, rng) for _ in sets]), which)
    keep = _keep(problem.cost(z, which), which, max(8, starts // 8), problem.b)
    first = descend(problem, z[keep], which[keep], iterations=6)
    again = _keep(first.cost, which[keep], max(4, starts // 32), problem.b)
    return first.z[again], which[keep][again]
