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
from ..quantities import tails
from ..runs import Runs
from ..shown import Shown
from .auto import forecast
from .local import of_few
from .rates import unmoved, usual_noise
from .threads import one_thread

PARAMETERS = 3  # of a second step, about
DRAWN = 2.0  # how many models more the usual noise of a rate counts as
NEAR = 0.3  # share of the models of lowest loss that the straight line goes through


@dataclass(frozen=True)
class Downstream(Shown):
    """The metric at the target with an interval for a new model; `loss` (value, low, high) is the first step.

    `steps` are what each second step says at the forecast loss, `losses` the range they were fitted on, `direct` the metric
    forecast without the loss in between.
    """

    value: float
    low: float
    high: float
    level: float
    loss: tuple[float, float, float]
    steps: Mapping[str, float]
    losses: tuple[float, float]
    direct: tuple[float, float, float] | None
    factor: float
    warnings: tuple[str, ...]

    def summary(self) -> str:
        steps = ", ".join(f"{name} {value:.4f}" for name, value in self.steps.items())
        head = f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}] {self.level:.0%} for a new model"
        lines = [f"{head}, {self.factor:.3g}x the data"]
        lines.append("  loss {:.4f} [{:.4f}, {:.4f}], then the mean of ".format(*self.loss) + steps)
        if self.direct:
            lines.append("  without the loss in between: {:.4f} [{:.4f}, {:.4f}]".format(*self.direct))
        return "\n".join([*lines, *(f"warning: {w}" for w in self.warnings)])

    def to_dict(self) -> dict:
        return vars(self) | {"steps": dict(self.steps)}


@one_thread
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
    is how many questions the metric averages over: its binomial noise is part of a new model's interval. The second step is
    the mean of three: an exponential, a sigmoid with free chance and ceiling, a straight line through the models of lowest loss.
    Raises InputError for fewer than five models or a metric outside 0 to 1.
    """
    loss, y = np.asarray(runs["loss"], float), np.asarray(runs[metric], float)
    if len(y) < 5:
        raise InputError(f"{len(y)} models with {metric}: a curve from loss to metric needs 5")
    if len(np.unique(loss)) < 5:
        raise InputError(f"{len(np.unique(loss))} different losses: a curve from loss to metric needs 5")
    if not ((y >= 0) & (y <= 1)).all():
        cents = "; divide per cent by 100" if 0 <= y.min() and 1 < y.max() <= 100 else ""
        raise InputError(f"{metric} must be a fraction, 0 to 1; found {y.min():g} to {y.max():g}{cents}")
    first = forecast(losses if losses is not None else runs, interval=level, **target)
    ahead = tuple(float(v[0]) for v in (first.value, first.low, first.high))
    rng = np.random.default_rng(seed)
    sampled = first.drawn(rng, draws)
    rising = np.corrcoef(loss, y)[0, 1] > 0
    error = y if rising else 1 - y
    weights = rng.multinomial(len(y), np.full(len(y), 1 / len(y)), size=draws).astype(float)
    fits = {name: step(loss, error, weights) for name, step in STEPS.items()}
    steps = {name: float(np.clip(point(np.array([ahead[0]]))[0], 0.0, 1.0)) for name, (point, _, _) in fits.items()}
    seen, usual = np.mean([f[2] for f in fits.values()]), usual_noise(np.mean(list(steps.values())))
    noise = float(of_few(seen, usual, len(y) - PARAMETERS, DRAWN))
    # every draw is one resample and one of the three steps: their disagreement is part of the interval
    which = rng.integers(len(fits), size=draws)
    drawn = np.stack([many(sampled) for _, many, _ in fits.values()])[which, np.arange(draws)]
    out = drawn + noise * rng.standard_normal(draws)
    if items:
        share = np.clip(out, 0.01, 0.99)
        out = out + np.sqrt(share * (1 - share) / items) * rng.standard_normal(draws)
    point = float(np.mean(list(steps.values())))
    low, high = np.clip(np.quantile(out, tails(level)), 0.0, 1.0)
    if not rising:
        point, low, high, steps = 1 - point, 1 - high, 1 - low, {k: 1 - v for k, v in steps.items()}
    ranges = (float(loss.min()), float(loss.max()))
    direct, factor = _direct(runs, metric, level, target), float(np.max(first.factor))
    still = unmoved(metric, y, (0.0, 1.0))
    warnings = _warnings(ahead[0], ranges, y, loss) + (*still, *first.flags, *first.warnings)
    return Downstream(point, float(low), float(high), level, ahead, steps, ranges, direct, factor, warnings)


def _curve(name: str, flip: bool) -> Any:
    """A law of the catalogue as a second step, on the error or (flipped) on the accuracy."""

    def step(loss: np.ndarray, error: np.ndarray, weights: np.ndarray) -> tuple:
        from .. import laws

        law, y = laws.get(name), 1 - error if flip else error
        problem = Problem(law, [({"loss": loss}, y)], Objective("squares", "plain"))
        best = search(problem)
        point = {k: float(v[0]) for k, v in problem.law_params(best.z[:1]).items()}
        ends = descend(problem, np.repeat(best.z[:1], len(weights), axis=0), np.zeros(len(weights), int), weights, 60, 1e-9)
        drawn = {k: np.array(v) for k, v in problem.law_params(ends.z).items()}
        rest = law(point, loss=loss) - y
        noise = float(np.sqrt(np.square(rest).sum() / max(len(y) - problem.k, 1)))
        turn = (lambda v: 1 - v) if flip else (lambda v: v)
        return (lambda x: turn(law(point, loss=x))), (lambda x: turn(law(drawn, loss=x))), noise

    return step


def _line(loss: np.ndarray, error: np.ndarray, weights: np.ndarray) -> tuple:
    """A straight line through the models of lowest loss."""
    near = np.argsort(loss)[: max(5, int(NEAR * len(loss)))]
    x, y = loss[near], error[near]
    point = np.polyfit(x, y, 1)
    # a resample that holds fewer than three of them keeps the line itself
    lines = np.array([np.polyfit(x, y, 1, w=np.sqrt(w[near])) if (w[near] > 0).sum() > 2 else point for w in weights])
    noise = float(np.sqrt(np.square(np.polyval(point, x) - y).sum() / max(len(x) - 2, 1)))
    return (lambda v: np.polyval(point, v)), (lambda v: lines[:, 0] * v + lines[:, 1]), noise


STEPS = {
    "exponential": _curve("downstream_error", flip=False),
    "sigmoid": _curve("loss_to_accuracy", flip=True),
    "line": _line,
}


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
