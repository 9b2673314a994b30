"""A few connections to one host that are open before they are needed.

Each is kept by a task of its own, which replaces it when it ends or was idle for long.  Who finds
none free waits in turn; nobody waits while there is no connection and none can be opened.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import msgspec

from underround.venues.streams.backoff import Backoff, BackoffRules
from underround.venues.transport.connection import BrokenError, HttpConnection
from underround.venues.transport.head import Site

Open: TypeAlias = Callable[[Site, ssl.SSLContext | None, int], Awaitable[HttpConnection]]
"""Opens a connection with a limit for bodies; raises ``OSError``."""
_LOOKS: Final = 4
"""Rounds of the loop in which what arrived on a free connection has to be read: two are enough."""


class NoConnectionError(Exception):
    """There is no connection to be had; nothing was sent."""


class WarmRules(msgspec.Struct, frozen=True, kw_only=True):
    """How many connections, and how long they last."""

    connections: int
    open_s: float
    """Most time until a connection is open."""
    max_idle_s: float
    max_body_bytes: int
    backoff: BackoffRules


class WarmConnections:
    """The open connections of one host."""

    def __init__(
        self,
        site: Site,
        tls: ssl.SSLContext | None,
        rules: WarmRules,
        rng: random.Random,
        connect: Open,
    ) -> None:
        self._site = site
        self._tls = tls
        self._rules = rules
        self._rng = rng
        self._connect = connect
        self._keepers: list[asyncio.Task[None]] = []
        self._live: set[HttpConnection] = set()
        self._idle: list[HttpConnection] = []
        self._waiting: deque[asyncio.Future[HttpConnection]] = deque()
        self._paused: list[asyncio.Future[None]] = []

    def open(self) -> None:
        """Begin to open the connections, without waiting for them."""
        if not self._keepers:
            count = range(self._rules.connections)
            self._keepers = [asyncio.create_task(self._keep()) for _ in count]

    async def close(self) -> None:
        """Close them all; requests under way end as if they broke.  May be opened again."""
        keepers, self._keepers = self._keepers, []
        for keeper in keepers:
            keeper.cancel()
        self._refuse_waiting("the line was closed")
        over = [connection.over for connection in self._live]
        for connection in list(self._live):
            connection.fail(BrokenError("the line was closed"))
        self._idle.clear()
        ends = await asyncio.gather(*keepers, *over, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    # --- who gets which connection -------------------------------------------------------------

    def ready(self) -> HttpConnection | None:
        """Return a free connection that is fit for use, the last used first."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            self.release(connection)
        return None

    async def take(self, until: float) -> HttpConnection:
        """Return the next connection that is free, in turn; raises ``NoConnectionError``."""
        self.open()
        for _ in range(self._rules.connections + 1):
            connection = await self._turn(until)
            if connection.usable:
                return connection
            self.release(connection)
        raise NoConnectionError("the host closes connections at once")

    async def _turn(self, until: float) -> HttpConnection:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[HttpConnection] = loop.create_future()
        self._waiting.append(turn)
        self._wake()
        timer = loop.call_at(until, _give_up, turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.release(turn.result())
            raise
        finally:
            timer.cancel()

    def release(self, connection: HttpConnection, looks: int = _LOOKS) -> None:
        """Give a connection to whoever waits longest, or keep it; drop it if it is spent.

        One on which something has arrived is set aside until the loop has read it.
        """
        if not connection.free or not looks:
            connection.drop()
            return
        if not connection.usable:
            asyncio.get_running_loop().call_soon(self.release, connection, looks - 1)
            return
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        self._idle.append(connection)

    def _refuse_waiting(self, words: str) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(NoConnectionError(words))

    # --- keeping connections open --------------------------------------------------------------

    async def _keep(self) -> None:
        """Keep one connection open, always."""
        loop = asyncio.get_running_loop()
        backoff = Backoff(self._rules.backoff, self._rng)
        present: HttpConnection | None = None
        while True:
            try:
                async with asyncio.timeout(self._rules.open_s):
                    fresh = await self._connect(self._site, self._tls, self._rules.max_body_bytes)
            except OSError as error:  # TimeoutError is one
                self._in_vain(str(error) or type(error).__name__)
                backoff.failed(loop.time())
                await self._pause(backoff.not_before)
                continue
            opened = loop.time()
            self._admit(fresh)
            if present is not None:
                self._retire(present)
            present = fresh
            await self._worn_out(fresh)
            if fresh.answered or loop.time() - opened >= self._rules.backoff.settled_ms / 1_000:
                backoff = Backoff(self._rules.backoff, self._rng)
                continue
            if not fresh.asked:
                self._in_vain("the host ends connections at once")
            backoff.failed(loop.time())
            await self._pause(backoff.not_before)

    def _in_vain(self, words: str) -> None:
        """A try to connect failed: unless another connection lives, nobody is left to wait."""
        if not self._lives():
            self._refuse_waiting(words)

    def _lives(self) -> bool:
        return any(connection.reusable for connection in self._live)

    def _admit(self, connection: HttpConnection) -> None:
        self._live.add(connection)
        connection.over.add_done_callback(lambda _: self._forget(connection))
        self.release(connection)

    def _forget(self, connection: HttpConnection) -> None:
        self._live.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def _retire(self, connection: HttpConnection) -> None:
        """Let a connection go: now if it is free, else after its answer."""
        connection.reusable = False
        if connection in self._idle:
            self._idle.remove(connection)
            connection.drop()

    async def _worn_out(self, connection: HttpConnection) -> None:
        """Wait until a connection has ended or was idle for too long."""
        loop = asyncio.get_running_loop()
        while not connection.over.done():
            since = loop.time() if connection.busy else connection.idle_since
            left = since + self._rules.max_idle_s - loop.time()
            if left <= 0:
                return
            await asyncio.wait((connection.over,), timeout=left)

    async def _pause(self, until: float) -> None:
        """Wait before the next try, unless someone wants a connection and there is none."""
        if self._waiting and not self._lives():
            return
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        self._paused.append(woken)
        try:
            await asyncio.wait((woken,), timeout=max(0.0, until - loop.time()))
        finally:
            self._paused.remove(woken)

    def _wake(self) -> None:
        """Let one pausing keeper try at once."""
        for woken in self._paused:
            if not woken.done():
                woken.set_result(None)
                return


def _give_up(turn: asyncio.Future[HttpConnection]) -> None:
    if not turn.done():
        turn.set_exception(NoConnectionError("none was free in time"))
