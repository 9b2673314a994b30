"""Leg groups: what is sent, what happens when a leg fails, and the state each group ends in."""

from __future__ import annotations

from typing import TypeAlias

import pytest

from tests.trading.world import World, make_group, orders_in
from underround.model.events import MarketResolved
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import StrategyId
from underround.model.market import EventGroup, Market
from underround.model.orders import ChangeSets, LegPolicy, Order
from underround.model.units import shares, usd
from underround.trading.legs import LegGroup

Setting: TypeAlias = tuple[World, list[Market], EventGroup]


@pytest.fixture
def setting() -> Setting:
    """Make three exclusive markets: bids 0.28 × 100, asks 0.30 × 100."""
    markets, group = make_group(3)
    world = World(markets, [group])
    for market in markets:
        world.show(market, {"0.28": "100"}, {"0.30": "100"})
    return world, markets, group


def buy_all(setting: Setting, policy: LegPolicy = "all_or_none") -> list[Order]:
    """Begin a group that buys 20 YES of every market."""
    world, markets, _ = setting
    legs = [world.buy(market.outcome(0), "0.30", "20") for market in markets]
    return orders_in(world.say(world.legs(policy, *legs)))


def the_end(world: World) -> LegGroup:
    """Return the one group, which ended."""
    assert not world.engine.leg_groups.working
    (group,) = world.engine.leg_groups.ended
    return group


# --- all or none --------------------------------------------------------------------------------


def test_every_leg_filled_is_complete(setting: Setting) -> None:
    """All legs go out together; when the last one filled, the group is complete."""
    world, markets, _ = setting
    orders = buy_all(setting)
    assert [order.outcome for order in orders] == [market.outcome(0) for market in markets]
    assert {order.leg_group for order in orders} == {"g1"}
    assert [order.plan for order in orders] == ["p4/1", "p4/2", "p4/3"]
    for order in orders:
        assert world.engine.leg_groups.working
        world.settle(world.fill(order))
    group = the_end(world)
    assert (group.state, group.detail) == ("complete", "every leg filled")
    assert group.cash == usd("-18")


def test_no_leg_filled_is_failed(setting: Setting) -> None:
    """When every leg is killed nothing is to be undone."""
    world, _, _ = setting
    for order in buy_all(setting):
        world.end(order)
    assert the_end(world).state == "failed"
    assert world.executor.count == 3


def test_a_killed_leg_sells_the_others_back_once_confirmed(setting: Setting) -> None:
    """What filled is sold at the bounded price, not before it is confirmed."""
    world, markets, _ = setting
    first, second, third = buy_all(setting)
    fills = [world.fill(first), world.fill(third)]
    assert orders_in(world.end(second)) == []
    (sale,) = orders_in(world.settle(fills[0]))
    assert (sale.side, sale.outcome, sale.size) == ("sell", markets[0].outcome(0), shares("20"))
    assert (sale.price, sale.tif, sale.purpose) == (usd("0.27"), "FAK", "unwind")
    (other,) = orders_in(world.settle(fills[1]))
    assert other.outcome == markets[2].outcome(0)
    world.fill(sale, price=usd("0.28"))
    world.fill(other, price=usd("0.27"))
    group = the_end(world)
    assert group.state == "unwound"
    assert group.cash == usd("-12") + usd("5.6") + usd("5.4")


def test_a_partly_filled_leg_counts_as_failed(setting: Setting) -> None:
    """A leg that ended with a rest is undone with the others."""
    world, _, _ = setting
    first, second, third = buy_all(setting)
    fills = [world.fill(first, shares("7")), world.fill(second), world.fill(third)]
    world.end(first, "cancelled")
    sizes = [orders_in(world.settle(fill))[0].size for fill in fills]
    assert sizes == [shares("7"), shares("20"), shares("20")]


def test_a_sale_without_a_buyer_leaves_a_residual(setting: Setting) -> None:
    """What finds no buyer within the bound stays a position, and the group says so."""
    world, markets, _ = setting
    first, second, third = buy_all(setting)
    fill = world.fill(first)
    world.end(second)
    world.end(third)
    (sale,) = orders_in(world.settle(fill))
    world.fill(sale, shares("5"))
    world.end(sale)
    group = the_end(world)
    assert group.state == "residual"
    assert "found no buyer at 270000" in group.detail
    assert world.portfolio.ledger.holding(markets[0].outcome(0)).total == shares("15")


