"""Every gate bites: what passes all of them, and the one change that each of them refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec
import pytest

from tests.trading.world import START, World, make_group, make_market, only_order, orders_in
from underround.model.events import MarketClosed, ReferenceTick
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import KALSHI, MarketId, OutcomeId
from underround.model.market import EventGroup, Market
from underround.model.orders import Approved, ChangeSets, OrderIntent, Refusal, SetIntent
from underround.model.units import shares, usd
from underround.trading.gates import GATES, SET_GATES
from underround.trading.limits import RiskLimits

Change: TypeAlias = Callable[["Case"], None]
NO_LIMITS = RiskLimits()


class Case:
    """An account and an intent that passes every gate of it; a change makes one gate refuse."""

    def __init__(self) -> None:
        self.markets, self.group = make_group(3)
        self.lone = make_market("lone", venue=KALSHI)
        self.world = World([*self.markets, self.lone], [self.group])
        for market in self.markets:
            self.world.show(market, {"0.48": "100"}, {"0.52": "100"})
        self.yes = self.markets[0].outcome(0)
        self.world.event(ReferenceTick("coinbase:BTC-USD", None, usd("100000")))
        self.intent: OrderIntent | SetIntent = self.world.buy(
            self.yes, "0.50", "20", reference="coinbase:BTC-USD"
        )

    def limit(self, **limits: int) -> None:
        self.world.facts.limits = msgspec.structs.replace(self.world.facts.limits, **limits)

    def alter(self, **fields: object) -> None:
        self.intent = msgspec.structs.replace(self.intent, **fields)

    def check(self) -> Approved | Refusal:
        return self.world.engine.check(self.intent, None, self.world.now)


def claim_to_equalize(case: Case) -> None:
    case.world.give(case.markets[0].outcome(1), "19.99")
    case.alter(purpose="equalize")


def halt(case: Case) -> None:
    case.world.facts.halted = "the operator said so"


def let_expire(case: Case) -> None:
    case.alter(expires_ns=case.world.now - 7 * NANOS_PER_MS)


def use_plan(case: Case) -> None:
    case.world.executor.use_plan(case.intent.plan)


def unknown_market(case: Case) -> None:
    case.alter(outcome=OutcomeId(MarketId(case.yes.market.venue, "nowhere"), 0))


def close_market(case: Case) -> None:
    case.world.event(MarketClosed(case.yes.market, case.world.now))


def between_ticks(case: Case) -> None:
    case.alter(price=usd("0.505"))


def below_size_step(case: Case) -> None:
    case.alter(size=shares("20.001"))


def below_min_size(case: Case) -> None:
    case.alter(size=shares("4.99"))


def doubt(case: Case) -> None:
    case.world.doubt(case.markets[0], "sequence gap")


def never_heard(case: Case) -> None:
    del case.world.hub.books[case.yes.market]


def age_book(case: Case) -> None:
    case.world.tick(60_001)
    case.world.event(ReferenceTick("coinbase:BTC-USD", None, usd("100000")))
    case.alter(expires_ns=case.world.now)


def no_reference(case: Case) -> None:
    case.alter(reference="chainlink:BTC-USD")


def age_reference(case: Case) -> None:
    case.world.tick(5_001)


def thin_bids(case: Case) -> None:
    case.limit(min_liquidity=shares("100.01"))


def sell_nothing(case: Case) -> None:
    case.alter(side="sell", purpose="reduce")


def small_notional(case: Case) -> None:
    case.limit(max_order_notional=usd("9.99"))


def small_size(case: Case) -> None:
    case.limit(max_order_size=shares("19.99"))


def small_market(case: Case) -> None:
    case.limit(max_market_exposure=usd("9.99"))


def small_group(case: Case) -> None:
    case.limit(max_group_exposure=usd("9.99"))


def small_strategy(case: Case) -> None:
    case.limit(max_strategy_exposure=usd("9.99"))


def small_total(case: Case) -> None:
    case.limit(max_total_exposure=usd("9.99"))


def no_more_orders(case: Case) -> None:
    case.limit(max_open_orders=0)


def no_more_positions(case: Case) -> None:
    case.limit(max_positions=0)


def spend_cash(case: Case) -> None:
    ledger = case.world.portfolio.ledger
    ledger.open(case.world.portfolio.currency(case.yes.market), usd("-990.01"), START)


CASES: list[tuple[str, Change, str]] = [
    (
        "purpose",
        claim_to_equalize,
        "called equalize, but 20 shares are more than the 19.99 that would complete pairs",
    ),
    ("halted", halt, "halted: the operator said so"),
    ("expired", let_expire, "expired 7 ms ago"),
    ("duplicate_plan", use_plan, "plan p1 was executed before"),
    ("market_known", unknown_market, "polymarket:nowhere is not in the catalogue"),
    ("market_known", close_market, "polymarket:m0 no longer trades"),
    ("grid", between_ticks, "price 0.505 is not on the tick grid"),
    ("grid", below_size_step, "size 20.001 is not on the size step"),
    ("grid", below_min_size, "size 4.99 is below 5"),
    ("book_trusted", doubt, "the book is not trusted: sequence gap"),
    ("book_trusted", never_heard, "the book is not trusted: nothing was received yet"),
    ("book_fresh", age_book, "the book is 60001 ms old, the limit is 60000 ms"),
    ("reference_fresh", no_reference, "there is no reference price chainlink:BTC-USD"),
    ("reference_fresh", age_reference, "coinbase:BTC-USD is 5001 ms old, the limit is 5000 ms"),
    ("liquidity", thin_bids, "only 100 shares rest on the other side"),
    ("ownership", sell_nothing, "20 shares to sell, 0 are confirmed and free"),
    ("order_limit", small_notional, "order notional 10 is over the limit 9.99"),
    ("order_limit", small_size, "order size 20 is over the limit 19.99"),
    ("market_limit", small_market, "market exposure 10 is over the limit 9.99"),
    ("group_limit", small_group, "group exposure 10 is over the limit 9.99"),
    ("strategy_limit", small_strategy, "strategy exposure 10 is over the limit 9.99"),
    ("total_limit", small_total, "total exposure 10 is over the limit 9.99"),
    ("open_orders", no_more_orders, "0 orders are open, the limit is 0"),
    ("positions", no_more_positions, "positions in 0 markets, the limit is 0"),
    ("cash", spend_cash, "needs 10 dollars, 9.99 are free"),
]


def mint_to_reduce(case: Case) -> None:
    case.alter(purpose="reduce")


def no_sets(case: Case) -> None:
    case.alter(size=0)


def lone_sets(case: Case) -> None:
    case.alter(group=None, market=case.lone.id)


def nowhere_sets(case: Case) -> None:
    case.alter(group=None, market=MarketId(case.yes.market.venue, "nowhere"))


def merge_group(case: Case) -> None:
    case.alter(action="merge", purpose="reduce")


def mint_beyond_cash(case: Case) -> None:
    ledger = case.world.portfolio.ledger
    ledger.open(case.world.portfolio.currency(case.yes.market), usd("-980.01"), START)


def mint_beyond_limit(case: Case) -> None:
    case.limit(max_order_notional=usd("19.99"))


def merge_unowned(case: Case) -> None:
    case.world.give(case.yes, "19.99")
    case.world.give(case.markets[0].outcome(1), "30")
    case.alter(action="merge", purpose="reduce", group=None, market=case.yes.market)


SET_CASES: list[tuple[str, Change, str]] = [
    ("purpose", mint_to_reduce, "a mint called reduce"),
    ("halted", halt, "halted: the operator said so"),
    ("expired", let_expire, "expired 7 ms ago"),
    ("duplicate_plan", use_plan, "plan p2 was executed before"),
    ("set_possible", no_sets, "size 0 is not a number of sets"),
    ("set_possible", lone_sets, "kalshi does not mint or merge sets"),
    ("set_possible", nowhere_sets, "market polymarket:nowhere is not in the catalogue"),
    (
        "set_possible",
        merge_group,
        "no contract of the venue can merge sets of group polymarket:weather",
    ),
    ("set_cash", mint_beyond_cash, "needs 20 dollars, 19.99 are free"),
    ("set_cash", mint_beyond_limit, "minted sets 20 is over the limit 19.99"),
    ("set_ownership", merge_unowned, "19.99 of polymarket:m0:YES are confirmed and free"),
]


@pytest.fixture
def case() -> Case:
    """Make the intent that passes."""
    return Case()


@pytest.fixture
def set_case() -> Case:
    """Make a mint of the whole group that passes."""
    made = Case()
    made.intent = made.world.sets("mint", made.group, "20")
    return made


def assert_refused(case: Case, gate: str, detail: str) -> None:
    """Check the verdict, the record of it and what the strategy is told."""
    verdict = case.check()
    assert isinstance(verdict, Refusal)
    assert (verdict.gate, verdict.detail) == (gate, detail)
    assert verdict.edge_forgone == usd("0.25") == case.intent.edge
    assert verdict.at_ns == case.world.now
    assert (verdict.strategy, verdict.plan) == (case.intent.strategy, case.intent.plan)
    assert case.world.kept.refusals == [verdict]
    assert case.world.puppet.refused == [verdict]
    assert case.world.engine.risk.refused == {gate: 1}


def test_an_intent_within_every_limit_passes_every_gate_in_order(case: Case) -> None:
    """The base of all cases is approved, and the approval lists the gates it passed."""
    verdict = case.check()
    assert isinstance(verdict, Approved)
    assert verdict.gates == tuple(name for name, _ in GATES)
    assert verdict.intent is case.intent


def test_a_mint_within_every_limit_passes_every_set_gate(set_case: Case) -> None:
    """The base of the set cases is approved, and the approval lists the gates it passed."""
    verdict = set_case.check()
    assert isinstance(verdict, Approved)
    assert verdict.gates == tuple(name for name, _ in SET_GATES)


@pytest.mark.parametrize(
    "gate,change,detail", CASES, ids=[f"{gate}-{change.__name__}" for gate, change, _ in CASES]
)
def test_gate_refuses(case: Case, gate: str, change: Change, detail: str) -> None:
    """One change makes exactly this gate refuse, with the numbers and the edge forgone."""
    change(case)
    assert_refused(case, gate, detail)


@pytest.mark.parametrize(
    "gate,change,detail",
    SET_CASES,
    ids=[f"{gate}-{change.__name__}" for gate, change, _ in SET_CASES],
)
def test_set_gate_refuses(set_case: Case, gate: str, change: Change, detail: str) -> None:
    """One change makes exactly this gate refuse a mint or a merge."""
    change(set_case)
    assert_refused(set_case, gate, detail)


def test_every_gate_has_a_case() -> None:
    """A gate added without a case here fails."""
    assert {name for name, _, _ in CASES} == {name for name, _ in GATES}
    assert {name for name, _, _ in SET_CASES} == {name for name, _ in SET_GATES}
    for table in (GATES, SET_GATES):
        assert len({name for name, _ in table}) == len(table)


@pytest.mark.parametrize("because,augmented", [(None, False), (None, True)])
def test_a_group_that_is_not_proven_exhaustive_is_not_minted(
    because: str | None, *, augmented: bool
) -> None:
    """Without the proof, and always when it is augmented, a group has no complete sets."""
    markets, group = make_group(2, because=because, augmented=augmented)
    world = World(markets, [group])
    verdict = world.engine.check(world.sets("mint", group, "20"), None, world.now)
    assert isinstance(verdict, Refusal)
    assert verdict.detail == "group polymarket:weather is not proven exhaustive"


# --- the exact border of a limit ----------------------------------------------------------------


@pytest.mark.parametrize(
    "limits",
    [
        {"max_order_notional": "10", "max_order_size": "20"},
        {"max_market_exposure": "10", "max_group_exposure": "10"},
        {"max_strategy_exposure": "10", "max_total_exposure": "10"},
        {"max_open_orders": "0.000001", "max_positions": "0.000001", "min_liquidity": "100"},
    ],
)
def test_exactly_the_limit_is_allowed(case: Case, limits: dict[str, str]) -> None:
    """A limit is what is allowed: only what is over it is refused."""
    case.limit(**{name: usd(value) for name, value in limits.items()})
    assert isinstance(case.check(), Approved)


@pytest.mark.parametrize("index,price,passes", [(0, "0.05", True), (1, "0.95", True)])
def test_a_no_price_is_checked_on_the_yes_grid(index: int, price: str, *, passes: bool) -> None:
    """A NO price is on the grid exactly when its mirror is a YES price on the grid."""
    market = make_market()
    world = World([market])
    world.show(market, {"0.04": "100"}, {"0.06": "100"})
    verdict = world.engine.check(world.buy(market.outcome(index), price, "20"), None, world.now)
    assert isinstance(verdict, Approved) is passes


def test_the_cash_gate_counts_the_fee_of_a_taker_only() -> None:
    """The fee belongs to what a taker needs; a maker's order needs its notional alone."""
    from underround.model.fees import polymarket_fees

    market = make_market(fees=polymarket_fees("0.07"))
    world = World([market], dollars="10")
    world.show(market, {"0.48": "100"}, {"0.52": "100"})
    taker = world.buy(market.outcome(0), "0.50", "20")
    verdict = world.engine.check(taker, None, world.now)
    assert isinstance(verdict, Refusal)
    assert verdict.detail == "needs 10.35 dollars, 10 are free"
    maker = world.buy(market.outcome(0), "0.50", "20", tif="GTC", post_only=True)
    assert isinstance(world.engine.check(maker, None, world.now), Approved)


