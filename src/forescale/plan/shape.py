"""Width, depth, heads and the rest for a target size; FLOP counted several ways; memory on each device."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..errors import InputError, one_of
from ..quantities import format_number, parse_positive
from ..shown import Shown

COUNTINGS = ("6nd", "kaplan", "chinchilla", "palm")


@dataclass(frozen=True)
class Shape(Shown):
    """A decoder. `feedforward` is the hidden width; gated ones have three matrices, others two. Biases and norms are left out."""

    width: int
    depth: int
    heads: int
    head_dim: int
    kv_heads: int
    feedforward: int
    vocabulary: int
    gated: bool = True
    tied: bool = False

    @property
    def params_blocks(self) -> int:
        """Parameters without embedding and head."""
        attention = self.width * self.head_dim * (2 * self.heads + 2 * self.kv_heads)
        return self.depth * (attention + (3 if self.gated else 2) * self.width * self.feedforward)

    @property
    def params(self) -> int:
        """All parameters, embedding and (untied) head included."""
        return self.params_blocks + self.width * self.vocabulary * (1 if self.tied else 2)

    def train_flops_per_token(self, counting: str = "6nd", context: int = 2048) -> float:
        """FLOP of training on one token, forwards and backwards.

        6nd: 6 N of all parameters. kaplan: 6 N of the blocks and 6 l s d of attention (arXiv:2001.08361 2.1). palm: 6 N of
        all and 12 l s d (arXiv:2204.02311 B). chinchilla: every operation, embedding and softmax included, attention over
        the whole square (arXiv:2203.15556 F).
        """
        inner = self.heads * self.head_dim
        if counting == "6nd":
            return 6.0 * self.params
        if counting == "kaplan":
            return 6.0 * self.params_blocks + 6.0 * self.depth * context * inner
        if counting == "palm":
            return 6.0 * self.params + 12.0 * self.depth * context * inner
        if counting != "chinchilla":
            raise one_of("counting", counting, COUNTINGS)
        embedding = 2.0 * self.vocabulary * self.width
        attention = 2.0 * self.width * self.head_dim * (2 * self.heads + 2 * self.kv_heads)
        scores = 2.0 * context * inner + 3.0 * self.heads * context + 2.0 * context * inner
        dense = 2.0 * (3 if self.gated else 2) * self.width * self.feedforward
        head = 2.0 * self.width * self.vocabulary
        return 3.0 * (embedding + self.depth * (attention + scores + dense) + head)

    def summary(self) -> str:
        return (
            f"width {self.width}, depth {self.depth}, {self.heads} heads of {self.head_dim} ({self.kv_heads} key-value), "
            f"feed-forward {self.feedforward}{' gated' if self.gated else ''}, vocabulary {format_number(self.vocabulary)}"
            f"{' tied' if self.tied else ''}: {format_number(self.params, 4)} parameters, "
            f"{format_number(self.params_blocks, 4)} without embeddings"
        )


def shape_for(
    params: float | str,
    *,
    aspect: float = 100.0,
    head_dim: int = 128,
    kv_groups: int = 1,
    ratio: float | None = None,
    vocabulary: float | str = 32_000,
    gated: bool = True,
    tied: bool = False,
    multiple: int = 64,
    tolerance: float = 0.05,
) -> Shape:
    """The shape nearest to `params` (all of them) with width over depth nearest to `aspect`.

    `ratio` is feed-forward over width (8/3 gated, 4 else), `kv_groups` query heads per key-value head, `multiple` what
    widths must divide by. Raises InputError where no shape comes within `tolerance`, naming the nearest.
    """
    aim, words = parse_positive(params, "params"), int(parse_positive(vocabulary, "vocabulary"))
    ratio = ratio or (8 / 3 if gated else 4.0)
    step = int(np.lcm.reduce([multiple, head_dim * kv_groups])) if head_dim * kv_groups <= 4 * multiple else head_dim * kv_groups
    best, best_score = None, np.inf
    for width in range(step, 65_536, step):
        heads = width // head_dim
        one = Shape(width, 1, heads, head_dim, heads // kv_groups, round(ratio * width / multiple) * multiple, words, gated, tied)
        for depth in {max(1, int((aim - (one.params - one.params_blocks)) / one.params_blocks) + k) for k in (0, 1)}:
            found = replace(one, depth=depth)
            off = abs(np.log(found.params / aim))
            # being off in size weighs ten times being off in aspect
            score = 10 * off + abs(np.log(width / depth / aspect))
            if score < best_score:
                best, best_score = found, score
        if one.params > 4 * aim:
            break
    if best is None or abs(best.params / aim - 1) > tolerance:
        nearest = f"; the nearest has {format_number(best.params, 4)}" if best else ""
        raise InputError(
            f"no shape of {format_number(aim)} parameters within {tolerance:.0%}{nearest}: "
            f"embeddings of {format_number(words)} entries and widths in steps of {step} are what bounds it"
        )
    return best


@dataclass(frozen=True)
class Memory(Shown):
    """Bytes on each device: parameters, gradients, optimizer states, activations and cache; `fits` on `device_bytes`."""

    params: float
    gradients: float
    optimizer: float
    activations: float
    cache: float
    device_bytes: float
    devices: int

    @property
    def total(self) -> float:
        return self.params + self.gradients + self.optimizer + self.activations + self.cache

    @property
    def fits(self) -> bool:
        """Within 90 % of the memory: the rest goes to fragments, buffers and the runtime."""
        return bool(self.total <= 0.9 * self.device_bytes)

    def summary(self) -> str:
        parts = ("params", "gradients", "optimizer", "activations", "cache")
        text = ", ".join(f"{p} {getattr(self, p) / 1e9:.1f}" for p in parts if getattr(self, p))
        verdict = "fits on" if self.fits else "does not fit on"
        return f"{self.total / 1e9:.1f} GB on each ({text}): {verdict} {self.devices} x {self.device_bytes / 1e9:.0f} GB"

    def to_dict(self) -> dict:
        return vars(self) | {"total": self.total, "fits": self.fits}


def train_memory(
    shape: Shape,
    *,
    devices: int = 1,
    device_bytes: float = 80e9,
    zero: int = 0,
    sequences: float = 1,
    context: int = 2048,
    checkpoint_every: int = 1,
) -> Memory:
    """Memory of mixed-precision Adam on each of `devices` that share the data (ZeRO stage 0 to 3).

    16-bit parameters and gradients, 32-bit parameters, momentum, variance and gradients: 20 bytes each as ZeRO-Infinity counts
    (arXiv:2104.07857), sharded from stage 1 optimizer, 2 gradients, 3 parameters. `sequences` per device. Activations are
    the checkpoints and, while they are recomputed, those of `checkpoint_every` blocks (34 s b d + 5 heads s^2 b bytes each,
    Korthikanti et al. 2022, arXiv:2205.05198).
    """
    if zero not in (0, 1, 2, 3):
        raise one_of("ZeRO stage", zero, (0, 1, 2, 3))
    if devices < 1 or checkpoint_every < 1:
        raise InputError("devices and checkpoint_every must be one or more")
    n = shape.params
    share = [1 / devices if zero >= stage else 1.0 for stage in (3, 2, 1)]
    tokens = sequences * context
    checkpoints = 2.0 * tokens * shape.width * np.ceil(shape.depth / checkpoint_every)
    block = 34.0 * tokens * shape.width + 5.0 * shape.heads * context * tokens
    return Memory(
        2.0 * n * share[0],
        2.0 * n * share[1],
        16.0 * n * share[2],
        checkpoints + checkpoint_every * block,
        0.0,
        device_bytes,
        devices,
    )


def serve_memory(
    shape: Shape,
    *,
    devices: int = 1,
    device_bytes: float = 80e9,
    sequences: float = 1,
    context: int = 8192,
    bits: float = 16,
    cache_bits: float = 16,
) -> Memory:
    """Memory to answer `sequences` at once at full `context`, split evenly over `devices`."""
    weights = shape.params * bits / 8
    cache = 2.0 * shape.depth * shape.kv_heads * shape.head_dim * context * sequences * cache_bits / 8
    return Memory(weights / devices, 0.0, 0.0, 0.0, cache / devices, device_bytes, devices)
