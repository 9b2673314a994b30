"""What a look at a catalogue changes, told once; and the hub that hears of it."""

from __future__ import annotations

import random
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market.builders import Bench
from tests.market.listings import NOW, SECOND, found, grid, listing, paid
from tests.model.builders import market as bare_market
from underround.market.catalogue import (
    KnownMarkets,
    LookPlan,
    compare,
    contradiction,
    merged,
    next_look,
    stale,
)
from underround.market.hub import NOTHING
from underround.model.events import (
    FeesChanged,
    MarketClosed,
    MarketEvent,
    MarketListed,
    MarketResolved,
    RulesChanged,
    TicksChanged,
)
from underround.model.fees import FeeCurve, NoFees, PolymarketFees
from underround.model.ids import KALSHI, POLYMARKET, GroupId, MarketId
from underround.model.listing import FeeEpoch, Found, Listing
from underround.model.market import EventGroup, TickBand, uniform_ticks
from underround.model.units import ONE

LATER: Final = NOW + 60 * SECOND
CRYPTO: Final = PolymarketFees(70_000, 1)


def after(known: Listing, new: Listing, now: int = LATER) -> list[MarketEvent]:
    return compare({known.market.id: known}, found(new), now)


# --- compare -----------------------------------------------------------------------------------


def test_a_market_never_seen_is_listed() -> None:
    new = listing()
    assert compare({}, found(new), NOW) == [MarketListed(new.market)]


def test_a_market_first_seen_after_its_end_is_listed_closed_and_resolved() -> None:
    new = listing(state="resolved", closes_ns=NOW - 9)
    assert compare({}, found(new, resolutions=(paid(),)), NOW) == [
        MarketListed(new.market),
        MarketClosed(new.market.id, NOW - 9),
        MarketResolved(new.market.id, NOW, (ONE, 0), "a test"),
    ]


def test_an_unchanged_market_says_nothing() -> None:
    assert after(listing(), listing(updated_ns=LATER)) == []


def test_a_market_that_one_look_misses_is_not_closed() -> None:
    known = listing()
    assert compare({known.market.id: known}, found(), LATER) == []


def test_a_new_grid_begins_when_the_venue_changed_the_row() -> None:
    new = listing(ticks=grid("0.001", 0), updated_ns=LATER)
    assert after(listing(), new, LATER + 9) == [
        TicksChanged(new.market.id, uniform_ticks("0.001", LATER))
    ]


def test_a_grid_that_a_stream_told_after_the_row_was_made_stays() -> None:
    known = listing(ticks=(*grid("0.01", 0), *grid("0.001", LATER)))
    assert after(known, listing(updated_ns=NOW + 1)) == []
    (event,) = after(known, listing(updated_ns=LATER + 1))
    assert event == TicksChanged(known.market.id, uniform_ticks("0.01", LATER + 1))


def test_other_fees_hold_from_the_rows_own_time_and_the_old_ones_are_remembered() -> None:
    known, new = listing(), listing(fees=CRYPTO, updated_ns=LATER)
    assert after(known, new) == [FeesChanged(known.market.id, LATER, CRYPTO)]
    kept = merged(known, new, None, LATER)
    assert kept.fee_history == (FeeEpoch(0, NoFees()), FeeEpoch(LATER, CRYPTO))
    assert kept.market.fees == CRYPTO


def test_fees_the_venue_dates_itself_keep_their_date() -> None:
    history = (FeeEpoch(0, NoFees()), FeeEpoch(NOW + 5, CRYPTO))
    new = listing(fees=CRYPTO, fee_history=history, updated_ns=LATER)
    assert after(listing(), new) == [FeesChanged(new.market.id, NOW + 5, CRYPTO)]
    assert merged(listing(), new, None, LATER).fee_history == history


def test_other_words_are_told_by_their_hashes() -> None:
    known, new = listing(), listing(rules="Yes if it pours.")
    assert after(known, new) == [RulesChanged(known.market.id, known.rules_hash, new.rules_hash)]
    assert after(known, listing(rules="  Yes if\nrain   comes. ")) == []


