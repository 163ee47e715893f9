"""Parameters and FLOPs of a run by closed form, without torch. Tests hold every count to what torch counts.

A multiply-add is 2 FLOP; what is counted are matrix products, attention (whole square, as torch counts it) and depthwise
convolutions. Scans, FFTs and element-wise work are not, as in the 6 N D convention.
"""

from __future__ import annotations

import math

from .config import CHUNK, PREFIX, TAPS, Config
from .schedule import trained_steps


def _mixer(c: Config, index: int) -> tuple[int, float]:
    """(parameters, FLOPs per token forward) of the mixer of block `index`."""
    d, t, h = c.width, c.context, c.head_dim
    heads = d // h if d >= h else 0
    qkv_out = 4 * d * d
    if c.mixer == "attention":
        extra = 2 * c.streams * d * PREFIX if c.streams > 1 else 0
        keys = t + (PREFIX if c.streams > 1 else 0)
        return qkv_out + extra, 2 * qkv_out + 4 * d * keys
    if c.mixer in ("transnormer", "linear", "mala"):
        if c.mixer == "transnormer" and index < c.depth // 2:
            padded = math.ceil(t / CHUNK) * CHUNK
            return qkv_out, 2 * qkv_out + 4 * d * CHUNK * padded / t
        chunk = min(CHUNK, t)
        padded = math.ceil(t / chunk) * chunk
        wide = h + (0 if c.mixer == "transnormer" else 1)
        per = 2 * heads * (chunk * h + chunk * wide + 2 * h * wide)  # scores, their sum, state, reading the state
        return qkv_out, 2 * qkv_out + per * padded / t
    if c.mixer == "mamba":
        inner, rank = 2 * d, max(1, math.ceil(d / 16))
        dense = 2 * d * inner + inner * (rank + 2 * c.state) + inner * rank + inner * d
        return dense + inner * TAPS + 2 * inner + inner * c.state, 2 * dense + 2 * inner * TAPS
    if c.mixer == "s4d":
        return d * d + _space(c), 2 * d * d
    if c.mixer == "h3":
        return qkv_out + c.state * d + _space(c), 2 * qkv_out
    if c.mixer == "monarch":
        m = (
            math.isqrt(2 * t - 1) + 1
        )  # a transform of m^2 points is two products of m x m blocks, counted as torch counts complex
        return 3 * d * d + d * t, 6 * d * d + (2 + 1 / c.sequences) * 4 * m**3 * d / t
    if c.mixer == "mlp":
        return 2 * t * t + d * d, 4 * t * d + 2 * d * d
    return 0, 0.0


def _space(c: Config) -> int:
    return 2 * c.width + 4 * c.width * c.state


def _feedforward(c: Config) -> tuple[int, float]:
    d, h = c.width, c.hidden
    if c.feedforward == "none":
        return 0, 0.0
    if c.feedforward == "moe":
        each = 2 * d * max(1, h // c.active)
        return d * c.experts + c.experts * each, 2.0 * (d * c.experts + c.active * each)
    count = {
        "gelu": 2 * d * h,
        "swiglu": 3 * d * h,
        "low_rank": 2 * c.rank * (d + h),
        "block_diagonal": 2 * d * h // c.blocks,
        "block_shuffle": (d * d + h * h + 2 * d * h) // c.blocks,
    }[c.feedforward]
    return count, 2.0 * count


def _norm(c: Config) -> int:
    return {"rms": c.width, "layer": 2 * c.width, "dyt": 2 * c.width + 1, "none": 0}[c.norm]


def params(c: Config) -> int:
    """All parameters, each tensor once, the embedding included."""
    parts = (c.mixer != "none") + (c.feedforward != "none")
    blocks = sum(_mixer(c, i)[0] for i in range(c.depth)) + c.depth * (_feedforward(c)[0] + parts * _norm(c))
    aggregate = (c.streams * c.width + c.streams) * c.width if c.streams > 1 else 0
    return blocks + _norm(c) + c.vocabulary * c.width * (1 if c.tied else 2) + aggregate


def params_non_embedding(c: Config) -> int:
    """Without the input embedding and without the head."""
    return params(c) - c.vocabulary * c.width * (1 if c.tied else 2)


def forward_flops(c: Config) -> float:
    """FLOPs per token of one forward pass, head included."""
    blocks = sum(_mixer(c, i)[1] for i in range(c.depth)) + c.depth * _feedforward(c)[1]
    aggregate = 2 * (c.streams * c.width + c.streams) * c.width if c.streams > 1 else 0
    return c.streams * blocks + aggregate + 2 * c.vocabulary * c.width


def flops(c: Config) -> float:
    """Training FLOPs of the whole run, branches included: three forward passes a token (forward, and twice backward)."""
    return 3 * forward_flops(c) * trained_steps(c) * c.batch_size


def memory(c: Config) -> float:
    """Bytes while training: weights, gradients, optimizer state in float32, and activations of a block's matrices and logits.

    An estimate: activations are counted as 16 numbers of block width a token and block, and logits three times.
    """
    states = {"adamw": 16}.get(c.optimizer, 12) + (4 if c.average != "none" else 0)
    activations = c.streams * c.depth * (16 * c.width + 2 * c.hidden) + 3 * c.vocabulary
    if c.mixer == "mamba":
        activations += c.depth * 2 * c.width * c.state * 2 * math.ceil(math.log2(c.context) + 1)
    if c.mixer == "h3":
        activations += c.depth * 6 * c.width * c.head_dim
    return states * params(c) + 4.0 * activations * c.batch_size
