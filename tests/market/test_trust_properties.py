"""Whatever arrives, in whatever order: a trusted book is what its proof says it is.

Each property lets a venue speak, loses, doubles, swaps and falsifies what it said, and compares the
book with the venue's own levels whenever it is trusted.
"""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.market.builders import (
    MS,
    Bench,
    HashingVenue,
    Levels,
    NumberingVenue,
    changed,
    levels_of,
    snapshot,
)
from tests.model.builders import market
from underround.market.trust import BookRules
from underround.model.book import Side
from underround.model.events import BookSnapshot, LevelAdjusted, LevelsChanged, MarketEvent
from underround.model.ids import KALSHI, NO, YES
from underround.model.units import ONE

prices = st.integers(38, 62).map(lambda cents: cents * 10_000)
change = st.tuples(st.booleans(), prices, st.integers(0, 3).map(lambda size: size * ONE))
positions = st.integers(0, 10**6)
faults = st.lists(
    st.tuples(st.sampled_from(("drop", "double", "repeat", "swap", "falsify", "bare")), positions),
    max_size=5,
)


def falsified(event: MarketEvent) -> MarketEvent:
    """Return the event with one wrong size."""
    if isinstance(event, LevelsChanged):
        last = event.changes[-1]
        wrong = msgspec.structs.replace(last, size=last.size + 1)
        return msgspec.structs.replace(event, changes=(*event.changes[:-1], wrong))
    if isinstance(event, BookSnapshot) and event.bids:
        (price, size), *others = event.bids
        return msgspec.structs.replace(event, bids=((price, size + 1), *others))
    return event


def bare(event: MarketEvent) -> MarketEvent:
    """Return the event without anything that proves it."""
    if isinstance(event, LevelsChanged):
        changes = tuple(msgspec.structs.replace(each, venue_hash=None) for each in event.changes)
        return msgspec.structs.replace(event, changes=changes)
    if isinstance(event, BookSnapshot) and event.venue_hash is not None:
        return msgspec.structs.replace(event, venue_hash=None, hash_inputs=None)
    return event


