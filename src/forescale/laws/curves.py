"""Curves on one axis with more than one region, and the laws of simple models that explain them."""

import numpy as np

from ..law import Param, Source, Working, decreasing, floor, interval, law, positive, real

_E = Param("E", positive, (0.05, 3.0), "value left as the input grows without bound")


def _place(name, what, low=-0.8, high=0.8):
    """A position on the input's axis, searched in half-widths of the data's range (log axis)."""
    return Param(name, interval(-1.5, 1.5), (low, high), what)


_REGION = (
    Param("span", positive, (0.2, 8.0), "loss of guessing at best, less E"),
    Param("beta", interval(0, 4), (0.05, 1.0), "exponent of the power region"),
)


@law(
    inputs=("examples",),
    output="loss",
    linear=("E", "span"),
    params=(_E, _REGION[0], Param("m0", positive, (1e2, 1e6), "examples at which learning sets in"), _REGION[1]),
    claims=(decreasing("examples"), floor("E")),
    latex=r"L = E + s\,\min(1, (m/m_0)^{-\beta})",
    limits="the corner is sharp and its place is only known where runs lie on both sides of it; real curves round it off (m4)",
    valid={"examples": (1e3, 1e8)},
    source=Source(
        "arXiv:1712.00409",
        "Hestness et al. 2017, Deep Learning Scaling is Predictable, Empirically",
        "the sketch of three regions; the power region is eq. 1",
        "m training examples; published exponents 0.07 to 0.35; the size that fits m examples grows as m^0.5 to m^1",
    ),
    working=Working(
        (_E, _REGION[0], _place("u", "place of m0 in the range of examples"), _REGION[1]),
        lambda q, c: {"E": q.E, "span": q.span, "beta": q.beta, "m0": c.examples * np.exp(q.u * c.reach.examples)},
        lambda p, c: {"E": p.E, "span": p.span, "beta": p.beta, "u": np.log(p.m0 / c.examples) / c.reach.examples},
        ("E", "span"),
    ),
)
def learning_curve(p, x):
    """Best guess on few examples, then a power law, then the irreducible error."""
    return p.E + p.span * np.exp(np.minimum(0.0, -p.beta * np.log(x.examples / p.m0)))


def regions(values):
    """Where the regions of a learning curve meet: examples at which learning sets in, and at which half of the loss is floor.

    `values` are the parameters of `learning_curve`; returns (m0, m_floor), both in examples.
    """
    m0 = values["m0"]
    return m0, m0 * max(values["span"] / values["E"], 1.0) ** (1 / values["beta"])


@law(
    inputs=("flops",),
    output="error",
    linear=("c", "h"),
    params=(
        Param("c", positive, (1e-3, 1.0), "error left"),
        Param("h", positive, (0.05, 2.0), "error above c before any training"),
        Param("d", positive, (1e15, 1e20), "compute that random initialization is worth"),
        Param("b", interval(0, 3), (0.1, 1.0), "exponent"),
    ),
    claims=(decreasing("flops"), floor("c")),
    latex=r"E_P(C) = c + h\,(1 + C/d)^{-b}",
    limits="one curve for each shape; leaving a shape costs compute that the law does not count",
    source=Source(
        "arXiv:2311.03233",
        "Anagnostidis et al. 2023, Navigating Scaling Laws: Accelerating Vision Transformer's Training via Adaptive Strategies",
        "the shifted power law, a = h d^b",
        "C training FLOP of one shape (patch size, width)",
        "known",
    ),
    working=Working(
        (
            Param("c", positive, (1e-3, 1.0), "error left"),
            Param("h", positive, (0.05, 2.0), "error above c before any training"),
            _place("u", "place of d in the range of compute"),
            Param("b", interval(0, 3), (0.1, 1.0), "exponent"),
        ),
        lambda q, c: {"c": q.c, "h": q.h, "b": q.b, "d": c.flops * np.exp(q.u * c.reach.flops)},
        lambda p, c: {"c": p.c, "h": p.h, "b": p.b, "u": np.log(p.d / c.flops) / c.reach.flops},
        ("c", "h"),
    ),
)
def shifted_power(p, x):
    """Error of one model shape along training; the lower envelope over shapes says when to change shape."""
    return p.c + p.h * np.exp(-p.b * np.log1p(x.flops / p.d))


