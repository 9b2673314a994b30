"""One book for both outcomes, against a naive one."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from underround.model.book import Book, Level, Side
from underround.model.errors import BookDoubted
from underround.model.fees import FeeCurve, KalshiFees, NoFees, polymarket_fees
from underround.model.ids import NO, YES
from underround.model.units import ONE

STEPS = (1_000, 10_000, 100_000)
CURVES: tuple[FeeCurve, ...] = (polymarket_fees("0.07"), KalshiFees(), NoFees())
outcomes = st.sampled_from((YES, NO))
sides: st.SearchStrategy[Side] = st.sampled_from(("buy", "sell"))
ticks = st.integers(1, 9)
sizes = st.one_of(st.just(0), st.integers(1, 10), st.integers(1, 10**12))


class Reference:
    """Levels and what was consumed, as dictionaries in YES terms: ``(is a bid, price)``."""

    def __init__(self) -> None:
        self.raw: dict[tuple[bool, int], int] = {}
        self.consumed: dict[tuple[bool, int], int] = {}

    @staticmethod
    def key(outcome: int, side: Side, price: int) -> tuple[bool, int]:
        """Return where a level of ``outcome`` is in YES terms."""
        return (side == "buy") == (outcome == YES), price if outcome == YES else ONE - price

    def set(self, outcome: int, side: Side, price: int, size: int) -> None:
        """Restate a level: what was consumed of it is whole again."""
        key = self.key(outcome, side, price)
        self.consumed.pop(key, None)
        self.raw.pop(key, None)
        if size:
            self.raw[key] = size

    def levels(self, outcome: int, side: Side) -> list[Level]:
        """Return the levels that are left, best first."""
        found = []
        for (is_bid, yes_price), raw in self.raw.items():
            size = raw - self.consumed.get((is_bid, yes_price), 0)
            if is_bid == ((side == "buy") == (outcome == YES)) and size > 0:
                found.append((yes_price if outcome == YES else ONE - yes_price, size))
        return sorted(found, reverse=side == "buy")


class BookMachine(RuleBasedStateMachine):
    """Random changes to a book and to its reference."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Book(10_000)
        self.reference = Reference()

    @initialize(step=st.sampled_from(STEPS))
    def begin(self, step: int) -> None:
        """Start empty on one of the grids."""
        self.book = Book(step)
        self.reference = Reference()

    def price(self, tick: int) -> int:
        """Return one of nine prices, at the bottom, in the middle and at the top of the grid."""
        top = self.book.top
        index = {1: 1, 2: 2, 3: 3, 7: top - 3, 8: top - 2, 9: top - 1}.get(tick)
        return (top // 2 + tick - 5 if index is None else index) * self.book.step

    @rule(outcome=outcomes, side=sides, tick=ticks, size=sizes)
    def set(self, outcome: int, side: Side, tick: int, size: int) -> None:
        """State a level."""
        price = self.price(tick)
        self.book.set(outcome, side, price, size)
        self.reference.set(outcome, side, price, size)

    @rule(outcome=outcomes, side=sides, tick=ticks, delta=st.integers(-12, 12))
    def add(self, outcome: int, side: Side, tick: int, delta: int) -> None:
        """Change a level; below zero it is doubted and stays as it was."""
        price = self.price(tick)
        size = self.reference.raw.get(self.reference.key(outcome, side, price), 0) + delta
        if size < 0:
            with pytest.raises(BookDoubted):
                self.book.add(outcome, side, price, delta)
        else:
            self.book.add(outcome, side, price, delta)
            self.reference.set(outcome, side, price, size)

    @rule(
        outcome=outcomes,
        bids=st.dictionaries(ticks, st.integers(1, 10**9), max_size=5),
        asks=st.dictionaries(ticks, st.integers(1, 10**9), max_size=5),
    )
    def replace(self, outcome: int, bids: dict[int, int], asks: dict[int, int]) -> None:
        """Restate everything."""
        stated: list[tuple[Side, list[Level]]] = [
            ("buy", [(self.price(tick), size) for tick, size in bids.items()]),
            ("sell", [(self.price(tick), size) for tick, size in asks.items()]),
        ]
        self.book.replace(outcome, stated[0][1], stated[1][1])
        self.reference = Reference()
        for side, levels in stated:
            for price, size in levels:
                self.reference.set(outcome, side, price, size)

    @rule(outcome=outcomes, side=sides, tick=ticks, size=st.integers(1, 12))
    def consume(self, outcome: int, side: Side, tick: int, size: int) -> None:
        """Take from a level what a simulated execution took."""
        price = self.price(tick)
        self.book.consume(outcome, side, price, size)
        key = self.reference.key(outcome, side, price)
        self.reference.consumed[key] = self.reference.consumed.get(key, 0) + size

    @rule()
    def clear(self) -> None:
        """Forget everything."""
        self.book.clear()
        self.reference = Reference()

    @rule(
        outcome=outcomes,
        buying=st.booleans(),
        size=st.one_of(st.integers(0, 30), st.integers(0, 10**10)),
        limit=st.one_of(st.none(), ticks),
        fees=st.sampled_from(CURVES),
    )
    def walk(
        self, outcome: int, buying: bool, size: int, limit: int | None, fees: FeeCurve
    ) -> None:
        """Walk the book and the reference."""
        price = None if limit is None else self.price(limit)
        walk = (self.book.buying if buying else self.book.selling)(outcome, size, fees, price)
        levels = self.reference.levels(outcome, "sell" if buying else "buy")
        found = fee = worst = 0
        exact = Fraction(0)
        for at, available in levels:
            beyond = price is not None and (at > price if buying else at < price)
            take = min(available, size - found)
            if beyond or not take:
                break
            found, worst = found + take, at
            exact += Fraction(at * take, ONE)
            fee += fees.fee(at, take, taker=True, selling=not buying)
        assert (walk.size, walk.fee, walk.worst) == (found, fee, worst)
        assert 0 <= (walk.notional - exact if buying else exact - walk.notional) < 1

    @invariant()
    def levels_agree(self) -> None:
        """Both outcomes show the reference's levels, best first."""
        for outcome in (YES, NO):
            bids = self.reference.levels(outcome, "buy")
            asks = self.reference.levels(outcome, "sell")
            assert list(self.book.bids_of(outcome)) == bids
            assert list(self.book.asks_of(outcome)) == asks
            assert self.book.best_bid(outcome) == (bids[0][0] if bids else None)
            assert self.book.best_ask(outcome) == (asks[0][0] if asks else None)

    @invariant()
    def the_outcomes_are_one_book(self) -> None:
        """A YES bid at p is a NO ask at 1 − p of the same size."""
        yes_bids, no_asks = self.book.bids_of(YES), self.book.asks_of(NO)
        assert [(ONE - price, size) for price, size in yes_bids] == list(no_asks)
        yes_asks, no_bids = self.book.asks_of(YES), self.book.bids_of(NO)
        assert [(ONE - price, size) for price, size in yes_asks] == list(no_bids)

    @invariant()
    def raw_levels_ignore_what_was_consumed(self) -> None:
        """Proof reads what the venue stated, strategies what is left of it."""
        bids = [price for is_bid, price in self.reference.raw if is_bid]
        asks = [price for is_bid, price in self.reference.raw if not is_bid]
        assert self.book.bid * self.book.step == max(bids, default=0)
        assert self.book.ask * self.book.step == min(asks, default=ONE)
        assert self.book.crossed == (bool(bids and asks) and max(bids) >= min(asks))
        for tick in range(1, 10):
            price = self.price(tick)
            for outcome in (YES, NO):
                for side in ("buy", "sell"):
                    key = self.reference.key(outcome, side, price)
                    raw = self.reference.raw.get(key, 0)
                    left = max(0, raw - self.reference.consumed.get(key, 0))
                    assert self.book.raw_size(outcome, side, price) == raw
                    assert self.book.size(outcome, side, price) == left


TestBookMachine = BookMachine.TestCase
TestBookMachine.settings = settings(stateful_step_count=30)


# --- what the machine does not reach -----------------------------------------------------------


@pytest.mark.parametrize("step", [0, -10_000, 30_000, ONE + 1])
def test_a_grid_that_does_not_fit_a_dollar_is_refused(step: int) -> None:
    """The tick must divide one dollar."""
    with pytest.raises(ValueError, match="does not divide"):
        Book(step)


@pytest.mark.parametrize("outcome", [YES, NO])
@pytest.mark.parametrize("price", [0, ONE, -10_000, ONE + 10_000, 505_000, 1, ONE - 1])
def test_an_impossible_price_is_doubted_and_changes_nothing(outcome: int, price: int) -> None:
    """Off the grid, at 0, at 1 and beyond nothing can rest."""
    book = Book(10_000)
    book.set(YES, "buy", 500_000, 7)
    for side in ("buy", "sell"):
        with pytest.raises(BookDoubted, match="impossible"):
            book.set(outcome, side, price, 5)
        with pytest.raises(BookDoubted):
            book.add(outcome, side, price, 5)
        assert book.raw_size(outcome, side, price) == 0
    assert list(book.bids_of(YES)) == [(500_000, 7)]
    assert not list(book.asks_of(YES))


def test_a_negative_size_is_doubted() -> None:
    """Less than nothing cannot rest."""
    with pytest.raises(BookDoubted):
        Book(10_000).set(YES, "buy", 500_000, -1)


def test_a_restated_level_is_whole_again() -> None:
    """What a simulated execution took comes back when the venue states the level, from any side."""
    book = Book(10_000)
    book.set(YES, "sell", 600_000, 10)
    book.set(YES, "sell", 610_000, 10)
    book.consume(YES, "sell", 600_000, 10)
    assert (book.best_ask(YES), book.best_bid(NO)) == (610_000, 390_000)
    assert book.ask * book.step == 600_000
    book.set(YES, "sell", 610_000, 8)
    assert book.best_ask(YES) == 610_000
    book.set(NO, "buy", 400_000, 10)
    assert (book.best_ask(YES), book.size(YES, "sell", 600_000)) == (600_000, 10)


def test_the_same_size_stated_again_clears_the_overlay() -> None:
    """It is the statement that counts, not the change."""
    book = Book(10_000)
    book.set(NO, "sell", 300_000, 10)
    book.consume(NO, "sell", 300_000, 4)
    assert book.size(NO, "sell", 300_000) == 6
    book.set(NO, "sell", 300_000, 10)
    assert book.size(NO, "sell", 300_000) == 10


def test_a_walk_takes_no_more_than_is_left() -> None:
    """Depth that a simulated execution took is not sold twice."""
    book = Book(10_000)
    book.set(YES, "sell", 600_000, 10 * ONE)
    first = book.buying(YES, 7 * ONE, NoFees())
    book.consume(YES, "sell", first.worst, first.size)
    assert book.buying(YES, 7 * ONE, NoFees()).size == 3 * ONE


@given(st.lists(st.tuples(ticks, st.integers(1, 10**9)), max_size=9), outcomes)
def test_one_book_never_sells_a_complete_set_below_a_dollar(
    levels: list[tuple[int, int]], outcome: int
) -> None:
    """Buying YES and NO at once costs a dollar or more while the book is not crossed."""
    book = Book(10_000)
    for number, (tick, size) in enumerate(levels):
        book.set(outcome, "buy" if number % 2 else "sell", tick * 100_000, size)
    yes, no = book.best_ask(YES), book.best_ask(NO)
    if yes is not None and no is not None:
        assert (yes + no <= ONE) == book.crossed
