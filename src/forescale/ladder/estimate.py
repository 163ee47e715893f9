"""What a ladder will take before it starts: seconds and money for every run, from a short measurement or a stated speed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np

from ..quantities import parse_positive
from .config import Config
from .store import Planned
from .trial import BUILT_IN


def flops_per_second(planned: list[Planned], hardware: Mapping[str, Any]) -> np.ndarray | None:
    """Training FLOP/s of one worker for every run (k,): `hardware.flops_per_second`, or measured on the smallest and the
    largest model of each arm for half a second and interpolated in log size. None without torch or for a trial of one's own.
    """
    if "flops_per_second" in hardware:
        return np.full(len(planned), parse_positive(hardware["flops_per_second"], "flops_per_second"))
    if find_spec("torch") is None or any(p.trial != BUILT_IN for p in planned):
        return None
    from .accounting import forward_flops
    from .speed import tokens_per_second

    out = np.empty(len(planned))
    arms = np.array([p.counts["arm"] for p in planned])
    for arm in sorted(set(arms)):
        rows = np.flatnonzero(arms == arm)
        size = np.log([planned[i].counts["params"] for i in rows])
        ends = {int(rows[np.argmin(size)]), int(rows[np.argmax(size)])}
        at, speed = [], []
        for i in sorted(ends, key=lambda i: planned[i].counts["params"]):
            config = Config.of(planned[i].config)
            at.append(np.log(planned[i].counts["params"]))
            speed.append(np.log(3 * forward_flops(config) * tokens_per_second(config, 0.5)))
        out[rows] = np.exp(np.interp(size, at, speed))
    return out


def _epochs(planned: list[Planned]) -> list[float | None]:
    """How often each run of the built-in trial sees its text."""
    from .tokens import text

    known = lambda p: len(text(p.config["data"], p.config["tokenizer"]).train)
    return [p.counts["tokens"] / known(p) if p.trial == BUILT_IN else None for p in planned]


def estimate(planned: list[Planned], hardware: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for each run: counts, and `seconds` and `cost` where they can be known (`hardware.price_per_hour`)."""
    speed = flops_per_second(planned, hardware)
    price = parse_positive(hardware["price_per_hour"], "price_per_hour") if "price_per_hour" in hardware else None
    out, epochs = [], _epochs(planned)
    for i, p in enumerate(planned):
        seconds = None if speed is None else float(p.counts["flops"] / speed[i])
        cost = None if seconds is None or price is None else seconds / 3600 * price
        batch = p.config.get("batch_size")
        row = {
            "key": p.key,
            **p.counts,
            "batch_size": batch,
            "learning_rate": p.config.get("learning_rate"),
            "seed": p.config.get("seed"),
        }
        out.append(row | {"seconds": seconds, "cost": cost, "epochs": epochs[i], "held_out": p.held_out})
    return out
