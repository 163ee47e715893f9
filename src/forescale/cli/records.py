"""laws, studies, ladder: what the package carries."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from .common import Json, app

laws_app = typer.Typer(no_args_is_help=True, help="The catalogue of laws.")
studies_app = typer.Typer(no_args_is_help=True, help="Published studies.")
ladder_app = typer.Typer(no_args_is_help=True, help="Train the small runs (needs the extra: torch).")
app.add_typer(laws_app, name="laws")
app.add_typer(studies_app, name="studies")
app.add_typer(ladder_app, name="ladder")


@laws_app.command("list")
def laws_list(json: Json = False) -> None:
    """Every law that ships."""
    from .. import laws

    items = [{"name": i.name, "inputs": list(i.inputs), "doc": i.doc, "source": i.source.ref} for i in laws.every()]
    if json:
        typer.echo(json_module.dumps(items))
    else:
        for item in items:
            typer.echo(f"{item['name']:20} {', '.join(item['inputs']):28} {item['source']:18} {item['doc']}")


@laws_app.command("show")
def laws_show(name: str, json: Json = False) -> None:
    """One law: formula, parameters, source, published values, citation."""
    from .. import laws

    item = laws.get(name)
    data = {
        "name": item.name,
        "doc": item.doc,
        "latex": item.latex,
        "inputs": list(item.inputs),
        "params": [{"name": p.name, "domain": str(p.domain), "start": p.start, "doc": p.doc} for p in item.params],
        "claims": [str(c) for c in item.claims],
        "source": vars(item.source),
        "published": [{"name": p.name, "values": dict(p.values), "where": p.where} for p in item.published],
        "bibtex": item.cite(),
    }
    if json:
        typer.echo(json_module.dumps(data))
        return
    typer.echo(f"{item.name}: {item.doc}\n  {item.latex}\n  inputs: {', '.join(item.inputs)}")
    for p in item.params:
        typer.echo(f"  {p.name:8} {p.domain!s:10} {p.doc}")
    source = item.source
    typer.echo(f"  source: {source.title}, {source.ref}, eq. {source.eq} ({source.checked})\n  counts: {source.counts}")
    for claim in item.claims:
        typer.echo(f"  claims: {claim}")
    for p in item.published:
        values = ", ".join(f"{k} {v:g}" for k, v in p.values.items())
        typer.echo(f"  published {p.name}: {values} ({p.where})")
    typer.echo(item.cite())


@studies_app.command("list")
def studies_list(json: Json = False) -> None:
    """Studies that can be loaded."""
    from .. import studies

    items = [studies.about(name) for name in studies.SHIPPED]
    if json:
        typer.echo(json_module.dumps(items))
    else:
        for item in items:
            typer.echo(f"{item['slug']:12} {item['title']} ({len(studies.load(item['slug']))} runs, {item['unit']})")


@ladder_app.command("stdlib")
def ladder_stdlib(
    folder: Annotated[Path, typer.Argument(help="Where runs.jsonl and the study are written.")] = Path("stdlib-ladder"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print every run and stop.")] = False,
    workers: int = 2,
) -> None:
    """Train the shipped study again: prints the dry run, then tunes, trains and writes it. Resumable."""
    from ..ladder.build import build, write_study
    from ..ladder.build import dry_run as planned

    runs = planned()
    for r in runs:
        typer.echo(
            f"{r.role:9} N={r.params:>9,} D={r.tokens:>11,} steps={r.steps:>5} batch={r.batch_sequences:>3} "
            f"lr={r.learning_rate:.4g} C={r.flops:.3g}"
        )
    typer.echo(f"{len(runs)} runs, {sum(r.flops for r in runs):.3g} FLOP")
    if not dry_run:
        write_study(build(folder, workers), folder)
