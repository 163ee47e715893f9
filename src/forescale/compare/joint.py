"""Two arms fitted together, with what they share: floor and exponent, floor only, nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..fit import Objective
from ..fit.lm import descend
from ..fit.problem import Problem
from ..fit.starts import search
from ..law import Law, Param, Source, Working, interval, law, positive
from .frontier import LEAST, joined

STRUCTURES = {"parallel": ("E", "alpha"), "one floor": ("E",), "separate": ()}
CHUNK = 64  # pairs fitted in one batch
OPEN = 0.25  # of a difference in the criterion; a half is the usual weight, and held 87 instead of 90 %
USUAL = 0.005  # noise of a run in log loss
PRIOR = 3  # how many runs with the usual noise the small-sample criterion counts beside those there are
LITTLE = 0.1  # least share of its estimate that a drawn variance's inverse takes
ROWS = 1_000_000  # redrawn losses held at once
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
    """One structure: `values` (draws + 1, 6) are E1, A1, alpha1, E2, A2, alpha2, the fit itself first; criteria and noise."""

    structure: str
    values: np.ndarray
    aic: float
    aicc: float
    noise: float
    residuals: np.ndarray

    def spreads(self, first: int) -> tuple[float, float]:
        """Standard deviations of the log residuals of either arm; the first has `first` rows."""
        one, two = (float(np.sqrt(np.mean(np.square(r)))) for r in (self.residuals[:first], self.residuals[first:]))
        return one, two

    def loss(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Loss of both arms (draws + 1, x)."""
        e1, a1, p1, e2, a2, p2 = (v[:, None] for v in self.values.T)
        return e1 + a1 * x**-p1, e2 + a2 * x**-p2


