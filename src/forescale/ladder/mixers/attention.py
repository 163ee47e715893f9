"""Softmax attention with rotary positions; with parallel streams, a learnt prefix of keys and values per stream."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F

from ..config import PREFIX, Config
from ..layers import Dense, rotary_table, rotate, vector


class Attention(nn.Module):
    def __init__(self, config: Config, index: int):
        super().__init__()
        d, self.head_dim, self.streams = config.width, config.head_dim, config.streams
        unit = config.parametrization == "unit"
        self.qkv = Dense(d, 3 * d, scaled=unit)
        self.out = Dense(d, d, gain=1.0 if unit else (2 * config.depth) ** -0.5, scaled=unit)
        # muP asks for 1/head_dim instead of its root; the same at 16 channels a head, which the ladder starts from
        self.scale = 4.0 / self.head_dim if config.parametrization != "standard" else self.head_dim**-0.5
        self.rotary = config.position == "rotary"
        cos, sin = rotary_table(self.head_dim, config.context)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        if self.streams > 1:
            self.prefix = vector(torch.randn(2, self.streams, d // self.head_dim, PREFIX, self.head_dim) * 0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, d // self.head_dim, self.head_dim).permute(2, 0, 3, 1, 4)
        if self.rotary:
            q, k = rotate(q, self.cos[:t], self.sin[:t]), rotate(k, self.cos[:t], self.sin[:t])
        if self.streams > 1:
            mixed = self._with_prefix(q, k, v)
        else:
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=self.scale)
        return self.out(mixed.transpose(1, 2).reshape(b, t, d))

    def _with_prefix(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """Streams are stacked along the batch: rows 0..b/P-1 are stream 0, and so on."""
        each, t = q.shape[0] // self.streams, q.shape[2]
        k, v = (
            torch.cat((p.repeat_interleave(each, dim=0).to(x.dtype), x), dim=2) for p, x in zip(self.prefix, (k, v), strict=True)
        )
        mask = torch.ones(t, t + PREFIX, dtype=torch.bool, device=q.device).tril(PREFIX)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=self.scale)
