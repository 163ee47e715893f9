"""check_law: every test a law record must pass. Shipped, so that users can hold their own laws to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from .fit.objective import Objective
from .fit.problem import Problem
from .fit.starts import Search, search
from .law import Law
from .shown import Shown

NOISE, OUTLIER = 0.003, 0.15
ROUNDS = (2, 6)  # of a search: what few find needs no more


@dataclass(frozen=True)
class Check:
    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Verdict(Shown):
    law: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(c.passed for c in self.checks)

    def summary(self) -> str:
        lines = [f"{'pass' if c.passed else 'FAIL'}  {c.name:24} {c.detail}" for c in self.checks]
        return "\n".join([f"law {self.law}", *lines, f"{sum(c.passed for c in self.checks)} of {len(self.checks)} checks pass"])


_RANGES = {
    "params": (1e7, 1e10),
    "tokens": (1e9, 1e12),
    "flops": (1e17, 1e22),
    "steps": (1e3, 1e6),
    "width": (128, 4096),
    "depth": (4, 64),
    "loss": (1.5, 5.0),
}


_NO_UNIT = {"loss", "samples", "dimension"}


def sample_inputs(law: Law, rows: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Log-uniform inputs over ordinary ranges, or the range the law's source fitted."""
    out = {}
    for name in law.inputs:
        low, high = law.valid.get(name, _RANGES.get(name, (1e2, 1e8)))
        out[name] = np.exp(rng.permutation(np.linspace(np.log(low), np.log(high), rows)))
    return out


def truth(law: Law, x: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, float]:
    """A typical parameter set: drawn from the middle of the start boxes, linear terms scaled to matter on x."""
    if law.published:
        return dict(law.published[0].values)
    problem = Problem(law, [(x, np.ones(len(next(iter(x.values())))))], Objective())
    z = []
    for p in problem.coordinates:
        low, high = (float(p.domain.to_line(np.float64(v))) for v in p.start)
        z.append(low + (high - low) * rng.uniform(0.35, 0.65))
    params = {k: float(v[0]) for k, v in problem.law_params(np.array([z])).items()}
    if law.working is None:
        values = {k: np.float64(v) for k, v in params.items()}
        for name in law.linear:  # coefficients of order one at the middle of the data
            unit = law({**values, **dict.fromkeys(law.linear, 0.0), name: 1.0}, **x)
            size = np.median(np.abs(unit))
            if size > 0 and np.isfinite(size):
                values[name] = rng.uniform(0.4, 1.2) / size
        params = {k: float(v) for k, v in values.items()}
    return params


def check_law(law: Law, seed: int = 0, progress: Callable[[float], None] | None = None) -> Verdict:
    """Run every check: shape, gradient, linearity, claims, presets, and recovery with an independent solver."""
    rng = np.random.default_rng(seed)
    checks = []
    tests = (_broadcasts, _finite, _gradient, _linear, _claims, _worked, _optimum, _units, _recovers)
    for done, test in enumerate(tests):
        if progress:
            progress(done / len(tests))
        try:
            with np.errstate(all="ignore"):
                checks.extend(test(law, rng))
        except Exception as error:  # a user's formula may raise anything; the verdict says what
            checks.append(Check(test.__name__.strip("_"), False, f"{type(error).__name__}: {error}"))
    if progress:
        progress(1.0)
    return Verdict(law.name, tuple(checks))


def _broadcasts(law: Law, rng: np.random.Generator) -> Iterator[Check]:
    x = sample_inputs(law, 7, rng)
    p = truth(law, x, rng)
    flat = law(p, **x)
    table = law({k: np.full((3, 1), v) for k, v in p.items()}, **x)
    good = flat.shape == (7,) and table.shape == (3, 7) and np.allclose(table, flat, rtol=1e-12)
    yield Check("broadcasts", bool(good), f"(7,) gives {flat.shape}, (3, 1) against (7,) gives {table.shape}")


def _draws(law: Law, x: dict, count: int, rng: np.random.Generator) -> np.ndarray:
    from .fit.starts import draw

    problem = Problem(law, [(x, np.ones(len(next(iter(x.values())))))], Objective())
    return problem, draw(problem, count, rng)