# --- what is promised is not there twice --------------------------------------------------------


def test_open_buys_are_promised_cash_and_full_exposure(world: World) -> None:
    """What open buys may still cost is neither free cash nor free of risk."""
    market = next(iter(world.hub.markets.values()))
    order = only_order(world.say(world.buy(market.outcome(0), "0.50", "100", tif="GTC")))
    assert world.facts.cash_free(market.id) == usd("950")
    assert world.facts.market_exposure(market.id) == usd("50")
    world.fill(order, shares("40"))
    assert world.facts.cash_free(market.id) == usd("950")
    assert world.facts.market_exposure(market.id) == usd("50")
    world.end(order, "cancelled")
    assert world.facts.cash_free(market.id) == usd("980")
    assert world.facts.market_exposure(market.id) == usd("20")


def test_unconfirmed_shares_are_not_sellable(world: World) -> None:
    """A matched fill is not sold as if owned; once it is confirmed, it is."""
    yes = next(iter(world.hub.markets.values())).outcome(0)
    order = only_order(world.say(world.buy(yes, "0.52", "20")))
    fill = world.fill(order)
    assert world.say(world.sell(yes, "0.48", "20")) == []
    assert world.kept.refusals[-1].gate == "ownership"
    assert world.kept.refusals[-1].detail == "20 shares to sell, 0 are confirmed and free"
    world.settle(fill)
    assert only_order(world.say(world.sell(yes, "0.48", "20"))).side == "sell"


