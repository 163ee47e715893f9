"""fs.plot: the figure of a result, by what it is."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from ..compare import Comparison
from ..errors import InputError, one_of
from ..fit import Fit
from ..forecast import Forecast
from ..plan import Approaches, Design, Memory, Plan, Setting
from ..runs import Runs
from . import comparing, fitting, forecasting, planning


@singledispatch
def plot(found: Any, runs: Runs | None = None, **options: Any) -> Any:
    """The plotly figure of a result; `runs` are what it was made from. `fs.plot(fit, runs).show()` in a notebook.

    Fit: kind="fit" (default; held_out=Runs beside), "residuals" (by="flops" or an input) or "excess" (L - E).
    Forecast; Comparison (by="arm", axis="flops"); Plan from runs; Approaches: the isoFLOP valleys; Setting; Design; Memory;
    Runs: the frontier. `forescale.report.canvas.write(figure, "f.svg")` writes HTML, or SVG, PDF, PNG with the extra `figures`.
    Raises InputError for anything else.
    """
    kinds = "Fit, Forecast, Comparison, Plan, Approaches, Setting, Design, Memory or Runs"
    raise InputError(f"there is no figure of a {type(found).__name__}; there is one of a {kinds}")


def _with(runs: Runs | None, what: str) -> Runs:
    if runs is None:
        raise InputError(f"the figure of a {what} needs the runs too: fs.plot({what.lower()}, runs)")
    return runs


FITS = {"fit": fitting.fit_figure, "residuals": fitting.residuals_figure, "excess": fitting.excess_figure}


@plot.register
def _(found: Fit, runs: Runs | None = None, kind: str = "fit", **options: Any) -> Any:
    if kind not in FITS:
        raise one_of("kind of figure", kind, FITS)
    return FITS[kind](found, _with(runs, "Fit"), **options)


@plot.register
def _(found: Forecast, runs: Runs | None = None) -> Any:
    return forecasting.forecast_figure(found, _with(runs, "Forecast"))


@plot.register
def _(found: Comparison, runs: Runs | None = None, by: str = "arm", axis: str = "flops") -> Any:
    return comparing.arms_figure(found, _with(runs, "Comparison"), by, axis)


@plot.register
def _(found: Plan, runs: Runs | None = None) -> Any:
    return planning.plan_figure(found)


@plot.register
def _(found: Approaches, runs: Runs | None = None) -> Any:
    return planning.valleys_figure(found.valleys, _with(runs, "Approaches"))


@plot.register
def _(found: Setting, runs: Runs | None = None) -> Any:
    return planning.setting_figure(found)


@plot.register
def _(found: Design, runs: Runs | None = None) -> Any:
    return planning.design_figure(found)


@plot.register
def _(found: Memory, runs: Runs | None = None) -> Any:
    return planning.memory_figure({"memory": found})


@plot.register
def _(found: Runs, runs: Runs | None = None) -> Any:
    return planning.frontier_figure(found)
