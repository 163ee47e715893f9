"""report, figure: everything about a table of runs in one file, or one picture of it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from .common import DropBad, KeepOdd, LawName, Map, Role, RunsFile, app, bar, mapping, runs_of


@app.command()
def report(
    runs: RunsFile,
    out: Annotated[Path, typer.Option("-o", "--out", help="The HTML file to write.")] = Path("report.html"),
    law: Annotated[str, typer.Option(help="Catalogue name of a law in params and tokens.")] = "chinchilla",
    flops: Annotated[str | None, typer.Option(help="Budget of the plan; default: ten times the largest run.")] = None,
    at: Annotated[str, typer.Option("--at", help="Target of the forecast: params=7B,tokens=140B; default: the plan's.")] = "",
    map: Map = "",
    drop_bad: DropBad = False,
    keep_odd: KeepOdd = False,
) -> None:
    """Data, fit, forecast, plan with a slider, audit, provenance: one HTML file, no network needed to read it."""
    from ..report.document import report as write

    table = runs_of(runs, map, drop_bad=drop_bad)
    command = shlex.join(["forescale", *sys.argv[1:]]) if Path(sys.argv[0]).name.startswith("forescale") else ""
    target = mapping(at) or None
    text = write(table, law=law, flops=flops, at=target, keep_odd=keep_odd, command=command, progress=bar("report"))
    out.write_text(text)
    typer.echo(f"{out} ({out.stat().st_size / 1e6:.1f} MB, self-contained)")


@app.command()
def figure(
    runs: RunsFile,
    out: Annotated[Path, typer.Option("-o", "--out", help="The file: .html, .json, .svg, .pdf or .png.")] = Path("figure.html"),
    kind: Annotated[str, typer.Option(help="fit, residuals, excess (L - E), valleys or frontier.")] = "fit",
    law: LawName = "chinchilla",
    by: Annotated[str, typer.Option(help="Axis of the residuals: flops or an input of the law.")] = "flops",
    role: Role = "",
    map: Map = "",
    drop_bad: DropBad = False,
) -> None:
    """One figure of a table of runs, for a browser or a paper."""
    from .. import laws
    from ..errors import one_of
    from ..fit import fit
    from ..plan import approaches
    from ..report import plot
    from ..report.canvas import write

    table = runs_of(runs, map, role, drop_bad)
    kinds = {
        "fit": lambda: plot(fit(laws.get(law), table), table),
        "residuals": lambda: plot(fit(laws.get(law), table), table, kind="residuals", by=by),
        "excess": lambda: plot(fit(laws.get(law), table), table, kind="excess"),
        "valleys": lambda: plot(approaches(table), table),
        "frontier": lambda: plot(table),
    }
    if kind not in kinds:
        raise one_of("kind of figure", kind, kinds)
    typer.echo(write(kinds[kind](), out))
    for warning in table.warnings:
        typer.echo(f"warning: {warning}", err=True)
