"""Accuracy at a larger scale from every item's log-probabilities, the wrong choices modelled too. arXiv:2406.04391."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..measure import metric_chain
from ..quantities import parse_positive, tails
from ..shown import Shown

STEPS = ("accuracy", "p_choices", "brier", "log_p_correct")


@dataclass(frozen=True)
class ChainForecast(Shown):
    """Mean over items of each score (value, low, high) at `flops`; `direct` is a straight line of accuracy in log compute.

    `slopes` are the mean and spread over items of what a decade of compute adds to log p of right and of wrong choices.
    """

    flops: float
    scores: dict[str, tuple[float, float, float]]
    direct: float
    slopes: dict[str, tuple[float, float]]
    items: int
    models: int
    level: float
    factor: float
    warnings: tuple[str, ...]

    def summary(self) -> str:
        lines = [f"{self.items} items, {self.models} models; at {self.flops:.3g} FLOP ({self.factor:.3g}x the largest)"]
        for name, (value, low, high) in self.scores.items():
            lines.append(f"  {name:14} {value:.4f} [{low:.4f}, {high:.4f}] {self.level:.0%} for a new model")
        right, wrong = self.slopes["right"], self.slopes["wrong"]
        lines.append(
            f"  a decade of compute adds {right[0]:+.3f} (spread {right[1]:.3f}) to log p of right choices, "
            f"{wrong[0]:+.3f} ({wrong[1]:.3f}) to wrong ones"
        )
        lines.append(f"  a line through accuracy itself: {self.direct:.4f}")
        return "\n".join(lines + [f"warning: {w}" for w in self.warnings])


def chain_forecast(
    log_p: np.ndarray,
    correct: np.ndarray,
    flops: np.ndarray,
    target: float | str,
    *,
    level: float = 0.9,
    draws: int = 500,
    seed: int = 0,
) -> ChainForecast:
    """Forecast choice scores at `target` FLOP from `log_p` (models, items, choices) of models trained with `flops` (models,).

    Every choice of every item gets a line in log compute, its slope and level pulled towards those of all right (or all wrong)
    choices as far as noise asks for it. Accuracy then follows item by item: the right choice must beat every wrong one. Noise is
    of an item's choices, and of a model as a whole. Raises InputError for fewer than four models or shapes that do not agree.
    """
    log_p, correct, c = np.asarray(log_p, float), np.asarray(correct), np.asarray(flops, float)
    if log_p.ndim != 3 or len(c) != len(log_p) or len(log_p) < 4 or not (c > 0).all() or np.ptp(np.log(c)) == 0:
        what = "log_p must be (models, items, choices) of four or more models with different positive flops"
        raise InputError(f"{what}; got {log_p.shape} and {len(c)}")
    aim, ends = parse_positive(target, "flops"), tails(level)
    measured = np.array([metric_chain(one, correct)["accuracy"].mean() for one in log_p])
    x, at = np.log10(c), np.log10(aim)
    mean, own, common, slopes = _lines(log_p, correct, x, at)
    rng = np.random.default_rng(seed)
    found = {k: [] for k in STEPS}
    for _ in range(draws):
        drawn = mean + own * rng.standard_normal(mean.shape)
        drawn[np.arange(len(correct)), correct] += common * rng.standard_normal()
        drawn -= np.maximum(np.logaddexp.reduce(drawn, axis=1), 0.0)[:, None]  # together they are no more than certain
        scores = metric_chain(np.minimum(drawn, 0.0), correct)
        for k in STEPS:
            found[k].append(scores[k].mean())
    said = {k: (float(np.mean(v)), *map(float, np.quantile(v, ends))) for k, v in found.items()}
    direct = float(np.clip(np.polyval(np.polyfit(x, measured, 1), at), 0.0, 1.0))
    factor = float(aim / c.max())
    return ChainForecast(aim, said, direct, slopes, len(correct), len(c), level, factor, _warnings(factor, measured))


def _lines(log_p: np.ndarray, correct: np.ndarray, x: np.ndarray, at: float) -> tuple:
    """Mean (items, choices) at the target, standard deviation of a choice there and of a model as a whole, slopes by kind."""
    models = len(x)
    off, reach = x - x.mean(), at - x.mean()
    slope = np.einsum("m,mij->ij", off, log_p) / np.square(off).sum()
    middle = log_p.mean(axis=0)
    residual = log_p - middle - off[:, None, None] * slope
    rows = np.arange(len(correct))
    right = np.zeros(slope.shape, bool)
    right[rows, correct] = True
    # what a model does to all right choices at once, against the wrong ones of the same item
    margin = residual[:, right] - (residual.sum(axis=2) - residual[:, right]) / max(slope.shape[1] - 1, 1)
    spare = models / (models - 2)
    common = np.sqrt(max(np.var(margin.mean(axis=1)) * spare, 0.0))
    variance = np.square(residual).mean() * spare
    out, spread, slopes = middle.copy(), np.empty_like(slope), {}
    for kind, mine in (("right", right), ("wrong", ~right)):
        of_slope = variance / np.square(off).sum()
        between = max(np.var(slope[mine]) - of_slope, 1e-12)
        kept = between / (between + of_slope)
        pulled = slope[mine].mean() + kept * (slope[mine] - slope[mine].mean())
        out[mine] = middle[mine] + reach * pulled
        spread[mine] = np.sqrt(variance * (1 + 1 / models) + reach**2 * kept * of_slope)
        slopes[kind] = (float(slope[mine].mean()), float(np.sqrt(between)))
    common *= np.sqrt(1 + 1 / models + reach**2 / np.square(off).sum())
    return out, spread, float(common), slopes


def _warnings(factor: float, measured: np.ndarray) -> tuple[str, ...]:
    out = []
    if factor > 10:
        out.append(f"{factor:.3g}x beyond the data: items are taken to go on along their lines")
    if np.ptp(measured) < 0.02:
        out.append("accuracy has hardly moved so far: the forecast rests on the probabilities alone")
    return tuple(out)
