"""The executor: one order per approval, its states, and events that come twice or late."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest

from tests.trading.world import World, only_order
from underround.model.errors import Bug
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import OrderId, OutcomeId, StrategyId
from underround.model.orders import (
    Approved,
    CancelFailed,
    CancelIntent,
    CancelOrder,
    Order,
    OrderAccepted,
    OrderEnded,
    OrderFilled,
    OrderRejected,
    Refusal,
)
from underround.model.units import shares, usd


@pytest.fixture
def yes(world: World) -> OutcomeId:
    return OutcomeId(next(iter(world.hub.markets)), 0)


@pytest.fixture
def order(world: World, yes: OutcomeId) -> Order:
    """Send a resting buy of 20 at 0.50."""
    return only_order(world.say(world.buy(yes, "0.50", "20", tif="GTC")))


def test_an_order_carries_what_was_approved(world: World, yes: OutcomeId) -> None:
    """Every field of the order is the intent's, its id and time are the run's."""
    intent = world.buy(
        yes,
        "0.50",
        "20",
        tif="GTD",
        post_only=True,
        good_until_ns=world.now + 200_000 * NANOS_PER_MS,
    )
    order = only_order(world.say(intent))
    for name in ("strategy", "plan", "outcome", "side", "price", "size", "tif", "post_only"):
        assert getattr(order, name) == getattr(intent, name)
    assert (order.purpose, order.good_until_ns) == (intent.purpose, intent.good_until_ns)
    assert (order.id, order.created_ns, order.state) == ("o1", world.now, "sending")
    assert order.intent == world.kept.approved[0].id
    assert (order.remaining, order.filled, order.leg_group) == (shares("20"), 0, None)


def test_an_order_is_known_before_it_is_sent(world: World, order: Order) -> None:
    """When the edge is asked to send, the order is open, counted and was told to the sink."""
    assert world.executor.orders == {order.id: order}
    assert world.facts.open_orders() == 1
    assert [kept.id for kept in world.kept.orders] == [order.id]


def test_accepted_then_partly_filled_then_filled(world: World, order: Order) -> None:
    """The states follow what the venue says; money and fees add up over the fills."""
    world.hear(OrderAccepted(order.id, world.now))
    assert order.state == "live"
    world.fill(order, shares("5"), usd("0.49"))
    assert (order.state, order.remaining) == ("partly_filled", shares("15"))
    assert world.facts.open_orders() == 1
    world.hear(OrderFilled(world.fill_of(order, fee=usd("0.02"))))
    assert (order.state, order.remaining, order.open) == ("filled", 0, False)
    assert (order.notional, order.fees) == (usd("9.95"), usd("0.02"))
    assert world.facts.open_orders() == 0
    assert world.puppet.ended == [order.id]


@pytest.mark.parametrize(
    "how,state",
    [("cancelled", "cancelled"), ("expired", "expired"), ("killed", "cancelled")],
)
def test_what_did_not_fill_ends(world: World, order: Order, how: str, state: str) -> None:
    """The rest of an order leaves the book in the state the venue names."""
    world.fill(order, shares("5"))
    world.hear(OrderEnded(order.id, world.now, how, "because"))  # type: ignore[arg-type] # one of the table's
    assert (order.state, order.filled, order.reason) == (state, shares("5"), "because")
    assert world.facts.open_orders() == 0
    assert world.puppet.ended == [order.id]


def test_a_rejected_order_is_over(world: World, order: Order) -> None:
    """The venue's reason is kept and nothing is promised any more."""
    world.hear(OrderRejected(order.id, world.now, "order crosses book"))
    assert (order.state, order.reason) == ("rejected", "order crosses book")
    assert world.facts.cash_free(order.outcome.market) == usd("1000")
    assert world.puppet.ended == [order.id]


def test_filled_may_be_told_before_the_last_fill(world: World, order: Order) -> None:
    """The end ``filled`` waits for the fill it announces; the order ends once."""
    world.fill(order, shares("5"))
    world.end(order, "filled")
    assert order.open
    world.fill(order)
    assert (order.state, world.puppet.ended) == ("filled", [order.id])
    world.end(order, "filled")
    assert world.puppet.ended == [order.id]


