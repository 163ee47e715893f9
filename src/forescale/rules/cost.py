"""Compute, memory and time: what a configuration costs."""

import numpy as np

from ..law import Source
from .spec import Worked, rule

_ZERO = Source("arXiv:2104.07857", "Rajbhandari et al. 2021, ZeRO-Infinity: Breaking the GPU Memory Wall", "3")
_KAPLAN = Source("arXiv:2001.08361", "Kaplan et al. 2020, Scaling Laws for Neural Language Models", "2.1")


def _value(name, answers, inputs, formula, doc, unit, latex, worked, source, setting, limits, valid=None, holds="nothing else"):
    def factor(a, b):
        return formula(b)

    factor.__name__, factor.__doc__ = name, doc
    return rule(
        answers=answers,
        inputs=inputs,
        transfer=False,
        unit=unit,
        source=source,
        setting=setting,
        holds=holds,
        limits=limits,
        latex=latex,
        worked=(Worked({}, *worked),),
        valid=valid or {},
    )(factor)


train_flops = _value(
    "train_flops",
    "flops",
    ("params", "tokens"),
    lambda b: 6.0 * b.params * b.tokens,
    "Training compute: two FLOP per parameter and token forwards, four backwards.",
    "FLOP",
    r"C = 6 N D",
    ({"params": 70e9, "tokens": 1.4e12}, 5.88e23, 1e-12, "Chinchilla"),
    _KAPLAN,
    "dense transformers; N as the law at hand counts it",
    "attention over long contexts and the head come on top: they move exponents of small models",
)
inference_flops = _value(
    "inference_flops",
    "inference_flops",
    ("params", "tokens"),
    lambda b: 2.0 * b.params * b.tokens,
    "Inference compute: two FLOP per parameter and token.",
    "FLOP",
    r"2 N D_{inf}",
    ({"params": 7e9, "tokens": 2e12}, 2.8e22, 1e-12, "closed form"),
    Source(
        "arXiv:2401.00448",
        "Sardana et al. 2023, Beyond Chinchilla-Optimal: Accounting for Inference in Language Model Scaling Laws",
        "2",
    ),
    "dense transformers, prompt and answer alike",
    "counts FLOP, not time: answers are bound by memory bandwidth at small batches",
)
checkpoint_bytes = _value(
    "checkpoint_bytes",
    "activation_bytes",
    ("batch_sequences", "sequence", "width", "depth", "checkpoint_every"),
    lambda b: 2.0 * b.batch_sequences * b.sequence * b.width * b.depth / b.checkpoint_every,
    "Activation checkpoints: the input of every few layers in half precision.",
    "bytes",
    r"2\, b\, s\, d\, l / c",
    (
        {"batch_sequences": 32, "sequence": 1024, "width": 25600, "depth": 128, "checkpoint_every": 1},
        2 * 32 * 1024 * 25600 * 128,
        1e-12,
        "closed form",
    ),
    _ZERO,
    "fp16 checkpoints of transformer blocks",
    "the activations between two checkpoints come on top while they are recomputed",
)
efficiency = _value(
    "efficiency",
    "efficiency",
    ("intensity", "bandwidth", "peak_flops"),
    lambda b: b.intensity * b.bandwidth / (b.intensity * b.bandwidth + b.peak_flops),
    "Share of the peak that is left when data must come over a link, compute and transfer one after the other.",
    "share of peak",
    r"\frac{ait \cdot bw}{ait \cdot bw + peak}",
    ({"intensity": 1024.0, "bandwidth": 70e9, "peak_flops": 70e12}, 0.5059, 1e-3, "70 GB/s against 70 TFLOP/s"),
    _ZERO,
    "intensity in FLOP per byte moved, bandwidth in bytes per second, peak as reached without transfers",
    "no overlap of transfer and compute",
)
kv_cache_bytes = _value(
    "kv_cache_bytes",
    "cache_bytes",
    ("depth", "kv_heads", "head_dim", "sequence", "batch_sequences", "bits"),
    lambda b: 2.0 * b.depth * b.kv_heads * b.head_dim * b.sequence * b.batch_sequences * b.bits / 8.0,
    "Keys and values kept while answering.",
    "bytes",
    r"2\, l\, h_{kv}\, d_h\, s\, b \cdot \mathrm{bits}/8",
    (
        {"depth": 80, "kv_heads": 8, "head_dim": 128, "sequence": 8192, "batch_sequences": 1, "bits": 16},
        80 * 8 * 128 * 8192 * 4.0,
        1e-12,
        "closed form",
    ),
    Source("arXiv:2211.05102", "Pope et al. 2022, Efficiently Scaling Transformer Inference", "the key-value cache"),
    "attention with one set of keys and values for each key-value head",
    "sliding windows and compressed latents keep less",
)
weight_bytes = _value(
    "weight_bytes",
    "weight_bytes",
    ("params", "bits"),
    lambda b: b.params * b.bits / 8.0,
    "Memory of the weights at a precision.",
    "bytes",
    r"N b / 8",
    ({"params": 1e9, "bits": 4.0}, 5e8, 1e-12, "closed form"),
    Source("arXiv:2408.11743", "Frantar et al. 2024, MARLIN: Mixed-Precision Auto-Regressive Parallel Inference", ""),
    "weights alone",
    "scales of the blocks add 3 to 6 %",
)
quantized_batch_limit = _value(
    "quantized_batch_limit",
    "batch_sequences",
    ("bits", "peak_flops", "bandwidth"),
    lambda b: b.bits * b.peak_flops / (16.0 * b.bandwidth),
    "Sequences decoded at once up to which reading b-bit weights, not arithmetic, takes the time.",
    "sequences",
    r"B^* = \frac{b \cdot \mathrm{FLOPS}}{16 \cdot bw}",
    ({"bits": 4.0, "peak_flops": 1e15, "bandwidth": 3.35e12}, 74.6, 1e-3, "1 PFLOP/s and 3.35 TB/s"),
    Source("arXiv:2408.11743", "Frantar et al. 2024, MARLIN: Mixed-Precision Auto-Regressive Parallel Inference", "the roofline"),
    "time = max(weight bytes / bandwidth, 2 N B / FLOPS); 16-bit arithmetic",
    "the cache of long contexts moves bytes too",
)
speculative_speedup = _value(
    "speculative_speedup",
    "decoding_speedup",
    ("acceptance", "draft_length", "cost_ratio"),
    lambda b: (1.0 - b.acceptance ** (b.draft_length + 1.0)) / ((1.0 - b.acceptance) * (b.draft_length * b.cost_ratio + 1.0)),
    "Speed-up of speculative decoding.",
    "times",
    r"\frac{1 - a^{g+1}}{(1-a)(g c + 1)}",
    ({"acceptance": 0.8, "draft_length": 4.0, "cost_ratio": 0.05}, 2.8013, 1e-4, "closed form"),
    Source("arXiv:2211.17192", "Leviathan et al. 2022, Fast Inference from Transformers via Speculative Decoding", "3.8"),
    "one sequence; acceptance independent from token to token",
    "batches of unequal acceptance gain less",
    {"acceptance": (0.1, 0.95), "draft_length": (1.0, 16.0), "cost_ratio": (0.01, 0.5)},
)
samples_until = _value(
    "samples_until",
    "samples",
    ("pass_rate", "passes"),
    lambda b: b.passes / b.pass_rate,
    "Samples to draw until a task of this pass rate has been passed so many times.",
    "samples",
    r"K \approx r / p",
    ({"pass_rate": 1e-4, "passes": 2.0}, 2e4, 1e-12, "closed form"),
    Source("arXiv:2310.03262", "Hu et al. 2023, Predicting Emergent Abilities with Infinite Resolution Evaluation", "PassUntil"),
    "independent samples",
    "relative error of the estimate about 1/sqrt(r)",
    {"pass_rate": (1e-6, 1.0), "passes": (1.0, 100.0)},
)
lines_scale = _value(
    "lines_scale",
    "update_scale",
    ("layer", "layers", "alpha", "beta"),
    lambda b: b.alpha + b.beta * (b.layer - 1.0) / np.maximum(b.layers - 1.0, 1e-12),
    "LiNeS: shrink the fine-tuning update of early layers, keep that of late ones.",
    "factor on the update of that layer",
    r"\lambda_l = \alpha + \beta \frac{l - 1}{L - 1}",
    ({"layer": 12, "layers": 12, "alpha": 0.1, "beta": 0.9}, 1.0, 1e-12, "the last layer keeps all"),
    Source(
        "arXiv:2410.17146",
        "Wang et al. 2024, LiNeS: Post-training Layer Scaling Prevents Forgetting and Enhances Model Merging",
        "the layer scaling",
    ),
    "fine-tuned or merged updates of transformers for vision and language",
    "alpha and beta are chosen on a control task; layers count from 1",
)
