"""One recorded market with a client in it, level by level."""

from __future__ import annotations

import msgspec
import pytest

from tests.local_venue.flow.stage import START, Stage
from underround.local_venue.flow.house import House
from underround.local_venue.flow.listings import Draft, polymarket_listing
from underround.local_venue.flow.mirror import Ahead, Mirror
from underround.model.book import Side
from underround.model.events import TradePrinted
from underround.model.ids import NO, YES
from underround.model.units import ONE, shares, usd
from underround.simulation.matching.terms import BookOrder, Traded

BID, ASK = True, False


class Recorded:
    """A market that is played by hand."""

    def __init__(self, *, delay_ms: int = 0) -> None:
        self.stage = Stage()
        self.house = House(self.stage.world)
        draft = Draft(
            slug="recorded", title="?", rules="", opens_ns=START, delay_ms=delay_ms, rebate=0
        )
        listing, question = polymarket_listing(draft)
        event = self.stage.world.catalogue.add_event("recorded", "?")
        self.stage.world.list_market(event, listing, START, question)
        self.market = listing.market
        self.mirror = Mirror(self.house, self.market)
        self.client = self.house.account("client")

    def set(self, *levels: tuple[bool, str, str]) -> None:
        self.mirror.set({(bid, usd(price)): shares(size) for bid, price, size in levels}, START)

    def place(self, price: str, size: str, *, side: Side = "buy", outcome: int = YES) -> BookOrder:
        """The client's order, which rests."""
        market = self.market.outcome(outcome)
        self.house.provide(self.client, self.market.id, shares("1000"), shares(size))
        sent = self.house.submission(
            market, self.client, usd(price), shares(size), START, buying=side == "buy"
        )
        sent = msgspec.structs.replace(sent, owner="client")
        self.house.submit(sent, START)
        return self.house.resting(sent)

    def trade(self, price: str, size: str, side: Side, outcome: int = YES) -> Ahead:
        told = TradePrinted(self.market.id, outcome, START, usd(price), shares(size), side, price)
        ahead = Ahead(told)
        self.mirror.expect(ahead)
        return ahead

    @property
    def bids(self) -> dict[str, str]:
        return _text(self.stage.book(self.market.id)[0])

    @property
    def asks(self) -> dict[str, str]:
        return _text(self.stage.book(self.market.id)[1])


def _text(levels: list[tuple[int, int]]) -> dict[str, str]:
    return {f"{price / ONE:g}": f"{size / ONE:g}" for price, size in levels}


def test_levels_are_as_recorded_and_a_clients_size_comes_on_top() -> None:
    recorded = Recorded()
    recorded.set((BID, "0.4", "100"), (ASK, "0.6", "50"))
    recorded.place("0.4", "20")
    assert (recorded.bids, recorded.asks) == ({"0.4": "120"}, {"0.6": "50"})
    recorded.set((BID, "0.4", "30"), (ASK, "0.6", "80"), (ASK, "0.7", "0.5"))
    assert (recorded.bids, recorded.asks) == ({"0.4": "50"}, {"0.6": "80", "0.7": "0.5"})
    recorded.set((BID, "0.4", "0"))
    assert recorded.bids == {"0.4": "20"}


def test_a_trade_meets_who_was_first_and_then_the_client() -> None:
    recorded = Recorded()
    recorded.set((BID, "0.4", "100"))
    order = recorded.place("0.4", "20")
    recorded.mirror.trade(recorded.trade("0.4", "60", "sell"), START)
    assert order.filled == 0
    recorded.set((BID, "0.4", "40"))
    recorded.mirror.trade(recorded.trade("0.4", "50", "sell"), START)
    assert order.filled == shares("10")
    recorded.set((BID, "0.4", "0"))
    assert recorded.bids == {"0.4": "10"}


def test_a_client_who_was_first_is_met_first() -> None:
    recorded = Recorded()
    order = recorded.place("0.4", "20")
    recorded.set((BID, "0.4", "100"))
    recorded.mirror.trade(recorded.trade("0.6", "30", "buy", NO), START)
    assert order.left == 0
    assert [(each.outcome, each.side) for each in recorded.stage.of(Traded)] == [(NO, "buy")]