def test_a_refused_unwind_leaves_a_residual(setting: Setting) -> None:
    """When risk refuses the sale, here on a doubted book, the group ends with the reason."""
    world, markets, _ = setting
    first, second, third = buy_all(setting)
    fill = world.fill(first)
    world.end(second)
    world.end(third)
    world.doubt(markets[0])
    assert world.settle(fill) == []
    group = the_end(world)
    assert group.state == "residual"
    assert "unwind refused by book_trusted: the book is not trusted" in group.detail


@pytest.mark.parametrize("index,price", [(0, "0.27"), (1, "0.67")])
@pytest.mark.parametrize("loss", ["0.03", "0.031"])
def test_the_unwind_is_bounded_by_what_the_leg_cost(index: int, price: str, loss: str) -> None:
    """No share is sold for less than its cost minus the largest loss, rounded towards us."""
    markets, group = make_group(2)
    world = World(markets, [group])
    for market in markets:
        world.show(market, {"0.28": "100"}, {"0.30": "100"})
    ask = "0.30" if index == 0 else "0.72"
    legs = [world.buy(market.outcome(index), ask, "20") for market in markets]
    first, second = orders_in(world.say(world.legs("all_or_none", *legs, loss=loss)))
    fill = world.fill(first, price=usd(ask) if index == 0 else usd("0.70"))
    world.end(second)
    (sale,) = orders_in(world.settle(fill))
    assert sale.price == usd(price)
    assert sale.price >= fill.price - usd(loss)


def test_the_unwind_survives_a_halt(setting: Setting) -> None:
    """A halt kills the open legs; what filled of the others is still sold back."""
    world, _, _ = setting
    first, second, third = buy_all(setting)
    fill = world.fill(first)
    cancels = world.command("halt", "enough")
    assert len(cancels) == 2
    world.end(second, "cancelled")
    world.end(third, "cancelled")
    (sale,) = orders_in(world.settle(fill))
    world.fill(sale)
    assert the_end(world).state == "unwound"


def test_one_refused_leg_refuses_the_whole_group(setting: Setting) -> None:
    """Nothing is sent, one refusal carries the edge of the group, and the plan is not used."""
    world, markets, _ = setting
    world.doubt(markets[2], "sequence gap")
    assert buy_all(setting) == []
    (refusal,) = world.kept.refusals
    assert (refusal.gate, refusal.edge_forgone) == ("book_trusted", usd("0.75"))
    assert refusal.outcome == "3 legs"
    assert refusal.detail == "leg polymarket:m2:YES: the book is not trusted: sequence gap"
    assert not world.engine.leg_groups.working
    assert not world.kept.approved
    assert not world.executor.plan_used(refusal.plan)
    assert world.executor.count == 0


def test_a_group_executes_once(setting: Setting) -> None:
    """The plan of a group that began is refused, whatever became of it."""
    world, markets, _ = setting
    intent = world.legs("all_or_none", world.buy(markets[0].outcome(0), "0.30", "20"))
    (order,) = orders_in(world.say(intent))
    world.end(order)
    assert world.say(intent) == []
    assert world.kept.refusals[-1].gate == "duplicate_plan"


@pytest.mark.xfail(strict=True, reason="the legs of a group may be signed by anybody")
def test_a_leg_signed_by_another_strategy_is_a_bug(setting: Setting) -> None:
    """A strategy cannot trade in another one's name by hiding the intent in a group."""
    world, markets, _ = setting
    leg = world.buy(markets[0].outcome(0), "0.30", "20", strategy=StrategyId("other"))
    with pytest.raises(Exception, match="signed"):
        world.say(world.legs("all_or_none", leg))


# --- best effort and sequential -----------------------------------------------------------------


def test_best_effort_sends_what_passes_and_undoes_nothing(setting: Setting) -> None:
    """A refused and a killed leg leave the others alone; the group ends complete, with reasons."""
    world, markets, _ = setting
    world.doubt(markets[0])
    first, second = orders_in(
        world.say(
            world.legs(
                "best_effort", *(world.buy(market.outcome(0), "0.30", "20") for market in markets)
            )
        )
    )
    assert [first.outcome, second.outcome] == [market.outcome(0) for market in markets[1:]]
    world.end(first)
    fill = world.fill(second)
    assert orders_in(world.settle(fill)) == []
    group = the_end(world)
    assert group.state == "complete"
    assert group.detail.startswith("book_trusted: the book is not trusted")


