"""The command line: every command registers itself on import, in the order of use."""

from __future__ import annotations

import json as json_module
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from .common import Json, app

_MODULES = ("reading", "forecasting", "fitting", "planning", "reporting", "serving", "ladders", "comparing", "scoring")
for _module in (*_MODULES, "records", "literature"):
    import_module("." + _module, __package__)

__all__ = ["app"]


@app.command()
def demo(
    figure: Annotated[Path, typer.Option(help="Where the figure goes.")] = Path("forescale-demo.html"), json: Json = False
) -> None:
    """Fit the shipped study, predict its held-out runs, then look; plan for ten times the compute."""
    import sys

    from .demo import run_demo

    result = run_demo(figure, sys.stderr if json else None)
    if json:
        typer.echo(json_module.dumps(result))
