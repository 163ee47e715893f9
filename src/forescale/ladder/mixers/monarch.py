"""Gated long convolution computed by order-2 Monarch matrices (Monarch Mixer, arXiv:2310.12109).

A Monarch matrix of size n = m^2 is a product of two block-diagonal matrices of m blocks and permutations: 2 n^1.5 entries.
The Fourier transform is one of them, which makes the convolution two small batched products and a twiddle.
"""

from __future__ import annotations

import math

import torch
import torch.nn as nn

from ..config import Config
from ..layers import Dense, vector


def monarch(x: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """P L P R P x along the last dimension, n = m^2; `left` and `right` are (m, m, m): block, row, column."""
    m = left.shape[0]
    grid = x.reshape(*x.shape[:-1], m, m)
    grid = torch.einsum("kij,...jk->...ki", right, grid)  # block k acts on column k
    grid = torch.einsum("kij,...jk->...ki", left, grid)
    return grid.transpose(-1, -2).reshape(x.shape)


def fourier_factors(n: int, sign: float = -1.0) -> tuple[torch.Tensor, torch.Tensor]:
    """(left, right) with which `monarch` is the discrete Fourier transform of size n = m^2 (unnormalised)."""
    m = math.isqrt(n)
    place = torch.arange(m, dtype=torch.float64)
    dft = torch.polar(torch.ones(m, m, dtype=torch.float64), sign * 2 * math.pi * place[:, None] * place / m)
    twiddle = torch.polar(torch.ones(m, m, dtype=torch.float64), sign * 2 * math.pi * place[:, None] * place / n)
    right = twiddle[:, :, None] * dft  # block = column of the grid, row = frequency within it
    return dft.expand(m, m, m).contiguous(), right


class MonarchConvolution(nn.Module):
    """out(gate * (filter conv value)): a learnt filter per channel under a decay, causal by zero padding to 2 context."""

    def __init__(self, config: Config, index: int):
        super().__init__()
        d, t = config.width, config.context
        self.enter = Dense(d, 2 * d)
        slow = torch.exp(-torch.arange(t)[:, None] * torch.logspace(-2, 0, d))
        self.filter = vector(torch.randn(t, d) * slow)
        self.out = Dense(d, d, gain=(2 * config.depth) ** -0.5)
        self.size = math.isqrt(2 * t - 1) + 1
        for name, factor in zip(("left", "right"), fourier_factors(self.size**2), strict=True):
            self.register_buffer(name, factor.to(torch.complex64), persistent=False)

    def convolve(self, u: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
        """Causal convolution along the last dimension (..., t): transform, multiply, transform back."""
        t, n = u.shape[-1], self.size**2
        kind = torch.complex128 if u.dtype == torch.float64 else torch.complex64
        left, right = self.left.to(kind), self.right.to(kind)
        ahead = lambda z: monarch(torch.nn.functional.pad(z, (0, n - t)).to(kind), left, right)
        return (monarch(ahead(u) * ahead(kernel), left.conj(), right.conj()) / n).real[..., :t]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        value, gate = self.enter(x).chunk(2, dim=-1)
        mixed = self.convolve(value.transpose(1, 2), self.filter[: x.shape[1]].T).transpose(1, 2)
        return self.out(gate * mixed)
