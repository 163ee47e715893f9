"""Laws of fine-tuning and of models made of several parts."""

import numpy as np

from ..law import Param, Source, Working, decreasing, floor, increasing, interval, law, positive

_E = Param("E", positive, (0.05, 3.0), "loss left as everything grows")


@law(
    inputs=("examples",),
    output="loss",
    linear=("E", "B"),
    params=(
        _E,
        Param("B", positive, (1.0, 1e4), "height of the reducible part times the pre-learned size"),
        Param("D_l", positive, (1.0, 1e4), "what pre-training is already worth, in units of examples^beta"),
        Param("beta", interval(0, 4), (0.2, 1.2), "exponent of the power phase"),
    ),
    claims=(decreasing("examples"), floor("E")),
    latex=r"L = \frac{B}{D_l + D^{\beta}} + E",
    limits="data sizes before the bend do not fix the exponent; several epochs shift it",
    valid={"examples": (2e2, 2e6)},
    source=Source(
        "arXiv:2402.02314",
        "Lin et al. 2024, Selecting Large Language Model to Fine-tune via Rectified Scaling Law",
        "the rectified law",
        "D fine-tuning examples",
        "refitted",
    ),
)
def rectified(p, x):
    """Fine-tuning curve with a flat start: a power law only once the data outweighs what pre-training taught."""
    return p.B / (p.D_l + x.examples**p.beta) + p.E


@law(
    inputs=("params", "examples"),
    output="loss",
    linear=("E", "A"),
    params=(
        _E,
        Param("A", positive, (1.0, 1e4), "height of the product term"),
        Param("alpha", interval(0, 2), (0.02, 0.5), "exponent of the scaled factor"),
        Param("beta", interval(0, 2), (0.02, 0.5), "exponent of the fine-tuning data"),
    ),
    claims=(decreasing("params"), decreasing("examples"), floor("E")),
    latex=r"L = A X^{-\alpha} D_f^{-\beta} + E",
    limits="two powers under one product force the same data exponent on every model; small models deviate",
    valid={"params": (1e8, 1e11), "examples": (1e3, 1e8)},
    source=Source(
        "arXiv:2402.17193",
        "Zhang et al. 2024, When Scaling Meets LLM Finetuning",
        "the joint law",
        "X model size, pre-training tokens or tuned parameters (rename with of()); D_f fine-tuning examples",
    ),
)
def finetune_joint(p, x):
    """Fine-tuning loss as one product of model factor and fine-tuning data."""
    return p.A * x.params**-p.alpha * x.examples**-p.beta + p.E


@law(
    inputs=("encoder_params", "decoder_params"),
    output="loss",
    linear=("E", "A"),
    params=(
        _E,
        Param("A", positive, (1.0, 1e6), "height of the product term"),
        Param("p_e", interval(0, 2), (0.05, 0.5), "encoder exponent"),
        Param("p_d", interval(0, 2), (0.05, 0.5), "decoder exponent"),
    ),
    claims=(decreasing("encoder_params"), decreasing("decoder_params"), floor("E")),
    latex=r"L = A N_e^{-p_e} N_d^{-p_d} + E",
    limits="a product: no optimum in depth against width; translation with fixed data",
    valid={"encoder_params": (1e7, 1e10), "decoder_params": (1e7, 1e10)},
    source=Source(
        "arXiv:2109.07740",
        "Ghorbani et al. 2021, Scaling Laws for Neural Machine Translation",
        "the bivariate law, with the reference sizes in A",
        "parameters of encoder and decoder; at a fixed sum the best split is N_e : N_d = p_e : p_d",
    ),
)
def encoder_decoder(p, x):
    """Translation loss by the sizes of both halves."""
    return p.A * x.encoder_params**-p.p_e * x.decoder_params**-p.p_d + p.E


