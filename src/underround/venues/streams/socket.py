"""One WebSocket: connect, send texts, hear payloads, know when it ended.

Nothing here reconnects and nothing here reads a payload.  picows does the protocol on whichever
loop runs (asyncio's own or uvloop).  Compression is neither offered nor accepted.  Headers may hold
signatures and a path's query may hold a token, so neither ever reaches a log or an error.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, Protocol

import picows
from picows.url import WSParsedURL

from underround.model.errors import (
    AccountError,
    RateLimited,
    TryLater,
    UnderroundError,
    Unreachable,
    VenuePaused,
)
from underround.model.units import Nanos
from underround.venues.streams.dialect import Handshake
from underround.venues.transport.http import USER_AGENT
from underround.venues.words import whole_seconds_ms

MAX_MESSAGE_BYTES: Final = 64 << 20
"""Longer messages end the socket.  Kalshi allows itself 64 MiB, the others far less."""
_CONNECT_S: Final = 4.0
"""Most time for one address of a host, so that a dead IPv6 route does not eat the whole try."""
_LONGEST_WAIT: Final = 6
"""Digits of a waiting time in seconds that is believed: a million seconds are eleven days."""
_DATA: Final = frozenset((picows.WSMsgType.TEXT, picows.WSMsgType.BINARY))
# picows logs handshakes, headers included, at its lowest level: this logger lets nothing through.
_SILENT: Final = logging.getLogger("underround.sockets")
_SILENT.setLevel(logging.CRITICAL + 1)


class Ears(Protocol):
    """Who listens to a socket; after ``ended`` or ``failed`` nothing more is told."""

    def heard(self, recv_ns: Nanos, payload: bytes) -> None:
        """A whole message arrived; ``recv_ns`` is the clock's time when it was read."""

    def pulsed(self) -> None:
        """A WebSocket ping or pong arrived: the other end lives, nothing more."""

    def ended(self, reason: str) -> None:
        """The socket is gone, and not because we closed it."""

    def failed(self, error: Exception) -> None:
        """``heard`` raised; the socket is closed."""


class Socket(picows.WSListener):
    """An open WebSocket; made by ``open_socket`` only."""

    def __init__(self, ears: Ears, clock: Callable[[], Nanos]) -> None:
        self._ears = ears
        self._clock = clock
        self._transport: picows.WSTransport | None = None
        self._parts: list[bytes] = []
        self._parts_bytes = 0
        self._closed = False

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent and heard."""
        return self._transport is not None and not self._closed

    def send(self, payload: bytes) -> None:
        """Send a text message; does nothing once the socket is closed."""
        if self._transport is not None and not self._closed:
            self._transport.send(picows.WSMsgType.TEXT, payload)

    def ping(self) -> None:
        """Ask the other end for a sign of life."""
        if self._transport is not None and not self._closed:
            self._transport.send_ping(b"")

    def close(self) -> None:
        """Say goodbye and let go at once: nothing is heard any more, ``ended`` is not told."""
        if self._closed:
            return
        self._closed = True
        if self._transport is not None:
            self._transport.send_close(picows.WSCloseCode.OK)
            stuck = self._transport.underlying_transport.get_write_buffer_size() > 0
            self._transport.disconnect(graceful=not stuck)

    # --- what picows calls ---------------------------------------------------------------------

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Hand a whole message on; the payload is copied here, once."""
        if self._closed:
            return
        kind = frame.msg_type
        try:
            if kind in _DATA and frame.fin and not self._parts and not frame.rsv1:
                payload = frame.get_payload_as_bytes()
                self._ears.heard(self._clock(), payload)
            elif kind == picows.WSMsgType.PING:
                transport.send_pong(frame.get_payload_as_bytes())
                self._ears.pulsed()
            elif kind == picows.WSMsgType.PONG:
                self._ears.pulsed()
            elif kind == picows.WSMsgType.CLOSE:
                reason = f"closed by the venue with code {_close_code(frame)}"
                self.close()
                self._ears.ended(reason)
            else:
                self._part(frame)
        except Exception as error:  # noqa: BLE001 - told to the owner, who must not miss it
            self.close()
            self._ears.failed(error)

    def _part(self, frame: picows.WSFrame) -> None:
        """Join a message that came in several frames."""
        if frame.rsv1 or (frame.msg_type in _DATA) is bool(self._parts):
            self.close()
            self._ears.ended("a frame that breaks the WebSocket protocol")
            return
        self._parts_bytes += frame.payload_size
        if self._parts_bytes > MAX_MESSAGE_BYTES:
            self.close()
            self._ears.ended(f"a message of more than {MAX_MESSAGE_BYTES} bytes")
            return
        self._parts.append(frame.get_payload_as_bytes())
        if frame.fin:
            payload = b"".join(self._parts)
            self._parts, self._parts_bytes = [], 0
            self._ears.heard(self._clock(), payload)

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        """Tell that the connection broke without a word."""
        del transport
        if not self._closed:
            self._closed = True
            self._ears.ended("the connection broke")


