"""Gradient noise scale while training: how many tokens a batch can hold before averaging stops paying (arXiv:1812.06162)."""

from __future__ import annotations

from typing import Any

import torch

from .config import Config
from .model import Model, objective

DECAY = 0.9  # of the running means, per measurement: numerator and denominator are averaged apart


class NoiseScale:
    """B = tr(Sigma) / |G|^2 in tokens, from the gradients of the two halves of a batch and of the whole.

    |g_b|^2 = |G|^2 + tr(Sigma) / b in expectation for a batch of b tokens; two sizes give both unknowns without bias.
    """

    def __init__(self, config: Config):
        self.every, self.batch = config.noise_every, config.batch_size
        self.count, self.signal, self.noise = 0, 0.0, 0.0

    def due(self, step: int) -> bool:
        return self.every > 0 and step % self.every == 0

    def backward(self, model: Model, batch: torch.Tensor) -> torch.Tensor:
        """Fill the gradients of the whole batch, measuring on the way; returns the loss."""
        half = len(batch) // 2
        if half == 0:
            aim, loss = objective(model, batch)
            aim.backward()
            return loss
        squares, losses = [], []
        for rows, share in ((batch[:half], half / len(batch)), (batch[half:], 1 - half / len(batch))):
            before = [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in model.parameters()]
            aim, loss = objective(model, rows)
            (aim * share).backward()
            parts = [(p.grad - b) / share for p, b in zip(model.parameters(), before, strict=True)]
            squares.append((sum(float(g.square().sum()) for g in parts), share))
            losses.append(loss.detach() * share)
        self._measure(squares, sum(float(p.grad.square().sum()) for p in model.parameters()))
        return sum(losses)

    def _measure(self, halves: list[tuple[float, float]], whole: float) -> None:
        small = sum(s for s, _ in halves) / 2
        inverse = sum(1 / (share * self.batch) for _, share in halves) / 2  # mean of 1/b over the halves
        noise = (small - whole) / (inverse - 1 / self.batch)
        signal = whole - noise / self.batch
        self.count += 1
        keep = DECAY if self.count > 1 else 0.0
        self.noise = keep * self.noise + (1 - keep) * noise
        self.signal = keep * self.signal + (1 - keep) * signal

    def latest(self) -> dict[str, float]:
        """`{noise_scale: tokens}`; empty before the first measurement or where the noise hides the gradient."""
        return {"noise_scale": self.noise / self.signal} if self.count and self.signal > 0 and self.noise > 0 else {}

    def result(self) -> dict[str, Any]:
        return self.latest()

    def state(self) -> dict[str, Any]:
        return {"count": self.count, "signal": self.signal, "noise": self.noise}

    def restore(self, state: dict[str, Any]) -> None:
        self.count, self.signal, self.noise = state["count"], state["signal"], state["noise"]
