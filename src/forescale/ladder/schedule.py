"""The learning rate at a step, as a share of the peak. No torch."""

from __future__ import annotations

import math

from .config import Config


def share(config: Config, step: int, steps: int | None = None) -> float:
    """Learning rate over its peak at `step` (from 0) of a run of `steps`; the last step of a decaying schedule is above zero.

    `wsd` holds the peak and cools down over the last `cooldown` of the run as 1 - sqrt(progress) (arXiv:2405.18392).
    """
    steps = steps or config.steps
    rise = (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        fall = 1.0
    elif config.schedule == "wsd":
        start = cooldown_start(config, steps)
        fall = 1.0 if step < start else 1.0 - math.sqrt((step - start) / (steps - start))
    else:
        progress = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
        linear = 1.0 - max(0.0, progress)
        fall = linear if config.schedule == "linear" else 0.5 * (1 - math.cos(math.pi * linear))
    return min(rise, fall)


def cooldown_start(config: Config, steps: int) -> int:
    """First step of the cooldown of a run of `steps`."""
    return steps - max(1, round(config.cooldown * steps))


def segments(config: Config) -> list[tuple[str, int, int]]:
    """(kind, first step, end step) in the order they are trained: pieces of the trunk, and a cooldown for each duration.

    A run without branches is one piece. Every cooldown starts from the trunk as it was at that step.
    """
    if config.schedule != "wsd" or not config.branches:
        return [("run", 0, config.steps)]
    out, at = [], 0
    for tokens in (*config.branches, config.tokens):
        end = config.steps_of(tokens)
        start = cooldown_start(config, end)
        if start > at:
            out.append(("trunk", at, start))
            at = start
        out.append(("cooldown", start, end))
    return out


def trained_steps(config: Config) -> int:
    """Steps that are computed in all, trunk and cooldowns."""
    return sum(end - start for _, start, end in segments(config))
