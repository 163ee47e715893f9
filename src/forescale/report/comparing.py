"""Figures of comparisons: two arms with their joint fits, a trend with its turn."""

from __future__ import annotations

import numpy as np

from ..compare import Comparison, Trend
from ..runs import Runs
from .canvas import BLUE, blank, log_axis, mark, narrow_log


def arms_figure(found: Comparison, runs: Runs, by: str, axis: str):
    """Every arm's runs over the axis, and where pairs cross."""
    at = runs.numbers((axis,))[axis]
    figure = blank(log_axis(axis, at), narrow_log("loss"))
    names = np.asarray(runs[by]).astype(str)
    for name in dict.fromkeys(names.tolist()):
        mine = names == name
        figure.add_scatter(x=at[mine], y=runs["loss"][mine], mode="markers", name=name)
    for pair in found.pairs:
        if pair.crossing and np.isfinite(pair.crossing[2]):
            figure.add_vrect(x0=pair.crossing[1], x1=pair.crossing[2], opacity=0.12, line_width=0, fillcolor=BLUE)
            mark(figure, pair.crossing[0], f"{pair.a} x {pair.b}")
    return figure


def trend_figure(found: Trend, scale: np.ndarray, value: np.ndarray, name: str):
    """The scores over scale, and where they turn."""
    figure = blank(log_axis("scale", scale), {"title": {"text": name}})
    order = np.argsort(scale)
    figure.add_scatter(x=np.asarray(scale)[order], y=np.asarray(value)[order], mode="lines+markers", name=name)
    if found.reversed:
        mark(figure, found.turn, found.shape)
    return figure
