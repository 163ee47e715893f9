"""Row, run and residual bootstrap, the Laplace approximation and the profile likelihood of a fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import InputError, one_of
from ..fit import Draws, Fit, Objective
from ..fit.lm import descend
from ..fit.problem import Problem
from ..fit.resample import bootstrap, log_residuals, remeasured
from ..quantities import tails

OPEN = 40.0  # so far off on the line of a domain (in its units or standard deviations) an end counts as open
FAR = 1e3  # where a refit finds no finite cost


def resampled(fit: Fit, method: str = "run", count: int = 1000, seed: int = 0) -> Fit:
    """The same fit with its draws made another way.

    run: whole runs drawn with replacement (the default where there are enough of them); row: single rows; wild: each residual's
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

    def make(m: int) -> tuple[np.ndarray, None]:
        signs = rng.choice([-1.0, 1.0], size=(m, len(names)))[:, index]  # one sign a run keeps its rows together
        return problem.y[0] * np.exp(r + r * signs), None

    params, good = remeasured(problem, fit._z, make, count)
    return Draws(params, r, f"wild bootstrap, {good} refits")


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


def profile(fit: Fit, name: str, level: float = 0.9) -> tuple[float, float]:
    """Profile-likelihood interval of one parameter: where every other one, refitted, no longer makes up for moving it.

    The likelihood is that of independent normal log residuals (the fit's own objective may differ: outliers count in full here).
    An end that the runs leave open is that of the parameter's domain: 0, its bound, or infinite.
    """
    from scipy.optimize import brentq
    from scipy.stats import chi2

    low, high = tails(level)
    limit = np.sqrt(chi2.ppf(high - low, 1))
    fit.law.require({n: 0 for n in (*fit.law.names, name)}, fit.law.names, "parameter")
    domain = next(p.domain for p in fit.law.params if p.name == name)
    free, values = _least_squares(fit, dict(fit.params), {})
    variance = 2 * free / max(1, fit.rows - len(fit.law.names))  # half squares: twice the cost over it is the likelihood ratio
    middle = float(domain.to_line(np.array(values[name])))

    def beyond(z: float) -> float:
        value = float(domain.to_domain(np.array(z)))
        cost, _ = _least_squares(fit, values | {name: value}, {name: value})
        return float(np.sqrt(2 * max(cost - free, 0.0) / variance) - limit) if np.isfinite(cost) else FAR

    spread = float(np.clip(np.std(domain.to_line(laplace(fit).params[name])), 1e-6, 1e6))
    farthest, ends = OPEN * max(spread, 1.0), []
    for side, edge in ((-1, 0.0 if domain.name == "positive" else domain.low), (1, domain.high)):
        step = side * spread
        while beyond(middle + step) < 0 and abs(step) < farthest:
            step *= 2
        if abs(step) >= farthest:
            ends.append(edge)
        else:
            ends.append(float(domain.to_domain(np.array(brentq(beyond, middle, middle + step, rtol=1e-6)))))
    return ends[0], ends[1]


def _least_squares(fit: Fit, start: dict, pinned: dict) -> tuple[float, dict]:
    """Cost (half weighted squares of log residuals) and parameters of the best fit near `start` with some of them pinned."""
    own = fit._problem
    data = ({k: v[0] for k, v in own.x.items()}, own.y[0])
    problem = Problem(fit.law, [data], Objective("squares"), [own.weights[0]], {**own.fixed, **pinned})
    found = descend(problem, problem.from_params(start), np.zeros(1, int), None, 200, 1e-12)
    return float(found.cost[0]), {k: float(v[0]) for k, v in problem.law_params(found.z, np.zeros(1, int)).items()}
