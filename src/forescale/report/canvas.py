"""What all figures share: a blank plot with decade ticks (1M 10M 1B), colours safe for the colour blind, writing to a file."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..quantities import format_number

BLUE, ORANGE, GREY = "#286ebe", "#d55e00", "#7a7a7a"
COLORS = (BLUE, ORANGE, "#009e73", "#cc79a7", "#8a6d00", "#56a4d9", "#7a7a7a")  # after Okabe and Ito
BAND, WIDE_BAND = "rgba(40,110,190,0.30)", "rgba(40,110,190,0.14)"
CONFIG = {"displaylogo": False, "responsive": True}
KINDS = (".html", ".json", ".svg", ".pdf", ".png")


def title(name: str) -> str:
    """What an axis is called. A loss bears no unit here: nats per token, per byte and others are drawn alike."""
    return {"params": "parameters", "flops": "FLOP", "batch_size": "batch (tokens)"}.get(name, name.replace("_", " "))


def tick(name: str, value: float) -> str:
    """A count as short as an axis needs it: 10M parameters, 1e21 FLOP."""
    return f"{value:.0e}".replace("e+", "e") if name == "flops" else format_number(value).replace("e+", "e")


def log_axis(name: str, *values: Any) -> dict:
    """A logarithmic axis over all `values`: a tick each decade, at 2 and 5 where there are less than two, more in half of one."""
    known = np.concatenate([np.ravel(np.asarray(v, float)) for v in values]) if values else np.array([])
    known = known[np.isfinite(known) & (known > 0)]
    if not len(known):
        raise InputError(f"{name}: a logarithmic axis needs a value above zero")
    low, high = np.log10(known.min()), np.log10(known.max())
    steps = (1, 1.2, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 8) if high - low < 0.5 else (1, 2, 5) if high - low < 2 else (1,)
    every = max(1, int(np.ceil((high - low) / 8)))
    decades = range(int(np.floor(low)) - 1, int(np.ceil(high)) + 2)
    at = [s * 10.0**d for d in decades if d % every == 0 for s in steps]
    room = 0.03 * (high - low) or 0.1
    return {
        "type": "log",
        "title": {"text": title(name)},
        "tickvals": at,
        "ticktext": [tick(name, v) for v in at],
        "range": [low - room, high + room],
    }


def narrow_log(name: str) -> dict:
    """A logarithmic axis for a loss, which spans less than a decade: plotly labels 2, 3, 4 itself."""
    return {"type": "log", "title": {"text": title(name)}}


def blank(x: dict, y: dict) -> Any:
    """An empty plotly figure with these axes."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.update_layout(xaxis=x, yaxis=y, template="plotly_white", colorway=COLORS, legend={"font": {"size": 11}})
    return figure


def add_band(figure: Any, x: Any, low: Any, high: Any, name: str, color: str = WIDE_BAND) -> None:
    x, low, high = (np.asarray(v, float) for v in (x, low, high))
    edge = {"x": np.concatenate((x, x[::-1])), "y": np.concatenate((high, low[::-1]))}
    figure.add_scatter(**edge, fill="toself", mode="lines", line_width=0, name=name, fillcolor=color, hoverinfo="skip")


def mark(figure: Any, x: float, text: str) -> None:
    """A dotted line across at `x` of a logarithmic axis. Plotly wants the data's value for the line, its log10 for the text."""
    figure.add_vline(x=x, line_dash="dot", line_color=GREY)
    figure.add_annotation(x=float(np.log10(x)), y=1, yref="paper", text=text, showarrow=False, xanchor="left", yanchor="top")


def hover(**columns: Any) -> list[str]:
    """One text for each row: `N = 1.2M, D = 34M`."""
    names = list(columns)
    return [
        ", ".join(f"{n} = {format_number(float(v))}" for n, v in zip(names, row, strict=True))
        for row in zip(*columns.values(), strict=True)
    ]


def plotly_js() -> str:
    """plotly.js for pages without a network: the basic bundle where the package was built with it, else the whole."""
    basic = files(__package__) / "static" / "plotly-basic.min.js"
    return basic.read_text() if basic.is_file() else (files("plotly") / "package_data" / "plotly.min.js").read_text()


def alone(figure: Any) -> str:
    """A page of one figure."""
    inner = figure.to_html(full_html=False, include_plotlyjs=False, config=CONFIG, default_height="95vh")
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>forescale</title>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><script>{plotly_js()}</script>{inner}</body></html>'


def write(figure: Any, path: str | Path) -> Path:
    """Write a figure as .html (self-contained: it opens without a network), .json, or by matplotlib as .svg, .pdf or .png."""
    path = Path(path)
    if path.suffix not in KINDS:
        raise InputError(f"{path.name}: a figure is written as one of {', '.join(KINDS)}")
    if path.suffix == ".html":
        path.write_text(alone(figure))
    elif path.suffix == ".json":
        figure.write_json(path)
    else:
        from .paper import to_matplotlib

        to_matplotlib(figure).savefig(path)
    return path
