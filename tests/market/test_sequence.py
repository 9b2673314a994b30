"""Numbers as proof: a book is what the snapshot and every later number make of it."""

from __future__ import annotations

import msgspec
import pytest

from tests.market.builders import Bench, NumberingVenue, levels_of, snapshot
from tests.model.builders import market
from underround.market.hub import NOTHING, TRUST
from underround.model.events import LevelAdjusted, SequenceUsed
from underround.model.events import (
    Sequence as Number,
)
from underround.model.ids import KALSHI, NO, YES
from underround.model.units import ONE

A, B, C = (market(name, venue=KALSHI) for name in ("A", "B", "C"))


def begun() -> tuple[Bench, NumberingVenue]:
    """Return three trusted books of one subscription."""
    bench = Bench("sequence", A, B, C)
    venue = NumberingVenue(A, B, C)
    for each in (A, B, C):
        assert not any(tracked.market == each for tracked in bench.hub.books.values())
        bench.apply(venue.snapshot(each))
        bench.apply(venue.delta(each, YES, 400_000, 5 * ONE))
        bench.apply(venue.delta(each, NO, 300_000, 7 * ONE))
    assert trusted(bench) == [True, True, True]
    return bench, venue


def trusted(bench: Bench) -> list[bool]:
    """Return which of the books are trusted."""
    return [bench.hub.books[each.id].trusted for each in (A, B, C)]


def right(bench: Bench, venue: NumberingVenue) -> list[bool]:
    """Return which of the books hold what the venue's hold."""
    return [levels_of(bench.hub.books[each.id].book) == venue.levels[each] for each in (A, B, C)]


def test_a_book_is_trusted_from_its_snapshot_on() -> None:
    """Every later delta with the next number is proof; NO bids are YES asks."""
    bench, venue = begun()
    assert right(bench, venue) == [True, True, True]
    assert bench.hub.books[A.id].book.best_ask(YES) == 700_000
    assert [bench.hub.books[each.id].counters.verified for each in (A, B, C)] == [3, 3, 3]


def test_a_dropped_message_ends_the_trust_of_all_books_of_the_subscription() -> None:
    """It may have been about any of them."""
    bench, venue = begun()
    venue.delta(A, YES, 410_000, ONE)
    assert bench.apply(venue.delta(B, YES, 410_000, ONE)) & TRUST
    assert trusted(bench) == [False, False, False]
    assert {tracked.last_doubt for tracked in bench.hub.books.values()} == {"sequence gap"}
    assert [bench.hub.books[each.id].counters.gaps for each in (A, B, C)] == [1, 1, 1]


def test_trust_comes_back_only_with_a_snapshot_of_that_book() -> None:
    """Later numbers in order prove nothing about what was missed."""
    bench, venue = begun()
    venue.delta(A, YES, 410_000, ONE)
    for _ in range(5):
        bench.apply(venue.delta(B, YES, 410_000, ONE))
    assert trusted(bench) == [False, False, False]
    bench.apply(venue.snapshot(B))
    assert trusted(bench) == [False, True, False]
    assert right(bench, venue)[1]
    bench.apply(venue.delta(A, YES, 410_000, ONE), venue.delta(B, YES, 420_000, ONE))
    assert trusted(bench) == [False, True, False]
    assert right(bench, venue)[1]


def test_a_delta_told_twice_goes_back_and_ends_trust() -> None:
    """Applied twice it would be wrong: it is not applied, and all books are doubted."""
    bench, venue = begun()
    delta = venue.delta(A, YES, 410_000, ONE)
    bench.apply(delta)
    bench.apply(delta)
    assert trusted(bench) == [False, False, False]
    assert right(bench, venue) == [True, True, True]
    assert bench.hub.books[A.id].last_doubt == "sequence went back"


def test_swapped_deltas_end_trust() -> None:
    """A gap, then a number that went back: nothing of either is believed."""
    bench, venue = begun()
    first, second = venue.delta(A, YES, 410_000, ONE), venue.delta(B, YES, 410_000, ONE)
    bench.apply(second)
    assert bench.hub.books[A.id].last_doubt == "sequence gap"
    bench.apply(first)
    assert trusted(bench) == [False, False, False]
    bench.apply(venue.delta(C, YES, 410_000, ONE))
    assert trusted(bench) == [False, False, False]


def test_a_dropped_snapshot_is_a_gap_for_the_others() -> None:
    """The number is missing whatever the message was."""
    bench, venue = begun()
    venue.snapshot(A)
    bench.apply(venue.delta(B, YES, 410_000, ONE))
    assert trusted(bench) == [False, False, False]


