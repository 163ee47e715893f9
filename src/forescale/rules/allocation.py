"""How size and data grow with compute, in the words of those who measured it; and exponents that theory gives."""

import numpy as np

from ..law import Source
from .spec import Worked, rule

_KAPLAN = Source("arXiv:2001.08361", "Kaplan et al. 2020, Scaling Laws for Neural Language Models", "table 6")
_HOFFMANN = Source("arXiv:2203.15556", "Hoffmann et al. 2022, Training Compute-Optimal Large Language Models", "table 2")
_PORIAN = Source(
    "arXiv:2406.19146", "Porian et al. 2024, Resolving Discrepancies in Compute-Optimal Scaling of Language Models", ""
)
_HENIGHAN = Source("arXiv:2010.14701", "Henighan et al. 2020, Scaling Laws for Autoregressive Generative Modeling", "")
_BESIROGLU = Source(
    "arXiv:2404.10102", "Besiroglu et al. 2024, Chinchilla Scaling: A replication attempt", "", checked="refitted"
)
_ATLAS = Source(
    "arXiv:2510.22037",
    "Longpre et al. 2025, ATLAS: Adaptive Transfer Scaling Laws for Multilingual Pretraining",
    "",
    checked="unverified",
)
_DYNAMICS = Source("arXiv:2402.01092", "Bordelon et al. 2024, A Dynamical Model of Neural Scaling Laws", "")


def _power(name, answers, across, exponent, source, setting, limits, doc, holds="architecture, data, a tuned recipe"):
    def factor(a, b):
        return (getattr(b, across) / getattr(a, across)) ** exponent

    factor.__name__, factor.__doc__ = name, doc
    symbol = {"params": "N", "tokens": "D", "flops": "C", "batch_size": "B", "steps": "S", "languages": "K", "width": "m"}
    return rule(
        answers=answers,
        inputs=(across,),
        source=source,
        setting=setting,
        holds=holds,
        limits=limits,
        latex=rf"{symbol[answers]} \propto {symbol[across]}^{{{exponent:g}}}",
        worked=(Worked({across: 1e2}, {across: 1e3}, 10**exponent, 1e-12, "closed form"),),
    )(factor)


_TEXT2 = "decoder language models on WebText2; N without embeddings, small batch limit"
_MASSIVE = "decoder language models on MassiveText, 70M to 16B parameters; N with embeddings"
_WEB = "decoder language models on RefinedWeb and OpenWebText2, 5M to 900M"

params_kaplan = _power(
    "params_kaplan", "params", "flops", 0.73, _KAPLAN, _TEXT2, "head FLOP, warm-up and tuning bend it (porian)", "Size first."
)
batch_kaplan = _power(
    "batch_kaplan", "batch_size", "flops", 0.24, _KAPLAN, _TEXT2, "follows from the loss reached", "Batch with compute."
)
steps_kaplan = _power("steps_kaplan", "steps", "flops", 0.03, _KAPLAN, _TEXT2, "as params_kaplan", "Serial steps hardly grow.")
params_hoffmann_1 = _power(
    "params_hoffmann_1", "params", "flops", 0.50, _HOFFMANN, _MASSIVE, "minima over curves", "Approach 1: envelope of curves."
)
params_hoffmann_2 = _power(
    "params_hoffmann_2", "params", "flops", 0.49, _HOFFMANN, _MASSIVE, "parabolas: biased off centre", "Approach 2: isoFLOP."
)
params_hoffmann_3 = _power(
    "params_hoffmann_3",
    "params",
    "flops",
    0.46,
    _HOFFMANN,
    _MASSIVE,
    "the published fit had not converged (besiroglu)",
    "Approach 3: the parametric law.",
)
params_besiroglu = _power(
    "params_besiroglu",
    "params",
    "flops",
    0.513,
    _BESIROGLU,
    _MASSIVE,
    "240 points read off a figure; 0.01 to 0.02 of standard error",
    "The parametric law fitted again: beta / (alpha + beta).",
)
params_henighan = _power(
    "params_henighan",
    "params",
    "flops",
    0.7,
    _HENIGHAN,
    "images, video, text, mathematics, image-text",
    "about 0.7 over domains, each with its own; made as kaplan's was",
    "Size with compute over many domains.",
)
params_porian = _power(
    "params_porian",
    "params",
    "flops",
    0.497,
    _PORIAN,
    _WEB,
    "0.835 in kaplan's setting, 0.707 with head FLOP, 0.602 with short warm-up, 0.572 with matched cosine, this when tuned",
    "The same sweep with accounting, warm-up and tuning put right.",
)


@rule(
    answers="params",
    inputs=("flops",),
    transfer=False,
    unit="parameters",
    source=Source("arXiv:2203.15556", "Hoffmann et al. 2022, Training Compute-Optimal Large Language Models", "table 3"),
    setting=_MASSIVE,
    holds="C = 6 N D and twenty tokens per parameter at every budget",
    limits="refits put the ratio between 11 and 30; serving many tokens moves it up",
    latex=r"N = \sqrt{C / 120}",
    worked=(Worked({}, {"flops": 5.76e23}, 6.93e10, 1e-3, "Chinchilla's budget: 70B parameters, 1.4T tokens"),),
)
def params_twenty(a, b):
    """Twenty tokens per parameter."""
    return np.sqrt(b.flops / 120.0)


