"""The parametric law of Hoffmann et al. and the forms that tie or couple its two terms."""

import numpy as np

from ..law import Param, Published, Source, decreasing, floor, interval, law, positive

_HOFFMANN = "Hoffmann et al. 2022, Training Compute-Optimal Large Language Models"


def two_term_optimum(p, flops):
    """Compute-optimal (N, D) of A N^-alpha + B D^-beta under C = 6 N D. Hoffmann et al. eq. 4."""
    g = (p.alpha * p.A / (p.beta * p.B)) ** (1 / (p.alpha + p.beta))
    params = g * (flops / 6) ** (p.beta / (p.alpha + p.beta))
    return params, flops / (6 * params)


_TERMS = (
    Param("A", positive, (1.0, 1e6), "size term at N = 1"),
    Param("B", positive, (1.0, 1e6), "data term at D = 1"),
    Param("alpha", interval(0, 2), (0.05, 0.95), "size exponent"),
    Param("beta", interval(0, 2), (0.05, 0.95), "data exponent"),
)
_FLOOR = Param("E", positive, (0.3, 3.0), "loss left at infinite N and D")
_BOTH = (decreasing("params"), decreasing("tokens"), floor("E"))


@law(
    inputs=("params", "tokens"),
    output="loss",
    linear=("E", "A", "B"),
    params=(_FLOOR, *_TERMS),
    claims=_BOTH,
    optimum=two_term_optimum,
    valid={"params": (4.4e7, 1.6e10), "tokens": (2e8, 5e11)},
    latex=r"L = E + A N^{-\alpha} + B D^{-\beta}",
    limits="misses the coupling of size and data: 5 % off at 4x on the shipped study; refits move D*/N* from 93 to 18 (audit)",
    source=Source("arXiv:2203.15556", _HOFFMANN, "2", "N all parameters, D tokens seen, C = 6ND", "refitted"),
    published=(
        Published(
            "hoffmann_rounded",
            {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28},
            "arXiv:2203.15556 eq. 10, two digits",
            worked=({"params": 70e9, "tokens": 1.4e12}, 1.9366, 1e-4),
        ),
        Published(
            "hoffmann",
            {"E": 1.6934, "A": 406.4, "B": 410.7, "alpha": 0.3392, "beta": 0.2849},
            "arXiv:2203.15556, digits from the source of the paper, as arXiv:2404.10102 uses them",
        ),
        Published(
            "besiroglu",
            {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3659},
            "arXiv:2404.10102, replication on 240 points read off figure 4",
        ),
    ),
)
def chinchilla(p, x):
    """Loss falls as a power of size and a power of data towards a floor."""
    return p.E + p.A * x.params**-p.alpha + p.B * x.tokens**-p.beta


@law(
    inputs=("params", "tokens"),
    output="loss",
    linear=("E", "A", "B"),
    params=(_FLOOR, *_TERMS[:2], Param("alpha", interval(0, 2), (0.05, 0.95), "exponent of size and of data")),
    claims=_BOTH,
    latex=r"L = E + A N^{-\alpha} + B D^{-\alpha}",
    limits="one exponent for both is an assumption; where alpha and beta differ, strongly over-trained runs drift off",
    source=Source(
        "arXiv:2403.08540",
        "Gadre et al. 2024, Language models scale reliably with over-training and on downstream tasks",
        "4",
        "N all parameters, D tokens; in the paper's terms eta = alpha/2, a = 6^eta A, b = 6^eta B, M = D/N",
        "refitted",
    ),
    optimum=lambda p, flops: _tied_optimum(p, flops),
)
def overtraining(p, x):
    """One exponent for size and data: over-training by M = D/N shifts the curve L(C) but not its slope."""
    return p.E + p.A * x.params**-p.alpha + p.B * x.tokens**-p.alpha


def _tied_optimum(p, flops):
    params = (p.A / p.B) ** (1 / (2 * p.alpha)) * np.sqrt(flops / 6)
    return params, flops / (6 * params)


@law(
    inputs=("loss",),
    output="error",
    linear=("epsilon", "k"),
    params=(
        Param("epsilon", positive, (0.3, 1.5), "error as the loss grows without bound"),
        Param("k", positive, (0.1, 100.0), "reach of the exponential at L = 0"),
        Param("gamma", interval(0, 20), (0.1, 5.0), "rate per nat"),
    ),
    latex=r"\mathrm{Err} = \epsilon - k e^{-\gamma L}",
    limits="an average over many tasks; a single task can break it, turn, or sit at chance",
    source=Source(
        "arXiv:2403.08540",
        "Gadre et al. 2024, Language models scale reliably with over-training and on downstream tasks",
        "5",
        "Err average top-1 error of a task suite, L validation loss in nats per token",
        "refitted",
    ),
)
def downstream_error(p, x):
    """Average top-1 error as an exponential of the loss."""
    return p.epsilon - p.k * np.exp(-p.gamma * x.loss)
