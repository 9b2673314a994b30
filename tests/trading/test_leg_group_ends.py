"""Whatever happens in whatever order, every leg group ends, and the ledger stays balanced."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trading.world import World, make_group, orders_in
from underround.model.orders import Action, ChangeSets, Fill, LegPolicy, Order, OrderAccepted
from underround.model.units import shares, usd
from underround.trading.legs import UNWIND_NS

ENDS = {"complete", "unwound", "residual", "failed"}


class Scene:
    """A group under way, and the things that may happen next."""

    def __init__(self, policy: LegPolicy, *, mint: bool, count: int) -> None:
        self.markets, group = make_group(count)
        self.world = World(self.markets, [group])
        for market in self.markets:
            self.world.show(market, {"0.28": "100"}, {"0.30": "100"})
        self.open: list[Order] = []
        self.sets: list[ChangeSets] = []
        self.fills: list[Fill] = []
        world = self.world
        if mint:
            legs: list[Any] = [world.sets("mint", group, "20")]
            legs += [world.sell(market.outcome(0), "0.28", "20") for market in self.markets]
        else:
            legs = [world.buy(market.outcome(0), "0.30", "20") for market in self.markets]
        self.take(world.say(world.legs(policy, *legs)))

    def take(self, actions: list[Action]) -> None:
        self.open += orders_in(actions)
        self.sets += [action for action in actions if isinstance(action, ChangeSets)]

    def pick(self, data: st.DataObject, things: list[Any]) -> Any:
        return things[data.draw(st.integers(0, len(things) - 1))]

    def possible(self) -> list[str]:
        names = ["timer"]
        if self.open:
            names += ["fill", "part", "kill", "accept"]
        if self.fills:
            names += ["confirm", "confirm", "fail"]
        if self.sets:
            names += ["minted", "not minted"]
        return [*names, "doubt", "show"]

    def step(self, data: st.DataObject) -> None:
        what = data.draw(st.sampled_from(self.possible()))
        world = self.world
        world.tick()
        world.taken()
        if what in ("fill", "part"):
            order = self.pick(data, self.open)
            half = order.remaining // 2 // 10_000 * 10_000
            self.fills.append(world.fill(order, half if what == "part" and half else None))
        elif what == "kill":
            world.end(self.pick(data, self.open))
        elif what == "accept":
            world.hear(OrderAccepted(self.pick(data, self.open).id, world.now))
        elif what in ("confirm", "fail"):
            fill = self.pick(data, self.fills)
            self.fills.remove(fill)
            world.settle(fill, "confirmed" if what == "confirm" else "failed")
        elif what in ("minted", "not minted"):
            world.sets_done(self.sets.pop().approved, done=what == "minted")
        elif what == "timer":
            world.tick(10_000)
            world.timer()
        elif what == "doubt":
            world.doubt(self.pick(data, self.markets))
        else:
            world.show(self.pick(data, self.markets), {"0.28": "100"}, {"0.30": "100"})
        self.take(world.taken())
        self.open = [order for order in self.open if order.open]

    def finish(self) -> None:
        """Let everything that is still under way come to its end, and a minute pass."""
        world = self.world
        while self.open or self.sets or self.fills:
            world.tick()
            world.taken()
            if self.sets:
                world.sets_done(self.sets.pop().approved)
            elif self.open:
                world.end(self.open[0])
            else:
                world.settle(self.fills.pop())
            self.take(world.taken())
            self.open = [order for order in self.open if order.open]
        world.now += UNWIND_NS + 1
        self.take(world.timer())
        assert not self.open


@settings(max_examples=120)
@given(
    data=st.data(),
    policy=st.sampled_from(["all_or_none", "best_effort", "sequential"]),
    mint=st.booleans(),
    count=st.integers(1, 3),
)
def test_every_group_ends_in_a_definite_state(
    data: st.DataObject, policy: LegPolicy, *, mint: bool, count: int
) -> None:
    """Fills, kills, failed settlements, mints and doubts in any order: the group ends.

    It ends when all of its fills are final and a minute passed, and what it then holds beyond what
    it wanted is named in a residual.
    """
    scene = Scene(policy, mint=mint, count=count)
    for _ in range(data.draw(st.integers(0, 14))):
        scene.step(data)
    scene.finish()
    world = scene.world
    groups = world.engine.leg_groups
    assert not groups.working
    (group,) = groups.ended
    assert group.state in ENDS
    assert group.detail
    ledger = world.portfolio.ledger
    assert not ledger.imbalance()
    assert world.facts.open_orders() == 0
    assert world.facts.orders.pretended == []
    assert not group.unsettled
    held_now = {outcome: held.total for outcome, held in ledger.holdings.items() if held.total}
    assert {outcome: size for outcome, size in group.held.items() if size} == held_now
    assert group.cash == ledger.cash_total() - usd("1000")
    if group.state in ("unwound", "failed"):
        assert not held_now
    if group.state == "residual":
        assert held_now.keys() <= group.given_up.keys()
    if group.state == "complete" and policy != "best_effort":
        wanted = {} if mint else {market.outcome(0): shares("20") for market in scene.markets}
        assert held_now == wanted
    assert min((held.total for held in ledger.holdings.values()), default=0) >= 0
    assert shares("0") <= ledger.cash_total() <= usd("1000")
