"""How fast a model trains on this device: tokens per second, FLOP per second, and the share of the peak (MFU)."""

from __future__ import annotations

import time
from dataclasses import replace

import torch

from .accounting import forward_flops
from .config import Config
from .tokens import batches
from .trainer import Session, to_rows

SECONDS = 1.5  # of timing, after a warm-up of a few steps
WARM = 3


def tokens_per_second(config: Config, seconds: float = SECONDS) -> float:
    """Training speed in tokens/s, measured on real batches for about `seconds` after a warm-up."""
    session = Session(replace(config, schedule="constant", branches=()))
    stream = batches(session.config)
    for _ in range(WARM):
        session.train_step(to_rows(next(stream), session.where), config.learning_rate * 1e-3)
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < seconds or steps < WARM:
        session.train_step(to_rows(next(stream), session.where), config.learning_rate * 1e-3)
        steps += 1
    return steps * config.batch_size / (time.perf_counter() - began)


def peak() -> tuple[float, str] | None:
    """(peak dense FLOP/s, name) of the GPU at hand as its maker states it; None without one or where it is unknown."""
    if not torch.cuda.is_available():
        return None
    from ..errors import InputError
    from ..plan import accelerator

    name = torch.cuda.get_device_name()
    for word in name.replace("-", " ").split():
        try:
            return accelerator(word).peak["bf16"], name
        except (InputError, KeyError):
            continue
    return None


def mfu(config: Config, speed: float) -> float | None:
    """Share of the GPU's bf16 peak that training at `speed` tokens/s makes use of; None without a known GPU."""
    found = peak()
    return None if found is None else 3 * forward_flops(config) * speed / found[0]