@law(
    inputs=("width",),
    output="loss",
    linear=("E", "C"),
    params=(
        _E,
        Param("C", positive, (1.0, 1e4), "width term at m = 1"),
        Param("alpha", interval(0, 4), (0.3, 2.0), "width exponent"),
    ),
    claims=(decreasing("width"), floor("E")),
    latex=r"L(m) = L_0 + C m^{-\alpha_m}",
    limits="alpha is 1 under strong superposition whatever the data; under weak, the tail of the features' frequencies less one",
    valid={"width": (64, 16384)},
    source=Source(
        "arXiv:2505.10465",
        "Liu et al. 2025, Superposition Yields Robust Neural Scaling",
        "the width law",
        "m model width; open model families 0.91 +- 0.04, parameters grow as m^2.52 there",
        "unverified",
    ),
)
def superposition_width(p, x):
    """Loss by width where more features than dimensions share them: overlaps fall as 1/m, and so does the loss."""
    return p.E + p.C * x.width**-p.alpha


@law(
    inputs=("steps", "params"),
    output="loss",
    linear=("E", "A", "B"),
    params=(
        _E,
        Param("A", positive, (1.0, 1e3), "time term at t = 1"),
        Param("B", positive, (1.0, 1e4), "size term at N = 1"),
        Param("a", interval(1, 6), (1.2, 2.2), "decay of the task's power over modes: w_k^2 lambda_k = k^-a"),
        Param("b", interval(0.2, 6), (0.9, 2.5), "decay of the eigenvalues: lambda_k = k^-b"),
    ),
    claims=(decreasing("steps"), decreasing("params"), floor("E")),
    latex=r"L = E + A t^{-(a-1)/b} + B N^{-\min(a-1,\,2b)}",
    limits="bottlenecks of time and size added; early in time the departure from infinite width is 1/N, not this exponent",
    valid={"steps": (1e2, 1e6), "params": (1e2, 1e6)},
    source=Source(
        "arXiv:2402.01092",
        "Bordelon et al. 2024, A Dynamical Model of Neural Scaling Laws",
        "the asymptotic exponents",
        "t gradient-flow time, N random features",
    ),
)
def spectral_dynamics(p, x):
    """Random features under gradient flow: both exponents follow from the spectra of data and task."""
    return p.E + p.A * x.steps ** (-(p.a - 1) / p.b) + p.B * x.params ** -np.minimum(p.a - 1, 2 * p.b)


_BOTTOM = (
    Param("y0", real, (0.2, 0.6), "score at the turn"),
    Param("c", real, (-0.03, 0.05), "curvature per squared e-fold; above zero U, below zero inverted U"),
)


@law(
    inputs=("flops",),
    output="score",
    linear=("y0", "c"),
    params=(*_BOTTOM, Param("x0", positive, (1e17, 1e22), "compute at the turn")),
    latex=r"y = y_0 + c\,\ln^2(C/C_0)",
    limits="says that and where a trend turns; beyond the data it means nothing and must not be extrapolated",
    source=Source(
        "arXiv:2211.02011",
        "Wei et al. 2022, Inverse scaling can become U-shaped",
        "the observation; the parabola is the least law that can turn",
        "C training FLOP",
    ),
    working=Working(
        (*_BOTTOM, _place("u", "place of the turn in the range of compute")),
        lambda q, c: {"y0": q.y0, "c": q.c, "x0": c.flops * np.exp(q.u * c.reach.flops)},
        lambda p, c: {"y0": p.y0, "c": p.c, "u": np.log(p.x0 / c.flops) / c.reach.flops},
        ("y0", "c"),
    ),
)
def u_shape(p, x):
    """A score that turns: worse with scale and then better, or the other way round."""
    return p.y0 + p.c * np.square(np.log(x.flops / p.x0))
