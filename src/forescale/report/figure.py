"""The log-log figure of a fit: loss against compute with isoFLOP groups, frontier and interval."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..fit import Fit
from ..plan import optimal_params
from ..runs import Runs


def fit_figure(fit: Fit, runs: Runs, held_out: Runs | None = None):
    """A plotly figure: measured runs by compute, the law's best loss at each compute, the held-out runs."""
    import plotly.graph_objects as go

    x = runs.numbers(("params", "tokens", "flops"))
    top = max(x["flops"].max(), held_out.numbers(("flops",))["flops"].max() if held_out is not None else 0) * 10
    c = np.geomspace(x["flops"].min(), top, 60)
    n = np.array([float(optimal_params(fit.law, dict(fit.params), b)) for b in c])
    band = fit.predict(params=n, tokens=c / (6 * n))
    figure = go.Figure()
    edge = np.concatenate((c, c[::-1]))
    figure.add_scatter(
        x=edge,
        y=np.concatenate((band.high, band.low[::-1])),
        fill="toself",
        line_width=0,
        name="90 % for a new run",
        fillcolor="rgba(40,110,190,0.18)",
        hoverinfo="skip",
    )
    figure.add_scatter(x=c, y=band.value, name="best loss at this compute", line_color="rgb(40,110,190)")
    for table, name, color in ((runs, "fitted", "#555"), (held_out, "held out", "#d33")):
        if table is not None:
            text = [f"N = {a:,.0f}, D = {b:,.0f}" for a, b in zip(table["params"], table["tokens"], strict=True)]
            figure.add_scatter(
                x=table.numbers(("flops",))["flops"], y=table["loss"], text=text, mode="markers", name=name, marker_color=color
            )
    ticks = {"type": "log", "dtick": 1, "exponentformat": "power"}
    figure.update_layout(xaxis={"title": "FLOP", **ticks}, yaxis={"title": "loss", "type": "log"}, template="plotly_white")
    return figure


def write_html(figure, path: str | Path) -> Path:
    """One self-contained file: plotly.js is written into it, so it opens without a network."""
    path = Path(path)
    figure.write_html(path, include_plotlyjs=True)
    return path
