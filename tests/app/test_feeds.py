"""From sockets to books, composed: recording first, counting, following, requests, liveness."""

from __future__ import annotations

import asyncio
import random

import msgspec
import pytest

from tests import aio
from tests.app.livebench import LIMITS, Live, live, markets_named
from tests.market.builders import levels_of, make_hub
from tests.venues.marketserver import Keeping, Losing
from tests.venues.wsserver import until
from underround.app.live.channels import Channel, declared, feeds_of
from underround.app.live.feeds import FeedRules
from underround.app.live.follows import FollowsDecoder, follow_frame
from underround.market.resync import ResyncRules
from underround.market.trust import BookRules, Feed
from underround.model.errors import ConfigError, DiskError, FrameRefused, TryLater
from underround.model.events import FollowChanged, MarketEvent
from underround.model.ids import POLYMARKET, MarketId
from underround.venues.polymarket.codec import PolymarketDecoder
from underround.venues.polymarket.stream import MarketDialect

SEED = 7


def test_followed_books_are_trusted_from_their_first_statement() -> None:
    async def main() -> None:
        async with live("rain", "snow", "hail") as bench:
            rows = bench.feeds.liveness()
            assert [row.market.native for row in rows] == ["rain", "snow", "hail"]
            assert all(row.trusted and not row.doubt for row in rows)
            assert all(row.age_ms is not None and row.age_ms < 1_000 for row in rows)
            assert {row.stream for row in rows} == {"polymarket.market"}
            assert not bench.venue.requested

    aio.run(main())


def test_every_frame_is_recorded_before_it_is_looked_at_and_a_full_disk_stops_everything() -> None:
    async def main() -> None:
        async with live("rain") as bench:
            running = next(task for task in asyncio.all_tasks() if "Feeds.run" in repr(task))
            events = bench.events
            bench.record_error = DiskError("the disk is full")
            bench.venue.stir(bench.markets[0].id)
            with pytest.raises(DiskError):
                await running
            assert bench.events == events
            bench.record_error = None
            # What was recorded is what was seen, to the byte.
            assert bench.recorded[0][3].startswith(b"[{")
            with pytest.raises(DiskError):
                running.result()
            raise KeyboardInterrupt  # the bench would raise the failure again

    with pytest.raises(KeyboardInterrupt):
        aio.run(main())


def test_what_waits_when_the_feeds_are_stopped_reaches_no_book() -> None:
    async def main() -> None:
        async with live("rain") as bench:
            running = next(task for task in asyncio.all_tasks() if "Feeds.run" in repr(task))
            bench.slow_s = 0.01
            for _ in range(20):
                bench.venue.stir(bench.markets[0].id)
            await until(lambda: bench.feeds._inbox)
            await until(lambda: len(bench.feeds._inbox or ()) > 5)
            running.cancel()
            await asyncio.wait([running])
            events = bench.events
            await asyncio.sleep(1)
            assert bench.events == events

    with pytest.raises(asyncio.CancelledError):  # the bench looks at what became of the feeds
        aio.run(main())


def test_an_undecodable_frame_is_kept_and_counted_with_its_reason() -> None:
    async def main() -> None:
        async with live("rain") as bench:
            bench.venue.last.send(b'{"event_type":"unheard of"}', b"INVALID", b"PONG")
            counters = bench.feeds.sources["polymarket.market"].counters
            await until(lambda: counters.unparsed == 2)
            assert any("unheard of" in reason for reason in counters.unparsed_reasons)
            assert bench.recorded[-3][3] == b'{"event_type":"unheard of"}'
            assert bench.trusted()
            assert counters.ignored >= 1
            assert bench.feeds.slots()[0].last_refusal == "INVALID"

    aio.run(main())


