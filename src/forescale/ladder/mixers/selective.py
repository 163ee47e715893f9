"""Selective state space (Mamba, arXiv:2312.00752): steps, inputs and outputs of the recurrence depend on the token."""

from __future__ import annotations

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from ..config import TAPS, Config
from ..layers import Dense, vector, weight


def scan_sequential(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """h_t = a_t h_{t-1} + b_t along dimension 1, h_0 = b_0."""
    out = [b[:, 0]]
    for t in range(1, b.shape[1]):
        out.append(a[:, t] * out[-1] + b[:, t])
    return torch.stack(out, dim=1)


def scan_parallel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The same in log2(t) passes: (a, b) pairs compose associatively, each pass doubles how far back a position sees."""
    reach = 1
    while reach < b.shape[1]:
        ahead = F.pad(b[:, :-reach], (0,) * (2 * (b.ndim - 2)) + (reach, 0))
        b = a * ahead + b
        a = a * F.pad(a[:, :-reach], (0,) * (2 * (a.ndim - 2)) + (reach, 0), value=1.0)
        reach *= 2
    return b


class Selective(nn.Module):
    """Inner width equals 2 width; `scan` may be swapped for `scan_sequential`."""

    scan = staticmethod(scan_parallel)

    def __init__(self, config: Config, index: int):
        super().__init__()
        d, self.state = config.width, config.state
        self.inner, self.rank = 2 * d, max(1, math.ceil(d / 16))
        self.enter = Dense(d, 2 * self.inner)
        self.taps = vector(torch.randn(self.inner, 1, TAPS) * TAPS**-0.5)
        self.select = Dense(self.inner, self.rank + 2 * self.state)
        self.step = weight((self.inner, self.rank), fan_in=self.rank)
        rates = torch.exp(torch.linspace(math.log(1e-3), math.log(1e-1), self.inner))
        self.step_bias = vector(rates + torch.log(-torch.expm1(-rates)))  # softplus of it is `rates`
        self.log_decay = vector(torch.log(torch.arange(1.0, self.state + 1)).repeat(self.inner, 1))
        self.skip = vector(torch.ones(self.inner))
        self.out = Dense(self.inner, d, gain=(2 * config.depth) ** -0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        u, gate = self.enter(x).chunk(2, dim=-1)
        u = F.conv1d(F.pad(u.transpose(1, 2), (TAPS - 1, 0)), self.taps, groups=self.inner).transpose(1, 2)
        u = F.silu(u)
        raw, b, c = self.select(u).split((self.rank, self.state, self.state), dim=-1)
        delta = F.softplus(F.linear(raw, self.step) + self.step_bias)
        decay = torch.exp(-delta[..., None] * torch.exp(self.log_decay))  # (b, t, inner, state)
        h = self.scan(decay, (delta * u)[..., None] * b[:, :, None, :])
        y = (h * c[:, :, None, :]).sum(dim=-1) + self.skip * u
        return self.out(y * F.silu(gate))
