"""Exact derivatives of a plain formula: forward-mode dual numbers through NumPy's own functions.

A Dual carries a value and, per parameter index, the partial derivative, each kept at the smallest shape that
broadcasts. Only partials that are not zero are stored, so A * N**-alpha never touches the other parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin


class Unsupported(TypeError):
    """The formula calls something with no derivative rule; the engine falls back to differences and says so."""


def value_of(x: Any) -> Any:
    return x.value if isinstance(x, Dual) else x


class Dual(NDArrayOperatorsMixin):
    __slots__ = ("partials", "value")
    __array_priority__ = 1000

    def __init__(self, value: np.ndarray, partials: dict[Any, Any]):
        self.value, self.partials = value, partials

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs:
            raise Unsupported(f"numpy.{ufunc.__name__}.{method}")
        if ufunc in _COMPARE:
            return ufunc(*map(value_of, args))
        rule = _RULES.get(ufunc) or _special(ufunc)
        if rule is None:
            raise Unsupported(f"numpy.{ufunc.__name__}")
        return rule(*args)

    def __array_function__(self, func: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
        if func is np.where and len(args) == 3 and not kwargs:
            return _where(*args)
        raise Unsupported(f"numpy.{func.__name__}")

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise Unsupported("conversion to a plain array")


def _scaled(x: Dual, factor: Any) -> dict:
    return {k: v * factor for k, v in x.partials.items()}


def _sum(a: dict, b: dict) -> dict:
    out = dict(a)
    for k, v in b.items():
        out[k] = out[k] + v if k in out else v
    return out


def _partials(x: Any) -> dict:
    return x.partials if isinstance(x, Dual) else {}


def _add(a: Any, b: Any) -> Dual:
    return Dual(value_of(a) + value_of(b), _sum(_partials(a), _partials(b)))


def _subtract(a: Any, b: Any) -> Dual:
    return Dual(value_of(a) - value_of(b), _sum(_partials(a), {k: -v for k, v in _partials(b).items()}))


def _multiply(a: Any, b: Any) -> Dual:
    va, vb = value_of(a), value_of(b)
    left = _scaled(a, vb) if isinstance(a, Dual) else {}
    return Dual(va * vb, _sum(left, _scaled(b, va)) if isinstance(b, Dual) else left)


def _divide(a: Any, b: Any) -> Dual:
    vb = value_of(b)
    out = value_of(a) / vb
    left = {k: v / vb for k, v in _partials(a).items()}
    return Dual(out, _sum(left, _scaled(b, -out / vb)) if isinstance(b, Dual) else left)


def _power(a: Any, b: Any) -> Dual:
    va, vb = value_of(a), value_of(b)
    if not isinstance(b, Dual):
        return Dual(va**vb, _scaled(a, vb * va ** (vb - 1)))
    log = np.log(va)
    out = np.exp(log * vb)  # for a positive base; several times faster than pow, equal to 1e-15 relative
    right = _scaled(b, out * log)
    return Dual(out, _sum(_scaled(a, out * vb / va), right) if isinstance(a, Dual) else right)


def _choose(pick: Callable) -> Callable:
    def rule(a: Any, b: Any) -> Dual:
        return _where(pick(value_of(a), value_of(b)), a, b)

    return rule


def _where(condition: Any, a: Any, b: Any) -> Dual:
    keys = _partials(a).keys() | _partials(b).keys()
    partials = {k: np.where(condition, _partials(a).get(k, 0.0), _partials(b).get(k, 0.0)) for k in keys}
    return Dual(np.where(condition, value_of(a), value_of(b)), partials)


def _logaddexp(a: Any, b: Any) -> Dual:
    out = np.logaddexp(value_of(a), value_of(b))
    partials: dict = {}
    for x in (a, b):
        if isinstance(x, Dual):
            partials = _sum(partials, _scaled(x, np.exp(x.value - out)))
    return Dual(out, partials)


def _unary(function: Callable, slope: Callable) -> Callable:
    """A rule for f(x) whose derivative is slope(x, f(x))."""

    def rule(x: Dual) -> Dual:
        out = function(x.value)
        return Dual(out, _scaled(x, slope(x.value, out)))

    return rule


def _special(ufunc: np.ufunc) -> Callable | None:
    """Rules for the functions of scipy.special that laws use; scipy is loaded once a formula has called one of them."""
    if ufunc.__name__ not in ("ndtr", "ndtri", "gammaln"):
        return None
    from scipy.special import digamma

    slopes = {
        "ndtr": lambda x, y: np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi),
        "ndtri": lambda x, y: np.sqrt(2 * np.pi) * np.exp(0.5 * y * y),
        "gammaln": lambda x, y: digamma(x),
    }
    return _unary(ufunc, slopes[ufunc.__name__])


_COMPARE = {np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal, np.isfinite, np.isnan}
_RULES: dict[np.ufunc, Callable] = {
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: _multiply,
    np.divide: _divide,
    np.power: _power,
    np.float_power: _power,
    np.logaddexp: _logaddexp,
    np.maximum: _choose(lambda a, b: a >= b),
    np.minimum: _choose(lambda a, b: a <= b),
    np.negative: lambda x: Dual(-x.value, {k: -v for k, v in x.partials.items()}),
    np.positive: lambda x: x,
    np.exp: _unary(np.exp, lambda x, y: y),
    np.exp2: _unary(np.exp2, lambda x, y: y * np.log(2.0)),
    np.expm1: _unary(np.expm1, lambda x, y: y + 1),
    np.log: _unary(np.log, lambda x, y: 1 / x),
    np.log2: _unary(np.log2, lambda x, y: 1 / (x * np.log(2.0))),
    np.log10: _unary(np.log10, lambda x, y: 1 / (x * np.log(10.0))),
    np.log1p: _unary(np.log1p, lambda x, y: 1 / (1 + x)),
    np.sqrt: _unary(np.sqrt, lambda x, y: 0.5 / y),
    np.square: _unary(np.square, lambda x, y: 2 * x),
    np.reciprocal: _unary(np.reciprocal, lambda x, y: -y * y),
    np.tanh: _unary(np.tanh, lambda x, y: 1 - y * y),
    np.absolute: _unary(np.absolute, lambda x, y: np.sign(x)),
    np.sin: _unary(np.sin, lambda x, y: np.cos(x)),
    np.cos: _unary(np.cos, lambda x, y: -np.sin(x)),
    np.arctan: _unary(np.arctan, lambda x, y: 1 / (1 + x * x)),
}