class Replayed:
    """A fresh hub that is given a recording's frames, and the timers of a replay."""

    def __init__(self, bench: Live) -> None:
        self.feeds = {feed.name: feed for feed in feeds_of(bench.feeds._channels, BookRules())}
        self.hub = make_hub(list(self.feeds.values()), bench.markets)
        self.changes: list[tuple[int, MarketId, bool]] = []
        self._known = dict.fromkeys((market.id for market in bench.markets), False)
        tokens = {token: (m, i) for m in bench.markets for i, token in enumerate(m.tokens)}
        book_decoder, follows_decoder = PolymarketDecoder(tokens), FollowsDecoder({})
        timer = bench.recorded[0][2]
        for stream, connection, now, payload in bench.recorded:
            while timer + TIMER_NS < now:
                timer += TIMER_NS
                for silent_feed, silent in self.hub.silences(timer):
                    self._apply(silent, silent_feed, timer)
            feed = self.feeds[stream]
            for event in self.hub.heard(feed, connection, now):
                self._apply(event, feed, now)
            decoder = follows_decoder if stream == "underround.follows" else book_decoder
            try:
                events = decoder.decode(payload)
            except FrameRefused:
                continue
            for event in events:
                self._apply(event, feed, now)

    def _apply(self, event: MarketEvent, feed: Feed, now: int) -> None:
        self.hub.apply(event, feed, now)
        for market, tracked in self.hub.books.items():
            if tracked.trusted is not self._known[market]:
                self._known[market] = tracked.trusted
                self.changes.append((now, market, tracked.trusted))


TIMER_NS = 250_000_000


def test_the_recording_replays_to_the_same_trust_at_the_same_times_whatever_happened() -> None:
    async def main() -> None:
        async with live("rain", "snow", "hail", rules=QUICK) as bench:
            rain, snow, hail = bench.markets
            for _ in range(50):
                bench.venue.stir(rain.id)
                await asyncio.sleep(0.1)
            bench.venue.last.cut()
            await bench.recovered()
            bench.venue.fault = Losing(lambda number: number % 7 == 3)
            for _ in range(30):
                bench.venue.stir(snow.id)
                await asyncio.sleep(0.02)
            bench.venue.fault = lambda frame: (frame,)
            await bench.recovered()
            # Not followed for a while, although the venue goes on; then again.
            bench.feeds.unfollow([hail.id])
            bench.venue.last.send(b"[" + bench.venue.truth[hail.id].book(0) + b"]")
            await asyncio.sleep(1)
            bench.feeds.follow([hail])
            await bench.recovered()
            bench.claim_another_book(rain.id)
            await until(lambda: "requested book differs" in bench.book().counters.doubts)
            bench.venue.request_lag.clear()
            await bench.recovered()
            bench.venue.last.frozen = True
            await bench.venue.arrival(len(bench.venue.clients) + 1)
            await bench.recovered()
            doubts = {d for each in bench.hub.books.values() for d in each.counters.doubts}
            assert doubts >= {"reconnected", "not followed any more", "requested book differs"}
        replayed = Replayed(bench)
        assert replayed.changes == bench.trust_times
        for market, tracked in replayed.hub.books.items():
            assert levels_of(tracked.book) == bench.venue.levels(market)
            assert tracked.trusted
            assert tracked.counters.doubts == bench.hub.books[market].counters.doubts

    aio.run(main())


# --- following -----------------------------------------------------------------------------------


def test_markets_come_and_go_across_sockets_and_every_book_stays_right() -> None:
    async def main() -> None:
        small = msgspec.structs.replace(LIMITS, topics_per_socket=4)
        names = [f"m{number}" for number in range(8)]
        async with live(*names, limits=small, sockets=4) as bench:
            assert len(bench.venue.open_clients) == 4
            rng = random.Random(SEED)
            for _ in range(30):
                out = rng.sample(bench.markets, 3)
                bench.feeds.unfollow([market.id for market in out])
                for market in bench.markets:
                    bench.venue.stir(market.id)
                await asyncio.sleep(rng.choice([0.0, 0.001, 0.2]))
                assert not any(bench.hub.books[market.id].trusted for market in out)
                bench.feeds.follow(out)
                await bench.recovered(at_most_s=20)

    aio.run(main())


