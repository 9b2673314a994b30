"""One HTTP host of a venue: routes on a loopback port, and what goes wrong with requests."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from email.utils import formatdate
from http import HTTPStatus
from typing import Final, TypeAlias

import msgspec
from aiohttp import web

from underround.local_venue.faults import Answer, Host, HttpFault, Kind, Slow, Swallow
from underround.local_venue.net.later import pause
from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_MS
from underround.model.units import Nanos

FaultAnswer: TypeAlias = Callable[[Answer], web.Response]
"""Says in the venue's own words that a request failed."""
_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

_LOG: Final = logging.getLogger(__name__)
_NOW: Final = web.RequestKey("now", int)
_ENCODE: Final = msgspec.json.Encoder().encode
_LARGEST_BODY: Final = 4 << 20
_SHUTDOWN_S: Final = 1.0


def json_answer(
    body: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return ``body`` as compact JSON; keys stay in their order."""
    answer = web.Response(body=_ENCODE(body), status=status, content_type="application/json")
    if headers:
        answer.headers.update(headers)
    return answer


def now_of(request: web.Request) -> Nanos:
    """Return the venue's time at which the request arrived, as ``World.act`` told it."""
    return request[_NOW]


def fault_answer(fault: Answer) -> web.Response:
    """Return ``{"error": reason}``; a 429 or 503 that was not carried out says when to retry."""
    hint = fault.status in {429, 503} and not fault.processed
    headers = {"Retry-After": "1"} if hint else None
    return json_answer({"error": _phrase(fault.status)}, fault.status, headers)


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in _STATUSES else f"status {status}"


_STATUSES: Final = frozenset(HTTPStatus)


class HttpHost:
    """One application on its own port.

    Before every handler the world acts, so whatever was due has happened; the handler reads the
    time by ``now_of``.  Then the faults of this host are asked.  Errors are JSON.
    """

    def __init__(
        self,
        name: Host,
        world: World,
        routes: Iterable[web.AbstractRouteDef],
        *,
        fault_answer: FaultAnswer = fault_answer,
    ) -> None:
        """``fault_answer`` writes what the ``Answer`` fault answers."""
        self.name: Host = name
        self.answered = 0
        """Requests so far, whatever became of them."""
        self._world = world
        self._fault_answer = fault_answer
        self._runner: web.AppRunner | None = None
        self._routes = tuple(routes)

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> str:
        """Serve; returns the base URL without a slash at the end.  ``OSError``: port taken."""
        application = web.Application(middlewares=[self._serve], client_max_size=_LARGEST_BODY)
        application.add_routes(self._routes)
        application.on_response_prepare.append(self._head)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_S)
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

    async def _head(self, _request: web.Request, response: web.StreamResponse) -> None:
        """Tell the venue's time, which ``Skew`` may falsify, and not what serves it."""
        now = self._world.clock.now()
        told = now + self._world.faults.skew_ns(now)
        response.headers["Date"] = formatdate(told / 1e9, usegmt=True)
        response.headers.pop("Server", None)

    @web.middleware
    async def _serve(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        now = self._world.act()
        request[_NOW] = now
        self.answered += 1
        if self._world.faults.none:
            return await _answered(request, handler)
        fault = self._strikes(Answer, request, now)
        if fault is not None:
            if fault.processed:
                await _answered(request, handler)
            return self._fault_answer(fault)
        swallow = self._strikes(Swallow, request, now)
        slow = self._strikes(Slow, request, now) if swallow is None else None
        answer = await _answered(request, handler)
        if swallow is not None:
            await self._wait(swallow.after_ms, now)
            if request.transport is not None:
                request.transport.abort()
        if slow is not None:
            await self._wait(slow.ms, now)
        return answer

    def _strikes(self, kind: type[Kind], request: web.Request, now: Nanos) -> Kind | None:
        return self._world.faults.strikes(kind, now, lambda fault: self._is_about(fault, request))

    def _is_about(self, fault: object, request: web.Request) -> bool:
        return (
            isinstance(fault, HttpFault)
            and fault.host == self.name
            and fault.method.upper() in {"", request.method}
            and request.path.startswith(fault.path)
        )

    async def _wait(self, ms: int, now: Nanos) -> None:
        if ms:
            await pause(self._world, now + ms * NANOS_PER_MS)


async def _answered(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Return the handler's answer, or the error it ended in as JSON."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        kept = error.headers.copy()
        kept.pop("Content-Type", None)
        kept.pop("Content-Length", None)
        return json_answer({"error": error.reason}, error.status, kept)
    except Exception:  # noqa: BLE001 - a venue answers 500 whatever its own mistake was
        _LOG.exception("%s %s ended in an error", request.method, request.path)
        return json_answer({"error": "Internal server error"}, 500)
