"""Laws of data: repetition, vocabulary, languages."""

import numpy as np

from ..law import Param, Published, Source, decreasing, floor, interval, law, positive

_E = Param("E", positive, (0.1, 3.0), "loss left at infinite size and data")
_A = Param("A", positive, (1.0, 1e4), "size term at N = 1")
_B = Param("B", positive, (1.0, 1e4), "data term at D = 1")
_ALPHA = Param("alpha", interval(0, 2), (0.1, 0.9), "size exponent")
_BETA = Param("beta", interval(0, 2), (0.1, 0.9), "data exponent")


def worth(tokens, unique, repetitions):
    """What `tokens` drawn from `unique` distinct ones are worth in new ones: each repetition is worth less than the last."""
    repeats = np.maximum(tokens / unique - 1.0, 0.0)
    return np.minimum(tokens, unique) * (1.0 - repetitions * np.expm1(-repeats / repetitions))


@law(
    inputs=("params", "tokens", "unique_tokens"),
    output="loss",
    linear=("E", "A", "B"),
    params=(_E, _A, _B, _ALPHA, _BETA, Param("R", positive, (1.0, 60.0), "repetitions after which they are worth 1 - 1/e")),
    claims=(decreasing("params"), decreasing("tokens"), floor("E")),
    latex=r"L = E + A N^{-\alpha} + B D'^{-\beta},\quad D' = U\,(1 + R(1 - e^{-(D/U - 1)/R}))",
    limits="excess parameters wear off too, which this form leaves out; beyond some 40 epochs hardly tried",
    valid={"params": (1e7, 1e10), "tokens": (1e9, 1e12), "unique_tokens": (1e8, 1e11)},
    source=Source(
        "arXiv:2305.16264",
        "Muennighoff et al. 2023, Scaling Data-Constrained Language Models",
        "the data term; N as it is",
        "D tokens seen, U of them distinct; at D <= U this is the Chinchilla form",
    ),
    published=(
        Published(
            "c4",
            {"E": 1.87, "A": 521.0, "B": 1488.0, "alpha": 0.353, "beta": 0.353, "R": 15.4},
            "arXiv:2305.16264, the fit on C4, rounded; its wear-off of excess parameters is left out here",
        ),
    ),
)
def data_constrained(p, x):
    """Repeated tokens are worth less and less: a few epochs are almost as good as new data, forty are not."""
    return p.E + p.A * x.params**-p.alpha + p.B * worth(x.tokens, x.unique_tokens, p.R) ** -p.beta


@law(
    inputs=("params", "vocabulary", "tokens"),
    output="loss",
    linear=("E", "A", "B", "F"),
    params=(
        _E,
        _A,
        Param("F", positive, (1.0, 1e3), "vocabulary term at V = 1"),
        _B,
        _ALPHA,
        Param("phi", interval(0, 2), (0.1, 0.9), "vocabulary exponent"),
        _BETA,
    ),
    claims=(decreasing("params"), decreasing("vocabulary"), decreasing("tokens"), floor("E")),
    latex=r"L = E + A N^{-\alpha} + F V^{-\varphi} + B D^{-\beta}",
    limits="losses across tokenizers must be made comparable first; without that the vocabulary term is meaningless",
    valid={"params": (1e7, 1e10), "vocabulary": (1e3, 1e6), "tokens": (1e9, 1e12)},
    source=Source(
        "arXiv:2407.13623",
        "Tao et al. 2024, Scaling Laws with Vocabulary",
        "the parametric law",
        "N parameters without the embedding, V entries, D characters or tokens; L normalised by unigrams",
        "unverified",
    ),
)
def vocabulary(p, x):
    """A term of its own for the vocabulary beside size and data; the loss must be comparable across vocabularies."""
    return p.E + p.A * x.params**-p.alpha + p.F * x.vocabulary**-p.phi + p.B * x.tokens**-p.beta


@law(
    inputs=("languages", "params", "tokens"),
    output="loss",
    linear=("E", "A", "B"),
    params=(
        _E,
        _A,
        _B,
        _ALPHA,
        _BETA,
        Param("phi", interval(-1, 1), (-0.3, 0.3), "cost of languages in size"),
        Param("psi", interval(-1, 1), (-0.3, 0.3), "cost of languages in data"),
    ),
    claims=(decreasing("params"), decreasing("tokens"), floor("E")),
    latex=r"L = E + A K^{\varphi} N^{-\alpha} + B K^{\psi} D_t^{-\beta}",
    limits="one exponent for every language; related languages help each other more than the form allows",
    valid={"languages": (1, 100), "params": (1e7, 1e10), "tokens": (1e9, 1e12)},
    source=Source(
        "arXiv:2510.22037",
        "Longpre et al. 2025, ATLAS: Adaptive Transfer Scaling Laws for Multilingual Pretraining",
        "capacity law",
        "K languages, D_t tokens of the target language",
        "unverified",
    ),
)
def languages(p, x):
    """The curse of multilinguality: more languages ask for more parameters and, less, for other data."""
    size, data = x.languages**p.phi * x.params**-p.alpha, x.languages**p.psi * x.tokens**-p.beta
    return p.E + p.A * size + p.B * data


@law(
    inputs=("loss",),
    output="batch_size",
    linear=("B",),
    params=(
        Param("B", positive, (1e6, 1e10), "critical batch at a loss of 1, tokens"),
        Param("exponent", interval(0, 20), (2.0, 8.0), "1 / alpha_B"),
    ),
    claims=(decreasing("loss"),),
    latex=r"B_{crit} = B_* L^{-1/\alpha_B}",
    limits="constants move with data, context and optimizer; measures of the noise scale are off by factors of two",
    source=Source(
        "arXiv:2001.08361",
        "Kaplan et al. 2020, Scaling Laws for Neural Language Models",
        "1.4",
        "tokens per step; at this batch the time and the compute cost of a loss are each twice their least",
    ),
    published=(Published("webtext2", {"B": 2e8, "exponent": 1 / 0.21}, "arXiv:2001.08361 eq. 1.4"),),
)
def critical_batch(p, x):
    """The batch beyond which more of it buys little speed, from the loss reached."""
    return p.B * x.loss**-p.exponent


@law(
    inputs=("params", "experts"),
    output="loss",
    linear=("A",),
    params=(
        Param("A", positive, (1.0, 100.0), "loss of one expert at N = 1"),
        Param("a", interval(0, 1), (0.03, 0.3), "size exponent with one expert"),
        Param("b", interval(-1, 1), (-0.1, 0.3), "expert exponent at N = 1"),
        Param("c", interval(-0.1, 0.1), (-0.02, 0.01), "how the gain of experts changes with size"),
    ),
    latex=r"\log L = \log A - a \log N - b \log X - c \log N \log X",
    limits="the gain of experts saturates, which this form does not; fitted before routing was balanced over global batches",
    valid={"params": (1e7, 1e10), "experts": (1, 512)},
    source=Source(
        "arXiv:2202.01169",
        "Clark et al. 2022, Unified Scaling Laws for Routed Language Models",
        "the bilinear law, before saturation in the number of experts",
        "N parameters of the dense model, X experts",
        "unverified",
    ),
)
def routed(p, x):
    """Mixture of experts: bilinear in the logs of size and number of experts, so that experts gain less in larger models."""
    n, e = np.log(x.params), np.log(x.experts)
    return p.A * np.exp(-p.a * n - p.b * e - p.c * n * e)
