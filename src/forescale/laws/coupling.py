"""Chinchilla's two terms under one outer exponent."""

import numpy as np

from ..law import Param, Source, Working, decreasing, floor, interval, law, positive
from .hoffmann import two_term_optimum

_E = Param("E", positive, (0.1, 3.0), "loss left at infinite N and D")
_EXPONENTS = (
    Param("alpha", interval(0, 6), (0.1, 3.0), "inner size exponent"),
    Param("beta", interval(0, 6), (0.1, 3.0), "inner data exponent"),
    Param("k", interval(0, 3), (0.1, 1.5), "outer exponent; 1 is Chinchilla"),
)


def _to_law(q, c):
    # at the centre of the data the bracket is s (r + 1 - r) = s: r shares it between size and data, h = s^k its height
    s = q.h ** (1 / q.k)
    return {
        "E": q.E,
        "A": s * q.r * c.params**q.alpha,
        "B": s * (1 - q.r) * c.tokens**q.beta,
        "alpha": q.alpha,
        "beta": q.beta,
        "k": q.k,
    }


def _from_law(p, c):
    a, b = p.A * c.params**-p.alpha, p.B * c.tokens**-p.beta
    return {"E": p.E, "h": (a + b) ** p.k, "r": a / (a + b), "alpha": p.alpha, "beta": p.beta, "k": p.k}


@law(
    inputs=("params", "tokens"),
    output="loss",
    linear=("E",),
    params=(
        _E,
        Param("A", positive, (1.0, 1e9), "size term at N = 1"),
        Param("B", positive, (1.0, 1e9), "data term at D = 1"),
        *_EXPONENTS,
    ),
    claims=(decreasing("params"), decreasing("tokens"), floor("E")),
    optimum=two_term_optimum,  # the outer power is monotone, so the optimum is that of the bracket
    latex=r"L = E + (A N^{-\alpha} + B D^{-\beta})^{k}",
    limits="the outer exponent and the floor trade off: two decades of size or more are needed to tell them apart",
    source=Source(
        "arXiv:2001.08361",
        "Kaplan et al. 2020, Scaling Laws for Neural Language Models",
        "1.5 with a floor and free inner exponents",
        "N, D as the runs count them",
        "unverified",
    ),
    working=Working(
        params=(
            _E,
            Param("h", positive, (0.05, 5.0), "reducible loss at the centre of the data"),
            Param("r", interval(0, 1), (0.05, 0.95), "share of the size term there"),
            *_EXPONENTS,
        ),
        to_law=_to_law,
        from_law=_from_law,
        linear=("E", "h"),
    ),
)
def coupled(p, x):
    """Kaplan's coupling of size and data with a floor: limits of one are felt less where the other binds."""
    return p.E + np.exp(p.k * np.log(p.A * x.params**-p.alpha + p.B * x.tokens**-p.beta))


_SCALE = (Param("A", positive, (1e3, 1e12), "size scale"), Param("B", positive, (1e3, 1e14), "data scale"))
_POWERS = (
    Param("alpha", interval(0, 2), (0.1, 0.9), "size exponent"),
    Param("beta", interval(0, 2), (0.1, 0.9), "data exponent, and the outer one"),
)


def _floor_to_law(q, c):
    s = q.h ** (1 / q.beta)
    size = (s * q.r) ** (q.beta / q.alpha)
    return {"E": q.E, "A": size * c.params, "B": s * (1 - q.r) * c.tokens, "alpha": q.alpha, "beta": q.beta}


def _floor_from_law(p, c):
    a, b = (p.A / c.params) ** (p.alpha / p.beta), p.B / c.tokens
    return {"E": p.E, "h": (a + b) ** p.beta, "r": a / (a + b), "alpha": p.alpha, "beta": p.beta}


def _floor_optimum(p, flops):
    """dL/dN = 0 of (A/N)^g + 6 B N / C with g = alpha / beta."""
    g = p.alpha / p.beta
    params = np.exp((np.log(g) + g * np.log(p.A) + np.log(flops / (6 * p.B))) / (g + 1))
    return params, flops / (6 * params)


@law(
    inputs=("params", "tokens"),
    output="loss",
    linear=("E",),
    params=(_E, *_SCALE, *_POWERS),
    claims=(decreasing("params"), decreasing("tokens"), floor("E")),
    optimum=_floor_optimum,
    latex=r"L = E + \left((A/N)^{\alpha/\beta} + B/D\right)^{\beta}",
    limits="couples size and data by the data exponent itself; coupled lets that exponent free",
    source=Source(
        "arXiv:2411.12925",
        "Brandfonbrener et al. 2024, Loss-to-Loss Prediction: Scaling Laws for All Datasets",
        "the base law",
        "Kaplan's joint law above a floor; N, D as the runs count them",
    ),
    working=Working(
        (
            _E,
            Param("h", positive, (0.05, 5.0), "reducible loss at the centre of the data"),
            Param("r", interval(0, 1), (0.05, 0.95), "share of the size term there"),
            *_POWERS,
        ),
        _floor_to_law,
        _floor_from_law,
        ("E", "h"),
    ),
)
def kaplan_floor(p, x):
    """Kaplan's joint law in size and data with a floor."""
    inner = np.exp(p.alpha / p.beta * (np.log(p.A) - np.log(x.params))) + p.B / x.tokens
    return p.E + np.exp(p.beta * np.log(inner))
