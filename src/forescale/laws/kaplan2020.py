"""The laws of Kaplan et al. 2020. N leaves out embeddings; constants belong to WebText2 and its tokenizer."""

import numpy as np

from ..law import Param, Published, Source, Working, decreasing, interval, law, positive

_TITLE = "Kaplan et al. 2020, Scaling Laws for Neural Language Models"
_COUNTS = "N non-embedding parameters, D tokens, C PF-days times 8.64e19 FLOP, S steps at the large-batch limit"

_HEIGHT = Param("h", positive, (0.1, 10.0), "loss at the centre of the data")


def _source(eq):
    return Source("arXiv:2001.08361", _TITLE, eq, _COUNTS)


def _one_axis(name, symbol, variable, scale, exponent, eq, doc):
    """L = (X_c / X)^a in one variable; searched as its height at the centre of the data."""

    def formula(p, x):
        return (p.scale / getattr(x, variable)) ** p.exponent

    def to_law(q, c):
        return {"scale": q.h ** (1 / q.exponent) * getattr(c, variable), "exponent": q.exponent}

    def from_law(p, c):
        return {"h": (p.scale / getattr(c, variable)) ** p.exponent, "exponent": p.exponent}

    formula.__doc__ = doc
    slope = Param("exponent", interval(0, 2), (0.02, 0.8), "exponent")
    return law(
        name=name,
        inputs=(variable,),
        output="loss",
        params=(Param("scale", positive, (1e3, 1e24), f"{symbol}_c: {variable} at which the loss would be 1"), slope),
        claims=(decreasing(variable),),
        latex=rf"L = ({symbol}_c/{symbol})^{{\alpha_{symbol}}}",
        limits="no floor, one corpus and tokenizer; the other inputs must not bind",
        source=_source(eq),
        working=Working((_HEIGHT, slope), to_law, from_law, ("h",)),
        published=(Published("webtext2", {"scale": scale, "exponent": exponent}, f"arXiv:2001.08361 eq. {eq}"),),
    )(formula)


kaplan_params = _one_axis(
    "kaplan_params", "N", "params", 8.8e13, 0.076, "1.1", "Loss of a model trained to convergence on ample data."
)
kaplan_tokens = _one_axis(
    "kaplan_tokens", "D", "tokens", 5.4e13, 0.095, "1.2", "Loss of a large model stopped early on limited data."
)
kaplan_compute = _one_axis(
    "kaplan_compute",
    "C",
    "flops",
    3.1e8 * 8.64e19,
    0.050,
    "1.3",
    "Loss at the compute-optimal size with C_min counted as if the batch were small.",
)

_ALPHA_N = Param("alpha_N", interval(0, 2), (0.02, 0.8), "size exponent")


_ALPHA_D = Param("alpha_D", interval(0, 2), (0.02, 0.8), "data exponent")
_ALPHA_S = Param("alpha_S", interval(0, 3), (0.1, 1.5), "step exponent")


def _nd_to_law(q, c):
    s = q.h ** (1 / q.alpha_D)  # the bracket at the centre; r shares it between size and data
    size = np.exp(q.alpha_D / q.alpha_N * np.log(s * q.r))
    return {"N_c": size * c.params, "D_c": s * (1 - q.r) * c.tokens, "alpha_N": q.alpha_N, "alpha_D": q.alpha_D}


def _nd_from_law(p, c):
    size, data = (p.N_c / c.params) ** (p.alpha_N / p.alpha_D), p.D_c / c.tokens
    return {"h": (size + data) ** p.alpha_D, "r": size / (size + data), "alpha_N": p.alpha_N, "alpha_D": p.alpha_D}


_WORKING_ND = Working(
    (_HEIGHT, Param("r", interval(0, 1), (0.02, 0.98), "share of the size term there"), _ALPHA_N, _ALPHA_D),
    _nd_to_law,
    _nd_from_law,
    ("h",),
)


def _ns_to_law(q, c):
    scales = {"N_c": q.hN ** (1 / q.alpha_N) * c.params, "S_c": q.hS ** (1 / q.alpha_S) * c.steps}
    return scales | {"alpha_N": q.alpha_N, "alpha_S": q.alpha_S}


def _ns_from_law(p, c):
    heights = {"hN": (p.N_c / c.params) ** p.alpha_N, "hS": (p.S_c / c.steps) ** p.alpha_S}
    return heights | {"alpha_N": p.alpha_N, "alpha_S": p.alpha_S}


_WORKING_NS = Working(
    (
        Param("hN", positive, (0.05, 10.0), "size term at the centre"),
        Param("hS", positive, (0.01, 10.0), "step term at the centre"),
        _ALPHA_N,
        _ALPHA_S,
    ),
    _ns_to_law,
    _ns_from_law,
    ("hN", "hS"),
)
_N_C = Param("N_c", positive, (1e3, 1e24), "size scale")


@law(
    inputs=("params", "tokens"),
    output="loss",
    params=(_N_C, Param("D_c", positive, (1e3, 1e24), "data scale"), _ALPHA_N, _ALPHA_D),
    claims=(decreasing("params"), decreasing("tokens")),
    latex=r"L = [(N_c/N)^{\alpha_N/\alpha_D} + D_c/D]^{\alpha_D}",
    limits="no floor: too hopeful far out; embeddings left out bend small models' exponents",
    source=_source("1.5"),
    working=_WORKING_ND,
    published=(
        Published(
            "webtext2",
            {"N_c": 6.4e13, "D_c": 1.8e13, "alpha_N": 0.076, "alpha_D": 0.103},
            "arXiv:2001.08361 table 2",
        ),
    ),
)
def kaplan(p, x):
    """Joint law in size and data without a floor."""
    inner = np.exp(p.alpha_N / p.alpha_D * (np.log(p.N_c) - np.log(x.params))) + p.D_c / x.tokens
    return np.exp(p.alpha_D * np.log(inner))


@law(
    inputs=("params", "steps"),
    output="loss",
    params=(_N_C, Param("S_c", positive, (1.0, 1e12), "step scale"), _ALPHA_N, _ALPHA_S),
    claims=(decreasing("params"), decreasing("steps")),
    latex=r"L = (N_c/N)^{\alpha_N} + (S_c/S_{\min})^{\alpha_S}",
    limits="steps at the large-batch limit, one schedule; not for runs compared at the ends of their own decays",
    source=_source("1.6"),
    working=_WORKING_NS,
    published=(
        Published(
            "webtext2",
            {"N_c": 6.5e13, "S_c": 2.1e3, "alpha_N": 0.077, "alpha_S": 0.76},
            "arXiv:2001.08361 table 3",
        ),
    ),
)
def kaplan_steps(p, x):
    """Learning curves with ample data, in steps at the large-batch limit."""
    return (p.N_c / x.params) ** p.alpha_N + (p.S_c / x.steps) ** p.alpha_S