def test_a_dropped_market_s_late_frames_do_not_renew_its_trust() -> None:
    async def main() -> None:
        async with live("rain", "snow") as bench:
            rain = bench.markets[0]
            bench.feeds.unfollow([rain.id])
            assert not bench.book().trusted
            # The venue has not heard of it yet and goes on.
            bench.venue.last.send(*bench.venue.truth[rain.id].price_changes((True, 20_000, 5)))
            bench.venue.last.send(b"[" + bench.venue.truth[rain.id].book(0) + b"]")
            await asyncio.sleep(1)
            assert not bench.book().trusted
            assert bench.trusted("snow")

    aio.run(main())


def test_more_markets_than_the_sockets_hold_are_refused() -> None:
    async def main() -> None:
        small = msgspec.structs.replace(LIMITS, topics_per_socket=2)
        async with live("rain", limits=small, sockets=1) as bench:
            with pytest.raises(ConfigError):
                bench.feeds.follow(markets_named("snow"))
            assert [row.market.native for row in bench.feeds.liveness()] == ["rain"]

    aio.run(main())


# --- requests ------------------------------------------------------------------------------------

QUICK = FeedRules(resync=ResyncRules(compare_ms=5_000))


def test_trusted_books_are_compared_from_time_to_time_and_stay_trusted() -> None:
    async def main() -> None:
        async with live("rain", "snow", rules=QUICK) as bench:
            await asyncio.sleep(62)
            asked = len(bench.venue.requested)
            assert 2 * 62 / 6.5 - 2 <= asked <= 2 * 62 / 3.7 + 2
            assert bench.feeds.restatements.outcomes == {"equal": asked}
            assert len(bench.trust_changes) == 2

    aio.run(main())


def test_a_lagging_answer_never_replaces_newer_state() -> None:
    async def main() -> None:
        async with live("rain", rules=QUICK) as bench:
            rain = bench.markets[0].id
            bench.venue.request_lag[rain] = bench.venue.truth[rain].book(0, request=True)
            for _ in range(100):
                bench.venue.stir(rain)
                await asyncio.sleep(0.2)
            assert bench.trusted()
            outcomes = bench.feeds.restatements.outcomes
            assert outcomes["older"] >= 3
            assert set(outcomes) == {"older"}
            assert bench.book().counters.stale_snapshots == outcomes["older"]

    aio.run(main())


def test_a_market_whose_stream_froze_alone_is_found_by_comparison_and_repaired() -> None:
    async def main() -> None:
        async with live("rain", "snow", rules=QUICK) as bench:
            rain, snow = (market.id for market in bench.markets)
            await asyncio.sleep(11)
            silenced = rain.native.encode()
            bench.venue.fault = lambda frame: () if silenced in frame else (frame,)
            bench.venue.stir(rain)
            lost_at = bench.loop.time()
            while not bench.trusted():
                bench.venue.stir(snow)
                await asyncio.sleep(0.2)
            assert bench.loop.time() - lost_at < 5 * 1.25 + 1 + 0.5
            bench.venue.fault = lambda frame: (frame,)
            await until(lambda: len(bench.venue.clients) == 2)
            await bench.recovered()
            assert bench.feeds.restatements.outcomes["newer"] == 1
            assert bench.feeds.slots()[0].handovers == {"suspect": 1}

    aio.run(main())


@pytest.mark.parametrize("further,outcome", [(0, "equal"), (1, "caught up")])
def test_an_answer_that_is_a_moment_ahead_of_the_stream_leaves_trust_alone(
    further: int, outcome: str
) -> None:
    async def main() -> None:
        async with live("rain", rules=QUICK) as bench:
            rain = bench.markets[0].id
            late: list[bytes] = []
            bench.venue.fault = Keeping(late)
            bench.venue.while_requested = lambda: bench.venue.change(
                rain, (True, 20_000, 5_000_000)
            )
            await until(lambda: late)
            await asyncio.sleep(0.3)
            for _ in range(further):
                bench.venue.change(rain, (True, 30_000, 5_000_000))
            for frame in late:
                bench.venue.last.send(frame)
            await asyncio.sleep(2)
            assert bench.feeds.restatements.outcomes == {outcome: 1}
            assert bench.trusted()
            assert not bench.gaps()

    aio.run(main())


