"""Figures of what a ladder measured."""

from __future__ import annotations

from typing import Any

from .canvas import blank


def coordinates_figure(found: Any):
    """Change of every layer's output over width, log-log: lines that lie flat let a learning rate carry over."""
    y = {"type": "log", "title": {"text": "root mean square change of the output"}, "exponentformat": "power"}
    x = {"type": "log", "title": {"text": "width"}, "tickvals": list(found.widths), "ticktext": list(map(str, found.widths))}
    figure = blank(x, y)
    for name, row, slope in zip(found.layers, found.change, found.slope, strict=True):
        figure.add_scatter(x=list(found.widths), y=list(row), mode="lines+markers", name=f"{name} (slope {slope:+.2f})")
    about = found.settings
    figure.update_layout(
        title=f"Coordinate check: {about['parametrization']}, {about['optimizer']} at {about['learning_rate']:g}",
    )
    return figure
