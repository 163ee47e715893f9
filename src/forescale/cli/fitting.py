"""fit, predict, check: a law of your choice."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from .common import Best, DropBad, Json, LawName, Map, Role, RunsFile, app, bar, load_fit, mapping, runs_of, show


@app.command()
def fit(
    runs: RunsFile,
    law: LawName = "chinchilla",
    map: Map = "",
    role: Role = "",
    loss: Annotated[str, typer.Option(help="huber or squares.")] = "huber",
    residual: Annotated[str, typer.Option(help="log or plain.")] = "log",
    delta: Annotated[float, typer.Option(help="Huber threshold.")] = 1e-3,
    resamples: Annotated[int, typer.Option(min=10, help="Bootstrap refits.")] = 1000,
    seed: int = 0,
    drop_bad: DropBad = False,
    best: Best = False,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the fit as JSON.")] = None,
    json: Json = False,
) -> None:
    """Fit a law to a table of runs and show parameters with intervals."""
    from .. import laws
    from ..fit import fit as run_fit

    table, record = runs_of(runs, map, role, drop_bad), laws.get(law)
    table = table.best(record.inputs) if best else table
    found = run_fit(record, table, loss=loss, residual=residual, delta=delta, resamples=resamples, seed=seed, spec=law)
    if out:
        found.to_json(out)
    show(found, json)


@app.command()
def predict(
    fit: Annotated[Path, typer.Argument(help="A fit written with -o.")],
    params: Annotated[str, typer.Option(help="Model size, such as 70B.")] = "",
    tokens: Annotated[str, typer.Option(help="Training tokens, such as 1.4T.")] = "",
    at: Annotated[str, typer.Option("--at", help="Any inputs: steps=1e5,width=512.")] = "",
    interval: float = 0.9,
    json: Json = False,
) -> None:
    """Predict a run from a fit, with its interval."""
    inputs = mapping(at) | {k: v for k, v in (("params", params), ("tokens", tokens)) if v}
    show(load_fit(fit).predict(interval=interval, **inputs), json)


@app.command()
def check(file: Annotated[str, typer.Argument(help="FILE.py, FILE.py:NAME or a catalogue name.")], json: Json = False) -> None:
    """Run every conformance check on a law, yours or ours. Exit code 1 if one fails."""
    from .. import laws
    from ..check import check_law
    from ..law.load import laws_in

    found = list(laws_in(file).values()) if file.endswith(".py") else [laws.get(file)]
    verdicts = [check_law(item, progress=bar("checking")) for item in found]
    if json:
        typer.echo(
            json_module.dumps([{"law": v.law, "passed": v.passed, "checks": [vars(c) for c in v.checks]} for v in verdicts])
        )
    else:
        typer.echo("\n\n".join(v.summary() for v in verdicts))
    if not all(v.passed for v in verdicts):
        raise typer.Exit(1)