@rule(
    answers="tokens",
    inputs=("params",),
    transfer=False,
    unit="distinct tokens, at least",
    source=Source("arXiv:2001.08361", "Kaplan et al. 2020, Scaling Laws for Neural Language Models", "4.4"),
    setting=_TEXT2,
    holds="training to convergence within the seed noise of the loss",
    limits="a bound against overfitting, not a recommendation for compute",
    latex=r"D \gtrsim 5 \times 10^3\, N^{0.74}",
    worked=(Worked({}, {"params": 1e9}, 5e3 * 1e9**0.74, 1e-12, "closed form"),),
)
def tokens_against_overfitting(a, b):
    """Distinct tokens that keep a model of this size from overfitting."""
    return 5e3 * b.params**0.74


@rule(
    answers="tokens_per_param",
    inputs=("flops",),
    transfer=False,
    unit="tokens per parameter",
    source=_PORIAN,
    setting=_WEB + "; tuned, constant learning rate",
    holds="C = 6 N D with the head counted",
    limits="nearly flat; 1.25e16 to 2.5e19 FLOP",
    latex=r"D/N = 11.9\, C^{0.006}",
    valid={"flops": (1e16, 3e19)},
    worked=(Worked({}, {"flops": 1e19}, 15.4, 0.02, "about 15 at 1e19"),),
)
def ratio_porian(a, b):
    """Tokens per parameter of compute-optimal runs, after tuning."""
    return 11.9 * b.flops**0.006


_MANY = "language models trained on several languages at once"
params_languages = _power(
    "params_languages", "params", "languages", 0.2427, _ATLAS, _MANY, "x1.4 at four times the languages", "Size.", "loss of each"
)
tokens_languages = _power(
    "tokens_languages", "tokens", "languages", 0.7271, _ATLAS, _MANY, "x2.74 in all at four times", "Tokens.", "loss of each"
)
flops_languages = _power(
    "flops_languages", "flops", "languages", 0.97, _ATLAS, _MANY, "as quoted second hand", "Compute.", "loss of each language"
)
params_width = _power(
    "params_width",
    "params",
    "width",
    2.52,
    Source("arXiv:2505.10465", "Liu et al. 2025, Superposition Yields Robust Neural Scaling", "", checked="unverified"),
    "open families of language models",
    "an average over how families grow depth with width",
    "Size by model width in open families.",
    "how each family was grown",
)


@rule(
    answers="crossover_flops",
    inputs=("params",),
    transfer=False,
    unit="FLOP",
    source=_ATLAS,
    setting="monolingual model against fine-tuning a multilingual one",
    holds="one language, ample data of it",
    limits="constant as quoted second hand; other languages and base models cross elsewhere",
    latex=r"C = 1113708\, N^{1.65}",
    worked=(Worked({}, {"params": 1e9}, 1113708 * 1e9**1.65, 1e-12, "closed form"),),
)
def pretrain_crossover(a, b):
    """Compute beyond which training from scratch overtakes fine-tuning a multilingual model of this size."""
    return 1113708.0 * b.params**1.65


@rule(
    answers="loss_exponent",
    inputs=("dimension",),
    transfer=False,
    unit="exponent of data or of parameters",
    source=Source("arXiv:2102.06701", "Bahri et al. 2021, Explaining Neural Scaling Laws", "resolution-limited"),
    setting="piecewise-linear networks under a smooth loss; d the dimension of the data manifold",
    holds="the other axis unbounded",
    limits="a bound that generic data meet; variance-limited axes have exponent 1 whatever the data",
    latex=r"\alpha \approx 4/d",
    worked=(Worked({}, {"dimension": 10.0}, 0.4, 1e-12, "closed form"),),
)
def exponent_manifold(a, b):
    """Exponent where a model resolves a manifold ever more finely."""
    return 4.0 / b.dimension


@rule(
    answers="loss_exponent",
    inputs=("task_decay", "spectrum_decay"),
    transfer=False,
    unit="exponent of compute",
    source=_DYNAMICS,
    setting="random features under gradient flow, C = N t; eigenvalues k^-b, task k^-a",
    holds="data unbounded, size and time balanced at each budget",
    limits="asymptotic; a - 1 below 2b is the case (a-1)/(1+b)",
    latex=r"\frac{(a-1) m}{a - 1 + b m},\ m = \min(a-1, 2b)",
    valid={"task_decay": (1.1, 4.0), "spectrum_decay": (0.5, 3.0)},
    worked=(Worked({}, {"task_decay": 2.0, "spectrum_decay": 1.5}, 1 / 2.5, 1e-12, "(a-1)/(1+b)"),),
)
def exponent_dynamics(a, b):
    """Compute-optimal exponent of the solvable model."""
    room = b.task_decay - 1.0
    m = np.minimum(room, 2.0 * b.spectrum_decay)
    return room * m / (room + b.spectrum_decay * m)


@rule(
    answers="loss_exponent",
    inputs=("feature_decay",),
    transfer=False,
    unit="exponent of width",
    source=Source("arXiv:2505.10465", "Liu et al. 2025, Superposition Yields Robust Neural Scaling", "weak superposition"),
    setting="feature frequencies i^-alpha, each dimension holding one of the most frequent features",
    holds="features beyond the width are dropped",
    limits="strong superposition gives 1 instead, or about 2 (alpha - 1) for skewed features",
    latex=r"\alpha_m = \alpha - 1",
    valid={"feature_decay": (1.1, 4.0)},
    worked=(Worked({}, {"feature_decay": 1.8}, 0.8, 1e-12, "closed form"),),
)
def exponent_weak_superposition(a, b):
    """Width exponent where only the most frequent features are kept."""
    return b.feature_decay - 1.0
