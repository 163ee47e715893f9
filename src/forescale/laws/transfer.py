"""Laws of fine-tuning and of models made of several parts."""

import numpy as np

from ..law import Param, Source, decreasing, floor, increasing, interval, law, positive

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
