"""How wide an interval must be: learned from past forecasts of many studies, on studies other than the one judged.

The log error of a forecast is taken as Student t with scale

    size^2 = exp(2 (b0 + b1 log spread + b2 log backtest + b3 log spread [d > 1] + b4 log d)) + noise^2 (1 + h)

where spread is that of the candidates at the target, backtest the stack's own typical error when the largest runs are held
out (taken to the distance asked, where no back-test reaches as far), d in how many directions the rows spread (inputs,
where these do not move together), noise that of a run (row_noise) and h the leverage of the target in a compute-weighted line:
a new run carries its own noise and that of the few rows which it is foretold from; one foretold from checkpoints of other
runs carries what the rows of a run share, too (run_noise, with the leverage of runs). Few rows that go along smoothly do so
by luck: their noise is drawn to a usual one (of_few). What is learned stands for the form being wrong.
Quantiles of |error| / size, pooled over studies, turn a size into an interval at any level. Errors of several targets of one
forecast move together: m of them count as m^joint independent ones where all are to lie inside at once.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from .local import leverage, noise, of_few, run_leverage, run_noise
from .question import Question
from .rates import EDGE, usual_noise
from .stack import Stacked
from .surface import noises

LEAST = 3e-4  # spreads and back-test errors below this count as this
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98)
JOINT_LEVELS = (0.8, 0.9, 0.95)  # the levels people ask for; at lower ones joint intervals are too wide
NU = 3.0
PULL = 0.002  # how strongly slopes of standardised features are pulled: of spread and back-test towards 0.3, others towards none
USUAL = 0.12  # of the log spread of the rows: noise of rows over several inputs
DRAWN = {False: 2.0, True: 5.0}  # how many rows to spare the usual noise counts as, over one input and over several
PRIOR = np.array([-1.0, 0.3, 0.3, 0.0, 0.0])
FILE = Path(__file__).with_name("calibration.json")


@dataclass(frozen=True)
class Calibration:
    """`slopes` (5,), quantiles `single` of |error|/size at LEVELS, and `joint`: m targets are as bad as m^joint independent ones.

    `forecasts` is how many past forecasts it was learned from, `studies` whose, `command` by what.
    """

    slopes: tuple[float, ...]
    single: tuple[float, ...]
    joint: float
    forecasts: int
    studies: tuple[str, ...]
    command: str = ""

    def size(self, features: np.ndarray) -> np.ndarray:
        """Scale of the log error (q,) at features (q, 6)."""
        return _size(features, np.array(self.slopes))

    def quantile(self, level: float, targets: int = 1) -> float:
        """|error|/size that a share `level` of forecasts stays below, at all of so many targets at once."""
        level = level ** (1 / targets**self.joint)
        if level <= LEVELS[-1]:
            return float(np.interp(level, (0.0, *LEVELS), (0.0, *self.single)))
        return float(self.single[-1] * ((1 - LEVELS[-1]) / (1 - level)) ** (1 / NU))  # the t tail

    def to_json(self, path: Path = FILE) -> None:
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


@cache
def shipped() -> Calibration:
    """The calibration in the package, learned from every study at hand."""
    data = json.loads(FILE.read_text())
    return Calibration(**{k: tuple(v) if isinstance(v, list) else v for k, v in data.items()})


def features(q: Question, s: Stacked) -> np.ndarray:
    """(q, 6): one, log spread, log back-test error, log spread again where rows spread in several directions, the log of how
    many, noise sqrt(1 + leverage).

    Over several inputs the candidates differ more, so that their agreement says more; and there is more to be wrong about.
    Params and tokens at a fixed ratio are as one.
    """
    backtest = np.where(np.isfinite(s.backtest), s.backtest, np.median(s.spread))
    size = len(s.value)
    spread = np.log(np.hypot(s.spread, LEAST))
    ways = q.directions
    several = spread if ways > 1 else 0.0
    carried = row_noise(q, s.value) * np.sqrt(1 + leverage(q))
    if q.fresh.any():
        carried = np.hypot(carried, np.where(q.fresh, run_noise(q) * np.sqrt(1 + run_leverage(q)), 0.0))
    columns = (np.ones(size), spread, np.log(np.hypot(backtest, LEAST)), several, np.log(ways), carried)
    return np.stack([np.broadcast_to(c, size) for c in columns], axis=1)


def row_noise(q: Question, value: np.ndarray) -> np.ndarray:
    """That of a run at log forecasts (q,). Each estimate takes for noise what its own shape cannot follow, so none is taken
    alone: their geometric mean. Of few rows it is drawn to a usual one: of rates, and of rows over several inputs."""
    overall, end = noises(q)
    own = np.full(len(value), np.cbrt(noise(q) * overall * end))
    several, d = q.directions > 1, q.x.shape[1]
    if not several and q.whole is None:
        return own
    share = np.exp(value) / (q.whole or 1.0)
    usual = usual_noise(share) / np.maximum(share, EDGE) if q.whole else np.full(len(value), USUAL * np.log(q.y).std())
    return of_few(own, usual, len(q.y) - 1 - d - d * (d + 1) / 2, DRAWN[several])


@dataclass(frozen=True)
class Past:
    """One past forecast of a study: features (q, 6), log errors (q,), and how much it counts beside the others."""

    study: str
    features: np.ndarray
    error: np.ndarray
    weight: float = 1.0


def learn(past: list[Past], command: str = "") -> Calibration:
    """Slopes by maximum likelihood; a study counts by the square root of its (weighted) tasks."""
    from scipy.optimize import minimize

    tasks = {s: sum(p.weight for p in past if p.study == s) for s in {p.study for p in past}}
    share = [p.weight / tasks[p.study] ** 0.5 for p in past]
    rows = np.concatenate([p.features for p in past])
    error = np.concatenate([p.error for p in past])
    weight = np.concatenate([np.full(len(p.error), a / len(p.error)) for p, a in zip(past, share, strict=True)])

    spread = np.average((rows - np.average(rows, axis=0, weights=weight)) ** 2, axis=0, weights=weight)[1:-1]

    def cost(slopes: np.ndarray) -> float:
        size = _size(rows, slopes)
        z = error / size
        fit = weight @ (np.log(size) + 0.5 * (NU + 1) * np.log1p(z * z / NU)) / weight.sum()
        return fit + PULL * float(spread @ (slopes - PRIOR)[1:] ** 2)

    slopes = minimize(cost, PRIOR, method="BFGS").x
    z = np.abs(error) / _size(rows, slopes)
    worst = np.array([np.max(np.abs(p.error) / _size(p.features, slopes)) for p in past])
    count = np.array([len(p.error) for p in past])
    rule = Calibration(tuple(slopes.tolist()), tuple(_quantiles(z, weight)), 0.0, len(past), tuple(sorted(tasks)), command)
    return replace(rule, joint=_dependence(rule, worst, count, np.array(share)))


def _dependence(rule: Calibration, worst: np.ndarray, count: np.ndarray, weight: np.ndarray) -> float:
    """The exponent at which joint intervals hold as often as they say, over JOINT_LEVELS, where there are several targets."""
    many = count > 1
    if not many.any():
        return 1.0

    def miss(joint: float) -> float:
        at = replace(rule, joint=joint)
        held = [[w <= at.quantile(v, n) for v in JOINT_LEVELS] for w, n in zip(worst[many], count[many], strict=True)]
        return float(np.sum((np.average(held, axis=0, weights=weight[many]) - JOINT_LEVELS) ** 2))

    return float(min(np.linspace(0.0, 1.0, 41), key=miss))


def _size(features: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    return np.hypot(np.exp(features[:, :-1] @ slopes), features[:, -1])


def _quantiles(values: np.ndarray, weights: np.ndarray) -> list[float]:
    """At LEVELS; rounded, so that the past forecast at a quantile does not lie on the very edge of its interval."""
    order = np.argsort(values)
    total = np.cumsum(weights[order]) / weights.sum()
    found = [values[order][min(np.searchsorted(total, level), len(values) - 1)] for level in LEVELS]
    return [float(f"{v:.4g}") for v in found]