def test_best_effort_with_every_leg_refused_ends(setting: Setting) -> None:
    """A group of which nothing could be sent does not stay under way."""
    world, markets, _ = setting
    for market in markets:
        world.doubt(market)
    assert buy_all(setting, "best_effort") == []
    assert the_end(world).ended


def test_sequential_sends_each_leg_when_the_one_before_filled(setting: Setting) -> None:
    """One leg at a time, in order."""
    world, markets, _ = setting
    world.taken()
    (first,) = buy_all(setting, "sequential")
    sent = [first]
    for number in (1, 2):
        world.taken()
        world.fill(sent[-1], shares("5"))
        assert orders_in(world.taken()) == []
        world.fill(sent[-1])
        (following,) = orders_in(world.taken())
        assert following.outcome == markets[number].outcome(0)
        sent.append(following)
    world.fill(sent[-1])
    assert the_end(world).state == "complete"


def test_sequential_stops_and_unwinds_when_a_leg_fails(setting: Setting) -> None:
    """The legs behind the failed one are never sent; what filled before it is sold back."""
    world, _, _ = setting
    (first,) = buy_all(setting, "sequential")
    fill = world.fill(first)
    (second,) = orders_in(world.taken())[1:]
    world.end(second)
    (sale,) = orders_in(world.settle(fill))
    world.fill(sale)
    assert the_end(world).state == "unwound"
    assert world.executor.count == 3


def test_sequential_asks_risk_again_when_a_leg_s_turn_comes(setting: Setting) -> None:
    """A leg that was fine at the beginning is refused if its book is doubted by then."""
    world, markets, _ = setting
    (first,) = buy_all(setting, "sequential")
    world.doubt(markets[1])
    world.taken()
    fill = world.fill(first)
    assert orders_in(world.taken()) == []
    (sale,) = orders_in(world.settle(fill))
    assert sale.side == "sell"


# --- mint, then sell ----------------------------------------------------------------------------


def mint_and_sell(setting: Setting) -> ChangeSets:
    """Begin a group that mints 20 sets and sells the YES of every market."""
    world, markets, group = setting
    sales = [world.sell(market.outcome(0), "0.28", "20") for market in markets]
    (change,) = world.say(
        world.legs("all_or_none", world.sets("mint", group, "20"), *sales, loss="0.10")
    )
    assert isinstance(change, ChangeSets)
    return change


def test_the_sales_wait_for_the_mint(setting: Setting) -> None:
    """Nothing is sold before the sets are there; then all of them go out together."""
    world, markets, _ = setting
    change = mint_and_sell(setting)
    assert world.executor.count == 0
    sales = orders_in(world.sets_done(change.approved))
    assert [sale.outcome for sale in sales] == [market.outcome(0) for market in markets]
    for sale in sales:
        world.settle(world.fill(sale))
    group = the_end(world)
    assert (group.state, group.cash) == ("complete", usd("-3.2"))
    assert not any(held.total for held in world.portfolio.ledger.holdings.values())


def test_a_failed_mint_fails_the_group(setting: Setting) -> None:
    """Without sets there is nothing to sell and nothing to undo."""
    world, _, _ = setting
    change = mint_and_sell(setting)
    assert world.sets_done(change.approved, done=False) == []
    group = the_end(world)
    assert (group.state, group.detail) == ("failed", "mint failed: reverted")
    assert world.executor.count == 0


def test_an_unsold_set_is_sold_within_the_bound(setting: Setting) -> None:
    """What a killed sale left is offered once more at its cost minus the largest loss."""
    world, markets, _ = setting
    change = mint_and_sell(setting)
    sales = orders_in(world.sets_done(change.approved))
    world.fill(sales[0])
    world.fill(sales[1])
    (again,) = orders_in(world.end(sales[2]))
    assert (again.outcome, again.size) == (markets[2].outcome(0), shares("20"))
    assert again.price == usd("0.24")
    world.end(again)
    assert the_end(world).state == "residual"


def test_a_sale_refused_after_the_mint_unwinds_the_sets(setting: Setting) -> None:
    """A leg that risk refuses when its turn comes fails the group; the others still go out."""
    world, markets, _ = setting
    change = mint_and_sell(setting)
    world.doubt(markets[1])
    sales = orders_in(world.sets_done(change.approved))
    assert [sale.outcome.market for sale in sales] == [markets[0].id, markets[2].id]
    for sale in sales:
        world.fill(sale)
    assert the_end(world).state == "residual"


