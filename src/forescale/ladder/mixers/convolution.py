"""Time-invariant state spaces as long convolutions: diagonal (S4D, arXiv:2206.11893) and H3 (arXiv:2212.14052)."""

from __future__ import annotations

import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from ..config import Config
from ..layers import Dense, vector


def causal_convolution(u: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """sum over j <= i of kernel_{i-j} u_j for u (..., t, d) and kernel (t, d), by FFT with zero padding."""
    t = u.shape[-2]
    product = torch.fft.rfft(u, n=2 * t, dim=-2) * torch.fft.rfft(kernel, n=2 * t, dim=-2)
    return torch.fft.irfft(product, n=2 * t, dim=-2)[..., :t, :]


class DiagonalKernel(nn.Module):
    """k_s = 2 Re sum_n C_n B_n exp(s dt A_n) with zero-order hold, A_n = -1/2 + i pi n at the start."""

    def __init__(self, channels: int, state: int):
        super().__init__()
        self.log_step = vector(torch.linspace(math.log(1e-3), math.log(1e-1), channels))
        self.log_decay = vector(torch.full((channels, state), math.log(0.5)))
        self.frequency = vector((math.pi * torch.arange(float(state))).repeat(channels, 1))
        self.c = vector(torch.randn(channels, state, 2) * state**-0.5)
        self.skip = vector(torch.ones(channels))

    def discrete(self) -> tuple[torch.Tensor, torch.Tensor]:
        """(pole, input times output weight), complex, each (channels, state)."""
        a = torch.complex(-torch.exp(self.log_decay), self.frequency)
        step = torch.exp(self.log_step)[:, None]
        pole = torch.exp(step * a)
        return pole, torch.view_as_complex(self.c) * (pole - 1) / a

    def kernel(self, length: int) -> torch.Tensor:
        pole, amplitude = self.discrete()
        powers = torch.exp(torch.arange(length, device=pole.device)[:, None, None] * torch.log(pole))
        return 2 * (amplitude * powers).sum(dim=-1).real

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        return causal_convolution(u, self.kernel(u.shape[-2])) + self.skip * u


class Diagonal(nn.Module):
    def __init__(self, config: Config, index: int):
        super().__init__()
        self.space = DiagonalKernel(config.width, config.state)
        self.out = Dense(config.width, config.width, gain=(2 * config.depth) ** -0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(F.gelu(self.space(x)))


class H3(nn.Module):
    """Q * diagonal(shift(K) * V), gates between channels of one head as an outer product (head_dim x head_dim).

    The shift is a learnt filter over the last `state` positions.
    """

    def __init__(self, config: Config, index: int):
        super().__init__()
        d, self.head_dim = config.width, config.head_dim
        self.qkv = Dense(d, 3 * d)
        self.shift = vector(torch.randn(config.state, d) * config.state**-0.5)
        self.space = DiagonalKernel(d, config.state)
        self.out = Dense(d, d, gain=(2 * config.depth) ** -0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, t, d = x.shape
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        k = causal_convolution(k, F.pad(self.shift, (0, 0, 0, t - len(self.shift)))[:t])
        heads = lambda z: z.reshape(b, t, -1, self.head_dim)
        outer = heads(k)[..., :, None] * heads(v)[..., None, :]  # (b, t, heads, head_dim, head_dim): k row, v column
        per_channel = outer.transpose(-1, -2).reshape(b, t, d, self.head_dim)  # a v channel and its head's k channels
        kernel = self.space.kernel(t)
        state = causal_convolution(per_channel.permute(0, 3, 1, 2), kernel).permute(0, 2, 3, 1)
        state = state + self.space.skip[:, None] * per_channel
        wide = heads(q)[..., None, :].expand(b, t, d // self.head_dim, self.head_dim, self.head_dim)
        return self.out((state * wide.reshape(b, t, d, self.head_dim)).sum(dim=-1) * self.head_dim**-0.5)
