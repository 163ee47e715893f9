"""From a number of parameters to a width and a depth, counted exactly for the arm at hand."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ..errors import InputError
from .accounting import params
from .config import Config

ASPECT = 32.0  # width over depth that is aimed at where neither is given
DEEPEST, WIDEST = 200, 32768
CLOSE = 0.25  # a shape further than this from the size asked for is refused


def shape_for(target: float, model: Mapping[str, Any]) -> tuple[int, int]:
    """(width, depth) whose parameters come closest to `target`; `width` or `depth` given in `model` is kept.

    Widths are multiples of head_dim. A tenth off the size weighs as much as a factor 4 off `aspect` (width over depth,
    default 32); raises InputError where no shape is within a quarter.
    """
    return _shape_for(float(target), tuple(sorted(model.items())))


@lru_cache(maxsize=1024)
def _shape_for(target: float, items: tuple) -> tuple[int, int]:
    model = dict(items)
    aspect = float(model.pop("aspect", ASPECT))
    head = int(model.get("head_dim", Config.head_dim))
    depths = [int(model["depth"])] if "depth" in model else range(1, DEEPEST + 1)
    rest = {k: v for k, v in model.items() if k not in ("width", "depth")}
    best = None
    for depth in depths:
        widths = [int(model["width"])] if "width" in model else _near(target, depth, head, rest)
        for width in widths:
            off = abs(math.log(_count(width, depth, rest) / target))
            score = (off / 0.1) ** 2 + (math.log(width / depth / aspect) / math.log(4)) ** 2
            if best is None or score < best[0]:
                best = (score, width, depth, off)
    if best is None or best[3] > CLOSE:
        found = f"; the closest has {_count(best[1], best[2], rest):,}" if best else ""
        raise InputError(
            f"no shape of this model has about {target:,.0f} parameters{found}: give width or depth, or another size"
        )
    return best[1], best[2]


def _count(width: int, depth: int, rest: Mapping[str, Any]) -> int:
    return params(Config.of({"tokens": 10**9, "learning_rate": 1.0, **rest, "width": width, "depth": depth}))


def _near(target: float, depth: int, head: int, rest: Mapping[str, Any]) -> list[int]:
    """The two multiples of `head` around the width at which the count passes `target`."""
    low, high = 1, WIDEST // head
    if _count(head, depth, rest) >= target:
        return [head]
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _count(middle * head, depth, rest) < target else (low, middle)
    return [low * head, high * head]
