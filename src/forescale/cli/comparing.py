"""compare, trend, downstream, observational, transfer, passk: which wins, what it will do, what carries over."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .common import DropBad, Figure, Json, Map, RunsFile, app, draw, frame, listed, mapping, runs_of, show

At = Annotated[str, typer.Option("--at", help="The target: params=70B,tokens=1.4T.")]


@app.command()
def compare(
    runs: RunsFile,
    target: Annotated[str, typer.Option(help="Scale at which the winner is asked for; default the largest.")] = "",
    by: Annotated[str, typer.Option(help="Column that names the arm.")] = "arm",
    axis: Annotated[str, typer.Option(help="Scale: flops, hours or another positive column.")] = "flops",
    map: Map = "",
    drop_bad: DropBad = False,
    figure: Figure = None,
    json: Json = False,
) -> None:
    """Which arm wins at a scale, where they cross, and what one is worth in compute of the other."""
    from ..compare import compare as run_compare

    table = runs_of(runs, map, drop_bad=drop_bad)
    found = run_compare(table, target or None, by=by, axis=axis)
    if figure:
        from ..report.comparing import arms_figure

        draw(lambda: arms_figure(found, table, by, axis), figure)
    show(found, json, table)


@app.command()
def trend(
    scores: RunsFile,
    value: Annotated[str, typer.Option(help="Column of the score.")],
    scale: Annotated[str, typer.Option(help="Column of the scale; flops are counted from params and tokens.")] = "flops",
    error: Annotated[str, typer.Option(help="Column of its standard errors, where known.")] = "",
    map: Map = "",
    drop_bad: DropBad = False,
    figure: Figure = None,
    json: Json = False,
) -> None:
    """Does a score turn with scale? Rising, falling, U-shaped, inverted U or undecided."""
    from ..compare import trend as run_trend

    also = (error,) if error else ()
    table = runs_of(scores, map, drop_bad=drop_bad, only=(value, *also))
    try:
        rows = table.numbers((scale, value, *also))
    except InputError as e:
        raise InputError(f"{e}, or name the scale with --scale") from None
    x, y = (rows[c] for c in (scale, value))
    found = run_trend(x, y, rows[error] if error else None)
    if figure:
        from ..report.comparing import trend_figure

        draw(lambda: trend_figure(found, x, y, value), figure)
    show(found, json, table)


@app.command()
def downstream(
    runs: RunsFile,
    metric: Annotated[str, typer.Option(help="Column of the metric, a fraction.")],
    at: At,
    losses: Annotated[Path | None, typer.Option(help="More runs with a loss alone, for the first step.")] = None,
    items: Annotated[int | None, typer.Option(help="Questions the metric averages over.")] = None,
    map: Map = "",
    drop_bad: DropBad = False,
    json: Json = False,
) -> None:
    """A metric at a larger scale through the loss, with the uncertainty of both steps."""
    from ..forecast import downstream as run_downstream

    table = runs_of(runs, map, drop_bad=drop_bad)
    more = [runs_of(losses, map, drop_bad=drop_bad)] if losses else []
    found = run_downstream(table, metric, losses=more[0] if more else None, items=items, **mapping(at))
    show(found, json, table, *more)


@app.command()
def observational(
    scores: Annotated[Path, typer.Argument(help="Table with a column model, one column a benchmark (fractions), gaps empty.")],
    task: Annotated[str, typer.Option(help="Column of the task to predict; empty where it was not measured.")],
    models: Annotated[str, typer.Option(help="Models to predict, separated by commas; default those without a task score.")] = "",
    low: Annotated[float, typer.Option(help="Score of guessing.")] = 0.0,
    family: Annotated[str, typer.Option(help="Column of the model's family: its small models speak for its large ones.")] = "",
    benchmarks: Annotated[str, typer.Option(help="Columns of the benchmarks, by commas; default every other of numbers.")] = "",
    json: Json = False,
) -> None:
    """A task's score for public models from their scores on other benchmarks."""
    import numpy as np

    from ..forecast import observational as run_observational

    chosen = listed(benchmarks)
    rows = frame(scores, task, *chosen, labels=("model", *([family] if family else [])), gaps=(task, *chosen))
    names = [str(m) for m in rows["model"].to_list()]
    others = [c for c in rows.columns if c not in ("model", task, family)]
    columns = chosen or [c for c in others if rows[c].dtype.is_numeric()]
    _fractions(rows, columns)
    table = rows.select(columns).to_numpy().astype(float)
    known = {m: float(v) for m, v in zip(names, rows[task].to_list(), strict=True) if v is not None and np.isfinite(v)}
    families = dict(zip(names, map(str, rows[family].to_list()), strict=True)) if family else None
    found = run_observational(table, names, known, low=low, family=families)
    wanted = listed(models) or [m for m in names if m not in known]
    out = {m: found.predict(m) for m in wanted}
    if json:
        typer.echo(
            json_module.dumps({"predictions": out, "shares": found.space.shares.tolist(), "warnings": list(found.warnings)})
        )
        return
    shares = ", ".join(f"{v:.0%}" for v in found.space.shares[:3])
    typer.echo(f"{task} from {len(columns)} benchmarks, {len(known)} models; components carry {shares} of the variance")
    text = [c for c in others if not chosen and c not in columns]
    if text:
        typer.echo(f"  left out, not numbers throughout: {', '.join(text)}")
    for name, (value, lower, upper) in out.items():
        typer.echo(f"  {name:40} {value:.3f} [{lower:.3f}, {upper:.3f}]")
    for w in found.warnings:
        typer.echo(f"warning: {w}")


def _fractions(rows, columns: list[str]) -> None:
    """No column of sizes, dates or percentages among the benchmarks: components would follow it alone."""
    for c in columns:
        low, high = rows[c].min(), rows[c].max()
        if low is not None and (low < 0 or high > 1):
            rest = ",".join(o for o in columns if o != c)
            raise InputError(
                f"column {c} holds {low:g} to {high:g}, and benchmarks are fractions: divide percentages by 100, "
                f"or leave it out with --benchmarks {rest or 'COLUMNS'}"
            )


@app.command()
def transfer(
    ladder: Annotated[Path, typer.Argument(help="Runs on the old data.")],
    pairs: Annotated[Path, typer.Option(help="Table with columns old_loss and new_loss.")],
    at: At,
    map: Map = "",
    drop_bad: DropBad = False,
    json: Json = False,
) -> None:
    """The loss on new data at a larger scale, from an old ladder and a few pairs of losses."""
    from ..compare import transfer as run_transfer

    rows = frame(pairs, "old_loss", "new_loss")
    old, new = (rows[c].to_numpy().astype(float) for c in ("old_loss", "new_loss"))
    table = runs_of(ladder, map, drop_bad=drop_bad)
    show(run_transfer(table, old, new, **mapping(at)), json, table)


@app.command()
def passk(
    samples: Annotated[Path, typer.Argument(help="Table with columns scale, drawn and passes (samples until the r-th pass).")],
    at: Annotated[str, typer.Option(help="Scale to foretell, such as 70B.")],
    json: Json = False,
) -> None:
    """A pass rate at a larger scale from sampling until it was passed, for tasks that look emergent."""
    from ..forecast import pass_forecast

    rows = frame(samples, "scale", "drawn", "passes")
    columns = (rows[c].to_numpy().astype(float) for c in ("scale", "drawn", "passes"))
    show(pass_forecast(*columns, at), json)
