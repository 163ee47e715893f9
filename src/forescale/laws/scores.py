"""From loss, compute or samples to what a model can do: metrics, coverage, accuracy under shift."""

import numpy as np
from scipy.special import gammaln, ndtr, ndtri

from ..law import Param, Published, Source, Working, decreasing, increasing, interval, law, positive, real

_SIGMOID = Source(
    "arXiv:2412.04403",
    "Bhagia et al. 2024, Establishing Task Scaling Laws via Compute-Efficient Model Ladders",
    "the second step: task loss to accuracy",
    "L loss of the correct answer or of the task; accuracy as a fraction",
)


@law(
    inputs=("loss",),
    output="accuracy",
    linear=("chance", "span"),
    params=(
        Param("chance", positive, (0.05, 0.4), "accuracy of guessing"),
        Param("span", positive, (0.2, 0.8), "ceiling less chance"),
        Param("k", positive, (1.0, 10.0), "steepness per nat"),
        Param("L0", positive, (1.5, 4.0), "loss at half height"),
    ),
    claims=(decreasing("loss"),),
    latex=r"\mathrm{acc} = a_0 + \frac{s}{1 + e^{k (L - L_0)}}",
    limits="ceiling and steepness are guesses until runs lie past half height; what goes to wrong choices is not in the loss",
    valid={"loss": (1.0, 5.0)},
    source=_SIGMOID,
)
def loss_to_accuracy(p, x):
    """Accuracy as a sigmoid of the loss between chance and a ceiling."""
    return p.chance + p.span / (1.0 + np.exp(p.k * (x.loss - p.L0)))


def _least(c):
    """The least loss of the data."""
    return c.loss * np.exp(-c.reach.loss)


_MAP = (
    Param("E_B", positive, (0.3, 2.0), "irreducible loss there"),
    Param("K", positive, (0.3, 3.0), "loss above E_B per (loss above E_A)^kappa"),
    Param("kappa", interval(0, 5), (0.5, 2.0), "exponent; one means proportional"),
)


@law(
    inputs=("loss",),
    output="other_loss",
    linear=("E_B", "K"),
    params=(*_MAP, Param("E_A", positive, (0.2, 1.2), "irreducible loss here; below every loss given")),
    claims=(increasing("loss"),),
    latex=r"L_B = K (L_A - E_A)^{\kappa} + E_B",
    limits="E_A is poorly known from the pairs alone: fix it from a scaling law of the first data set; below E_A it says E_B",
    valid={"loss": (1.5, 5.0)},
    source=Source(
        "arXiv:2411.12925",
        "Brandfonbrener et al. 2024, Loss-to-Loss Prediction: Scaling Laws for All Datasets",
        "the shifted power law",
        "train to train: pairs at equal compute; train to test and test to test: pairs of one model",
    ),
    working=Working(
        (*_MAP, Param("u", interval(0, 1), (0.1, 0.9), "E_A over the least loss of the data")),
        lambda q, c: {"E_B": q.E_B, "K": q.K, "kappa": q.kappa, "E_A": q.u * _least(c)},
        lambda p, c: {"E_B": p.E_B, "K": p.K, "kappa": p.kappa, "u": p.E_A / _least(c)},
        ("E_B", "K"),
    ),
)
def loss_to_loss(p, x):
    """The loss on one data set from the loss on another."""
    return p.E_B + p.K * np.maximum(x.loss - p.E_A, 1e-12) ** p.kappa


_BLEU = (
    Param("alpha", interval(0, 3), (0.05, 0.6), "exponent inside"),
    Param("beta", interval(0, 6), (0.3, 2.5), "exponent outside"),
)


@law(
    inputs=("tokens",),
    output="bleu",
    params=(Param("A", positive, (1e-3, 1e2), "scale inside the logarithm"), *_BLEU),
    claims=(increasing("tokens"),),
    latex=r"f(D_p) = (\log(A D_p^{\alpha}))^{\beta}",
    limits="holds where pre-training and task are aligned; misaligned pre-training makes BLEU fall while the loss still falls",
    valid={"tokens": (1e8, 1e12)},
    source=Source(
        "arXiv:2402.04177",
        "Isik et al. 2024, Scaling Laws for Downstream Task Performance of Large Language Models",
        "the BLEU law",
        "D_p pre-training tokens, BLEU after fine-tuning; its loss follows power_floor in tokens",
    ),
    working=Working(
        (Param("h", positive, (0.5, 12.0), "the logarithm at the centre of the data"), *_BLEU),
        lambda q, c: {"A": np.exp(q.h - q.alpha * np.log(c.tokens)), "alpha": q.alpha, "beta": q.beta},
        lambda p, c: {"h": np.log(p.A) + p.alpha * np.log(c.tokens), "alpha": p.alpha, "beta": p.beta},
    ),
)
def bleu(p, x):
    """Translation quality by pre-training tokens."""
    return np.maximum(np.log(p.A) + p.alpha * np.log(x.tokens), 1e-9) ** p.beta


