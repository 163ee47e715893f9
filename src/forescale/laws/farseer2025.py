"""Farseer: size changes both the floor and the data exponent."""

import numpy as np

from ..law import Param, Source, Working, interval, law, real


def _stretched(name, low, high):
    """exp(a N^g + b) searched by value v, slope s in log N and curvature g at the centre of the data."""
    return (
        Param("v" + name, real, (low, high), f"log of term {name} at the centre"),
        Param("s" + name, real, (-0.6, 0.6), "its slope in log N there"),
    )


_EXPONENTS = {
    "gamma": Param("gamma", interval(-1.5, 1.5), (-0.6, 0.6), "curvature of the size-only term in log N"),
    "beta": Param("beta", interval(-1.5, 1.5), (-0.6, 0.6), "curvature of the data coefficient"),
    "alpha": Param("alpha", interval(-1.5, 1.5), (-0.6, 0.6), "curvature of the data exponent"),
}
_PLACES = (("3", "gamma"), ("2", "beta"), ("1", "alpha"))


def _to_law(q, c):
    # a N^g + b has slope a g N^g in log N; at the centre N0 the slope is s and the value v
    out = {}
    for mark, g in _PLACES:
        slope, power = getattr(q, "s" + mark), getattr(q, g)
        out |= {g: power, "a" + mark: slope / power * np.exp(-power * np.log(c.params))}
        out["b" + mark] = getattr(q, "v" + mark) - slope / power
    # the data term is declared at D = 1 but searched at the centre of D
    out["b2"] = out["b2"] + np.exp(q.v1) * np.log(c.tokens)
    return out


def _from_law(p, c):
    out = {}
    for mark, g in _PLACES:
        power = getattr(p, g)
        lift = getattr(p, "a" + mark) * np.exp(power * np.log(c.params))
        out |= {g: power, "s" + mark: power * lift, "v" + mark: lift + getattr(p, "b" + mark)}
    out["v2"] = out["v2"] - np.exp(out["v1"]) * np.log(c.tokens)
    return out


def _outer(mark, what):
    return (
        Param("a" + mark, real, (-5.0, 5.0), f"reach of the size effect on {what}"),
        Param("b" + mark, real, (-5.0, 5.0), f"offset of the logarithm of {what}"),
    )


@law(
    inputs=("params", "tokens"),
    output="loss",
    params=(
        *_outer("3", "the size-only term"),
        _EXPONENTS["gamma"],
        *_outer("2", "the data coefficient"),
        _EXPONENTS["beta"],
        *_outer("1", "the data exponent"),
        _EXPONENTS["alpha"],
    ),
    latex=r"L = e^{a_3 N^{\gamma} + b_3} + e^{a_2 N^{\beta} + b_2} D^{-e^{a_1 N^{\alpha} + b_1}}",
    limits="nine parameters: needs a full grid of sizes and data; on few runs it bends wherever noise pulls it",
    source=Source(
        "arXiv:2506.10972",
        "Li et al. 2025, Predictable Scale: Part II, Farseer",
        "form of L(N, D)",
        "N non-embedding parameters, D tokens; the signs of the exponents are free here",
        "known",
    ),
    working=Working(
        (
            *_stretched("3", -1.0, 1.5),
            _EXPONENTS["gamma"],
            *_stretched("2", -4.0, 1.0),
            _EXPONENTS["beta"],
            *_stretched("1", -2.5, 0.0),
            _EXPONENTS["alpha"],
        ),
        _to_law,
        _from_law,
    ),
)
def farseer(p, x):
    """A size-only term plus a data term whose coefficient and exponent both change with size."""
    log_n, log_d = np.log(x.params), np.log(x.tokens)
    exponent = np.exp(p.a1 * np.exp(p.alpha * log_n) + p.b1)
    size = np.exp(p.a3 * np.exp(p.gamma * log_n) + p.b3)
    return size + np.exp(p.a2 * np.exp(p.beta * log_n) + p.b2 - exponent * log_d)
