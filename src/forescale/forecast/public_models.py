"""Observational laws: what public models' benchmark scores say of a harder task, without training any. arXiv:2405.10938."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..measure import Capabilities, capabilities
from ..quantities import tails
from .gaussian import Kernel, Process, logit, process, sigmoid

SOURCE = 3  # components, as in the source
RIDGE = 0.03  # pull on the slopes, per standard deviation of a component, in units of the score
SOFT = 0.05  # residuals beyond this count less than squared
COMPONENTS = Kernel(plane=1.0, bend=1.0, reach=2.0, family=0.3, noise=0.3)  # over the capabilities
BENCHMARKS = Kernel(plane=0.3, bend=0.5, reach=3.0, family=0.3, noise=0.3)  # over the logit of every benchmark
BEYOND = 0.7  # share of the processes' standard deviation that a model half a spread and more above the scored ones is held to
GUESSING = 0.06  # scores this near to guessing do not tell when a task sets in
INSIDE = 0.02  # benchmark scores nearer to 0 or 1 count as this in their logit


@dataclass(frozen=True)
class Observational:
    """A task's score over the capabilities S of `models`; `noise` of one model.

    A third of it is low + (1 - low) sigmoid(b0 + b S), `weights` (b0, b), as in the source. Two thirds are Gaussian processes
    on the logit, over the capabilities and over all benchmarks, with a linear and a bent part and a level of each family's own:
    what the sigmoid cannot follow is followed near scored models, and a family's small models speak for its large ones.
    `noise` is the error of scored models left out in turn; `far` that of the ablest three tenths foretold from the rest, which is
    what a model near or above `top`, the ablest scored one in the first capability, is held to.
    `families` maps a family to (theta, nu) of its first capability: S = theta log10 C + nu, and the models behind it.
    """

    models: tuple[str, ...]
    labels: tuple[str | None, ...]
    space: Capabilities
    weights: np.ndarray
    processes: tuple[Process, Process]
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
        row = [self.models.index(model)]
        return self._foretell(self.space.scores[row], self.space.filled[row], self.labels[row[0]], level)

    def at(self, family: str, flops: float, level: float = 0.9) -> tuple[float, float, float]:
        """The same for a model of a family at a compute, its other capabilities at the family's mean slope along the first."""
        theta, nu, _ = self._family(family)
        first = theta * np.log10(flops) + nu
        s = self.space.scores
        others = [np.polyval(np.polyfit(s[:, 0], s[:, j], 1), first) for j in range(1, s.shape[1])]
        point = np.array([[first, *others]])
        filled = self.space.filled.mean(axis=0) + point @ self.space.loadings
        return self._foretell(point, filled, family, level)

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

    def _foretell(self, s: np.ndarray, filled: np.ndarray, label: str | None, level: float) -> tuple[float, float, float]:
        """(value, low, high) at capabilities `s` (1, k) and benchmark scores `filled` (1, b) of a model of the family `label`."""
        line = sigmoid(self.weights[0] + s @ self.weights[1:])
        both = tuple(zip(self.processes, (s / _scale(self.space), _logits(self.space, filled)), strict=True))
        share = float((line + sum(one(at, [label]) for one, at in both))[0]) / 3
        variance = float(np.mean([one.variance(at, [label]) for one, at in both]))
        return self.low + (1 - self.low) * share, *self._interval(share, variance, float(s[0, 0]), level)

    def _interval(self, share: float, variance: float, first: float, level: float) -> tuple[float, float]:
        """The wider of two: errors of scored models foretold from others; above all of them, what the processes leave open."""
        from scipy.special import ndtri
        from scipy.stats import t

        above = (first - self.top) / self.space.scores[:, 0].std()
        # how errors grow with capability, in units of `far`, BEYOND and GUESSING: set on the scores of arXiv:2405.10938
        noise = max(self.noise, self.far * float(np.clip(1.3 + 0.6 * above, 0.6, 2.5)))
        wide = t.ppf(tails(level)[1], max(len(self.fitted) - len(self.weights), 1)) * noise
        value = self.low + (1 - self.low) * share
        off = ndtri(tails(level)[1]) * BEYOND * np.sqrt(variance) * float(np.clip(0.5 + above, 0, 1))
        ends = self.low + (1 - self.low) * sigmoid(logit(share) + off * np.array([-1, 1]))
        low, high = min(value - wide, ends[0]), max(value + wide, ends[1])
        return max(0.0, low), 1.0 if self._unlearned and above > 0.25 else min(1.0, high)

    @property
    def _unlearned(self) -> bool:
        return bool(self.fitted.max() < self.low + GUESSING)


def _scale(space: Capabilities) -> np.ndarray:
    return space.scores.std(axis=0)


