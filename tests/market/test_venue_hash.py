"""The venue's own hash as proof: nothing that it does not cover is trusted."""

from __future__ import annotations

import msgspec
import pytest

from tests.market.builders import MS, Bench, HashingVenue, levels_of, snapshot
from underround.market.hub import DEPTH, NOTHING, TOP, TRUST
from underround.model.book import Side
from underround.model.events import LevelsChanged, TradePrinted
from underround.model.ids import NO, YES
from underround.model.units import ONE


def begun(outcome: int = YES) -> tuple[Bench, HashingVenue]:
    """Return a trusted book and its venue."""
    bench = Bench("venue_hash")
    venue = HashingVenue(bench.market)
    assert bench.apply(venue.snapshot(outcome)) == TOP | DEPTH | TRUST
    assert bench.trusted()
    return bench, venue


@pytest.mark.parametrize("outcome", [YES, NO])
def test_a_right_snapshot_begins_trust(outcome: int) -> None:
    """A snapshot of either outcome proves the one book of the market."""
    bench, venue = begun(outcome)
    assert levels_of(bench.tracked.book) == venue.levels
    assert bench.tracked.counters.verified == 1


def test_a_wrong_snapshot_is_not_applied() -> None:
    """A flipped size ends trust, and the book keeps what was proven last."""
    bench, venue = begun()
    right = venue.snapshot()
    wrong = msgspec.structs.replace(right, bids=((400_000, 6 * ONE),))
    assert bench.apply(wrong) == TRUST
    assert not bench.trusted()
    assert levels_of(bench.tracked.book) == venue.levels
    assert bench.tracked.last_doubt == "snapshot hash differs"
    assert bench.tracked.counters.mismatched == 1
    bench.apply(right)
    assert bench.trusted()


def test_a_changed_book_is_trusted_when_its_hash_is_right() -> None:
    """Both outcomes' hashes are compared, and counted when the moment is over."""
    bench, venue = begun()
    bench.apply(*venue.change((True, 410_000, 3 * ONE)))
    assert bench.trusted()
    assert levels_of(bench.tracked.book) == venue.levels
    bench.apply(*venue.change((True, 410_000, 0)))
    assert bench.tracked.counters.verified == 3
    bench.hub.finish(bench.now)
    assert bench.tracked.counters.verified == 5
    assert bench.tracked.counters.mismatched == 0


def test_several_frames_of_one_moment_suspend_trust_until_the_last() -> None:
    """The hash is of the state after all of them; nothing trades in between."""
    bench, venue = begun()
    frames = venue.change((True, 410_000, ONE), (False, 590_000, ONE), (True, 420_000, ONE))
    trusted = []
    for frame in frames:
        bench.apply(frame)
        trusted.append(bench.trusted())
    assert trusted == [False, False, True]
    assert bench.tracked.counters.mismatched == 0
    assert bench.tracked.counters.doubts == {"waiting for the rest of a timestamp": 1}


def test_a_moment_that_stays_incomplete_is_a_mismatch_when_it_is_over() -> None:
    """A dropped frame ends trust; the next moment counts it and does not bring trust back."""
    bench, venue = begun()
    first, _dropped = venue.change((True, 410_000, ONE), (False, 590_000, ONE))
    bench.apply(first)
    assert not bench.trusted()
    assert bench.tracked.counters.mismatched == 0
    bench.apply(*venue.change((True, 420_000, ONE)))
    assert bench.tracked.counters.mismatched == 2
    assert not bench.trusted()
    bench.apply(venue.snapshot())
    assert bench.trusted()


def test_a_dropped_frame_is_found_by_the_next() -> None:
    """Nobody can know before; the next hash differs and ends trust."""
    bench, venue = begun()
    venue.change((True, 410_000, ONE))
    assert bench.trusted()
    bench.apply(*venue.change((False, 590_000, ONE)))
    assert not bench.trusted()


def test_a_dropped_frame_whose_level_is_told_again_is_harmless() -> None:
    """Sizes are absolute: the later statement makes the book right, and the hash proves it."""
    bench, venue = begun()
    venue.change((True, 410_000, ONE))
    bench.apply(*venue.change((True, 410_000, 2 * ONE)))
    assert bench.trusted()
    assert levels_of(bench.tracked.book) == venue.levels


def test_a_frame_told_twice_is_harmless() -> None:
    """The same absolute sizes make the same book with the same hash."""
    bench, venue = begun()
    (frame,) = venue.change((True, 410_000, ONE))
    assert bench.apply(frame) == TOP | DEPTH
    assert bench.apply(frame) == DEPTH
    assert bench.trusted()
    assert levels_of(bench.tracked.book) == venue.levels


def test_swapped_frames_are_not_trusted_until_proven() -> None:
    """Two moments in the wrong order: the later one's hash lacks the earlier, and the other way."""
    bench, venue = begun()
    (first,) = venue.change((True, 410_000, ONE))
    (second,) = venue.change((False, 590_000, ONE))
    bench.apply(second)
    assert not bench.trusted()
    bench.apply(first)
    assert not bench.trusted()
    bench.apply(*venue.change((True, 420_000, ONE)))
    assert bench.trusted()
    assert levels_of(bench.tracked.book) == venue.levels