def test_a_snapshot_after_a_gap_saves_only_its_own_book() -> None:
    """The gap in front of it is a gap for the other books of the subscription."""
    bench, venue = begun()
    venue.delta(A, YES, 410_000, ONE)
    bench.apply(venue.snapshot(A))
    assert trusted(bench) == [True, False, False]
    assert right(bench, venue)[0]


def test_control_messages_use_numbers_too() -> None:
    """An acknowledgement in its place is no gap; a missing one is."""
    bench, venue = begun()
    used = SequenceUsed(venue._next())
    assert bench.apply(used) == NOTHING
    bench.apply(venue.delta(A, YES, 410_000, ONE))
    assert trusted(bench) == [True, True, True]
    venue._next()
    bench.apply(SequenceUsed(venue._next()))
    assert trusted(bench) == [False, False, False]


def test_subscriptions_count_by_themselves() -> None:
    """A gap in one subscription says nothing about the books of another."""
    bench, venue = begun()
    bench.apply(snapshot(C, venue.levels[C], number=Number(2, 1)))
    venue.delta(A, YES, 410_000, ONE)
    bench.apply(venue.delta(B, YES, 410_000, ONE))
    assert trusted(bench) == [False, False, True]


def test_a_delta_before_any_snapshot_is_not_applied() -> None:
    """A change of an unknown book proves nothing."""
    bench = Bench("sequence", A)
    bench.apply(NumberingVenue(A).delta(A, YES, 400_000, ONE))
    assert not bench.trusted()
    assert levels_of(bench.tracked.book) == {}
    assert bench.tracked.counters.unverifiable == 1


@pytest.mark.parametrize(
    "price, delta", [(400_000, -5 * ONE - 1), (405_000, ONE), (0, ONE), (ONE, ONE)]
)
def test_an_impossible_delta_ends_trust_until_a_snapshot(price: int, delta: int) -> None:
    """A level below zero or off the grid: something before it was wrong."""
    bench, venue = begun()
    number = venue._next()
    bench.apply(LevelAdjusted(A.id, YES, "buy", price, delta, 1, number))
    assert trusted(bench) == [False, True, True]
    assert bench.hub.books[A.id].last_doubt == "impossible level"
    bench.apply(venue.delta(A, YES, 410_000, ONE))
    assert trusted(bench) == [False, True, True]
    bench.apply(venue.snapshot(A))
    assert trusted(bench) == [True, True, True]


def test_a_flipped_size_is_beyond_numbers() -> None:
    """Numbers prove that nothing is missing, not what is in it: a wrong size stays trusted."""
    bench, venue = begun()
    delta = venue.delta(A, YES, 410_000, ONE)
    bench.apply(msgspec.structs.replace(delta, delta=2 * ONE))
    assert trusted(bench) == [True, True, True]
    assert right(bench, venue) == [False, True, True]


def test_a_book_that_is_crossed_for_a_moment_is_not_traded_on() -> None:
    """A match takes several messages; between them trust is suspended, and back after them."""
    bench, venue = begun()
    bench.apply(venue.delta(A, YES, 700_000, ONE))
    assert trusted(bench) == [False, True, True]
    assert bench.hub.books[A.id].last_doubt == "crossed for a moment"
    bench.apply(venue.delta(A, NO, 300_000, -7 * ONE))
    assert trusted(bench) == [True, True, True]
    assert right(bench, venue) == [True, True, True]


def test_a_new_connection_starts_numbers_and_books_again() -> None:
    """Number 1 of the next connection follows nothing, and old books are dropped."""
    bench, _ = begun()
    bench.reconnect()
    assert trusted(bench) == [False, False, False]
    assert levels_of(bench.hub.books[A.id].book) == {}
    fresh = NumberingVenue(A, B, C)
    fresh.levels[A] = {(True, 200_000): ONE}
    bench.apply(fresh.snapshot(A))
    assert trusted(bench) == [True, False, False]
    assert right(bench, fresh)[0]


def test_a_requested_book_does_not_replace_a_numbered_one() -> None:
    """It has neither number nor time: later deltas would be added to who knows what."""
    bench, venue = begun()
    stale = snapshot(A, {(True, 100_000): ONE}, request=True)
    bench.apply(stale)
    bench.apply(venue.delta(A, YES, 410_000, ONE))
    assert right(bench, venue)[0] or not trusted(bench)[0]


def test_a_snapshot_off_the_grid_ends_trust() -> None:
    """A book that has no place on the grid is a doubt, not the end of the run."""
    bench, venue = begun()
    venue.levels[A] = {(True, 405_000): ONE}
    bench.apply(venue.snapshot(A))
    assert trusted(bench) == [False, True, True]
    bench.apply(venue.delta(A, YES, 410_000, ONE))
    assert trusted(bench) == [False, True, True]
