"""Token mixing by a perceptron over positions, made causal by triangular weights (MLP-Mixer, arXiv:2105.01601)."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F

from ..config import Config
from ..layers import Dense, weight


class TokenMLP(nn.Module):
    """y = tril(W2) gelu(tril(W1) x) along positions, the same for every channel; then channels are mixed once."""

    def __init__(self, config: Config, index: int):
        super().__init__()
        t = config.context
        self.first, self.second = weight((t, t)), weight((t, t))
        self.out = Dense(config.width, config.width, gain=(2 * config.depth) ** -0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        t = x.shape[1]
        hidden = F.gelu(self.first[:t, :t].tril() @ x)
        return self.out(self.second[:t, :t].tril() @ hidden)
