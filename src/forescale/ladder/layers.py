"""Weights that know their role, norms, and the shared parts of every block."""

from __future__ import annotations

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from .config import Config


def weight(shape: tuple[int, ...], role: str = "hidden", fan_in: int | None = None, gain: float = 1.0) -> nn.Parameter:
    """A tensor to be initialised and rated by its `role`: input, hidden, output, tied, vector or constant (kept as set)."""
    p = nn.Parameter(torch.zeros(shape))
    p.role, p.fan_in, p.gain = role, fan_in or shape[-1], gain
    return p


def vector(value: torch.Tensor) -> nn.Parameter:
    """A gain, bias or other tensor that starts at `value` and is neither decayed nor rated by width."""
    p = nn.Parameter(value)
    p.role, p.fan_in, p.gain = "vector", 1, 1.0
    return p


class Dense(nn.Module):
    """y = s W x without bias; s is 1 except under unit scaling. `gain` scales the initial weights."""

    def __init__(self, fan_in: int, fan_out: int, gain: float = 1.0, role: str = "hidden", scaled: bool = False):
        super().__init__()
        self.weight = weight((fan_out, fan_in), role, gain=gain)
        self.scaled = scaled
        self.factor = (fan_in * fan_out) ** -0.25  # the geometric mean of what forward and gradient ask for

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.scaled:
            return F.linear(x, self.weight)
        rows = math.prod(x.shape[:-1])
        return F.linear(x, scaled(self.weight, 1.0, rows**-0.5 / self.factor)) * self.factor


class _Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, ahead, back):
        ctx.back = back
        return x * ahead

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.back, None, None


def scaled(x: torch.Tensor, ahead: float, back: float) -> torch.Tensor:
    """x * ahead, whose gradient is scaled by `back` instead: the primitive of unit scaling."""
    return _Scaled.apply(x, ahead, back)


class DynamicTanh(nn.Module):
    """gamma tanh(alpha x) + beta in place of a normalisation."""

    def __init__(self, width: int):
        super().__init__()
        self.alpha, self.gamma, self.beta = (vector(v) for v in (torch.full((1,), 0.5), torch.ones(width), torch.zeros(width)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.gamma * torch.tanh(self.alpha * x) + self.beta


def norm(config: Config) -> nn.Module:
    kinds = {"rms": nn.RMSNorm, "layer": nn.LayerNorm, "dyt": DynamicTanh, "none": lambda width: nn.Identity()}
    return kinds[config.norm](config.width)


def rotary_table(head_dim: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """cos and sin of position x frequency, each (length, head_dim / 2)."""
    frequency = 10_000.0 ** (-torch.arange(0, head_dim, 2) / head_dim)
    angle = torch.arange(length)[:, None] * frequency
    return angle.cos(), angle.sin()


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)
