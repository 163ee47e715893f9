"""Refits of resampled data, all in one batch: resamples are row weights or, where runs are too few for that, new measurements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .lm import descend
from .problem import Problem

MEMORY = 20_000_000  # row weights held at once: 160 MB
TYPICAL = 0.003  # log noise from seed to seed of a training run, where runs are too few to say
FEWEST = 6  # whole runs that can be drawn from; single rows must be two more than the parameters


@dataclass(frozen=True)
class Draws:
    """Parameter draws (m,) by name, the noise of a new run as log residuals (r,), and how they were made."""

    params: dict[str, np.ndarray]
    noise: np.ndarray
    method: str

    def __len__(self) -> int:
        return len(next(iter(self.params.values())))


def multinomial(groups: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Row weights (count, n): whole groups drawn with replacement."""
    names, index = np.unique(groups, return_inverse=True)
    picks = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=count)
    return picks[:, index].astype(float)


def log_residuals(problem: Problem, z: np.ndarray) -> np.ndarray:
    """log prediction - log measurement of the first data set (n,).

    Not widened for spent parameters: the resampled Huber fits already scatter more than the estimate does, and in
    simulation the widened interval covers too much (96 % for iid noise at a nominal 90 %).
    """
    x, y, _ = problem._inputs(np.zeros(1, int), slice(None))
    return np.log(problem.predict(problem.to_values(z), np.zeros(1, int), x)[0] / np.atleast_2d(y)[0])


def too_few(problem: Problem, groups: np.ndarray) -> str:
    """Says so where drawing these groups again would tell nothing of run-to-run noise; else empty."""
    count = len(np.unique(groups))
    if count >= (FEWEST if count < len(groups) else problem.k + 2):
        return ""
    what = "run is" if count == 1 else "runs are"
    return f"{count} {what} too few to tell run-to-run noise: intervals take it as {TYPICAL:.1%} or what residuals show, if more"


def draw(problem: Problem, z: np.ndarray, groups: np.ndarray, count: int, seed: int, progress=None) -> Draws:
    """The default of every fit: whole runs drawn with replacement; their noise drawn anew where there are too few of them."""
    make = redrawn if too_few(problem, groups) else bootstrap
    return make(problem, z, groups, count, seed, progress)


def bootstrap(
    problem: Problem,
    z: np.ndarray,
    groups: np.ndarray,
    count: int = 1000,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Draws:
    """Draw groups (runs) with replacement and refit, warm from the optimum z (1, k), each to its own minimum."""
    rng, parts = np.random.default_rng(seed), []
    step = max(1, MEMORY // problem.n)
    for done in range(0, count, step):
        m = min(step, count - done)
        weights = multinomial(groups, m, rng)
        part = (lambda share, done=done, m=m: progress((done + share * m) / count)) if progress else None
        parts.append(descend(problem, np.repeat(z, m, axis=0), np.zeros(m, int), weights, 100, 1e-9, part))
    ends = np.concatenate([p.z for p in parts])[np.isfinite(np.concatenate([p.cost for p in parts]))]
    params, good = dict(problem.law_params(ends, np.zeros(len(ends), int))), len(ends)
    kind = "run" if len(np.unique(groups)) < len(groups) else "row"
    return Draws(params, log_residuals(problem, z), f"{kind} bootstrap, {good} refits")


def redrawn(
    problem: Problem,
    z: np.ndarray,
    groups: np.ndarray,
    count: int = 1000,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Draws:
    """Measure again in simulation and refit: each run is shifted as a whole, its rows are drawn with replacement.

    The shift's size is what runs show beyond the parameters spent on them; TYPICAL counts as one more degree of freedom.
    Every design point stays in every refit, which few runs need to hold a law at all.
    """
    rng, r = np.random.default_rng(seed), log_residuals(problem, z)
    _, index, rows = np.unique(groups, return_inverse=True, return_counts=True)
    shift = np.bincount(index, r) / rows
    size = np.sqrt((shift @ shift + TYPICAL**2) / (max(len(rows) - problem.k, 0) + 1))

    def make(m: int) -> tuple[np.ndarray, np.ndarray]:
        shifts = size * rng.standard_normal((m, len(rows)))
        weights = np.empty((m, len(r)))
        for g, many in enumerate(rows):
            weights[:, index == g] = rng.multinomial(many, np.full(many, 1 / many), size=m)
        return problem.y[0] * np.exp(shifts[:, index]), weights

    params, good = remeasured(problem, z, make, count, progress)
    noise = rng.choice(r - shift[index], 1000) + size * rng.standard_normal(1000)
    return Draws(params, noise, f"noise drawn anew, {good} refits")


def remeasured(problem: Problem, z: np.ndarray, make: Callable, count: int, progress=None) -> tuple[dict[str, np.ndarray], int]:
    """Parameters refitted to other measurements of the same rows, warm from z (1, k), and how many came to an end.

    `make(m)` gives m measurements (m, n) and row weights (m, n) or None; it is asked for as many at once as memory holds.
    """
    x, step, parts = {k: v[0] for k, v in problem.x.items()}, max(1, MEMORY // (8 * problem.n)), []
    for done in range(0, count, step):
        m = min(step, count - done)
        measured, weights = make(m)
        many = Problem(problem.law, [(x, y) for y in measured], problem.objective, [problem.weights[0]] * m, problem.fixed)
        part = (lambda share, done=done, m=m: progress((done + share * m) / count)) if progress else None
        found = descend(many, np.repeat(z, m, axis=0), np.arange(m), weights, 100, 1e-9, part)
        parts.append({k: v[np.isfinite(found.cost)] for k, v in many.law_params(found.z, np.arange(m)).items()})
    params = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
    return params, len(next(iter(params.values())))
