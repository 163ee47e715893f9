"""Linear attention: divided by its row sum; normalised (TransNormer, arXiv:2210.10340); MALA (arXiv:2507.00698)."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F

from ..config import CHUNK, Config
from ..layers import Dense


def causal_sum(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, chunk: int = CHUNK) -> torch.Tensor:
    """sum over j <= i of (q_i . k_j) v_j for q, k (..., t, m) and v (..., t, n): linear in t, in chunks."""
    *lead, t, _ = q.shape
    chunk = min(chunk, t)
    pad = -t % chunk
    q, k, v = (F.pad(x, (0, 0, 0, pad)).reshape(*lead, -1, chunk, x.shape[-1]) for x in (q, k, v))
    within = (q @ k.transpose(-1, -2)).tril() @ v
    state = (k.transpose(-1, -2) @ v).cumsum(dim=-3)
    before = torch.cat((torch.zeros_like(state[..., :1, :, :]), state[..., :-1, :, :]), dim=-3)
    return (within + q @ before).reshape(*lead, t + pad, -1)[..., :t, :]


class _Linear(nn.Module):
    """q, k through 1 + elu, which keeps them positive."""

    def __init__(self, config: Config, index: int):
        super().__init__()
        d, self.head_dim = config.width, config.head_dim
        self.qkv = Dense(d, 3 * d)
        self.out = Dense(d, d, gain=(2 * config.depth) ** -0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, d // self.head_dim, self.head_dim).permute(2, 0, 3, 1, 4)
        mixed = self.mix(1 + F.elu(q), 1 + F.elu(k), v)
        return self.out(mixed.transpose(1, 2).reshape(b, t, d))


def with_sums(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(sum_j (q_i . k_j) v_j, sum_j q_i . k_j), the second of shape (..., t, 1)."""
    both = causal_sum(q, k, torch.cat((v, torch.ones_like(v[..., :1])), dim=-1))
    return both[..., :-1], both[..., -1:]


class Divided(_Linear):
    def mix(self, q, k, v):
        total, row = with_sums(q, k, v)
        return total / row


class TransNormer(_Linear):
    """Early half of the blocks: softmax inside blocks of CHUNK positions. Late half: the sum, normalised instead of divided."""

    def __init__(self, config: Config, index: int):
        super().__init__(config, index)
        self.local = index < config.depth // 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.local:
            return super().forward(x)
        b, t, d = x.shape
        pad = -t % CHUNK
        q, k, v = (
            F.pad(self.qkv(x), (0, 0, 0, pad))
            .view(b, -1, CHUNK, 3, d // self.head_dim, self.head_dim)
            .permute(3, 0, 1, 4, 2, 5)
            .flatten(1, 2)
        )
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(mixed.transpose(1, 2).reshape(b, t + pad, d)[:, :t])

    def mix(self, q, k, v):
        return F.rms_norm(causal_sum(q, k, v), (v.shape[-1],))


class MagnitudeAware(_Linear):
    """Weights beta (q_i . k_j) - gamma that sum to one: beta = 1 + 1/S_i, gamma = S_i / i, S_i the row sum over i keys.

    Rows may be negative and grow peaked with the length of q, as softmax does and divided linear attention does not.
    """

    def mix(self, q, k, v):
        q = q * q.shape[-1] ** -0.5
        total, row = with_sums(q, k, v)
        count = torch.arange(1, v.shape[-2] + 1, device=v.device, dtype=v.dtype)[:, None]
        return (1 + 1 / row) * total - row * v.cumsum(dim=-2) / count
