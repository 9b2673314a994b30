"""Leg groups: what is sent, what happens when a leg fails, and the state each group ends in."""

from __future__ import annotations

from typing import TypeAlias

import pytest

from tests.trading.world import World, make_group, orders_in
from underround.model.errors import Bug
from underround.model.events import MarketClosed, MarketResolved
from underround.model.ids import StrategyId
from underround.model.market import EventGroup, Market
from underround.model.orders import (
    ChangeSets,
    Fill,
    LegGroupIntent,
    LegPolicy,
    Order,
    OrderFilled,
)
from underround.model.units import shares, usd
from underround.trading.legs import UNWIND_NS, LegGroup

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


def test_every_leg_filled_and_settled_is_complete(setting: Setting) -> None:
    """All legs go out together; when the last fill is final, the group is complete."""
    world, markets, _ = setting
    orders = buy_all(setting)
    assert [order.outcome for order in orders] == [market.outcome(0) for market in markets]
    assert {order.leg_group for order in orders} == {"g1"}
    assert [order.plan for order in orders] == ["p4/1", "p4/2", "p4/3"]
    fills = [world.fill(order) for order in orders]
    for fill in fills:
        assert world.engine.leg_groups.working
        world.settle(fill)
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
    sold = [world.fill(sale, price=usd("0.28")), world.fill(other, price=usd("0.27"))]
    for fill in sold:
        assert world.engine.leg_groups.working
        world.settle(fill)
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


def first_alone(setting: Setting) -> Fill:
    """Let the first leg fill and the others be killed; returns its unconfirmed fill."""
    world, _, _ = setting
    first, second, third = buy_all(setting)
    fill = world.fill(first)
    world.end(second)
    world.end(third)
    return fill


def refresh(setting: Setting) -> None:
    """Show every book as it was, now."""
    world, markets, _ = setting
    for market in markets:
        world.show(market, {"0.28": "100"}, {"0.30": "100"})


def test_a_sale_without_a_buyer_is_repeated_and_then_leaves_a_residual(setting: Setting) -> None:
    """What finds no buyer is offered again at timers for a minute, then stays a position."""
    world, markets, _ = setting
    (sale,) = orders_in(world.settle(first_alone(setting)))
    world.settle(world.fill(sale, shares("5")))
    assert orders_in(world.end(sale)) == []
    began = world.now
    world.tick(30_000)
    refresh(setting)
    (again,) = orders_in(world.timer())
    assert (again.size, again.price) == (shares("15"), usd("0.27"))
    assert orders_in(world.timer()) == []
    world.end(again)
    world.now = began + UNWIND_NS
    refresh(setting)
    (last,) = orders_in(world.timer())
    world.end(last)
    world.tick()
    assert orders_in(world.timer()) == []
    group = the_end(world)
    assert group.state == "residual"
    outcome = markets[0].outcome(0)
    assert f"kept {outcome}: nobody bought it within the bound in time" in group.detail
    assert world.portfolio.ledger.holding(outcome).total == shares("15")


def test_every_confirmation_gives_an_unwind_another_minute(setting: Setting) -> None:
    """The minute counts from the last confirmation, that of a partial sale included."""
    world, _, _ = setting
    (sale,) = orders_in(world.settle(first_alone(setting)))
    world.tick(59_000)
    sold = world.fill(sale, shares("5"))
    world.end(sale)
    (once_more,) = orders_in(world.settle(sold))
    world.end(once_more)
    world.tick(59_000)
    refresh(setting)
    (again,) = orders_in(world.timer())
    world.settle(world.fill(again))
    assert the_end(world).state == "unwound"


