"""How initial weights and learning rates depend on width: standard, muP (arXiv:2203.03466), unit scaling (arXiv:2303.11257).

muP is written with a multiplier base_width / width on the logits, so that tied and untied heads are treated alike; at
width = base_width it equals the standard parametrization (but an untied head starts at zero).
"""

from __future__ import annotations

import torch

from .config import Config

# learning-rate factor in powers of m = width / base_width, by role, for updates of fixed size and for plain gradients
ADAM_LIKE = {"input": 0, "tied": 0, "output": 0, "vector": 0, "hidden": -1}
SGD_LIKE = {"input": 1, "tied": 1, "output": 1, "vector": 1, "hidden": 0}
NORMED = {"spectral", "column"}  # the update's size is set by its own norm: widths agree by themselves


def initial_std(p: torch.nn.Parameter, config: Config) -> float:
    """Standard deviation of the initial weights of a tensor."""
    if config.parametrization == "unit":
        return 1.0
    if p.role in ("input", "tied"):
        return (config.width if config.parametrization == "standard" else config.base_width) ** -0.5
    if p.role == "output" and config.parametrization == "mup":
        return 0.0
    return p.gain * p.fan_in**-0.5


def rate_factor(p: torch.nn.Parameter, config: Config) -> float:
    """What the learning rate of a tensor is multiplied with."""
    m = config.scale
    hidden = p.role == "hidden"
    if config.optimizer in NORMED and hidden:
        return 1.0
    if config.parametrization == "standard":
        return 1.0
    if config.parametrization == "unit":
        return p.fan_in**-0.5 if hidden else 1.0
    return m ** (SGD_LIKE if config.optimizer == "sgd" else ADAM_LIKE)[p.role]


def logit_factor(config: Config) -> float:
    """What the logits are multiplied with."""
    return {"standard": 1.0, "mup": 1 / config.scale, "unit": 1 / config.width}[config.parametrization]


def residual_weights(config: Config, branch: int) -> tuple[float, float]:
    """(skip, branch) weights of the residual sum at branch 0, 1, ...; under unit scaling their squares sum to one.

    Both give every branch 1 / (2 depth) of the embedding's variance.
    """
    if config.parametrization != "unit":
        return 1.0, 1.0
    share = 1 / (2 * config.depth + branch + 1)
    return (1 - share) ** 0.5, share**0.5


@torch.no_grad()
def initialise(model: torch.nn.Module, config: Config) -> None:
    """Draw every weight in the order of `parameters()` from torch's generator; vectors keep what they were set to."""
    for p in model.parameters():
        if getattr(p, "role", "vector") != "vector":
            p.normal_(0.0, 1.0).mul_(initial_std(p, config))


def groups(model: torch.nn.Module, config: Config) -> list[dict]:
    """Optimizer groups with `factor` (of the learning rate), weight decay and kind; vectors are not decayed.

    Under muP the decay of hidden weights grows as their rate shrinks, so that rate times decay is the same at every width.
    """
    found: dict[tuple, dict] = {}
    for name, p in model.named_parameters():
        p.role = getattr(p, "role", "vector")
        factor = rate_factor(p, config)
        decay = 0.0 if p.role == "vector" else config.weight_decay / factor
        group = found.setdefault((factor, decay, p.role), {"params": [], "names": []})
        group |= {"factor": factor, "weight_decay": decay, "role": p.role}
        group["params"].append(p)
        group["names"].append(name)
    return list(found.values())
