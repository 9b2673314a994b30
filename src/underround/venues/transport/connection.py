"""One HTTP/1.1 connection: a request out in one write, its answer in.

One request at a time, and nothing is sent twice.  Whatever leaves the state of the connection in
doubt drops it: an answer that came late, was cut short or that nobody asked for can therefore never
be taken for the answer to the next request.
"""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from typing import Final, cast

import httptools

from underround.venues.transport.head import Site
from underround.venues.transport.http import Reply

MAX_HEAD_BYTES: Final = 64 << 10
"""Most bytes of an answer, interim ones included, until its headers are complete."""
_ADDRESS_S: Final = 4.0
"""Most time for one address of a host, so that a dead IPv6 route does not eat the whole try."""
_INTERIM_BELOW: Final = 200
_SWITCHING: Final = 101


class BrokenError(Exception):
    """The connection broke, or what came is no answer; something may have been sent."""


class TooLongError(Exception):
    """An answer is larger than anything the venue should say."""


class HttpConnection(asyncio.Protocol):
    """An open connection, made by ``open_connection`` or given a transport of one's own."""

    def __init__(self, max_body_bytes: int) -> None:
        self._loop = asyncio.get_running_loop()
        self.over: asyncio.Future[None] = self._loop.create_future()
        """Done once the connection is gone."""
        self.idle_since = self._loop.time()
        """When it was opened or last answered, on the loop's clock."""
        self.asked = self.answered = 0
        """Requests it has carried, and those that were answered."""
        self.reusable = True
        """Whether it may carry another request after the present one."""
        self._max_body_bytes = max_body_bytes
        self._transport: asyncio.Transport | None = None
        self._poll = select.poll()
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Reply] | None = None
        self._begin()

    def _begin(self) -> None:
        self._status = 0
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._head_bytes = self._body_bytes = 0
        self._until_close = False

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""
        return self._answer is not None

    @property
    def free(self) -> bool:
        """Whether it is open, carries nothing and may carry something."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        return self.reusable and self._answer is None

    @property
    def usable(self) -> bool:
        """Whether a request may be written now: it is free, and quiet.

        Asks the socket itself: what arrived since the loop last looked may be the end, or bytes
        that nobody asked for, or a harmless message of TLS.  The loop must read it first.
        """
        return self.free and not self._poll.poll(0)

    def ask(self, request: bytes) -> asyncio.Future[Reply]:
        """Write ``request`` at once; the answer, ``BrokenError`` or ``TooLongError`` will follow.

        Only for a connection that is ``usable``.  Whoever no longer waits for the answer must
        ``drop`` the connection.
        """
        assert self._transport is not None
        answer = self._answer = self._loop.create_future()
        self._begin()
        self.asked += 1
        self._transport.write(request)
        return answer

    def expire(self) -> None:
        """Give up waiting: the answer becomes ``TimeoutError``."""
        self.fail(TimeoutError())

    def fail(self, error: Exception) -> None:
        """Drop the connection; ``error`` is what becomes of a request under way."""
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(error)
        self.drop()

    def drop(self) -> None:
        """Close the connection now, unsent bytes and all."""
        self.reusable = False
        self._answer = None
        if self._transport is not None:
            self._transport.abort()

    # --- what the loop calls -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # A cast, because uvloop's transports are no instances of it.
        self._transport = cast("asyncio.Transport", transport)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Read on in the answer."""
        if self._answer is None:
            self.drop()  # nobody asked
            return
        if not self._status:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.fail(BrokenError("what came is no HTTP/1.1 answer"))
            return
        if not self._status and self._head_bytes > MAX_HEAD_BYTES:
            self.fail(BrokenError(f"more than {MAX_HEAD_BYTES} bytes of headers"))

    def eof_received(self) -> None:
        """The other end says no more: that ends a body without a length, and the connection."""
        self._ended("the host closed it before the answer was whole")

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        if error is None:
            self._ended("it ended before the answer was whole")
        else:
            self.fail(BrokenError(str(error) or type(error).__name__))
        if not self.over.done():
            self.over.set_result(None)

    def _ended(self, words: str) -> None:
        if self._answer is not None and self._until_close:
            self._finish()
        self.fail(BrokenError(words))

    # --- what the parser calls -----------------------------------------------------------------

    def on_message_begin(self) -> None:
        """An answer begins; one too many spoils the connection."""
        if self._answer is None:
            self.drop()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; of several with one name the last.  Trailers are not kept."""
        if self._answer is not None and not self._status:
            text = value.strip(b" \t").decode("utf-8", "surrogateescape")
            self._headers[name.decode("ascii").lower()] = text

    def on_headers_complete(self) -> None:
        """Learn how the answer's body will end."""
        status = self._parser.get_status_code()
        if self._answer is None or (status < _INTERIM_BELOW and status != _SWITCHING):
            return
        coding = self._headers.get("content-encoding", "identity").lower()
        if status == _SWITCHING or coding != "identity":
            self.fail(BrokenError("the answer is in a form that was not asked for"))
            return
        self._status = status
        self._until_close = not {"content-length", "transfer-encoding"} & self._headers.keys()
        if not self._parser.should_keep_alive():
            self.reusable = False

    def on_body(self, part: bytes) -> None:
        """Keep a part of the body, up to the limit."""
        if self._answer is None:
            return
        self._body_bytes += len(part)
        if self._body_bytes > self._max_body_bytes:
            self.fail(TooLongError())
            return
        self._parts.append(part)

    def on_message_complete(self) -> None:
        """Hand the answer over; an interim one (1xx) is forgotten."""
        if self._status:
            self._finish()
        else:
            self._headers.clear()

    def _finish(self) -> None:
        answer, self._answer = self._answer, None
        if answer is None:
            return
        self.answered += 1
        self.idle_since = self._loop.time()
        if not answer.done():
            answer.set_result(Reply(self._status, self._headers, b"".join(self._parts)))