async def open_socket(
    handshake: Handshake,
    ears: Ears,
    clock: Callable[[], Nanos],
    *,
    tls: ssl.SSLContext | None = None,
) -> Socket:
    """Connect and upgrade; ``ears`` may hear before this returns.

    The caller bounds the time (``asyncio.timeout``); cancelled, nothing stays open.  ``tls``
    replaces the system's trust store.  Redirects are refused: a signature is for one host.  Raises
    ``AccountError`` when the venue refuses our key, otherwise a ``TryLater``.
    """
    place = handshake.url.partition("?")[0]
    held = Socket(ears, clock)
    tcp: list[socket.socket] = []

    async def connected(url: WSParsedURL) -> socket.socket:
        tcp.append(await _connect(url.host, url.port))
        return tcp[0]

    try:
        await picows.ws_connect(
            lambda: held,
            handshake.url,
            ssl_context=tls,
            websocket_handshake_timeout=None,
            logger_name=_SILENT,
            enable_auto_pong=False,  # answered above, where it counts as a sign of life
            max_frame_size=MAX_MESSAGE_BYTES,
            max_redirects=0,
            extra_headers=_headers(handshake),
            socket_factory=connected,
        )
    except picows.WSHandshakeError as error:
        raise _refusal(place, error) from None
    except (OSError, picows.WSError) as error:
        raise Unreachable(
            f"{place}: no connection ({type(error).__name__}): check network and host"
        ) from None
    except asyncio.CancelledError:
        held.close()
        for each in tcp:  # the handshake had begun: its transport sees the end and closes itself
            _shut(each)
        raise
    if not held.is_open:
        raise Unreachable(f"{place}: the socket ended as soon as it was open: try again later")
    return held


def _headers(handshake: Handshake) -> list[tuple[str, str]]:
    named = {name.lower() for name, _ in handshake.headers}
    own = [] if "user-agent" in named else [("User-Agent", USER_AGENT)]
    return [*own, *handshake.headers]


async def _connect(host: str, port: int) -> socket.socket:
    """Return a connected TCP socket to the first address that answers."""
    loop = asyncio.get_running_loop()
    family = _literal(host)
    if family is not None:
        addresses = [(family, (host, port))]
    else:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [(each[0], (str(each[4][0]), port)) for each in found]
    error: OSError = OSError("no address")
    for family, address in addresses:
        tcp = socket.socket(family, socket.SOCK_STREAM)
        tcp.setblocking(False)
        try:
            async with asyncio.timeout(_CONNECT_S):
                await loop.sock_connect(tcp, address)
            return tcp
        except OSError as failed:  # TimeoutError is one
            error = failed
            tcp.close()
        except BaseException:  # a cancelled wait too must not leave the socket open
            tcp.close()
            raise
    raise error


def _literal(host: str) -> socket.AddressFamily | None:
    """Return the family of a host written as an address: no resolver is asked for those."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return family
    return None


def _shut(tcp: socket.socket) -> None:
    try:
        tcp.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # already gone


def _close_code(frame: picows.WSFrame) -> int:
    return int(frame.get_close_code().value)


def _refusal(place: str, error: picows.WSHandshakeError) -> UnderroundError:
    """Return what an answer other than "switching protocols" means."""
    if error.response is None:
        return Unreachable(f"{place}: the answer is no WebSocket handshake: check the address")
    status = int(error.response.status)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return AccountError(
            f"{place}: the handshake was refused with {status}: check the key, its clock and "
            "whether this place may connect"
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        wait_ms = whole_seconds_ms(error.response.headers.get("Retry-After", ""))
        return RateLimited(f"{place}: too many connections: wait before the next", wait_ms)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return VenuePaused(f"{place}: the handshake was answered with {status}: try again later")
    return TryLater(f"{place}: the handshake was answered with {status}: check the address")
