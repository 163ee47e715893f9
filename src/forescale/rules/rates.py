"""Learning rates given outright, and across size, depth and horizon."""

import numpy as np

from ..law import Source
from .spec import Worked, rule

_DEEPSEEK = Source(
    "arXiv:2401.02954", "DeepSeek-AI 2024, DeepSeek LLM: Scaling Open-Source Language Models with Longtermism", "3.1"
)
_STEP = Source("arXiv:2503.04715", "Li et al. 2025, Predictable Scale: Part I, Step Law", "the two power laws")
_PORIAN = Source(
    "arXiv:2406.19146",
    "Porian et al. 2024, Resolving Discrepancies in Compute-Optimal Scaling of Language Models",
    "the tuned sweep",
    checked="unverified",
)
_SWEEP = "AdamW, muP off, tuned at each size with beta2; RefinedWeb"


@rule(
    answers="learning_rate",
    inputs=("flops",),
    transfer=False,
    unit="peak rate",
    source=_DEEPSEEK,
    setting="AdamW, multi-step schedule, batch of batch_deepseek; FLOP as non-embedding FLOP per token times tokens",
    holds="architecture and data of DeepSeek LLM, compute-optimal allocation",
    limits="models trained far past compute-optimal want another rate; fitted at 1e17 to 2e19 FLOP",
    latex=r"\eta = 0.3118\, C^{-0.1250}",
    valid={"flops": (1e17, 2e19)},
    worked=(Worked({}, {"flops": 8.3e22}, 4.2e-4, 0.03, "their 7B on 2T tokens used 4.2e-4"),),
)
def lr_deepseek(a, b):
    """Peak learning rate from the compute alone."""
    return 0.3118 * b.flops**-0.1250


@rule(
    answers="batch_size",
    inputs=("flops",),
    transfer=False,
    unit="tokens",
    source=_DEEPSEEK,
    setting="AdamW, multi-step schedule, rate of lr_deepseek",
    holds="architecture and data of DeepSeek LLM, compute-optimal allocation",
    limits="a wide valley: within a factor two the loss hardly moves",
    latex=r"B = 0.2920\, C^{0.3271}",
    valid={"flops": (1e17, 2e19)},
    worked=(Worked({}, {"flops": 8.3e22}, 2304 * 4096, 0.05, "their 7B on 2T tokens used 2304 sequences of 4096"),),
)
def batch_deepseek(a, b):
    """Batch from the compute alone."""
    return 0.2920 * b.flops**0.3271


@rule(
    answers="learning_rate",
    inputs=("params", "tokens"),
    transfer=False,
    unit="peak rate",
    source=_STEP,
    setting="AdamW, cosine to a fixed small rate, standard parametrization, batch of batch_step_law",
    holds="betas, decay and warm-up of the sweep; N without embeddings",
    limits="grows with D at fixed N, against the rules at fixed batch: the batch grows along",
    latex=r"\eta = 1.79\, N^{-0.713} D^{0.307}",
    valid={"params": (6e7, 1e9), "tokens": (2e9, 1e11)},
    worked=(Worked({}, {"params": 1e9, "tokens": 1e11}, 1.79 * 1e9**-0.713 * 1e11**0.307, 1e-12, "closed form"),),
)
def lr_step_law(a, b):
    """Peak learning rate from size and data."""
    return 1.79 * b.params**-0.713 * b.tokens**0.307


@rule(
    answers="batch_size",
    inputs=("tokens",),
    transfer=False,
    unit="tokens",
    source=_STEP,
    setting="AdamW, rate of lr_step_law",
    holds="betas, decay and warm-up of the sweep",
    limits="size does not enter; the valley is wide",
    latex=r"B = 0.58\, D^{0.571}",
    valid={"tokens": (2e9, 1e11)},
    worked=(Worked({}, {"tokens": 1e11}, 0.58 * 1e11**0.571, 1e-12, "closed form"),),
)
def batch_step_law(a, b):
    """Batch from the data alone."""
    return 0.58 * b.tokens**0.571


