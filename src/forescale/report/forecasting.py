"""The figure of a forecast: measured runs, every candidate's answer, the stacked one with its interval."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..forecast import Forecast
from ..runs import Runs


def forecast_figure(forecast: Forecast, runs: Runs):
    """A plotly figure over compute (params and tokens known) or over the single input.

    Raises InputError where the inputs leave no one axis to draw on.
    """
    import plotly.graph_objects as go

    names = set(forecast.points)
    if len(names) == 1:
        axis = next(iter(names))
        x, at = runs.numbers((axis,))[axis], forecast.points[axis]
    elif {"params", "tokens"} <= names:
        axis, x = "FLOP", runs.numbers(("flops",))["flops"]
        at = forecast.factor * float(np.max(x))
    else:
        raise InputError(f"no one axis to draw {', '.join(sorted(names))} on; a figure needs one input, or params and tokens")
    figure = go.Figure()
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
        marker={"color": "#286ebe", "size": 9},
    )
    positive = bool((runs[forecast.target] > 0).all() and (forecast.low > 0).all())
    scale = {"type": "log", "dtick": 1, "exponentformat": "power"}
    figure.update_layout(
        xaxis={"title": axis, **(scale if (np.asarray(x) > 0).all() else {})},
        yaxis={"title": forecast.target, "type": "log" if positive else "linear"},
        template="plotly_white",
        legend={"font": {"size": 10}},
    )
    return figure