async def open_connection(
    site: Site, tls: ssl.SSLContext | None, max_body_bytes: int
) -> HttpConnection:
    """Connect to the first address of the site that answers, with ``tls`` if it is not ``None``.

    Raises ``OSError`` (``ssl.SSLError`` and ``TimeoutError`` are such); cancelled, nothing stays
    open.
    """
    loop = asyncio.get_running_loop()
    tcp = await _connected(site)
    try:
        _, connection = await loop.create_connection(
            lambda: HttpConnection(max_body_bytes),
            sock=tcp,
            ssl=tls,
            server_hostname=site.host if tls is not None else None,
        )
    except BaseException:  # a cancelled wait too must not leave the socket open
        _shut(tcp)  # its transport sees the end and closes it
        raise
    return connection


async def _connected(site: Site) -> socket.socket:
    loop = asyncio.get_running_loop()
    error: OSError = OSError("no address")
    for family, address in await _addresses(site):
        tcp = socket.socket(family, socket.SOCK_STREAM)
        tcp.setblocking(False)
        try:
            tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(_ADDRESS_S):
                await loop.sock_connect(tcp, address)
            return tcp
        except OSError as failed:  # TimeoutError is one
            error = failed
            tcp.close()
        except BaseException:  # a cancelled wait too must not leave the socket open
            tcp.close()
            raise
    raise error


async def _addresses(site: Site) -> list[tuple[int, tuple[str, int]]]:
    """Return families and addresses; no resolver is asked about a host written as an address."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, site.host)
        except OSError:
            continue
        return [(family, (site.host, site.port))]
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(site.host, site.port, type=socket.SOCK_STREAM)
    return [(each[0], (str(each[4][0]), site.port)) for each in found]


def _shut(tcp: socket.socket) -> None:
    try:
        tcp.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # already gone
