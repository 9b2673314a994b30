"""What ends trust whatever the proof, and what else the hub keeps."""

from __future__ import annotations

import pytest

from tests.market.builders import MS, Bench, HashingVenue, levels_of, make_hub, snapshot
from tests.model.builders import market
from underround.market.hub import NOTHING, TRUST
from underround.market.trust import BookRules, Feed
from underround.model.events import (
    BestStated,
    BookSnapshot,
    FollowChanged,
    MarketClosed,
    MarketListed,
    MarketNoticed,
    MarketResolved,
    ReferenceTick,
    StreamOpened,
    StreamSilent,
    TicksChanged,
    TradePrinted,
)
from underround.model.ids import YES
from underround.model.market import uniform_ticks
from underround.model.units import ONE


def begun() -> tuple[Bench, HashingVenue]:
    """Return a trusted book and its venue."""
    bench = Bench("venue_hash")
    venue = HashingVenue(bench.market)
    bench.apply(venue.snapshot())
    assert bench.trusted()
    return bench, venue


# --- silence -----------------------------------------------------------------------------------


def test_silence_ends_trust_once_and_the_next_proof_restores_it() -> None:
    """At the limit the stream is only slow; a millisecond later it is silent, and counted once."""
    bench, venue = begun()
    bench.wait(30_000)
    assert bench.trusted()
    bench.wait(1)
    assert not bench.trusted()
    assert bench.tracked.last_doubt == "stream silent"
    bench.wait(60_000)
    assert bench.feed.silences == 1
    bench.hub.heard(bench.feed, 0, bench.now)
    bench.apply(*venue.change((True, 410_000, ONE)))
    assert bench.trusted()
    bench.wait(30_001)
    assert bench.feed.silences == 2


def test_a_requested_book_does_not_stand_in_for_a_silent_stream() -> None:
    """Nothing would keep it true; it is counted, and the stream's next word counts again."""
    bench, venue = begun()
    bench.wait(30_001)
    requests = Feed("requests", "none", 30_000)
    before = list(bench.tracked.book.bids), bench.tracked.counters.unverifiable
    venue.change((True, 410_000, ONE))
    assert bench.hub.apply(venue.snapshot(request=True), requests, bench.now) == NOTHING
    assert not bench.trusted()
    after = list(bench.tracked.book.bids), bench.tracked.counters.unverifiable
    assert after == (before[0], before[1] + 1)
    bench.hub.heard(bench.feed, 0, bench.now)
    bench.apply(venue.snapshot())
    assert bench.trusted()


def test_a_stream_that_was_never_heard_is_not_silent() -> None:
    """There is nothing to trust yet."""
    bench = Bench("venue_hash")
    bench.wait(10**6)
    assert bench.feed.silences == 0


def test_a_silence_that_no_timer_noticed_is_told_before_the_frame() -> None:
    """The frame that ends it brings it up: what was trusted meanwhile was not proven."""
    bench, _ = begun()
    bench.now += 30_001 * MS
    told = bench.hub.heard(bench.feed, 0, bench.now)
    assert told == [StreamSilent("stream", 30_001)]
    for event in told:
        assert bench.hub.apply(event, bench.feed, bench.now) == TRUST
    assert not bench.trusted()
    assert bench.feed.silences == 1
    assert not bench.feed.silent


def test_silence_is_a_matter_of_the_stream_that_feeds_the_book() -> None:
    """A second stream about the same book keeps it alive: the one heard last answers for it."""
    rain = market("rain")
    venue = HashingVenue(rain)
    stream, rest = Feed("stream", "venue_hash", 1_000), Feed("rest", "venue_hash", 10**6)
    hub = make_hub([stream, rest], [rain])
    now = 10**15
    stream.heard_ns = rest.heard_ns = now
    hub.apply(venue.snapshot(), stream, now)
    hub.apply(venue.snapshot(), rest, now)
    assert hub.books_of(stream) == hub.books_of(rest) == [hub.books[rain.id]]
    for feed, silent in hub.silences(now + 2_000 * MS):
        assert feed is stream
        hub.apply(silent, feed, now + 2_000 * MS)
    assert hub.books[rain.id].trusted


