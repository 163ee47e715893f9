"""Figures of plans: votes for a size, valleys, the frontier, the bowl of a setting, a design, memory on a device."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import InputError
from ..plan import Design, IsoFlop, Memory, Plan, Setting, frontier, frontier_exponent
from ..runs import Runs
from .canvas import BLUE, GREY, blank, hover, log_axis, narrow_log


def spread(largest: float, positions: int, ahead: float = 1000.0) -> np.ndarray:
    """Positions of a budget's slider in FLOP, from a tenth of the largest run to `ahead` times it."""
    return largest * np.geomspace(0.1, ahead, positions)


def valleys_figure(found: Mapping[str, IsoFlop], runs: Runs):
    """Loss by size at each budget, and the bottoms that each method finds."""
    x = runs.numbers(("params", "flops"))
    flops = x["flops"]
    figure = blank(log_axis("params", x["params"]), narrow_log("loss"))
    for c in next(iter(found.values())).flops:
        mine = np.abs(np.log(flops / c)) < 0.02
        order = np.argsort(x["params"][mine])
        name = f"{c:.3g} FLOP"
        valley = {"x": x["params"][mine][order], "y": runs["loss"][mine][order]}
        figure.add_scatter(**valley, mode="lines+markers", name=name, line_width=1)
    for (name, one), mark in zip(found.items(), ("x", "circle-open", "diamond-open"), strict=False):
        figure.add_scatter(
            x=one.params,
            y=one.loss,
            mode="markers",
            name=f"{name}: a = {one.exponent[0]:.3f}",
            marker={"symbol": mark, "size": 10},
        )
    return figure


def plan_figure(found: Plan):
    """The best size by every way to tell it, by weight, and the interval of their mean."""
    if not found.votes:
        raise InputError("there is no figure of one law's plan; plan from the runs themselves, fs.plan(runs, flops)")
    size = np.array([v.params for v in found.votes])
    value, low, high = found.params
    figure = blank(log_axis("params", size, found.params, found.flat), {"title": {"text": "weight, %"}, "rangemode": "tozero"})
    for v in sorted(found.votes, key=lambda v: -v.weight):
        figure.add_scatter(x=[v.params], y=[100 * v.weight], mode="markers", name=v.name, marker={"size": 10})
    figure.add_vrect(x0=low, x1=high, fillcolor=BLUE, opacity=0.1, line_width=0)
    figure.add_scatter(
        x=[value] * 2, y=[0, 105 * max(v.weight for v in found.votes)], mode="lines", name="all together", line_color=BLUE
    )
    return figure


def frontier_figure(runs: Runs):
    """Every run by compute, those on the hull, and the power law of their sizes in the hover."""
    flops = runs.numbers(("flops",))["flops"]
    figure = blank(log_axis("flops", flops), narrow_log("loss"))
    found, (a, _) = frontier(runs), frontier_exponent(runs)
    figure.add_scatter(x=flops, y=runs["loss"], mode="markers", name="runs", marker={"color": GREY, "size": 4})
    front = {"x": found["flops"], "y": found["loss"], "text": hover(N=found["params"])}
    figure.add_scatter(**front, mode="lines+markers", name=f"frontier: a = {a:.3f}", line_color=BLUE)
    return figure


def setting_figure(found: Setting):
    """What being off the best value of each setting costs."""
    ticks = {"type": "log", "tickvals": [0.25, 0.5, 1, 2, 4], "ticktext": ["1/4", "1/2", "1", "2", "4"]}
    axis = {"title": {"text": "setting over its best value"}, **ticks}
    figure = blank(axis, {"title": {"text": "loss above the best, %"}})
    off = np.geomspace(1 / 4, 4, 121)
    for name, (value, low, high) in found.values.items():
        steep = np.log1p(found.price[name]) / np.log(2) ** 2
        figure.add_scatter(x=off, y=100 * np.expm1(steep * np.log(off) ** 2), name=f"{name} = {value:.3g}")
        figure.add_vrect(x0=low / value, x1=high / value, fillcolor=BLUE, opacity=0.1, line_width=0)
    return figure


def design_figure(found: Design):
    """The interval that each further run leaves, by what has been spent."""
    spent = np.cumsum(found.flops)
    figure = blank(log_axis("flops", spent), {"title": {"text": "expected 90 % interval, +- %"}})
    text = [", ".join(f"{k} {v[i]:.3g}" for k, v in found.runs.items()) for i in range(len(spent))]
    figure.add_scatter(x=spent, y=100 * found.halfwidth[1:], text=text, mode="lines+markers", line_color=BLUE, name="designed")
    return figure


def memory_figure(found: Mapping[str, Memory]):
    """Memory on each device by part, one bar a configuration, and the device's own."""
    figure = blank({}, {"title": {"text": "GB on each device"}})
    for part in ("params", "gradients", "optimizer", "activations", "cache"):
        figure.add_bar(x=list(found), y=[getattr(m, part) / 1e9 for m in found.values()], name=part)
    figure.add_hline(y=max(m.device_bytes for m in found.values()) / 1e9, line_dash="dot")
    figure.update_layout(barmode="stack")
    return figure