def test_a_level_that_shrinks_before_its_trade_is_told_trades_at_that_moment() -> None:
    recorded = Recorded()
    recorded.set((BID, "0.4", "100"))
    order = recorded.place("0.4", "20")
    trade = recorded.trade("0.4", "100", "sell")
    recorded.set((BID, "0.4", "0"))
    assert [(each.price, each.size) for each in recorded.stage.of(Traded)] == [
        (usd("0.4"), shares("100"))
    ]
    assert order.filled == 0  # whoever was ahead was met
    recorded.mirror.trade(trade, START)
    assert len(recorded.stage.of(Traded)) == 1
    assert recorded.bids == {"0.4": "20"}


def test_what_leaves_a_level_without_a_trade_leaves_from_behind_the_client() -> None:
    recorded = Recorded()
    recorded.set((BID, "0.4", "50"))
    order = recorded.place("0.4", "20")
    recorded.set((BID, "0.4", "90"))
    recorded.set((BID, "0.4", "50"))
    recorded.mirror.trade(recorded.trade("0.4", "60", "sell"), START)
    assert order.filled == shares("10")


def test_a_recorded_price_in_the_clients_way_fills_the_client_at_its_own_price() -> None:
    recorded = Recorded()
    order = recorded.place("0.55", "30")
    recorded.set((ASK, "0.5", "100"))
    assert order.left == 0
    assert order.spent == usd("16.5")
    assert recorded.asks == {"0.5": "70"}


def test_what_a_client_took_is_whole_again_when_the_level_is_restated() -> None:
    recorded = Recorded()
    recorded.set((ASK, "0.5", "100"), (ASK, "0.6", "10"))
    recorded.house.send(recorded.market, recorded.client, usd("0.5"), shares("40"), START, bid=True)
    assert recorded.asks == {"0.5": "60", "0.6": "10"}
    recorded.set((ASK, "0.6", "11"))
    assert recorded.asks == {"0.5": "60", "0.6": "11"}
    recorded.set((ASK, "0.5", "90"))
    assert recorded.asks == {"0.5": "90", "0.6": "11"}


def test_recorded_levels_that_cross_for_a_moment_never_trade_with_each_other() -> None:
    recorded = Recorded()
    recorded.set((ASK, "0.5", "100"), (ASK, "0.6", "10"))
    recorded.set((BID, "0.55", "40"))
    assert (recorded.bids, recorded.asks) == ({"0.55": "40"}, {"0.6": "10"})
    recorded.set((BID, "0.55", "0"))
    assert (recorded.bids, recorded.asks) == ({}, {"0.5": "100", "0.6": "10"})
    assert not recorded.stage.of(Traded)


def test_a_trade_the_book_does_not_explain_is_told_and_leaves_the_book_as_recorded() -> None:
    recorded = Recorded()
    recorded.set((BID, "0.4", "100"), (ASK, "0.5", "7"), (ASK, "0.6", "10"))
    recorded.mirror.trade(recorded.trade("0.6", "25", "buy"), START)
    assert [(each.price, each.size) for each in recorded.stage.of(Traded)] == [
        (usd("0.6"), shares("25"))
    ]
    assert (recorded.bids, recorded.asks) == ({"0.4": "100"}, {"0.5": "7", "0.6": "10"})


@pytest.mark.parametrize("size", ["0.01", "1", "4.99"])
def test_no_rule_for_clients_stops_what_was_recorded(size: str) -> None:
    recorded = Recorded(delay_ms=3_000)
    recorded.stage.world.polymarket.mode = "down"
    recorded.set((ASK, "0.5", size))
    assert recorded.asks == {"0.5": size}
    recorded.mirror.trade(recorded.trade("0.5", size, "buy"), START)
    recorded.set((ASK, "0.5", "0"))
    assert len(recorded.stage.of(Traded)) == 1
    assert recorded.asks == {}
