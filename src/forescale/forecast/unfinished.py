"""watch(log, ...): the final loss of a run that is still training, from its log and its learning-rate schedule.

The law is that of Tissue et al. 2024, Scaling Law with Learning Rate Annealing (arXiv:2408.11029):

    L(s) = L0 + A S1^-alpha - C S2,   S1(s) = sum_{i<=s} eta_i,   S2(s) = sum_{i<=s} m_i,
    m_i = lambda m_{i-1} + (eta_{i-1} - eta_i)

Only ratios of eta matter, so the peak may be left at 1. Where the batch changes along the run, a step of batch B counts by
1 / (1 + B_crit / B), as in McCandlish et al. 2018 (arXiv:1812.06162), B_crit read off the log or given. While little has been
annealed, C cannot be read off the log: gains from annealing are then averaged under a prior, and the interval is as wide as
that leaves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ..errors import InputError
from ..laws.training import areas
from ..quantities import parse_number, parse_positive, tails
from ..runs import Runs
from ..runs.logs import follow
from ..shown import Shown
from .schedules import learning_rates, off_schedule

GAINS = np.linspace(0.0, 0.12, 25)  # share of the loss that annealing will have taken off at the end
PRIOR = (0.03, 0.02)
MEMORY = (0.99, 0.999)  # lambda
CRITICAL = (0.1, 0.5, 2.0, 8.0, 40.0)  # critical batch over the median one, where it is not given
FLOORS = np.array([0.0, 0.2, 0.4, 0.55, 0.7, 0.8, 0.88, 0.94])
SPIKE = 0.03  # log loss off its neighbours; less is never left out
KEEP = 200  # log rows are averaged into at most this many
UNSURE = 0.35  # share of the fall still ahead that no spread of ours explains
TAIL = {0.5: 0.5, 0.8: 0.95, 0.9: 1.4, 0.95: 1.75}  # of |error| / size, on the logs of docs/watch.md, all studies alike
NU = 3.0  # beyond them as the tail of a t distribution: no log tells


class TooShort(InputError):
    """The log does not reach far enough beyond the warm-up yet."""


@dataclass(frozen=True)
class Watch(Shown):
    """Final loss with an interval, as seen from step `step` of `until`. `gain` is the share still expected of annealing."""

    value: float
    low: float
    high: float
    level: float
    step: float
    until: float
    latest: float
    gain: float
    warnings: tuple[str, ...]

    def summary(self) -> str:
        lines = [
            f"final loss {self.value:.4f}  [{self.low:.4f}, {self.high:.4f}] {self.level:.0%}",
            f"at step {self.step:,.0f} of {self.until:,.0f} ({self.step / self.until:.0%}): loss {self.latest:.4f}; "
            f"annealing still to take off {self.gain:.1%}",
        ]
        return "\n".join(lines + [f"warning: {w}" for w in self.warnings])

    def to_dict(self) -> dict:
        return vars(self) | {"warnings": list(self.warnings)}


def watch(
    log: Runs | Any,
    *,
    until: int | float | str | None = None,
    schedule: str = "cosine",
    warmup: int | None = None,
    final: float = 0.0,
    decay: float = 0.2,
    interval: float = 0.9,
    batch: float | str | None = None,
    critical_batch: float | str | None = None,
    run: str | None = None,
    **mapping: str,
) -> Watch:
    """Forecast the loss at step `until` from the log of one run: a table or dataframe with columns steps (or step) and loss, or
    a file or folder that a tracker writes (W&B, TensorBoard, the Trainer ...: whatever `runs.logs.scan` knows).

    `until` may be left out where the log itself tells it (max_steps of the Trainer); `run` names one of several runs.
    `final` is the last learning rate over the peak, `warmup` its steps (default: 1 % of `until`), `decay` the share of
    the steps over which wsd falls. A column batch_size (tokens per step) makes it aware of a batch that changes: `batch` is
    that of the steps to come (default the last one logged), `critical_batch` the critical one where it is known.
    `mapping` names columns as in read, or the metric: loss="eval/loss". A learning rate in the log that is not the schedule's is
    told of. Raises InputError, and of its kind TooShort for a log that cannot say yet.
    """
    tail = _tail(interval)
    found = follow(log, run, mapping)
    log, until = found.runs, found.until if until is None else until
    if until is None:
        raise InputError(f"{log.source} does not say where the run ends; give until=STEPS (--until 200k)")
    position = "step" if "steps" not in log.columns and "step" in log.columns else "steps"
    steps, loss = log[position], log["loss"]  # beside total_steps, step is where the run stands
    end = int(parse_number(until, "steps")) if isinstance(until, str) else int(until)
    warmup = max(1, end // 100) if warmup is None else warmup
    late = (steps > 2 * warmup) & (steps <= end)
    if late.sum() < 6:
        raise TooShort(
            f"{log.source}: {late.sum()} rows after the warm-up (step {2 * warmup}); a forecast needs 6; wait for more"
        )
    if schedule in ("cosine", "linear") and steps.max() > end:
        raise InputError(f"{log.source} reaches step {steps.max():.0f}, beyond until={end}; give the run's own length")
    calm = _calm(steps[late], loss[late])
    s, y = _thin(steps[late][calm], loss[late][calm])
    rates = learning_rates(schedule, end, warmup, final, decay)
    paces = _paces(log, steps, end, batch, critical_batch)
    value, spread, gain, noise = _posterior(s, y, rates, warmup, paces)
    # the fall as forecast, or as the second half of the log would go on: schedules are forecast to end flatter or steeper
    recent = s >= s[-1] / 2
    trend = np.polyfit(np.log(s[recent]), np.log(y[recent]), 1)[0] if recent.sum() > 2 else 0.0
    ahead = max(abs(np.log(np.mean(y[-3:])) - value), abs(trend) * np.log(end / s[-1]))
    half = np.hypot(np.hypot(spread, UNSURE * ahead), noise) * tail
    notes = [*log.warnings, *off_schedule(log, rates, schedule)]
    if not calm.all():
        notes.append(f"{(~calm).sum()} rows stand far off their neighbours and are left out")
    if s[-1] < 0.3 * end:
        notes.append(f"only {s[-1] / end:.0%} of the run is seen: most of the annealing gain comes from the prior")
    return Watch(
        float(np.exp(value)),
        float(np.exp(value - half)),
        float(np.exp(value + half)),
        interval,
        float(s[-1]),
        float(end),
        float(y[-1]),
        float(gain),
        tuple(notes),
    )


def _paces(log: Runs, steps: np.ndarray, end: int, batch: Any, critical: Any) -> list[np.ndarray]:
    """How much each step 1..end counts, for every critical batch that is thought of; all alike where the batch never changes."""
    seen = log.columns.get("batch_size")
    if seen is None or seen.dtype.kind != "f":
        if batch is not None:
            raise InputError(f"{log.source}: batch is given for the steps to come, but the log has no column batch_size")
        return [np.ones(end)]
    order = np.argsort(steps, kind="stable")
    index = np.minimum(np.searchsorted(steps[order], np.arange(1, end + 1)), len(order) - 1)
    size = np.asarray(seen, float)[order][index]
    size[int(steps.max()) :] = parse_positive(batch, "batch") if batch is not None else seen[order[-1]]
    if np.ptp(size) == 0:
        return [np.ones(end)]
    middle = float(np.median(seen))
    guesses = [parse_positive(critical, "critical_batch")] if critical is not None else [middle * c for c in CRITICAL]
    return [(1 + c / middle) / (1 + c / size) for c in guesses]


def _calm(steps: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """Rows that do not stand far off the median of their nine nearest: spikes and broken evaluations do. Ends always stay."""
    from scipy.ndimage import median_filter

    order = np.argsort(steps, kind="stable")
    y = np.log(loss[order])
    off = np.abs(y - median_filter(y, 9, mode="nearest"))
    off[:4] = off[-4:] = 0.0
    calm = np.empty(len(y), bool)
    calm[order] = off <= max(8 * float(np.median(off)), SPIKE)
    return calm


def _thin(steps: np.ndarray, loss: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of neighbouring rows, at most KEEP of them."""
    order = np.argsort(steps, kind="stable")
    parts = np.array_split(order, min(KEEP, len(order)))
    return np.array([steps[p].mean() for p in parts]), np.array([loss[p].mean() for p in parts])


