"""fit, predict, plan, check: a law of your choice."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InputError
from .common import Json, LawName, Map, app, bar, mapping, published, show


@app.command()
def fit(
    runs: Annotated[Path, typer.Argument(help="CSV, Parquet or JSONL table of runs.")],
    law: LawName = "chinchilla",
    map: Map = "",
    role: Annotated[str, typer.Option(help="Fit only rows with this value in the column role.")] = "",
    loss: Annotated[str, typer.Option(help="huber or squares.")] = "huber",
    residual: Annotated[str, typer.Option(help="log or plain.")] = "log",
    delta: Annotated[float, typer.Option(help="Huber threshold.")] = 1e-3,
    resamples: Annotated[int, typer.Option(min=10, help="Bootstrap refits.")] = 1000,
    seed: int = 0,
    drop_bad: Annotated[bool, typer.Option("--drop-bad", help="Leave unreadable rows out, listed.")] = False,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Write the fit as JSON.")] = None,
    json: Json = False,
) -> None:
    """Fit a law to a table of runs and show parameters with intervals."""
    from .. import laws
    from ..fit import fit as run_fit
    from ..runs import read

    table = read(runs, drop_bad=drop_bad, **mapping(map))
    table = table.role(role) if role else table
    if not len(table):
        raise InputError(f"{runs.name}: no row has role {role!r}")
    found = run_fit(laws.get(law), table, loss=loss, residual=residual, delta=delta, resamples=resamples, seed=seed, spec=law)
    if out:
        found.to_json(out)
    show(found, json)


def _load_fit(path: Path):
    from .. import laws
    from ..fit import from_dict

    if not path.is_file():
        raise InputError(f"no file {path}; write one with forescale fit RUNS -o {path}")
    try:
        data = json_module.loads(path.read_text())
        return from_dict(data, laws.get(data["law"]))
    except (json_module.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError, AttributeError) as error:
        raise InputError(f"{path.name} is no fit written by forescale ({type(error).__name__}: {error})") from error


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
    show(_load_fit(fit).predict(interval=interval, **inputs), json)


@app.command()
def plan(
    source: Annotated[str, typer.Argument(help="A fit written with -o, or with --serve also LAW:PRESET.")],
    flops: Annotated[str, typer.Option(help="Budget, such as 1e23 or '30 PF-days'.")] = "",
    serve: Annotated[
        str, typer.Option(help="Tokens to serve, such as 2T: the cheapest model of a quality, inference paid.")
    ] = "",
    params: Annotated[str, typer.Option(help="With --serve: the quality, as a compute-optimal model's size.")] = "",
    loss: Annotated[float | None, typer.Option(help="With --serve: the quality, as a loss.")] = None,
    level: float = 0.9,
    json: Json = False,
) -> None:
    """The compute-optimal model size and data under a FLOP budget; or, with --serve, the cheapest for a quality."""
    from ..plan import inference_optimal
    from ..plan import plan as run_plan

    if bool(flops) == bool(serve):
        raise InputError("give --flops for a budget, or --serve with --params or --loss for a quality")
    if flops:
        show(run_plan(_load_fit(Path(source)), flops, level), json)
        return
    if Path(source).suffix == ".json":
        item, values = _load_fit(Path(source)), None
    else:
        item, preset = published(source)
        if preset is None:
            raise InputError(f"{source} has no parameters: name a preset, such as chinchilla:besiroglu, or give a fit")
        values = preset.values
    show(inference_optimal(item, serve, params=params or None, loss=loss, values=values, level=level), json)


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
