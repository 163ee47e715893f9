"""Rules of length and cost: schedules, repetition, memory."""

import numpy as np

from ..law import Source
from .spec import Worked, rule

_ZERO = Source("arXiv:2104.07857", "Rajbhandari et al. 2021, ZeRO-Infinity: Breaking the GPU Memory Wall", "3")
_CONSTRAINED = Source("arXiv:2305.16264", "Muennighoff et al. 2023, Scaling Data-Constrained Language Models", "the data term")


@rule(
    answers="cooldown_steps",
    inputs=("steps",),
    transfer=False,
    unit="steps",
    source=Source(
        "arXiv:2405.18392", "Haegele et al. 2024, Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations", ""
    ),
    setting="constant rate, then 1 - sqrt((n - (T - T_d)) / T_d)",
    holds="peak rate",
    limits="10 to 20 % is enough; long runs need less",
    latex=r"T_d = 0.2\, T",
    worked=(Worked({}, {"steps": 1e5}, 2e4, 1e-12, "closed form"),),
)
def cooldown(a, b):
    """A fifth of the steps for the cooldown."""
    return 0.2 * b.steps


@rule(
    answers="effective_tokens",
    inputs=("tokens", "unique_tokens"),
    transfer=False,
    unit="tokens",
    source=_CONSTRAINED,
    setting="decoder-only language models on C4 and OSCAR, up to 9B parameters; R = 15.4 repetitions",
    holds="everything else; parameters in excess wear off too, which this rule leaves out",
    limits="more than a hundred epochs were not tried",
    latex=r"D' = U\,(1 + R(1 - e^{-(D/U - 1)/R}))",
    worked=(Worked({}, {"tokens": 1e15, "unique_tokens": 1e9}, 16.4e9, 1e-6, "the most that repetition can give"),),
)
def effective_tokens(a, b):
    """What repeated tokens are worth in new ones."""
    repeats = np.maximum(b.tokens / b.unique_tokens - 1.0, 0.0)
    return np.minimum(b.tokens, b.unique_tokens) * (1.0 + 15.4 * -np.expm1(-repeats / 15.4))


@rule(
    answers="epochs",
    inputs=("worth",),
    transfer=False,
    unit="epochs",
    source=_CONSTRAINED,
    setting="decoder-only language models on C4 and OSCAR, up to 9B parameters; R = 15.4 repetitions",
    holds="everything else",
    limits="the worth of the next token, not of all: effective_tokens sums it; more than a hundred epochs were not tried",
    latex=r"1 + R \ln(1/w)",
    valid={"worth": (0.01, 0.99)},
    worked=(Worked({}, {"worth": np.exp(-1.0)}, 16.4, 1e-12, "worth 1/e after 15.4 repetitions"),),
)
def epochs_until(a, b):
    """Epochs until a repeated token is worth this share of a new one."""
    return 1.0 + 15.4 * np.log(1.0 / b.worth)


@rule(
    answers="model_state_bytes",
    inputs=("params",),
    transfer=False,
    unit="bytes over all devices",
    source=_ZERO,
    setting="mixed precision with Adam: fp16 weights and gradients, fp32 weights, momentum, variance and gradients",
    holds="nothing sharded away: divide by the devices that share the states",
    limits="activations, fragmentation and buffers come on top",
    latex=r"20\, N",
    worked=(Worked({}, {"params": 1e12}, 20e12, 1e-12, "a trillion parameters need about 20 TB"),),
)
def model_states(a, b):
    """Bytes of weights, gradients and optimizer states."""
    return 20.0 * b.params


@rule(
    answers="params",
    inputs=("depth", "width"),
    transfer=False,
    unit="parameters without embeddings",
    source=_ZERO,
    setting="transformer blocks with a feed-forward of four widths",
    holds="biases and norms left out",
    limits="gated feed-forwards and grouped queries differ",
    latex=r"12\, l\, d^2",
    worked=(Worked({}, {"depth": 96, "width": 12288}, 174e9, 0.005, "GPT-3's blocks"),),
)
def transformer_params(a, b):
    """Parameters of a transformer from its shape."""
    return 12.0 * b.depth * b.width**2
