"""How far our clock is from true time, by one exchange of SNTP (RFC 4330).

Signed requests carry our time and venues refuse what is seconds off; so this is asked before
trading.  One exchange over UDP is exact to half the round trip, which is stated with it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Final

import msgspec

from underround.model.errors import Unreachable
from underround.model.units import Nanos

PORT: Final = 123
_PACKET: Final = struct.Struct("!BBbbII4s8s8s8s8s")
_CLIENT_V4: Final = 0x23
_SERVER_MODE: Final = 4
_UNSYNCHRONISED: Final = 3
_EPOCH_S: Final = 2_208_988_800
"""Seconds from 1900, where NTP begins, to 1970."""
_SECOND: Final = 1_000_000_000


class ClockReading(msgspec.Struct, frozen=True):
    """What one exchange says."""

    offset_ns: int
    """What has to be added to our clock; right to within half of ``round_trip_ns``."""
    round_trip_ns: int


def request(nonce: bytes) -> bytes:
    """Return a request that carries ``nonce`` (8 bytes), which an answer must repeat."""
    return _PACKET.pack(_CLIENT_V4, 0, 0, 0, 0, 0, b"", b"", b"", b"", nonce)


def reading(answer: bytes, nonce: bytes, sent_ns: Nanos, received_ns: Nanos) -> ClockReading:
    """Return what ``answer`` says; times are ours, before sending and after receiving.

    Raises ``ValueError`` for an answer to somebody else, from no server, or from one that does not
    know the time itself.
    """
    if len(answer) < _PACKET.size:
        raise ValueError(f"an answer of {len(answer)} bytes")
    flags, stratum, *_, origin, received, transmitted = _PACKET.unpack(answer[: _PACKET.size])
    if origin != nonce or flags & 7 != _SERVER_MODE:
        raise ValueError("an answer to another question")
    if flags >> 6 == _UNSYNCHRONISED or not 1 <= stratum <= 15:
        raise ValueError("the server does not know the time")
    there_ns, back_ns = _unix_nanos(received), _unix_nanos(transmitted)
    offset = ((there_ns - sent_ns) + (back_ns - received_ns)) // 2
    return ClockReading(offset, (received_ns - sent_ns) - (back_ns - there_ns))


def _unix_nanos(stamp: bytes) -> Nanos:
    seconds: int
    fraction: int
    seconds, fraction = struct.unpack("!II", stamp)
    if seconds < _EPOCH_S:  # since February 2036 the count begins anew
        seconds += 1 << 32
    return (seconds - _EPOCH_S) * _SECOND + (fraction * _SECOND >> 32)


class _Exchange(asyncio.DatagramProtocol):
    def __init__(self, clock: Callable[[], Nanos]) -> None:
        self.answer: asyncio.Future[tuple[bytes, Nanos]] = asyncio.Future()
        self._clock = clock

    def datagram_received(self, data: bytes, addr: object) -> None:
        del addr
        if not self.answer.done():
            self.answer.set_result((data, self._clock()))

    def error_received(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


async def ask_time(
    host: str,
    *,
    port: int = PORT,
    clock: Callable[[], Nanos],
    nonce: bytes,
    timeout_s: float = 3.0,
) -> ClockReading:
    """Ask a time server once.  Raises ``Unreachable`` when it gives no usable answer."""
    transport = None
    try:
        async with asyncio.timeout(timeout_s):
            loop = asyncio.get_running_loop()
            transport, exchange = await loop.create_datagram_endpoint(
                lambda: _Exchange(clock), remote_addr=(host, port)
            )
            sent_ns = clock()
            transport.sendto(request(nonce))
            answer, received_ns = await exchange.answer
        return reading(answer, nonce, sent_ns, received_ns)
    except socket.gaierror:
        raise Unreachable(
            f"time server {host}: its name cannot be resolved: check the network, or name another "
            "in clock.ntp"
        ) from None
    except (OSError, ValueError) as error:  # a time-out is an OSError
        told = str(error) or f"no answer within {timeout_s:g} s"
        raise Unreachable(
            f"time server {host}: {told}: allow UDP port {port}, or name another in clock.ntp"
        ) from None
    finally:
        if transport is not None:
            transport.close()