@pytest.mark.parametrize("gate", ["book_trusted", "book_fresh"])
def test_an_unwind_waits_out_a_momentary_doubt(setting: Setting, gate: str) -> None:
    """Refused on a doubted or a stale book, the sale is made at the first timer after that."""
    world, markets, _ = setting
    fill = first_alone(setting)
    if gate == "book_trusted":
        world.doubt(markets[0])
    else:
        world.tick(60_001)
    assert world.settle(fill) == []
    assert world.kept.refusals[-1].gate == gate
    world.tick(1_000)
    assert world.timer() == []
    world.show(markets[0], {"0.28": "100"}, {"0.30": "100"})
    (sale,) = orders_in(world.timer())
    assert (sale.outcome, sale.price, sale.purpose) == (
        markets[0].outcome(0),
        usd("0.27"),
        "unwind",
    )
    assert world.timer() == []
    world.settle(world.fill(sale))
    assert the_end(world).state == "unwound"


def test_a_doubt_that_does_not_end_leaves_a_residual(setting: Setting) -> None:
    """Nothing is sold on a doubted book; after a minute what was bought is kept."""
    world, markets, _ = setting
    fill = first_alone(setting)
    world.doubt(markets[0])
    world.settle(fill)
    world.now += UNWIND_NS
    world.timer()
    assert world.engine.leg_groups.working
    world.tick()
    assert world.timer() == []
    assert the_end(world).state == "residual"


def test_an_outcome_that_risk_will_never_let_go_is_kept_and_the_others_are_sold(
    setting: Setting,
) -> None:
    """A refusal that does not pass gives up its outcome at once, and that outcome only."""
    world, markets, _ = setting
    first, second, third = buy_all(setting)
    odd, whole = world.fill(first, shares("7.001")), world.fill(second)
    world.end(first)
    world.end(third)
    assert orders_in(world.settle(odd)) == []
    assert world.kept.refusals[-1].gate == "grid"
    (sale,) = orders_in(world.settle(whole))
    assert sale.outcome == markets[1].outcome(0)
    assert world.timer() == []
    world.settle(world.fill(sale))
    group = the_end(world)
    assert group.state == "residual"
    assert list(group.given_up) == [markets[0].outcome(0)]
    assert group.detail.endswith("kept polymarket:m0:YES: grid: size 7.001 is not on the size step")


def test_a_closed_market_is_given_up(setting: Setting) -> None:
    """Where nothing trades any more nothing can be sold back: the shares stay, at once."""
    world, markets, _ = setting
    fill = first_alone(setting)
    world.event(MarketClosed(markets[0].id, world.now))
    assert world.engine.leg_groups.working
    assert world.settle(fill) == []
    group = the_end(world)
    assert group.state == "residual"
    assert group.detail.endswith("kept polymarket:m0:YES: its market closed")
    assert world.kept.refusals == []


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
    world.settle(world.fill(sale))
    assert the_end(world).state == "unwound"


def test_one_refused_leg_refuses_the_whole_group(setting: Setting) -> None:
    """Nothing is sent, one refusal carries the edge of the group, and its strategy is told."""
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
    assert world.puppet.refused == [refusal]
    (refused,) = world.puppet.refused_intents
    assert isinstance(refused, LegGroupIntent)
    assert refused.plan == refusal.plan


def test_a_group_executes_once(setting: Setting) -> None:
    """The plan of a group that began is refused, whatever became of it."""
    world, markets, _ = setting
    intent = world.legs("all_or_none", world.buy(markets[0].outcome(0), "0.30", "20"))
    (order,) = orders_in(world.say(intent))
    world.end(order)
    assert world.say(intent) == []
    assert world.kept.refusals[-1].gate == "duplicate_plan"


def test_a_leg_signed_by_another_strategy_is_not_believed(setting: Setting) -> None:
    """A strategy cannot trade in another one's name by hiding the intent in a group: it stops."""
    world, markets, _ = setting
    leg = world.buy(markets[0].outcome(0), "0.30", "20", strategy=StrategyId("other"))
    own = world.buy(markets[1].outcome(0), "0.30", "20")
    group = world.legs("all_or_none", own, leg)
    with pytest.raises(Bug, match="legs another strategy signed"):
        world.engine.leg_groups.begin(group, world.now)
    assert world.say(group) == []
    assert world.engine.desks[0].error == "OrderIntent is signed 'other' instead of 's'"
    assert world.executor.count == 0