# --- reconnect ---------------------------------------------------------------------------------


def test_a_reconnect_drops_the_book() -> None:
    """What happened meanwhile is unknown: the levels are gone until the next snapshot."""
    bench, venue = begun()
    bench.reconnect()
    assert not bench.trusted()
    assert levels_of(bench.tracked.book) == {}
    assert bench.tracked.last_doubt == "reconnected"
    bench.apply(*venue.change((True, 410_000, ONE)))
    assert not bench.trusted()
    bench.apply(venue.snapshot())
    assert bench.trusted()


def test_an_epoch_is_counted_once() -> None:
    """From one snapshot to the next reason for doubt: one snapshot before, one after."""
    bench, venue = begun()
    bench.reconnect()
    bench.apply(venue.snapshot())
    assert bench.tracked.counters.epochs == 2


def test_the_first_connection_is_no_reconnect() -> None:
    """A stream's first frame opens nothing anew; each later connection does."""
    feed = Feed("stream", "venue_hash", 1_000)
    hub = make_hub([feed], [])
    assert hub.heard(feed, 4, 1) == []
    assert hub.heard(feed, 4, 2) == []
    assert hub.heard(feed, 5, 3) == [StreamOpened("stream", 5)]
    assert hub.heard(feed, 5, 4) == []


def test_an_older_snapshot_after_a_reconnect_is_taken_in_and_trusted_when_it_has_caught_up() -> (
    None
):
    """The new connection begins with it, but the venue has told us of a later state."""
    bench, venue = begun()
    older, levels = venue.snapshot(), dict(venue.levels)
    missed = venue.change((True, 410_000, ONE))
    bench.apply(*missed)
    bench.reconnect()
    bench.apply(older)
    assert not bench.trusted()
    assert bench.tracked.last_doubt == "behind an earlier connection"
    assert levels_of(bench.tracked.book) == levels
    assert bench.tracked.counters.stale_snapshots == 0
    bench.apply(*missed)
    assert bench.trusted()


def test_what_two_connections_say_is_believed_although_an_earlier_one_was_ahead() -> None:
    """Otherwise one wrong time of the venue would end the trust for good."""
    bench, venue = begun()
    older = venue.snapshot()
    bench.apply(*venue.change((True, 410_000, ONE)))
    for trusted in (False, True):
        bench.reconnect()
        bench.apply(older)
        assert bench.trusted() is trusted


# --- requested books beside a stream -----------------------------------------------------------


class Beside(Bench):
    """A stream, and the requests of another one for the same book."""

    def __init__(self) -> None:
        super().__init__("venue_hash")
        self.requests = Feed("requests", "venue_hash", 30_000)
        self.hub = make_hub([self.feed, self.requests], self.markets)
        self.venue = HashingVenue(self.market)

    def request(self, answer: BookSnapshot) -> bool:
        """Take an answer in; return whether the book is trusted then."""
        self.now += MS
        self.hub.apply(answer, self.requests, self.now)
        return self.trusted()


def test_after_a_reconnect_a_requested_book_is_not_believed_before_its_stream_has_stated_it() -> (
    None
):
    """Nothing would keep it true."""
    bench = Beside()
    bench.apply(bench.venue.snapshot())
    assert bench.trusted()
    bench.reconnect()
    assert not bench.request(bench.venue.snapshot(request=True))


