"""Two arms fitted together, with what they share: floor and exponent, floor only, nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..fit import Objective
from ..fit.lm import descend
from ..fit.problem import Problem
from ..fit.starts import search
from ..law import Law, Param, Source, Working, interval, law, positive

STRUCTURES = {"parallel": ("E", "alpha"), "one floor": ("E",), "separate": ()}
_SOURCE = Source(
    "arXiv:2010.14701", "Henighan et al. 2020, Scaling Laws for Autoregressive Generative Modeling", "1.1 for each arm"
)


def pair_law(shared: tuple[str, ...]) -> Law:
    """loss = E + A x^-alpha of two arms: inputs x and arm (1 or 2); `shared` names what is one for both."""

    def names(base: str) -> tuple[str, str]:
        return (base, base) if base in shared else (base + "1", base + "2")

    floors, powers = names("E"), names("alpha")
    unknown = [*dict.fromkeys(floors), "h1", "h2", *dict.fromkeys(powers)]
    boxes = {"E": (positive, (0.05, 3.0)), "h": (positive, (0.02, 5.0)), "a": (interval(0, 2), (0.03, 0.8))}

    def formula(p, x):
        one, two = (
            getattr(p, floor) + getattr(p, height) * x.x ** -getattr(p, power)
            for floor, height, power in zip(floors, ("A1", "A2"), powers, strict=True)
        )
        return np.where(x.arm < 1.5, one, two)

    formula.__doc__ = "Two power laws above floors."

    def to_law(q, c):
        out = {k: getattr(q, k) for k in unknown if not k.startswith("h")}
        return out | {"A" + i: getattr(q, "h" + i) * c.x ** getattr(q, e) for i, e in zip("12", powers, strict=True)}

    def from_law(p, c):
        out = {k: getattr(p, k) for k in unknown if not k.startswith("h")}
        return out | {"h" + i: getattr(p, "A" + i) * c.x ** -getattr(p, e) for i, e in zip("12", powers, strict=True)}

    def param(name: str) -> Param:
        domain, start = boxes[name[0]]
        return Param(name, domain, start, name)

    real = [k for k in unknown if not k.startswith("h")]
    return law(
        name="pair",
        inputs=("x", "arm"),
        output="loss",
        params=tuple(param(k) for k in real) + tuple(Param(a, positive, (1e-3, 1e6), "term at x = 1") for a in ("A1", "A2")),
        source=_SOURCE,
        working=Working(tuple(param(k) for k in unknown), to_law, from_law, tuple(k for k in unknown if k[0] in "Eh")),
    )(formula)


@dataclass(frozen=True)
class JointFit:
    """One structure: `values` (draws + 1, 6) are E1, A1, alpha1, E2, A2, alpha2, the fit itself first; `aicc` and noise."""

    structure: str
    values: np.ndarray
    aicc: float
    noise: float
    residuals: np.ndarray

    def spread(self, rows: np.ndarray) -> float:
        """Standard deviation of the log residuals of these rows."""
        return float(np.sqrt(np.mean(np.square(self.residuals[rows]))))

    def loss(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Loss of both arms (draws + 1, x)."""
        e1, a1, p1, e2, a2, p2 = (v[:, None] for v in self.values.T)
        return e1 + a1 * x**-p1, e2 + a2 * x**-p2


def joint_fit(structure: str, x: np.ndarray, arm: np.ndarray, y: np.ndarray, draws: int, seed: int = 0) -> JointFit:
    """Least squares in log loss, and `draws` refits to losses redrawn around it with its own noise."""
    shared = STRUCTURES[structure]
    model, rng = pair_law(shared), np.random.default_rng(seed)
    inputs = {"x": x, "arm": arm}
    problem = Problem(model, [(inputs, y)], Objective("squares"))
    best = search(problem, seed=seed)
    n, k = len(y), problem.k
    point = {name: float(v[0]) for name, v in problem.law_params(best.z[:1]).items()}
    mean = model(point, **inputs)
    rss = float(np.square(np.log(mean / y)).sum())
    noise = np.sqrt(rss / max(n - k, 1))
    columns = {name: np.array([v]) for name, v in point.items()}
    if draws:
        again = [(inputs, mean * np.exp(noise * e)) for e in rng.standard_normal((draws, n))]
        many = Problem(model, again, Objective("squares"))
        ends = descend(many, np.repeat(best.z[:1], draws, axis=0), np.arange(draws), iterations=60, tolerance=1e-9)
        drawn = many.law_params(ends.z, np.arange(draws))
        columns = {name: np.r_[point[name], drawn[name]] for name in point}
    own = lambda base, i: base if base in shared else base + i
    values = np.stack([columns[name] for i in "12" for name in (own("E", i), "A" + i, own("alpha", i))], axis=1)
    # small-sample Akaike criterion; the noise is one more unknown
    aicc = n * np.log(max(rss / n, 1e-300)) + 2 * (k + 1) + 2 * (k + 1) * (k + 2) / max(n - k - 2, 0.5)
    return JointFit(structure, values, float(aicc), float(noise), np.log(mean / y))
