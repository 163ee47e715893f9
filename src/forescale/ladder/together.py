"""Many tiny runs at once on one device: the same shapes, different seeds, learning rates and weight decays, as one program.

A GPU is idle most of the time in a model of a few thousand weights; stacked, the runs share every kernel launch. Losses agree
with single runs to rounding, not to the last bit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch.func import functional_call, grad_and_value, stack_module_state, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..errors import InputError
from .accounting import forward_flops
from .config import MAY_DIFFER, Config
from .model import Model
from .parametrization import groups
from .schedule import share
from .tokens import batches, text, validation_rows
from .trainer import CURVE_POINTS, device


def alike(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether two runs can be trained together: all settings but seed, learning rate and weight decay agree."""
    return {k: v for k, v in a.items() if k not in MAY_DIFFER} == {k: v for k, v in b.items() if k not in MAY_DIFFER}


def possible(config: Config) -> bool:
    """Whether the arm can be stacked: AdamW by backpropagation, no branches, averages, noise scale or experts."""
    plain = config.optimizer == "adamw" and config.learning == "backprop" and config.parametrization != "unit"
    extras = config.branches or config.average != "none" or config.noise_every or config.validations
    return plain and not extras and config.feedforward != "moe" and config.precision == "float32" and config.streams == 1


class _AdamW:
    """torch's AdamW on tensors (runs, ...) with a rate and a decay for each run."""

    def __init__(self, params: dict[str, torch.Tensor], models: Sequence[Model], configs: Sequence[Config]):
        self.params, self.config, self.step_count = params, configs[0], 0
        self.first = {k: torch.zeros_like(p) for k, p in params.items()}
        self.second = {k: torch.zeros_like(p) for k, p in params.items()}
        found = [
            {n: (g["factor"], g["weight_decay"]) for g in groups(m, c) for n in g["names"]}
            for m, c in zip(models, configs, strict=True)
        ]
        where = next(iter(params.values())).device
        column = lambda name, i: torch.tensor([f[name][i] for f in found], device=where).view(-1, *[1] * (params[name].ndim - 1))
        self.factor, self.decay = ({k: column(k, i) for k in params} for i in (0, 1))

    @torch.no_grad()
    def step(self, gradients: dict[str, torch.Tensor], rate: torch.Tensor) -> None:
        """`rate` (runs,): learning rates of this step."""
        self.step_count += 1
        b1, b2 = self.config.beta1, self.config.beta2
        left1, left2 = 1 - b1**self.step_count, math.sqrt(1 - b2**self.step_count)
        for name, p in self.params.items():
            g, lr = gradients[name], rate.view(-1, *[1] * (p.ndim - 1)) * self.factor[name]
            p.mul_(1 - lr * self.decay[name])
            self.first[name].lerp_(g, 1 - b1)
            self.second[name].mul_(b2).addcmul_(g, g, value=1 - b2)
            p.sub_(lr / left1 * self.first[name] / (self.second[name].sqrt() / left2 + 1e-8))


def _clip(gradients: dict[str, torch.Tensor], most: float) -> None:
    """Scale each run's gradients to a norm of at most `most`, as torch.nn.utils.clip_grad_norm_ does for one."""
    norm = sum(g.flatten(1).square().sum(1) for g in gradients.values()).sqrt()
    factor = (most / (norm + 1e-6)).clamp(max=1.0)
    for g in gradients.values():
        g.mul_(factor.view(-1, *[1] * (g.ndim - 1)))


def train_together(
    given: Sequence[Mapping[str, Any]], report: Callable[..., None] = lambda *a, **k: None
) -> list[dict[str, Any]]:
    """Train runs that are `alike` and return each one's result as `trainer.train` would; `report(run index, step, ...)`.

    A run whose loss is not finite comes back with `diverged` and no rows. No checkpoints: the runs are short.
    """
    configs = [Config.of(g) for g in given]
    base = configs[0]
    if not all(alike(given[0], g) for g in given) or not possible(base):
        raise InputError(
            "these runs cannot be trained together: only seed, learning rate and weight decay may differ, under AdamW"
        )
    where, models = device(), []
    for c in configs:
        torch.manual_seed(c.seed)
        models.append(Model(c).to(where))
    params, buffers = stack_module_state(models)
    params = {k: p.detach() for k, p in params.items()}
    shell = Model(base).to("meta")
    loss = lambda p, b, x: F.cross_entropy(functional_call(shell, (p, b), (x[:, :-1],)).flatten(0, 1), x[:, 1:].flatten())
    step = vmap(grad_and_value(loss))
    optimizer = _AdamW(params, models, configs)
    rates = torch.tensor([c.learning_rate for c in configs], device=where)
    streams = [batches(c) for c in configs]
    marks = {int(s) for s in np.geomspace(max(1, min(5, base.steps)), base.steps, CURVE_POINTS).round()}
    began, sums, since, good = time.perf_counter(), torch.zeros(len(configs), device=where), 0, None
    for i in range(base.steps):
        rows = torch.from_numpy(np.stack([next(s) for s in streams])).to(where)
        with sdpa_kernel(SDPBackend.MATH):  # the fused kernels cannot be stacked everywhere
            gradients, losses = step(params, buffers, rows)
        if base.clip > 0:
            _clip(gradients, base.clip)
        optimizer.step(gradients, rates * share(base, i))
        sums, since = sums + losses.detach(), since + 1
        good = torch.isfinite(losses) if good is None else good & torch.isfinite(losses)
        if i + 1 in marks:
            for run, mean in enumerate((sums / since).tolist()):
                report(run, i + 1, tokens=(i + 1) * base.batch_size, train_loss=mean)
            sums, since = torch.zeros_like(sums), 0
    return _results(params, buffers, shell, base, good.tolist(), time.perf_counter() - began)


@torch.no_grad()
def _results(params: dict, buffers: dict, shell: Model, base: Config, good: list[bool], seconds: float) -> list[dict[str, Any]]:
    found, total = validation_rows(base), 0.0
    evaluate = lambda p, b, x: F.cross_entropy(functional_call(shell, (p, b), (x[:, :-1],)).flatten(0, 1), x[:, 1:].flatten())
    for part in np.array_split(found, max(1, len(found) // 64)):
        x = torch.from_numpy(part.astype(np.int64)).to(next(iter(params.values())).device)
        with sdpa_kernel(SDPBackend.MATH):
            total = total + vmap(evaluate, in_dims=(0, 0, None))(params, buffers, x) * len(part)
    losses = (total / len(found)).tolist()
    per_token = text(base.data, base.tokenizer).bytes_per_token
    speed = base.steps * base.batch_size * len(good) / seconds
    out = []
    for loss, fine in zip(losses, good, strict=True):
        if not fine or not math.isfinite(loss):
            out.append({"rows": [], "diverged": "the loss was not finite (trained together with others)"})
            continue
        row = {
            "steps": base.steps,
            "tokens": base.steps * base.batch_size,
            "loss": loss,
            "bits_per_byte": loss / math.log(2) / per_token,
        }
        extra = {"seconds": seconds / len(good), "tokens_per_second": speed, "flops_per_second": 3 * forward_flops(base) * speed}
        out.append({"rows": [row], **extra, "together": len(good)})
    return out
