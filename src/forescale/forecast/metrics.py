"""From runs to what a larger model will be able to do: loss first, then the metric from the loss, uncertainty carried through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..fit import Objective
from ..fit.lm import descend
from ..fit.problem import Problem
from ..fit.starts import search
from ..runs import Runs
from .auto import forecast

Z90 = 1.6449
LAWS = ("downstream_error", "loss_to_accuracy")


@dataclass(frozen=True)
class Downstream:
    """The metric at the target with an interval for a new model; `loss` (value, low, high) is the first step.

    `law` is the chosen second step, `losses` the range it was fitted on, `direct` the metric forecast without the loss.
    """

    value: float
    low: float
    high: float
    level: float
    loss: tuple[float, float, float]
    law: str
    weights: Mapping[str, float]
    losses: tuple[float, float]
    direct: tuple[float, float, float] | None
    factor: float
    warnings: tuple[str, ...]

    def summary(self) -> str:
        lines = [
            f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}] {self.level:.0%} for a new model, {self.factor:.3g}x the data"
        ]
        lines.append("  loss {:.4f} [{:.4f}, {:.4f}], then {}".format(*self.loss, self.law))
        if self.direct:
            lines.append("  without the loss in between: {:.4f} [{:.4f}, {:.4f}]".format(*self.direct))
        return "\n".join([*lines, *(f"warning: {w}" for w in self.warnings)])

    def to_dict(self) -> dict:
        return vars(self) | {"weights": dict(self.weights)}


def downstream(
    runs: Runs,
    metric: str,
    *,
    losses: Runs | None = None,
    items: int | None = None,
    level: float = 0.9,
    draws: int = 400,
    seed: int = 0,
    **target: Any,
) -> Downstream:
    """Forecast a metric (a column of `runs`, a fraction) at the target's inputs, through the loss.

    `runs` hold the loss and the metric of the same models; `losses` more runs with a loss alone, for the first step. `items`
    is how many questions the metric averages over: its binomial noise is part of a new model's interval. The second step is an
    exponential or a sigmoid with free chance and ceiling, weighed by their small-sample information criterion. Raises
    InputError for fewer than five models or a metric outside 0 to 1.
    """
    loss, y = np.asarray(runs["loss"], float), np.asarray(runs[metric], float)
    if len(y) < 5:
        raise InputError(f"{len(y)} models with {metric}: a curve from loss to metric needs 5")
    if not ((y > 0) & (y < 1)).all():
        raise InputError(f"{metric} must lie within 0 and 1; found {y.min():g} to {y.max():g}")
    first = forecast(losses if losses is not None else runs, interval=level, **target)
    ahead = tuple(float(v[0]) for v in (first.value, first.low, first.high))
    rng = np.random.default_rng(seed)
    # log-normal halves, so that an interval that leans keeps leaning
    z = rng.standard_normal(draws)
    reach = np.where(z > 0, np.log(ahead[2] / ahead[0]), np.log(ahead[0] / ahead[1])) / Z90
    sampled = ahead[0] * np.exp(z * reach)
    fits = [_second(name, loss, y, draws, rng) for name in LAWS]
    score = np.array([f["aicc"] for f in fits])
    weight = np.exp(-0.5 * (score - score.min()))
    weight /= weight.sum()
    point = float(sum(w * f["law"](f["point"], loss=np.array([ahead[0]]))[0] for w, f in zip(weight, fits, strict=True)))
    which = rng.choice(len(fits), size=draws, p=weight)
    out = np.empty(draws)
    for i, f in enumerate(fits):
        mine = np.flatnonzero(which == i)
        values = {k: v[mine] for k, v in f["draws"].items()}
        out[mine] = f["law"](values, loss=sampled[mine]) + f["noise"] * rng.standard_normal(len(mine))
    if items:
        out = out + np.sqrt(np.clip(out, 0.01, 0.99) * (1 - np.clip(out, 0.01, 0.99)) / items) * rng.standard_normal(draws)
    low, high = np.clip(np.quantile(out, [(1 - level) / 2, (1 + level) / 2]), 0.0, 1.0)
    best = LAWS[int(weight.argmax())]
    ranges = (float(loss.min()), float(loss.max()))
    shares = dict(zip(LAWS, (float(w) for w in weight), strict=True))
    direct, factor = _direct(runs, metric, level, target), float(np.max(first.factor))
    warnings = _warnings(ahead[0], ranges, y, loss) + tuple(first.warnings)
    return Downstream(point, float(low), float(high), level, ahead, best, shares, ranges, direct, factor, warnings)


def _second(name: str, loss: np.ndarray, y: np.ndarray, draws: int, rng: np.random.Generator) -> dict:
    """Fit one second step, and refit it to resampled models."""
    from .. import laws

    law = laws.get(name)
    problem = Problem(law, [({"loss": loss}, y)], Objective("squares", "plain"))
    best = search(problem)
    point = {k: float(v[0]) for k, v in problem.law_params(best.z[:1]).items()}
    rest = law(point, loss=loss) - y
    weights = rng.multinomial(len(y), np.full(len(y), 1 / len(y)), size=draws).astype(float)
    ends = descend(problem, np.repeat(best.z[:1], draws, axis=0), np.zeros(draws, int), weights, 60, 1e-9)
    n, k = len(y), problem.k
    noise = float(np.sqrt(np.square(rest).sum() / max(n - k, 1)))
    aicc = n * np.log(np.mean(rest**2) + 1e-300) + 2 * (k + 1) + 2 * (k + 1) * (k + 2) / max(n - k - 2, 0.5)
    drawn = problem.law_params(ends.z)
    return {"law": law, "point": point, "draws": {q: np.array(v) for q, v in drawn.items()}, "noise": noise, "aicc": float(aicc)}


def _direct(runs: Runs, metric: str, level: float, target: Mapping[str, Any]) -> tuple[float, float, float] | None:
    try:
        found = forecast(runs, target=metric, interval=level, bounds=(0.0, 1.0), **target)
    except InputError:
        return None
    return tuple(float(v[0]) for v in (found.value, found.low, found.high))


def _warnings(ahead: float, ranges: tuple[float, float], y: np.ndarray, loss: np.ndarray) -> tuple[str, ...]:
    out = []
    if ahead < ranges[0]:
        out.append(f"the forecast loss {ahead:.4f} lies below every measured one ({ranges[0]:.4f}): the second step extrapolates")
    if len(np.unique(loss)) >= 5:
        found = _bend(loss, y)
        if found:
            out.append(f"the metric {found} with the loss: an extrapolated side may turn")
    return tuple(out)


def _bend(loss: np.ndarray, y: np.ndarray) -> str:
    """`turns` where the best half of the models by loss moves against the rest, clearly; else nothing."""
    from scipy.stats import kendalltau

    order = np.argsort(loss)
    half = len(order) // 2
    if half < 5:
        return ""
    (good, p), (bad, q) = (kendalltau(loss[i], y[i]) for i in (order[:half], order[half:]))
    return "turns" if good * bad < 0 and p < 0.05 and q < 0.05 else ""