def test_a_mint_beyond_the_cash_refuses_the_group(setting: Setting) -> None:
    """The mint is checked before anything is sent."""
    world, markets, group = setting
    sale = world.sell(markets[0].outcome(0), "0.28", "2000")
    assert world.say(world.legs("all_or_none", world.sets("mint", group, "2000"), sale)) == []
    assert world.kept.refusals[-1].gate == "set_cash"


def test_sales_that_expired_during_the_mint_are_made_as_an_unwind(setting: Setting) -> None:
    """A mint that took too long is undone: the sets are sold within the bound instead."""
    world, markets, _ = setting
    change = mint_and_sell(setting)
    world.tick(61_000)
    for market in markets:
        world.show(market, {"0.28": "100"}, {"0.30": "100"})
    sales = orders_in(world.sets_done(change.approved))
    assert [refusal.gate for refusal in world.kept.refusals] == ["expired"] * 3
    assert [sale.purpose for sale in sales] == ["unwind"] * 3
    for sale in sales:
        world.fill(sale)
    assert the_end(world).state == "unwound"


# --- settlement ---------------------------------------------------------------------------------


def test_a_leg_that_failed_to_settle_unwinds_the_others(setting: Setting) -> None:
    """A reversed fill of a group under way fails the group; what did settle is sold back."""
    world, markets, _ = setting
    first, second, third = buy_all(setting)
    fills = [world.fill(first), world.fill(second)]
    world.settle(fills[0], "failed")
    world.settle(fills[1])
    (sale,) = orders_in(world.end(third))
    assert sale.outcome == markets[1].outcome(0)
    world.fill(sale)
    group = the_end(world)
    assert group.state == "unwound"
    assert world.portfolio.ledger.holding(markets[0].outcome(0)).total == 0


def test_a_failed_settlement_can_end_an_unwind(setting: Setting) -> None:
    """If what was to be sold back never was ours, nothing is left to sell: unwound."""
    world, _, _ = setting
    first, second, third = buy_all(setting)
    fill = world.fill(first)
    world.end(second)
    world.end(third)
    assert orders_in(world.settle(fill, "failed")) == []
    assert the_end(world).state == "unwound"
    assert world.portfolio.ledger.cash_total() == usd("1000")


@pytest.mark.xfail(strict=True, reason="a group is complete before its fills are final")
def test_a_leg_that_fails_to_settle_after_the_last_fill_unwinds_the_others(
    setting: Setting,
) -> None:
    """Matched is not settled: all legs matched, one failed, the others must be sold back."""
    world, _, _ = setting
    fills = [world.fill(order) for order in buy_all(setting)]
    world.settle(fills[0], "failed")
    sales = [orders_in(world.settle(fill)) for fill in fills[1:]]
    assert all(sales)


@pytest.mark.xfail(strict=True, reason="a resolution takes the shares an unwind waits for")
def test_a_resolution_during_an_unwind_ends_the_group(setting: Setting) -> None:
    """Shares paid out while the group waits for their confirmation cannot be sold: it ends."""
    world, markets, _ = setting
    first, second, third = buy_all(setting)
    fill = world.fill(first)
    world.end(second)
    world.end(third)
    world.event(MarketResolved(markets[0].id, world.now, (1_000_000, 0), "oracle"))
    world.tick(10)
    world.settle(fill)
    assert world.portfolio.ledger.holding(markets[0].outcome(0)).total == 0
    assert the_end(world).ended


def test_the_time_of_an_unwind_is_in_its_plan(setting: Setting) -> None:
    """Shares confirmed one after the other are sold one after the other, under plans apart."""
    world, _, _ = setting
    first, second, third = buy_all(setting)
    fills = [world.fill(first, shares("10")), world.fill(first, shares("10"))]
    world.end(second)
    world.end(third)
    (sale,) = orders_in(world.settle(fills[0]))
    world.fill(sale)
    world.tick()
    (later,) = orders_in(world.settle(fills[1]))
    assert (sale.size, later.size) == (shares("10"), shares("10"))
    assert sale.plan != later.plan
    world.fill(later)
    assert the_end(world).state == "unwound"
    assert world.now % NANOS_PER_MS == 0
