"""The app: the API behind its guard, the page and its files, served on 127.0.0.1."""

from __future__ import annotations

import secrets
import threading
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from .. import __version__, laws
from ..errors import ForescaleError
from ..report.canvas import plotly_js
from .api import Desk, routes
from .guard import Guard, problem
from .tables import Data, Tables

PAGE = {"/": ("index.html", "text/html"), "/app.js": ("app.js", "text/javascript"), "/app.css": ("app.css", "text/css")}
DAY = "private, max-age=86400"


def build(token: str, folder: Path) -> FastAPI:
    """The ASGI application; uploads are kept under `folder`. The API's description is at /api/openapi.json."""
    app = FastAPI(title="forescale", version=__version__, docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    app.add_middleware(Guard, token=token)
    app.add_exception_handler(ForescaleError, lambda request, error: problem(400, str(error)))
    app.add_exception_handler(RequestValidationError, _misfit)
    app.state.desk = Desk(Tables(folder))
    app.include_router(routes(app.state.desk))
    for path in PAGE:
        app.add_api_route(path, _file(path), include_in_schema=False)
    app.add_api_route("/plotly.js", _plotly(), include_in_schema=False)
    return app


def _misfit(request: Request, error: Any) -> Response:
    first = error.errors()[0]
    return problem(422, f"{'.'.join(str(p) for p in first['loc'])}: {first['msg']}")


def _file(path: str) -> Any:
    name, kind = PAGE[path]
    raw = (files(__package__) / "static" / name).read_bytes()
    return lambda: Response(raw, media_type=kind, headers={"cache-control": "no-cache"})


def _plotly() -> Any:
    """plotly.js as the package carries it: nothing is fetched from elsewhere."""
    raw = plotly_js().encode()
    return lambda: Response(raw, media_type="text/javascript", headers={"cache-control": DAY})


def uploads() -> Path:
    """Where uploads stay, in the user's cache, so that a link works again after a restart."""
    from platformdirs import user_cache_path

    return user_cache_path("forescale") / "uploads"


def warm(desk: Desk) -> None:
    """Do the page's first work once before it is asked for: most of that time is importing."""
    from ..report import plot

    shipped = Data(study="stdlib", role="fit")
    plot(desk.fit(shipped, "chinchilla"), desk.runs(shipped))
    laws.every()


def serve(port: int = 0, folder: Path | None = None, say: Any = print) -> None:
    """Serve on 127.0.0.1 until interrupted; `port` 0 takes a free one. `say` is given the link with its token."""
    import socket

    import uvicorn

    token = secrets.token_urlsafe(32)
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with listening:
        listening.bind(("127.0.0.1", port))
        listening.listen()  # before the link is said: a browser that is faster than the server waits instead of failing
        say(f"http://127.0.0.1:{listening.getsockname()[1]}/?token={token}")
        app = build(token, folder or uploads())
        config = uvicorn.Config(app, log_level="warning", server_header=False)
        threading.Thread(target=warm, args=(app.state.desk,), daemon=True).start()
        uvicorn.Server(config).run(sockets=[listening])
