"""Does the default interval hold? Simulated ladders with three kinds of noise, fitted and resampled in batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..fit import Objective
from ..fit.lm import descend
from ..fit.problem import Problem
from ..fit.resample import multinomial
from ..fit.starts import search
from ..law import Law

NOISES = ("iid", "run-correlated", "heavy-tailed")
BUDGETS = np.geomspace(1e18, 1e20, 5)
TARGET = 1e21  # ten times the largest simulated budget


@dataclass(frozen=True)
class Coverage:
    """Shares of simulated ladders whose 90 % interval holds a new run's loss and the true N* at ten times the compute.

    `usual` is the common percentile bootstrap of rows for the fitted mean, judged on the same new runs.
    """

    noise: str
    ladders: int
    new_run: float
    optimum: float
    usual: float
    width: float


def simulate(law: Law, truth: dict, noise: str, rng: np.random.Generator) -> tuple[dict, np.ndarray, np.ndarray, float]:
    """Inputs, losses, run labels of one ladder, and the log noise of one further run.

    iid and heavy-tailed: 7 sizes in each of 5 isoFLOP groups, one run each. run-correlated: 14 runs read at 4
    checkpoints, whose noise is mostly shared within a run.
    """
    if noise == "run-correlated":
        n = np.geomspace(3e7, 1.5e9, 14)[:, None] * np.ones(4)
        d = np.geomspace(2.5, 60, 4)[None] * n * np.exp(rng.uniform(-0.7, 0.7, (14, 1)))
        runs = np.repeat(np.arange(14), 4)
        e = 0.006 * rng.standard_normal(14)[runs] + 0.002 * rng.standard_normal(56)
        extra = 0.006 * rng.standard_normal() + 0.002 * rng.standard_normal()
    else:
        centre = np.sqrt(BUDGETS / 6 / 20)[:, None]
        n = centre * np.geomspace(0.25, 4, 7)[None]
        d = BUDGETS[:, None] / (6 * n)
        runs = np.arange(n.size)
        draw = rng.standard_normal if noise == "iid" else lambda size=None: 0.6 * rng.standard_t(2.5, size)
        e, extra = 0.006 * draw(n.size), 0.006 * float(draw())
    x = {"params": n.ravel(), "tokens": d.ravel()}
    return x, law(truth, **x) * np.exp(e), runs, extra


def coverage(law: Law, truth: dict, noise: str, ladders: int = 200, resamples: int = 300, seed: int = 0) -> Coverage:
    """Simulate, fit with the default objective, resample by run and by row, and count how often intervals hold."""
    rng = np.random.default_rng(seed)
    sets = [simulate(law, truth, noise, rng) for _ in range(ladders)]
    problem = Problem(law, [(x, y) for x, y, _, _ in sets], Objective())
    best = search(problem, seed)
    names = dict(zip(("A", "B", "alpha", "beta"), (truth[k] for k in ("A", "B", "alpha", "beta")), strict=True))
    n_true = _optimal(names)
    x = {"params": n_true, "tokens": TARGET / (6 * n_true)}
    measured = np.log(float(law(truth, **x))) + np.array([extra for *_, extra in sets])
    by_run = _refits(problem, best.z, [runs for _, _, runs, _ in sets], resamples, rng)
    by_row = _refits(problem, best.z, [np.arange(len(runs)) for _, _, runs, _ in sets], resamples, rng)
    held, usual, optimum, widths = [], [], [], []
    fitted = problem.predict(problem.to_values(best.z), np.arange(ladders), _namespace(problem))
    residual = np.log(fitted / problem.y)
    for i in range(ladders):
        mean = np.log(law({k: v[i] for k, v in by_run.items()}, **x))
        new = mean - rng.choice(residual[i], size=(8, resamples))
        low, high = np.quantile(new, [0.05, 0.95])
        held.append(low <= measured[i] <= high)
        widths.append(high - low)
        a, b = np.quantile(np.log(law({k: v[i] for k, v in by_row.items()}, **x)), [0.05, 0.95])
        usual.append(a <= measured[i] <= b)
        a, b = np.quantile(_optimal({k: v[i] for k, v in by_run.items()}), [0.05, 0.95])
        optimum.append(a <= n_true <= b)
    shares = (float(np.mean(v)) for v in (held, optimum, usual))
    return Coverage(noise, ladders, *shares, float(np.median(widths)))


def _namespace(problem: Problem):
    return problem._inputs(np.arange(problem.b), slice(None))[0]


def _optimal(p: dict) -> np.ndarray:
    g = (p["alpha"] * p["A"] / (p["beta"] * p["B"])) ** (1 / (p["alpha"] + p["beta"]))
    return g * (TARGET / 6) ** (p["beta"] / (p["alpha"] + p["beta"]))


def _refits(problem: Problem, z: np.ndarray, groups: list, count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Parameter draws (ladders, count) by name."""
    weights = np.concatenate([multinomial(g, count, rng) for g in groups])
    which = np.repeat(np.arange(problem.b), count)
    end = descend(problem, np.repeat(z, count, axis=0), which, weights, 100, 1e-9)
    return {k: v.reshape(problem.b, count) for k, v in problem.law_params(end.z, which).items()}
