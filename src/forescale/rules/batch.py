"""Rules across batch size and horizon."""

import numpy as np

from ..law import Source
from .spec import Worked, rule

_EMA = Source("arXiv:2307.13813", "Busbridge et al. 2023, How to Scale Your EMA", "the EMA scaling rule")
_SDE = Source("arXiv:2205.10287", "Malladi et al. 2022, On the SDEs and Scaling Rules for Adaptive Gradient Algorithms", "")
_POWER_LINES = Source("arXiv:2505.13738", "Bergsma et al. 2025, Power Lines: Scaling Laws for Weight Decay and Batch Size", "")
_NORM = Source("arXiv:2510.03871", "Filatov et al. 2025, Optimal Scaling Needs Optimal Norm", "", checked="unverified")
_SLIM = "muP, AdamW, linear decay to zero, SlimPajama; sequences of 2048 tokens"


@rule(
    answers="learning_rate",
    inputs=("batch_size",),
    source=Source("arXiv:1706.02677", "Goyal et al. 2017, Accurate, Large Minibatch SGD", "the linear scaling rule"),
    setting="SGD with momentum, image classification",
    holds="epochs, warm-up present, everything else",
    limits="stops where curvature, not noise, bounds the rate: above the critical batch",
    latex=r"\eta \to \kappa\,\eta,\quad B \to \kappa B",
    worked=(Worked({"batch_size": 256}, {"batch_size": 8192}, 32.0, 1e-12, "0.1 at 256 becomes 3.2 at 8192"),),
)
def lr_batch_sgd(a, b):
    """SGD: the learning rate grows in proportion to the batch."""
    return b.batch_size / a.batch_size


@rule(
    answers="learning_rate",
    inputs=("batch_size",),
    source=_SDE,
    setting="Adam, RMSprop",
    holds="samples seen; betas and epsilon rescaled with adam_beta_batch",
    limits="small-batch regime, where gradient noise dominates",
    latex=r"\eta \to \sqrt{\kappa}\,\eta,\quad B \to \kappa B",
    worked=(Worked({"batch_size": 256}, {"batch_size": 1024}, 2.0, 1e-12, "closed form"),),
)
def lr_batch_adam(a, b):
    """Adam: the learning rate grows with the square root of the batch."""
    return np.sqrt(b.batch_size / a.batch_size)


@rule(
    answers="learning_rate",
    inputs=("batch_size", "tokens"),
    source=_NORM,
    setting="Scion (norm-based steps), LLM pre-training",
    holds="width (transferred by the norm), schedule",
    limits="exponents fitted on one model family",
    latex=r"\eta^* \propto B^{0.62} D^{-0.56}",
    worked=(Worked({"batch_size": 1, "tokens": 1}, {"batch_size": 2, "tokens": 1}, 2**0.62, 1e-12, "closed form"),),
)
def lr_norm_transfer(a, b):
    """Learning rate that keeps the output layer's norm, across batch and data."""
    return (b.batch_size / a.batch_size) ** 0.62 * (b.tokens / a.tokens) ** -0.56


@rule(
    answers="learning_rate",
    inputs=("tokens",),
    source=_NORM,
    setting="Scion, LLM pre-training; the batch grows along as batch_norm_transfer says",
    holds="width (transferred by the norm), schedule",
    limits="exponent fitted on one model family; at a fixed batch lr_norm_transfer holds",
    latex=r"\eta^* \propto D^{-0.28}",
    worked=(Worked({"tokens": 1e9}, {"tokens": 1e11}, 10**-0.56, 1e-12, "closed form"),),
)
def lr_horizon_norm(a, b):
    """Learning rate across data with the batch at its best."""
    return (b.tokens / a.tokens) ** -0.28


@rule(
    answers="batch_size",
    inputs=("tokens",),
    source=_NORM,
    setting="Scion, LLM pre-training",
    holds="optimal learning rate at each batch",
    limits="exponent fitted on one model family",
    latex=r"B^* \propto D^{0.45}",
    worked=(Worked({"tokens": 1e9}, {"tokens": 1e11}, 10**0.9, 1e-12, "closed form"),),
)
def batch_norm_transfer(a, b):
    """Optimal batch across data."""
    return (b.tokens / a.tokens) ** 0.45


@rule(
    answers="batch_size",
    inputs=("tokens",),
    transfer=False,
    unit="sequences of 2048 tokens",
    source=_POWER_LINES,
    setting=_SLIM,
    holds="tuned learning rate and weight decay",
    limits="coefficient belongs to the setting; the exponent is firmer",
    latex=r"B_{opt} = 0.0306\, D^{0.383}",
    worked=(Worked({}, {"tokens": 20 * 610e6}, 223.0, 0.01, "610M at 20 tokens per parameter"),),
)
def batch_power_lines(a, b):
    """Optimal batch from the data alone."""
    return 0.0306 * b.tokens**0.383


