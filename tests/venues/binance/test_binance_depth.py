"""The local book against a book that knows everything."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from underround.model.events import ReferenceTick
from underround.model.signals import DepthChanged, DepthLevel, DepthStated
from underround.venues.binance import answers
from underround.venues.binance.codec import BinanceSignalDecoder
from underround.venues.binance.depth import DepthBook

SYMBOL = "binance:BTCUSDT"


def changed(
    first: int, last: int, *bids: DepthLevel, asks: tuple[DepthLevel, ...] = ()
) -> DepthChanged:
    return DepthChanged(SYMBOL, 0, first, last, bids, asks)


def stated(last: int, *bids: DepthLevel, asks: tuple[DepthLevel, ...] = ()) -> DepthStated:
    return DepthStated(SYMBOL, last, bids, asks)


def test_the_documented_recipe_step_by_step() -> None:
    """Kept, too old, dropped, applied, followed, removed."""
    book = DepthBook(SYMBOL)
    assert (book.needs_snapshot, book.last_id) == (False, None)
    assert book.note(changed(157, 160, (10, 1))) == "kept"
    assert (book.needs_snapshot, book.last_id) == (True, None)
    assert book.note(changed(161, 163, (11, 2))) == "kept"
    assert book.state(stated(156, (9, 9))) == "too_old"
    assert book.needs_snapshot
    assert book.state(stated(160, (10, 5), (9, 9))) == "applied"
    assert (book.last_id, book.bids(9)) == (163, ((11, 2), (10, 5), (9, 9)))
    assert book.note(changed(164, 164, (10, 0), (8, 0))) == "applied"
    assert book.note(changed(164, 164, (10, 7))) == "old"
    assert book.state(stated(900, (1, 1))) == "old"
    assert (book.bids(9), book.gaps) == (((11, 2), (9, 9)), 0)


def test_the_first_event_must_hold_the_snapshots_last_change() -> None:
    """One that begins two later is a gap; one that begins right after it is none."""
    for first, verdict in ((161, "applied"), (162, "gap")):
        book = DepthBook(SYMBOL)
        book.note(changed(150, 155))
        assert book.state(stated(160, (10, 5))) == "applied"
        assert book.note(changed(first, 170, (11, 1))) == verdict
        assert book.needs_snapshot is (verdict == "gap")


def test_a_snapshot_that_comes_before_the_stream_waits_for_it() -> None:
    """Until a message proves that the stream is open there is no book."""
    book = DepthBook(SYMBOL)
    assert book.state(stated(160, (10, 5))) == "kept"
    assert (book.last_id, book.best_bid(), book.needs_snapshot) == (None, None, False)
    assert book.note(changed(158, 165, (11, 1))) == "applied"
    assert book.best_bid() == (11, 1)
    late = DepthBook(SYMBOL)
    late.state(stated(160, (10, 5)))
    assert late.note(changed(162, 165)) == "too_old"
    assert late.needs_snapshot


def test_a_gap_drops_the_book_and_starts_over_with_that_message() -> None:
    book = DepthBook(SYMBOL)
    book.note(changed(1, 5))
    book.state(stated(5, (10, 5)))
    assert book.note(changed(7, 9, (12, 3))) == "gap"
    assert (book.best_bid(), book.gaps, book.needs_snapshot) == (None, 1, True)
    assert book.state(stated(8, (10, 4))) == "applied"
    assert book.bids(5) == ((12, 3), (10, 4))


def test_a_gap_among_the_kept_messages_is_noticed() -> None:
    book = DepthBook(SYMBOL)
    book.note(changed(1, 5))
    assert book.note(changed(7, 9)) == "gap"
    assert book.state(stated(6)) == "too_old"
    assert book.state(stated(7)) == "applied"


def test_a_crossed_book_is_no_book() -> None:
    book = DepthBook(SYMBOL)
    book.note(changed(1, 5))
    book.state(stated(5, (10, 5), asks=((12, 5),)))
    assert book.middle() == 0
    assert book.note(changed(6, 6, (12, 1))) == "crossed"
    assert (book.best_ask(), book.needs_snapshot, book.gaps) == (None, True, 1)
    assert book.state(stated(6, (12, 1), asks=((13, 1),))) == "applied"


def test_a_stream_without_answers_starts_over_instead_of_filling_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("underround.venues.binance.depth._MOST_KEPT", 3)
    book = DepthBook(SYMBOL)
    for number in range(1, 9):
        assert book.note(changed(number, number)) == "kept"
    assert book.state(stated(6)) == "too_old"
    assert book.state(stated(7)) == "applied"


def test_a_new_connection_forgets_everything() -> None:
    book = DepthBook(SYMBOL)
    book.note(changed(1, 5))
    book.state(stated(5, (10, 5)))
    book.restart()
    assert (book.last_id, book.bids(5), book.needs_snapshot) == (None, (), False)


class Truth:
    """A book that sees each change when it is made."""

    def __init__(self) -> None:
        self.id = 100
        self.sides: tuple[dict[int, int], dict[int, int]] = ({50: 5, 40: 4}, {60: 6, 70: 7})

    def make(self, steps: list[tuple[bool, int, int]]) -> DepthChanged:
        first = self.id + 1
        touched: tuple[dict[int, int], dict[int, int]] = ({}, {})
        for ask, offset, quantity in steps:
            price = 56 + offset if ask else 55 - offset
            touched[ask][price] = quantity
            self.sides[ask][price] = quantity
            if not quantity:
                del self.sides[ask][price]
            self.id += 1
        bids, asks = (tuple(side.items()) for side in touched)
        return DepthChanged(SYMBOL, 0, first, self.id, bids, asks)

    def state(self) -> DepthStated:
        bids, asks = self.levels()
        return DepthStated(SYMBOL, self.id, bids, asks)

    def levels(self) -> tuple[tuple[DepthLevel, ...], tuple[DepthLevel, ...]]:
        bids, asks = self.sides
        return tuple(sorted(bids.items(), reverse=True)), tuple(sorted(asks.items()))


STEPS = st.lists(
    st.tuples(st.booleans(), st.integers(0, 8), st.integers(0, 3)), min_size=1, max_size=4
)
FATES = st.sampled_from(("come", "come", "come", "lost", "twice"))


@given(st.lists(st.tuples(STEPS, FATES, st.integers(0, 9)), max_size=60))
def test_the_book_is_the_truth_or_there_is_none(
    story: list[tuple[list[tuple[bool, int, int]], str, int]],
) -> None:
    """Whatever is lost, doubled or late: a shown book is the venue's book at that number."""
    truth, book = Truth(), DepthBook(SYMBOL)
    history = {truth.id: truth.levels()}
    answers_due: list[tuple[int, DepthStated]] = []
    for now, (steps, fate, delay) in enumerate(story):
        event = truth.make(steps)
        history[truth.id] = truth.levels()
        for _ in range({"come": 1, "lost": 0, "twice": 2}[fate]):
            book.note(event)
        if book.needs_snapshot and not answers_due:
            answers_due.append((now + delay % 3, truth.state()))
        while answers_due and answers_due[0][0] <= now:
            book.state(answers_due.pop(0)[1])
        if book.last_id is not None:
            assert (book.bids(99), book.asks(99)) == history[book.last_id]
            (bids, asks) = history[book.last_id]
            assert book.best_bid() == (bids[0] if bids else None)
            assert book.best_ask() == (asks[0] if asks else None)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["btcusdt", "ethusdt"])
