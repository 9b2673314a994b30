"""Whatever a venue's socket does, no book is ever trusted wrongly, and it comes back by itself.

``live`` fails a test in which a trusted book ever differed from what the venue's book was at the
time it claims.  Here also: how long a book may be behind and trusted, and how soon it is back.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec
import pytest

from tests import aio
from tests.app.livebench import LIMITS, Live, live
from tests.venues import marketserver
from tests.venues.marketserver import Fault, Keeping, Losing, Swapping
from tests.venues.wsserver import until
from underround.app.live.feeds import FeedRules
from underround.market.resync import GRACES_MS, ResyncRules
from underround.venues.streams import pulse
from underround.venues.streams.inbox import InboxLimits

SILENCE_S = LIMITS.silence_ms / 1_000
SLOW_COMPARISON = FeedRules(resync=ResyncRules(compare_ms=3_600_000))
"""So that the stream alone has to notice."""


async def traffic(bench: Live, *, seconds: float, every_s: float = 0.1) -> None:
    """Let the venue's books move."""
    end = bench.loop.time() + seconds
    while bench.loop.time() < end:
        for market in bench.markets:
            bench.venue.stir(market.id)
        await asyncio.sleep(every_s)


def report(what: str, seconds: float) -> None:
    print(f"{what}: trusted again after {seconds * 1_000:.0f} ms")


# --- sockets that die ----------------------------------------------------------------------------


def test_a_socket_that_freezes_silently_loses_its_books_within_the_silence_and_recovers() -> None:
    async def main() -> None:
        async with live("rain", "snow", rules=SLOW_COMPARISON) as bench:
            await traffic(bench, seconds=12)
            bench.venue.last.frozen = True  # pongs go on at the level of the protocol
            frozen_at = bench.loop.time()
            bench.venue.stir(bench.markets[0].id)
            await bench.venue.arrival(2)
            await bench.recovered()
            gaps = [gap for gap in bench.gaps() if gap[0] > frozen_at]
            assert len(gaps) == 2
            for at, seconds in gaps:
                assert SILENCE_S - 0.2 < at - frozen_at <= SILENCE_S
                assert seconds < 0.01
                report("silent freeze, after the loss of trust", seconds)
            assert bench.worst_stale_s <= SILENCE_S
            assert bench.feeds.slots()[0].lost == {"no data for 30000 ms": 1}

    aio.run(main())


def test_a_frozen_socket_is_not_saved_by_a_market_in_which_nothing_happens() -> None:
    async def main() -> None:
        async with live("rain", rules=SLOW_COMPARISON) as bench:
            bench.venue.last.frozen = True
            await bench.venue.arrival(2)
            await bench.recovered()
            assert len(bench.gaps()) == 1

    aio.run(main())


def test_a_half_open_connection_is_found_by_its_missing_pong() -> None:
    async def main() -> None:
        patient = msgspec.structs.replace(LIMITS, silence_ms=600_000)
        async with live("rain", limits=patient, rules=SLOW_COMPARISON) as bench:
            await traffic(bench, seconds=12)
            bench.venue.last.half_open()
            vanished_at = bench.loop.time()
            bench.venue.stir(bench.markets[0].id)
            await bench.venue.arrival(2)
            await bench.recovered()
            at, seconds = bench.gaps()[-1]
            assert at - vanished_at <= 2 * pulse.PING_S
            assert seconds < 0.01
            report("half-open connection, after the loss of trust", seconds)
            assert bench.worst_stale_s <= 2 * pulse.PING_S

    aio.run(main())


@pytest.mark.parametrize("how", ["close", "cut"])
def test_a_broken_connection_ends_trust_at_once_and_is_back_at_once(how: str) -> None:
    async def main() -> None:
        async with live("rain", "snow") as bench:
            for turn in range(5):
                await traffic(bench, seconds=11, every_s=0.5)
                broken_at = bench.loop.time()
                getattr(bench.venue.last, how)()
                bench.venue.change(bench.markets[0].id, (True, 20_000, (turn + 7) * 1_000_000))
                await bench.venue.arrival(turn + 2)
                await bench.recovered()
                gaps = [gap for gap in bench.gaps() if gap[0] >= broken_at]
                assert len(gaps) == 2
                for at, seconds in gaps:
                    assert at - broken_at < 0.01
                    assert seconds < 0.01
                report(f"{how} by the venue", max(seconds for _, seconds in gaps))
            assert bench.worst_stale_s <= 0.1

    aio.run(main())


