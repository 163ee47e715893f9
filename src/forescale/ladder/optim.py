"""AdamW and SGD from torch; steepest descent under a norm: sign, spectral (Muon), column-normalised."""

from __future__ import annotations

import torch

from .config import Config
from .parametrization import groups

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of Muon's quintic iteration: slope at zero large, fixed region around one
ITERATIONS = 5


def orthogonalise(g: torch.Tensor, iterations: int = ITERATIONS) -> torch.Tensor:
    """Singular values of g (..., m, n) moved close to one by a Newton-Schulz iteration in matrix products only."""
    a, b, c = COEFFICIENTS
    turned = g.shape[-2] > g.shape[-1]
    x = g.transpose(-1, -2) if turned else g
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(iterations):
        square = x @ x.transpose(-1, -2)
        x = a * x + (b * square + c * square @ square) @ x
    return x.transpose(-1, -2) if turned else x


def spectral(m: torch.Tensor) -> torch.Tensor:
    """Unit step under the spectral norm scaled to sqrt(fan_out / fan_in)."""
    return orthogonalise(m) * (m.shape[-2] / m.shape[-1]) ** 0.5


def column(m: torch.Tensor) -> torch.Tensor:
    """Each input column scaled to root mean square 1 / fan_in: steepest under the l1 -> RMS operator norm, as a share of it."""
    rms = m.square().mean(dim=-2, keepdim=True).sqrt()
    return m / (rms + 1e-12) / m.shape[-1]


class Steepest(torch.optim.Optimizer):
    """w <- w - lr (D(m) + decay w), m the Nesterov momentum; D by group: sign, spectral or column."""

    def __init__(self, params, lr: float, momentum: float = 0.95):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": 0.0, "direction": "sign"})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                average = state.setdefault("momentum", torch.zeros_like(p))
                average.lerp_(p.grad, 1 - group["momentum"])
                ahead = p.grad.lerp(average, group["momentum"])
                update = {"sign": torch.sign, "spectral": spectral, "column": column}[group["direction"]](ahead)
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update, alpha=-group["lr"])


def optimizer_for(model: torch.nn.Module, config: Config) -> torch.optim.Optimizer:
    """The run's optimizer; each group carries `factor`, what its learning rate is multiplied with."""
    found = groups(model, config)
    for group in found:
        group.pop("names")
    if config.optimizer == "adamw":
        return torch.optim.AdamW(found, lr=config.learning_rate, betas=(config.beta1, config.beta2), fused=True)
    if config.optimizer == "sgd":
        return torch.optim.SGD(found, lr=config.learning_rate, momentum=config.beta1)
    for group in found:  # norms of operators make sense for matrices inside the model; the rest takes signs
        group["direction"] = config.optimizer if group["role"] == "hidden" else "sign"
    return Steepest(found, config.learning_rate, config.beta1)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]