def test_an_order_that_ended_stays_ended(world: World, order: Order) -> None:
    """Whatever is said of it afterwards, twice or late, changes nothing."""
    world.end(order, "cancelled")
    kept = len(world.kept.orders)
    world.hear(OrderAccepted(order.id, world.now))
    world.hear(OrderRejected(order.id, world.now, "late"))
    world.hear(CancelFailed(order.id, world.now, "late"))
    world.end(order, "expired")
    assert (order.state, order.reason) == ("cancelled", "it was cancelled")
    assert len(world.kept.orders) == kept
    assert world.puppet.ended == [order.id]


def test_a_late_acceptance_does_not_undo_a_fill(world: World, order: Order) -> None:
    """An acceptance that overtakes nothing leaves the state of a filled part alone."""
    world.fill(order, shares("5"))
    world.hear(OrderAccepted(order.id, world.now))
    assert order.state == "partly_filled"


def test_an_acceptance_told_twice_changes_nothing(world: World, order: Order) -> None:
    """The second acceptance leaves the order as the first one made it."""
    world.hear(OrderAccepted(order.id, world.now))
    first = order.updated_ns
    world.tick()
    world.hear(OrderAccepted(order.id, world.now))
    assert (order.state, order.updated_ns) == ("live", first)


def test_more_than_was_ordered_is_a_bug(world: World, order: Order) -> None:
    """A fill of more than what is left raises ``Bug`` and books nothing."""
    world.fill(order, shares("15"))
    with pytest.raises(Bug, match="exceeds what is left of o1"):
        world.hear(OrderFilled(world.fill_of(order, shares("5.01"))))
    assert order.filled == shares("15")
    assert world.portfolio.ledger.holding(order.outcome).total == shares("15")


def test_a_fill_of_an_order_never_sent_is_a_bug(world: World, order: Order) -> None:
    """Nobody fills what was not ordered: ``Bug``, and nothing is booked."""
    fill = msgspec.structs.replace(world.fill_of(order), order=OrderId("o99"))
    with pytest.raises(Bug, match="is of order o99, which was never sent"):
        world.hear(OrderFilled(fill))
    assert world.portfolio.ledger.holding(order.outcome).total == 0


@pytest.mark.parametrize("size", ["5", "20"])
def test_a_fill_told_after_the_order_ended_counts(world: World, order: Order, size: str) -> None:
    """The match was before the cancel: the shares are ours, the order stays ended, once."""
    fill = world.fill_of(order, shares(size))
    world.end(order, "cancelled")
    assert world.hear(OrderFilled(fill)) == []
    assert (order.state, order.filled) == ("cancelled", shares(size))
    assert world.portfolio.ledger.holding(order.outcome).matched == shares(size)
    assert (world.puppet.filled, world.kept.fills) == ([fill], [fill])
    assert world.kept.orders[-1].filled == shares(size)
    assert world.puppet.ended == [order.id]
    assert world.facts.open_orders() == 0
    world.hear(OrderFilled(fill))
    assert world.kept.fills == [fill]
    world.settle(fill)
    assert world.portfolio.ledger.holding(order.outcome).confirmed == shares(size)


def test_a_late_fill_of_more_than_was_left_is_a_bug(world: World, order: Order) -> None:
    """An order that ended cannot bring more than it asked for either."""
    world.fill(order, shares("15"))
    world.end(order, "cancelled")
    with pytest.raises(Bug, match="exceeds what is left of o1"):
        world.hear(OrderFilled(world.fill_of(order, shares("5.01"))))


