"""A backlog is bounded, conflates, and never lets a book look better than it is."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.venues.streams.inbox import FRAME_BYTES, Inbox, InboxLimits


class Bench:
    """An inbox on a hand-turned loop; consuming a frame takes ``cost`` seconds."""

    def __init__(self, cost: float = 0.0, **limits: int) -> None:
        self.now = 0.0
        self.cost = cost
        self.seen: list[tuple[str, int, int, bytes]] = []
        self.told: list[tuple[str, str]] = []
        self.errors: list[Exception] = []
        self.raises: Exception | None = None
        self.during: Callable[[], None] = lambda: None
        self.on_overflow: Callable[[str], None] = lambda _stream: None
        self._soon: list[Callable[[], None]] = []
        self.inbox = Inbox(
            self._consume, self, time=lambda: self.now, call_soon=self._soon.append,
            key=self._key, limits=InboxLimits(**{"frames": 100, "bytes": 1 << 20, **limits}),
        )  # fmt: skip

    @staticmethod
    def _key(stream: str, payload: bytes) -> Hashable:
        return payload.split(b"=")[0] if stream == "prices" and b"=" in payload else None

    def _consume(self, stream: str, connection: int, recv_ns: int, payload: bytes) -> None:
        self.now += self.cost
        self.seen.append((stream, connection, recv_ns, payload))
        self.during()
        if self.raises is not None:
            raise self.raises

    def overflowed(self, stream: str) -> None:
        self.told.append(("overflowed", stream))
        self.on_overflow(stream)

    def recovered(self, stream: str) -> None:
        self.told.append(("recovered", stream))

    def failed(self, error: Exception) -> None:
        self.errors.append(error)

    def put(self, *payloads: bytes, stream: str = "books", connection: int = 0) -> None:
        for payload in payloads:
            self.inbox.put(stream, connection, int(self.now * 1_000) + 1, payload)

    def turn(self) -> None:
        """Run one turn of the loop."""
        soon, self._soon[:] = self._soon[:], []
        for callback in soon:
            callback()

    def drain(self) -> None:
        """Run turns until nothing waits."""
        while self._soon:
            self.turn()

    def payloads(self, stream: str = "books") -> list[bytes]:
        return [payload for name, _, _, payload in self.seen if name == stream]


def test_a_consumer_that_keeps_up_gets_every_frame_at_once() -> None:
    bench = Bench(cost=0.0001)
    for number in range(1_000):
        bench.put(b"%d" % number)
        assert bench.payloads()[-1] == b"%d" % number
        if number % 20 == 0:
            bench.turn()
    assert bench.inbox.counters.waited == 0
    assert len(bench.inbox) == 0


def test_after_a_turn_s_time_frames_wait_and_keep_their_order() -> None:
    bench = Bench(cost=0.002)
    bench.put(*(b"%d" % number for number in range(10)))
    assert len(bench.seen) == 3  # 5 ms of 2 ms each
    bench.turn()
    assert len(bench.seen) == 6
    bench.put(b"10")
    bench.drain()
    assert bench.payloads() == [b"%d" % number for number in range(11)]
    assert bench.inbox.counters.peak_frames == 7


@given(st.integers(0, 2**32), st.integers(1, 30))
def test_whatever_comes_the_bounds_hold_and_what_is_seen_is_a_true_order(
    seed: int, most: int
) -> None:
    rng = random.Random(seed)
    bench = Bench(cost=0.001, frames=most, bytes=3_000)
    connection = 0

    def renew(stream: str) -> None:
        nonlocal connection
        connection += 1
        bench.put(b"", stream=stream, connection=connection)

    bench.on_overflow = renew
    for number in range(300):
        stream = rng.choice(["books", "books", "trades", "prices"])
        bench.put(b"%d" % number * rng.randint(1, 40), stream=stream, connection=connection)
        assert len(bench.inbox) <= most
        assert bench.inbox._bytes <= 3_000
        if rng.random() < 0.2:
            bench.turn()
    bench.drain()
    counters = bench.inbox.counters
    assert len(bench.inbox) == bench.inbox._bytes == 0
    assert not bench.inbox._by_stream
    times = [recv_ns for _, _, recv_ns, _ in bench.seen]
    assert times == sorted(times)
    dropped = sum(counters.dropped.values())
    assert len([each for each in bench.seen if each[3]]) + dropped == 300
    assert [what for what, _ in bench.told].count("overflowed") == sum(counters.overflows.values())
    assert bool(dropped) is bool(counters.overflows)


def test_an_overflow_drops_the_longest_stream_and_sheds_it_until_the_backlog_is_gone() -> None:
    bench = Bench(cost=0.01, frames=10)
    bench.put(b"first")
    bench.put(b"t1", b"t2", stream="trades")
    bench.put(*(b"b%d" % number for number in range(9)))
    assert bench.told == [("overflowed", "books")]
    bench.put(b"late", b"later")
    bench.put(b"t3", stream="trades")
    bench.drain()
    assert bench.payloads() == [b"first"]
    assert bench.payloads("trades") == [b"t1", b"t2", b"t3"]
    assert bench.told == [("overflowed", "books"), ("recovered", "books")]
    assert bench.inbox.counters.dropped == {"books": 11}
    bench.put(b"anew")
    assert bench.payloads()[-1] == b"anew"


def test_the_bytes_are_bounded_as_well_as_the_frames() -> None:
    bench = Bench(cost=0.01, bytes=4 * (1_000 + FRAME_BYTES))
    bench.put(*[b"x" * 1_000] * 5)
    assert not bench.told
    bench.put(b"x" * 1_000)
    assert bench.told == [("overflowed", "books")]


def test_of_a_keyed_stream_only_the_latest_of_each_key_waits() -> None:
    bench = Bench(cost=0.01, frames=10)
    bench.put(b"go")
    for number in range(1_000):
        bench.put(b"btc=%d" % number, b"eth=%d" % number, b"note", stream="prices")
        if number >= 2:
            break
    for number in range(3, 1_000):
        bench.put(b"btc=%d" % number, b"eth=%d" % number, stream="prices")
    assert len(bench.inbox) == 5
    bench.drain()
    assert bench.payloads("prices") == [b"note"] * 3 + [b"btc=999", b"eth=999"]
    assert not bench.told
    assert bench.inbox.counters.conflated == 2 * 1_000 - 2


def test_a_new_connection_overtakes_the_backlog_and_ends_what_waits_of_the_old_one() -> None:
    bench = Bench(cost=0.01)
    bench.put(b"a", b"b", b"c")
    bench.put(b"t", stream="trades")
    bench.now += 1
    bench.put(b"", connection=1)
    assert bench.seen[-1][:2] == ("books", 1)
    assert bench.seen[-1][2] < 1_000  # told with the time of what still waits, so none goes back
    bench.put(b"d", connection=1)
    bench.drain()
    assert bench.payloads() == [b"a", b"", b"d"]
    assert bench.payloads("trades") == [b"t"]


def test_a_frame_that_comes_while_one_is_consumed_waits_its_turn() -> None:
    bench = Bench()
    inner = iter([b"inner"])

    def during() -> None:
        bench.put(*inner)
        bench.put(*[b"" for _ in range(len(bench.seen) == 1)], connection=1)

    bench.during = during
    bench.put(b"outer")
    assert bench.payloads() == [b"outer"]
    bench.drain()
    assert bench.payloads() == [b"outer", b""]  # the new connection made `inner` void


def test_an_error_while_working_off_a_backlog_is_told() -> None:
    bench = Bench(cost=0.01)
    bench.put(b"a", b"b")
    bench.raises = OSError("disk full")
    bench.drain()
    assert bench.errors == [bench.raises]
    with pytest.raises(OSError, match="full"):
        Bench.put(bench, b"direct")


def test_a_consumer_that_puts_frames_itself_does_not_multiply_the_turns() -> None:
    bench = Bench(cost=0.004)
    left = iter(range(40))

    def during() -> None:
        if next(left, None) is not None:
            bench.put(b"more", stream="own")

    bench.during = during
    bench.put(*(b"%d" % number for number in range(20)))
    for _ in range(60):
        bench.turn()
        assert len(bench._soon) <= 1
    assert len(bench.payloads()) == 20
    assert len(bench.payloads("own")) == 40


def test_a_closed_inbox_consumes_nothing_more_and_tells_nothing() -> None:
    bench = Bench(cost=0.01, frames=3)
    bench.put(*(b"%d" % number for number in range(9)))
    assert bench.told == [("overflowed", "books")]
    seen = len(bench.seen)
    bench.inbox.close()
    bench.drain()
    assert len(bench.seen) == seen
    assert bench.told == [("overflowed", "books")]
    assert bench.inbox._bytes == len(bench.inbox) == 0
