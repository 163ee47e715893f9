"""Arms to compare: the frontier of each, and what two of them have in common."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import InputError
from ..quantities import format_number
from ..runs import Runs

LEAST = 4  # runs of an arm
Curves = Mapping[str, tuple[np.ndarray, np.ndarray]]  # scales and losses by arm


def frontiers(runs: Runs, by: str, axis: str) -> Curves:
    """Scales and losses of each arm (column `by`): at each scale its least loss so far. Arms of fewer than LEAST are left out."""
    names = np.asarray(runs[by]).astype(str)
    x, y = np.asarray(runs.numbers((axis,))[axis], float), np.asarray(runs["loss"], float)
    if not (x > 0).all():
        raise InputError(f"{axis} must be positive to compare over it; found {x.min():g}")
    out, short = {}, []
    for name in dict.fromkeys(names.tolist()):
        mine = names == name
        order = np.lexsort((y[mine], x[mine]))
        scale, loss = x[mine][order], y[mine][order]
        better = loss < np.concatenate([[np.inf], np.minimum.accumulate(loss)[:-1]])
        if better.sum() < LEAST:
            short.append(f"{name} ({better.sum()} on its frontier)")
            continue
        out[name] = (scale[better], loss[better])
    if len(out) < 2:
        raise InputError(
            f"two arms with {LEAST} runs each on their frontier are needed; too few: {', '.join(short) or 'one arm'}"
        )
    return out


def ranks(curves: Curves) -> dict[float, tuple[str, ...]]:
    """Arms by measured loss, interpolated in log-log, at eight scales within the range all arms share."""
    low = max(x.min() for x, _ in curves.values())
    high = min(x.max() for x, _ in curves.values())
    if low >= high:
        return {}
    out = {}
    for c in np.geomspace(low, high, 5):
        loss = {k: float(np.interp(np.log(c), np.log(x), np.log(y))) for k, (x, y) in curves.items()}
        out[float(c)] = tuple(sorted(loss, key=loss.get))
    return out


def share_a_scale(a: str, b: str, curves: Curves) -> None:
    """Raises InputError where two arms cannot be compared but by extrapolation."""
    (xa, _), (xb, _) = curves[a], curves[b]
    top, bottom = min(xa.max(), xb.max()), max(xa.min(), xb.min())
    if bottom > 1.05 * top:
        ends = f"one ends at {format_number(top)}, the other begins at {format_number(bottom)}"
        raise InputError(f"{a} and {b} share no scale: {ends}; train one run of each at a common scale, or leave one out")


def joined(one: tuple[np.ndarray, np.ndarray], two: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scales, arm (1 or 2) and losses of two arms' rows."""
    (xa, ya), (xb, yb) = one, two
    return np.concatenate([xa, xb]), np.repeat([1.0, 2.0], [len(xa), len(xb)]), np.concatenate([ya, yb])