@law(
    inputs=("params",),
    output="pass_rate",
    params=(
        Param("c", positive, (1.0, 1e5), "difficulty: -log pass rate at N = 1"),
        Param("alpha", interval(0, 2), (0.1, 0.8), "task exponent"),
    ),
    claims=(increasing("params"),),
    latex=r"PU = e^{-c N^{-\alpha}}",
    limits="a capability that appears in steps or saturates breaks the line in log(-log)",
    valid={"params": (1e8, 1e11)},
    source=Source(
        "arXiv:2310.03262",
        "Hu et al. 2023, Predicting Emergent Abilities with Infinite Resolution Evaluation",
        "the task law",
        "PU the share of samples that pass; log(-log PU) is a line in log N",
    ),
)
def pass_until(p, x):
    """Pass rate of a task by model size: smooth, though accuracy at few samples looks like emergence."""
    return np.exp(-p.c * x.params**-p.alpha)


_FORGET = Source(
    "arXiv:2401.05605",
    "Kalajdzievski 2024, Scaling Laws for Forgetting When Fine-Tuning Large Language Models",
    "the shifted power law",
    "forgetting: cross-entropy of the tuned model against the base model's own predictions, nats per token",
    "unverified",
)
_FORGET_SHAPE = (
    Param("c", positive, (1.5, 4.0), "forgetting as tuned parameters and steps grow without bound"),
    Param("alpha", interval(0, 2), (0.05, 0.25), "exponent of the tuned parameters"),
    Param("beta", interval(0, 2), (0.05, 0.25), "exponent of the steps"),
    Param("rho", interval(0, 3), (0.5, 1.3), "outer exponent"),
)


def _forget_to_law(q, c):
    # v is the forgetting at the centre of the data and g its slope there, which the data fix well; c and rho they do not
    h = q.g / q.rho
    bracket = h ** (1 / q.rho)
    scales = {"a": (bracket * q.r) ** (1 / q.alpha) * c.tuned_params, "b": (bracket * (1 - q.r)) ** (1 / q.beta) * c.steps}
    return scales | {"c": q.v + h, "alpha": q.alpha, "beta": q.beta, "rho": q.rho}


def _forget_from_law(p, c):
    size, steps = (p.a / c.tuned_params) ** p.alpha, (p.b / c.steps) ** p.beta
    h = (size + steps) ** p.rho
    return {"v": p.c - h, "g": h * p.rho, "r": size / (size + steps), "alpha": p.alpha, "beta": p.beta, "rho": p.rho}


@law(
    inputs=("tuned_params", "steps"),
    output="forgetting",
    linear=("c",),
    params=(
        *_FORGET_SHAPE,
        Param("a", positive, (1e-3, 1e6), "scale of the tuned parameters"),
        Param("b", positive, (1e-6, 1e3), "scale of the steps"),
    ),
    claims=(increasing("tuned_params"), increasing("steps")),
    latex=r"L_f = c - \left((a/P)^{\alpha} + (b/S)^{\beta}\right)^{\rho}",
    limits="low-rank adapters on one base model; below its data the form falls under zero, which forgetting cannot",
    valid={"tuned_params": (1e6, 1e8), "steps": (1e2, 1e4)},
    source=_FORGET,
    working=Working(
        (
            Param("v", positive, (0.5, 3.0), "forgetting at the centre of the data"),
            Param("g", positive, (0.2, 1.2), "rho times what is missing to c there"),
            Param("r", interval(0, 1), (0.1, 0.9), "share of the parameter term there"),
            *_FORGET_SHAPE[1:],
        ),
        _forget_to_law,
        _forget_from_law,
        ("v",),
    ),
)
def forgetting(p, x):
    """How far fine-tuning moves a model from its own predictions, by adapter size and steps."""
    return p.c - ((p.a / x.tuned_params) ** p.alpha + (p.b / x.steps) ** p.beta) ** p.rho


@law(
    inputs=("loss",),
    output="forgetting",
    linear=("c", "m"),
    params=(
        Param("c", positive, (3.0, 8.0), "forgetting at a fine-tuning loss of zero"),
        Param("m", positive, (0.1, 0.9), "nats forgotten per nat of fine-tuning loss gained"),
    ),
    claims=(decreasing("loss"),),
    latex=r"L_f = c - m L_{ft}",
    limits="a line within the losses tried; the price of the last nat is not shown beyond them",
    valid={"loss": (1.0, 3.0)},
    source=_FORGET,
)
def forgetting_tradeoff(p, x):
    """What is forgotten rises in proportion as the fine-tuning loss falls, whatever the adapter size."""
    return p.c - p.m * x.loss