def _finite(law: Law, rng: np.random.Generator) -> Iterator[Check]:
    problem, z = _draws(law, sample_inputs(law, 40, rng), 200, rng)
    x, _, _ = problem._inputs(np.zeros(1, int), slice(None))
    with np.errstate(all="ignore"):
        value = problem.predict(problem.to_values(z), np.zeros(200, int), x)
    share = np.isfinite(value).mean()
    yield Check("finite on start box", bool(share == 1), f"{share:.1%} of values finite over 200 draws")


def _gradient(law: Law, rng: np.random.Generator) -> Iterator[Check]:
    problem, z = _draws(law, sample_inputs(law, 20, rng), 20, rng)
    x, _, _ = problem._inputs(np.zeros(1, int), slice(None))
    values, which = problem.to_values(z), np.zeros(20, int)
    _, exact = problem.jacobian(values, which, x)
    _, near = problem._differences(values, which, x)
    # differences lose digits where a parameter hardly moves the value: measured in units of value over parameter
    value = np.abs(problem.predict(values, which, x)).max(axis=1)[:, None, None]
    scale = np.abs(exact).max(axis=2, keepdims=True) + 1e-3 * value / np.abs(values)[:, :, None]
    worst = float((np.abs(exact - near) / scale).max())
    how = "exact" if problem.exact else problem.note
    yield Check("gradient", worst < 1e-5, f"differs from central differences by {worst:.1e} at most ({how})")


def _linear(law: Law, rng: np.random.Generator) -> Iterator[Check]:
    x = sample_inputs(law, 20, rng)
    problem, z = _draws(law, x, 5, rng)
    p, worst = {k: v[:, None] for k, v in problem.law_params(z).items()}, 0.0
    for name in law.linear:
        a, b, c = (law({**p, name: p[name] * f}, **x) for f in (0.5, 1.0, 1.5))
        bend = float(np.abs(a + c - 2 * b).max() / np.abs(b).max())
        worst = max(worst, bend if np.isfinite(bend) else np.inf)
    yield Check("linear parameters", worst < 1e-9, f"{', '.join(law.linear) or 'none declared'}; second difference {worst:.0e}")


def _claims(law: Law, rng: np.random.Generator) -> Iterator[Check]:
    problem, z = _draws(law, sample_inputs(law, 20, rng), 100, rng)
    params = {k: v[:, None] for k, v in problem.law_params(z).items()}
    for claim in law.claims:
        x = {k: np.median(v) for k, v in sample_inputs(law, 21, rng).items()}
        if claim.kind == "floor":
            x = sample_inputs(law, 50, rng)
            good = np.all(law(params, **x) >= params[claim.subject] * (1 - 1e-12))
        else:
            x[claim.subject] = np.sort(sample_inputs(law, 50, rng)[claim.subject])
            steps = np.diff(law(params, **x), axis=1)
            good = np.all((steps if claim.kind == "increasing" else -steps) >= -1e-9)
        yield Check(f"claim: {claim}", bool(good), "on 100 draws from the start boxes")


def _worked(law: Law, rng: np.random.Generator) -> Iterator[Check]:
    for preset in law.published:
        if preset.worked:
            x, wanted, tolerance = preset.worked
            got = float(law(preset.values, **{k: np.float64(v) for k, v in x.items()}))
            yield Check(f"worked: {preset.name}", abs(got / wanted - 1) < tolerance, f"{got:.6g}, published {wanted:.6g}")


def _optimum(law: Law, rng: np.random.Generator) -> Iterator[Check]:
    if law.optimum and set(law.inputs) == {"params", "tokens"}:
        from .plan import numeric_params

        p = truth(law, sample_inputs(law, 30, rng), rng)
        names = SimpleNamespace(**{k: np.float64(v) for k, v in p.items()})
        closed, numeric = float(law.optimum(names, 1e21)[0]), float(numeric_params(law, p, 1e21))
        yield Check("optimum", abs(closed / numeric - 1) < 1e-5, f"closed form {closed:.8g}, numeric {numeric:.8g}")


