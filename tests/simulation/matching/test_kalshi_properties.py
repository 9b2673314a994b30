"""Whatever is done at Kalshi's exchange, in any order: money adds up and priority is kept."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.simulation.matching.kalshi_floor import ANN, BOB, CID, COIN, GAME, Floor
from underround.model.fees import KalshiFees, NoFees
from underround.model.ids import MarketId
from underround.model.units import ONE, usd
from underround.simulation.matching.kalshi.terms import Filled, KalshiOrder, Mode, SelfTrade
from underround.simulation.matching.terms import AccountId

MEMBERS = st.sampled_from([ANN, BOB, CID])
MARKETS = st.sampled_from([GAME, COIN])
WAYS = st.sampled_from(["bid", "ask"])
CENTS = st.sampled_from([1, 9.9, 10, 40, 49, 50, 51, 60, 90, 90.1, 99])
COUNTS = st.sampled_from([0.01, 0.03, 1, 2.5, 7, 300])
FEES = st.sampled_from(
    [NoFees(), KalshiFees(), KalshiFees(maker_share=250_000), KalshiFees(multiplier=2 * ONE)]
)


class AnyExchange(RuleBasedStateMachine):
    """Does anything; the invariants hold after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.floor = Floor()
        self.paid = 0
        self.groups: list[str] = []

    @initialize(fees=FEES)
    def open(self, fees: Any) -> None:
        self.floor = Floor(fees=fees, timer_s=6)
        for who in (ANN, BOB, CID):
            for shard in (0, 2):
                self.floor.exchange.money.withdraw(who, usd("900"), shard=shard)
        self.paid = usd("600")

    # --- what can be done ------------------------------------------------------------------------

    @rule(
        who=MEMBERS, way=WAYS, cents=CENTS, contracts=COUNTS, at=MARKETS,
        tif=st.sampled_from(["GTC", "GTC", "FAK", "FOK"]),
        self_trade=st.sampled_from(["taker_at_cross", "maker"]),
        flags=st.sampled_from(["", "", "post_only", "reduce_only", "cancel_on_pause"]),
        subaccount=st.sampled_from([0, 0, 0, 1]), grouped=st.booleans(),
        until_s=st.sampled_from([None, None, 5]),
    )  # fmt: skip
    def place(
        self, who: AccountId, way: str, cents: float, contracts: float, at: MarketId, tif: Any,
        self_trade: SelfTrade, flags: str, subaccount: int, grouped: bool, until_s: int | None,
    ) -> None:  # fmt: skip
        floor = self.floor
        book = list(floor.exchange.resting(at))
        floor.told.clear()
        more: dict[str, Any] = {flags: True} if flags else {}
        group = self.groups[-1] if grouped and self.groups else ""
        sent = floor.order(
            who, way, cents, contracts, tif, at=at, self_trade=self_trade, group=group,
            subaccount=subaccount, until_s=until_s, **more,
        )  # fmt: skip
        placed = floor.exchange.submit(sent, floor.now)
        if placed.state == "refused":
            assert floor.told == []
            return
        self._in_priority(book, floor.exchange.orders[sent.id])
        if sent.tif == "FOK":
            assert placed.size == sent.size
        if sent.tif == "FAK":
            assert floor.exchange.orders[sent.id].state != "live"

    @rule(who=MEMBERS, which=st.integers(0, 20), cents=CENTS, contracts=COUNTS)
    def amend(self, who: AccountId, which: int, cents: float, contracts: float) -> None:
        order = self._some(which)
        if order is not None:
            book = list(self.floor.exchange.resting(order.sent.outcome.market))
            self.floor.told.clear()
            placed = self.floor.exchange.amend(
                order.sent.id, self.floor.now, account=who, yes_price=round(cents * 10_000),
                size=round(contracts * ONE),
            )  # fmt: skip
            if placed.state != "refused":
                self._in_priority([each for each in book if each is not order], order)

    @rule(who=MEMBERS, which=st.integers(0, 20), contracts=COUNTS)
    def decrease(self, who: AccountId, which: int, contracts: float) -> None:
        order = self._some(which)
        if order is not None:
            left = min(order.left, round(contracts * ONE))
            self.floor.exchange.decrease(order.sent.id, self.floor.now, account=who, left=left)

    @rule(which=st.integers(0, 20))
    def cancel(self, which: int) -> None:
        order = self._some(which)
        if order is not None:
            self.floor.exchange.cancel([order.sent.id], self.floor.now)

    @rule(who=MEMBERS)
    def cancel_everything(self, who: AccountId) -> None:
        self.floor.exchange.cancel_where(self.floor.now, account=who)

    @rule(who=MEMBERS, shard=st.sampled_from([0, 2]), subaccount=st.sampled_from([0, 1]))
    def pay_in(self, who: AccountId, shard: int, subaccount: int) -> None:
        self.floor.exchange.money.deposit(who, usd("3"), shard=shard, subaccount=subaccount)
        self.paid += usd("3")

    @rule(who=MEMBERS, shard=st.sampled_from([0, 2]))
    def pay_out(self, who: AccountId, shard: int) -> None:
        free = self.floor.free(who, shard)
        self.floor.exchange.money.withdraw(who, free, shard=shard)
        self.paid -= free

    @rule(who=MEMBERS, contracts=st.sampled_from([1, 5, 100]))
    def group(self, who: AccountId, contracts: int) -> None:
        groups = self.floor.exchange.groups
        self.groups.append(groups.create((who, 0), 0, contracts * ONE, self.floor.now).id)

    @rule(what=st.sampled_from(["reset", "trigger", "delete"]))
    def group_changes(self, what: str) -> None:
        groups = self.floor.exchange.groups
        if self.groups and (group := groups.all.get(self.groups[-1])) is not None:
            getattr(groups, what)(group, self.floor.now)

    @rule(at=MARKETS, fees=FEES)
    def fees_change(self, at: MarketId, fees: Any) -> None:
        self.floor.exchange.change_fees(at, fees, self.floor.now)

    @rule(mode=st.sampled_from(["open", "open", "trading_paused", "exchange_paused"]))
    def pause(self, mode: Mode) -> None:
        self.floor.exchange.set_mode(mode, self.floor.now)

    @rule(at=MARKETS, halt=st.booleans())
    def halt(self, at: MarketId, halt: bool) -> None:
        (self.floor.exchange.halt if halt else self.floor.exchange.proceed)(at, self.floor.now)

    @rule(seconds=st.sampled_from([0.5, 3, 16, 100]))
    def wait(self, seconds: float) -> None:
        self.floor.wait(seconds)

    @rule(at=MARKETS, value=st.sampled_from(["0", "1", "0.5", "0.333333"]))
    def resolve(self, at: MarketId, value: str) -> None:
        if self.floor.exchange.markets[at].value is None:
            self.floor.end(value, at)

    # --- what is always true ---------------------------------------------------------------------

    @invariant()
    def all_money_is_what_was_paid_in(self) -> None:
        assert self.floor.exchange.money.total() == self.paid

    @invariant()
    def nobody_owes_and_nothing_is_bound_that_is_not_there(self) -> None:
        money = self.floor.exchange.money
        for account, subaccount, shard in money.cash:
            assert money.balance((account, subaccount), shard) >= 0
            assert money.bound((account, subaccount), shard) >= 0

    @invariant()
    def every_contract_is_held_against_and_backed_by_a_dollar(self) -> None:
        money = self.floor.exchange.money
        for at in (GAME, COIN):
            held = [each[at].contracts for each in money.positions.values() if at in each]
            assert sum(held) == 0
            assert sum(size for size in held if size > 0) == money.open_interest(at)

    @invariant()
    def no_book_is_crossed_and_every_level_is_the_sum_of_its_orders(self) -> None:
        exchange = self.floor.exchange
        for at in (GAME, COIN):
            bids, asks = exchange.levels(at)
            assert not bids or not asks or bids[0].price < asks[0].price
            sums: dict[tuple[bool, int], int] = {}
            for order in exchange.resting(at):
                assert order.state == "live"
                assert 0 < order.left <= order.sent.size
                key = (order.bid, order.yes_price)
                sums[key] = sums.get(key, 0) + order.left
            assert sums == {(level.bid, level.price): level.size for level in (*bids, *asks)}

    @invariant()
    def nothing_is_bound_without_an_open_order(self) -> None:
        exchange = self.floor.exchange
        open_on = {
            (*order.holder, exchange.markets[at].shard)
            for at in (GAME, COIN)
            for order in exchange.resting(at)
        }
        for key, bound in exchange.money.reserved.items():
            assert not bound or key in open_on

    @invariant()
    def what_is_bound_is_what_the_open_orders_need(self) -> None:
        exchange = self.floor.exchange
        needed: dict[tuple[AccountId, int, int], int] = {}
        for at in (GAME, COIN):
            listed = exchange.markets[at]
            closable: dict[tuple[Any, bool], int] = {}
            for order in exchange.resting(at):  # the best prices of each direction first
                held = exchange.money.position(order.holder, at).contracts
                key = (order.holder, order.bid)
                left = closable.get(key, max(0, -held if order.bid else held))
                closed = min(order.left, left)
                closable[key] = left - closed
                leg = order.leg_price
                fee = listed.market.fees.fee(leg, order.left, taker=False)
                cost = (leg * (order.left - closed) - (ONE - leg) * closed) // ONE + fee
                where = (*order.holder, listed.shard)
                needed[where] = needed.get(where, 0) + max(0, cost)
        bound = {key: amount for key, amount in exchange.money.reserved.items() if amount}
        assert bound == {key: amount for key, amount in needed.items() if amount}

    # --- parts -----------------------------------------------------------------------------------

    def _some(self, which: int) -> KalshiOrder | None:
        exchange = self.floor.exchange
        found = [order for at in (GAME, COIN) for order in exchange.resting(at)]
        return found[which % len(found)] if found else None

    def _in_priority(self, book: list[KalshiOrder], taker: KalshiOrder) -> None:
        """Makers were those that came first, each whole but the last, and nobody beyond a limit."""
        makers = [told.fill for told in self.floor.of(Filled) if not told.fill.taker]
        others = [
            each for each in book
            if each.bid != taker.bid and each.sent.account != taker.sent.account
        ]  # fmt: skip
        gone = [each for each in others if each.reason == "order_group"]
        expected = [each for each in others if each not in gone or each.trades]
        met = [fill.order for fill in makers]
        assert met == [each.sent.id for each in expected if each.sent.id in set(met)]
        assert met == [each.sent.id for each in expected][: len(met)]
        for fill in makers:
            assert (fill.yes_price <= taker.yes_price) if taker.bid else (
                fill.yes_price >= taker.yes_price
            )  # fmt: skip
            assert fill.yes_price == self.floor.exchange.orders[fill.order].yes_price


AnyExchange.TestCase.settings = settings(stateful_step_count=40)
TestAnyExchange = AnyExchange.TestCase
