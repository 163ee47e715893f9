"""Averages of the weights along a run: exponential, or uniform over the last stretch before it is asked for."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch

from .config import Config
from .schedule import segments

EVERY = 10  # steps between the samples of the uniform average


class Average:
    """`ema`: decay `config.ema` a step. `swa`: mean of every tenth step over the last `config.cooldown` of the trunk (or run)
    before each duration's cooldown (or end). Cooldowns themselves are not averaged: an average stands in for one."""

    def __init__(self, model: torch.nn.Module, config: Config):
        self.kind, self.config, self.model = config.average, config, model
        self.weights: list[torch.Tensor] = []
        self.count = 0
        ends = [start if kind == "cooldown" else end for kind, start, end in segments(config) if kind != "trunk"]
        self.restarts = {int(end * (1 - config.cooldown)) for end in ends}

    def update(self, step: int) -> None:
        if self.kind == "none":
            return
        now = [p.detach() for p in self.model.parameters()]
        if not self.weights or (self.kind == "swa" and step in self.restarts):
            self.weights, self.count = [p.clone() for p in now], 1
        elif self.kind == "ema":
            torch._foreach_lerp_(self.weights, now, 1 - self.config.ema)
        elif step % EVERY == 0:
            self.count += 1
            torch._foreach_lerp_(self.weights, now, 1 / self.count)

    def loss(self, evaluate: Callable[[torch.nn.Module], float]) -> dict[str, float]:
        """`{loss_ema: ...}` or `{loss_swa: ...}`: the loss of the model with averaged weights; empty where none is kept."""
        if self.kind == "none" or not self.weights:
            return {}
        model = copy.deepcopy(self.model)
        with torch.no_grad():
            for p, averaged in zip(model.parameters(), self.weights, strict=True):
                p.copy_(averaged)
        return {f"loss_{self.kind}": evaluate(model)}

    def state(self) -> dict[str, Any]:
        return {"weights": self.weights, "count": self.count}

    def restore(self, state: dict[str, Any]) -> None:
        self.weights = [w.clone() for w in state["weights"]]
        self.count = state["count"]
