"""The control endpoint: the venue's page, its state as JSON, and verbs that change it.

Looking is free on loopback.  A verb needs the token that was printed at the start
(``Authorization: Bearer …``).  Requests that name another host, as a web page of somebody else's
could make a browser send, are refused.
"""

from __future__ import annotations

import hmac
import logging
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable
from hashlib import sha256
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
_LOG: Final = logging.getLogger(__name__)
_PARTS: Final = re.compile(rb"<(style|script)>(.*?)</\1>", re.DOTALL)
_NOTHING: Final = "default-src 'none'; frame-ancestors 'none'"
_HEADERS: Final = {
    "Content-Security-Policy": _NOTHING,
    "Cross-Origin-Resource-Policy": "same-origin",
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
        page = resources.files("underround.local_venue").joinpath("pages/status.html")
        self._page = page.read_bytes()
        self._policy = _policy(self._page)
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> str:
        """Serve; returns the base URL.  ``OSError``: the port is taken."""
        application = web.Application(middlewares=[self._guard], client_max_size=1 << 20)
        application.on_response_prepare.append(_head)
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
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await runner.setup()
        self._runner = runner
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError:
            await self.stop()
            raise
        return f"http://{host}:{runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Serve no more; does nothing when not started."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

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
            return await handler(request)
        except web.HTTPException as error:
            return json_answer({"error": error.reason}, error.status)
        except (ConfigError, msgspec.ValidationError, msgspec.DecodeError, ValueError) as error:
            return json_answer({"error": str(error)}, 400)
        except Exception:  # noqa: BLE001 - whoever asked is told that it was not his mistake
            _LOG.exception("%s %s ended in an error", request.method, request.path)
            return json_answer({"error": "the venue made a mistake: see what it logged"}, 500)

    def _known(self, request: web.Request) -> bool:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        return kind == "Bearer" and hmac.compare_digest(token.encode(), self._token.encode())

    async def _index(self, _request: web.Request) -> web.Response:
        return web.Response(
            body=self._page,
            content_type="text/html",
            charset="utf-8",
            headers={"Content-Security-Policy": self._policy},
        )

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


def _policy(page: bytes) -> str:
    """Return what the page may do: its own style and script, and asking where it came from."""
    allowed = [
        f"{kind.decode()}-src 'sha256-{b64encode(sha256(text).digest()).decode()}'"
        for kind, text in _PARTS.findall(page)
    ]
    return "; ".join([_NOTHING, *allowed, "connect-src 'self'", "img-src data:"])


async def _head(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.pop("Server", None)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
