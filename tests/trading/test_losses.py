"""Marks: what positions are worth, and that looking at them changes nothing."""

from __future__ import annotations

from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from tests.trading.world import World, make_market, only_order, orders_in
from underround.model.units import usd
from underround.trading.limits import RiskLimits

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["show", "timer", "doubt", "buy", "resume"]),
        st.integers(0, 50),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=25,
)
Story: TypeAlias = list[tuple[str, int, int]]


def look(world: World, times: int) -> None:
    """Read everything that can be read of the account's worth."""
    losses = world.engine.losses
    for _ in range(times):
        losses.equity()
        losses.point(world.now)
        losses.check(world.facts.limits)
        for outcome, held in world.portfolio.ledger.holdings.items():
            losses.bid(outcome)
            losses.value(outcome, held)


def told(story: Story, *, looking: bool) -> tuple[str, str, int, int]:
    """Play a story of falling bids and doubts; returns the digest and what was measured."""
    market = make_market()
    limits = RiskLimits(max_loss=usd("12"), max_drawdown=usd("8"))
    world = World([market], limits=limits, dollars="1000")
    for what, cents, times in story:
        world.tick(1_000)
        if looking:
            look(world, times)
        if what == "show":
            world.show(market, {f"0.{cents:02d}": "100"} if cents else {}, {"0.52": "1000"})
        elif what == "doubt" and market.id in world.hub.books:
            world.doubt(market)
        elif what == "buy":
            for order in orders_in(world.say(world.buy(market.outcome(0), "0.52", "20"))):
                world.settle(world.fill(order))
        elif what == "resume":
            world.command("resume")
        else:
            world.timer()
    losses = world.engine.losses
    return world.digest.hexdigest(), world.facts.halted, losses.high, losses.max_drawdown


@given(STEPS)
def test_looking_changes_nothing(story: Story) -> None:
    """However often worth is read, and whenever: the same decisions, halts and measures."""
    assert told(story, looking=True) == told(story, looking=False)


def test_looking_between_a_bid_and_its_doubt_changes_nothing() -> None:
    """A bid that nobody but a reader saw is no mark: after the doubt the one before counts."""
    story = [("show", 48, 0), ("buy", 0, 0), ("buy", 0, 0), ("timer", 0, 0)]
    story += [("show", 5, 0), ("doubt", 0, 3), ("timer", 0, 3), ("buy", 0, 3)]
    assert told(story, looking=True) == told(story, looking=False)
    assert told(story, looking=False)[1] == ""


def test_without_any_mark_a_doubted_position_counts_at_cost() -> None:
    """Doubt is not a loss: what was bought and doubted before anybody looked is what it cost."""
    world = World([market := make_market()], limits=RiskLimits(max_loss=usd("1")))
    world.show(market, {"0.48": "100"}, {"0.52": "100"})
    world.doubt(market)
    world.give(market.outcome(0), "100", "0.4")
    losses = world.engine.losses
    assert losses.bid(market.outcome(0)) is None
    assert losses.equity() == usd("1000")
    world.timer()
    assert world.facts.halted == ""
    world.show(market, {"0.35": "100"}, {"0.52": "100"})
    assert losses.equity() == usd("995")
    world.timer()
    assert world.facts.halted == "loss of 5 dollars is over the limit 1"


def test_a_position_nobody_bids_for_is_worth_nothing_and_stays_so_in_doubt() -> None:
    """No bid in a trusted book is a mark of zero, and the doubt after it does not undo that."""
    world = World([market := make_market()])
    world.show(market, {}, {"0.52": "100"})
    world.give(market.outcome(0), "100", "0.4")
    world.timer()
    losses = world.engine.losses
    assert losses.equity() == usd("960")
    world.doubt(market)
    assert losses.equity() == usd("960")


def test_losses_are_measured_from_the_beginning() -> None:
    """What the account was worth when the run began is the start, the high and the initial."""
    world = World([make_market()], dollars="250")
    losses = world.engine.losses
    assert (losses.initial, losses.start, losses.high) == (usd("250"),) * 3
    assert losses.max_drawdown == 0


def test_a_fill_is_marked_at_once() -> None:
    """Half the spread is lost when a taker's order fills: the drawdown has it before a timer."""
    world = World([market := make_market()])
    world.show(market, {"0.48": "100"}, {"0.52": "100"})
    world.fill(only_order(world.say(world.buy(market.outcome(0), "0.52", "100"))))
    losses = world.engine.losses
    assert (losses.high, losses.max_drawdown) == (usd("1000"), usd("4"))
    world.doubt(market)
    assert losses.equity() == usd("996")
    assert losses.initial == usd("1000")


def test_a_resume_measures_from_there_and_keeps_what_the_run_began_with() -> None:
    """An operator's resume moves the start and the high, never the initial equity."""
    world = World([market := make_market()])
    world.show(market, {"0.30": "100"}, {"0.52": "100"})
    world.give(market.outcome(0), "100", "0.4")
    world.timer()
    world.command("resume")
    losses = world.engine.losses
    assert (losses.initial, losses.start, losses.high) == (usd("1000"), usd("990"), usd("990"))