def test_only_the_last_orders_that_ended_are_remembered(
    world: World, yes: OutcomeId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded: a fill of an order that ended too long ago is of an unknown order."""
    monkeypatch.setattr("underround.trading.executor.REMEMBERED", 2)
    ended = []
    for _ in range(3):
        ended.append(only_order(world.say(world.buy(yes, "0.50", "20", tif="GTC"))))
        world.end(ended[-1], "cancelled")
    assert world.executor.filled(OrderFilled(world.fill_of(ended[1]))) is ended[1]
    with pytest.raises(Bug, match="was never sent"):
        world.hear(OrderFilled(world.fill_of(ended[0])))


@pytest.mark.parametrize("size", ["5", "20"])
def test_a_fill_told_twice_is_booked_once(world: World, order: Order, size: str) -> None:
    """The same fill id again changes neither the order, nor the ledger, nor what anyone is told."""
    fill = world.fill(order, shares(size))
    told = len(world.kept.orders)
    assert world.executor.filled(OrderFilled(fill)) is None
    assert world.hear(OrderFilled(fill)) == []
    assert order.filled == shares(size)
    assert world.portfolio.ledger.holding(order.outcome).total == shares(size)
    assert (world.puppet.filled, world.kept.fills) == ([fill], [fill])
    assert len(world.kept.orders) == told


@pytest.mark.parametrize("again", ["confirmed", "failed"])
def test_a_finality_told_twice_changes_nothing(
    world: World, order: Order, again: Literal["confirmed", "failed"]
) -> None:
    """What is final stays final: neither a second confirmation nor a failure books anything."""
    fill = world.fill(order)
    world.settle(fill)
    entries = len(world.kept.entries)
    assert world.settle(fill, again) == []
    assert len(world.kept.entries) == entries
    assert world.portfolio.ledger.holding(order.outcome).confirmed == shares("20")


def test_a_partial_fill_is_told_to_the_sink(world: World, order: Order) -> None:
    """The sink hears of every state of an order, each as it was then."""
    world.fill(order, shares("5"))
    world.fill(order, shares("15"))
    assert [(told.state, told.filled) for told in world.kept.orders] == [
        ("sending", 0),
        ("partly_filled", shares("5")),
        ("filled", shares("20")),
    ]


# --- cancelling ---------------------------------------------------------------------------------


def test_a_cancel_is_asked_for_once(world: World, order: Order) -> None:
    """A second wish to cancel is dropped until the venue says that the first one failed."""
    wish = CancelIntent(order.strategy, order.id, "no longer wanted")
    assert world.say(wish) == [CancelOrder(order.id, order.outcome.market)]
    assert world.say(wish, wish) == []
    world.hear(CancelFailed(order.id, world.now, "too early"))
    assert world.say(wish) == [CancelOrder(order.id, order.outcome.market)]


def test_fills_go_on_until_the_cancel_is_confirmed(world: World, order: Order) -> None:
    """A cancel that was sent ends nothing by itself."""
    world.say(CancelIntent(order.strategy, order.id, "no longer wanted"))
    world.fill(order, shares("5"))
    assert (order.state, order.cancel_sent) == ("partly_filled", True)
    world.end(order, "cancelled")
    assert (order.state, order.filled) == ("cancelled", shares("5"))


def test_nobody_cancels_the_order_of_another(world: World, order: Order) -> None:
    """A cancel of an order that is somebody else's, or nobody's, does nothing."""
    executor = world.executor
    assert executor.cancel(CancelIntent(StrategyId("other"), order.id, "mine now")) is None
    assert executor.cancel(CancelIntent(order.strategy, OrderId("o99"), "which?")) is None
    assert not order.cancel_sent


# --- plans and time -----------------------------------------------------------------------------


def test_a_plan_executes_once(world: World, yes: OutcomeId) -> None:
    """The same plan is refused at once, later, and after its order ended."""
    first = world.buy(yes, "0.50", "20")
    again = world.buy(yes, "0.50", "20", plan=first.plan)
    order = only_order(world.say(first, again))
    world.end(order)
    assert world.say(again) == []
    assert [refusal.gate for refusal in world.kept.refusals] == ["duplicate_plan"] * 2


def test_a_refused_plan_may_be_tried_again(world: World, yes: OutcomeId) -> None:
    """A refusal does not use the plan up."""
    intent = world.buy(yes, "0.50", "20")
    world.command("halt", "a moment")
    assert world.say(intent) == []
    world.command("resume")
    assert only_order(world.say(intent)).plan == intent.plan


def test_an_approval_that_expired_is_not_sent(world: World, yes: OutcomeId) -> None:
    """The executor looks at the time again: approved is not soon enough."""
    intent = world.buy(yes, "0.50", "20", expires_ns=world.now)
    approved = world.engine.check(intent, None, world.now)
    assert isinstance(approved, Approved)
    refusal = world.executor.submit(approved, world.now + 5 * NANOS_PER_MS)
    assert isinstance(refusal, Refusal)
    assert (refusal.gate, refusal.detail) == ("expired_before_sending", "expired 5 ms ago")
    assert refusal.edge_forgone == intent.edge
    assert world.executor.count == 0
    assert world.engine.send(approved, world.now + 5 * NANOS_PER_MS) == []
    assert world.puppet.refused[-1].gate == "expired_before_sending"
    assert world.kept.approved == []
    assert world.engine.send(approved, world.now)
    assert world.kept.approved == [approved]
