"""The tally: refusals and fills by kind, and edge that is forgone once."""

from __future__ import annotations

import msgspec
import pytest

from tests.trading.world import START, World, make_market, only_order
from underround.model.ids import IntentId, PlanId, StrategyId
from underround.model.orders import Refusal
from underround.model.units import shares, usd
from underround.trading.tally import EPISODE_NS, Tally

FIRST = Refusal(
    id=IntentId(1),
    at_ns=START,
    strategy=StrategyId("s"),
    plan=PlanId("p1"),
    outcome="polymarket:rain:YES",
    gate="cash",
    detail="needs 10 dollars, 9 are free",
    edge_forgone=usd("0.25"),
)


def after(refusal: Refusal, ns: int, **fields: str) -> Refusal:
    return msgspec.structs.replace(refusal, at_ns=refusal.at_ns + ns, **fields)


def test_an_episode_forgoes_its_edge_once() -> None:
    """Asked for again and again, refused each time: every one counts, the edge only once."""
    tally = Tally()
    for number in range(20):
        tally.refusal(after(FIRST, number * (EPISODE_NS - 1)))
    row = tally.gates["cash"]
    assert (tally.refusals, row.count, row.edge_forgone) == (20, 20, usd("0.25"))
    assert row.example == "s: needs 10 dollars, 9 are free"


@pytest.mark.parametrize("ns,episodes", [(EPISODE_NS - 1, 1), (EPISODE_NS, 2)])
def test_five_quiet_minutes_end_an_episode(ns: int, episodes: int) -> None:
    """Refused again after five minutes the edge is forgone again, to the nanosecond."""
    tally = Tally()
    tally.refusal(FIRST)
    tally.refusal(after(FIRST, ns))
    assert tally.gates["cash"].edge_forgone == episodes * usd("0.25")


@pytest.mark.parametrize(
    "fields", [{"strategy": "t"}, {"outcome": "polymarket:rain:NO"}, {"gate": "grid"}]
)
def test_another_strategy_outcome_or_gate_is_another_episode(fields: dict[str, str]) -> None:
    """Each of them forgoes an edge of its own."""
    tally = Tally()
    tally.refusal(FIRST)
    tally.refusal(after(FIRST, 1, **fields))
    assert sum(row.edge_forgone for row in tally.gates.values()) == usd("0.50")


def test_fills_are_counted_by_strategy() -> None:
    """Count, shares, money and fees of all fills of one kind, part by part."""
    world = World([market := make_market()])
    world.show(market, {"0.48": "100"}, {"0.52": "100"})
    order = only_order(world.say(world.buy(market.outcome(0), "0.50", "20", tif="GTC")))
    tally = Tally()
    tally.order(order)
    fills = [world.fill_of(order, shares(size), fee=usd("0.01")) for size in ("5", "15")]
    for fill in fills:
        tally.fill(fill)
    row = tally.fills["s", "taker", "the test says so"]
    assert (row.count, row.size, row.notional, row.fees) == (
        2,
        shares("20"),
        usd("10"),
        usd("0.02"),
    )