_COMPOSED = (
    Param("s", interval(0, 1), (0.03, 0.12), "gain of the first skill per tenfold compute"),
    Param("k", positive, (0.5, 4.0), "steepness of the second skill per tenfold compute"),
)


def _composed_place(name, what):
    return Param(name, interval(-1.5, 1.5), (-0.8, 0.8), what)


@law(
    inputs=("flops",),
    output="accuracy",
    params=(
        _COMPOSED[0],
        Param("C_p", positive, (1e17, 1e22), "compute at which the first skill is one half"),
        _COMPOSED[1],
        Param("C_q", positive, (1e17, 1e22), "compute at which the second skill is one half"),
    ),
    latex=r"\mathrm{acc} = pq + (1-p)(1-q),\ p = \tfrac12 + s \log_{10}\tfrac{C}{C_p},\ q = \sigma(k \log_{10}\tfrac{C}{C_q})",
    limits="two choices; p is held within 0 and 1; without runs past C_q it looks like plain inverse scaling",
    source=Source(
        "arXiv:2305.17311",
        "Zhang et al. 2023, Beyond Positive Scaling: How Negation Impacts Scaling Trends of Language Models",
        "the decomposition",
        "p question answering, q understanding the negation; C training FLOP",
        "unverified",
    ),
    working=Working(
        (*_COMPOSED, _composed_place("u", "place of C_p"), _composed_place("v", "place of C_q")),
        lambda q, c: {
            "s": q.s,
            "k": q.k,
            "C_p": c.flops * np.exp(q.u * c.reach.flops),
            "C_q": c.flops * np.exp(q.v * c.reach.flops),
        },
        lambda p, c: {
            "s": p.s,
            "k": p.k,
            "u": np.log(p.C_p / c.flops) / c.reach.flops,
            "v": np.log(p.C_q / c.flops) / c.reach.flops,
        },
    ),
)
def composed_choice(p, x):
    """A task made of two skills: inverse, U-shaped or rising, by which of them comes first."""
    first = np.minimum(1.0, np.maximum(0.0, 0.5 + p.s * np.log10(x.flops / p.C_p)))
    second = 1.0 / (1.0 + np.exp(-p.k * np.log10(x.flops / p.C_q)))
    return first * second + (1.0 - first) * (1.0 - second)


@law(
    inputs=("samples",),
    output="coverage",
    params=(
        Param("A", positive, (0.3, 4.0), "-log coverage of one sample"),
        Param("b", interval(0, 3), (0.05, 0.9), "exponent of the samples"),
    ),
    claims=(increasing("samples"),),
    latex=r"c(k) = e^{-A k^{-b}}",
    limits="one curve for a whole benchmark; says nothing on picking the right sample, which needs a verifier",
    valid={"samples": (1, 1e4)},
    source=Source(
        "arXiv:2407.21787",
        "Brown et al. 2024, Large Language Monkeys: Scaling Inference Compute with Repeated Sampling",
        "the exponentiated power law, their a = -A and b = -b",
        "k samples per problem, coverage the share of problems solved by any of them",
    ),
)
def coverage(p, x):
    """Share of problems that at least one of k samples solves."""
    return np.exp(-p.A * x.samples**-p.b)


