"""Learning-rate schedules of unfinished runs, and whether the rates in a log are those of the schedule that was named."""

from __future__ import annotations

import numpy as np

from ..errors import one_of
from ..runs import Runs

SCHEDULES = ("cosine", "linear", "constant", "wsd")
OFF = 0.05  # of the peak: a logged rate farther from the schedule is not rounding, nor a step more or less of warm-up


def learning_rates(schedule: str, until: int, warmup: int, final: float = 0.0, decay: float = 0.2) -> np.ndarray:
    """Learning rate over its peak at steps 1..until (until,). wsd falls linearly over the last `decay` of the steps."""
    if schedule not in SCHEDULES:
        raise one_of("schedule", schedule, SCHEDULES)
    step = np.arange(1, until + 1, dtype=float)
    rise = np.minimum(step / max(warmup, 1), 1.0)
    share = np.clip((step - warmup) / max(until - warmup, 1), 0.0, 1.0)
    if schedule == "cosine":
        fall = final + (1 - final) * 0.5 * (1 + np.cos(np.pi * share))
    elif schedule == "linear":
        fall = final + (1 - final) * (1 - share)
    elif schedule == "wsd":
        fall = 1 - (1 - final) * np.clip((step - (1 - decay) * until) / max(decay * until, 1), 0.0, 1.0)
    else:
        fall = np.ones(until)
    return rise * fall


def off_schedule(log: Runs, rates: np.ndarray, schedule: str) -> list[str]:
    """A warning where a column learning_rate runs otherwise than `rates` (until,), both over their highest so far."""
    logged = log.columns.get("learning_rate")
    if logged is None or logged.dtype.kind != "f":
        return []
    steps = log["steps" if "steps" in log.columns else "step"]
    good = np.isfinite(logged) & (logged >= 0) & (steps >= 1) & (steps <= len(rates))
    if not good.any() or logged[good].max() <= 0:
        return []
    steps, logged = steps[good], logged[good]
    at = np.round(steps).astype(int) - 1
    seen, meant = logged / logged.max(), rates / rates[at].max()
    beside = [meant[np.clip(at + k, 0, len(rates) - 1)] for k in (-1, 0, 1)]  # logged before a step, or after it
    off = np.abs(seen - beside).min(axis=0)
    worst = int(np.argmax(off))
    if off[worst] <= OFF:
        return []
    return [
        f"the log's learning rate stands at {seen[worst]:.2f} of its highest at step {steps[worst]:,.0f}, where the schedule "
        f"({schedule}) has {meant[at[worst]]:.2f}: check schedule, warmup, final, decay and until"
    ]
