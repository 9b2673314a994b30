"""The fill model on the public stream of the very market we are in, our own orders left out of it.

What must hold there, for any people and any orders of ours: the same is refused in the same words,
takers get the same, and no resting order fills earlier or further than the venue filled it.
"""

from __future__ import annotations

from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.differential.acts import START, Crowd, Drop, Script, Send, write
from tests.differential.flows import visit
from tests.differential.judged import Judge, Verdict
from tests.differential.paper import foretell
from tests.differential.venue import NOW, play
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.ids import KALSHI, NO, POLYMARKET, YES, Venue
from underround.model.orders import TimeInForce
from underround.model.units import ONE, usd
from underround.simulation.latency import Latency

VENUES: Final = pytest.mark.parametrize("venue", [POLYMARKET, KALSHI])
SLOW: Final = Latency(feed_ms=250, entry_ms=350, cancel_ms=200, response_ms=0)
CROWDS: Final = {
    "anybody": Crowd(rate=40_000),
    "long": Crowd(steps=260, rate=70_000),
    "thick": Crowd(depth=2, cancels=0.4),
    "fine": Crowd(tick="0.001", centre=400, rate=40_000),
    "edge": Crowd(steps=200, centre=94, rate=40_000),
    "levels first": Crowd(
        steps=200, levels_first=True, depth=2, takers=("FAK", "FOK"), wanders=False, inside=0
    ),
}


def judged(script: Script, latency: Latency = NOW) -> Verdict:
    real = play(script, latency)
    return Judge(script, real, foretell(script.acts, real, latency), latency).all()


@VENUES
@pytest.mark.parametrize("crowd", CROWDS)
@given(seed=st.integers(0, 10**9))
@settings(max_examples=12)
def test_the_model_refuses_takes_and_waits_as_the_venue_does(
    venue: Venue, crowd: str, seed: int
) -> None:
    judged(write(seed, msgspec.structs.replace(CROWDS[crowd], venue=venue)))


@VENUES
@given(seed=st.integers(0, 10**9))
@settings(max_examples=12)
def test_it_does_so_however_late_everything_is(venue: Venue, seed: int) -> None:
    judged(write(seed, Crowd(venue=venue, rate=40_000)), SLOW)


@VENUES
@pytest.mark.parametrize("seed", range(4))
def test_it_does_so_among_makers_who_see_us_and_quote_again(venue: Venue, seed: int) -> None:
    script, real = visit(venue, seed, 200)
    foretold = foretell(script.acts, real)
    verdict = Judge(script, real, foretold, slip_ns=2 * NANOS_PER_MS).all()
    assert verdict.orders > 20


@VENUES
def test_the_comparisons_compare_something(venue: Venue) -> None:
    verdicts = [judged(write(seed, Crowd(venue=venue, rate=40_000))) for seed in range(30)]
    resting = [each for verdict in verdicts for each in verdict.resting]
    assert sum(verdict.refused for verdict in verdicts) > 100
    assert sum(verdict.took for verdict in verdicts) > 80
    assert len(resting) > 50
    assert sum(each.foretold for each in resting) > 0.9 * sum(each.real for each in resting)
    whole = sum(verdict.until_ns > START * 2 for verdict in verdicts)
    assert whole > 25  # most scripts are compared to their end


# --- what was found, one scene each ---------------------------------------------------------------


class Scene:
    """A script, line by line, a second apart."""

    def __init__(self, venue: Venue = POLYMARKET, *, levels_first: bool = False) -> None:
        self.script = Script(venue=venue, tick="0.01", levels_first=levels_first, acts=())

    def send(
        self, name: str, bid: bool, price: str, size: str, tif: TimeInForce = "GTC",
        *, post_only: bool = False, outcome: int = YES,
    ) -> Scene:  # fmt: skip
        """``price``: of YES."""
        at = START + (len(self.script.acts) + 1) * NANOS_PER_SECOND * 2
        yes = usd(price)
        act = Send(
            at=at, name=name, ours=name.startswith("our"), outcome=outcome,
            side="buy" if bid == (outcome == YES) else "sell",
            price=yes if outcome == YES else ONE - yes,
            size=usd(size), tif=tif, post_only=post_only,
        )  # fmt: skip
        self.script = msgspec.structs.replace(self.script, acts=(*self.script.acts, act))
        return self

    def drop(self, name: str) -> Scene:
        at = START + (len(self.script.acts) + 1) * NANOS_PER_SECOND * 2
        act = Drop(at=at, name=name, ours=name.startswith("our"))
        self.script = msgspec.structs.replace(self.script, acts=(*self.script.acts, act))
        return self