def test_shares_in_an_open_sell_are_not_sold_twice(world: World) -> None:
    """Shares promised to a resting sell are free again only when it ended."""
    yes = next(iter(world.hub.markets.values())).outcome(0)
    world.give(yes, "30")
    resting = only_order(world.say(world.sell(yes, "0.60", "20", tif="GTC")))
    assert world.say(world.sell(yes, "0.48", "10.01")) == []
    assert only_order(world.say(world.sell(yes, "0.48", "10"))).size == shares("10")
    world.end(resting, "cancelled")
    assert only_order(world.say(world.sell(yes, "0.48", "20"))).size == shares("20")


def test_a_strategy_cannot_sell_the_shares_of_another() -> None:
    """The account owns the shares, but only the strategy that bought them may sell them."""
    from tests.trading.world import Puppet

    market = make_market()
    world = World(
        [market],
        strategies=[
            lambda markets, groups: Puppet("s", markets, groups),
            lambda markets, groups: Puppet("other", markets, groups),
        ],
    )
    world.show(market, {"0.48": "100"}, {"0.52": "100"})
    world.give(market.outcome(0), "20")
    sale = world.sell(market.outcome(0), "0.48", "20", strategy="other")
    verdict = world.engine.check(sale, None, world.now)
    assert isinstance(verdict, Refusal)
    assert verdict.gate == "ownership"