@law(
    inputs=("samples",),
    output="coverage",
    params=(
        Param("a", positive, (0.1, 2.0), "shape near p = 0: the tail of hard problems, and the exponent of 1 - coverage in k"),
        Param("b", positive, (0.3, 20.0), "shape near p = 1"),
    ),
    claims=(increasing("samples"),),
    latex=r"c(k) = 1 - \mathbb{E}[(1-p)^k] = 1 - \frac{B(a, b + k)}{B(a, b)}",
    limits="problems with p exactly zero are not in a Beta; they would cap the coverage below one",
    valid={"samples": (1, 1e3)},
    source=Source(
        "arXiv:2502.17578",
        "Schaeffer et al. 2025, How Do Large Language Monkeys Get Their Power (Laws)?",
        "a Beta over the problems' success rates",
        "k independent samples per problem",
    ),
)
def coverage_beta(p, x):
    """Coverage when the success rates of problems follow a Beta: a power law in k from the hard tail."""
    log_miss = gammaln(p.b + x.samples) - gammaln(p.b) + gammaln(p.a + p.b) - gammaln(p.a + p.b + x.samples)
    return -np.expm1(log_miss)


_LINE = (
    Param("slope", real, (0.5, 1.3), "probits there per probit here"),
    Param("shift", real, (-1.0, 0.3), "probit there at half accuracy here"),
)


@law(
    inputs=("accuracy",),
    output="ood_accuracy",
    params=_LINE,
    latex=r"\Phi^{-1}(\mathrm{acc}_{ood}) = s\,\Phi^{-1}(\mathrm{acc}_{id}) + t",
    limits="many shifts, not all: strong spurious correlation bends the line (accuracy_moon) or breaks it",
    valid={"accuracy": (0.15, 0.98)},
    source=Source(
        "arXiv:2107.04649",
        "Miller et al. 2021, Accuracy on the Line: On the Strong Correlation Between Out-of-Distribution and In-Distribution "
        "Generalization",
        "probit-linear fits",
        "accuracies as fractions over a pool of models",
    ),
)
def accuracy_line(p, x):
    """Accuracy under shift against accuracy without, a line on probit axes; the height above it is effective robustness."""
    return ndtr(p.slope * ndtri(x.accuracy) + p.shift)


@law(
    inputs=("accuracy",),
    output="ood_accuracy",
    params=(*_LINE, Param("bend", real, (-0.4, 0.1), "curvature per squared probit")),
    latex=r"\Phi^{-1}(\mathrm{acc}_{ood}) = s z + t + c z^2,\quad z = \Phi^{-1}(\mathrm{acc}_{id})",
    limits="a parabola is the least that bends; it turns over beyond the pool of models",
    valid={"accuracy": (0.15, 0.98)},
    source=Source(
        "arXiv:2305.02995",
        "Liang et al. 2023, Accuracy on the Curve: On the Nonlinear Correlation of ML Performance Between Data Subpopulations",
        "the observation; the parabola is ours",
        "accuracies of majority and minority as fractions",
        "unverified",
    ),
)
def accuracy_moon(p, x):
    """Accuracy on a minority against the majority where a spurious correlation bends the line."""
    z = ndtri(x.accuracy)
    return ndtr(p.slope * z + p.shift + p.bend * z * z)


@law(
    inputs=("params", "tokens", "bits"),
    output="loss_increase",
    linear=("C",),
    params=(
        Param("C", positive, (1e-3, 1.0), "scale"),
        Param("gamma_D", interval(0, 3), (0.2, 0.8), "exponent of the data"),
        Param("gamma_N", interval(0, 3), (0.2, 0.8), "exponent of the size"),
        Param("gamma", positive, (0.3, 1.5), "bits per e-fold of the increase"),
    ),
    claims=(decreasing("params"), increasing("tokens"), decreasing("bits")),
    latex=r"\delta = C \frac{D^{\gamma_D}}{N^{\gamma_N}} e^{-b/\gamma}",
    limits="round-to-nearest and GPTQ-like methods on models below 2B parameters; newer methods shift the level",
    valid={"params": (3e7, 2e9), "tokens": (1e9, 3e10), "bits": (3, 8)},
    source=Source(
        "arXiv:2411.04330",
        "Kumar et al. 2024, Scaling Laws for Precision",
        "the post-training law",
        "b bits per weight after training, nats per token added; constants from memory",
        "unverified",
    ),
    published=(
        Published(
            "dolma",
            {"C": 0.0598, "gamma_D": 0.5068, "gamma_N": 0.3439, "gamma": 0.5907},
            "as recalled from the appendix of arXiv:2411.04330; not checked against it",
        ),
    ),
)
def quantized(p, x):
    """What rounding the weights after training adds to the loss: more, the more data each parameter has seen."""
    return p.C * x.tokens**p.gamma_D * x.params**-p.gamma_N * np.exp(-x.bits / p.gamma)
