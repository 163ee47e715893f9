"""The figure of a forecast: measured runs, every candidate's answer, the stacked one with its interval."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..forecast import Forecast
from ..runs import Runs
from .canvas import BLUE, blank, log_axis, narrow_log


def forecast_figure(forecast: Forecast, runs: Runs):
    """A plotly figure over compute (params and tokens known) or over the single input.

    Raises InputError where the inputs leave no one axis to draw on.
    """
    names = set(forecast.points)
    if len(names) == 1:
        axis = next(iter(names))
        x, at = runs.numbers((axis,))[axis], forecast.points[axis]
    elif {"params", "tokens"} <= names:
        axis, x = "flops", runs.numbers(("flops",))["flops"]
        at = forecast.factor * float(np.max(x))
    else:
        raise InputError(f"no one axis to draw {', '.join(sorted(names))} on; a figure needs one input, or params and tokens")
    whole = bool((np.asarray(x) > 0).all() and (np.asarray(at) > 0).all())
    positive = bool((runs[forecast.target] > 0).all() and (forecast.low > 0).all())
    plain = lambda name: {"title": {"text": name}}
    figure = blank(log_axis(axis, x, at) if whole else plain(axis), (narrow_log if positive else plain)(forecast.target))
    figure.add_scatter(x=x, y=runs[forecast.target], mode="markers", name="measured", marker={"color": "#555", "size": 5})
    top = sorted(forecast.members, key=lambda m: -m.weight)
    for m in top:
        figure.add_scatter(
            x=at,
            y=m.value,
            mode="markers",
            name=f"{m.name} ({m.weight:.0%})",
            marker={"symbol": "line-ew-open", "size": 9, "color": "#d80" if m.naive else "#8ac"},
            visible=True if m in top[:6] else "legendonly",
        )
    figure.add_scatter(
        x=at,
        y=forecast.value,
        error_y={"array": forecast.high - forecast.value, "arrayminus": forecast.value - forecast.low, "width": 6},
        mode="markers",
        name=f"forecast, {forecast.level:.0%} for a new run",
        marker={"color": BLUE, "size": 9},
    )
    return figure
