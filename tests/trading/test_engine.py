"""The engine: who is woken, what a failing strategy does, halts, resolutions and netting."""

from __future__ import annotations

import pytest

from tests.trading.world import Puppet, World, make_group, make_market, only_order, orders_in
from underround.model.events import (
    MarketClosed,
    MarketResolved,
    ReferenceTick,
    StreamSilent,
    TradePrinted,
)
from underround.model.fees import NoFees
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import KALSHI, OrderId, StrategyId
from underround.model.orders import (
    CancelFailed,
    CancelIntent,
    CancelOrder,
    ChangeSets,
    Command,
    LegGroupIntent,
    Order,
    OrderIntent,
    SetIntent,
)
from underround.model.units import ONE, shares, usd
from underround.trading.limits import RiskLimits


def two_puppets(**limits: int) -> tuple[World, Puppet, Puppet]:
    """Make two strategies on one market with a trusted book."""
    market = make_market()
    world = World(
        [market],
        strategies=[
            lambda markets, groups: Puppet("s", markets, groups),
            lambda markets, groups: Puppet("other", markets, groups),
        ],
        limits=RiskLimits(**limits),
    )
    world.show(market, {"0.48": "100"}, {"0.52": "100"})
    first, second = world.strategies
    assert isinstance(first, Puppet)
    assert isinstance(second, Puppet)
    return world, first, second


# --- waking -------------------------------------------------------------------------------------


def test_only_the_watchers_of_a_market_are_woken_by_its_book() -> None:
    """A change of the best price wakes who watches that market; depth and trades wake nobody."""
    rain, snow = make_market("rain"), make_market("snow")
    world = World(
        [rain, snow],
        strategies=[
            lambda markets, groups: Puppet("s", markets[:1], groups),
            lambda markets, groups: Puppet("other", markets[1:], groups),
        ],
    )
    first, second = world.strategies
    assert isinstance(first, Puppet)
    assert isinstance(second, Puppet)
    world.show(rain, {"0.48": "100"}, {"0.52": "100"})
    assert (first.woken, second.woken) == (["BookSnapshot"], [])
    world.event(TradePrinted(rain.id, 0, world.now, usd("0.5"), shares("5"), "buy", "0.5"))
    world.event(ReferenceTick("coinbase:BTC-USD", None, usd("1")))
    assert (first.woken, second.woken) == (["BookSnapshot"], [])
    world.timer()
    assert second.woken == ["Timer"]


def test_an_end_of_an_order_wakes_its_strategy_alone() -> None:
    """What became of an order is for its own strategy, with a timer to act on."""
    world, first, second = two_puppets()
    order = only_order(world.say(world.buy(market_of(world).outcome(0), "0.50", "20", tif="GTC")))
    seen = len(second.woken)
    world.end(order, "cancelled")
    assert first.woken[-1] == "Timer"
    assert len(second.woken) == seen


def test_a_silent_stream_wakes_everybody(world: World) -> None:
    """Silence is told to every strategy: nothing says which of its books matters to whom."""
    world.hub.books[market_of(world).id].proof = "sequence"
    world.event(StreamSilent("feed", 31_000))
    assert world.puppet.woken[-1] == "StreamSilent"


def market_of(world: World):  # type: ignore[no-untyped-def]  # the one market of the world
    return next(iter(world.hub.markets.values()))


# --- a strategy that fails ----------------------------------------------------------------------


def test_a_raising_strategy_stops_alone_and_its_orders_are_cancelled() -> None:
    """Its error is kept, its orders are withdrawn once, the others go on."""
    world, first, second = two_puppets()
    yes = market_of(world).outcome(0)
    mine = only_order(world.say(world.buy(yes, "0.50", "20", tif="GTC")))
    second.next = [world.buy(yes, "0.49", "20", tif="GTC", strategy=StrategyId("other"))]
    theirs = only_order(world.timer())
    first.raises = ValueError("what is this price?")
    assert world.timer() == [CancelOrder(mine.id, yes.market)]
    desk = world.engine.desks[0]
    assert desk.error.startswith("ValueError at world.py:")
    assert desk.error.endswith(": what is this price?")
    woken = len(first.woken)
    assert world.timer() == []
    assert len(first.woken) == woken
    world.end(mine, "cancelled")
    assert theirs.open
    second.next = [world.buy(yes, "0.49", "20", strategy=StrategyId("other"))]
    assert orders_in(world.timer())


