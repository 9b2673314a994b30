"""Whatever happens at the exchange, in any order: money, shares, limits and priority hold."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.simulation.matching.desk import (
    ANN,
    BOB,
    CAT,
    RAIN,
    SECOND,
    Desk,
    changed,
    make_market,
    rebuilt,
)
from tests.simulation.matching.reference import expected, filled, met, waiting
from underround.model.fees import polymarket_fees
from underround.model.ids import NO, YES, MarketId, OrderId, OutcomeId
from underround.model.market import CENT, Market, Resolution, uniform_ticks
from underround.model.units import ONE, shares, usd
from underround.simulation.matching.admission import INVALID_PAYLOAD, NO_MATCH, NO_MONEY
from underround.simulation.matching.book import Resting
from underround.simulation.matching.terms import Placement, Submission, Trade, TradeStatus
from underround.simulation.matching.transfers import given as leaving
from underround.simulation.rules import FAK_NOTHING, FOK_KILLED, POST_ONLY_TAKES

SNOW = MarketId(RAIN.venue, "snow")
MARKETS = (RAIN, SNOW)
PEOPLE = st.sampled_from((ANN, BOB, CAT))
OUTCOMES = st.sampled_from((YES, NO))
SIDES = st.sampled_from(("buy", "sell"))
CENTS = st.integers(48, 52) | st.integers(1, 99)
SIZES = st.integers(500, 2500)
QUOTES = st.tuples(PEOPLE, OUTCOMES, SIDES, st.integers(46, 54), SIZES)
REFUSALS = (NO_MONEY, "self-trade", "invalid", "No orderbook", "order o", POST_ONLY_TAKES,
            INVALID_PAYLOAD, NO_MATCH)  # fmt: skip
SELDOM = st.integers(0, 9).map(lambda number: number == 9)
STEPS: dict[TradeStatus, tuple[TradeStatus, ...]] = {
    "MATCHED": ("MINED", "RETRYING", "FAILED"),
    "RETRYING": ("MINED", "FAILED"),
    "MINED": ("CONFIRMED", "CONFIRMED", "FAILED", "RETRYING"),
}


class Exchange(RuleBasedStateMachine):
    """Three people with little money, in a market without and in one with a taker delay."""

    def __init__(self) -> None:
        super().__init__()
        fees = polymarket_fees("0.07")
        self.desk = Desk(fees, rebate="0.2")
        self.markets: dict[MarketId, Market] = {RAIN: self.desk.market}
        self.markets[SNOW] = make_market("snow", fees, "0.001")
        self.desk.venue.open_market(
            self.markets[SNOW], delay_ms=150, maker_rebate=usd("0.2"), now=0
        )
        self.put_in = usd("6000")
        self.resolved: set[MarketId] = set()
        self.undone = False

    @initialize()
    def fund(self) -> None:
        for person in (ANN, BOB, CAT):
            self.desk.custody.split(person, SNOW, shares("50"))
            self.desk.custody.merge(person, RAIN, shares("900"))
            self.desk.custody.withdraw(person, usd("1550"))
            self.put_in -= usd("1550")

    # --- what people do ------------------------------------------------------------------------

    @rule(market=st.sampled_from(MARKETS), quotes=st.lists(QUOTES, min_size=1, max_size=6))
    def quote(self, market: MarketId, quotes: list[Any]) -> None:
        for person, outcome, side, cents, size in quotes:
            self._submit(self._order(market, person, outcome, side, cents * CENT, size, "GTC"))

    @rule(market=st.sampled_from(MARKETS), quote=QUOTES, size=st.integers(1, 20_000))
    def leave_dust(self, market: MarketId, quote: Any, size: int) -> None:
        person, outcome, side, cents, _ = quote
        sent = self._order(market, person, outcome, side, cents * CENT, 1, "GTC")
        self._submit(changed(sent, size=size), recorded=True)

    def _live(self) -> list[OrderId]:
        orders = self.desk.venue.orders.values()
        return [order.sent.id for order in orders if order.state == "live"]

    @precondition(lambda self: self._live())
    @rule(data=st.data(), share=st.integers(0, 100))
    def shrink(self, data: st.DataObject, share: int) -> None:
        name = data.draw(st.sampled_from(self._live()))
        left = self.desk.venue.orders[name].left * share // 100
        self.desk.venue.shrink(name, left, self.desk.now)

    @precondition(lambda self: self._live())
    @rule(data=st.data())
    def cancel_one(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self._live()))
        assert self.desk.cancel(name) == ([name], {})

    @rule(
        market=st.sampled_from(MARKETS),
        order=st.tuples(PEOPLE, OUTCOMES, SIDES, CENTS, SIZES),
        tenths=st.integers(0, 9),
        tif=st.sampled_from(("GTC", "GTD", "FAK", "FOK")),
        dollars=st.booleans(),
        post_only=st.sampled_from((False, False, False, True)),
    )
    def submit(
        self, market: MarketId, order: Any, tenths: int, tif: Any, dollars: bool, post_only: bool
    ) -> None:
        person, outcome, side, cents, size = order
        price = cents * CENT + (tenths * CENT // 10 if market == SNOW and cents < 99 else 0)
        if tif == "GTD":
            other: dict[str, Any] = {"good_until_ns": self.desk.now + 150 * SECOND}
        elif dollars and side == "buy" and tif != "GTC":
            other = {"budget": size * CENT // 10}
            size = other["budget"] * ONE // price // CENT or 1
        else:
            other = {}
        self._submit(
            self._order(market, person, outcome, side, price, size, tif, post_only=post_only,
                        **other)
        )  # fmt: skip

    def _order(
        self, market: MarketId, person: Any, outcome: int, side: Any, price: int, size: int,
        tif: Any, **other: Any,
    ) -> Submission:  # fmt: skip
        sent = self.desk.order(person, side, "0.5", "5", tif, **other)
        at = {"outcome": OutcomeId(market, outcome), "price": price, "size": size * CENT}
        return changed(sent, **at)

    def _submit(self, sent: Submission, *, recorded: bool = False) -> None:
        desk, market = self.desk, sent.outcome.market
        before = waiting(desk.venue.resting(market))
        trades = len(desk.matched)
        placed = desk.venue.submit(sent, desk.now, recorded=recorded)
        made = desk.matched[trades:]
        if placed.state == "refused":
            assert not made
            assert waiting(desk.venue.resting(market)) == before
            self._killed_rightly(sent, placed, before)
        elif placed.state == "delayed":
            assert not made
            assert market == SNOW
        else:
            self._as_expected(sent, placed, before, made)

    def _killed_rightly(self, sent: Submission, placed: Placement, before: Any) -> None:
        got = expected(before, sent)
        if placed.reason == FOK_KILLED:
            assert not filled(sent, got)
        elif placed.reason == FAK_NOTHING:
            assert not got.fills
        else:
            assert placed.reason.startswith(REFUSALS), placed.reason

    def _as_expected(self, sent: Submission, placed: Placement, before: Any, made: Any) -> None:
        got = expected(before, sent)
        fills = [fill for trade in made for fill in met(trade)]
        assert fills == got.fills
        assert (placed.size, placed.cost) == (sum(size for _, size, _ in fills), got.cost)
        if sent.tif == "FOK":
            assert filled(sent, got)
        if placed.state == "live":
            assert sent.tif in ("GTC", "GTD")

    @rule(number=st.integers(1, 60), owner=st.sampled_from((None, "ann's key")))
    def cancel(self, number: int, owner: str | None) -> None:
        self.desk.cancel(f"o{number}", owner=owner)

    @rule(person=PEOPLE, market=st.sampled_from((None, *MARKETS)), now=SELDOM)
    def cancel_all(self, person: Any, market: MarketId | None, now: bool) -> None:
        if not now:
            return
        answer = self.desk.venue.cancel_where(self.desk.now, account=person, market=market)
        orders = self.desk.venue.orders
        assert all(orders[name].status == "CANCELED" for name in answer.cancelled)
        assert all(orders[name].state == "delayed" for name in answer.kept)

    @rule(seconds=st.sampled_from((0.05, 0.15, 1, 60, 150)))
    def wait(self, seconds: float) -> None:
        self.desk.go(seconds)

    @rule(person=PEOPLE, market=st.sampled_from(MARKETS), size=st.integers(0, 40 * ONE),
          how=st.sampled_from(("split", "merge", "redeem", "deposit", "withdraw")))  # fmt: skip
    def wallet(self, person: Any, market: MarketId, size: int, how: str) -> None:
        custody = self.desk.custody
        try:
            if how == "redeem":
                custody.redeem(person, market)
            elif how in ("deposit", "withdraw"):
                getattr(custody, how)(person, size)
                self.put_in += size if how == "deposit" else -size
            else:
                getattr(custody, how)(person, market, size)
        except ValueError:
            pass

    # --- what the venue does -------------------------------------------------------------------

    def _moving(self) -> list[Trade]:
        return [trade for trade in self.desk.venue.trades.values() if trade.status in STEPS]

    @precondition(lambda self: self._moving())
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        trade = data.draw(st.sampled_from(self._moving()))
        status = data.draw(st.sampled_from(STEPS[trade.status]))
        self.undone |= trade.status == "MINED" and status != "CONFIRMED"
        self.desk.venue.move_trade(trade.id, status, self.desk.now)

    @rule(paid=st.booleans())
    def pay_rebates(self, paid: bool) -> None:
        self.desk.custody.pay_rebates(0 if paid else ONE)

    @rule(market=st.sampled_from(MARKETS), tick=st.sampled_from(("0.01", "0.001", "0.005")),
          now=SELDOM)  # fmt: skip
    def change_ticks(self, market: MarketId, tick: str, now: bool) -> None:
        if not now:
            return
        self.desk.venue.change_ticks(market, uniform_ticks(tick, self.desk.now), self.desk.now)

    @rule(market=st.sampled_from(MARKETS), yes=st.sampled_from(("0", "0.5", "1")),
          now=SELDOM)  # fmt: skip
    def resolve(self, market: MarketId, yes: str, now: bool) -> None:
        if not now or market in self.resolved:
            return
        self.resolved.add(market)
        payouts = (usd(yes), ONE - usd(yes))
        self.desk.venue.resolve(Resolution(market, self.desk.now, payouts, "test"), self.desk.now)
        assert not list(self.desk.venue.resting(market))

    # --- what is always true -------------------------------------------------------------------

    @invariant()
    def collateral_is_conserved(self) -> None:
        assert self.desk.custody.total() == self.put_in

    @invariant()
    def every_share_is_half_of_a_backed_set(self) -> None:
        custody = self.desk.custody
        for market in self.markets:
            if market not in self.resolved:
                yes, no = (
                    sum(custody.balance(who, OutcomeId(market, index)) for who in (ANN, BOB, CAT))
                    for index in (YES, NO)
                )
                assert yes == no == custody.backing.get(market, 0)

    @invariant()
    def what_is_reserved_and_in_flight_belongs_to_somebody(self) -> None:
        venue = self.desk.venue
        reserved: dict[Any, int] = {}
        for order in venue.orders.values():
            assert isinstance(order, Resting)
            if order.state in ("live", "delayed"):
                asset = None if order.sent.side == "buy" else order.sent.outcome
                key = order.sent.account, asset
                reserved[key] = reserved.get(key, 0) + order.reserve
        flying: dict[Any, int] = {}
        for trade in venue.trades.values():
            if trade.status in ("MATCHED", "RETRYING"):
                for who, asset, amount in leaving(trade):
                    flying[who, asset] = flying.get((who, asset), 0) + amount
        for who in (ANN, BOB, CAT):
            for asset, held in venue.custody.assets(who):
                assert held.reserved == reserved.get((who, asset), 0)
                assert held.in_flight == flying.get((who, asset), 0)
                assert held.available >= 0 or self.undone

    @invariant()
    def no_order_goes_beyond_its_size_or_through_its_limit(self) -> None:
        for order in self.desk.venue.orders.values():
            sent = order.sent
            if sent.budget is not None:
                assert order.spent <= sent.budget
            else:
                assert 0 <= order.filled <= sent.size
            if sent.side == "buy":
                assert order.spent * ONE <= sent.price * order.filled
            if order.state == "live":
                assert order.left > 0
        for trade in self.desk.matched:
            worst = trade.limit * trade.size
            good = trade.cost * ONE <= worst if trade.side == "buy" else trade.cost * ONE >= worst
            assert good
            assert trade.size == sum(fill.size for fill in trade.makers)

    @invariant()
    def the_public_rebuilds_the_book(self) -> None:
        venue = self.desk.venue
        for market in self.markets:
            events = [event for event in self.desk.events if getattr(event, "market", 0) == market]
            bids, asks = venue.levels(market)
            assert rebuilt(events) == (
                {level.price: level.size for level in bids},
                {level.price: level.size for level in asks},
            )
            if bids and asks:
                assert bids[0].price < asks[0].price
            sizes: dict[tuple[bool, int], int] = {}
            for order in venue.resting(market):
                key = order.bid, order.yes_price
                sizes[key] = sizes.get(key, 0) + order.left
                assert venue.ticks(market).valid(order.yes_price)
            assert sizes == {(level.bid, level.price): level.size for level in (*bids, *asks)}


def test_an_exchange_under_anything() -> None:
    """Any sequence of orders, cancels, wallets, settlements, grids and ends keeps every rule."""
    run_state_machine_as_test(
        Exchange, settings=settings(max_examples=60, stateful_step_count=50, deadline=None)
    )