def test_a_group_without_legs_is_not_believed(setting: Setting) -> None:
    """Nothing to do is said by saying nothing: a strategy that sends an empty group stops."""
    world, _, _ = setting
    group = world.legs("all_or_none")
    with pytest.raises(Bug, match="has no legs"):
        world.engine.leg_groups.begin(group, world.now)
    assert world.say(group) == []
    assert world.engine.desks[0].error == "LegGroupIntent has no legs"


def test_the_legs_of_a_group_complete_pairs_once(setting: Setting) -> None:
    """Two legs that each would complete the same pairs are one too many: the second opens."""
    world, markets, _ = setting
    world.give(markets[0].outcome(0), "20")
    world.command("halt", "enough")
    legs = [world.buy(markets[0].outcome(1), "0.72", "20", purpose="equalize") for _ in range(2)]
    assert world.say(world.legs("all_or_none", *legs)) == []
    assert world.kept.refusals[-1].gate == "purpose"


def test_the_legs_of_a_group_sell_what_is_owned_once(setting: Setting) -> None:
    """Two legs that sell the same shares are one too many: filled, the second would be a bug."""
    world, markets, _ = setting
    world.give(markets[0].outcome(0), "20")
    legs = [world.sell(markets[0].outcome(0), "0.28", "20") for _ in range(2)]
    assert world.say(world.legs("all_or_none", *legs)) == []
    assert world.kept.refusals[-1].gate == "ownership"


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
    """One leg at a time, in order; complete when all of them are final."""
    world, markets, _ = setting
    world.taken()
    (first,) = buy_all(setting, "sequential")
    sent, fills = [first], []
    for number in (1, 2):
        world.taken()
        fills.append(world.fill(sent[-1], shares("5")))
        assert orders_in(world.taken()) == []
        fills.append(world.fill(sent[-1]))
        (following,) = orders_in(world.taken())
        assert following.outcome == markets[number].outcome(0)
        sent.append(following)
    fills.append(world.fill(sent[-1]))
    for fill in fills:
        assert world.engine.leg_groups.working
        world.settle(fill)
    assert the_end(world).state == "complete"


def test_sequential_stops_and_unwinds_when_a_leg_fails(setting: Setting) -> None:
    """The legs behind the failed one are never sent; what filled before it is sold back."""
    world, _, _ = setting
    (first,) = buy_all(setting, "sequential")
    fill = world.fill(first)
    (second,) = orders_in(world.taken())[1:]
    world.end(second)
    (sale,) = orders_in(world.settle(fill))
    world.settle(world.fill(sale))
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
    """What a killed sale left is offered at the planned price minus the largest loss."""
    world, markets, _ = setting
    change = mint_and_sell(setting)
    sales = orders_in(world.sets_done(change.approved))
    fills = [world.fill(sales[0]), world.fill(sales[1])]
    (again,) = orders_in(world.end(sales[2]))
    assert (again.outcome, again.size) == (markets[2].outcome(0), shares("20"))
    assert (again.price, again.purpose) == (usd("0.18"), "unwind")
    fills.append(world.fill(again, price=usd("0.18")))
    for fill in fills:
        assert world.engine.leg_groups.working
        world.settle(fill)
    group = the_end(world)
    assert (group.state, group.cash) == ("unwound", usd("-20") + usd("11.2") + usd("3.6"))


def test_a_sale_refused_after_the_mint_unwinds_the_sets(setting: Setting) -> None:
    """If risk refuses one of the sales when their turn comes none is sent; all are unwound."""
    world, markets, _ = setting
    change = mint_and_sell(setting)
    world.doubt(markets[1])
    sales = orders_in(world.sets_done(change.approved))
    assert [(sale.outcome.market, sale.purpose, sale.price) for sale in sales] == [
        (markets[0].id, "unwind", usd("0.18")),
        (markets[2].id, "unwind", usd("0.18")),
    ]
    world.show(markets[1], {"0.28": "100"}, {"0.30": "100"})
    (last,) = orders_in(world.timer())
    assert (last.outcome.market, last.price) == (markets[1].id, usd("0.18"))
    for sale in (*sales, last):
        world.settle(world.fill(sale))
    assert the_end(world).state == "unwound"


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
        world.settle(world.fill(sale))
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
    world.settle(world.fill(sale))
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


