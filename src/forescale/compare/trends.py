"""Does a trend bend? Inverse, U-shaped and inverted-U scaling, with error rates set beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from ..errors import InputError
from ..shown import Shown

FALSE_TURN = 0.05  # share of flat trends in which a turn is found; monotone ones have fewer
FALSE_SLOPE = 0.05
NULLS = 4000


@dataclass(frozen=True)
class Trend(Shown):
    """`shape` is rising, falling, U, inverted U or undecided (flat within noise). `turn` is where it bends, or NaN.

    `turn_p` is the chance of as clear a turn from noise alone, `slope_p` that of as clear a slope.
    """

    shape: str
    turn: float
    turn_p: float
    slope_p: float
    points: int

    @property
    def reversed(self) -> bool:
        """Whether the trend turned: extrapolating either side of it would mislead."""
        return self.shape in ("U", "inverted U")

    def summary(self) -> str:
        text = f"{self.shape} over {self.points} scales (turn p = {self.turn_p:.3g}, slope p = {self.slope_p:.3g})"
        return text + (f"; it turns near {self.turn:.3g}: do not extrapolate" if self.reversed else "")

    def to_dict(self) -> dict:
        return vars(self) | {"reversed": self.reversed, "turn": None if np.isnan(self.turn) else self.turn}


def trend(scale: np.ndarray, value: np.ndarray, error: np.ndarray | None = None) -> Trend:
    """Test a score over scale (log axis) for a turn, then for a slope.

    `value` (n,) in any unit, `error` its standard errors where known (else noise is what the broken line leaves). A turn needs
    both sides of some break to slope against each other beyond what 95 % of flat, noisy trends show, which is the monotone
    trend most easily mistaken for one. Raises InputError for fewer than five different scales.
    """
    x, y = np.log(np.asarray(scale, float)), np.asarray(value, float)
    if not (np.isfinite(x).all() and np.isfinite(y).all()) or x.shape != y.shape:
        raise InputError("scale must be positive and value finite, of one length")
    if len(np.unique(x)) < 5:
        raise InputError(f"{len(np.unique(x))} different scales: a turn cannot be told from noise in fewer than 5")
    known = None if error is None else np.broadcast_to(np.asarray(error, float), y.shape)
    if known is not None and not (known > 0).all():
        raise InputError("standard errors must be above zero")
    order = np.argsort(x)
    x, y = x[order], y[order]
    known = None if known is None else known[order]
    basis = _bases(tuple(x.tolist()), None if known is None else tuple(known.tolist()))
    stat, at, sign = _turn(basis, y[None])
    nulls = _nulls(tuple(x.tolist()), None if known is None else tuple(known.tolist()))
    turn_p = float((np.sum(nulls >= stat[0]) + 1) / (len(nulls) + 1))
    slope, slope_p = _slope(x, y, known)
    if turn_p <= FALSE_TURN:
        return Trend("U" if sign[0] > 0 else "inverted U", float(np.exp(basis.breaks[at[0]])), turn_p, slope_p, len(x))
    shape = "undecided" if slope_p > FALSE_SLOPE else "rising" if slope > 0 else "falling"
    return Trend(shape, float("nan"), turn_p, slope_p, len(x))


@dataclass(frozen=True)
class _Bases:
    breaks: np.ndarray
    solve: np.ndarray  # breaks, 3, n: level at the break, slope before, slope after
    rest: np.ndarray  # breaks, n, n: residual maker
    error: np.ndarray  # breaks, 3: of the coefficients per unit of noise
    weight: np.ndarray
    free: int  # 0 where the noise is known


@cache
def _bases(x: tuple, known: tuple | None) -> _Bases:
    at = np.array(x)
    weight = np.ones(len(at)) if known is None else 1 / np.array(known)
    inner = np.unique(at)[1:-1]
    breaks = np.unique(np.concatenate([inner, 0.5 * (inner[1:] + inner[:-1])]))
    solve, rest, error = [], [], []
    for b in breaks:
        design = np.column_stack([np.ones(len(at)), np.minimum(at - b, 0), np.maximum(at - b, 0)]) * weight[:, None]
        inverse = np.linalg.pinv(design)
        solve.append(inverse)
        rest.append(np.eye(len(at)) - design @ inverse)
        error.append(np.sqrt(np.diag(inverse @ inverse.T)))
    return _Bases(breaks, np.array(solve), np.array(rest), np.array(error), weight, 0 if known else len(at) - 4)


def _turn(basis: _Bases, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each row of y (m, n): the clearest turn, its break and sign (1 for U). The turn is the lesser of both slopes' t."""
    z = y * basis.weight
    coefficient = np.einsum("bkn,mn->mbk", basis.solve, z)
    noise = np.ones((len(y), len(basis.breaks)))
    if basis.free:
        left = np.einsum("bij,mj->mbi", basis.rest, z)
        noise = np.sqrt(np.square(left).sum(axis=2) / basis.free) + 1e-300
    t = coefficient[:, :, 1:] / (basis.error[None, :, 1:] * noise[:, :, None])
    against = np.where(t[:, :, 0] * t[:, :, 1] < 0, np.minimum(np.abs(t[:, :, 0]), np.abs(t[:, :, 1])), 0.0)
    at = against.argmax(axis=1)
    rows = np.arange(len(y))
    return against[rows, at], at, np.sign(t[rows, at, 1])


@cache
def _nulls(x: tuple, known: tuple | None) -> np.ndarray:
    """The clearest turns of flat trends with noise alone."""
    rng = np.random.default_rng(0)
    size = np.ones(len(x)) if known is None else np.array(known)
    return _turn(_bases(x, known), rng.standard_normal((NULLS, len(x))) * size)[0]


def _slope(x: np.ndarray, y: np.ndarray, known: np.ndarray | None) -> tuple[float, float]:
    """Kendall's tau and its two-sided p: monotone trends bend as they like."""
    from scipy.stats import kendalltau

    tau, p = kendalltau(x, y)
    return float(tau), float(p) if np.isfinite(p) else 1.0
