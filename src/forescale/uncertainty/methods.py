"""Row, run and residual bootstrap, the Laplace approximation and the profile likelihood of a fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import InputError, one_of
from ..fit import Draws, Fit, Objective
from ..fit.lm import descend
from ..fit.problem import Problem
from ..fit.resample import bootstrap, log_residuals


def resampled(fit: Fit, method: str = "run", count: int = 1000, seed: int = 0) -> Fit:
    """The same fit with its draws made another way.

    run: whole runs drawn with replacement (the default of every fit); row: single rows; wild: each residual's
    sign flipped at random, which keeps the design fixed; laplace: a normal around the optimum, a fast look only.
    """
    if fit._problem is None:
        raise InputError("this fit was read from a file and holds no data; fit again to resample")
    if method == "run":
        draws = bootstrap(fit._problem, fit._z, fit._groups, count, seed)
    elif method == "row":
        draws = bootstrap(fit._problem, fit._z, np.arange(fit.rows), count, seed)
        draws = replace(draws, method=f"row bootstrap, {len(draws)} refits")
    elif method == "wild":
        draws = _wild(fit, count, seed)
    elif method == "laplace":
        draws = laplace(fit, count, seed)
    else:
        raise one_of("method", method, ("run", "row", "wild", "laplace"))
    return replace(fit, _draws=draws)


def _wild(fit: Fit, count: int, seed: int) -> Draws:
    problem, rng = fit._problem, np.random.default_rng(seed)
    r = log_residuals(problem, fit._z)
    names, index = np.unique(fit._groups, return_inverse=True)
    signs = rng.choice([-1.0, 1.0], size=(count, len(names)))[:, index]  # one sign a run keeps its rows together
    x = {k: v[0] for k, v in problem.x.items()}
    fitted = problem.y[0] * np.exp(r)
    sets = [(x, fitted * np.exp(r * s)) for s in signs]
    many = Problem(fit.law, sets, fit.objective, [problem.weights[0]] * count, problem.fixed)
    end = descend(many, np.repeat(fit._z, count, axis=0), np.arange(count), None, 100, 1e-9)
    good = np.isfinite(end.cost)
    params = {k: v[good] for k, v in many.law_params(end.z, np.arange(count)).items()}
    return Draws(params, r, f"wild bootstrap, {int(good.sum())} refits")


def laplace(fit: Fit, count: int = 1000, seed: int = 0) -> Draws:
    """Normal draws around the optimum with the covariance of least squares on log residuals at that point.

    Labelled a fast look: it assumes independent normal noise and a locally linear law.
    """
    problem = fit._problem
    squares = Problem(
        fit.law,
        [({k: v[0] for k, v in problem.x.items()}, problem.y[0])],
        Objective("squares"),
        [problem.weights[0]],
        problem.fixed,
    )
    _, _, curvature = squares.normal(fit._z, np.zeros(1, int), None, np.ones(1))
    r = log_residuals(problem, fit._z)
    covariance = np.linalg.pinv(curvature[0], rcond=1e-12) * np.mean(r * r)
    z = np.random.default_rng(seed).multivariate_normal(fit._z[0], covariance, size=count, method="svd")
    return Draws(dict(problem.law_params(z, np.zeros(count, int))), r, f"Laplace, {count} draws (a fast look)")


def profile(fit: Fit, name: str, level: float = 0.9, points: int = 41, width: float = 4.0) -> tuple[float, float]:
    """Profile-likelihood interval of one parameter: every other one refitted along a grid, all in one batch.

    The likelihood is that of independent log residuals with the objective's own cost, scaled by their variance.
    """
    from scipy.stats import chi2

    fit.law.require({n: 0 for n in (*fit.law.names, name)}, fit.law.names, "parameter")
    rough = laplace(fit).params[name]
    spread = (np.quantile(rough, 0.84) - np.quantile(rough, 0.16)) / 2
    spread = max(float(spread), 1e-6 * abs(fit.params[name]))
    domain = next(p.domain for p in fit.law.params if p.name == name)
    grid = np.linspace(fit.params[name] - width * spread, fit.params[name] + width * spread, points)
    grid = np.array([g for g in grid if domain.contains(g)])
    problem = fit._problem
    x, y = {k: v[0] for k, v in problem.x.items()}, problem.y[0]
    costs = []
    for value in grid:
        pinned = Problem(fit.law, [(x, y)], Objective("squares"), [problem.weights[0]], {**problem.fixed, name: value})
        start = pinned.from_params({k: v for k, v in fit.params.items()})
        costs.append(descend(pinned, start, np.zeros(1, int), None, 200, 1e-12).cost[0])
    costs = np.array(costs)
    # half squares: twice the cost over the noise variance is the likelihood-ratio statistic
    variance = 2 * costs.min() / max(1, len(y) - len(fit.law.names))
    inside = grid[2 * (costs - costs.min()) / variance <= chi2.ppf(level, 1)]
    return float(inside.min()), float(inside.max())
