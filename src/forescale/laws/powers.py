"""Power laws on one axis."""

from ..law import Param, Source, decreasing, floor, interval, law, positive

_EXPONENT = Param("alpha", interval(-4, 4), (0.02, 1.5), "exponent; positive means falling")
_A = Param("A", positive, (1e-3, 1e6), "value of the power term at x = 1")


@law(
    inputs=("x",),
    output="loss",
    linear=("A",),
    params=(_A, _EXPONENT),
    latex=r"y = A x^{-\alpha}",
    limits="no floor: it promises that the loss reaches zero",
    source=Source(
        "arXiv:1712.00409",
        "Hestness et al. 2017, Deep Learning Scaling is Predictable, Empirically",
        "1 without its constant",
        "x any scale: parameters, tokens, FLOP, examples, steps",
    ),
)
def power(p, x):
    """A straight line in log-log axes, rising or falling."""
    return p.A * x.x**-p.alpha


@law(
    inputs=("x",),
    output="loss",
    linear=("E", "A"),
    params=(
        Param("E", positive, (1e-3, 10.0), "value left as x grows without bound"),
        _A,
        Param("alpha", interval(0, 4), (0.02, 1.5), "exponent"),
    ),
    claims=(decreasing("x"), floor("E")),
    latex=r"y = E + A x^{-\alpha}",
    limits="the floor is an extrapolation: with less than a decade past the bend it is hardly known",
    source=Source(
        "arXiv:2010.14701",
        "Henighan et al. 2020, Scaling Laws for Autoregressive Generative Modeling",
        "1.1",
        "x any scale; the paper writes (x0/x)^alpha, so A = x0^alpha",
    ),
)
def power_floor(p, x):
    """A power law above a floor (reducible plus irreducible)."""
    return p.E + p.A * x.x**-p.alpha
