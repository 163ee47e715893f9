"""Channel mixers: dense, structured (low rank, block-diagonal, block-shuffle) and a mixture of experts."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F

from .config import Config
from .layers import Dense, weight

GELU_RMS = 0.652  # root mean square of gelu of a unit normal, which unit scaling divides by


class Gelu(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        unit = config.parametrization == "unit"
        self.up = Dense(config.width, config.hidden, scaled=unit)
        self.down = Dense(config.hidden, config.width, gain=1.0 if unit else (2 * config.depth) ** -0.5, scaled=unit)
        self.scale = 1 / GELU_RMS if unit else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = F.gelu(self.up(x))
        return self.down(hidden if self.scale is None else hidden * self.scale)


class SwiGLU(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        unit = config.parametrization == "unit"
        self.up, self.gate = (Dense(config.width, config.hidden, scaled=unit) for _ in range(2))
        self.down = Dense(config.hidden, config.width, gain=1.0 if unit else (2 * config.depth) ** -0.5, scaled=unit)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down(F.silu(self.gate(x)) * self.up(x))


class LowRank(nn.Module):
    """W = V U of rank `config.rank`."""

    def __init__(self, fan_in: int, fan_out: int, config: Config, gain: float = 1.0):
        super().__init__()
        self.first, self.second = Dense(fan_in, config.rank), Dense(config.rank, fan_out, gain=gain)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x))


class BlockDiagonal(nn.Module):
    """`blocks` independent dense maps on slices of the channels; weight (blocks, out / blocks, in / blocks)."""

    def __init__(self, fan_in: int, fan_out: int, config: Config, gain: float = 1.0):
        super().__init__()
        b = config.blocks
        self.weight = weight((b, fan_out // b, fan_in // b), gain=gain)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, rows, columns = self.weight.shape
        flat = x.reshape(-1, b, columns).transpose(0, 1)
        return torch.bmm(flat, self.weight.transpose(1, 2)).transpose(0, 1).reshape(*x.shape[:-1], b * rows)


class BlockShuffle(nn.Module):
    """Two block-diagonal maps with a shuffle between, so that every output sees every input (a Monarch matrix)."""

    def __init__(self, fan_in: int, fan_out: int, config: Config, gain: float = 1.0):
        super().__init__()
        self.blocks = config.blocks
        self.first = BlockDiagonal(fan_in, fan_in, config)
        self.second = BlockDiagonal(fan_in, fan_out, config, gain)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        middle = self.first(x)
        shuffled = middle.unflatten(-1, (self.blocks, -1)).transpose(-1, -2).flatten(-2)
        return self.second(shuffled)


STRUCTURES = {"low_rank": LowRank, "block_diagonal": BlockDiagonal, "block_shuffle": BlockShuffle}


class Structured(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        kind = STRUCTURES[config.feedforward]
        self.up = kind(config.width, config.hidden, config)
        self.down = kind(config.hidden, config.width, config, (2 * config.depth) ** -0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down(F.gelu(self.up(x)))


class Experts(nn.Module):
    """Top-k of E experts, each of hidden / k channels, so that a token costs what the dense layer costs (and the router).

    `auxiliary` is E sum_i f_i p_i, f the share of choices an expert gets and p its mean probability: 1 when uniform. It is
    taken over all tokens of the batch, or over `balance_over` micro-batches and averaged (arXiv:2501.11873).
    """

    def __init__(self, config: Config):
        super().__init__()
        self.active, self.balance_over = config.active, config.balance_over
        d, e, h = config.width, config.experts, max(1, config.hidden // config.active)
        self.router = Dense(d, e)
        self.up = weight((e, h, d))
        self.down = weight((e, d, h), gain=(2 * config.depth) ** -0.5)
        self.auxiliary = torch.zeros(())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.reshape(-1, x.shape[-1])
        chance = self.router(flat).softmax(dim=-1)
        weights, chosen = chance.topk(self.active, dim=-1)
        weights = weights / weights.sum(dim=-1, keepdim=True)
        self.auxiliary = self._balance(chance, chosen)
        out = torch.zeros_like(flat)
        for i in range(len(self.up)):
            token, slot = (chosen == i).nonzero(as_tuple=True)
            hidden = F.gelu(flat[token] @ self.up[i].T)
            out = out.index_add(0, token, (hidden @ self.down[i].T) * weights[token, slot, None])
        return out.view_as(x)

    def _balance(self, chance: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        e = chance.shape[-1]
        losses = []
        for p, c in zip(chance.chunk(self.balance_over), chosen.chunk(self.balance_over), strict=True):
            share = F.one_hot(c, e).to(p.dtype).mean(dim=(0, 1))
            losses.append(e * (share * p.mean(dim=0)).sum())
        return torch.stack(losses).mean()


def feedforward(config: Config) -> nn.Module | None:
    if config.feedforward == "none":
        return None
    if config.feedforward in STRUCTURES:
        return Structured(config)
    return {"gelu": Gelu, "swiglu": SwiGLU, "moe": Experts}[config.feedforward](config)