def _posterior(
    s: np.ndarray, y: np.ndarray, rates: np.ndarray, warmup: int, paces: list[np.ndarray]
) -> tuple[float, float, float, float]:
    """Mean and standard deviation of the final log loss, the gain left, and the noise of the log, over the whole grid."""
    score, ends, gains = [], [], []
    at = np.clip(np.round(s).astype(int) - 1, 0, len(rates) - 1)
    weight = (s / s[-1]) ** 0.5
    weight /= weight.sum()
    effective = min(len(s), 60) / 3  # neighbouring rows of a log are not independent
    for memory, pace in product(MEMORY, paces):
        s2 = areas(rates, memory, warmup)[1]
        s1 = np.cumsum(rates * pace)
        share = s2 / max(s2[-1], 1e-12)
        x, new = np.log(s1[at]), np.log(s1[-1])
        for gain in GAINS if s2[-1] > 0 else GAINS[:1]:
            lift = gain * y[-1]
            flat = y + lift * share[at]
            for floor in FLOORS:
                base = floor * flat.min()
                z = np.log(flat - base)
                v = weight * ((flat - base) / flat) ** 2
                v = v / v.sum()
                slope = v @ ((x - v @ x) * (z - v @ z)) / (v @ (x - v @ x) ** 2 + 1e-12)
                fitted = base + np.exp(v @ z + slope * (x - v @ x)) - lift * share[at]
                error = weight @ np.log(np.maximum(fitted, 1e-9) / y) ** 2
                prior = -0.5 * ((gain - PRIOR[0]) / PRIOR[1]) ** 2
                score.append(prior - 0.5 * effective * np.log(error + 1e-8))
                ends.append(np.log(max(base + np.exp(v @ z + slope * (new - v @ x)) - lift, 1e-9)))
                gains.append((gain * (1 - share[at[-1]]), error))
    share = np.exp(np.array(score) - max(score))
    share /= share.sum()
    ends, left = np.array(ends), np.array(gains)
    mean = float(share @ ends)
    return mean, float(np.sqrt(share @ (ends - mean) ** 2)), float(share @ left[:, 0]), float(np.sqrt(share @ left[:, 1]))


def _tail(level: float) -> float:
    tails(level, "interval")
    top = max(TAIL)
    if level > top:
        return TAIL[top] * ((1 - top) / (1 - level)) ** (1 / NU)
    return float(np.interp(level, (0.0, *TAIL), (0.0, *TAIL.values())))