@pytest.mark.parametrize("entry", [YES, NO])
def test_a_flipped_size_ends_trust_or_is_overridden(entry: int) -> None:
    """Each change is told for both outcomes: a wrong first is overridden, a wrong last is seen."""
    bench, venue = begun()
    (frame,) = venue.change((True, 410_000, ONE))
    changes = list(frame.changes)
    changes[entry] = msgspec.structs.replace(changes[entry], size=ONE + 1)
    bench.apply(msgspec.structs.replace(frame, changes=tuple(changes)))
    assert bench.trusted() == (entry == YES)
    assert bench.trusted() == (levels_of(bench.tracked.book) == venue.levels)


def test_an_older_answer_never_replaces_newer_state() -> None:
    """A request answered late is checked and counted, and changes neither levels nor trust."""
    bench, venue = begun()
    old = venue.snapshot(request=True)
    bench.apply(*venue.change((True, 410_000, ONE)))
    assert bench.apply(old) == NOTHING
    assert bench.trusted()
    assert levels_of(bench.tracked.book) == venue.levels
    assert bench.tracked.counters.stale_snapshots == 1
    assert bench.tracked.changed_ns == venue.at_ms * MS


def test_an_older_answer_does_not_restore_trust() -> None:
    """It proves what was, not what is."""
    bench, venue = begun()
    old = venue.snapshot(request=True)
    venue.change((True, 410_000, ONE))
    bench.apply(*venue.change((False, 590_000, ONE)))
    assert not bench.trusted()
    bench.apply(old)
    assert not bench.trusted()
    bench.apply(venue.snapshot(request=True))
    assert bench.trusted()


def test_a_wrong_older_answer_is_a_doubt() -> None:
    """Whatever its age: a book that is not what it says it is cannot be explained."""
    bench, venue = begun()
    old = msgspec.structs.replace(venue.snapshot(request=True), asks=())
    bench.apply(*venue.change((True, 410_000, ONE)))
    bench.apply(old)
    assert not bench.trusted()
    assert levels_of(bench.tracked.book) == venue.levels


def test_a_snapshot_without_a_hash_ends_trust() -> None:
    """It replaces the book, and nothing proves what it says."""
    bench, _ = begun()
    bench.apply(snapshot(bench.market, {(True, 100_000): ONE}, at_ns=2_000 * MS))
    assert not bench.trusted()
    assert bench.tracked.counters.unverifiable == 1


def test_a_change_without_a_hash_ends_trust() -> None:
    """What is not proven is not traded on, until the next hash is right."""
    bench, venue = begun()
    (frame,) = venue.change((True, 410_000, ONE))
    bare = tuple(msgspec.structs.replace(each, venue_hash=None) for each in frame.changes)
    bench.apply(msgspec.structs.replace(frame, changes=bare))
    assert not bench.trusted()
    assert bench.tracked.counters.unverifiable == 2
    bench.apply(*venue.change((False, 590_000, ONE)))
    assert bench.trusted()


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_price_off_the_grid_ends_trust(side: Side) -> None:
    """A level that has no place in the book makes it wrong, and the hash agrees."""
    bench, venue = begun()
    (frame,) = venue.change((True, 410_000, ONE))
    off = msgspec.structs.replace(frame.changes[0], price=415_000, side=side)
    bench.apply(msgspec.structs.replace(frame, changes=(*frame.changes, off)))
    assert bench.tracked.counters.mismatched == 1


def test_a_trade_changes_what_the_hash_covers() -> None:
    """The last trade's price is part of the hash, in the words of the venue."""
    bench, venue = begun()
    at_ns = (venue.at_ms + 1) * MS
    bench.apply(
        TradePrinted(bench.market.id, YES, at_ns, 400_000, ONE, "sell", "0.40"),
    )
    venue.inputs = msgspec.structs.replace(venue.inputs, last_trade_price="0.40")
    bench.apply(*venue.change((True, 400_000, 4 * ONE)))
    assert bench.trusted()
    venue.inputs = msgspec.structs.replace(venue.inputs, last_trade_price="0.4")
    bench.apply(*venue.change((True, 400_000, 3 * ONE)))
    assert not bench.trusted()


def test_changes_before_any_snapshot_prove_nothing() -> None:
    """Without a snapshot the hash's other parts are unknown: unverifiable, never trusted."""
    bench = Bench("venue_hash")
    venue = HashingVenue(bench.market)
    bench.apply(*venue.change((True, 410_000, ONE)))
    bench.apply(*venue.change((True, 410_000, 0)))
    assert not bench.trusted()
    assert bench.tracked.counters.unverifiable == 2
    assert bench.tracked.counters.mismatched == 0


def test_a_frame_of_another_moment_does_not_prove_this_one() -> None:
    """The hash covers the time as well as the levels."""
    bench, venue = begun()
    (frame,) = venue.change((True, 410_000, ONE))
    late: LevelsChanged = msgspec.structs.replace(frame, at_ns=frame.at_ns + MS)
    bench.apply(late)
    assert not bench.trusted()
