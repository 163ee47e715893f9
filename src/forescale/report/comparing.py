"""Figures of comparisons: two arms with their joint fits, a trend with its turn."""

from __future__ import annotations

import numpy as np

from ..compare import Comparison, Trend
from ..runs import Runs

_LOG = {"type": "log", "dtick": 1, "exponentformat": "power"}


def arms_figure(found: Comparison, runs: Runs, by: str, axis: str):
    """Every arm's runs over the axis, and where pairs cross."""
    import plotly.graph_objects as go

    figure = go.Figure()
    names = np.asarray(runs[by]).astype(str)
    for name in dict.fromkeys(names.tolist()):
        mine = names == name
        figure.add_scatter(x=runs[axis][mine], y=runs["loss"][mine], mode="markers", name=name)
    for pair in found.pairs:
        if pair.crossing and np.isfinite(pair.crossing[2]):
            figure.add_vrect(x0=pair.crossing[1], x1=pair.crossing[2], opacity=0.12, line_width=0, fillcolor="#286ebe")
            figure.add_vline(x=pair.crossing[0], line_dash="dot", annotation_text=f"{pair.a} x {pair.b}")
    figure.update_layout(xaxis={"title": axis, **_LOG}, yaxis={"title": "loss", "type": "log"}, template="plotly_white")
    return figure


def trend_figure(found: Trend, scale: np.ndarray, value: np.ndarray, name: str):
    """The scores over scale, and where they turn."""
    import plotly.graph_objects as go

    figure = go.Figure()
    order = np.argsort(scale)
    figure.add_scatter(x=np.asarray(scale)[order], y=np.asarray(value)[order], mode="lines+markers", name=name)
    if found.reversed:
        figure.add_vline(x=found.turn, line_dash="dot", annotation_text=found.shape)
    figure.update_layout(xaxis={"title": "scale", **_LOG}, yaxis={"title": name}, template="plotly_white")
    return figure
