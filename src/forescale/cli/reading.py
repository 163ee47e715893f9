"""read: from a folder of training logs to a table of runs."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .common import Json, app, bar, mapping


@app.command()
def read(
    place: Annotated[Path, typer.Argument(help="A folder of logs, or one log: W&B, MLflow, TensorBoard, Trainer, lm-eval ...")],
    map: Annotated[str, typer.Option("--map", help="Where a quantity is: loss=eval/loss,params=model.n_params,tokens=20B.")] = "",
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the table of runs as Parquet or CSV.")] = None,
    finished: Annotated[bool, typer.Option("--finished", help="Leave out runs that are known to be incomplete.")] = False,
    json: Json = False,
) -> None:
    """Recognise training logs, show what was found in them and what is missing, and write one row for each run."""
    from ..runs.logs import scan, tidy

    logs = scan(place, bar("reading"))
    kept = [log for log in logs if log.finished is not False] if finished else logs
    if not kept:
        raise InputError(f"all {len(logs)} runs under {place} are incomplete")
    found = tidy(kept, mapping(map))
    if out:
        table = found.to_frame()
        if not len(table):
            raise InputError("no run has params, tokens and loss: " + "; ".join(found.notes[-3:]))
        if out.suffix not in (".csv", ".parquet"):
            raise InputError(f"{out.name}: write .csv or .parquet")
        (table.write_csv if out.suffix == ".csv" else table.write_parquet)(out)
    if json:
        typer.echo(json_module.dumps(found.to_dict()))
        return
    typer.echo(found.summary())
    if out:
        typer.echo(f"{len(table)} of {len(logs)} runs written to {out}")
