"""Figures of plans: valleys and their bottoms, the frontier, the bowl of a setting, a design, memory on a device."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..plan import Design, IsoFlop, Memory, Setting, frontier, frontier_exponent
from ..runs import Runs

_LOG = {"type": "log", "dtick": 1, "exponentformat": "power"}
_BLUE = "rgb(40,110,190)"


def _figure(x: str, y: str, **axes):
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.update_layout(
        xaxis={"title": x, **axes.get("xaxis", {})}, yaxis={"title": y, **axes.get("yaxis", {})}, template="plotly_white"
    )
    return figure


def valleys_figure(found: Mapping[str, IsoFlop], runs: Runs):
    """Loss by size at each budget, and the bottoms that each method finds."""
    figure = _figure("params", "loss", xaxis=_LOG, yaxis={"type": "log"})
    flops = np.asarray(runs["flops"], float)
    for c in next(iter(found.values())).flops:
        mine = np.abs(np.log(flops / c)) < 0.02
        order = np.argsort(runs["params"][mine])
        figure.add_scatter(
            x=runs["params"][mine][order], y=runs["loss"][mine][order], mode="lines+markers", name=f"{c:.3g} FLOP", line_width=1
        )
    for (name, one), mark in zip(found.items(), ("x", "circle-open", "diamond-open"), strict=False):
        figure.add_scatter(
            x=one.params,
            y=one.loss,
            mode="markers",
            name=f"{name}: a = {one.exponent[0]:.3f}",
            marker={"symbol": mark, "size": 10},
        )
    return figure


def frontier_figure(runs: Runs):
    """Every run by compute, those on the hull, and the power law of their sizes in the hover."""
    figure = _figure("FLOP", "loss", xaxis=_LOG, yaxis={"type": "log"})
    found, (a, _) = frontier(runs), frontier_exponent(runs)
    figure.add_scatter(x=runs["flops"], y=runs["loss"], mode="markers", name="runs", marker={"color": "#888", "size": 4})
    text = [f"N = {n:,.0f}" for n in found["params"]]
    figure.add_scatter(
        x=found["flops"], y=found["loss"], text=text, mode="lines+markers", name=f"frontier: a = {a:.3f}", line_color=_BLUE
    )
    return figure


def setting_figure(found: Setting):
    """What being off the best value of each setting costs."""
    ticks = {"type": "log", "tickvals": [0.25, 0.5, 1, 2, 4], "ticktext": ["1/4", "1/2", "1", "2", "4"]}
    figure = _figure("setting over its best value", "loss above the best, %", xaxis=ticks)
    off = np.geomspace(1 / 4, 4, 121)
    for name, (value, low, high) in found.values.items():
        steep = np.log1p(found.price[name]) / np.log(2) ** 2
        figure.add_scatter(x=off, y=100 * np.expm1(steep * np.log(off) ** 2), name=f"{name} = {value:.3g}")
        figure.add_vrect(x0=low / value, x1=high / value, fillcolor=_BLUE, opacity=0.1, line_width=0)
    return figure


def design_figure(found: Design):
    """The interval that each further run leaves, by what has been spent."""
    figure = _figure("FLOP spent", "expected 90 % interval, +- %", xaxis=_LOG)
    spent = np.cumsum(found.flops)
    text = [", ".join(f"{k} {v[i]:.3g}" for k, v in found.runs.items()) for i in range(len(spent))]
    figure.add_scatter(x=spent, y=100 * found.halfwidth[1:], text=text, mode="lines+markers", line_color=_BLUE, name="designed")
    return figure


def memory_figure(found: Mapping[str, Memory]):
    """Memory on each device by part, one bar a configuration, and the device's own."""
    figure = _figure("", "GB on each device")
    for part in ("params", "gradients", "optimizer", "activations", "cache"):
        figure.add_bar(x=list(found), y=[getattr(m, part) / 1e9 for m in found.values()], name=part)
    figure.add_hline(y=max(m.device_bytes for m in found.values()) / 1e9, line_dash="dot")
    figure.update_layout(barmode="stack")
    return figure
