"""Long reading beside the event loop: parsing in a thread, requests on the caller's loop.

A page of a catalogue holds a hundred rows (Gamma) to a thousand (Kalshi), read and proven one by
one: an event loop would stand still meanwhile, a quarter of a second for a thousand.  Here the
client runs on a loop of its own in a thread; only what it sends is sent by the caller's loop, whose
connections and rate budget it shares.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, TypeVar

from underround.venues.transport.budget import Spender
from underround.venues.transport.http import HttpTransport, Reply

T = TypeVar("T")
_NO_HEADERS: Final[Mapping[str, str]] = {}


class _Turns:
    """What the thread has asked of the caller's loop and not been given yet."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._open: set[concurrent.futures.Future[Any]] = set()
        self._over = False

    async def take(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what ``work`` returns on the caller's loop; called in the thread."""
        with self._lock:
            if self._over:
                work.close()
                raise asyncio.CancelledError
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
            self._open.add(future)
        try:
            return await asyncio.wrap_future(future)
        finally:
            with self._lock:
                self._open.discard(future)

    def end(self) -> None:
        """Cancel what is open and everything that follows; called on the caller's loop."""
        with self._lock:
            self._over = True
            still_open = tuple(self._open)
        for future in still_open:
            future.cancel()


class _Transport:
    def __init__(self, transport: HttpTransport, turns: _Turns) -> None:
        self._transport = transport
        self._turns = turns

    async def send(
        self,
        method: str,
        target: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
        write: bool = False,
    ) -> Reply:
        """Send one request over the caller's connections (see ``HttpTransport``)."""
        return await self._turns.take(
            self._transport.send(method, target, body=body, headers=headers, write=write)
        )


class _Spender:
    def __init__(self, budget: Spender, turns: _Turns) -> None:
        self._budget = budget
        self._turns = turns

    async def spend(self, group: str, cost: int = 1) -> None:
        """Spend from the caller's budget."""
        await self._turns.take(self._budget.spend(group, cost))


async def aside(
    transport: HttpTransport,
    budget: Spender,
    work: Callable[[HttpTransport, Spender], Coroutine[Any, Any, T]],
) -> T:
    """Return what ``work`` returns, run in a thread; raises what it raises.

    ``work`` may use nothing of the caller's loop but the transport and the budget it is given.
    When the caller is cancelled the thread ends with its next request.
    """
    turns = _Turns(asyncio.get_running_loop())
    shared = work(_Transport(transport, turns), _Spender(budget, turns))
    thread = asyncio.ensure_future(asyncio.to_thread(asyncio.run, shared))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        turns.end()
        await asyncio.gather(thread, return_exceptions=True)
        raise