@rule(
    answers="critical_batch",
    inputs=("tokens",),
    transfer=False,
    unit="sequences of 2048 tokens",
    source=_POWER_LINES,
    setting=_SLIM,
    holds="tuned learning rate and weight decay",
    limits="coefficient belongs to the setting; D is the least data that reaches the loss",
    latex=r"B_{crit} = 0.0471\, D_{min}^{0.462}",
    worked=(Worked({}, {"tokens": 20 * 610e6}, 2.1e3, 0.05, "610M at 20 tokens per parameter"),),
)
def critical_batch_power_lines(a, b):
    """Critical batch from the data alone."""
    return 0.0471 * b.tokens**0.462


@rule(
    answers="weight_decay",
    inputs=("batch_size", "learning_rate", "tokens", "params"),
    transfer=False,
    unit="with batch_size in tokens",
    source=_POWER_LINES,
    setting=_SLIM,
    holds="schedule; the timescale tau = B / (eta lambda D) is set by tokens per parameter alone",
    limits="linear in B up to the critical batch; the coefficient 1.084 belongs to the setting",
    latex=r"\lambda = \frac{B}{\tau \eta D},\quad \tau = 1.084\,(D/N)^{-0.527}",
    worked=(
        Worked(
            {},
            {"batch_size": 1e6, "learning_rate": 1e-2, "tokens": 20 * 610e6, "params": 610e6},
            1e6 / (0.2236 * 1e-2 * 20 * 610e6),
            0.01,
            "tau 0.22 at 20 tokens per parameter",
        ),
    ),
)
def weight_decay_timescale(a, b):
    """AdamW's weight decay from its averaging timescale in epochs of the run."""
    tau = 1.084 * (b.tokens / b.params) ** -0.527
    return b.batch_size / (tau * b.learning_rate * b.tokens)


@rule(
    answers="weight_decay",
    inputs=("batch_size",),
    source=_POWER_LINES,
    setting=_SLIM,
    holds="learning rate, tokens and size",
    limits="up to the critical batch",
    latex=r"\lambda \to \kappa\,\lambda,\quad B \to \kappa B",
    worked=(Worked({"batch_size": 1e5}, {"batch_size": 4e5}, 4.0, 1e-12, "closed form"),),
)
def weight_decay_batch(a, b):
    """At a fixed learning rate AdamW's weight decay grows in proportion to the batch."""
    return b.batch_size / a.batch_size


@rule(
    answers="ema_half_life_steps",
    inputs=("batch_size",),
    source=_EMA,
    setting="model EMA beside SGD or Adam, with their own learning-rate rules",
    holds="samples an average reaches back over: rho becomes rho^kappa",
    limits="fails early in training at very large batches; scale progressively there",
    latex=r"\rho \to \rho^{\kappa}",
    worked=(Worked({"batch_size": 1}, {"batch_size": 4}, 0.25, 1e-12, "log rho grows by kappa"),),
)
def ema_batch(a, b):
    """The EMA keeps its memory in samples, so in steps it shortens as the batch grows."""
    return a.batch_size / b.batch_size


@rule(
    answers="one_minus_beta",
    inputs=("batch_size",),
    source=_SDE,
    setting="Adam: 1 - beta1 and 1 - beta2; epsilon is divided by sqrt(kappa)",
    holds="samples the moments average over",
    limits="kappa (1 - beta) must stay below one",
    latex=r"1 - \beta_i \to \kappa\,(1 - \beta_i)",
    worked=(Worked({"batch_size": 256}, {"batch_size": 1024}, 4.0, 1e-12, "closed form"),),
)
def adam_beta_batch(a, b):
    """Adam's moments keep their memory in samples."""
    return b.batch_size / a.batch_size


@rule(
    answers="adam_epsilon",
    inputs=("batch_size",),
    source=_SDE,
    setting="Adam, RMSprop; beside lr_batch_adam and adam_beta_batch",
    holds="the same stochastic differential equation",
    limits="matters only where epsilon is not negligible beside the gradients",
    latex=r"\epsilon \to \epsilon / \sqrt{\kappa}",
    worked=(Worked({"batch_size": 256}, {"batch_size": 1024}, 0.5, 1e-12, "closed form"),),
)
def adam_epsilon_batch(a, b):
    """Adam's epsilon shrinks with the noise of the gradient."""
    return np.sqrt(a.batch_size / b.batch_size)
