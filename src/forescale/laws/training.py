"""Laws of how a run is trained and run: learning-rate annealing, batch, parallel streams, precision."""

import numpy as np

from ..errors import InputError
from ..law import Param, Published, Source, decreasing, floor, interval, law, positive

_E = Param("E", positive, (0.1, 3.0), "loss left as everything grows")


def areas(learning_rates, decay=0.999, warmup=0):
    """(S1, S2) after every step of a schedule, for `annealing`: arrays of the schedule's length (steps,).

    S1 sums the rates; S2 sums m_i = decay * m_(i-1) + (eta_(i-1) - eta_i), the decaying memory of every cut of the rate.
    `decay` is the paper's lambda, 0.99 to 0.999. The rise over the first `warmup` steps is no annealing and not counted.
    """
    from scipy.signal import lfilter

    eta = np.asarray(learning_rates, float)
    if eta.ndim != 1 or not len(eta) or not (np.isfinite(eta).all() and (eta >= 0).all()):
        raise InputError("learning_rates must be one finite value at or above zero for each step")
    if not 0 < decay < 1:
        raise InputError(f"decay must lie between 0 and 1, got {decay}")
    cuts = -np.diff(eta, prepend=eta[0])
    cuts[: max(warmup, 1)] = 0.0
    return np.cumsum(eta), np.cumsum(lfilter([1.0], [1.0, -decay], cuts))


@law(
    inputs=("s1", "s2"),
    output="loss",
    linear=("L0", "A", "C"),
    params=(
        Param("L0", positive, (0.5, 4.0), "loss left after endless training at a constant rate"),
        Param("A", positive, (0.1, 10.0), "height of the power term"),
        Param("alpha", interval(0, 3), (0.2, 1.0), "exponent of the area under the learning rate"),
        Param("C", positive, (1e-3, 1.0), "gain per annealing area"),
    ),
    claims=(decreasing("s1"), decreasing("s2")),
    latex=r"L(s) = L_0 + A S_1^{-\alpha} - C S_2",
    limits="constant-rate and decaying phases of one model size; warm-up and changes of batch are not in it",
    valid={"s1": (0.1, 10.0), "s2": (0.02, 0.5)},
    may_be_zero=("s2",),
    source=Source(
        "arXiv:2408.11029",
        "Tissue et al. 2024, Scaling Law with Learning Rate Annealing",
        "the annealing law",
        "S1 sum of learning rates; S2 sum of m_i = lambda m_(i-1) + eta_(i-1) - eta_i, lambda 0.99 to 0.999",
    ),
)
def annealing(p, x):
    """The whole curve under any schedule: forward area helps as a power law, annealing area in proportion."""
    return p.L0 + p.A * x.s1**-p.alpha - p.C * x.s2


@law(
    inputs=("params", "streams"),
    output="loss",
    linear=("E",),
    params=(
        _E,
        Param("A", positive, (1e5, 1e10), "size at which the size term would be 1, one stream"),
        Param("alpha", interval(0, 2), (0.05, 0.8), "size exponent"),
        Param("k", interval(0, 5), (0.05, 1.5), "what the logarithm of the streams is worth in parameters"),
    ),
    claims=(decreasing("params"), decreasing("streams"), floor("E")),
    latex=r"L = \left(\frac{A}{N (k \ln P + 1)}\right)^{\alpha} + E",
    limits="one to eight streams on models up to a few billion; latency and memory gains depend on the hardware",
    valid={"params": (3e8, 5e9), "streams": (1, 8)},
    source=Source(
        "arXiv:2505.10475",
        "Chen et al. 2025, Parallel Scaling Law for Language Models",
        "the parallel law",
        "N non-embedding parameters, P parallel streams",
        "refitted",
    ),
    published=(
        Published("stack", {"E": 0.6912, "A": 1.131e7, "alpha": 0.1894, "k": 0.3935}, "refit of the released Stack-V2 points"),
        Published("pile", {"E": 1.2886, "A": 1.975e8, "alpha": 0.1963, "k": 0.3344}, "refit of the released Pile points"),
    ),
)
def parallel_streams(p, x):
    """P parallel streams of one model are worth k ln P + 1 times its parameters."""
    return (p.A / (x.params * (p.k * np.log(x.streams) + 1.0))) ** p.alpha + p.E


@law(
    inputs=("params", "tokens", "bits"),
    output="loss",
    linear=("E", "A", "B"),
    params=(
        _E,
        Param("A", positive, (1.0, 1e4), "size term at N = 1"),
        Param("B", positive, (1.0, 1e4), "data term at D = 1"),
        Param("alpha", interval(0, 2), (0.1, 0.9), "size exponent"),
        Param("beta", interval(0, 2), (0.1, 0.9), "data exponent"),
        Param("gamma", positive, (0.5, 8.0), "bits at which weights keep 1 - 1/e of their worth"),
    ),
    claims=(decreasing("params"), decreasing("tokens"), decreasing("bits"), floor("E")),
    latex=r"L = E + A\,(N(1 - e^{-b/\gamma}))^{-\alpha} + B D^{-\beta}",
    limits="weights only; activations and caches multiply in; below 3 bits hardware formats differ",
    valid={"params": (1e7, 1e10), "tokens": (1e9, 1e12), "bits": (2, 16)},
    source=Source(
        "arXiv:2411.04330",
        "Kumar et al. 2024, Scaling Laws for Precision",
        "effective parameters, weights only",
        "b bits per weight in training",
    ),
)
def precision(p, x):
    """Fewer bits per weight act like fewer parameters."""
    size = x.params * (1.0 - np.exp(-x.bits / p.gamma))
    return p.E + p.A * size**-p.alpha + p.B * x.tokens**-p.beta


@law(
    inputs=("params", "bits"),
    output="loss",
    linear=("E", "A"),
    params=(
        _E,
        Param("A", positive, (1.0, 1e4), "size term at one bit in all"),
        Param("alpha", interval(0, 2), (0.1, 0.9), "exponent of the total bits"),
    ),
    claims=(decreasing("params"), decreasing("bits"), floor("E")),
    latex=r"L = E + A (N b)^{-\alpha}",
    limits="one format at a time: fit each bit-width as an arm, the lowest curve at a memory budget is the one to use",
    valid={"params": (1e7, 1e10), "bits": (2, 16)},
    source=Source(
        "arXiv:2501.06218",
        "Ding et al. 2025, Dissecting Bit-Level Scaling Laws in Quantizing Vision Generative Models",
        "quality against total model bits",
        "N parameters, b bits per weight",
        "unverified",
    ),
)
def bit_level(p, x):
    """Loss by total model bits, so that fewer bits buy more parameters."""
    return p.E + p.A * (x.params * x.bits) ** -p.alpha
