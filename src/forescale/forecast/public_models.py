"""Observational laws: what public models' benchmark scores say of a harder task, without training any. arXiv:2405.10938."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError
from ..measure import Capabilities, capabilities

RIDGE = 0.03  # pull on the slopes, per standard deviation of a component, in units of the score
SOFT = 0.05  # residuals beyond this count less than squared
NOISES = (0.15, 0.3)  # of the logit, for the two Gaussian processes
REACH = 2.0  # standard deviations of a component over which their bend keeps its sign
EDGE = 0.01  # scores nearer to 0 or 1 count as this in the logit


@dataclass(frozen=True)
class Observational:
    """A task's score over the capabilities S of `models`; `noise` of one model.

    A third of it is low + (1 - low) sigmoid(b0 + b S), `weights` (b0, b), as in the source. Two thirds are Gaussian processes
    on the logit with a linear and a bent part, so that what the sigmoid cannot follow is followed near scored models.
    `noise` is the error of scored models left out in turn; `far` that of the ablest three tenths foretold from the rest, which is
    what a model near or above `top`, the ablest scored one in the first capability, is held to.
    `families` maps a family to (theta, nu) of its first capability: S = theta log10 C + nu, and the models behind it.
    """

    models: tuple[str, ...]
    space: Capabilities
    weights: np.ndarray
    bends: tuple[tuple[np.ndarray, np.ndarray, float], ...]
    low: float
    noise: float
    far: float
    top: float
    fitted: np.ndarray
    families: Mapping[str, tuple[float, float, int]]
    warnings: tuple[str, ...]

    def predict(self, model: str, level: float = 0.9) -> tuple[float, float, float]:
        """(value, low, high) of the task's score for a model of the table, by its capabilities."""
        if model not in self.models:
            raise InputError(f"no model {model!r} in the table of {len(self.models)}")
        at = self.space.scores[self.models.index(model)]
        value = float(self._scores(at[None])[0])
        return value, *self._interval(value, at[0], level)

    def at(self, family: str, flops: float, level: float = 0.9) -> tuple[float, float, float]:
        """The same for a model of a family at a compute, its other capabilities at the family's mean slope along the first."""
        theta, nu, _ = self._family(family)
        first = theta * np.log10(flops) + nu
        s = self.space.scores
        others = [np.polyval(np.polyfit(s[:, 0], s[:, j], 1), first) for j in range(1, s.shape[1])]
        value = float(self._scores(np.array([[first, *others]]))[0])
        return value, *self._interval(value, first, level)

    def equivalent(self, model: str, family: str) -> float:
        """Compute at which `family` would have this model's first capability."""
        theta, nu, _ = self._family(family)
        if theta <= 0:
            raise InputError(f"capability does not rise with compute in {family}")
        return float(10 ** ((self.space.scores[self.models.index(model), 0] - nu) / theta))

    def _family(self, name: str) -> tuple[float, float, int]:
        if name not in self.families:
            raise InputError(
                f"no line for family {name!r}: three models with known compute are needed; have {', '.join(self.families)}"
            )
        return self.families[name]

    def _scores(self, s: np.ndarray) -> np.ndarray:
        line = _sigmoid(self.weights[0] + s @ self.weights[1:])
        scale = self.space.scores.std(axis=0)
        bent = [_sigmoid(mean + _kernel(s / scale, at) @ pull) for at, pull, mean in self.bends]
        return self.low + (1 - self.low) * (line + sum(bent)) / (1 + len(bent))

    def _interval(self, value: float, first: float, level: float) -> tuple[float, float]:
        from scipy.stats import t

        spread = self.space.scores[:, 0].std()
        share = np.clip(
            1.0 + (first - self.top) / spread, 0.0, 3.0
        )  # none a deviation below the ablest scored, all from there on
        noise = max(self.noise, (1 - min(share, 1)) * self.noise + share * self.far)
        wide = t.ppf((1 + level) / 2, max(len(self.fitted) - len(self.weights), 1)) * noise
        return max(0.0, value - wide), min(1.0, value + wide)

        wide = t.ppf((1 + level) / 2, max(len(self.fitted) - len(self.weights), 1)) * self.noise
        return max(0.0, value - wide), min(1.0, value + wide)


def observational(
    table: np.ndarray,
    models: list[str],
    score: Mapping[str, float],
    *,
    flops: Mapping[str, float] | None = None,
    family: Mapping[str, str] | None = None,
    components: int = 3,
    low: float = 0.0,
) -> Observational:
    """Fit a task's scores (fractions, by model) on the capabilities of a score `table` (models, benchmarks), NaN for gaps.

    Models with a score are fitted on, the others can be predicted. `low` is the score of guessing. `flops` and `family` by
    model give the families' lines. Raises InputError for fewer scored models than twice the unknowns, or scores outside 0 to 1.
    """
    unknown = [m for m in score if m not in models]
    if unknown:
        raise InputError(f"{len(unknown)} scored models are not in the table: {', '.join(unknown[:3])}")
    y = np.array([score[m] for m in score], float)
    if not ((y >= 0) & (y <= 1)).all():
        raise InputError(f"scores must be fractions; found {y.min():g} to {y.max():g}")
    if len(y) < 2 * (components + 1):
        raise InputError(f"{len(y)} scored models for {components + 1} unknowns: {2 * (components + 1)} are needed")
    space = capabilities(table, components)
    rows = np.array([models.index(m) for m in score])
    s, scale = space.scores[rows], space.scores.std(axis=0)

    weights, bends = _fit(s / scale, y, low)
    weights = np.r_[weights[0], weights[1:] / scale]
    first = Observational(tuple(models), space, weights, bends, low, 0.0, 0.0, float(s[:, 0].max()), y, {}, ())
    # the processes nearly pass through scored models: noise is what models left out in turn are off by
    noise = float(np.sqrt(np.mean(np.square(_left_out(first, s, scale, y)))))
    lines = _families(models, space, flops or {}, family or {})
    far = _ablest(s / scale, y, low)
    return replace(first, noise=noise, far=max(far, noise), families=lines, warnings=_warnings(space, rows, y, noise))


