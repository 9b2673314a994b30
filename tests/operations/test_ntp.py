"""How far our clock is off."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.aio import run
from underround.model.errors import Unreachable
from underround.operations.ntp import ClockReading, ask_time, reading, request

NONCE = b"8 bytes."
SECOND = 1_000_000_000
NOW = 1_790_000_000 * SECOND
TICK_NS = 1
"""Two to the -32 seconds: what a stamp resolves, rounded up."""


def stamp(at_ns: int) -> bytes:
    """Return a time as NTP writes it."""
    seconds, rest = divmod(at_ns, SECOND)
    return struct.pack("!II", (seconds + 2_208_988_800) & 0xFFFFFFFF, (rest << 32) // SECOND)


def answer(
    there_ns: int, back_ns: int, *, nonce: bytes = NONCE, flags: int = 0x24, stratum: int = 2
) -> bytes:
    """Return a server's packet."""
    head = struct.pack("!BBbbII4s8s", flags, stratum, 0, 0, 0, 0, b"", b"")
    return head + nonce + stamp(there_ns) + stamp(back_ns)


@given(
    offset=st.integers(-(10**13), 10**13),
    there=st.integers(0, SECOND),
    served=st.integers(0, SECOND),
    back=st.integers(0, SECOND),
)
def test_the_offset_is_right_to_half_the_round_trip(
    offset: int, there: int, served: int, back: int
) -> None:
    """Whatever the two ways take, the true offset lies within the stated bound."""
    arrived = NOW + there + offset
    told = reading(answer(arrived, arrived + served), NONCE, NOW, NOW + there + served + back)
    assert abs(told.round_trip_ns - (there + back)) <= 2 * TICK_NS
    assert abs(told.offset_ns - offset) <= told.round_trip_ns / 2 + 2 * TICK_NS


def test_times_after_2036_are_read() -> None:
    late = 2_200_000_000 * SECOND
    assert reading(answer(late, late), NONCE, late, late).offset_ns == 0


@pytest.mark.parametrize(
    "packet, words",
    [
        (b"short", "5 bytes"),
        (answer(NOW, NOW, nonce=b"replayed"), "another question"),
        (answer(NOW, NOW, flags=0x23), "another question"),
        (answer(NOW, NOW, flags=0xE4), "does not know the time"),
        (answer(NOW, NOW, stratum=0), "does not know the time"),
        (answer(NOW, NOW, stratum=16), "does not know the time"),
    ],
)
def test_an_unusable_answer_is_refused(packet: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        reading(packet, NONCE, NOW, NOW)


class _Server(asyncio.DatagramProtocol):
    def __init__(self, answer_to: Callable[[bytes], bytes | None]) -> None:
        self.answer_to = answer_to

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        reply = self.answer_to(data)
        if reply is not None:
            self.transport.sendto(reply, addr)


async def asked(answer_to: Callable[[bytes], bytes | None]) -> ClockReading:
    """Ask a scripted server on loopback."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Server(answer_to), local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    times = iter((NOW, NOW + 20_000_000))
    try:
        return await ask_time("127.0.0.1", port=port, clock=lambda: next(times), nonce=NONCE)
    finally:
        transport.close()


def test_a_server_on_the_wire_is_asked_and_understood() -> None:
    def served(data: bytes) -> bytes:
        assert data == request(NONCE)
        return answer(NOW + 510_000_000, NOW + 510_000_000)

    told = run(asked(served))
    assert told.round_trip_ns == 20_000_000
    assert abs(told.offset_ns - 500_000_000) <= 2 * TICK_NS


def test_silence_is_unreachable_and_names_the_remedy() -> None:
    with pytest.raises(Unreachable, match=r"no answer within 3 s: allow UDP port"):
        run(asked(lambda _: None))


def test_a_bad_answer_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="an answer of 1 bytes"):
        run(asked(lambda _: b"x"))
