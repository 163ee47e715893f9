"""What one data set says of another: old ladders reused for new data, and accuracy under shift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..fit import Objective
from ..fit.lm import descend
from ..fit.problem import Problem
from ..fit.starts import search
from ..forecast import forecast
from ..quantities import tails
from ..runs import Runs
from ..shown import Shown

LEAST = 5


@dataclass(frozen=True)
class Transfer(Shown):
    """Loss on the new data at the target with an interval; `old` is the old ladder's forecast.

    `relation` did best in the back-test over the pairs; `errors` has each one's. `pairs` is the range of old losses in them.
    """

    value: float
    low: float
    high: float
    level: float
    old: tuple[float, float, float]
    relation: str
    errors: dict[str, float]
    pairs: tuple[float, float]
    factor: float
    warnings: tuple[str, ...]

    def summary(self) -> str:
        tests = ", ".join(f"{k} {v:.2%}" for k, v in self.errors.items())
        lines = [
            f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}] {self.level:.0%} on the new data",
            f"  {self.factor:.3g}x the old ladder",
            "  on the old data {:.4f} [{:.4f}, {:.4f}]".format(*self.old),
            f"  by a {self.relation}; errors on the pairs of lowest loss, left out: {tests}",
        ]
        return "\n".join([*lines, *(f"warning: {w}" for w in self.warnings)])

    def to_dict(self) -> dict:
        return dict(vars(self))


def transfer(
    ladder: Runs,
    old_loss: np.ndarray,
    new_loss: np.ndarray,
    *,
    level: float = 0.9,
    draws: int = 300,
    seed: int = 0,
    **target: Any,
) -> Transfer:
    """Forecast the loss on new data at the target from an old ladder and a few pairs of losses.

    `old_loss` and `new_loss` (n,) are pairs: one model on both data sets (train to test, test to test), or two models trained at
    equal compute (train to train). The relation is a straight line or the shifted power law of arXiv:2411.12925, whichever better
    foretells the quarter of pairs of lowest loss from the rest; that error widens the interval. Raises InputError for fewer than
    five pairs or losses that are not positive.
    """
    x, y = np.asarray(old_loss, float), np.asarray(new_loss, float)
    if x.shape != y.shape or len(x) < LEAST:
        raise InputError(f"{len(x)} old and {len(y)} new losses: {LEAST} pairs or more are needed")
    if not ((x > 0) & (y > 0) & np.isfinite(x) & np.isfinite(y)).all():
        raise InputError("losses must be positive and finite")
    first = forecast(ladder, interval=level, **target)
    ahead = tuple(float(v[0]) for v in (first.value, first.low, first.high))
    rng = np.random.default_rng(seed)
    errors = {name: _back_test(name, x, y) for name in RELATIONS}
    name = min(errors, key=errors.get)
    relation = RELATIONS[name]
    point, values = relation(x, y, rng.multinomial(len(y), np.full(len(y), 1 / len(y)), size=draws).astype(float))
    sampled = first.drawn(rng, draws)
    noise = max(errors[name], float(np.std(np.log(point(x) / y))))
    out = values(sampled) * np.exp(noise * rng.standard_normal(draws))
    low, high = np.quantile(out, tails(level))
    warnings = (*first.flags, *first.warnings)
    if ahead[0] < x.min():
        warnings += (f"the old loss ahead, {ahead[0]:.4f}, lies below every pair ({x.min():.4f}): the relation extrapolates",)
    ranges = (float(x.min()), float(x.max()))
    value = float(point(np.array([ahead[0]]))[0])
    return Transfer(value, float(low), float(high), level, ahead, name, errors, ranges, float(np.max(first.factor)), warnings)


def _straight(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple:
    """L_new = a L_old + b, at all pairs and at resampled ones."""
    a, b = np.polyfit(x, y, 1)
    lines = np.array([np.polyfit(x, y, 1, w=np.sqrt(w)) for w in weights])
    return (lambda v: a * v + b), (lambda v: lines[:, 0] * v + lines[:, 1])


def _shifted(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple:
    """L_new = K (L_old - E_A)^kappa + E_B, likewise."""
    from .. import laws

    law = laws.get("loss_to_loss")
    problem = Problem(law, [({"loss": x}, y)], Objective("huber"))
    best = search(problem)
    point = {k: float(v[0]) for k, v in problem.law_params(best.z[:1]).items()}
    ends = descend(problem, np.repeat(best.z[:1], len(weights), axis=0), np.zeros(len(weights), int), weights, 60, 1e-9)
    values = {k: np.array(v) for k, v in problem.law_params(ends.z).items()}
    return (lambda v: law(point, loss=v)), (lambda v: law(values, loss=v))


RELATIONS = {"straight line": _straight, "shifted power": _shifted}


def _back_test(name: str, x: np.ndarray, y: np.ndarray) -> float:
    """Log error (root mean square) on the quarter of pairs of lowest old loss, from the others; infinite where few are left."""
    cut = np.quantile(x, 0.25)
    far = x <= cut
    if (~far).sum() < 4 or len(np.unique(x[~far])) < 4:
        return float(np.std(np.log(np.polyval(np.polyfit(x, y, 1), x) / y))) if name == "straight line" else float("inf")
    point, _ = RELATIONS[name](x[~far], y[~far], np.ones((1, (~far).sum())))
    said = point(x[far])
    return float(np.sqrt(np.mean(np.square(np.log(said / y[far]))))) if (said > 0).all() else float("inf")


@dataclass(frozen=True)
class ShiftLine:
    """Accuracy under shift against accuracy without: `shape` line or curve on probit axes.

    `robustness` (n,) is each model's height above it.
    """

    shape: str
    slope: float
    shift: float
    bend: float
    noise: float
    robustness: np.ndarray

    def at(self, accuracy: np.ndarray) -> np.ndarray:
        """Expected accuracy under shift at accuracies without."""
        from scipy.special import ndtr, ndtri

        z = ndtri(np.asarray(accuracy, float))
        return ndtr(self.shift + self.slope * z + self.bend * z * z)


def shift_line(accuracy: np.ndarray, shifted: np.ndarray) -> ShiftLine:
    """Fit a pool of models on probit axes, straight or bent, whichever the small-sample information criterion prefers clearly.

    `accuracy` and `shifted` (n,) are fractions strictly inside 0 and 1. A curve must win by more than two units. Effective
    robustness is the shifted accuracy above what the fit expects. Raises InputError for fewer than six models.
    """
    from scipy.special import ndtri

    a, b = np.asarray(accuracy, float), np.asarray(shifted, float)
    if a.shape != b.shape or len(a) < 6:
        raise InputError(f"{len(a)} and {len(b)} accuracies: six models or more are needed")
    if not ((a > 0) & (a < 1) & (b > 0) & (b < 1)).all():
        raise InputError("accuracies must lie strictly between 0 and 1")
    z, y, n = ndtri(a), ndtri(b), len(a)
    fits = []
    for degree in (1, 2):
        c = np.polyfit(z, y, degree)
        rss, k = float(np.square(np.polyval(c, z) - y).sum()), degree + 2
        fits.append((n * np.log(rss / n + 1e-300) + 2 * k + 2 * k * (k + 1) / max(n - k - 1, 0.5), c, rss, k))
    bent = fits[1][0] < fits[0][0] - 2
    _, c, rss, k = fits[int(bent)]
    bend, slope, shift = c if bent else (0.0, *c)
    out = ShiftLine(
        "curve" if bent else "line", float(slope), float(shift), float(bend), float(np.sqrt(rss / max(n - k + 1, 1))), a
    )
    return ShiftLine(out.shape, out.slope, out.shift, out.bend, out.noise, b - out.at(a))
