"""Rules from gradient noise: critical batch, batch schedules, the largest stable rate."""

import numpy as np

from ..law import Source
from .spec import Worked, rule

_NOISE = Source("arXiv:1812.06162", "McCandlish et al. 2018, An Empirical Model of Large-Batch Training", "2.8")
_KAPLAN = Source("arXiv:2001.08361", "Kaplan et al. 2020, Scaling Laws for Neural Language Models", "5.4 and 5.5")
_HYPERBOLA = "constant learning rate tuned at each batch"


@rule(
    answers="critical_batch",
    inputs=("gradient_variance", "gradient_norm_squared"),
    transfer=False,
    unit="examples or tokens, whichever the variance is per",
    source=_NOISE,
    setting="SGD-like and Adam training of images, games and text",
    holds="Hessian near a multiple of the identity",
    limits="within a factor of a few of the true critical batch; it grows during training",
    latex=r"B_{simple} = \mathrm{tr}(\Sigma) / |G|^2",
    worked=(Worked({}, {"gradient_variance": 500.0, "gradient_norm_squared": 0.25}, 2000.0, 1e-12, "closed form"),),
)
def gradient_noise_scale(a, b):
    """Critical batch from the trace of the per-example gradient covariance and the squared norm of the mean gradient."""
    return b.gradient_variance / b.gradient_norm_squared


@rule(
    answers="critical_batch",
    inputs=("tokens",),
    source=Source(
        "arXiv:2410.05838",
        "Filatov et al. 2024, Time Transfer: On Optimal Learning Rate and Batch Size In The Infinite Data Limit",
        "the first version's abstract",
    ),
    setting="language models under muP",
    holds="size (which does not matter there)",
    limits="rivals find square roots: they define the critical batch by time to a loss, this one by the best rate",
    latex=r"B_{crit} \propto T",
    worked=(Worked({"tokens": 1e9}, {"tokens": 1e10}, 10.0, 1e-12, "closed form"),),
)
def critical_batch_time_transfer(a, b):
    """The critical batch grows in proportion to the horizon."""
    return b.tokens / a.tokens


@rule(
    answers="critical_batch",
    inputs=("tokens",),
    source=Source(
        "arXiv:2410.21676",
        "Zhang et al. 2024, How Does Critical Batch Size Scale in Pre-training?",
        "the exponent in data",
        checked="unverified",
    ),
    setting="Adam with weight averaging, language models of 85M to 1.2B on C4",
    holds="size, which hardly matters at fixed data",
    limits="exponent as recalled",
    latex=r"B_{crit} \propto D^{0.47}",
    worked=(Worked({"tokens": 1e9}, {"tokens": 1e11}, 100**0.47, 1e-12, "closed form"),),
)
def critical_batch_zhang(a, b):
    """The critical batch grows about as the square root of the data and not with the size."""
    return (b.tokens / a.tokens) ** 0.47


@rule(
    answers="critical_batch",
    inputs=("tokens",),
    source=Source("arXiv:2505.13738", "Bergsma et al. 2025, Power Lines: Scaling Laws for Weight Decay and Batch Size", ""),
    setting="muP, AdamW, linear decay to zero, SlimPajama",
    holds="tuned learning rate and weight decay",
    limits="one model family",
    latex=r"B_{crit} \propto D^{0.462}",
    worked=(Worked({"tokens": 1e9}, {"tokens": 1e11}, 100**0.462, 1e-12, "closed form"),),
)
def critical_batch_growth_power_lines(a, b):
    """Growth of the critical batch with the data."""
    return (b.tokens / a.tokens) ** 0.462


@rule(
    answers="batch_size",
    inputs=("loss",),
    transfer=False,
    unit="tokens",
    source=Source("arXiv:2404.06395", "Hu et al. 2024, MiniCPM: Unveiling the Potential of Small Language Models", "batch size"),
    setting="language models of 9M to 170M on C4, muP-like transfer of the rate",
    holds="tuned learning rate",
    limits="loss of their tokenizer and corpus",
    latex=r"B = 1.21 \times 10^9\, L^{-6.24}",
    valid={"loss": (1.5, 5.0)},
    worked=(Worked({}, {"loss": 2.5}, 1.21e9 * 2.5**-6.24, 1e-12, "closed form"),),
)
def batch_minicpm(a, b):
    """Batch from the loss the run will reach."""
    return 1.21e9 * b.loss**-6.24


