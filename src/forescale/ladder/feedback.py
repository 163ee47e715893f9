"""Direct feedback alignment: every block learns from the output error through a fixed random matrix (arXiv:1609.01596)."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .config import Config
from .model import Model


def feedback_matrices(config: Config) -> list[torch.Tensor]:
    """One (vocabulary, width) matrix for the embedding and each block, drawn from the run's seed."""
    generator = torch.Generator().manual_seed(config.seed + 7919)
    shape = (config.vocabulary, config.width)
    return [torch.randn(shape, generator=generator) * config.vocabulary**-0.5 for _ in range(config.depth + 1)]


def aligned_backward(model: Model, batch: torch.Tensor, feedback: list[torch.Tensor]) -> torch.Tensor:
    """Fill the gradients and return the cross-entropy. The head gets its true gradient; blocks get error x matrix."""
    x, y = batch[:, :-1], batch[:, 1:]
    outs = [model.enter(x)]
    for block in model.blocks:
        outs.append(block(outs[-1].detach()))
    logits = model.logits(outs[-1].detach())
    loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
    loss.backward()
    with torch.no_grad():
        error = (logits.softmax(dim=-1) - F.one_hot(y, logits.shape[-1])) / y.numel()
    for out, matrix in zip(outs, feedback, strict=True):
        out.backward(error @ matrix)
    return loss
