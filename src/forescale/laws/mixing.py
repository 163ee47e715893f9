"""Laws of what the data is made of: mixtures, pools that help each other, quality and repetition, its dimension."""

import numpy as np

from ..law import Law, Param, Source, decreasing, floor, increasing, interval, law, positive
from .data import worth

_E = Param("E", positive, (0.1, 3.0), "loss left at infinite size and data")


def mixture_of(*domains: str) -> Law:
    """The mixture law for these domains' shares; the last domain of the mixture is the rest and is not named.

    Shares sum to one, so its coefficient is inside k. `mixture_of("web", "code")` takes share_web and share_code.
    """
    names = [f"share_{d}" for d in domains]

    def formula(p, x):
        return p.c + p.k * np.exp(sum(getattr(p, "t_" + d) * getattr(x, n) for d, n in zip(domains, names, strict=True)))

    formula.__doc__ = "Loss on one domain by the shares of training domains: an exponential of their weighted sum above a floor."
    return law(
        name="mixture",
        inputs=tuple(names),
        output="loss",
        linear=("c", "k"),
        params=(
            Param("c", positive, (0.5, 3.0), "loss no mixture goes below at this size and data"),
            Param("k", positive, (0.2, 3.0), "height above c with none of the named domains"),
            *(Param("t_" + d, interval(-30, 30), (-3.0, 1.5), f"log change of that height per share of {d}") for d in domains),
        ),
        claims=(floor("c"),),
        latex=r"L_i(r) = c_i + k_i \exp(\textstyle\sum_j t_{ij} r_j)",
        limits="one size and one token budget; a share of zero is outside (use a tiny one); size and data need laws of their own",
        valid=dict.fromkeys(names, (0.02, 0.45)),
        source=Source(
            "arXiv:2403.16952",
            "Ye et al. 2024, Data Mixing Laws: Optimizing Data Mixtures by Predicting Language Modeling Performance",
            "the exponential law",
            "r shares of training tokens by domain",
        ),
    )(formula)


mixture = mixture_of("1", "2")


@law(
    inputs=("params", "tokens", "unique_tokens", "helper_tokens", "helper_unique_tokens"),
    output="loss",
    linear=("E", "A", "B"),
    params=(
        _E,
        Param("A", positive, (1.0, 1e4), "size term at N = 1"),
        Param("B", positive, (1.0, 1e4), "data term at D = 1"),
        Param("alpha", interval(0, 2), (0.1, 0.9), "size exponent"),
        Param("beta", interval(0, 2), (0.1, 0.9), "data exponent"),
        Param("tau", interval(0, 2), (0.05, 0.8), "what a token of the helper is worth in tokens of the target"),
        Param("R", positive, (1.0, 30.0), "repetitions after which they are worth 1 - 1/e; lambda = 1/R in the source"),
    ),
    claims=(decreasing("params"), decreasing("tokens"), decreasing("helper_tokens"), floor("E")),
    latex=r"L = E + A N^{-\alpha} + B D_e^{-\beta},\quad D_e = S(D_t; U_t) + \tau S(D_h; U_h)",
    limits="one helper pool; give several pools a sum of their own, or fit one helper at a time with the rest held",
    valid={
        "params": (1e7, 1e10),
        "tokens": (1e9, 1e12),
        "unique_tokens": (1e9, 1e11),
        "helper_tokens": (1e9, 1e12),
        "helper_unique_tokens": (1e9, 1e11),
    },
    source=Source(
        "arXiv:2510.22037",
        "Longpre et al. 2025, ATLAS: Adaptive Transfer Scaling Laws for Multilingual Pretraining",
        "the transfer law with one helper",
        "D tokens seen of the target and the helper, U distinct ones of each",
        "unverified",
    ),
)
def transfer_pools(p, x):
    """A target language beside a helper: borrowed tokens count by a transfer weight, and repeats wear off in both."""
    data = worth(x.tokens, x.unique_tokens, p.R) + p.tau * worth(x.helper_tokens, x.helper_unique_tokens, p.R)
    return p.E + p.A * x.params**-p.alpha + p.B * data**-p.beta


MAX_EPOCHS = 64


@law(
    inputs=("unique_examples", "epochs"),
    output="error",
    linear=("d", "a"),
    params=(
        Param("d", positive, (0.01, 0.5), "error left"),
        Param("a", positive, (0.5, 20.0), "height at one example"),
        Param("b", interval(0, 2), (0.05, 0.5), "utility of the pool in its first epoch"),
        Param("tau", positive, (0.5, 10.0), "epochs after which the pool's utility has halved"),
    ),
    claims=(decreasing("unique_examples"), decreasing("epochs"), floor("d")),
    latex=r"y = d + a\, n^{-b} \prod_{j=2}^{K} \left(\frac{j}{j-1}\right)^{-b_j},\quad b_j = b\, 2^{-(j-1)/\tau}",
    limits=f"up to {MAX_EPOCHS} epochs; p equal pools together have half-life p tau and the mean of their utilities",
    valid={"unique_examples": (1e5, 1e9), "epochs": (1, 32)},
    source=Source(
        "arXiv:2404.07177",
        "Goyal et al. 2024, Scaling Laws for Data Filtering: Data Curation cannot be Compute Agnostic",
        "the utility law of one pool",
        "n distinct examples of a pool, each seen once an epoch; b here is their -b",
    ),
)
def quality_repetition(p, x):
    """Error from a pool of a given quality seen again and again: the best pool changes with the compute."""
    log = -p.b * np.log(x.unique_examples)
    for j in range(2, MAX_EPOCHS + 1):
        gain = np.log(np.minimum(np.maximum(x.epochs, j - 1.0), j) / (j - 1.0))
        if not np.any(gain > 0):
            break
        log = log - p.b * np.exp2(-(j - 1.0) / p.tau) * gain
    return p.d + p.a * np.exp(log)


@law(
    inputs=("dimension", "examples", "sharpness"),
    output="loss",
    linear=("A",),
    params=(
        Param("A", positive, (0.05, 20.0), "loss at one example and sharpness one"),
        Param("c", positive, (0.3, 4.0), "exponent times dimension: 1 for nearest neighbours, about 4 for smooth losses"),
    ),
    claims=(decreasing("examples"), increasing("sharpness")),
    latex=r"\log L = \log A + \log K_F - \frac{c}{d} \log n",
    limits="orders data sets rather than predicts a loss; d and K_F are estimates of their own (measure.intrinsic)",
    valid={"examples": (1e2, 1e6), "dimension": (4, 40), "sharpness": (0.01, 1.0)},
    source=Source(
        "arXiv:2401.08865",
        "Konz and Mazurowski 2024, The Effect of Intrinsic Dataset Properties on Generalization",
        "the bound on the loss",
        "n training examples, d intrinsic dimension, K_F = max |y_i - y_j| / ||x_i - x_j||",
        "unverified",
    ),
)
def intrinsic_dimension(p, x):
    """Loss by how many examples cover a data manifold of dimension d whose labels change at rate K_F."""
    return p.A * x.sharpness * np.exp(-p.c / x.dimension * np.log(x.examples))
