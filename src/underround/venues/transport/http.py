"""One warm HTTP session per host, which knows what a failure means for a write.

A failure before anything could have left us is ``Unreachable``.  Any later one makes a write
``OutcomeUnknown``: the venue may have acted.  A write is sent once, whatever its method; a read
that meets a connection which the venue had closed meanwhile may be sent once more.  Nothing here
reads a status: what an answer means is the venue's own table (``refusals`` of each venue folder).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Final, Protocol, Self
from urllib.parse import urlsplit

import aiohttp
import msgspec
from yarl import URL

from underround import __version__
from underround.model.errors import AnswerRefused, ConfigError, OutcomeUnknown, Unreachable
from underround.venues.transport.failures import failure_words

USER_AGENT: Final = f"underround/{__version__}"
"""Polymarket's CDN refuses the default agents of HTTP libraries."""
_NO_HEADERS: Final[Mapping[str, str]] = {}


class Reply(msgspec.Struct, frozen=True):
    """What came back, uninterpreted."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class HttpTransport(Protocol):
    """What a venue's client needs of HTTP."""

    async def send(
        self,
        method: str,
        target: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
        write: bool = False,
    ) -> Reply:
        """Send one request; ``target`` is path and query exactly as they go on the wire.

        Raises ``Unreachable`` when nothing was sent (or a read failed), ``OutcomeUnknown`` when a
        ``write`` may have reached the venue.
        """


class _TooLongError(Exception):
    """An answer is larger than anything the venue should say."""


class _BrokenError(aiohttp.ClientError):
    """The connection broke after something may have been sent; says why in our own words."""


async def _sent_once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a DELETE or PUT again when the connection breaks (RFC 9112 may)."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _BrokenError(failure_words(error)) from None


async def _sent_anew(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Send a read again, once, if its kept connection was closed before a byte of it left."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectionResetError:  # aiohttp would send it again after other errors
        return await handler(request)


def host_of(base_url: str, schemes: Collection[str] = ("http", "https")) -> str:
    """Return scheme, host and port of an address: what may be shown of it.

    Raises ``ConfigError``, without repeating the address, when it has none.
    """
    scheme, host, port = "", None, None
    with suppress(ValueError):
        parts = urlsplit(base_url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    if scheme not in schemes or not host:
        forms = ", ".join(f"{each}://" for each in schemes)
        raise ConfigError(
            f"a base address begins with one of {forms} and names a host; what is there is not "
            "shown, because it may hold a key: correct it"
        )
    named = f"[{host}]" if ":" in host else host
    return f"{scheme}://{named}" + (f":{port}" if port else "")


class HttpClient:
    """``HttpTransport`` over aiohttp; an async context manager."""

    def __init__(
        self, base_url: str, *, timeout_ms: int = 10_000, max_body_bytes: int = 64 << 20
    ) -> None:
        """Speak to ``base_url`` (scheme, host and, if need be, a path prefix); connect lazily.

        Half of ``timeout_ms`` may pass until there is a connection.  Raises ``ConfigError`` for
        what is no address.
        """
        self._base_url = base_url.rstrip("/")
        self.host = host_of(base_url)
        """What errors name: a path or user of the base address may be somebody's key."""
        seconds = timeout_ms / 1_000
        self._timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=seconds / 2)
        self._timeout_ms = timeout_ms
        self._max_body_bytes = max_body_bytes
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; the client may be used again."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(
        self,
        method: str,
        target: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
        write: bool = False,
    ) -> Reply:
        """Send one request, see ``HttpTransport``."""
        place = f"{method} {self.host}{target.partition('?')[0]}"
        content = {"Content-Type": "application/json"} if body is not None else {}
        try:
            async with self._warm().request(
                method,
                URL(self._base_url + target, encoded=True),
                data=body,
                headers={**content, **headers},
                allow_redirects=False,
                middlewares=(_sent_once if write else _sent_anew,),
            ) as response:
                received = await self._read(response)
                names = {name.lower(): value for name, value in response.headers.items()}
                return Reply(response.status, names, received)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            told = f"{place}: no connection ({failure_words(error)})"
            raise Unreachable(f"{told}: check network and host") from None
        except (aiohttp.InvalidURL, ValueError):
            raise ConfigError(f"{self.host} is no address to speak to: correct it") from None
        except _TooLongError:
            told = f"{place}: an answer of more than {self._max_body_bytes} bytes"
            if not write:
                raise AnswerRefused(f"{told}: ask for less") from None
        except TimeoutError:
            told = f"{place}: no answer within {self._timeout_ms} ms"
        except _BrokenError as error:
            told = f"{place}: the connection broke ({error})"
        except aiohttp.ClientError as error:
            told = f"{place}: the connection broke ({failure_words(error)})"
        if write:
            raise OutcomeUnknown(f"{told}: it may have been executed; look it up, never resend")
        raise Unreachable(f"{told}: try again")

    def _warm(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout,
                headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for part in response.content.iter_any():
            size += len(part)
            if size > self._max_body_bytes:
                response.close()
                raise _TooLongError
            parts.append(part)
        return b"".join(parts)