def test_an_answer_that_claims_another_book_of_the_same_moment_ends_the_trust() -> None:
    async def main() -> None:
        async with live("rain", rules=QUICK) as bench:
            bench.claim_another_book(bench.markets[0].id)
            outcomes = bench.feeds.restatements.outcomes
            await until(lambda: outcomes["different"])
            await bench.recovered()
            # The stream settled it, although the request would have said the same again.
            assert outcomes == {"different": 1, "refreshed": 1}
            assert bench.book().counters.doubts == {"requested book differs": 1}
            assert bench.feeds.liveness()[0].resyncs == {"requested book differs": 1}

    aio.run(main())


@pytest.mark.parametrize("fetch", [True, False])
def test_failing_requests_are_counted_and_a_refresh_repairs_instead(fetch: bool) -> None:
    async def main() -> None:
        async with live("rain", fetch=fetch) as bench:
            bench.venue.request_error = TryLater("busy")
            bench.venue.fault = Losing(lambda number: number == 0)
            bench.venue.change(bench.markets[0].id, (True, 20_000, 5_000_000))
            bench.venue.change(bench.markets[0].id, (True, 30_000, 5_000_000))
            assert await bench.recovered() < 2
            outcomes = bench.feeds.restatements.outcomes
            assert outcomes["request failed: TryLater"] == int(fetch)
            assert outcomes["refreshed"] == 1

    aio.run(main())


def test_a_book_that_no_question_helps_gets_a_new_socket() -> None:
    async def main() -> None:
        async with live("rain", "snow") as bench:
            await asyncio.sleep(11)
            bench.venue.request_error = TryLater("down")
            bench.venue.answers_again = False
            # The venue forgets us for this market: a repeated subscription is ignored.
            answer = bench.venue.answer
            first = bench.venue.last
            bench.venue.on_message = lambda client, payload: (
                None if client is first and payload != b"PING" else answer(client, payload)
            )
            bench.venue.fault = Losing(lambda number: number == 0)
            bench.venue.change(bench.markets[0].id, (True, 20_000, 5_000_000))
            bench.venue.change(bench.markets[0].id, (True, 30_000, 5_000_000))
            took = await bench.recovered()
            assert took < 15
            assert bench.feeds.slots()[0].handovers == {"suspect": 1}

    aio.run(main())


def test_a_market_that_leaves_while_its_request_waits_stops_nothing() -> None:
    async def main() -> None:
        names = [f"m{number}" for number in range(30)]
        async with live(*names, rules=QUICK) as bench:
            bench.venue.fault = Losing(lambda number: number % 2 == 0)
            for market in bench.markets:
                bench.venue.change(market.id, (True, 20_000, 5_000_000))
                bench.venue.change(market.id, (True, 30_000, 5_000_000))
            await until(lambda: bench.venue.requested)
            assert len(bench.venue.requested) <= 8
            bench.feeds.unfollow([market.id for market in bench.markets[1:]])
            bench.venue.fault = lambda frame: (frame,)
            await bench.recovered("m0")
            await asyncio.sleep(20)
            assert bench.feeds.restatements.outcomes["not followed any more"] >= 20
            assert bench.trusted("m0")
            assert not any(tracked.trusted for tracked in list(bench.hub.books.values())[1:])

    aio.run(main())


def test_of_requests_that_are_never_answered_one_per_book_is_under_way_and_given_up() -> None:
    async def main() -> None:
        async with live(*(f"m{number}" for number in range(30)), rules=QUICK) as bench:
            hanging = 0

            async def hang() -> None:
                nonlocal hanging
                hanging += 1
                try:
                    await asyncio.Event().wait()
                finally:
                    hanging -= 1

            bench.venue.before_answer = hang
            tasks = bench.feeds.restatements._tasks
            most = 0
            for _ in range(600):
                await asyncio.sleep(0.2)
                assert hanging <= 8
                most = max(most, len(tasks))
            assert most == 30
            assert bench.feeds.restatements.outcomes["request failed: TimeoutError"] > 100
            assert bench.trusted()

    aio.run(main())