def test_a_venue_that_is_away_for_minutes_is_not_stormed_and_its_books_stay_untrusted() -> None:
    async def main() -> None:
        async with live("rain", "snow") as bench:
            await asyncio.sleep(11)
            bench.venue.refuse_with = 503
            bench.venue.last.cut()
            await until(lambda: not bench.book().trusted)
            tried = len(bench.venue.opened_at)
            for _ in range(600):
                await asyncio.sleep(1)
                assert not any(tracked.trusted for tracked in bench.hub.books.values())
            assert 600 / 31 <= len(bench.venue.opened_at) - tried <= 80
            bench.venue.refuse_with = None
            report("ten minutes of 503, after they end", await bench.recovered())

    aio.run(main())


# --- sockets that are replaced -------------------------------------------------------------------


def test_before_the_venue_cuts_it_for_its_age_a_socket_is_replaced_without_distrust() -> None:
    async def main() -> None:
        daily = msgspec.structs.replace(LIMITS, max_age_ms=60_000)  # a day, in a test's minutes
        async with live("rain", "snow", limits=daily, rules=SLOW_COMPARISON) as bench:
            began = bench.loop.time()
            await bench.venue.arrival(2)
            assert 0.95 * 60 <= bench.loop.time() - began <= 60
            await traffic(bench, seconds=2, every_s=0.01)
            assert len(bench.venue.open_clients) == 1
            assert bench.feeds.slots()[0].handovers == {"aged": 1}
            no_gap(bench)

    aio.run(main())


def no_gap(bench: Live) -> None:
    """Check that trust which a hand-over ended was back in the very batch that ended it."""
    assert bench.reconnects
    assert all(ended == back for ended, back in bench.reconnects)


@pytest.mark.parametrize("seed", range(5))
def test_a_hand_over_in_full_traffic_loses_nothing_applies_nothing_twice_and_keeps_trust(
    seed: int,
) -> None:
    async def main() -> None:
        names = [f"m{number}" for number in range(20)]
        async with live(*names, rules=SLOW_COMPARISON, seed=seed) as bench:
            await asyncio.sleep(11)
            stop = asyncio.ensure_future(traffic(bench, seconds=0.4, every_s=0.01))
            await asyncio.sleep(0.2)
            assert bench.feeds._pools["polymarket.market"].suspect("polymarket.market")
            await until(lambda: bench.feeds.slots()[0].handovers)
            await stop
            no_gap(bench)
            await bench.recovered()
            # Every frame of each connection once, and each book was stated in the new one first.
            first = next(each for each in bench.recorded if each[1] == 1)
            assert first[3].startswith(b"[{")
            assert first[3].count(b'"event_type":"book"') == 40
            told = [
                Counter(each[3] for each in bench.recorded if each[1] == connection)
                for connection in (0, 1)
            ]
            stated = {
                book["market"]: int(book["timestamp"]) for book in msgspec.json.decode(first[3])
            }
            for frame, times in bench.venue.sent.items():
                assert max(told[0][frame], told[1][frame]) <= times
                change = msgspec.json.decode(frame)
                if int(change["timestamp"]) > stated[change["market"]]:
                    assert told[1][frame] == times
            for tracked in bench.hub.books.values():
                assert tracked.counters.doubts.get("reconnected", 0) <= 1
                assert "hash differs" not in tracked.counters.doubts

    aio.run(main())


def test_a_slow_venue_delays_the_hand_over_and_costs_no_trust() -> None:
    async def main() -> None:
        async with live("rain", "snow", rules=SLOW_COMPARISON) as bench:
            await asyncio.sleep(11)
            bench.venue.book_fault = lambda _frame: ()  # accepts, and states nothing for 8 s
            bench.feeds._pools["polymarket.market"].suspect("polymarket.market")
            await until(lambda: len(bench.venue.clients) == 2)
            new = bench.venue.last
            await traffic(bench, seconds=8, every_s=0.2)
            assert bench.trusted()
            assert not bench.feeds.slots()[0].handovers
            bench.venue.book_fault = marketserver.honest
            for true in bench.venue.truth.values():
                new.send(b"[" + true.book(0) + b"," + true.book(1) + b"]")
            await until(lambda: bench.feeds.slots()[0].handovers)
            no_gap(bench)

    aio.run(main())


# --- frames that are wrong -----------------------------------------------------------------------


def doubled(frame: bytes) -> Sequence[bytes]:
    """Send everything twice."""
    return (frame, frame)


