"""Figures of a fit: loss against compute, residuals by axis, excess loss above the floor, coverage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InputError, one_of
from ..fit import Fit
from ..plan import optimal_params
from ..runs import Runs
from .canvas import BAND, BLUE, GREY, ORANGE, add_band, blank, hover, log_axis, narrow_log

AHEAD = 10  # the curve goes on to this many times the largest run


def _needs_size_and_data(fit: Fit) -> None:
    if set(fit.law.inputs) != {"params", "tokens"}:
        raise InputError(f"this figure needs a law in params and tokens; {fit.law.name} takes {', '.join(fit.law.inputs)}")


def fit_figure(fit: Fit, runs: Runs, held_out: Runs | None = None, ahead: float = AHEAD) -> Any:
    """Measured runs by compute, the law's best loss with its intervals up to `ahead` times the largest, the held-out runs."""
    _needs_size_and_data(fit)
    tables = [(runs, "fitted", GREY)] + ([(held_out, "held out", ORANGE)] if held_out is not None and len(held_out) else [])
    flops = [t.numbers(("flops",))["flops"] for t, _, _ in tables]
    c = np.geomspace(flops[0].min(), ahead * max(f.max() for f in flops), 60)
    n = np.array([float(optimal_params(fit.law, dict(fit.params), b)) for b in c])
    band = fit.predict(params=n, tokens=c / (6 * n))
    figure = blank(log_axis("flops", c), narrow_log("loss"))
    add_band(figure, c, band.low, band.high, "90 %, a new run")
    add_band(figure, c, band.mean_low, band.mean_high, "90 %, the mean", BAND)
    figure.add_scatter(x=c, y=band.value, name="best loss at this compute", mode="lines", line_color=BLUE)
    for (table, name, color), at in zip(tables, flops, strict=True):
        x = table.numbers(("params", "tokens"))
        text = hover(N=x["params"], D=x["tokens"])
        figure.add_scatter(x=at, y=table["loss"], text=text, mode="markers", name=name, marker={"color": color, "size": 6})
    return figure


def residuals_figure(fit: Fit, runs: Runs, by: str = "flops") -> Any:
    """Measured over predicted, in percent, along `by`: flops or an input. A trend or a bend says that the law does not fit."""
    if by not in (*fit.law.inputs, "flops"):
        raise one_of("axis", by, (*fit.law.inputs, "flops"))
    x, at = runs.numbers(fit.law.inputs), runs.numbers((by,))[by]
    off = 100 * (runs[fit.law.output if fit.law.output in runs.columns else "loss"] / fit.law(fit.params, **x) - 1)
    figure = blank(log_axis(by, at), {"title": {"text": "measured above predicted, %"}})
    figure.add_scatter(x=at, y=off, text=hover(**x), mode="markers", name="runs", marker={"color": BLUE, "size": 6})
    order = np.argsort(at)
    size = max(5, len(at) // 6)
    if len(at) >= 2 * size:
        parts = np.array_split(order, len(at) // size)
        middle = [(np.exp(np.log(at[p]).mean()), np.median(off[p])) for p in parts]
        line = {"x": [m[0] for m in middle], "y": [m[1] for m in middle]}
        figure.add_scatter(**line, mode="lines+markers", name=f"median of {size}", line_color=ORANGE)
    figure.add_hline(y=0, line_width=1, line_color=GREY)
    return figure


def excess_figure(fit: Fit, runs: Runs) -> Any:
    """Loss above the law's floor E, L - E, over compute on log axes: what a power law makes a line of.

    Runs at or below the floor cannot be drawn; the legend says how many.
    """
    _needs_size_and_data(fit)
    if "E" not in fit.params:
        raise InputError(f"{fit.law.name} has no floor E to take away")
    floor = fit.params["E"]
    x = runs.numbers(("params", "tokens", "flops"))
    above = runs["loss"] - floor
    seen = above > 0
    c = np.geomspace(x["flops"].min(), AHEAD * x["flops"].max(), 60)
    n = np.array([float(optimal_params(fit.law, dict(fit.params), b)) for b in c])
    best = fit.law(fit.params, params=n, tokens=c / (6 * n)) - floor
    figure = blank(log_axis("flops", c), log_axis("L - E", above[seen], best))
    left = f"runs ({int((~seen).sum())} at or below E)" if not seen.all() else "runs"
    text = hover(N=x["params"][seen], D=x["tokens"][seen])
    mark = {"color": GREY, "size": 6}
    figure.add_scatter(x=x["flops"][seen], y=above[seen], text=text, mode="markers", name=left, marker=mark)
    figure.add_scatter(x=c, y=best, mode="lines", name=f"best at this compute, E = {floor:.4g}", line_color=BLUE)
    return figure


def coverage_figure(levels: Sequence[float], shares: dict[str, Sequence[float]], number: int) -> Any:
    """Share of outcomes inside intervals of each level: on the diagonal an interval means what it says.

    `shares` names each method; the band is where an exact method falls in 95 % of samples of `number` outcomes.
    """
    from scipy.stats import binom

    at = np.asarray(levels, float)
    percent = lambda name: {"title": {"text": name}, "range": [0, 100]}
    figure = blank(percent("stated level, %"), percent("outcomes inside, %"))
    low, high = (100 * binom.ppf(q, number, at) / number for q in (0.025, 0.975))
    add_band(figure, 100 * at, low, high, f"chance, {number} outcomes")
    for name, share in shares.items():
        figure.add_scatter(x=100 * at, y=100 * np.asarray(share, float), mode="lines+markers", name=name)
    figure.add_scatter(x=[0, 100], y=[0, 100], mode="lines", name="exact", line={"color": GREY, "dash": "dot"})
    return figure
