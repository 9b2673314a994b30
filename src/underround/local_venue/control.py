"""The control endpoint: the venue's page, its state as JSON, and verbs that change it.

Looking is free on loopback.  A verb needs the token that was printed at the start
(``Authorization: Bearer …``).  Requests that name another host, as a web page of somebody else's
could make a browser send, are refused.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Final

import msgspec
from aiohttp import web

from underround.local_venue.faults import read_fault
from underround.local_venue.net.http_host import json_answer
from underround.local_venue.status import Status
from underround.local_venue.world import World
from underround.model.errors import ConfigError
from underround.model.units import Nanos

_LOOPBACK: Final = frozenset(("127.0.0.1", "localhost", "[::1]"))
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; img-src data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Control:
    """The control endpoint of one venue."""

    def __init__(
        self,
        world: World,
        token: str,
        status: Callable[[Nanos], Status],
        carry_out: Callable[[bytes, Nanos], object],
    ) -> None:
        """``carry_out`` does one step of a scene, given as JSON; its result is answered.

        It raises ``ConfigError`` (or ``msgspec.ValidationError``) for a step that is wrong.
        """
        self._world = world
        self._token = token
        self._status = status
        self._carry_out = carry_out
        self._page = resources.files("underround.local_venue").joinpath("pages/status.html")
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> str:
        """Serve; returns the base URL.  ``OSError``: the port is taken."""
        application = web.Application(middlewares=[self._guard], client_max_size=1 << 20)
        application.add_routes(
            [
                web.get("/", self._index),
                web.get("/status.json", self._look),
                web.post("/faults", self._set),
                web.delete("/faults", self._clear),
                web.delete("/faults/{id}", self._clear),
                web.post("/do", self._do),
            ]
        )
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        return f"http://{host}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Serve no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _guard(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        if (request.host or "").rpartition(":")[0] not in _LOOPBACK:
            return json_answer({"error": "this endpoint answers on loopback only"}, 403)
        if request.method != "GET" and not self._known(request):
            sentence = "verbs need the token that `underround venue` printed: Authorization: Bearer"
            return json_answer({"error": sentence}, 401, {"WWW-Authenticate": "Bearer"})
        try:
            answer = await handler(request)
        except web.HTTPException as error:
            return json_answer({"error": error.reason}, error.status)
        except (ConfigError, msgspec.ValidationError, msgspec.DecodeError, ValueError) as error:
            return json_answer({"error": str(error)}, 400)
        answer.headers.update(_HEADERS)
        return answer

    def _known(self, request: web.Request) -> bool:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        return kind == "Bearer" and hmac.compare_digest(token.encode(), self._token.encode())

    async def _index(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._page.read_bytes(), content_type="text/html", charset="utf-8")

    async def _look(self, _request: web.Request) -> web.Response:
        return json_answer(self._status(self._world.act()))

    async def _set(self, request: web.Request) -> web.Response:
        fault = read_fault(await request.read())
        entry = self._world.faults.set(fault, self._world.act())
        return json_answer({"id": entry.id})

    async def _clear(self, request: web.Request) -> web.Response:
        given = request.match_info.get("id")
        if given is not None and not given.isdecimal():
            return json_answer({"error": f"{given!r} is no number of a fault"}, 400)
        cleared = self._world.faults.clear(None if given is None else int(given))
        if given is not None and not cleared:
            return json_answer({"error": f"no fault {given} is in force"}, 404)
        return json_answer({"cleared": cleared})

    async def _do(self, request: web.Request) -> web.Response:
        body = await request.read()
        return json_answer({"done": self._carry_out(body, self._world.act())})