FAULTS: list[tuple[str, Callable[[random.Random], Fault]]] = [
    ("doubled", lambda _rng: doubled),
    ("lost", lambda rng: Losing(lambda _number: rng.random() < 0.05)),
    ("reordered", lambda rng: Swapping(rng, 0.2)),
]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name,make", FAULTS, ids=[name for name, _ in FAULTS])
def test_a_stream_with_faulty_frames_is_never_believed_wrongly_and_heals(
    name: str, make: Callable[[random.Random], Fault], seed: int
) -> None:
    async def main() -> None:
        async with live("rain", "snow", "hail", seed=seed) as bench:
            bench.venue.fault = make(random.Random(seed))
            await traffic(bench, seconds=20, every_s=0.05)
            bench.venue.fault = marketserver.honest
            for market in bench.markets:
                bench.venue.stir(market.id)
            took = await bench.recovered()
            report(f"{name} frames, after they end", took)
            assert took < 20
            if name == "doubled":
                assert not bench.venue.requested

    aio.run(main())


def test_one_lost_frame_costs_only_its_own_book_and_is_repaired_in_a_third_of_a_second() -> None:
    async def main() -> None:
        async with live("rain", "snow", "hail", rules=SLOW_COMPARISON) as bench:
            times = []
            for number in range(30):
                await asyncio.sleep(25)
                bench.venue.fault = Losing(lambda number: number == 0)
                market = bench.markets[number % 3].id
                bench.venue.change(market, (True, 20_000, (number + 1) * 1_000_000))
                bench.venue.change(market, (True, 30_000, (number + 1) * 1_000_000))
                await bench.recovered()
                times.append(bench.gaps()[-1][1])
                bench.venue.fault = marketserver.honest
                bench.venue.stir(bench.markets[(number + 1) % 3].id)
            times.sort()
            report("one lost frame, median", times[len(times) // 2])
            assert times[-1] < 0.08  # 50 ms of grace, 20 ms for the request
            assert len(bench.venue.requested) == 30
            assert len(bench.venue.clients) == 1
            for row, tracked in zip(bench.feeds.liveness(), bench.hub.books.values(), strict=True):
                assert row.resyncs == {"waiting for the rest of a timestamp": 10}
                assert sum(tracked.counters.doubts.values()) >= 10
            others = {market for _, market, trusted in bench.trust_changes if not trusted}
            assert len(others) == 3

    aio.run(main())


def test_a_timestamp_that_spans_frames_is_waited_for_and_not_asked_about() -> None:
    async def main() -> None:
        patient = {**GRACES_MS, "waiting for the rest of a timestamp": 500}
        rules = FeedRules(resync=ResyncRules(graces=patient, compare_ms=3_600_000))
        async with live("rain", rules=rules) as bench:
            slow: list[bytes] = []
            bench.venue.fault = Keeping(slow)
            for number in range(20):
                bench.venue.change(
                    bench.markets[0].id,
                    (True, 20_000, (number + 2) * 1_000_000),
                    (False, 900_000, (number + 2) * 1_000_000),
                )
                bench.venue.last.send(slow.pop(0))
                await asyncio.sleep(0.2)  # within the grace
                assert not bench.book().trusted
                bench.venue.last.send(slow.pop(0))
                await bench.recovered(at_most_s=1)
            assert not bench.venue.requested

    aio.run(main())


# --- floods --------------------------------------------------------------------------------------

FLOOD = 50_000


@pytest.mark.parametrize("slow_us", [0, 200], ids=["fast consumer", "slow consumer"])
def test_a_burst_of_50_000_messages_is_taken_in_bounded_memory_and_ends_in_true_books(
    slow_us: int,
) -> None:
    async def main() -> None:
        limits = InboxLimits(frames=2_000, bytes=1 << 20)
        async with live("rain", "snow", rules=FeedRules(inbox=limits)) as bench:
            await asyncio.sleep(6)
            rain = bench.markets[0].id
            bench.slow_s = slow_us / 1_000_000
            for number in range(FLOOD // 2):
                # Two markets change in turns; only the levels matter here, so they are few.
                bench.venue.change(rain, (True, 20_000, (number % 9 + 1) * 1_000_000))
                bench.venue.change(
                    bench.markets[1].id, (False, 980_000, (number % 7 + 1) * 1_000_000)
                )
                if number % 500 == 0:
                    await asyncio.sleep(0)
            # The few levels repeat: a book that equals the last one may be an earlier one.
            took = await until(lambda: len(bench.recorded) > FLOOD)
            took += await bench.recovered(at_most_s=300)
            report(f"burst, consumer of {slow_us} us", took)
            backlog = bench.feeds.backlog()
            assert backlog is not None
            print(backlog)
            assert backlog.peak_frames <= limits.frames + 1
            assert backlog.peak_bytes <= limits.bytes + 2_000
            frames = sum(each[0] == "polymarket.market" for each in bench.recorded)
            assert frames >= FLOOD  # the recording has them all
            dropped = sum(backlog.dropped.values())
            assert bool(dropped) is bool(backlog.overflows)
            if slow_us:
                assert dropped > FLOOD / 4

    aio.run(main())