def joint_fits(structure: str, pairs: Sequence[tuple], draws: int, seed: int = 0) -> list[JointFit]:
    """Least squares in log loss, and `draws` refits to losses redrawn around it with its own noise, of each pair (x, arm, y).

    Pairs are fitted in one batch, as many at a time as leave the redrawn losses (pairs, draws, rows) within ROWS.
    """
    longest = max(len(y) for *_, y in pairs)
    step = max(1, min(CHUNK, ROWS // (longest * max(draws, 1))))
    return [f for i in range(0, len(pairs), step) for f in _fitted(structure, pairs[i : i + step], draws, seed)]


def _fitted(structure: str, pairs: Sequence[tuple], draws: int, seed: int) -> list[JointFit]:
    model = pair_law(STRUCTURES[structure])
    inputs = [{"x": x, "arm": arm} for x, arm, _ in pairs]
    losses = [y for *_, y in pairs]
    problem = Problem(model, list(zip(inputs, losses, strict=True)), Objective("squares"))
    best, k = search(problem, seed=seed).z, problem.k
    found = problem.law_params(best, np.arange(len(pairs)))
    points = [{name: float(v[i]) for name, v in found.items()} for i in range(len(pairs))]
    means = [model(p, **x) for p, x in zip(points, inputs, strict=True)]
    rss = [float(np.square(np.log(m / y)).sum()) for m, y in zip(means, losses, strict=True)]
    noise = [np.sqrt(r / max(len(y) - k, 1)) for r, y in zip(rss, losses, strict=True)]
    drawn = _redrawn(model, inputs, means, noise, best, draws, seed)
    out = []
    for i, (y, mean) in enumerate(zip(losses, means, strict=True)):
        columns = {name: np.r_[v, drawn[name][i]] for name, v in points[i].items()}
        values = np.stack([columns[name] for i in "12" for name in _names(structure, i)], axis=1)
        criteria = _aic(rss[i], len(y), k), _aicc(rss[i], len(y), k)
        out.append(JointFit(structure, values, *criteria, float(noise[i]), np.log(mean / y)))
    return out


def _redrawn(model: Law, inputs: Sequence, means: Sequence, noise: Sequence, best: np.ndarray, draws: int, seed: int) -> dict:
    """Parameters (pairs, draws) by name, refitted to losses drawn around each pair's fit; the same draws for every pair.

    A few rows hardly know their own noise: its size is drawn too, which gives the refits the tails of Student's t.
    """
    if not draws:
        return dict.fromkeys(model.names, np.empty((len(means), 0)))
    again = []
    for x, mean, size in zip(inputs, means, noise, strict=True):
        rng, spare = np.random.default_rng(seed), max(len(mean) - len(model.names), 1)
        shocks = rng.standard_normal((draws, len(mean))) * np.sqrt(spare / rng.chisquare(spare, (draws, 1)).clip(LITTLE * spare))
        again += [(x, mean * np.exp(size * e)) for e in shocks]
    many = Problem(model, again, Objective("squares"))
    ends = descend(many, np.repeat(best, draws, axis=0), np.arange(many.b), iterations=60, tolerance=1e-9)
    return {name: v.reshape(len(means), draws) for name, v in many.law_params(ends.z, np.arange(many.b)).items()}


def _names(structure: str, i: str) -> tuple[str, str, str]:
    """What floor, height and exponent of arm `i` are called."""
    floor, power = (n if n in STRUCTURES[structure] else n + i for n in ("E", "alpha"))
    return floor, "A" + i, power


def _aic(rss: float, n: int, k: int) -> float:
    """Akaike criterion; the noise is one more unknown."""
    return float(n * np.log(max(rss / n, 1e-300)) + 2 * (k + 1))


def _aicc(rss: float, n: int, k: int) -> float:
    """The same for small samples, of the runs and PRIOR more of the usual noise. Without those, eight runs could not tell arms
    that share nothing (six unknowns) whatever the losses: the criterion's correction has n - k - 2 below."""
    n, rss = n + PRIOR, rss + PRIOR * USUAL**2
    return _aic(rss, n, k) + 2 * (k + 1) * (k + 2) / max(n - k - 2, 0.5)


def drifts(pairs: Sequence[tuple]) -> np.ndarray:
    """How far the gap of two arms strays from what their lower two thirds foretell, in log loss per e-fold of scale, by pair.

    Both arms' laws err alike, so the gap strays less than either. Zero where too few runs are left to tell.
    """
    cuts = [_cut(one, two) for one, two in pairs]
    kept = [[(x[x <= cut], y[x <= cut]) for x, y in pair] for pair, (cut, _) in zip(pairs, cuts, strict=True)]
    able = [i for i, pair in enumerate(kept) if min(len(x) for x, _ in pair) >= LEAST]
    out = np.zeros(len(pairs))
    fits = zip(*(joint_fits(s, [joined(*kept[i]) for i in able], 0) for s in STRUCTURES), strict=True) if able else ()
    for i, own in zip(able, fits, strict=True):
        cut, high = cuts[i]
        at = np.geomspace(cut, high, 6)[1:]
        said = sum(w * np.log(np.divide(*f.loss(at)))[0] for w, f in zip(weights(own), own, strict=True))
        seen = [np.interp(np.log(at), np.log(x), np.log(y)) for x, y in pairs[i]]
        out[i] = np.sqrt(np.mean(np.square((said - seen[0] + seen[1]) / (0.5 + np.log(at / cut)))))
    return out


def _cut(one: tuple[np.ndarray, np.ndarray], two: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
    """Two thirds of the way (in the log) through the scales that both arms have, and their end; zero where they have none."""
    low, high = max(v[0].min() for v in (one, two)), min(v[0].max() for v in (one, two))
    return (float(np.exp(np.log(low) + 2 / 3 * np.log(high / low))) if high > low else 0.0), float(high)


def weights(fits: Sequence[JointFit]) -> np.ndarray:
    """Weights of the structures by their information criterion: what arms share unless the rows show otherwise."""
    return _told(np.array([f.aicc for f in fits]), 0.5)


def open_weights(fits: Sequence[JointFit]) -> np.ndarray:
    """Weights for sizes of effects at measured scales: nothing is known of what arms share. The small-sample criterion all but
    rules out that few rows differ in exponent, and intervals made with it hold too seldom where they do (docs/coverage.md)."""
    return _told(np.array([f.aic for f in fits]), OPEN)


def _told(score: np.ndarray, sharp: float) -> np.ndarray:
    weight = np.exp(-sharp * (score - score.min()))
    return weight / weight.sum()