@pytest.mark.parametrize("hook", ["on_fill", "on_order_end", "on_refusal"])
def test_a_strategy_that_raises_when_told_something_stops_alone(
    monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    """Third-party code is third-party code in every method: its orders go at the next timer."""

    def fail(*args: object) -> None:
        raise ValueError("told too much")

    world, first, second = two_puppets()
    yes = market_of(world).outcome(0)
    resting = only_order(world.say(world.buy(yes, "0.40", "20", tif="GTC")))
    monkeypatch.setattr(first, hook, fail)
    if hook == "on_refusal":
        world.say(world.buy(yes, "0.505", "20"))
    else:
        order = only_order(world.say(world.buy(yes, "0.50", "20")))
        world.fill(order)
        assert world.portfolio.ledger.holding(yes).total == shares("20")
    assert world.engine.desks[0].error.startswith("ValueError at test_engine.py:")
    assert world.engine.desks[0].error.endswith(": told too much")
    woken, others = len(first.woken), len(second.woken)
    assert world.timer() == [CancelOrder(resting.id, yes.market)]
    assert (len(first.woken), len(second.woken)) == (woken, others + 1)
    world.hear(CancelFailed(resting.id, world.now, "too early"))
    assert world.timer() == [CancelOrder(resting.id, yes.market)]


def test_signing_as_somebody_else_stops_the_signer_alone() -> None:
    """A strategy cannot spend another one's money: nothing of such a decision is believed."""
    world, _, second = two_puppets()
    yes = market_of(world).outcome(0)
    resting = only_order(world.say(world.buy(yes, "0.40", "20", tif="GTC")))
    forged = world.buy(yes, "0.50", "20", strategy="other")
    assert world.say(world.buy(yes, "0.50", "20"), forged) == [CancelOrder(resting.id, yes.market)]
    assert world.engine.desks[0].error == "OrderIntent is signed 'other' instead of 's'"
    assert world.engine.desks[1].error == ""
    assert forged not in world.kept.asked_for
    second.next = [world.buy(yes, "0.49", "20", strategy=StrategyId("other"))]
    assert orders_in(world.timer())


# --- what the sink hears ------------------------------------------------------------------------


def test_everything_asked_for_reaches_the_sink(world: World) -> None:
    """Every intent and cancel of a strategy is told in order, whatever becomes of it."""
    market = market_of(world)
    refused = world.buy(market.outcome(0), "0.505", "20")
    sent = world.buy(market.outcome(0), "0.40", "20", tif="GTC")
    group = world.legs("all_or_none", world.buy(market.outcome(1), "0.52", "20"))
    cancel = CancelIntent(world.puppet.name, OrderId("o1"), "no longer wanted")
    world.say(refused, sent, group, cancel, cancel)
    assert world.kept.asked_for == [refused, sent, group, cancel, cancel]
    assert [approved.intent.plan for approved in world.kept.approved] == [
        sent.plan,
        f"{group.plan}/1",
    ]


def test_every_command_reaches_the_sink() -> None:
    """The operator's commands and the halt of a loss limit are told with their reasons."""
    world = World([market := make_market()], limits=RiskLimits(max_loss=usd("10")))
    world.show(market, {"0.40": "1000"}, {"0.52": "100"})
    world.give(market.outcome(0), "100", "0.4")
    world.timer()
    world.command("halt", "enough")
    world.command("resume")
    lose(world, "0.20")
    assert world.kept.commands == [
        Command("halt", "enough"),
        Command("resume", ""),
        Command("halt", "loss of 20 dollars is over the limit 10"),
    ]


def test_sets_told_twice_are_changed_once(world: World) -> None:
    """The second word about a mint, whatever it says, changes nothing."""
    market = market_of(world)
    (change,) = world.say(world.sets("mint", market, "20"))
    assert isinstance(change, ChangeSets)
    world.sets_done(change.approved)
    entries = len(world.kept.entries)
    assert world.sets_done(change.approved) == []
    assert world.sets_done(change.approved, done=False) == []
    assert len(world.kept.entries) == entries
    assert world.portfolio.ledger.holding(market.outcome(0)).confirmed == shares("20")
    assert world.facts.cash_free(market.id) == usd("980")


# --- risk that fails ----------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["order", "sets", "legs"])
def test_risk_that_fails_fails_closed(
    world: World, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """A gate that raises refuses, halts the run, and what opens is cancelled at the next timer."""
    market = market_of(world)
    yes = market.outcome(0)
    opening = only_order(world.say(world.buy(yes, "0.40", "20", tif="GTC")))
    world.give(yes, "20")
    reducing = only_order(world.say(world.sell(yes, "0.60", "20", tif="GTC")))

    def fail(*args: object) -> None:
        raise ZeroDivisionError("no gate should")

    for table in ("GATES", "SET_GATES"):
        monkeypatch.setattr(f"underround.trading.risk.{table}", (("broken", fail),))
    intents: dict[str, OrderIntent | SetIntent | LegGroupIntent] = {
        "order": world.buy(yes, "0.50", "20"),
        "sets": world.sets("mint", market, "20"),
        "legs": world.legs("all_or_none", world.buy(yes, "0.50", "20")),
    }
    intent = intents[what]
    assert world.say(intent) == []
    (refusal,) = world.kept.refusals
    assert (refusal.gate, refusal.plan) == ("risk_failed", intent.plan)
    assert "ZeroDivisionError: no gate should" in refusal.detail
    assert world.puppet.refused == [refusal]
    assert world.facts.halted.startswith("risk failed: ")
    monkeypatch.undo()
    assert world.timer() == [CancelOrder(opening.id, market.id)]
    assert not reducing.cancel_sent
    assert world.say(world.buy(yes, "0.50", "20")) == []
    assert world.kept.refusals[-1].gate == "halted"


# --- halts --------------------------------------------------------------------------------------


def test_a_halt_repeats_a_cancel_that_failed(world: World) -> None:
    """As long as the run is halted each timer asks again for what still rests."""
    yes = market_of(world).outcome(0)
    opening = only_order(world.say(world.buy(yes, "0.40", "20", tif="GTC")))
    cancel = CancelOrder(opening.id, yes.market)
    assert world.command("halt", "enough") == [cancel]
    assert world.timer() == []
    world.hear(CancelFailed(opening.id, world.now, "too early"))
    assert world.timer() == [cancel]
    world.hear(CancelFailed(opening.id, world.now, "too early"))
    world.command("resume")
    assert world.timer() == []


def test_a_halt_cancels_what_opens_and_nothing_else(world: World) -> None:
    """Opening orders are withdrawn, once; what reduces rests on; resuming is explicit."""
    market = market_of(world)
    world.give(market.outcome(0), "40")
    opening = only_order(world.say(world.buy(market.outcome(0), "0.40", "20", tif="GTC")))
    reducing = only_order(world.say(world.sell(market.outcome(0), "0.60", "20", tif="GTC")))
    assert world.command("halt", "enough") == [CancelOrder(opening.id, market.id)]
    assert world.command("halt") == []
    assert not reducing.cancel_sent
    for _ in range(3):
        world.tick(1_000)
        world.show(market, {"0.48": "100"}, {"0.52": "100"})
        assert world.say(world.buy(market.outcome(0), "0.40", "20")) == []
    assert world.facts.halted == "halted by the operator"
    world.command("resume")
    assert world.say(world.buy(market.outcome(0), "0.40", "20"))


def lose(world: World, bid: str) -> None:
    """Let the bid that marks the position fall."""
    world.tick(1_000)
    world.show(market_of(world), {bid: "1000"}, {"0.52": "100"})
    world.timer()


def test_a_loss_over_the_limit_halts() -> None:
    """Equity at the bid below the start by more than the limit halts, not by exactly it."""
    market = make_market()
    world = World([market], limits=RiskLimits(max_loss=usd("10"), max_drawdown=usd("500")))
    world.show(market, {"0.40": "1000"}, {"0.52": "100"})
    world.give(market.outcome(0), "100", "0.4")
    world.timer()
    resting = only_order(world.say(world.buy(market.outcome(0), "0.20", "20", tif="GTC")))
    lose(world, "0.30")
    assert world.facts.halted == ""
    world.taken()
    lose(world, "0.29")
    assert world.facts.halted == "loss of 11 dollars is over the limit 10"
    assert CancelOrder(resting.id, market.id) in world.taken()


def test_a_drawdown_over_the_limit_halts_until_resumed() -> None:
    """Equity below its highest halts; after resuming, losses are measured from there on."""
    market = make_market()
    world = World([market], limits=RiskLimits(max_loss=usd("500"), max_drawdown=usd("10")))
    world.show(market, {"0.40": "1000"}, {"0.52": "100"})
    world.give(market.outcome(0), "100", "0.4")
    world.timer()
    lose(world, "0.50")
    lose(world, "0.40")
    assert world.facts.halted == ""
    lose(world, "0.39")
    assert world.facts.halted == "drawdown of 11 dollars is over 10"
    world.command("resume")
    lose(world, "0.29")
    assert world.facts.halted == ""
    lose(world, "0.28")
    assert world.facts.halted == "drawdown of 11 dollars is over 10"


def test_doubt_is_not_a_loss() -> None:
    """A position in a doubted book keeps its last trusted mark; without bids it is worth 0."""
    market = make_market()
    world = World([market], limits=RiskLimits(max_loss=usd("10")))
    world.show(market, {"0.40": "1000"}, {"0.52": "100"})
    world.give(market.outcome(0), "100", "0.4")
    world.timer()
    world.doubt(market)
    world.timer()
    assert (world.facts.halted, world.engine.losses.equity()) == ("", usd("1000"))
    world.show(market, {}, {"0.52": "100"})
    world.timer()
    assert world.facts.halted == "loss of 40 dollars is over the limit 10"


# --- resolution ---------------------------------------------------------------------------------


def test_a_resolution_pays_out_and_ends_trading(world: World) -> None:
    """Winning shares become dollars, losing ones nothing, and no order is passed any more."""
    market = market_of(world)
    world.give(market.outcome(0), "30", "0.4")
    world.give(market.outcome(1), "10", "0.5")
    world.event(MarketResolved(market.id, world.now, (ONE, 0), "oracle"))
    ledger = world.portfolio.ledger
    assert ledger.cash_total() == usd("1000") - usd("12") - usd("5") + usd("30")
    assert not any(held.total for held in ledger.holdings.values())
    assert ledger.holding(market.outcome(0)).realised == usd("18")
    assert world.facts.total_exposure() == 0
    assert world.say(world.buy(market.outcome(0), "0.50", "20")) == []
    assert world.kept.refusals[-1].gate == "market_known"
    assert world.kept.entries[-1].kind == "settle"


def test_a_half_and_half_resolution_rounds_down(world: World) -> None:
    """Each side is paid its share of the dollar."""
    market = market_of(world)
    world.give(market.outcome(0), "30", "0.4")
    world.give(market.outcome(1), "10", "0.5")
    world.event(MarketResolved(market.id, world.now, (ONE // 2, ONE // 2), "oracle"))
    assert world.portfolio.ledger.cash_total() == usd("1000") - usd("17") + usd("20")


def test_what_is_confirmed_after_the_resolution_is_paid_then(world: World) -> None:
    """A matched fill is no share yet: it is paid when it is confirmed, and only if it is."""
    market = market_of(world)
    fill = world.give(market.outcome(0), "30", "0.4", confirmed=False)
    lost = world.give(market.outcome(0), "10", "0.4", confirmed=False)
    world.engine._pending = {
        fill_id: (world.portfolio._traded[fill_id], None) for fill_id in (fill, lost)
    }
    world.event(MarketResolved(market.id, world.now, (ONE, 0), "oracle"))
    ledger = world.portfolio.ledger
    assert ledger.cash_total() == usd("984")
    world.settle(fill)
    assert ledger.cash_total() == usd("1014")
    world.settle(lost, "failed")
    assert ledger.cash_total() == usd("1018")
    assert not ledger.imbalance()


def test_a_closed_market_takes_no_orders(world: World) -> None:
    """Closed is neither trusted nor tradable; what is held stays held."""
    market = market_of(world)
    world.give(market.outcome(0), "30")
    world.event(MarketClosed(market.id, world.now))
    assert world.say(world.sell(market.outcome(0), "0.48", "20")) == []
    assert world.kept.refusals[-1].detail == "polymarket:rain no longer trades"
    assert world.portfolio.ledger.holding(market.outcome(0)).total == shares("30")


def test_a_market_past_its_known_end_takes_no_orders() -> None:
    """The known time of the close is enough, without a word from the venue."""
    from tests.trading.world import START

    market = make_market(closes_ns=START + 100 * NANOS_PER_MS)
    world = World([market])
    world.show(market, {"0.48": "100"}, {"0.52": "100"})
    assert world.say(world.buy(market.outcome(0), "0.50", "20"))
    world.tick(100)
    assert world.say(world.buy(market.outcome(0), "0.50", "20")) == []
    assert world.kept.refusals[-1].gate == "market_known"


def under_way(world: World, action: str) -> ChangeSets:
    """Let a mint or merge be under way while its market resolves."""
    market = market_of(world)
    if action == "merge":
        world.give(market.outcome(0), "20", "0.4")
        world.give(market.outcome(1), "20", "0.5")
    (change,) = world.say(world.sets(action, market, "20"))  # type: ignore[arg-type] # one of two
    assert isinstance(change, ChangeSets)
    world.event(MarketResolved(market.id, world.now, (ONE, 0), "oracle"))
    return change


@pytest.mark.parametrize("action", ["mint", "merge"])
def test_sets_that_change_after_the_resolution_cost_nothing(world: World, action: str) -> None:
    """A set is a dollar before and after: minted or merged late, the cash is what it was."""
    change = under_way(world, action)
    world.sets_done(change.approved)
    expected = usd("1000") + (usd("2") if action == "merge" else 0)
    assert world.portfolio.ledger.cash_total() == expected
    assert not any(held.total for held in world.portfolio.ledger.holdings.values())


@pytest.mark.parametrize("how", ["cancelled", "filled", "partly"])
def test_shares_promised_to_a_sale_are_paid_when_it_ended(world: World, how: str) -> None:
    """A resolution leaves what an open sale may still take; the rest of it is paid at its end."""
    yes = market_of(world).outcome(0)
    world.give(yes, "30", "0.4")
    sale = only_order(world.say(world.sell(yes, "0.60", "20", tif="GTC")))
    world.event(MarketResolved(yes.market, world.now, (ONE, 0), "oracle"))
    ledger = world.portfolio.ledger
    assert ledger.cash_total() == usd("1000") - usd("12") + usd("10")
    assert ledger.holding(yes).confirmed == shares("20")
    sold = shares({"cancelled": "0", "filled": "20", "partly": "5"}[how])
    fill = world.fill(sale, sold) if sold else None
    if sale.open:
        world.end(sale, "cancelled")
    assert ledger.holding(yes).total == 0
    expected = usd("998") + usd("0.6") * sold // ONE + (shares("20") - sold)
    assert ledger.cash_total() == expected
    if fill is not None:
        world.settle(fill)
    assert ledger.cash_total() == expected
    assert not ledger.imbalance()


def test_a_merge_that_failed_after_the_resolution_is_paid_out(world: World) -> None:
    """Shares promised to a merge under way are shares again when it failed: then they are paid."""
    change = under_way(world, "merge")
    ledger = world.portfolio.ledger
    assert ledger.holding(market_of(world).outcome(0)).confirmed == shares("20")
    world.sets_done(change.approved, done=False)
    assert ledger.cash_total() == usd("1002")
    assert not any(held.total for held in ledger.holdings.values())


def test_a_sale_that_fails_after_the_resolution_is_paid_out(world: World) -> None:
    """Shares that come back from a failed sale of a resolved market are paid at once."""
    yes = market_of(world).outcome(0)
    world.give(yes, "20", "0.4")
    fill = world.fill(only_order(world.say(world.sell(yes, "0.60", "20", tif="GTC"))))
    world.event(MarketResolved(yes.market, world.now, (ONE, 0), "oracle"))
    assert world.portfolio.ledger.cash_total() == usd("1004")
    world.settle(fill, "failed")
    assert world.portfolio.ledger.cash_total() == usd("1012")
    assert not any(held.total for held in world.portfolio.ledger.holdings.values())


# --- netting ------------------------------------------------------------------------------------


def kalshi() -> World:
    market = make_market(venue=KALSHI, fees=NoFees(), min_size="1")
    world = World([market])
    world.show(market, {"0.48": "100"}, {"0.52": "100"})
    return world


def bought(world: World, index: int, price: str, size: str) -> Order:
    order = only_order(world.say(world.buy(market_of(world).outcome(index), price, size)))
    world.settle(world.fill(order))
    return order


def test_kalshi_nets_pairs_into_cash() -> None:
    """YES and NO of one market are a dollar at once; what is unpaired stays."""
    world = kalshi()
    bought(world, 0, "0.52", "30")
    bought(world, 1, "0.40", "20")
    ledger = world.portfolio.ledger
    market = market_of(world)
    assert ledger.holding(market.outcome(0)).total == shares("10")
    assert ledger.holding(market.outcome(1)).total == 0
    assert ledger.cash_total() == usd("1000") - usd("15.6") - usd("8") + usd("20")
    assert world.kept.entries[-1].kind == "merge"
    assert world.facts.total_exposure() == usd("5.2") - usd("0")


def test_polymarket_keeps_pairs() -> None:
    """Without netting both outcomes are held until they are merged."""
    world = World([market := make_market()])
    world.show(market, {"0.48": "100"}, {"0.52": "100"})
    bought(world, 0, "0.52", "20")
    bought(world, 1, "0.52", "20")
    ledger = world.portfolio.ledger
    assert ledger.holding(market.outcome(0)).total == shares("20")
    assert ledger.holding(market.outcome(1)).total == shares("20")


def promised_beside_pairs() -> tuple[World, Order]:
    """Make 20 YES of which 15 are offered, and 20 NO: five pairs are free."""
    world = kalshi()
    bought(world, 0, "0.52", "20")
    yes = market_of(world).outcome(0)
    resting = only_order(world.say(world.sell(yes, "0.60", "15", tif="GTC")))
    bought(world, 1, "0.40", "20")
    return world, resting


def test_netting_leaves_what_an_open_sell_promised() -> None:
    """A sell of owned YES rests while NO is bought: only the rest is netted, and it may fill."""
    world, resting = promised_beside_pairs()
    yes, no = market_of(world).outcome(0), market_of(world).outcome(1)
    ledger = world.portfolio.ledger
    assert ledger.cash_total() == usd("1000") - usd("10.4") - usd("8") + usd("5")
    assert (ledger.holding(yes).total, ledger.holding(no).total) == (shares("15"), shares("15"))
    world.settle(world.fill(resting))
    assert (ledger.holding(yes).total, ledger.holding(no).total) == (0, shares("15"))
    assert ledger.cash_total() == usd("986.6") + usd("9")


def test_what_an_open_sell_promised_is_netted_when_it_ended() -> None:
    """The pairs that a cancelled sale no longer needs are a dollar each at once."""
    world, resting = promised_beside_pairs()
    world.fill(resting, shares("5"))
    world.end(resting, "cancelled")
    ledger = world.portfolio.ledger
    market = market_of(world)
    assert ledger.holding(market.outcome(0)).total == 0
    assert ledger.holding(market.outcome(1)).total == shares("5")
    assert ledger.cash_total() == usd("986.6") + usd("3") + usd("10")
    assert world.kept.entries[-1].kind == "merge"


def test_group_exposure_falls_when_a_member_resolves() -> None:
    """A resolved member is money again; only the rest of the group is at risk."""
    markets, group = make_group(3)
    world = World(markets, [group])
    for market in markets:
        world.give(market.outcome(0), "20", "0.3")
    assert world.facts.total_exposure() == 0
    world.event(MarketResolved(markets[0].id, world.now, (0, ONE), "oracle"))
    assert world.facts.total_exposure() == world.facts.group_exposure(group)