def test_a_pending_merge_reserves_its_shares(world: World) -> None:
    """Until a merge is done or failed, its shares can be neither sold nor merged again."""
    market = next(iter(world.hub.markets.values()))
    yes, no = market.outcome(0), market.outcome(1)
    world.give(yes, "20")
    world.give(no, "20")
    (change,) = world.say(world.sets("merge", market, "20"))
    assert isinstance(change, ChangeSets)
    assert world.say(world.sell(yes, "0.48", "20")) == []
    assert world.say(world.sets("merge", market, "20")) == []
    assert [refusal.gate for refusal in world.kept.refusals] == ["ownership", "set_ownership"]
    world.sets_done(change.approved, done=False)
    assert world.facts.sellable(world.puppet.name, yes) == shares("20")
    (again,) = world.say(world.sets("merge", market, "20"))
    assert isinstance(again, ChangeSets)
    world.sets_done(again.approved)
    assert world.facts.sellable(world.puppet.name, yes) == 0
    assert world.portfolio.ledger.holding(no).total == 0


def test_a_pending_mint_reserves_its_cash(world: World) -> None:
    """Until a mint is done or failed, its dollars are promised; afterwards they are spent."""
    market = next(iter(world.hub.markets.values()))
    (change,) = world.say(world.sets("mint", market, "60"))
    assert isinstance(change, ChangeSets)
    assert world.facts.cash_free(market.id) == usd("940")
    world.sets_done(change.approved)
    assert world.facts.cash_free(market.id) == usd("940")
    assert world.portfolio.ledger.holding(market.outcome(1)).confirmed == shares("60")
    (failed,) = world.say(world.sets("mint", market, "60"))
    assert isinstance(failed, ChangeSets)
    world.sets_done(failed.approved, done=False)
    assert world.facts.cash_free(market.id) == usd("940")