def test_a_close_without_a_time_of_its_own_is_dated_by_the_look() -> None:
    assert after(listing(), listing(state="closed")) == [MarketClosed(listing().market.id, LATER)]
    assert after(listing(), listing(state="closed", closes_ns=NOW + 3)) == [
        MarketClosed(listing().market.id, NOW + 3)
    ]


def test_a_pause_is_no_close() -> None:
    assert after(listing(), listing(state="paused")) == []


def test_a_resolution_is_told_once_after_the_close() -> None:
    known = listing(state="closed")
    new = listing(state="resolved")
    look = found(new, resolutions=(paid(yes=0),))
    assert compare({known.market.id: known}, look, LATER) == [
        MarketResolved(known.market.id, NOW, (0, ONE), "a test")
    ]
    assert compare({known.market.id: new}, look, LATER) == []


def test_after_the_payout_nothing_changes_any_more() -> None:
    known = listing(state="resolved")
    new = listing(state="resolved", fees=CRYPTO, rules="No.", updated_ns=LATER)
    assert after(known, new) == []


def test_resolved_without_a_payout_is_only_closed() -> None:
    known = KnownMarkets()
    known.take(found(listing(state="resolved")), NOW)
    (kept,) = known.listings.values()
    assert kept.state == "closed"
    events = known.take(found(listing(state="resolved"), resolutions=(paid(),)), LATER)
    assert [type(each) for each in events] == [MarketResolved]


def test_an_older_row_changes_nothing() -> None:
    known = listing(updated_ns=LATER)
    assert stale(known, listing(fees=CRYPTO, updated_ns=NOW))
    assert after(known, listing(fees=CRYPTO, updated_ns=NOW)) == []
    assert stale(listing(state="resolved"), listing(updated_ns=LATER))
    assert not stale(listing(updated_ns=None), listing())


@pytest.mark.parametrize(
    "changes",
    [
        {"tokens": ("other", "rain-no")},
        {"outcomes": ("Up", "Down")},
        {"neg_risk": True},
        {"protocol": "v2"},
        {"currency": "USD"},
    ],
)
def test_what_cannot_change_is_not_believed(changes: dict[str, Any]) -> None:
    known = KnownMarkets()
    known.take(found(listing()), NOW)
    other = listing(fees=CRYPTO, updated_ns=LATER, **changes)
    assert contradiction(listing(), other)
    assert known.take(found(other), LATER) == []
    assert known.listings[other.market.id].market == listing().market
    assert list(known.contradicted) == [other.market.id]
    known.take(found(listing(updated_ns=LATER)), LATER)
    assert not known.contradicted


def test_a_payout_never_changes() -> None:
    known = KnownMarkets()
    known.take(found(listing(state="resolved"), resolutions=(paid(),)), NOW)
    again = listing(state="resolved", updated_ns=LATER)
    assert known.take(found(again, resolutions=(paid(yes=0),)), LATER) == []
    assert known.resolutions[again.market.id].payouts == (ONE, 0)
    assert known.contradicted == {again.market.id: "its payouts changed"}


# --- properties --------------------------------------------------------------------------------

NAMES: Final = ("hail", "rain", "snow")


