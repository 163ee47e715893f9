"""Smoothly broken power laws with one to three breaks, and the four-parameter sigmoidal law M4."""

import numpy as np

from ..law import Param, Source, Working, decreasing, floor, implicit, interval, law, positive, real

_SOURCE = Source("arXiv:2210.14891", "Caballero et al. 2022, Broken Neural Scaling Laws", "1", "x any scale")
_E = Param("E", positive, (1e-3, 10.0), "value left as x grows without bound")
_C0 = Param("c0", interval(-4, 4), (-0.2, 1.5), "first exponent")


def _break(i):
    return (
        Param(f"c{i}", interval(-4, 4), (-1.5, 1.5), f"change of exponent at break {i}"),
        Param(f"d{i}", positive, (1e-2, 1e24), f"location of break {i}"),
        Param(f"f{i}", interval(0, 5), (0.05, 2.0), f"width of break {i}, in natural logarithms of x"),
    )


def _broken(breaks):
    marks = tuple(str(i) for i in range(1, breaks + 1))

    def log_power(p, x):
        """log of the product: -c0 log x - sum c_i f_i log(1 + (x/d_i)^(1/f_i))"""
        out = -p.c0 * np.log(x)
        for i in marks:
            c, d, f = (getattr(p, n + i) for n in "cdf")
            out = out - c * f * np.logaddexp(0.0, (np.log(x) - np.log(d)) / f)
        return out

    def formula(p, x):
        return p.E + p.b * np.exp(log_power(p, x.x))

    def to_law(q, c):
        values = {"E": q.E, "c0": q.c0}
        for i in marks:
            values |= {"c" + i: getattr(q, "c" + i), "f" + i: getattr(q, "f" + i), "d" + i: _place(getattr(q, "u" + i), c)}
        at = _Names(values)
        return values | {"b": q.h * np.exp(-log_power(at, c.x))}

    def from_law(p, c):
        values = {"E": p.E, "c0": p.c0, "h": p.b * np.exp(log_power(p, c.x))}
        for i in marks:
            values |= {n + i: getattr(p, n + i) for n in "cf"} | {"u" + i: np.log(getattr(p, "d" + i) / c.x) / c.reach.x}
        return values

    formula.__doc__ = f"A power law that bends smoothly {breaks} time{'s' if breaks > 1 else ''}."
    # a break beyond the data cannot be seen: its place stays within the range of x, a tenth of it beyond at most
    # starts give each break its own stretch: the breaks are interchangeable, so nothing is lost
    places = {i: Param("u" + i, interval(-1.2, 1.2), _stretch(int(i), breaks), f"place of d{i} in the range of x") for i in marks}
    pieces = [p for i in marks for p in (_break(int(i))[0], places[i], _break(int(i))[2])]
    return law(
        name=f"broken{breaks}",
        inputs=("x",),
        output="loss",
        linear=("E", "b"),
        params=(_E, Param("b", positive, (1e-3, 1e6), "height of the power term"), _C0)
        + tuple(p for i in marks for p in _break(int(i))),
        claims=(floor("E"),),
        latex=r"y = E + b x^{-c_0} \prod_i (1 + (x/d_i)^{1/f_i})^{-c_i f_i}",
        limits="a break beyond the data cannot be foreseen; with few points breaks follow the noise",
        source=_SOURCE,
        working=Working(
            (_E, Param("h", positive, (1e-3, 10.0), "height of the power term at the centre"), _C0, *pieces),
            to_law,
            from_law,
            ("E", "h"),
        ),
    )(formula)


def _stretch(i, breaks):
    """Start box of break i of n: its share of (-0.9, 0.9), widened by a quarter on each side."""
    wide = 1.8 / breaks
    low = -0.9 + (i - 1) * wide
    slack = 0.25 * wide if breaks > 1 else 0.0
    return max(-0.9, low - slack), min(0.9, low + wide + slack)


def _place(u, c):
    return c.x * np.exp(u * c.reach.x)


class _Names:
    def __init__(self, values):
        self.__dict__.update(values)


broken1, broken2, broken3 = (_broken(n) for n in (1, 2, 3))

_M4 = (
    Param("E", positive, (1e-4, 3.0), "loss left as x grows without bound"),
    Param("span", positive, (0.05, 10.0), "L0 - E: distance from the loss before learning to the floor"),
    Param("alpha", interval(0, 20), (0.1, 5.0), "how long the start of the curve stays flat"),
)
_M4_C = Param("c", interval(0, 4), (0.05, 1.5), "exponent of the power-law region")


def _m4(p, x):
    """(L - E)/(L0 - L)^alpha = b x^-c; solved as s = logit((L - E)/span), where the equation is nearly linear."""
    wanted = np.log(p.b) - p.c * np.log(x.x) + (p.alpha - 1.0) * np.log(p.span)

    def residual(s, q):
        return -np.logaddexp(0.0, -s) + q.alpha * np.logaddexp(0.0, s) - q.wanted

    q = _Names({"alpha": p.alpha, "wanted": wanted})
    # log t lies below both s and 0, and alpha * softplus(s) lies above alpha * s: these enclose the root
    s = implicit(residual, lambda q: np.minimum(q.wanted, 0.0) - 1.0 - q.alpha, lambda q: _upper(q), q)
    return p.E + p.span / (1.0 + np.exp(-s))


def _upper(q):
    return np.maximum(q.wanted, 0.0) / np.minimum(q.alpha, 1.0) + 1.0 / np.minimum(q.alpha, 1.0)


m4 = law(
    name="m4",
    inputs=("x",),
    output="loss",
    linear=("E",),
    params=(*_M4, Param("b", positive, (1e-4, 1e6), "scale of the power-law region"), _M4_C),
    claims=(decreasing("x"), floor("E")),
    limits="one curve at a time; the start must have been seen, or E and the flat part are guesses",
    latex=r"(L - E)/(L_0 - L)^{\alpha} = b x^{-c}",
    source=Source(
        "arXiv:2209.06640",
        "Alabdulmohsin et al. 2022, Revisiting Neural Scaling Laws in Language and Vision",
        "M4",
        "x examples seen; here span = L0 - E, so that L0 > E by construction, and c > 0",
    ),
    working=Working(
        (*_M4, Param("u", real, (-4.0, 4.0), "log of b x^-c at the centre"), _M4_C),
        lambda q, c: {"E": q.E, "span": q.span, "alpha": q.alpha, "c": q.c, "b": np.exp(q.u + q.c * np.log(c.x))},
        lambda p, c: {"E": p.E, "span": p.span, "alpha": p.alpha, "c": p.c, "u": np.log(p.b) - p.c * np.log(c.x)},
        ("E",),
    ),
)(_m4)
