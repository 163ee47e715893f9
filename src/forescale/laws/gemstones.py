"""Width, depth, parameters and tokens, each with its own power term."""

from ..law import Param, Source, decreasing, floor, interval, law, positive

_SOURCE = Source(
    "arXiv:2502.06857",
    "McLeish et al. 2025, Gemstones: A Model Suite for Multi-Faceted Scaling Laws",
    "approach 3",
    "width hidden units, depth layers, N with embedding and head, D tokens",
    "refitted",
)
_E = Param("E", positive, (0.3, 3.0), "loss left at infinite scale")


def _term(coefficient, exponent, what, high):
    return (
        Param(coefficient, positive, (1e-2, high), f"{what} term at {what} = 1"),
        Param(exponent, interval(0, 3), (0.05, 1.2), f"{what} exponent"),
    )


_W, _D = _term("A", "alpha", "width", 1e4), _term("B", "beta", "depth", 1e2)
_P, _T = _term("C", "gamma", "params", 1e6), _term("T", "zeta", "tokens", 1e6)


@law(
    inputs=("width", "depth", "tokens"),
    output="loss",
    linear=("E", "A", "B", "T"),
    params=(_E, *_W, *_D, *_T),
    claims=(decreasing("width"), decreasing("depth"), decreasing("tokens"), floor("E")),
    latex=r"L = E + A w^{-\alpha} + B d^{-\beta} + T D^{-\zeta}",
    limits="shapes near the usual aspect ratios; very deep or very wide models leave the power law",
    source=_SOURCE,
)
def width_depth(p, x):
    """Shape instead of size: width and depth each with its own power term."""
    return p.E + p.A * x.width**-p.alpha + p.B * x.depth**-p.beta + p.T * x.tokens**-p.zeta


@law(
    inputs=("width", "depth", "params", "tokens"),
    output="loss",
    linear=("E", "A", "B", "C", "T"),
    params=(_E, *_W, *_D, *_P, *_T),
    claims=(decreasing("width"), decreasing("depth"), decreasing("params"), decreasing("tokens"), floor("E")),
    latex=r"L = E + A w^{-\alpha} + B d^{-\beta} + C N^{-\gamma} + T D^{-\zeta}",
    limits="width, depth and size are nearly collinear: single exponents mean little, predictions inside the grid do",
    source=_SOURCE,
)
def width_depth_params(p, x):
    """Shape beside size."""
    shape = p.A * x.width**-p.alpha + p.B * x.depth**-p.beta
    return p.E + shape + p.C * x.params**-p.gamma + p.T * x.tokens**-p.zeta
