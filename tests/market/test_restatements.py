"""Books that are restated: by later snapshots, by the other outcome, and by every message."""

from __future__ import annotations

import pytest

from tests.market.builders import Bench, Levels, changed, snapshot
from underround.market.hub import TRUST
from underround.market.trust import BookRules
from underround.market.twins import QUIET_NS, TwinCheck
from underround.model.book import Side
from underround.model.events import BookSnapshot, LevelsChanged
from underround.model.ids import NO, YES, MarketId
from underround.model.units import ONE

BOOK: Levels = {(True, 400_000): 5 * ONE, (True, 390_000): ONE, (False, 600_000): 7 * ONE}


def state(bench: Bench, levels: Levels, outcome: int = YES) -> int:
    """Restate the book."""
    return bench.apply(snapshot(bench.market, levels, outcome=outcome, at_ns=bench.now))


def change(bench: Bench, side: Side, price: int, size: int) -> int:
    """Change a level without any statement."""
    return bench.apply(changed(bench.market, bench.now, (side, price, size)))


# --- restated ----------------------------------------------------------------------------------


def test_trust_needs_two_equal_restatements_after_the_first() -> None:
    """The first snapshot proves nothing, the two after it that equal our book do."""
    bench = Bench("restated")
    state(bench, BOOK)
    assert not bench.trusted()
    state(bench, BOOK, NO)
    assert not bench.trusted()
    assert state(bench, BOOK) & TRUST
    assert bench.trusted()
    assert bench.tracked.counters.verified == 2
    assert bench.tracked.counters.unverifiable == 1


def test_changes_rebuild_what_is_restated() -> None:
    """The rebuilt book is compared, not the previous snapshot."""
    bench = Bench("restated")
    levels = dict(BOOK)
    state(bench, levels)
    for size in (2 * ONE, 3 * ONE):
        change(bench, "buy", 380_000, size)
        levels[True, 380_000] = size
        state(bench, levels)
    assert bench.trusted()
    assert bench.tracked.counters.mismatched == 0


def trusted_book() -> Bench:
    """Return a trusted, restated book."""
    bench = Bench("restated")
    for outcome in (YES, NO, YES):
        state(bench, BOOK, outcome)
    assert bench.trusted()
    return bench


@pytest.mark.parametrize(
    "side, price, size",
    [("buy", 390_000, 2 * ONE), ("buy", 380_000, ONE), ("sell", 610_000, ONE)],
)
def test_a_dropped_change_is_found_by_the_next_restatement(
    side: Side, price: int, size: int
) -> None:
    """A level that appeared or grew unheard makes the books differ and ends trust."""
    bench = trusted_book()
    assert state(bench, {**BOOK, (side == "buy", price): size}) & TRUST
    assert not bench.trusted()
    assert bench.tracked.last_doubt == "restated book differs"
    assert bench.tracked.counters.mismatched == 1


@pytest.mark.parametrize(
    "left",
    [
        {(True, 400_000): 2 * ONE, (True, 390_000): ONE, (False, 600_000): 7 * ONE},
        {(True, 390_000): ONE, (False, 600_000): 7 * ONE},
    ],
)
def test_what_a_trade_took_proves_nothing_and_disproves_nothing(left: Levels) -> None:
    """Only best levels shrank or went: an unrecorded trade looks like that; trust stays."""
    bench = trusted_book()
    state(bench, left)
    assert bench.trusted()
    assert bench.tracked.counters.unverifiable == 2
    assert bench.tracked.counters.mismatched == 0


def test_a_deeper_level_that_shrank_is_no_trade() -> None:
    """Nobody trades below the best price."""
    bench = trusted_book()
    state(bench, {**BOOK, (True, 390_000): 1})
    assert not bench.trusted()


def test_an_older_restatement_is_not_applied() -> None:
    """It is counted, and neither proves nor disproves the newer book."""
    bench = trusted_book()
    bench.apply(snapshot(bench.market, {}, at_ns=1))
    assert bench.trusted()
    assert bench.tracked.counters.stale_snapshots == 1


def test_changes_that_cross_the_book_end_trust_for_the_moment() -> None:
    """A crossed book is not traded on; two equal restatements bring trust back."""
    bench = trusted_book()
    assert change(bench, "buy", 600_000, ONE) & TRUST
    assert not bench.trusted()
    assert bench.tracked.last_doubt == "crossed for a moment"
    change(bench, "buy", 600_000, 0)
    assert not bench.trusted()
    state(bench, BOOK)
    state(bench, BOOK, NO)
    assert bench.trusted()