def test_books_that_a_stream_shall_restate_are_asked_for_in_one_frame() -> None:
    async def main() -> None:
        names = [f"m{number}" for number in range(80)]
        async with live(*names, fetch=False) as bench:
            bench.venue.fault = Losing(lambda number: number % 2 == 0)
            for market in bench.markets:
                bench.venue.change(market.id, (True, 20_000, 5_000_000))
                bench.venue.change(market.id, (True, 30_000, 5_000_000))
            assert await bench.recovered() < 0.3
            said = [each for each in bench.venue.last.got if each != b"PING"]
            assert len(said) <= 1 + 2 * 2  # the opening, and at most two restatements

    aio.run(main())


def test_only_the_doubted_book_is_stated_anew() -> None:
    async def main() -> None:
        async with live("rain", "snow", fetch=False) as bench:
            rain, snow = bench.markets
            opened = len(bench.venue.last.got)
            bench.venue.fault = Losing(lambda number: number == 0)
            bench.venue.change(rain.id, (True, 20_000, 5_000_000))
            bench.venue.change(rain.id, (True, 30_000, 5_000_000))
            assert await bench.recovered() < 2
            said = b"".join(bench.venue.last.got[opened:]).decode()
            assert [token in said for token in rain.tokens] == [True, True]
            assert not [token for token in snow.tokens if f'"{token}"' in said]

    aio.run(main())


def test_a_state_from_within_a_timestamp_does_not_pass_for_its_last_one() -> None:
    async def main() -> None:
        async with live("rain", rules=QUICK) as bench:
            rain = bench.markets[0].id
            await asyncio.sleep(11)
            true = bench.venue.truth[rain]
            bench.venue.fault = Losing(lambda number: number == 0)
            bench.venue.change(rain, (True, 30_000, 7_000_000))  # lost
            bench.venue.change(rain, (True, 40_000, 7_000_000))
            # The request was answered between two changes that carry one time.
            bench.claim_another_book(rain)
            await asyncio.sleep(0.4)
            assert not bench.book().trusted
            assert bench.venue.requested
            assert await bench.recovered() < 2  # by the stream
            assert levels_of(bench.book().book) == true.levels

    aio.run(main())


def test_requests_are_not_used_for_a_stream_that_is_down() -> None:
    async def main() -> None:
        async with live("rain") as bench:
            await asyncio.sleep(11)
            bench.venue.refuse_with = 503
            bench.venue.last.cut()
            await until(lambda: not bench.book().trusted)
            await asyncio.sleep(60)
            assert not bench.book().trusted
            assert not bench.venue.requested
            bench.venue.refuse_with = None
            await bench.recovered()

    aio.run(main())


def test_streams_are_declared_for_every_socket_and_for_requests() -> None:
    channel = Channel(
        venue=POLYMARKET, dialect=MarketDialect(dict), decoder=None, codec="polymarket",
        proof="venue_hash", sockets=3, topics=lambda market: market.tokens, fetch=_none,
    )  # fmt: skip
    streams = declared([channel])
    assert [stream.name for stream in streams] == [
        "polymarket.market", "polymarket.market.1", "polymarket.market.2", "polymarket.book",
        "underround.follows",
    ]  # fmt: skip
    assert [stream.rank for stream in streams] == [0, 1, 2, 3, 4]
    assert [stream.silence_ms for stream in streams] == [60_000, 60_000, 60_000, None, None]
    feeds = feeds_of([channel], BookRules())
    assert [feed.silence_ns for feed in feeds[2:4]] == [60_000_000_000, 30_000_000_000]


async def _none(_market: object) -> bytes:
    return b""


def test_a_frame_of_our_own_is_read_as_it_was_written_and_nothing_else_is() -> None:
    market, decoder = MarketId(POLYMARKET, "0xab"), FollowsDecoder({})
    for followed in (False, True):
        frame = follow_frame(market, followed=followed)
        assert decoder.decode(frame) == (FollowChanged(market, followed=followed),)
    assert decoder.decode(b"") == ()
    for other in (b"{}", b"[]", b"x", b'{"market":"0xab","followed":true}', b"[" * 100_000):
        with pytest.raises(FrameRefused):
            decoder.decode(other)
