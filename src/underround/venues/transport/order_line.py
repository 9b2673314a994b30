"""The order path's line to one host: a few warm HTTP/1.1 connections and nothing else.

An order request is small, goes to one host and cannot wait for a handshake.  The line therefore
opens its connections before they are needed, replaces those that end or were idle for long, and
writes a request as one piece, head and body, in the first step of ``send``.  A connection carries
one request at a time; who finds none free waits in turn.

What was not written was not sent: until then another connection may be used, and failures are
``Unreachable``.  From the write on nothing is sent again: a failure makes a write
``OutcomeUnknown`` and a read ``Unreachable``, and the connection is dropped.  A host that closes a
connection at the very moment a request leaves cannot be told from one that acted on it.

Redirects are not followed, cookies not kept, proxies not spoken to, compression not asked for.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Final, NoReturn, Self

from underround.model.errors import AnswerRefused, OutcomeUnknown, Unreachable
from underround.venues.streams.backoff import BackoffRules
from underround.venues.transport.connection import BrokenError, TooLongError, open_connection
from underround.venues.transport.head import Heads, site_of
from underround.venues.transport.http import Reply, host_of
from underround.venues.transport.warm_connections import (
    NoConnectionError,
    Open,
    WarmConnections,
    WarmRules,
)

_NO_HEADERS: Final[Mapping[str, str]] = {}


class OrderLine:
    """``HttpTransport`` over warm connections of its own; an async context manager.

    The contract of ``send`` is ``HttpTransport``'s; besides it raises ``ConfigError`` for a header
    value with line ends or the like, and ``Bug`` for a request that cannot be written.
    """

    def __init__(
        self,
        base_url: str,
        *,
        connections: int = 2,
        timeout_ms: int = 10_000,
        max_idle_ms: int = 45_000,
        max_body_bytes: int = 64 << 20,
        tls: ssl.SSLContext | None = None,
        backoff: BackoffRules | None = None,
        rng: random.Random | None = None,
        connect: Open = open_connection,
    ) -> None:
        """Speak to ``base_url``: scheme, host and, if need be, a path prefix.

        ``timeout_ms`` bounds a request; half of it may pass until there is a free connection.
        ``max_idle_ms``: a connection that carried nothing for so long is replaced by a fresh one,
        and used until that is open.  ``tls`` replaces the system's trust store; ``rng`` jitters the
        pauses between tries to connect.  Raises ``ConfigError`` for what is no address.
        """
        site = site_of(base_url)
        self.host = host_of(base_url)
        """What errors name: a path of the base address may be somebody's key."""
        self._heads = Heads(site)
        self._timeout_ms = timeout_ms
        self._timeout_s = timeout_ms / 1_000
        self._max_body_bytes = max_body_bytes
        rules = WarmRules(
            connections=connections,
            open_s=self._timeout_s / 2,
            max_idle_s=max_idle_ms / 1_000,
            max_body_bytes=max_body_bytes,
            backoff=backoff or BackoffRules(),
        )
        context = (tls or _trusting_the_system()) if site.tls else None
        self._warm = WarmConnections(site, context, rules, rng or random.Random(), connect)

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def open(self) -> None:
        """Begin to open the connections, without waiting for them; ``send`` does it too."""
        self._warm.open()

    async def close(self) -> None:
        """Close the connections; requests under way end as if they broke.

        The line may be used again.
        """
        await self._warm.close()

    async def send(
        self,
        method: str,
        target: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
        write: bool = False,
    ) -> Reply:
        """Send one request, once; see ``HttpTransport``."""
        request = self._heads.request(method, target, headers, body)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        connection = self._warm.ready()
        if connection is None:
            try:
                connection = await self._warm.take(begun + self._timeout_s / 2)
            except NoConnectionError as error:
                told = f"{self._place(method, target)}: no connection ({error})"
                raise Unreachable(f"{told}: check network and host") from None
        answer = connection.ask(request)
        timer = loop.call_at(begun + self._timeout_s, connection.expire)
        try:
            return await answer
        except (BrokenError, TooLongError, TimeoutError) as error:
            self._tell(self._place(method, target), error, write)
        finally:
            timer.cancel()
            self._warm.release(connection)  # which drops it unless the whole answer has come

    def _place(self, method: str, target: str) -> str:
        return f"{method} {self.host}{target.partition('?')[0]}"

    def _tell(self, place: str, error: Exception, write: bool) -> NoReturn:
        """Raise what a failure after the write means."""
        if isinstance(error, TooLongError):
            told = f"{place}: an answer of more than {self._max_body_bytes} bytes"
            if not write:
                raise AnswerRefused(f"{told}: ask for less") from None
        elif isinstance(error, BrokenError):
            told = f"{place}: the connection broke ({error})"
        else:
            told = f"{place}: no answer within {self._timeout_ms} ms"
        if write:
            raise OutcomeUnknown(
                f"{told}: it may have been executed; look it up, never resend"
            ) from None
        raise Unreachable(f"{told}: try again") from None


def _trusting_the_system() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