@st.composite
def looks(draw: st.DrawFn) -> Found:
    """Return a look of some markets in any order, state and age."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    listings, resolutions = [], []
    for name in draw(st.permutations(names)):
        state = draw(st.sampled_from(["unopened", "open", "paused", "closed", "resolved"]))
        fees = draw(st.sampled_from([NoFees(), CRYPTO, PolymarketFees(250_000, 2)]))
        listings.append(
            listing(
                name,
                state=state,
                fees=fees,
                ticks=grid(draw(st.sampled_from(["0.01", "0.001", "0.0025"])), 0),
                rules=draw(st.sampled_from(["Yes.", "No.", " Yes. "])),
                updated_ns=draw(st.none() | st.integers(NOW - 5, NOW + 5)),
                closes_ns=NOW if state in {"closed", "resolved"} else None,
                tokens=(draw(st.sampled_from(["1", "1", "1", "9"])), "2"),
            )
        )
        if state == "resolved" and draw(st.booleans()):
            resolutions.append(paid(name, yes=draw(st.sampled_from([0, ONE // 2, ONE]))))
    return found(*listings, resolutions=tuple(resolutions))


@given(st.lists(looks(), max_size=6))
def test_the_same_look_twice_changes_nothing_the_second_time(history: list[Found]) -> None:
    known = KnownMarkets()
    for turn, look in enumerate(history):
        known.take(look, NOW + turn)
        before = dict(known.listings)
        assert known.take(look, NOW + turn) == []
        assert known.listings == before


@given(st.lists(looks(), max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_rows_in_a_look_does_not_matter(
    history: list[Found], rng: random.Random
) -> None:
    first, second = KnownMarkets(), KnownMarkets()
    for turn, look in enumerate(history):
        rows = list(look.listings)
        rng.shuffle(rows)
        shuffled = msgspec.structs.replace(look, listings=tuple(rows))
        assert first.take(look, NOW + turn) == second.take(shuffled, NOW + turn)
    assert first.listings == second.listings


@given(st.lists(looks(), max_size=8))
def test_events_rebuild_what_is_known(history: list[Found]) -> None:
    """Whoever hears every event has the markets' fees, grids and ends as the catalogue has them."""
    known = KnownMarkets()
    fees: dict[MarketId, FeeCurve] = {}
    bands: dict[MarketId, tuple[TickBand, ...]] = {}
    words: dict[MarketId, str] = {}
    payouts: dict[MarketId, tuple[int, int]] = {}
    over: set[MarketId] = set()
    for turn, look in enumerate(history):
        for event in known.take(look, NOW + turn):
            if isinstance(event, MarketListed):
                assert event.market.id not in fees
                fees[event.market.id] = event.market.fees
                bands[event.market.id] = event.market.ticks[-1].bands
                words[event.market.id] = known.listings[event.market.id].rules_hash
            elif isinstance(event, FeesChanged):
                assert fees[event.market] != event.fees
                fees[event.market] = event.fees
            elif isinstance(event, TicksChanged):
                assert bands[event.market] != event.epoch.bands
                bands[event.market] = event.epoch.bands
            elif isinstance(event, RulesChanged):
                assert words[event.market] == event.before
                words[event.market] = event.after
            elif isinstance(event, MarketClosed):
                over.add(event.market)
            elif isinstance(event, MarketResolved):
                assert event.market in over
                assert event.market not in payouts
                payouts[event.market] = event.payouts
    for market_id, kept in known.listings.items():
        assert fees[market_id] == kept.market.fees == kept.fee_history[-1].fees
        assert bands[market_id] == kept.market.ticks[-1].bands
        assert words[market_id] == kept.rules_hash
        assert (market_id in payouts) is (kept.state == "resolved")
        since = [epoch.since_ns for epoch in kept.fee_history]
        assert since == sorted(set(since))
    assert {key: each.payouts for key, each in known.resolutions.items()} == payouts


# --- what is known -----------------------------------------------------------------------------


def test_a_market_is_found_by_slug_and_by_token() -> None:
    known = KnownMarkets()
    known.take(found(listing("rain"), listing("snow", KALSHI)), NOW)
    rain = known.by_slug(POLYMARKET, "rain")
    assert rain is not None
    assert known.by_token(POLYMARKET, "rain-no") == rain
    assert known.by_slug(KALSHI, "rain") is None
    assert known.by_token(POLYMARKET, "snow-yes") is None


def test_what_a_stream_told_is_not_told_again_by_the_next_look() -> None:
    known = KnownMarkets()
    known.take(found(listing()), NOW)
    market_id = listing().market.id
    epoch = uniform_ticks("0.001", NOW + 5)
    known.note(TicksChanged(market_id, epoch))
    known.note(TicksChanged(market_id, epoch))
    known.note(FeesChanged(market_id, NOW + 5, CRYPTO))
    known.note(MarketClosed(market_id, NOW + 6))
    known.note(MarketResolved(market_id, NOW + 7, (0, ONE), "stream"))
    known.note(MarketClosed(MarketId(POLYMARKET, "unheard of"), NOW))
    kept = known.listings[market_id]
    assert kept.state == "resolved"
    assert len(kept.market.ticks) == 2
    late = listing(
        state="resolved", ticks=grid("0.001", 0), fees=CRYPTO, updated_ns=LATER, closes_ns=NOW + 6
    )
    assert known.take(found(late, resolutions=(paid(yes=0),)), LATER) == []
    assert known.resolutions[market_id].source == "stream"


