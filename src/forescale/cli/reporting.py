"""report: everything about a table of runs in one file that opens anywhere."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from .common import DropBad, Map, RunsFile, app, bar, mapping


@app.command()
def report(
    runs: RunsFile,
    out: Annotated[Path, typer.Option("-o", "--out", help="The HTML file to write.")] = Path("report.html"),
    law: Annotated[str, typer.Option(help="Catalogue name of a law in params and tokens.")] = "chinchilla",
    flops: Annotated[str | None, typer.Option(help="Budget of the plan; default: ten times the largest run.")] = None,
    at: Annotated[str, typer.Option("--at", help="Target of the forecast: params=7B,tokens=140B; default: the plan's.")] = "",
    map: Map = "",
    drop_bad: DropBad = False,
) -> None:
    """Data, fit, forecast, plan with a slider, audit, provenance: one HTML file, no network needed to read it."""
    from ..report.document import report as write
    from ..runs import read

    table = read(runs, drop_bad=drop_bad, **mapping(map))
    command = shlex.join(["forescale", *sys.argv[1:]]) if Path(sys.argv[0]).name.startswith("forescale") else ""
    out.write_text(write(table, law=law, flops=flops, at=mapping(at) or None, command=command, progress=bar("report")))
    typer.echo(f"{out} ({out.stat().st_size / 1e6:.1f} MB, self-contained)")