@VENUES
def test_a_younger_order_of_ours_gains_nothing_by_what_the_older_one_may_have_got(
    venue: Venue,
) -> None:
    """Ten ahead of our first order leave, ten come behind it: then it is filled, unseen."""
    scene = Scene(venue)
    scene.send("ahead", True, "0.50", "10").send("our first", True, "0.50", "10")
    scene.send("behind", True, "0.50", "10").drop("ahead").send("our second", True, "0.50", "10")
    scene.send("taker", False, "0.50", "15", "FAK").drop("our first")
    scene.send("another", False, "0.50", "5", "FAK").send("a third", False, "0.50", "5", "FAK")
    verdict = judged(scene.script)
    assert {each.name: each.real // ONE for each in verdict.resting} == {
        "our first": 10,
        "our second": 5,
    }
    assert {each.name: each.foretold // ONE for each in verdict.resting} == {
        "our first": 5,
        "our second": 5,
    }


def test_a_level_that_falls_in_a_doubt_is_still_explained_by_the_trade_told_after_it() -> None:
    """Two levels change in a millisecond, and between the two frames no book is trusted."""
    scene = Scene(levels_first=True)
    scene.send("better", True, "0.51", "10").send("ahead", True, "0.50", "20")
    scene.send("our order", True, "0.50", "20").send("taker", False, "0.50", "35", "FAK")
    (resting,) = judged(scene.script).resting
    assert (resting.real, resting.foretold) == (5 * ONE, 5 * ONE)


@pytest.mark.parametrize(
    "venue, text",
    [
        (POLYMARKET, "invalid post-only order: order crosses book"),
        (KALSHI, "invalid_order: post only cross"),
    ],
)
def test_a_post_only_order_crosses_a_book_in_which_only_our_own_order_rests(
    venue: Venue, text: str
) -> None:
    scene = Scene(venue).send("our ask", False, "0.52", "10")
    scene.send("our bid", True, "0.53", "10", post_only=True, outcome=NO)
    real = play(scene.script)
    assert real.refused == foretell(scene.script.acts, real).refused == {"our bid": text}


def test_a_refusal_names_the_order_of_ours_that_would_be_met_first() -> None:
    scene = Scene().send("our far ask", False, "0.55", "10").send("our ask", False, "0.52", "10")
    scene.send("our bid", True, "0.56", "10")
    real = play(scene.script)
    assert real.refused == foretell(scene.script.acts, real).refused
    assert real.refused["our bid"].endswith("order our ask")


def test_kalshi_fills_an_order_up_to_the_cross_where_the_model_refuses_it_whole() -> None:
    scene = Scene(KALSHI).send("their ask", False, "0.50", "5")
    scene.send("our ask", False, "0.52", "10").send("our bid", True, "0.53", "10")
    real = play(scene.script)
    assert real.filled("our bid") == 5 * ONE
    foretold = foretell(scene.script.acts, real)
    assert set(foretold.refused) == {"our bid"}
    Judge(scene.script, real, foretold).all()


def test_the_makers_of_a_level_are_rounded_one_by_one_on_kalshi_and_together_in_the_model() -> None:
    """Three makers at a level are three fees; a book shows one level."""
    scene = Scene(KALSHI)
    for name in ("a", "b", "c"):
        scene.send(name, False, "0.37", "0.07")
    scene.send("our bid", True, "0.37", "0.21", "FAK")
    real = play(scene.script)
    foretold = foretell(scene.script.acts, real)
    Judge(scene.script, real, foretold).all()
    assert real.fees["our bid"] > foretold.fills[0].fee