def test_a_restatement_off_the_grid_ends_trust() -> None:
    """A book that has no place on the grid is a doubt, not the end of the run."""
    bench = trusted_book()
    state(bench, {**BOOK, (True, 385_000): ONE})
    assert not bench.trusted()
    state(bench, BOOK)
    assert not bench.trusted()


def test_the_first_restatement_of_a_connection_is_no_mismatch() -> None:
    """The book was dropped: there is nothing it could differ from."""
    bench = trusted_book()
    bench.reconnect()
    state(bench, BOOK)
    assert bench.tracked.counters.mismatched == 0


# --- polled ------------------------------------------------------------------------------------


def poll(bench: Bench, levels: Levels) -> int:
    """Answer a request."""
    return bench.apply(snapshot(bench.market, levels, request=True))


def test_a_polled_book_is_trusted_at_once_and_unverifiable() -> None:
    """Every message is the whole book: nothing can drift, and nothing is proven."""
    bench = Bench("polled")
    assert poll(bench, BOOK) & TRUST
    assert bench.trusted()
    assert bench.tracked.counters.unverifiable == 1


def test_a_polled_book_can_only_be_too_old() -> None:
    """At the limit it is trusted, a millisecond later it is not, until the next answer."""
    bench = Bench("polled", rules=BookRules(max_polled_age_ms=60_000))
    poll(bench, BOOK)
    bench.wait(60_000)
    assert bench.trusted()
    bench.wait(1)
    assert not bench.trusted()
    assert bench.tracked.last_doubt == "polled book too old"
    poll(bench, BOOK)
    assert bench.trusted()


def test_a_silent_stream_does_not_end_the_trust_of_a_polled_book() -> None:
    """Polling is slow by nature: only the age of the book itself counts."""
    bench = Bench("polled")
    poll(bench, BOOK)
    bench.wait(31_000)
    assert bench.feed.silent
    assert bench.trusted()


def test_a_book_without_any_proof_is_never_trusted() -> None:
    """Whatever arrives."""
    bench = Bench("none")
    for _ in range(50):
        state(bench, BOOK)
        change(bench, "buy", 380_000, ONE)
    assert not bench.trusted()


# --- twins -------------------------------------------------------------------------------------

RAIN = Bench("restated").market


def told(at_ns: int, side: Side, price: int, size: int, outcome: int) -> LevelsChanged:
    """Return one outcome's change."""
    return changed(RAIN, at_ns, (side, price, size), outcome=outcome)


def whole(at_ns: int, outcome: int) -> BookSnapshot:
    """Return one outcome's snapshot."""
    return snapshot(RAIN, BOOK, outcome=outcome, at_ns=at_ns)


def compare(*events: BookSnapshot | LevelsChanged) -> tuple[int, int, int, int | None]:
    """Return compared, agreed, differing levels and the first disagreement's time."""
    check = TwinCheck()
    for event in events:
        check.note(event)
    check.finish()
    found = check.counters[MarketId(RAIN.id.venue, RAIN.id.native)]
    return found.compared, found.agreed, found.differing_levels, found.first_ns


START = 10 * QUIET_NS


def test_twins_that_tell_the_same_agree() -> None:
    """A YES bid at p is a NO ask at 1 − p."""
    assert compare(
        whole(START, YES),
        whole(START, NO),
        told(START + QUIET_NS, "buy", 380_000, ONE, YES),
        told(START + QUIET_NS, "sell", 620_000, ONE, NO),
    ) == (2, 2, 0, None)


def test_a_frame_that_one_twin_misses_is_named() -> None:
    """The level, counted once, and the time at which it was first seen."""
    later = START + 5 * QUIET_NS
    assert compare(
        whole(START, YES),
        whole(START, NO),
        told(START + QUIET_NS, "buy", 380_000, ONE, YES),
        told(later, "buy", 390_000, 2 * ONE, YES),
        told(later, "sell", 610_000, 2 * ONE, NO),
    ) == (3, 1, 1, START + QUIET_NS)


def test_twins_are_compared_only_when_it_is_quiet() -> None:
    """They speak a moment apart: what lies between is no disagreement."""
    assert compare(
        whole(START, YES),
        whole(START, NO),
        told(START + QUIET_NS, "buy", 380_000, ONE, YES),
        told(START + QUIET_NS + QUIET_NS - 1, "sell", 620_000, ONE, NO),
    ) == (2, 2, 0, None)


def test_one_twin_alone_proves_nothing() -> None:
    """Nothing is compared before both have told a whole book."""
    assert compare(whole(START, YES), told(START + QUIET_NS, "sell", 620_000, ONE, NO)) == (
        0,
        0,
        0,
        None,
    )
