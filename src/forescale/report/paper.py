"""The same figures for papers: a plotly figure of ours drawn by matplotlib; SVG and PDF need no browser. Extra: figures."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError

MARKS = {"circle": "o", "x": "x", "circle-open": "o", "diamond-open": "D", "line-ew-open": "_", "triangle-up": "^", "square": "s"}
DASH = {"dot": ":", "dash": "--", None: "-", "solid": "-"}


def to_matplotlib(figure: Any, width: float = 5.5, height: float = 3.6) -> Any:
    """A matplotlib figure of `width` by `height` inches with the same data, axes, bands, error bars and marked positions.

    Draws what our figures are made of: scatter, bar, lines and rectangles across. Raises InputError for any other trace.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("SVG, PDF and PNG need matplotlib: pip install 'forescale[figures]'") from error
    drawn = Figure(figsize=(width, height), layout="constrained")
    axes = drawn.add_subplot()
    colors = list(figure.layout.colorway or ()) or [f"C{i}" for i in range(10)]
    floor: dict[Any, np.ndarray] = {}
    for i, trace in enumerate(figure.data):
        if trace.visible not in (None, True):
            continue
        color = colors[i % len(colors)]
        if trace.type == "bar":
            _bar(axes, trace, color, floor, figure.layout.barmode == "stack")
        elif trace.type == "scatter":
            _scatter(axes, trace, color)
        else:
            raise InputError(f"no {trace.type} trace can be drawn for paper; write .html instead")
    for shape in figure.layout.shapes or ():
        _shape(axes, shape)
    for note in figure.layout.annotations or ():
        at = 10 ** float(note.x) if figure.layout.xaxis.type == "log" else note.x
        axes.text(at, 0.98, f" {note.text}", transform=axes.get_xaxis_transform(), fontsize=7, va="top")
    for side in ("x", "y"):
        _axis(axes, side, figure.layout[side + "axis"])
    if figure.layout.title.text:
        axes.set_title(figure.layout.title.text, fontsize=10)
    labels = axes.get_legend_handles_labels()[1]
    if len(labels) > 1:
        axes.legend(fontsize=7, frameon=False, ncols=1 + len(labels) // 14)
    return drawn


def _rgba(text: Any) -> Any:
    """A CSS colour as matplotlib takes it."""
    if isinstance(text, str) and text.startswith("rgb"):
        parts = [float(p) for p in text[text.index("(") + 1 : -1].split(",")]
        return tuple(p / 255 for p in parts[:3]) + tuple(parts[3:])
    return text


def _scatter(axes: Any, trace: Any, color: Any) -> None:
    x = np.asarray(trace.x)
    y = np.asarray(trace.y, float)
    label = trace.name or "_"
    if trace.fill == "toself":
        axes.fill(x, y, color=_rgba(trace.fillcolor) or color, linewidth=0, label=label)
        return
    mode = trace.mode or "lines"
    line = _rgba(trace.line.color) or _rgba(trace.marker.color if isinstance(trace.marker.color, str) else None) or color
    symbol = trace.marker.symbol or "circle"
    how = {
        "color": line,
        "label": label,
        "linestyle": DASH[trace.line.dash] if "lines" in mode else "",
        "linewidth": 1.3 if trace.line.width is None else trace.line.width,
        "marker": MARKS[symbol] if "markers" in mode else "",
        "markersize": 0.7 * float(trace.marker.size if trace.marker.size is not None else 6),
        "markerfacecolor": "none" if symbol.endswith("-open") else line,
    }
    if trace.error_y.array is None:
        axes.plot(x, y, **how)
        return
    up = np.asarray(trace.error_y.array, float)
    down = np.asarray(trace.error_y.arrayminus, float) if trace.error_y.arrayminus is not None else up
    axes.errorbar(x, y, yerr=np.maximum([down, up], 0), capsize=3, **how)


def _bar(axes: Any, trace: Any, color: Any, floor: dict, stacked: bool) -> None:
    y = np.asarray(trace.y, float)
    bottom = floor.get("y", np.zeros(len(y))) if stacked else None
    axes.bar(list(trace.x), y, bottom=bottom, color=_rgba(trace.marker.color) or color, label=trace.name or "_")
    if stacked:
        floor["y"] = bottom + y


def _shape(axes: Any, shape: Any) -> None:
    color = _rgba(shape.fillcolor or shape.line.color) or "#444"
    if shape.type == "rect":
        axes.axvspan(shape.x0, shape.x1, color=color, alpha=shape.opacity or 0.1, linewidth=0)
    elif shape.x0 == shape.x1:
        axes.axvline(shape.x0, color=color, linestyle=DASH[shape.line.dash], linewidth=1)
    else:
        axes.axhline(shape.y0, color=color, linestyle=DASH[shape.line.dash], linewidth=1)


def _axis(axes: Any, side: str, axis: Any) -> None:
    if axis.type == "log":
        getattr(axes, f"set_{side}scale")("log")
    if axis.title.text:
        getattr(axes, f"set_{side}label")(axis.title.text, fontsize=9)
    if axis.range is not None:
        ends = np.asarray(axis.range, float)
        getattr(axes, f"set_{side}lim")(*(10**ends if axis.type == "log" else ends))
    if axis.tickvals is not None:
        low, high = sorted(getattr(axes, f"get_{side}lim")())
        shown = [(v, t) for v, t in zip(axis.tickvals, axis.ticktext or axis.tickvals, strict=True) if low <= v <= high]
        getattr(axes, f"set_{side}ticks")([v for v, _ in shown], [str(t) for _, t in shown])
        getattr(axes, f"{side}axis").minorticks_off()
    elif axis.type == "log":
        _few_labels(getattr(axes, f"{side}axis"))
    axes.tick_params(labelsize=8)


def _few_labels(axis: Any) -> None:
    """A log axis of less than a decade has no major tick: label some of the minor ones as plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    axis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0), numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axis.set_minor_locator(LogLocator(subs=(), numticks=12))