def _fit(s: np.ndarray, y: np.ndarray, low: float) -> tuple[np.ndarray, tuple]:
    """Slopes of the sigmoid on standardised capabilities, and both processes."""
    from scipy.optimize import least_squares

    above = (y - low) / (1 - low)

    def residuals(q: np.ndarray) -> np.ndarray:
        return np.r_[_sigmoid(q[0] + s @ q[1:]) - above, RIDGE * q[1:]]

    share = np.clip(above.mean(), 0.05, 0.95)
    rng, found = np.random.default_rng(0), []
    for _ in range(3):
        start = np.r_[np.log(share / (1 - share)), rng.normal(0, 1, s.shape[1])]
        found.append(least_squares(residuals, start, loss="soft_l1", f_scale=SOFT, max_nfev=300))
    return min(found, key=lambda f: f.cost).x, tuple(_bend(s, np.clip(above, EDGE, 1 - EDGE), n) for n in NOISES)


def _ablest(s: np.ndarray, y: np.ndarray, low: float) -> float:
    """Root mean square error on the ablest three tenths of the scored models, foretold from the rest."""
    order = np.argsort(s[:, 0])
    rest, ablest = np.split(order, [int(np.ceil(0.7 * len(order)))])
    if len(rest) < s.shape[1] + 2 or not len(ablest):
        return float(y.std())
    weights, bends = _fit(s[rest], y[rest], low)
    parts = [_sigmoid(weights[0] + s[ablest] @ weights[1:]), *(_sigmoid(m + _kernel(s[ablest], at) @ p) for at, p, m in bends)]
    return float(np.sqrt(np.mean(np.square(low + (1 - low) * sum(parts) / len(parts) - y[ablest]))))


def _sigmoid(v: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(v, -30, 30)))


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Covariance of logits: a constant, a plane and a bend."""
    apart = np.square(a[:, None] - b[None]).sum(axis=2)
    return 1.0 + a @ b.T + np.exp(-0.5 * apart / REACH**2)


def _bend(s: np.ndarray, share: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray, float]:
    """(where, pull, mean) of a Gaussian process on the logit of these shares."""
    logit = np.log(share / (1 - share))
    pull = np.linalg.solve(_kernel(s, s) + noise**2 * np.eye(len(s)), logit - logit.mean())
    return s, pull, float(logit.mean())


def _left_out(fit: Observational, s: np.ndarray, scale: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Errors (n,) at each scored model with the processes fitted to the others; the sigmoid's few slopes stay."""
    line = _sigmoid(fit.weights[0] + s @ fit.weights[1:])
    above = np.clip((y - fit.low) / (1 - fit.low), EDGE, 1 - EDGE)
    logit, out = np.log(above / (1 - above)), []
    for noise in NOISES:
        k = _kernel(s / scale, s / scale) + noise**2 * np.eye(len(s))
        inverse = np.linalg.inv(k)
        out.append(_sigmoid(logit - (inverse @ (logit - logit.mean())) / np.diag(inverse)))
    return fit.low + (1 - fit.low) * (line + sum(out)) / (1 + len(out)) - y


def _families(models: list[str], space: Capabilities, flops: Mapping, family: Mapping) -> dict[str, tuple[float, float, int]]:
    out = {}
    for name in dict.fromkeys(family.values()):
        mine = [i for i, m in enumerate(models) if family.get(m) == name and np.isfinite(flops.get(m, np.nan)) and flops[m] > 0]
        if len(mine) >= 3 and np.ptp(np.log10([flops[models[i]] for i in mine])) > 0.1:
            theta, nu = np.polyfit(np.log10([flops[models[i]] for i in mine]), space.scores[mine, 0], 1)
            out[name] = (float(theta), float(nu), len(mine))
    return out


def _warnings(space: Capabilities, rows: np.ndarray, y: np.ndarray, noise: float) -> tuple[str, ...]:
    out = []
    above = space.scores[:, 0].max() - space.scores[rows, 0].max()
    if above > 0.5 * space.scores[:, 0].std():
        out.append("some models lie well above every scored one in capability: there the sigmoid extrapolates")
    if noise > 0.5 * y.std():
        out.append(f"capabilities explain little of these scores (noise {noise:.3f}, spread {y.std():.3f})")
    return tuple(out)


def informative(space: Capabilities, count: int) -> list[int]:
    """Rows of the few models that fix a linear fit on the capabilities best: greedy on the determinant of their information."""
    s = np.column_stack([np.ones(len(space.scores)), space.scores / space.scores.std(axis=0)])
    if not s.shape[1] <= count <= len(s):
        raise InputError(f"between {s.shape[1]} and {len(s)} models can be chosen, not {count}")
    information, chosen = 1e-3 * np.eye(s.shape[1]), []
    for _ in range(count):
        gain = np.einsum("ij,jk,ik->i", s, np.linalg.inv(information), s)
        gain[chosen] = -1.0
        pick = int(gain.argmax())
        chosen.append(pick)
        information += np.outer(s[pick], s[pick])
    return chosen
