"""Time against compute: what a larger batch buys, and the configurations no other one beats in both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..quantities import format_number, parse_positive
from ..shown import Shown
from .hardware import MFU, Accelerator, accelerator


@dataclass(frozen=True)
class TimeFront(Shown):
    """Configurations from cheapest to fastest, one entry each: devices, batch (tokens), steps, FLOP and days."""

    devices: np.ndarray
    batch: np.ndarray
    steps: np.ndarray
    flops: np.ndarray
    days: np.ndarray
    critical: float
    accelerator: str
    assumed: tuple[str, ...]

    def summary(self) -> str:
        lines = [f"critical batch {format_number(self.critical)} tokens; on {self.accelerator}"]
        for row in zip(self.devices, self.batch, self.steps, self.flops, self.days, strict=True):
            d, b, s, c, t = row
            lines.append(
                f"  {d:6.0f} devices, batch {format_number(b):>6}, {format_number(s):>6} steps: {c:.3g} FLOP, {t:.3g} days"
            )
        return "\n".join([*lines, *(f"assumed: {a}" for a in self.assumed)])

    def to_dict(self) -> dict:
        return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in vars(self).items()}


def time_front(
    params: float | str,
    tokens: float | str,
    critical_batch: float | str,
    *,
    on: str | Accelerator = "H100",
    max_devices: int = 1024,
    tokens_per_device: float = 16_384,
    mfu: float = MFU,
    precision: str = "bf16",
    points: int = 12,
) -> TimeFront:
    """The Pareto front of wall-clock and FLOP for a run that at small batches needs `tokens`.

    A batch B needs S = S_min (1 + B_crit / B) steps and D = D_min (1 + B / B_crit) tokens for the same loss (McCandlish et
    al. 2018, arXiv:1812.06162), the learning rate tuned at each. Devices work in parallel on a batch of at least
    `tokens_per_device` each, at constant `mfu`. Raises InputError where not even one device's share fits the data.
    """
    n, d, critical = (
        parse_positive(v, k) for v, k in ((params, "params"), (tokens, "tokens"), (critical_batch, "critical_batch"))
    )
    chip = on if isinstance(on, Accelerator) else accelerator(on)
    if max_devices < 1 or d < tokens_per_device:
        raise InputError(f"{format_number(d)} tokens do not fill one step of one device ({format_number(tokens_per_device)})")
    devices = np.unique(np.geomspace(1, max_devices, points).round())
    batch = np.maximum(devices * tokens_per_device, 1.0)
    seen = d * (1.0 + batch / critical)
    flops = 6.0 * n * seen
    days = flops / (devices * chip.peak[precision] * mfu) / 86_400
    keep = np.array([not np.any((flops < c) & (days <= t) | (flops <= c) & (days < t)) for c, t in zip(flops, days, strict=True)])
    assumed = (
        "6 N D for training; a batch B costs 1 + B / B_crit times the least data",
        f"{mfu:.0%} MFU at every number of devices; {format_number(tokens_per_device)} tokens per device and step",
        f"a step of all devices is no faster than {format_number(tokens_per_device)} tokens on one",
    )
    columns = (devices, batch, seen / batch, flops, days)
    return TimeFront(*(v[keep] for v in columns), critical, chip.name, assumed)