@rule(
    answers="min_steps",
    inputs=("steps", "batch_size", "critical_batch"),
    transfer=False,
    unit="steps",
    source=_KAPLAN,
    setting=_HYPERBOLA,
    holds="the loss reached",
    limits="a model of noise alone; curvature caps the gain earlier",
    latex=r"S_{min} = S / (1 + B_{crit}/B)",
    worked=(Worked({}, {"steps": 1e5, "batch_size": 1e6, "critical_batch": 1e6}, 5e4, 1e-12, "half at the critical batch"),),
)
def min_steps(a, b):
    """Steps an unbounded batch would need for the same loss."""
    return b.steps / (1.0 + b.critical_batch / b.batch_size)


@rule(
    answers="min_flops",
    inputs=("flops", "batch_size", "critical_batch"),
    transfer=False,
    unit="FLOP",
    source=_KAPLAN,
    setting=_HYPERBOLA,
    holds="the loss reached",
    limits="a model of noise alone",
    latex=r"C_{min} = C / (1 + B/B_{crit})",
    worked=(Worked({}, {"flops": 1e20, "batch_size": 3e6, "critical_batch": 1e6}, 2.5e19, 1e-12, "a quarter at three times it"),),
)
def min_flops(a, b):
    """Compute that a batch far below the critical one would need for the same loss."""
    return b.flops / (1.0 + b.batch_size / b.critical_batch)


@rule(
    answers="batch_size",
    inputs=("gradient_variance", "gradient_norm_squared", "tolerance"),
    transfer=False,
    unit="examples",
    source=Source(
        "arXiv:2402.11215", "Lau et al. 2024, AdAdaGrad: Adaptive Batch Size Schemes for Adaptive Gradient Methods", ""
    ),
    setting="AdaGrad-type steps; the norm test after each step, never below the present batch",
    holds="tolerance theta on the relative error of the gradient",
    limits="grows to the whole data set as the gradient vanishes",
    latex=r"B = \lceil \mathrm{tr}(\Sigma) / (\theta^2 |g|^2) \rceil",
    worked=(
        Worked({}, {"gradient_variance": 10.0, "gradient_norm_squared": 0.3, "tolerance": 0.5}, 134.0, 1e-12, "closed form"),
    ),
)
def batch_norm_test(a, b):
    """The next batch from the norm test: large enough that the gradient's error is a fraction of it."""
    return np.ceil(b.gradient_variance / (b.tolerance**2 * b.gradient_norm_squared))


@rule(
    answers="batch_size",
    inputs=("learning_rate",),
    source=Source(
        "arXiv:1711.00489", "Smith et al. 2017, Don't Decay the Learning Rate, Increase the Batch Size", "the noise scale"
    ),
    setting="SGD: at the places where a schedule would cut the rate, the batch is raised instead",
    holds="eta/B, the scale of the noise; the rate itself stays",
    limits="below the critical batch and a tenth of the data set; Adam follows eta/sqrt(B)",
    latex=r"B \to \kappa B \text{ in place of } \eta \to \eta / \kappa",
    worked=(Worked({"learning_rate": 0.1}, {"learning_rate": 0.02}, 5.0, 1e-12, "closed form"),),
)
def batch_instead_of_decay(a, b):
    """Batch schedule: raise the batch by what the rate would have been cut by."""
    return a.learning_rate / b.learning_rate


@rule(
    answers="max_learning_rate",
    inputs=("batch_size", "curvature", "gradient_noise"),
    transfer=False,
    unit="rate of plain SGD",
    source=Source(
        "arXiv:2006.09092",
        "Granziol et al. 2020, Learning Rates as a Function of Batch Size: A Random Matrix Theory Approach",
        "the spiked-covariance form",
        checked="unverified",
    ),
    setting="SGD; curvature is the largest eigenvalue of the full Hessian, gradient_noise P sigma^2 of the batch Hessian's noise",
    holds="the local quadratic picture",
    limits="square root of the batch in the bulk, linear above it, constant once the curvature itself binds",
    latex=r"\eta_{max} = 2 / \lambda(B),\ \lambda(B) = \lambda + \frac{P\sigma^2}{B\lambda}"
    r"\ \text{or}\ 2\sigma\sqrt{P/B}\ \text{below}\ \lambda = \sigma\sqrt{P/B}",
    worked=(
        Worked({}, {"batch_size": 1e12, "curvature": 4.0, "gradient_noise": 1e3}, 0.5, 1e-6, "the curvature's own limit"),
        Worked({}, {"batch_size": 100, "curvature": 1.0, "gradient_noise": 1e4}, 0.1, 1e-12, "edge of the bulk"),
    ),
)
def max_lr_spiked(a, b):
    """Largest stable learning rate of SGD as the batch grows: noise inflates the curvature that a batch sees."""
    bulk = np.sqrt(b.gradient_noise / b.batch_size)
    return 2.0 / np.where(b.curvature > bulk, b.curvature + bulk**2 / b.curvature, 2.0 * bulk)