def _units(law: Law, rng: np.random.Generator) -> Iterator[Check]:
    """The fitted curve does not depend on the unit of the first input."""
    x = sample_inputs(law, 60, rng)
    y = law(truth(law, x, rng), **x) * np.exp(NOISE * rng.standard_normal(60))
    first = law.inputs[0]
    if law.valid.get(first, (0.0, np.inf))[1] <= 5 or first in _NO_UNIT:  # shares and accuracies neither
        return
    unit = 1e3 if first in ("width", "depth") else 1e6
    both = [({**x, first: x[first] / u}, y) for u in (1.0, unit)]
    problem = Problem(law, both, Objective("squares"))
    for rounds in ROUNDS:
        costs = search(problem, rounds=rounds).cost
        same = bool(abs(costs[1] / costs[0] - 1) < 1e-6)
        if same:
            break
    yield Check("units", same, f"cost {costs[0]:.8g} as given, {costs[1]:.8g} in {unit:g}s")


def _recovers(law: Law, rng: np.random.Generator) -> Iterator[Check]:
    """The fitted curve is the true one on clean, noisy and outlier data, at scipy's minimum or below."""
    x = sample_inputs(law, 80, rng)
    p = truth(law, x, rng)
    clean = law(p, **x)
    noisy = clean * np.exp(NOISE * rng.standard_normal(80))
    outlier = noisy.copy()
    outlier[rng.choice(80, 4, replace=False)] *= np.exp(OUTLIER)
    kinds = (("clean", clean, 1e-4), ("noisy", noisy, NOISE), ("outlier", outlier, NOISE))
    for loss in ("huber", "squares"):
        asked = kinds if loss == "huber" else kinds[:2]  # least squares is not meant to survive outliers
        problem = Problem(law, [(x, y) for _, y, _ in asked], Objective(loss))
        for rounds in ROUNDS:
            found = search(problem, rounds=rounds)
            checks = [_recovered(problem, found, i, name, clean, limit, rng) for i, (name, _, limit) in enumerate(asked)]
            if all(c.passed for c in checks):
                break
        yield from checks


def _recovered(problem: Problem, found: Search, i: int, kind: str, clean: np.ndarray, limit: float, rng) -> Check:
    """Whether data set i was fitted to its clean curve within `limit`, at scipy's minimum or below."""
    x = {k: v[i] for k, v in problem.x.items()}
    error = float(np.sqrt(np.mean(np.log(problem_value(problem, found.z, x, i) / clean) ** 2)))
    reference = _scipy_cost(problem, found.z, rng, i)
    good = error < limit and found.cost[i] <= reference * (1 + 1e-7) + 1e-12
    noise = 0 if kind == "clean" else NOISE
    detail = f"curve off by {error:.1e} (noise {noise:g}); cost {found.cost[i]:.6g}, scipy {reference:.6g}"
    return Check(f"recovers: {kind}, {problem.objective.loss}", bool(good), detail)


def problem_value(problem: Problem, z: np.ndarray, x: dict, i: int = 0) -> np.ndarray:
    """The law at x (n,) by the coordinates z (b, k) of data set i."""
    return problem.predict(problem.to_values(z[i : i + 1]), np.array([i]), SimpleNamespace(**x))[0]


def _scipy_cost(problem: Problem, z: np.ndarray, rng: np.random.Generator, i: int) -> float:
    """The least cost of data set i that scipy's L-BFGS finds from perturbed copies of our optimum, by its own differences."""
    from scipy.optimize import minimize

    best, which = np.inf, np.full(problem.k + 1, i)

    def cost(q: np.ndarray) -> tuple[float, np.ndarray]:
        """Value and forward differences, all points in one batch."""
        steps = 1.5e-8 * np.maximum(1.0, np.abs(q))
        costs = np.minimum(problem.cost(np.vstack([q, q + np.diag(steps)]), which), 1e10)
        return float(costs[0]), (costs[1:] - costs[0]) / steps

    with np.errstate(all="ignore"):
        for _ in range(3):
            start = z[i] + 0.05 * rng.standard_normal(problem.k)
            options = {"ftol": 1e-15, "gtol": 1e-12, "maxiter": 2000}
            best = min(best, float(minimize(cost, start, jac=True, method="L-BFGS-B", options=options).fun))
    return best
