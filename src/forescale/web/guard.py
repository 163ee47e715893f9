"""Who may speak to the app: this machine alone, with the token, and not at any length."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

HOSTS = ("127.0.0.1", "localhost")
LARGEST = 64 * 2**20  # bytes of a request
COOKIE = "forescale"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)  # plotly writes its own style element
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
Message = MutableMapping[str, Any]
Asgi = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


class TooLarge(Exception):
    """The body is longer than LARGEST."""


def problem(status: int, text: str) -> JSONResponse:
    return JSONResponse({"error": text}, status)


class Guard:
    """ASGI middleware. The link with ?token= sets a cookie and sends the browser on; /api needs the cookie or a bearer token.

    A foreign Host (a name rebound to this machine) and a foreign Origin are refused, so no other page can use the cookie.
    """

    def __init__(self, app: Asgi, token: str, largest: int = LARGEST):
        self.app, self.token, self.largest = app, token, largest

    async def __call__(self, scope: Message, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        refused = self._refuse(Request(scope))
        if refused is not None:
            return await refused(scope, receive, _sealed(send))
        try:
            await self.app(scope, self._counted(receive), _sealed(send))
        except TooLarge:
            await problem(413, f"more than {self.largest // 2**20} MiB were sent")(scope, receive, _sealed(send))

    def _refuse(self, request: Request) -> Response | None:
        host = request.headers.get("host", "")
        if host.rsplit(":", 1)[0] not in HOSTS:
            return problem(421, "this app answers on 127.0.0.1 alone")
        given = request.query_params.get("token")
        if request.url.path == "/" and given is not None:
            if not self._right(given):
                return problem(401, "this token is not the one that forescale app printed")
            entered = RedirectResponse("/", 303)
            entered.set_cookie(_cookie(request), self.token, httponly=True, samesite="strict", path="/")
            return entered
        if not request.url.path.startswith("/api"):
            return None
        origin = request.headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return problem(403, "another page may not ask this app")
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not (self._right(bearer) or self._right(request.cookies.get(_cookie(request), ""))):
            return problem(401, "open the link that forescale app printed, or send its token as Authorization: Bearer")
        length = request.headers.get("content-length", "0")
        if length.isdigit() and int(length) > self.largest:
            return problem(413, f"{int(length) / 2**20:.1f} MiB is more than the {self.largest // 2**20} MiB that are read")
        return None

    def _right(self, token: str) -> bool:
        return hmac.compare_digest(token.encode("utf-8", "replace"), self.token.encode())

    def _counted(self, receive: Callable) -> Callable:
        """A body that gives no length, or a false one, is cut off all the same."""
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.largest:
                raise TooLarge
            return message

        return counted


def _cookie(request: Request) -> str:
    """Cookies know no ports: two apps on one machine must not overwrite each other's."""
    return f"{COOKIE}_{request.url.port or 80}"


def _sealed(send: Callable) -> Callable:
    async def sealed(message: Message) -> None:
        if message["type"] == "http.response.start":
            have = {k for k, _ in message["headers"]}
            extra = [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in have]
            message["headers"] = [*message["headers"], *extra]
        await send(message)

    return sealed
