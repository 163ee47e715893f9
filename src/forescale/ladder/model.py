"""The built-in language model: pre-norm blocks of a mixer and a feed-forward layer, all switchable."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F

from .config import Config
from .feedforward import feedforward
from .layers import Dense, norm, scaled, weight
from .mixers import mixer
from .parametrization import initialise, logit_factor, residual_weights

SMOOTHING = 0.1  # of the weights over parallel streams


class Block(nn.Module):
    def __init__(self, config: Config, index: int):
        super().__init__()
        parts = [p for p in (mixer(config, index), feedforward(config)) if p is not None]
        self.parts = nn.ModuleList(parts)
        self.norms = nn.ModuleList(norm(config) for _ in parts)
        self.unit = config.parametrization == "unit"
        self.weights = [residual_weights(config, 2 * index + i) for i in range(len(parts))]

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        for part, normed, (skip, branch) in zip(self.parts, self.norms, self.weights, strict=True):
            if self.unit:  # the branch's weight reaches its gradient where the branch begins, so both stay at unit scale
                h = h * skip + scaled(part(normed(scaled(h, 1.0, branch))), branch, 1.0)
            else:
                h = h + part(normed(h))
        return h


class Aggregate(nn.Module):
    """Weighted mean of P parallel streams, the weights from a small perceptron over all of them (ParScale)."""

    def __init__(self, config: Config):
        super().__init__()
        self.streams = config.streams
        self.up = Dense(config.streams * config.width, config.width)
        self.choose = Dense(config.width, config.streams)

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        """(P b, t, d), stream by stream, to (b, t, d)."""
        apart = h.unflatten(0, (self.streams, -1)).permute(1, 2, 0, 3)
        chance = self.choose(F.silu(self.up(apart.flatten(2)))).softmax(dim=-1)
        chance = chance * (1 - SMOOTHING) + SMOOTHING / self.streams
        return (chance[..., None] * apart).sum(dim=2)


class Model(nn.Module):
    """`forward(tokens (b, t))` gives logits (b, t, vocabulary)."""

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.embed = weight((config.vocabulary, config.width), "tied" if config.tied else "input")
        self.blocks = nn.ModuleList(Block(config, i) for i in range(config.depth))
        self.norm = norm(config)
        self.aggregate = Aggregate(config) if config.streams > 1 else None
        self.head = None if config.tied else weight((config.vocabulary, config.width), "output")
        self.logit_factor = logit_factor(config)
        initialise(self, config)

    def enter(self, x: torch.Tensor) -> torch.Tensor:
        h = F.embedding(x, self.embed)
        return h.repeat(self.config.streams, 1, 1) if self.config.streams > 1 else h

    def logits(self, h: torch.Tensor) -> torch.Tensor:
        h = self.norm(h)
        if self.aggregate is not None:
            h = self.aggregate(h)
        out = F.linear(h, self.embed if self.head is None else self.head)
        if self.config.parametrization == "unit":  # the gradient enters at full scale: the logits are a cut of the network
            return scaled(out, self.logit_factor, 1.0)
        return out if self.logit_factor == 1.0 else out * self.logit_factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.enter(x)
        for block in self.blocks:
            h = block(h)
        return self.logits(h)

    def auxiliary(self) -> torch.Tensor | float:
        """Sum of the load-balancing losses of the last forward pass."""
        found = [part.auxiliary for block in self.blocks for part in block.parts if hasattr(part, "auxiliary")]
        return sum(found) if found else 0.0


def loss_of(model: Model, batch: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy (nats/token) of rows (b, t + 1), without auxiliary losses."""
    return F.cross_entropy(model(batch[:, :-1]).flatten(0, 1).float(), batch[:, 1:].flatten())


def objective(model: Model, batch: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(what is minimised, cross-entropy)."""
    loss = loss_of(model, batch)
    if model.config.feedforward != "moe":
        return loss, loss
    return loss + model.config.balance * model.auxiliary(), loss
