"""forecast, rollout, audit, watch: no law to choose."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import InputError
from ..quantities import parse_number
from .common import (
    Best,
    DropBad,
    Figure,
    Json,
    KeepOdd,
    LawName,
    Map,
    Role,
    RunsFile,
    app,
    bar,
    draw,
    listed,
    mapping,
    runs_of,
    show,
)

Target = Annotated[str, typer.Option(help="Column to forecast: loss, an error rate, a score.")]
Targets = Annotated[list[str] | None, typer.Option("--target", help="Column to forecast, loss if none; several in turn.")]
OwnLaws = Annotated[list[str] | None, typer.Option("--law", help="Also this law: catalogue name or FILE.py:NAME.")]


def _own(names: list[str] | None) -> list:
    from .. import laws

    return [laws.get(name) for name in names or ()]


def _ends(text: str) -> tuple[float, ...] | None:
    """Two numbers from 'LOW,HIGH'."""
    if not text:
        return None
    ends = tuple(parse_number(v, "--bounds") for v in text.split(","))
    if len(ends) != 2:
        raise InputError(f"--bounds takes two numbers, such as 0,1; got {text!r}")
    return ends


@app.command()
def forecast(
    runs: RunsFile,
    params: Annotated[str, typer.Option(help="Model size, such as 70B.")] = "",
    tokens: Annotated[str, typer.Option(help="Training tokens, such as 1.4T.")] = "",
    flops: Annotated[str, typer.Option(help="Compute, such as 1e24; with --params it tells the tokens.")] = "",
    at: Annotated[str, typer.Option("--at", help="Any inputs: width=4096,learning_rate=3e-4.")] = "",
    target: Targets = None,
    group: Annotated[str, typer.Option(help="Forecast every group of this column on its own.")] = "",
    bounds: Annotated[str, typer.Option(help="Values that cannot be crossed, such as 0,1; those of rates are known.")] = "",
    law: OwnLaws = None,
    map: Map = "",
    role: Role = "",
    interval: float = 0.9,
    drop_bad: DropBad = False,
    keep_odd: KeepOdd = False,
    best: Best = False,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the forecast as JSON.")] = None,
    figure: Figure = None,
    json: Json = False,
) -> None:
    """Forecast a larger run: laws and baselines weighed by back-test, with a calibrated interval. No law to choose."""
    from ..forecast import forecast as run_forecast
    from ..forecast.inputs import is_spare

    given = (("params", params), ("tokens", tokens), ("flops", flops))
    inputs = mapping(at) | {k: v for k, v in given if v}
    needed = tuple(k for k in inputs if k != "flops" or not is_spare(inputs))
    names = target or ["loss"]
    table = runs_of(runs, map, role, drop_bad, (*names, *needed))
    options = {"interval": interval, "laws": _own(law), "group": group or None, "keep_odd": keep_odd, "bounds": _ends(bounds)}
    options["best"] = best
    several = {n: run_forecast(table, target=n, **options, progress=bar(f"forecasting {n}"), **inputs) for n in names}
    found = several if len(names) > 1 else several[names[0]]
    text = json_module.dumps(_plain(found))
    if out:
        out.write_text(text)
    if figure:
        from ..report.forecasting import forecast_figure

        if isinstance(found, dict):
            raise InputError("--figure draws one forecast; give one --target, and leave --group out")
        draw(lambda: forecast_figure(found, table), figure)
    typer.echo(text if json else _words(found, group))


def _plain(found: Any) -> dict:
    """A forecast, or forecasts by target and group, for JSON."""
    return {k: _plain(v) for k, v in found.items()} if isinstance(found, dict) else found.to_dict()


def _words(found: Any, group: str) -> str:
    if not isinstance(found, dict):
        return found.summary()
    parts = [f"{group} {k}\n{v.summary()}" if group and not isinstance(v, dict) else _words(v, group) for k, v in found.items()]
    return "\n\n".join(parts)


@app.command()
def rollout(
    runs: RunsFile,
    inputs: Annotated[str, typer.Option(help="Input columns.")] = "params,tokens",
    target: Target = "loss",
    law: OwnLaws = None,
    map: Map = "",
    role: Role = "",
    farthest: Annotated[float, typer.Option(help="How far below the largest row the first origin may lie.")] = 30.0,
    json: Json = False,
) -> None:
    """Hold out the largest rows, refit, predict: every method beside the naive baselines."""
    from ..forecast import rollout as run_rollout

    names = tuple(listed(inputs))
    table = runs_of(runs, map, role, False, (target, *names))
    options = {"target": target, "laws": _own(law), "farthest": farthest, "progress": bar("rolling")}
    show(run_rollout(table, names, **options), json)


@app.command()
def audit(
    runs: RunsFile,
    law: LawName = "chinchilla",
    flops: Annotated[str, typer.Option(help="Budget to judge at; default ten times the largest run.")] = "",
    map: Map = "",
    role: Role = "",
    json: Json = False,
) -> None:
    """Which choice (outliers, counting, rounding, range, objective ...) moves the conclusion most, and a checklist."""
    from ..audit import audit as run_audit
    from ..runs import read

    table = read(runs, **mapping(map))
    table = table.role(role) if role else table
    show(run_audit(table, law=law, flops=flops or None, progress=bar("auditing")), json, table)


@app.command()
def watch(
    log: Annotated[Path, typer.Argument(help="Log of one run: a table with step and loss, or what W&B, TensorBoard, ... wrote.")],
    until: Annotated[str, typer.Option(help="Step at which the run ends, such as 200k; the Trainer's log tells it.")] = "",
    schedule: Annotated[str, typer.Option(help="cosine, linear, constant or wsd.")] = "cosine",
    warmup: Annotated[int | None, typer.Option(help="Warm-up steps; default 1 % of the run.")] = None,
    final: Annotated[float, typer.Option(help="Last learning rate over the peak.")] = 0.0,
    decay: Annotated[float, typer.Option(help="wsd: share of the steps over which the rate falls.")] = 0.2,
    batch: Annotated[str, typer.Option(help="Tokens per step still to come, where the log has a column batch_size.")] = "",
    critical_batch: Annotated[str, typer.Option(help="Critical batch in tokens, where it is known.")] = "",
    run: Annotated[str, typer.Option(help="Which run, where the log holds several.")] = "",
    map: Map = "",
    interval: float = 0.9,
    every: Annotated[float, typer.Option(help="Look again every so many seconds until the log ends.")] = 0.0,
    json: Json = False,
) -> None:
    """Forecast the final loss of a run that is still training, from its log and its schedule."""
    import time

    from ..forecast import watch as run_watch
    from ..forecast.unfinished import TooShort

    options = {"schedule": schedule, "warmup": warmup, "final": final, "decay": decay, "interval": interval}
    options |= {"batch": batch or None, "critical_batch": critical_batch or None, "run": run or None}
    while True:
        try:
            found = run_watch(log, until=until or None, **options, **mapping(map))
        except TooShort as early:
            if not every:
                raise
            typer.echo(str(early), err=True)
        else:
            show(found, json)
            if not every or found.step >= 0.999 * found.until:
                return
        time.sleep(every)