def test_the_recorded_book_agrees_with_every_quote_that_names_its_number(
    shared: Path, name: str
) -> None:
    """Built from recorded diffs, its best prices are bookTicker's wherever their numbers meet."""
    path = shared / f"data/binance/spot-raw-streams-2024-08/{name}_20240808.gz"
    decoder, book = BinanceSignalDecoder(), DepthBook(f"binance:{name.upper()}")
    quotes: dict[int, ReferenceTick] = {}
    found: Counter[str] = Counter()
    with gzip.open(path, "rb") as lines:
        for line in lines:
            payload = line.partition(b" ")[2].strip()
            if payload.startswith(b'{"lastUpdateId"'):
                found[f"snapshot {book.state(answers.depth(payload, name.upper()))}"] += 1
            elif b"@bookTicker" in payload[:40]:
                (tick,) = decoder.decode(payload)
                assert isinstance(tick, ReferenceTick)
                number = int(payload.partition(b'"u":')[2].partition(b",")[0])
                quotes[number] = tick
            elif b"@depth" in payload[:40]:
                (event,) = decoder.decode(payload)
                assert isinstance(event, DepthChanged)
                found[book.note(event)] += 1
                quote = quotes.get(event.last_id)
                if quote is not None and book.last_id == event.last_id:
                    assert book.middle() == quote.price
                    found["compared"] += 1
    assert found["snapshot applied"] == 1
    assert (found["gap"], found["crossed"], book.gaps) == (0, 0, 0)
    assert found["compared"] > 500