# --- getting out --------------------------------------------------------------------------------


def complete(world: World, size: str, index: int = 1, **other: str) -> Approved | Refusal:
    """Ask for a buy that is said to complete pairs."""
    outcome = next(iter(world.hub.markets.values())).outcome(index)
    intent = world.buy(outcome, "0.52", size, **({"purpose": "equalize"} | other))
    return world.engine.check(intent, None, world.now)


@pytest.mark.parametrize("purpose", ["reduce", "equalize", "unwind"])
def test_a_buy_that_opens_cannot_call_itself_something_else(world: World, purpose: str) -> None:
    """Halted or not, a buy is passed as what it is called only up to what completes pairs."""
    verdict = complete(world, "20", purpose=purpose)
    assert isinstance(verdict, Refusal)
    assert verdict.gate == "purpose"
    assert verdict.detail == (
        f"called {purpose}, but 20 shares are more than the 0 that would complete pairs"
    )
    yes = next(iter(world.hub.markets.values())).outcome(0)
    world.give(yes, "20")
    world.command("halt", "enough")
    assert isinstance(complete(world, "20", purpose=purpose), Approved)
    assert isinstance(complete(world, "20.01", purpose=purpose), Refusal)
    assert isinstance(complete(world, "20", index=0, purpose=purpose), Refusal)