def test_a_cached_look_does_not_reopen_what_a_stream_closed() -> None:
    known = KnownMarkets()
    known.take(found(listing()), NOW)
    known.note(MarketClosed(listing().market.id, NOW + 6))
    known.take(found(listing(updated_ns=NOW + 1)), NOW + 9)
    assert known.listings[listing().market.id].state == "closed"
    known.take(found(listing(updated_ns=LATER)), LATER)
    assert known.listings[listing().market.id].state == "open"


def a_group(*names: str) -> EventGroup:
    members = tuple(listing(name).market.id for name in names)
    return EventGroup(GroupId("polymarket:weather"), "?", members, True, False, "all named")


def test_a_catalogue_for_a_run_holds_present_grids_and_complete_groups() -> None:
    known = KnownMarkets()
    group = a_group("rain", "snow")
    first = found(listing("rain"), listing("snow"), groups=(group, a_group("rain", "gone")))
    known.take(first, NOW)
    assert list(known.groups.values()) == [group]
    known.take(found(listing("rain", ticks=grid("0.001", 0), updated_ns=LATER)), LATER)
    rain, snow = listing("rain").market.id, listing("snow").market.id
    assert known.catalogue([rain]).groups == ()
    both = known.catalogue([snow, rain, snow])
    assert both.groups == (group,)
    assert [each.id for each in both.markets] == [snow, rain]
    assert both.markets[1].ticks == grid("0.001", LATER)
    with pytest.raises(KeyError):
        known.catalogue([MarketId(POLYMARKET, "unknown")])


# --- when to look ------------------------------------------------------------------------------


@given(seed=st.integers(), failures=st.integers(0, 100))
def test_the_next_look_comes_after_a_jittered_pause_that_doubles_with_failures(
    seed: int, failures: int
) -> None:
    pause = min(30 << min(failures, 20), 600)
    at = next_look(NOW, random.Random(seed), failures)
    assert pause * 800_000_000 <= at - NOW <= pause * 1_200_000_000


def test_the_jitter_spreads_looks_over_its_whole_width() -> None:
    rng = random.Random(5)
    pauses = [(next_look(NOW, rng) - NOW) // SECOND for _ in range(2_000)]
    assert (min(pauses), max(pauses)) == (24, 35)


def test_a_long_pause_is_not_shortened_by_failures() -> None:
    plan = LookPlan(every_ms=3_600_000, jitter_percent=0)
    assert next_look(NOW, random.Random(1), 3, plan) == NOW + 3_600 * SECOND


# --- the hub -----------------------------------------------------------------------------------


def test_the_hub_prices_with_the_new_fees_at_once() -> None:
    bench = Bench("sequence")
    market_id = bench.market.id
    assert bench.apply(FeesChanged(market_id, bench.now, CRYPTO)) == NOTHING
    assert bench.hub.markets[market_id].fees == CRYPTO
    tracked = bench.hub._shelf.track(market_id, bench.feed)
    bench.apply(FeesChanged(market_id, bench.now, NoFees()))
    assert tracked.market.fees == NoFees()
    assert tracked.market is bench.hub.markets[market_id]
    bench.apply(FeesChanged(MarketId(POLYMARKET, "unknown"), bench.now, CRYPTO))


def test_the_hub_takes_a_listed_market_in_and_keeps_one_it_knows() -> None:
    bench = Bench("sequence")
    new = bare_market("snow")
    assert bench.apply(MarketListed(new)) == NOTHING
    assert bench.hub.markets[new.id] == new
    known = bench.hub.markets[bench.market.id]
    bench.apply(MarketListed(msgspec.structs.replace(known, title="another")))
    assert bench.hub.markets[bench.market.id] is known
