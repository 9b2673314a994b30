"""An HTTP host on loopback that answers as told and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import msgspec
from aiohttp import web


class Asked(msgspec.Struct, frozen=True):
    """One request as it arrived; ``target`` is path and query exactly as on the wire."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path without the query."""
        return self.target.partition("?")[0]


class Answer(msgspec.Struct, frozen=True):
    """What to answer."""

    body: bytes = b"{}"
    status: int = 200
    headers: Mapping[str, str] = {}
    hang_up: bool = False
    """Close the connection instead of answering, after the request was read."""
    never: bool = False
    """Never answer."""


Script: TypeAlias = Mapping[str, Answer | list[Answer] | Callable[[Asked], Answer]]
"""``"GET /book"`` → what to answer: always the same, one after the other (the last one stays), or
as a function says.  A path without an entry is answered with 404."""


class ScriptedHost:
    """The running host."""

    def __init__(self, url: str, asked: list[Asked]) -> None:
        self.url = url
        self.asked = asked

    def of(self, path: str) -> list[Asked]:
        """Return the requests of one path, in order."""
        return [request for request in self.asked if request.path == path]


@asynccontextmanager
async def scripted_host(script: Script) -> AsyncIterator[ScriptedHost]:
    """Serve ``script`` on a free loopback port."""
    asked: list[Asked] = []
    turns: dict[str, int] = {}
    over = asyncio.Event()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        each = Asked(request.method, request.raw_path, headers, await request.read())
        asked.append(each)
        answer = _answer(script, turns, each)
        if answer.never:
            await over.wait()
        if answer.hang_up:
            assert request.transport is not None
            request.transport.abort()
        kind = {"Content-Type": "application/json"}
        return web.Response(
            body=answer.body, status=answer.status, headers={**kind, **answer.headers}
        )

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield ScriptedHost(f"http://127.0.0.1:{port}", asked)
    finally:
        over.set()
        await runner.cleanup()


def _answer(script: Script, turns: dict[str, int], asked: Asked) -> Answer:
    key = f"{asked.method} {asked.path}"
    found = script.get(key)
    if found is None:
        return Answer(b'{"error":"not found"}', 404)
    if callable(found):
        return found(asked)
    if isinstance(found, list):
        turn = turns.get(key, 0)
        turns[key] = turn + 1
        return found[min(turn, len(found) - 1)]
    return found


def sample(shared: Path, name: str) -> bytes:
    """Return the bytes of one of the venues' samples, e.g. ``kalshi/rest_errors.json``."""
    return (shared / "venues" / "samples" / name).read_bytes()
