"""Worst-case losses equal what counting over every possible outcome finds."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from tests.trading.world import START, World, make_group, make_market, only_order
from underround.model.ids import FillId, MarketId, OrderId, OutcomeId, StrategyId
from underround.model.ledger import Ledger
from underround.model.market import EventGroup, Market
from underround.model.orders import Fill, Order
from underround.model.units import ONE, Money, Size, cost_of, shares, usd
from underround.trading.exposure import group_at_risk, market_at_risk
from underround.trading.limits import RiskLimits

CURRENCY = "cash:polymarket:pUSD"
HELD = st.tuples(st.integers(0, 40), st.integers(0, 100))
"""Shares (whole) and cents each cost; nothing held if there are no shares."""
PAIRS = st.tuples(HELD, HELD)
WIDE = RiskLimits(
    max_order_notional=10**12,
    max_order_size=10**12,
    max_market_exposure=10**12,
    max_group_exposure=10**12,
    max_strategy_exposure=10**12,
    max_total_exposure=10**12,
    max_open_orders=10_000,
    max_positions=10_000,
    max_loss=10**12,
    max_drawdown=10**12,
    min_liquidity=0,
)


def buy(ledger: Ledger, outcome: OutcomeId, size: Size, price: int, *, confirmed: bool) -> None:
    fill_id = FillId(f"f-{outcome}")
    ledger.fill(
        Fill(
            id=fill_id,
            order=OrderId("o"),
            outcome=outcome,
            side="buy",
            price=price,
            size=size,
            fee=0,
            liquidity="taker",
            at_ns=START,
            evidence="",
        ),
        CURRENCY,
    )
    if confirmed:
        ledger.confirm(fill_id, START)


def ledger_of(
    markets: list[Market], holdings: list[tuple[tuple[int, int], tuple[int, int]]]
) -> tuple[Ledger, Money, dict[OutcomeId, Size]]:
    """Return a ledger that holds this, what it cost, and the shares."""
    ledger, cost, held = Ledger(), 0, {}
    for market, pair in zip(markets, holdings, strict=True):
        for index, (count, cents) in enumerate(pair):
            if count:
                size, price = count * ONE, cents * 10_000
                outcome = market.outcome(index)
                buy(ledger, outcome, size, price, confirmed=bool(count % 2))
                held[outcome] = size
                cost += cost_of(price, size)
    return ledger, cost, held


def worst(cost: Money, held: dict[OutcomeId, Size], worlds: list[dict[MarketId, int]]) -> Money:
    """Return the largest loss over ``worlds``: each says which index of each market pays."""
    return max(
        0,
        *(
            cost
            - sum(size for outcome, size in held.items() if pays[outcome.market] == outcome.index)
            for pays in worlds
        ),
    )


@given(PAIRS)
def test_a_market_s_risk_is_its_worst_outcome(
    pair: tuple[tuple[int, int], tuple[int, int]],
) -> None:
    """Cost minus what the worse of both outcomes pays, never below zero."""
    market = make_market()
    ledger, cost, held = ledger_of([market], [pair])
    expected = worst(cost, held, [{market.id: 0}, {market.id: 1}])
    assert market_at_risk(ledger, market.id) == expected


@given(st.lists(PAIRS, min_size=2, max_size=4), st.booleans())
def test_a_group_s_risk_is_its_worst_winner(
    holdings: list[tuple[tuple[int, int], tuple[int, int]]], exhaustive: bool
) -> None:
    """One winner, each market in turn, and "none of them" unless the group is exhaustive."""
    markets, group = make_group(
        len(holdings), because="all intervals are there" if exhaustive else None
    )
    ledger, cost, held = ledger_of(markets, holdings)
    worlds = [{market.id: 0 if market is winner else 1 for market in markets} for winner in markets]
    if not exhaustive:
        worlds.append({market.id: 1 for market in markets})
    assert group_at_risk(ledger, group) == worst(cost, held, worlds)


def test_a_pair_is_a_dollar_whatever_happens() -> None:
    """Pairs below a dollar risk nothing; what is unpaired risks its price."""
    market = make_market()
    ledger, _, _ = ledger_of([market], [((30, 48), (20, 50))])
    assert market_at_risk(ledger, market.id) == usd("4.4")
    paired, _, _ = ledger_of([market], [((20, 48), (20, 50))])
    assert market_at_risk(paired, market.id) == 0


def everything(
    world: World, markets: list[Market], group: EventGroup
) -> tuple[list[Money], Money, Money, Money]:
    facts = world.facts
    return (
        [facts.market_exposure(market.id) for market in markets],
        facts.group_exposure(group),
        facts.strategy_exposure(StrategyId("s")),
        facts.total_exposure(),
    )


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["buy", "fill", "settle", "fail", "end", "mint", "sell"]),
            st.integers(0, 2),
            st.integers(0, 1),
            st.integers(5, 30),
            st.integers(1, 99),
        ),
        max_size=20,
    )
)
def test_exposure_after_any_events_is_recomputed_right(
    steps: list[tuple[str, int, int, int, int]],
) -> None:
    """Nothing cached goes stale: after each event the sums equal a count from the ledger."""
    markets, group = make_group(3)
    lone = make_market("lone")
    world = World([*markets, lone], [group], limits=WIDE, dollars="100000")
    for market in (*markets, lone):
        world.show(market, {"0.01": "1000"}, {"0.99": "1000"})
    every = [*markets[:2], lone]
    orders: list[Order] = []
    fills: list[Fill] = []
    for what, number, index, count, cents in steps:
        world.tick()
        outcome = every[number].outcome(index)
        if what == "buy":
            intent = world.buy(outcome, f"0.{cents:02d}", str(count), tif="GTC")
            orders.append(only_order(world.say(intent)))
        elif what == "sell":
            world.say(world.sell(outcome, f"0.{cents:02d}", str(count)))
        elif what == "fill" and orders:
            fills.append(world.fill(orders.pop(count % len(orders))))
        elif what == "end" and orders:
            world.end(orders.pop(count % len(orders)), "cancelled")
        elif what in ("settle", "fail") and fills:
            fill = fills.pop(count % len(fills))
            world.settle(fill, "confirmed" if what == "settle" else "failed")
        elif what == "mint":
            world.say(world.sets("mint", group, str(count)))
            for approved in list(world.engine._sets.values()):
                world.sets_done(approved)
        ledger = world.portfolio.ledger
        spent = {
            market.id: sum(
                cost_of(order.price, order.remaining)
                for order in orders
                if order.outcome.market == market.id
            )
            for market in (*markets, lone)
        }
        in_group = group_at_risk(ledger, group) + sum(spent[market.id] for market in markets)
        alone = market_at_risk(ledger, lone.id) + spent[lone.id]
        assert everything(world, [*markets, lone], group) == (
            [market_at_risk(ledger, market.id) + spent[market.id] for market in (*markets, lone)],
            in_group,
            in_group + alone,
            in_group + alone,
        )


def test_every_combination_of_two_strategies_counts_once() -> None:
    """Opposite holdings of two strategies risk nothing together and their price each alone."""
    from tests.trading.world import Puppet

    market = make_market()
    world = World(
        [market],
        strategies=[
            lambda markets, groups: Puppet("s", markets, groups),
            lambda markets, groups: Puppet("t", markets, groups),
        ],
    )
    for number, (name, index) in enumerate(product(("s", "t"), (0, 1))):
        if (name, index) in (("s", 0), ("t", 1)):
            fill = Fill(
                id=FillId(f"x{number}"),
                order=OrderId("o"),
                outcome=market.outcome(index),
                side="buy",
                price=usd("0.5"),
                size=shares("20"),
                fee=0,
                liquidity="taker",
                at_ns=START,
                evidence="",
            )
            world.portfolio.fill(fill, StrategyId(name))
    assert world.facts.total_exposure() == 0
    assert world.facts.strategy_exposure(StrategyId("s")) == usd("10")
    assert world.facts.strategy_exposure(StrategyId("t")) == usd("10")