def test_what_completes_pairs_is_counted_once(world: World) -> None:
    """Shares of the side bought, confirmed or not, and its open buys leave less to complete."""
    market = next(iter(world.hub.markets.values()))
    world.give(market.outcome(0), "30")
    world.give(market.outcome(1), "5")
    world.give(market.outcome(1), "5", confirmed=False)
    resting = world.buy(market.outcome(1), "0.40", "10", purpose="equalize", tif="GTC")
    order = only_order(world.say(resting))
    assert isinstance(complete(world, "10"), Approved)
    assert isinstance(complete(world, "10.01"), Refusal)
    world.end(order, "cancelled")
    assert isinstance(complete(world, "20"), Approved)


def test_pairs_are_completed_with_one_s_own_shares_only() -> None:
    """What another strategy holds of the other side earns nobody else a purpose."""
    from tests.trading.world import Puppet

    market = make_market()
    world = World(
        [market],
        strategies=[
            lambda markets, groups: Puppet("s", markets, groups),
            lambda markets, groups: Puppet("other", markets, groups),
        ],
    )
    world.show(market, {"0.48": "100"}, {"0.52": "100"})
    world.give(market.outcome(0), "20")
    assert isinstance(complete(world, "20"), Approved)
    verdict = complete(world, "20", strategy="other")
    assert isinstance(verdict, Refusal)
    assert verdict.gate == "purpose"


@pytest.mark.parametrize("purpose", ["reduce", "equalize", "unwind"])
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_getting_out_survives_a_halt_and_every_limit(world: World, purpose: str, side: str) -> None:
    """A halt and limits of nothing stop what opens, never what makes existing risk smaller."""
    market = next(iter(world.hub.markets.values()))
    world.give(market.outcome(0), "20")
    world.command("halt", "enough")
    world.facts.limits = RiskLimits(
        max_order_notional=0,
        max_order_size=0,
        max_market_exposure=0,
        max_group_exposure=0,
        max_strategy_exposure=0,
        max_total_exposure=0,
        max_open_orders=0,
        max_positions=0,
        min_liquidity=shares("1000"),
    )
    outcome, price = (market.outcome(1), "0.52") if side == "buy" else (market.outcome(0), "0.48")
    order = world.buy if side == "buy" else world.sell
    opening = order(outcome, price, "20", purpose="open")
    assert world.say(opening) == []
    assert orders_in(world.say(order(outcome, price, "20", purpose=purpose)))


def test_a_merge_survives_a_halt_and_a_mint_does_not(world: World) -> None:
    """Sets turn back into dollars while the run is halted; new ones are not minted."""
    market = next(iter(world.hub.markets.values()))
    world.give(market.outcome(0), "20")
    world.give(market.outcome(1), "20")
    world.command("halt", "enough")
    assert world.say(world.sets("mint", market, "20")) == []
    (change,) = world.say(world.sets("merge", market, "20"))
    assert isinstance(change, ChangeSets)


def test_less_than_the_minimum_may_be_sold_but_not_bought(world: World) -> None:
    """What is left of a position may be smaller than the venue's minimum and is still passed."""
    yes = next(iter(world.hub.markets.values())).outcome(0)
    world.give(yes, "3")
    assert orders_in(world.say(world.sell(yes, "0.48", "3")))
    assert world.say(world.buy(yes, "0.52", "3")) == []


# --- several legs at once -----------------------------------------------------------------------


def group_world(limits: RiskLimits = NO_LIMITS) -> tuple[World, list[Market], EventGroup]:
    """Make five markets of one group, each offered at 0.10."""
    markets, group = make_group(5)
    world = World(markets, [group], limits=limits)
    for market in markets:
        world.show(market, {"0.08": "100"}, {"0.10": "100"})
    return world, markets, group