def test_a_requested_book_is_not_believed_while_its_stream_is_silent() -> None:
    bench = Beside()
    bench.apply(bench.venue.snapshot())
    bench.wait(31_000)
    assert not bench.trusted()
    bench.venue.change((True, 410_000, ONE))
    assert not bench.request(bench.venue.snapshot(request=True))
    for event in bench.hub.heard(bench.feed, bench.feed.connection, bench.now):
        bench.hub.apply(event, bench.feed, bench.now)
    assert bench.request(bench.venue.snapshot(request=True))


def test_a_requested_book_of_the_same_moment_with_other_levels_ends_the_trust_in_ours() -> None:
    """And the same answer again does not bring it back: the stream has to."""
    bench = Beside()
    stated = bench.venue.snapshot()
    bench.apply(stated)
    levels = dict(bench.venue.levels)
    bench.venue.levels[True, 100_000] = 5 * ONE
    other = bench.venue.snapshot(request=True)
    assert not bench.request(other)
    assert bench.tracked.last_doubt == "requested book differs"
    assert not bench.request(other)
    assert levels_of(bench.tracked.book) == levels
    bench.apply(stated)
    assert bench.trusted()


def test_a_requested_book_from_within_a_timestamp_does_not_repair_ours() -> None:
    """The stream told the hash of the last state of that time, and the answer has another one."""
    bench = Beside()
    bench.apply(bench.venue.snapshot())
    bench.venue.change((True, 400_000, ONE))  # lost
    bench.apply(*bench.venue.change((True, 410_000, ONE)))
    assert not bench.trusted()
    true = dict(bench.venue.levels)
    del bench.venue.levels[True, 410_000]
    within = bench.venue.snapshot(request=True)
    assert not bench.request(within)
    bench.venue.levels = true
    assert bench.request(bench.venue.snapshot(request=True))
    assert levels_of(bench.tracked.book) == true


# --- markets that are not followed -------------------------------------------------------------


def test_a_market_that_is_not_followed_is_not_trusted_whatever_comes_until_it_is_again() -> None:
    bench, venue = begun()
    bench.apply(FollowChanged(bench.market.id, followed=False))
    assert not bench.trusted()
    assert bench.tracked.last_doubt == "not followed any more"
    bench.apply(venue.snapshot(), *venue.change((True, 410_000, ONE)))
    assert not bench.trusted()
    bench.apply(FollowChanged(bench.market.id, followed=True))
    assert not levels_of(bench.tracked.book)
    bench.apply(venue.snapshot())
    assert bench.trusted()


def test_a_market_that_closed_stays_closed_when_it_is_followed_again() -> None:
    bench, venue = begun()
    bench.apply(MarketClosed(bench.market.id, bench.now))
    for followed in (False, True):
        bench.apply(FollowChanged(bench.market.id, followed=followed), venue.snapshot())
        assert not bench.trusted()


def test_a_market_that_leaves_before_anything_was_told_of_it_is_not_trusted_afterwards() -> None:
    bench = Bench("venue_hash")
    venue = HashingVenue(bench.market)
    bench.apply(FollowChanged(bench.market.id, followed=False), venue.snapshot())
    assert not bench.trusted()


# --- ticks -------------------------------------------------------------------------------------


def test_a_new_grid_drops_the_book() -> None:
    """Trust starts again on the new grid; finer prices have a place from then on."""
    bench, _ = begun()
    epoch = uniform_ticks("0.001", bench.now)
    assert bench.apply(TicksChanged(bench.market.id, epoch)) & TRUST
    assert not bench.trusted()
    assert bench.tracked.last_doubt == "tick size changed"
    assert levels_of(bench.tracked.book) == {}
    assert bench.tracked.book.step == 1_000
    assert bench.tracked.ticks == epoch


def test_the_same_grid_told_again_is_nothing() -> None:
    """It is told once for each outcome."""
    bench, venue = begun()
    assert bench.apply(TicksChanged(bench.market.id, uniform_ticks("0.01", 99))) == NOTHING
    assert bench.trusted()
    assert levels_of(bench.tracked.book) == venue.levels


# --- the end of a market -----------------------------------------------------------------------


