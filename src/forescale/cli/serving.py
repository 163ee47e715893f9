"""app: the workbench in a browser, on this machine alone."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import InputError
from .common import app


@app.command(name="app")
def workbench(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 8765,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
) -> None:
    """Drop a table of runs into a page, see the fit, drag the budget, compare, export. Nothing leaves this machine."""
    try:
        from ..web.server import serve
    except ImportError as error:
        raise InputError(f"the app needs more packages ({error.name}): pip install 'forescale[app]'") from error

    def say(link: str) -> None:
        typer.echo(f"{link}\nCtrl-C ends it. The link works on this machine alone.")
        if open_browser:
            typer.launch(_door(link))

    try:
        serve(port, say=say)
    except OSError as error:
        raise InputError(
            f"port {port} cannot be used ({error.strerror}); give another with --port, or 0 for a free one"
        ) from error


def _door(link: str) -> str:
    """A file of the user's own that leads to the link: on a command line the token would show to everyone on this machine."""
    import atexit
    import os
    import tempfile

    handle, path = tempfile.mkstemp(suffix=".html", prefix="forescale-")
    with os.fdopen(handle, "w") as file:
        file.write(f'<!doctype html><meta http-equiv="refresh" content="0;url={link}"><a href="{link}">forescale</a>')
    atexit.register(lambda: os.path.exists(path) and os.remove(path))
    return path