def test_a_leg_that_fails_to_settle_after_the_last_fill_unwinds_the_others(
    setting: Setting,
) -> None:
    """Matched is not settled: all legs matched, one failed, the others must be sold back."""
    world, markets, _ = setting
    fills = [world.fill(order) for order in buy_all(setting)]
    world.settle(fills[0], "failed")
    sales = [orders_in(world.settle(fill)) for fill in fills[1:]]
    assert [sale.outcome for (sale,) in sales] == [market.outcome(0) for market in markets[1:]]
    for (sale,) in sales:
        world.settle(world.fill(sale))
    assert the_end(world).state == "unwound"


def test_a_leg_that_fails_to_settle_late_is_unwound_all_the_same(setting: Setting) -> None:
    """The minute of an unwind begins with the failure, however long the others are final."""
    world, markets, _ = setting
    fills = [world.fill(order) for order in buy_all(setting)]
    for fill in fills[:2]:
        world.settle(fill)
    world.tick(90_000)
    refresh(setting)
    sales = orders_in(world.settle(fills[2], "failed"))
    assert [sale.outcome for sale in sales] == [market.outcome(0) for market in markets[:2]]


def test_a_leg_that_rested_long_and_was_cancelled_unwinds_the_others(setting: Setting) -> None:
    """A leg may rest for minutes: when it ends unfilled the others are still sold back."""
    world, markets, _ = setting
    legs = [world.buy(market.outcome(0), "0.30", "20", tif="GTC") for market in markets[:2]]
    first, second = orders_in(world.say(world.legs("all_or_none", *legs)))
    world.settle(world.fill(first))
    world.tick(90_000)
    refresh(setting)
    (sale,) = orders_in(world.end(second, "cancelled"))
    assert (sale.outcome, sale.purpose) == (markets[0].outcome(0), "unwind")


def test_a_sale_that_fails_to_settle_late_is_made_again(setting: Setting) -> None:
    """Shares that come back because their sale failed are offered for another minute."""
    world, _, _ = setting
    (sale,) = orders_in(world.settle(first_alone(setting)))
    sold = world.fill(sale)
    world.tick(90_000)
    refresh(setting)
    (again,) = orders_in(world.settle(sold, "failed"))
    assert again.size == shares("20")
    world.settle(world.fill(again))
    assert the_end(world).state == "unwound"


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
    group = the_end(world)
    assert group.state == "residual"
    assert group.detail.endswith("kept polymarket:m0:YES: its market closed")


def test_every_try_of_an_unwind_has_a_plan_of_its_own(setting: Setting) -> None:
    """Shares confirmed one after the other are sold one after the other, under plans apart."""
    world, _, _ = setting
    first, second, third = buy_all(setting)
    fills = [world.fill(first, shares("10")), world.fill(first, shares("10"))]
    world.end(second)
    world.end(third)
    (sale,) = orders_in(world.settle(fills[0]))
    sold = world.fill(sale)
    (later,) = orders_in(world.settle(fills[1]))
    assert (sale.size, later.size) == (shares("10"), shares("10"))
    assert [order.plan for order in (sale, later)] == ["p4:unwind:1", "p4:unwind:2"]
    for fill in (sold, world.fill(later)):
        world.settle(fill)
    assert the_end(world).state == "unwound"


def test_a_fill_told_after_its_leg_was_cancelled_is_unwound_too(setting: Setting) -> None:
    """While the group is under way a late fill of a leg is the group's like any other."""
    world, markets, _ = setting
    first, second, third = buy_all(setting)
    late = world.fill_of(second, shares("8"))
    fills = [world.fill(first), world.fill(third)]
    world.end(second, "cancelled")
    world.hear(OrderFilled(late))
    sales = [orders_in(world.settle(fill))[0] for fill in (late, *fills)]
    assert (sales[0].outcome, sales[0].size) == (markets[1].outcome(0), shares("8"))
    for sale in sales:
        world.settle(world.fill(sale))
    assert the_end(world).state == "unwound"