def test_a_closed_market_is_not_trusted() -> None:
    """Trading ended; the book is what is left over."""
    bench, _ = begun()
    assert bench.apply(MarketClosed(bench.market.id, 1)) == TRUST
    assert not bench.trusted()
    assert bench.tracked.last_doubt == "market closed"
    assert bench.hub.closed == {bench.market.id}
    assert bench.hub.payouts == {}
    assert bench.apply(MarketClosed(bench.market.id, 2)) == NOTHING


def test_a_resolved_market_is_closed_and_pays() -> None:
    """A resolution closes the market if nothing did before."""
    bench, _ = begun()
    payouts = (300_000, 700_000)
    assert bench.apply(MarketResolved(bench.market.id, 1, payouts, "venue")) == TRUST
    assert not bench.trusted()
    assert bench.hub.closed == {bench.market.id}
    assert bench.hub.payouts == {bench.market.id: payouts}


def test_a_market_that_was_never_seen_can_close() -> None:
    """No book appears by it."""
    bench = Bench("venue_hash")
    assert bench.apply(MarketClosed(bench.market.id, 1)) == NOTHING
    assert not bench.hub.books


# --- what is not about trust -------------------------------------------------------------------


def test_trusted_time_is_what_lies_between_proof_and_doubt() -> None:
    """Nanoseconds of trust add up over epochs, the open one included at the end."""
    bench, venue = begun()
    began = bench.tracked.trusted_since_ns
    bench.now += 500 * MS
    bench.reconnect()
    first = bench.now - began
    bench.now += 500 * MS
    bench.apply(venue.snapshot())
    began = bench.now
    bench.now += 250 * MS
    bench.hub.finish(bench.now)
    assert bench.tracked.counters.trusted_ns == first + bench.now - began
    assert bench.tracked.counters.trusted_at_end
    assert bench.tracked.counters.doubts == {"reconnected": 1}


def test_trades_are_added_up_and_change_no_level() -> None:
    """The venue restates the levels itself."""
    bench, venue = begun()
    for size in (2, 3):
        print_ = TradePrinted(bench.market.id, YES, bench.now, 400_000, size * ONE, "sell", "0.4")
        assert bench.apply(print_) == NOTHING
    assert bench.hub.traded == {bench.market.id: 5 * ONE}
    assert levels_of(bench.tracked.book) == venue.levels


def test_reference_prices_are_the_last_tick() -> None:
    """With the time at which it was received."""
    bench = Bench("none")
    for price in (5, 7):
        bench.apply(ReferenceTick("coinbase:BTC-USD", None, price))
    kept = bench.hub.references["coinbase:BTC-USD"]
    assert (kept.price, kept.received_ns) == (7, bench.now)


def test_what_carries_no_book_changes_no_book() -> None:
    """Tickers, listings and mentions leave every book and its trust alone."""
    bench, _ = begun()
    listed = MarketListed(market("new"))
    noticed = MarketNoticed("x", "y")
    best = BestStated(bench.market.id, 1, 1, 2)
    assert [bench.apply(event) for event in (listed, noticed, best)] == [NOTHING] * 3
    assert bench.trusted()
    assert len(bench.hub.books) == 1


@pytest.mark.parametrize("field", ["agreements_to_trust", "max_silence_ms", "max_polled_age_ms"])
def test_rules_have_sane_defaults(field: str) -> None:
    """No rule is off by default."""
    assert getattr(BookRules(), field) > 0


def test_a_snapshot_without_a_time_leaves_the_time_of_the_state() -> None:
    """Kalshi does not say when; what was known stays."""
    bench = Bench("polled")
    bench.apply(snapshot(bench.market, {(True, 1 * 10_000): 1}, at_ns=77))
    bench.apply(snapshot(bench.market, {(True, 2 * 10_000): 1}))
    assert bench.tracked.changed_ns == 77
