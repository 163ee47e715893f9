"""Rules across width and depth: parametrization, weight decay, compound scaling of shapes."""

import numpy as np

from ..law import Source
from .spec import Worked, rule

_MUP = Source("arXiv:2203.03466", "Yang et al. 2022, Tensor Programs V: Zero-Shot Hyperparameter Transfer", "the Adam table")
_ROBUST = Source("arXiv:2510.15262", "Robust Layerwise Scaling Rules by Proper Weight Decay Tuning", "", checked="unverified")
_WANG = Source(
    "arXiv:2405.13698", "Wang and Aitchison 2024, How to set AdamW's weight decay as you scale model and dataset size", ""
)
_COMPOUND = Source("arXiv:2103.06877", "Dollar et al. 2021, Fast and Accurate Model Scaling", "")


@rule(
    answers="learning_rate",
    inputs=("width",),
    source=_MUP,
    setting="Adam, hidden and output matrices under muP; inputs, biases and norms keep their rate",
    holds="depth, batch, horizon; initial variance 1/fan_in, output 1/fan_in^2, attention logits q.k/d",
    limits="shown across width; not across depth or data",
    latex=r"\eta \to \eta / m,\quad n \to m n",
    worked=(Worked({"width": 256}, {"width": 4096}, 1 / 16, 1e-12, "closed form"),),
)
def lr_width_mup(a, b):
    """muP with Adam: the learning rate of matrices falls as one over the width."""
    return a.width / b.width


@rule(
    answers="initial_std",
    inputs=("width",),
    source=_MUP,
    setting="hidden matrices, standard or muP",
    holds="activation size at initialization",
    limits="the output matrix scales as 1/fan_in in muP",
    latex=r"\sigma \to \sigma / \sqrt{m}",
    worked=(Worked({"width": 256}, {"width": 1024}, 0.5, 1e-12, "closed form"),),
)
def init_width(a, b):
    """Initial standard deviation of hidden matrices."""
    return np.sqrt(a.width / b.width)


@rule(
    answers="weight_decay",
    inputs=("width",),
    source=_ROBUST,
    setting="AdamW, matrices, with eta falling as 1/d; vectors: eta constant, no decay",
    holds="the top singular value sqrt(eta/lambda) d^0.75 of each matrix in its steady state",
    limits="long runs that reach the steady state",
    latex=r"\lambda \propto \sqrt{d}",
    worked=(Worked({"width": 256}, {"width": 4096}, 4.0, 1e-12, "closed form"),),
)
def weight_decay_width(a, b):
    """Weight decay grows with the square root of the width where the learning rate falls with it."""
    return np.sqrt(b.width / a.width)


@rule(
    answers="weight_decay",
    inputs=("width",),
    source=_WANG,
    setting="AdamW, matrices, with eta falling as 1/d under muP",
    holds="eta times lambda, the memory of AdamW in steps",
    limits="holds the timescale, not the top singular value: weight_decay_width differs by sqrt(d)",
    latex=r"\lambda \propto d",
    worked=(Worked({"width": 256}, {"width": 4096}, 16.0, 1e-12, "closed form"),),
)
def weight_decay_width_timescale(a, b):
    """Weight decay grows with the width, so that its product with the learning rate stays."""
    return b.width / a.width


@rule(
    answers="weight_decay",
    inputs=("tokens",),
    source=_WANG,
    setting="AdamW, one rate and batch, images and text",
    holds="the memory in epochs of the whole run",
    limits="power lines finds that the memory itself shortens with tokens per parameter",
    latex=r"\lambda \propto 1/D",
    worked=(Worked({"tokens": 1e9}, {"tokens": 1e10}, 0.1, 1e-12, "closed form"),),
)
def weight_decay_tokens(a, b):
    """Weight decay falls in proportion to the data."""
    return a.tokens / b.tokens


@rule(
    answers="output_multiplier",
    inputs=("width",),
    source=_MUP,
    setting="logits of the output layer under muP with Adam, init variance 1/fan_in",
    holds="as lr_width_mup; equal to variance 1/fan_in^2 and rate 1/fan_in without a multiplier",
    limits="tied embeddings need it, as one matrix cannot follow both roles",
    latex=r"\to 1/m,\quad n \to m n",
    worked=(Worked({"width": 256}, {"width": 1024}, 0.25, 1e-12, "closed form"),),
)
def output_multiplier_mup(a, b):
    """Logits are divided by the width multiple."""
    return a.width / b.width


@rule(
    answers="attention_scale",
    inputs=("head_dim",),
    transfer=False,
    unit="factor on q.k",
    source=_MUP,
    setting="attention logits under muP",
    holds="query and key correlated after training",
    limits="standard parametrization has 1/sqrt(d); they agree at one base head size by a constant",
    latex=r"1/d",
    worked=(Worked({}, {"head_dim": 64}, 1 / 64, 1e-12, "closed form"),),
)
def attention_scale_mup(a, b):
    """Attention logits are divided by the head size, not its root."""
    return 1.0 / b.head_dim


def _compound(name, answers, power, what):
    def factor(a, b):
        return (b.forward_flops / a.forward_flops) ** power

    factor.__name__, factor.__doc__ = name, what
    return rule(
        answers=answers,
        inputs=("forward_flops",),
        source=_COMPOUND,
        setting="convolutional networks, alpha = 0.8; FLOP of one forward pass",
        holds="the family; activations grow as flops^0.6 only",
        limits="vision; alpha = 1/3 would be uniform compound scaling",
        latex=rf"\propto s^{{{power:g}}}",
        worked=(Worked({"forward_flops": 1e9}, {"forward_flops": 16e9}, 16**power, 1e-12, "closed form"),),
    )(factor)


depth_compound = _compound("depth_compound", "depth", 0.1, "Depth under fast compound scaling: s^((1-alpha)/2).")
width_compound = _compound("width_compound", "width", 0.4, "Width under fast compound scaling: s^(alpha/2).")
resolution_compound = _compound(
    "resolution_compound", "resolution", 0.05, "Resolution under it: s^((1-alpha)/4), as it costs twice."
)
params_compound = _compound("params_compound", "params", 0.9, "Parameters under it: depth times width squared, s^((1+alpha)/2).")
activations_compound = _compound("activations_compound", "activations", 0.6, "Activations under it: s^(1-alpha/2).")