@pytest.mark.parametrize(
    "limit", ["max_group_exposure", "max_strategy_exposure", "max_total_exposure"]
)
def test_the_legs_of_a_group_count_together(limit: str) -> None:
    """Five legs of 2 dollars need 10: one micro-dollar less refuses them all."""
    for allowed, sent in ((usd("10"), 5), (usd("10") - 1, 0)):
        world, markets, _ = group_world(msgspec.structs.replace(NO_LIMITS, **{limit: allowed}))
        legs = [world.buy(market.outcome(0), "0.10", "20") for market in markets]
        assert len(orders_in(world.say(world.legs("all_or_none", *legs)))) == sent
        assert world.facts.orders.pretended == []


@pytest.mark.parametrize("limit", ["max_open_orders", "max_positions"])
def test_the_legs_of_a_group_count_as_orders_and_positions(limit: str) -> None:
    """Five legs are five orders and five positions: at a limit of four none of them is sent."""
    for allowed, sent in ((5, 5), (4, 0)):
        world, markets, _ = group_world(msgspec.structs.replace(NO_LIMITS, **{limit: allowed}))
        legs = [world.buy(market.outcome(0), "0.10", "20") for market in markets]
        assert len(orders_in(world.say(world.legs("all_or_none", *legs)))) == sent
        assert world.facts.orders.pretended == []


def test_a_leg_counts_in_its_own_market_alone() -> None:
    """Two legs of 2 dollars in one market need 4 there; legs of five markets need 2 in each."""
    for allowed, sent in ((usd("4"), 2), (usd("4") - 1, 0)):
        world, markets, _ = group_world(
            msgspec.structs.replace(NO_LIMITS, max_market_exposure=allowed)
        )
        twice = [world.buy(markets[0].outcome(0), "0.10", "20") for _ in range(2)]
        assert len(orders_in(world.say(world.legs("all_or_none", *twice)))) == sent
    world, markets, _ = group_world(
        msgspec.structs.replace(NO_LIMITS, max_market_exposure=usd("2"))
    )
    legs = [world.buy(market.outcome(0), "0.10", "20") for market in markets]
    assert len(orders_in(world.say(world.legs("all_or_none", *legs)))) == 5


def test_the_legs_of_a_group_share_the_cash() -> None:
    """Five legs of 2 dollars are not sent with 9.99 dollars, and are with 10."""
    for dollars, sent in (("10", 5), ("9.99", 0)):
        markets, group = make_group(5)
        world = World(markets, [group], dollars=dollars)
        for market in markets:
            world.show(market, {"0.08": "100"}, {"0.10": "100"})
        legs = [world.buy(market.outcome(0), "0.10", "20") for market in markets]
        assert len(orders_in(world.say(world.legs("all_or_none", *legs)))) == sent


def test_positions_are_the_markets_held_or_bought_into() -> None:
    """Shares at no risk, unconfirmed shares and open buys are positions; open sells are not."""
    world, markets, _ = group_world()
    world.give(markets[0].outcome(0), "20")
    world.give(markets[0].outcome(1), "20")
    world.give(markets[1].outcome(0), "20", confirmed=False)
    bought = only_order(world.say(world.buy(markets[2].outcome(0), "0.10", "20", tif="GTC")))
    world.say(world.sell(markets[0].outcome(0), "0.10", "20", tif="GTC"))
    assert world.facts.positions() == {market.id for market in markets[:3]}
    world.end(bought, "cancelled")
    assert world.facts.positions() == {market.id for market in markets[:2]}


def test_more_of_a_held_pair_is_no_new_position(world: World) -> None:
    """At the limit of positions one may still buy in a market one is in already."""
    market = next(iter(world.hub.markets.values()))
    world.give(market.outcome(0), "20", "0.4")
    world.give(market.outcome(1), "20", "0.4")
    world.facts.limits = msgspec.structs.replace(NO_LIMITS, max_positions=1)
    assert orders_in(world.say(world.buy(market.outcome(0), "0.52", "20")))