def disturbed(said: list[MarketEvent], wrongs: list[tuple[str, int]]) -> list[MarketEvent]:
    """Return what arrives of what was said."""
    events = list(said)
    for fault, position in wrongs:
        if not events:
            break
        at = position % len(events)
        if fault == "drop":
            del events[at]
        elif fault == "double":
            events.insert(at, events[at])
        elif fault == "repeat":
            events.insert(position // 7 % (len(events) + 1), events[at])
        elif fault == "swap":
            events[at : at + 2] = reversed(events[at : at + 2])
        else:
            events[at] = (falsified if fault == "falsify" else bare)(events[at])
    return events


@given(
    script=st.lists(
        st.one_of(
            st.lists(change, min_size=1, max_size=3),
            st.tuples(st.sampled_from((YES, NO)), st.booleans()),
        ),
        max_size=15,
    ),
    wrongs=faults,
)
def test_a_hash_proves_the_whole_book(
    script: list[list[tuple[bool, int, int]] | tuple[int, bool]], wrongs: list[tuple[str, int]]
) -> None:
    """Trusted: every level is what the venue had at the time the book claims to be of."""
    bench = Bench("venue_hash")
    venue = HashingVenue(bench.market)
    said: list[MarketEvent] = [venue.snapshot()]
    for step in script:
        if isinstance(step, list):
            said += venue.change(*step)
        else:
            said.append(venue.snapshot(step[0], request=step[1]))
    for event in disturbed(said, wrongs):
        bench.apply(event)
        if bench.trusted():
            assert levels_of(bench.tracked.book) == venue.states[bench.tracked.changed_ns]
    if not wrongs:
        assert bench.trusted()
        assert levels_of(bench.tracked.book) == venue.levels
        bench.hub.finish(bench.now)
        assert bench.tracked.counters.mismatched == 0


A, B = market("A", venue=KALSHI), market("B", venue=KALSHI)
told = st.tuples(
    st.sampled_from((A, B)),
    st.one_of(
        st.none(),
        st.tuples(st.sampled_from((YES, NO)), prices, st.integers(-3, 3).map(lambda n: n * ONE)),
    ),
)


@given(script=st.lists(told, max_size=30), wrongs=faults)
def test_numbers_prove_the_whole_book(
    script: list[tuple[object, tuple[int, int, int] | None]], wrongs: list[tuple[str, int]]
) -> None:
    """Trusted: every level is what the venue had with the number that was heard last."""
    bench = Bench("sequence", A, B)
    venue = NumberingVenue(A, B)
    said: list[MarketEvent] = [venue.snapshot(A), venue.snapshot(B)]
    for of, step in script:
        each = A if of is A else B
        said.append(venue.snapshot(each) if step is None else venue.delta(each, *step))
    kept = [wrong for wrong in wrongs if wrong[0] not in {"falsify", "bare"}]
    for event in disturbed(said, kept):
        bench.apply(event)
        assert isinstance(event, BookSnapshot | LevelAdjusted)
        assert event.sequence is not None
        for each in (A, B):
            tracked = bench.hub.books.get(each.id)
            if tracked is not None and tracked.trusted:
                expected = venue.states[event.sequence.number, each]
                assert levels_of(tracked.book) == expected
    if not kept:
        for each in (A, B):
            tracked = bench.hub.books[each.id]
            assert levels_of(tracked.book) == venue.levels[each]
            assert tracked.counters.gaps == tracked.counters.mismatched == 0


def best_of(levels: Levels) -> tuple[int, int]:
    """Return the best prices as the venue states them."""
    bids = [price for is_bid, price in levels if is_bid]
    asks = [price for is_bid, price in levels if not is_bid]
    return max(bids, default=0), min(asks, default=ONE)


@given(
    script=st.lists(st.tuples(change, st.booleans()), max_size=25),
    wrongs=faults,
    needed=st.integers(1, 4),
)
def test_stated_bests_prove_the_best_prices(
    script: list[tuple[tuple[bool, int, int], bool]], wrongs: list[tuple[str, int]], needed: int
) -> None:
    """Trusted: the last statements agreed with our best prices, as many in a row as asked for."""
    bench = Bench("stated_best", rules=BookRules(agreements_to_trust=needed))
    levels: Levels = {(True, 400_000): ONE, (False, 600_000): ONE}
    said: list[MarketEvent] = []
    for number, ((is_bid, price, size), silent) in enumerate(script, start=1):
        levels.pop((is_bid, price), None)
        if size:
            levels[is_bid, price] = size
        side: Side = "buy" if is_bid else "sell"
        best = (None, None) if silent else best_of(levels)
        said.append(changed(bench.market, number * MS, (side, price, size), best=best))
    first = {(True, 400_000): ONE, (False, 600_000): ONE}
    bench.apply(snapshot(bench.market, first, at_ns=1))
    in_a_row = 0
    for event in disturbed(said, wrongs):
        bench.apply(event)
        assert isinstance(event, LevelsChanged)
        stated = event.changes[-1]
        if stated.stated_bid is not None:
            ours = best_of(levels_of(bench.tracked.book))
            in_a_row = in_a_row + 1 if ours == (stated.stated_bid, stated.stated_ask) else 0
        assert bench.trusted() == (in_a_row >= needed)


@given(
    script=st.lists(st.one_of(change, st.sampled_from((YES, NO))), max_size=25),
    wrongs=faults,
    needed=st.integers(1, 3),
)
def test_restatements_prove_the_whole_book(
    script: list[tuple[bool, int, int] | int], wrongs: list[tuple[str, int]], needed: int
) -> None:
    """Trusted: as many snapshots as asked for equalled the rebuilt book since it last differed."""
    bench = Bench("restated", rules=BookRules(restatements_to_trust=needed))
    levels: Levels = {(True, 370_000): ONE, (False, 630_000): ONE}
    said: list[MarketEvent] = [snapshot(bench.market, levels, at_ns=MS)]
    for number, step in enumerate(script, start=2):
        if isinstance(step, int):
            said.append(snapshot(bench.market, levels, outcome=step, at_ns=number * MS))
            continue
        is_bid, price, size = step
        levels = {key: kept for key, kept in levels.items() if key != (is_bid, price)}
        if size:
            levels[is_bid, price] = size
        side: Side = "buy" if is_bid else "sell"
        said.append(changed(bench.market, number * MS, (side, price, size)))
    equal = 0
    for event in disturbed(said, wrongs):
        before = bench.hub.books.get(bench.market.id)
        rebuilt = levels_of(before.book) if before is not None else {}
        counters = before.counters if before is not None else None
        stale = counters.stale_snapshots if counters is not None else 0
        bench.apply(event)
        after = levels_of(bench.tracked.book)
        if isinstance(event, BookSnapshot):
            if bench.tracked.counters.stale_snapshots == stale and before is not None:
                shrank = is_trade(rebuilt, after)
                equal = equal + 1 if rebuilt == after else equal if shrank else 0
        elif bench.tracked.book.crossed:
            equal = 0
        assert not bench.trusted() or equal >= needed


def is_trade(before: Levels, after: Levels) -> bool:
    """Return whether only levels that are or were the best shrank or went."""
    best_bid, best_ask = best_of(after)
    return all(
        after.get(key, 0) < before.get(key, 0)
        and (key[1] >= best_bid if key[0] else key[1] <= best_ask)
        for key in before.keys() | after.keys()
        if before.get(key, 0) != after.get(key, 0)
    )
