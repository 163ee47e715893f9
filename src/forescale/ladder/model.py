"""A compact byte-level GPT: pre-RMSNorm, rotary positions, GELU, tied embedding."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F

from .spec import CONTEXT, VOCABULARY


def rotary_table(head_dim: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """cos and sin of position x frequency, each (length, head_dim / 2)."""
    frequency = 10_000.0 ** (-torch.arange(0, head_dim, 2) / head_dim)
    angle = torch.arange(length)[:, None] * frequency
    return angle.cos(), angle.sin()


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)


class Block(nn.Module):
    def __init__(self, width: int, depth: int, head_dim: int):
        super().__init__()
        self.heads = width // head_dim
        self.norm1, self.norm2 = nn.RMSNorm(width), nn.RMSNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)
        for layer in (self.qkv, self.out, self.up, self.down):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
        for layer in (self.out, self.down):  # keeps the residual stream's variance flat in depth
            layer.weight.data.mul_((2 * depth) ** -0.5)

    def forward(self, h: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        b, t, d = h.shape
        q, k, v = self.qkv(self.norm1(h)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(rotate(q, cos, sin), rotate(k, cos, sin), v, is_causal=True)
        h = h + self.out(mixed.transpose(1, 2).reshape(b, t, d))
        return h + self.down(F.gelu(self.up(self.norm2(h))))


class ByteGPT(nn.Module):
    """`forward(bytes (b, t))` gives logits (b, t, 256)."""

    def __init__(self, width: int, depth: int):
        super().__init__()
        head_dim = 16 if width % 16 == 0 else 8
        self.embed = nn.Embedding(VOCABULARY, width)
        nn.init.normal_(self.embed.weight, std=width**-0.5)
        self.blocks = nn.ModuleList(Block(width, depth, head_dim) for _ in range(depth))
        self.norm = nn.RMSNorm(width)
        cos, sin = rotary_table(head_dim, CONTEXT)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.embed(x)
        for block in self.blocks:
            h = block(h, self.cos[: x.shape[1]], self.sin[: x.shape[1]])
        return F.linear(self.norm(h), self.embed.weight)
