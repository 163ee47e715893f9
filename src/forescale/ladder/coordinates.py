"""Coordinate check: how far every layer's output moves in the first steps, over widths. Flat: learning rates carry over.

The change from the initial output is what theory speaks of (arXiv:2203.03466, appendix D); the outputs themselves at the
start say nothing of how training scales.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..errors import InputError
from ..shown import Shown
from .config import Config
from .tokens import batches
from .trainer import Session, to_rows

WIDTHS = (64, 128, 256, 512, 1024)
FLAT = 0.1  # slope of log change over log width below which a layer counts as flat


@dataclass(frozen=True)
class CoordinateCheck(Shown):
    """`change` (layers, widths): root mean square change of each layer's output after the last step, mean over seeds;
    `slope` (layers,) of its logarithm over log width."""

    layers: tuple[str, ...]
    widths: tuple[int, ...]
    change: np.ndarray
    slope: np.ndarray
    settings: Mapping[str, Any]

    @property
    def flat(self) -> bool:
        return bool(np.all(np.abs(self.slope) < FLAT))

    def summary(self) -> str:
        head = "layer     " + "".join(f"{w:>10}" for w in self.widths) + "     slope"
        lines = [
            f"{n:10}" + "".join(f"{v:10.4g}" for v in row) + f"{s:+10.3f}"
            for n, row, s in zip(self.layers, self.change, self.slope, strict=True)
        ]
        worst = float(self.slope[np.argmax(np.abs(self.slope))])
        verdict = (
            "flat: rates carry over"
            if self.flat
            else f"not flat (steepest {worst:+.2f}): a rate tuned at one width is off at another"
        )
        return "\n".join([head, *lines, f"{self.settings['parametrization']}, {self.settings['optimizer']}: {verdict}"])

    def to_dict(self) -> dict[str, Any]:
        pick = {"layers": list(self.layers), "widths": list(self.widths), "settings": dict(self.settings), "flat": self.flat}
        return pick | {"change": self.change.tolist(), "slope": self.slope.tolist()}


def coordinate_check(
    settings: Mapping[str, Any], widths: tuple[int, ...] = WIDTHS, steps: int = 4, seeds: tuple[int, ...] = (0, 1, 2)
) -> CoordinateCheck:
    """Train a few steps at every width and measure how far block outputs and logits move on a fixed input.

    `settings` are names of `Config`; unset: depth 2, context 32, 512 tokens a batch, a rate of 4e-3, no warm-up.
    """
    if len(widths) < 2:
        raise InputError("a coordinate check needs at least two widths")
    base = {
        "depth": 2,
        "context": 32,
        "batch_size": 512,
        "learning_rate": 4e-3,
        "schedule": "constant",
        "warmup": 1,
        "weight_decay": 0.0,
    }
    base |= {"tied": False, "clip": 0.0, "parametrization": "mup", "optimizer": "adamw", "base_width": widths[0], **settings}
    rows = [np.mean([_change(base, w, steps, s) for s in seeds], axis=0) for w in widths]
    change = np.array(rows).T
    names = ("embedding", *(f"block {i + 1}" for i in range(base["depth"])), "logits")
    slope = np.polyfit(np.log(widths), np.log(np.maximum(change, 1e-30)).T, 1)[0]
    return CoordinateCheck(
        names, tuple(widths), change, slope, {k: base[k] for k in ("parametrization", "optimizer", "learning_rate")}
    )


def _change(base: Mapping[str, Any], width: int, steps: int, seed: int) -> list[float]:
    config = Config.of({**base, "width": width, "tokens": 10**6, "seed": seed})
    session, stream = Session(config), batches(config)
    probe = to_rows(next(stream)[:4, :-1], session.where)
    before = _outputs(session.model, probe)
    for _ in range(steps):
        session.train_step(to_rows(next(stream), session.where), config.learning_rate)
    return [float((a - b).square().mean().sqrt()) for a, b in zip(_outputs(session.model, probe), before, strict=True)]


@torch.no_grad()
def _outputs(model: torch.nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    outs = [model.enter(x)]
    for block in model.blocks:
        outs.append(block(outs[-1]))
    return [*outs, model.logits(outs[-1])]