@rule(
    answers="learning_rate",
    inputs=("params",),
    transfer=False,
    unit="peak rate",
    source=Source("arXiv:2001.08361", "Kaplan et al. 2020, Scaling Laws for Neural Language Models", "D.1"),
    setting="Adam, cosine to zero with 3000 steps of warm-up, batch of half a million tokens, WebText2",
    holds="batch and schedule; N without embeddings",
    limits="turns negative beyond 1.2e10 parameters",
    latex=r"\eta = 0.003239 - 0.0001395 \ln N",
    valid={"params": (1e3, 5e9)},
    worked=(Worked({}, {"params": 1e9}, 0.003239 - 0.0001395 * np.log(1e9), 1e-12, "closed form"),),
)
def lr_kaplan(a, b):
    """Peak learning rate from the size alone."""
    return 0.003239 - 0.0001395 * np.log(b.params)


@rule(
    answers="learning_rate",
    inputs=("params",),
    source=_PORIAN,
    setting=_SWEEP,
    holds="tokens per parameter, schedule",
    limits="exponent between -0.36 and -0.30 by data set, as quoted second hand; the middle is used",
    latex=r"\eta \propto N^{-0.33}",
    worked=(Worked({"params": 1e8}, {"params": 1e9}, 10**-0.33, 1e-12, "closed form"),),
)
def lr_params_porian(a, b):
    """Tuned learning rates fall with the size under the standard parametrization."""
    return (b.params / a.params) ** -0.33


@rule(
    answers="batch_size",
    inputs=("params",),
    source=_PORIAN,
    setting=_SWEEP,
    holds="tokens per parameter, schedule",
    limits="exponent as quoted second hand",
    latex=r"B \propto N^{0.70}",
    worked=(Worked({"params": 1e8}, {"params": 1e9}, 10**0.70, 1e-12, "closed form"),),
)
def batch_params_porian(a, b):
    """Tuned batches grow with the size of compute-optimal runs."""
    return (b.params / a.params) ** 0.70


@rule(
    answers="learning_rate",
    inputs=("tokens",),
    source=Source(
        "arXiv:2409.19913",
        "Bjorck et al. 2024, Scaling Optimal LR Across Token Horizons",
        "the fitted exponent",
        checked="unverified",
    ),
    setting="AdamW, one batch size, language models",
    holds="size, batch, schedule shape",
    limits="exponent as recalled; sizes up to a few billion",
    latex=r"\eta^* \propto D^{-0.32}",
    worked=(Worked({"tokens": 1e10}, {"tokens": 1e11}, 10**-0.32, 1e-12, "closed form"),),
)
def lr_horizon_bjorck(a, b):
    """Longer training wants a smaller learning rate."""
    return (b.tokens / a.tokens) ** -0.32


@rule(
    answers="learning_rate",
    inputs=("depth",),
    source=Source(
        "arXiv:2310.02244",
        "Yang et al. 2023, Tensor Programs VI: Feature Learning in Infinite-Depth Neural Networks",
        "the depth table for Adam",
    ),
    setting="Adam, residual blocks of one layer multiplied by 1/sqrt(depth)",
    holds="width (or muP across it), batch, horizon",
    limits="blocks of more than one layer, as transformers have, do not transfer as well",
    latex=r"\eta \to \eta / \sqrt{m},\quad L \to m L",
    worked=(Worked({"depth": 12}, {"depth": 48}, 0.5, 1e-12, "closed form"),),
)
def lr_depth_mup(a, b):
    """Depth-muP: the learning rate falls with the square root of the depth."""
    return np.sqrt(a.depth / b.depth)


@rule(
    answers="learning_rate",
    inputs=("depth",),
    source=Source(
        "arXiv:2505.01618", "Dey et al. 2025, Don't be lazy: CompleteP enables compute-efficient deep transformers", "alpha = 1"
    ),
    setting="AdamW, pre-norm transformers, blocks multiplied by 1/depth",
    holds="width (or muP across it), batch, horizon; decay and epsilon rescaled as there",
    limits="needs the 1/depth multiplier: without it this is not the rule",
    latex=r"\eta \to \eta,\quad L \to m L",
    worked=(Worked({"depth": 12}, {"depth": 48}, 1.0, 1e-12, "closed form"),),
)
def lr_depth_completep(a, b):
    """CompleteP: with blocks scaled by one over the depth the learning rate stays."""
    return (b.depth / a.depth) ** 0.0