def _logits(space: Capabilities, filled: np.ndarray) -> np.ndarray:
    """Logits of benchmark scores, standardised as over all models of the table."""
    all_of = logit(space.filled, INSIDE)
    spread = all_of.std(axis=0)
    return (logit(filled, INSIDE) - all_of.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def observational(
    table: np.ndarray,
    models: list[str],
    score: Mapping[str, float],
    *,
    flops: Mapping[str, float] | None = None,
    family: Mapping[str, str] | None = None,
    components: int | None = None,
    low: float = 0.0,
) -> Observational:
    """Fit a task's scores (fractions, by model) on the capabilities of a score `table` (models, benchmarks), NaN for gaps.

    Models with a score are fitted on, the others can be predicted. `components` is three as in the source, or what fewer
    benchmarks or scored models allow. `low` is the score of guessing. `family` by model lets the models of one family share a
    level, and with `flops` gives the families' lines. Raises InputError for fewer scored models than twice the unknowns, or
    scores outside 0 to 1.
    """
    twice = sorted(m for m in set(models) if models.count(m) > 1)
    if twice:
        raise InputError(f"model {twice[0]} stands {models.count(twice[0])} times in the table: one row for each model")
    unknown = [m for m in score if m not in models]
    if unknown:
        raise InputError(f"{len(unknown)} scored models are not in the table: {', '.join(unknown[:3])}")
    y = np.array([score[m] for m in score], float)
    if not ((y >= 0) & (y <= 1)).all():
        raise InputError(f"scores must be fractions; found {y.min():g} to {y.max():g}: divide percentages by 100")
    if components is None:
        components = max(1, min(SOURCE, np.shape(table)[-1], len(y) // 2 - 1))
    if len(y) < 2 * (components + 1):
        raise InputError(f"{len(y)} scored models for {components + 1} unknowns: {2 * (components + 1)} are needed")
    space = capabilities(table, components)
    labels = tuple((family or {}).get(m) for m in models)
    rows = np.array([models.index(m) for m in score])
    scale = _scale(space)
    line, processes = _fit(space, rows, labels, y, low)
    # the processes nearly pass through scored models: noise is what models left out in turn are off by
    left = [sigmoid(line[0] + (space.scores[rows] / scale) @ line[1:]), *(p.left_out for p in processes)]
    noise = float(np.sqrt(np.mean(np.square(low + (1 - low) * sum(left) / 3 - y))))
    return Observational(
        tuple(models),
        labels,
        space,
        np.r_[line[0], line[1:] / scale],
        processes,
        low,
        noise,
        max(_ablest(space, rows, labels, y, low), noise),
        float(space.scores[rows, 0].max()),
        y,
        _families(models, space, flops or {}, family or {}),
        _warnings(space, rows, y, noise, low),
    )


def _fit(space: Capabilities, rows: np.ndarray, labels: tuple, y: np.ndarray, low: float) -> tuple[np.ndarray, tuple]:
    """Slopes of the sigmoid on standardised capabilities, and both processes, from the scored models `rows`."""
    from scipy.optimize import least_squares

    s, above = space.scores[rows] / _scale(space), (y - low) / (1 - low)

    def residuals(q: np.ndarray) -> np.ndarray:
        return np.r_[sigmoid(q[0] + s @ q[1:]) - above, RIDGE * q[1:]]

    share = np.clip(above.mean(), 0.05, 0.95)
    rng, found = np.random.default_rng(0), []
    for _ in range(3):
        start = np.r_[np.log(share / (1 - share)), rng.normal(0, 1, s.shape[1])]
        found.append(least_squares(residuals, start, loss="soft_l1", f_scale=SOFT, max_nfev=300))
    of = [labels[i] for i in rows]
    features = (s, _logits(space, space.filled[rows]))
    both = tuple(process(k, at, of, above) for k, at in zip((COMPONENTS, BENCHMARKS), features, strict=True))
    return min(found, key=lambda f: f.cost).x, both


def _ablest(space: Capabilities, rows: np.ndarray, labels: tuple, y: np.ndarray, low: float) -> float:
    """Root mean square error on the ablest three tenths of the scored models, foretold from the rest."""
    order = np.argsort(space.scores[rows, 0])
    rest, ablest = np.split(order, [int(np.ceil(0.7 * len(order)))])
    if len(rest) < space.scores.shape[1] + 2 or not len(ablest):
        return float(y.std())
    line, (one, two) = _fit(space, rows[rest], labels, y[rest], low)
    s, of = space.scores[rows[ablest]] / _scale(space), [labels[i] for i in rows[ablest]]
    parts = [sigmoid(line[0] + s @ line[1:]), one(s, of), two(_logits(space, space.filled[rows[ablest]]), of)]
    return float(np.sqrt(np.mean(np.square(low + (1 - low) * sum(parts) / 3 - y[ablest]))))


def _families(models: list[str], space: Capabilities, flops: Mapping, family: Mapping) -> dict[str, tuple[float, float, int]]:
    out = {}
    for name in dict.fromkeys(family.values()):
        mine = [i for i, m in enumerate(models) if family.get(m) == name and np.isfinite(flops.get(m, np.nan)) and flops[m] > 0]
        if len(mine) >= 3 and np.ptp(np.log10([flops[models[i]] for i in mine])) > 0.1:
            theta, nu = np.polyfit(np.log10([flops[models[i]] for i in mine]), space.scores[mine, 0], 1)
            out[name] = (float(theta), float(nu), len(mine))
    return out


def _warnings(space: Capabilities, rows: np.ndarray, y: np.ndarray, noise: float, low: float) -> tuple[str, ...]:
    out = []
    if y.max() < low + GUESSING:
        out.append(f"no scored model stands clearly above {low:g}: when abler ones learn this task cannot be told from it")
    above = space.scores[:, 0].max() - space.scores[rows, 0].max()
    if above > 0.5 * space.scores[:, 0].std():
        out.append("some models lie well above every scored one in capability: there the sigmoid extrapolates")
    if noise > 0.5 * y.std():
        out.append(f"capabilities explain little of these scores (noise {noise:.3f}, spread {y.std():.3f})")
    return tuple(out)


def informative(space: Capabilities, count: int) -> list[int]:
    """Rows of the few models that fix a linear fit on the capabilities best: greedy on the determinant of their information."""
    s = np.column_stack([np.ones(len(space.scores)), space.scores / _scale(space)])
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
