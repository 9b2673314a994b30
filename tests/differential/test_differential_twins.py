"""The fill model on the stream of a market without us, against the same market with us in it."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.differential.acts import START, Crowd, Script, Send, write
from tests.differential.twins import twins
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import KALSHI, POLYMARKET, YES, Venue
from underround.model.orders import TimeInForce
from underround.model.units import ONE, usd
from underround.simulation.latency import Latency

VENUES: Final = pytest.mark.parametrize("venue", [POLYMARKET, KALSHI])
SLOW: Final = Latency(feed_ms=250, entry_ms=350, cancel_ms=200, response_ms=0)


@VENUES
@pytest.mark.parametrize("latency", [Latency(feed_ms=0, entry_ms=0, cancel_ms=0), SLOW])
@given(seed=st.integers(0, 10**9))
@settings(max_examples=25)
def test_one_order_a_side_is_never_filled_before_the_venue_filled_us_first(
    venue: Venue, latency: Latency, seed: int
) -> None:
    """As long as nobody else insists on making: our order may be what theirs would cross."""
    crowd = Crowd(venue=venue, us="rest cancel", post_only=False, alone=True, steps=80)
    played = twins(write(seed, crowd), latency)
    first = played.first_ns
    for name, at in played.beyond():
        assert first is not None
        assert at - played.feed_ns - 1 > first, (name, at, first)


@VENUES
@given(seed=st.integers(0, 10**9))
@settings(max_examples=25)
def test_one_order_a_side_is_never_filled_beyond_where_makers_and_takers_keep_to_themselves(
    venue: Venue, seed: int
) -> None:
    """Takers leave nothing behind and makers meet nobody: whoever is ahead of us stays so."""
    crowd = Crowd(
        venue=venue, us="rest rest cancel", post_only=False, alone=True, steps=80, wanders=False,
        distance=2, inside=-1, reach=8, takers=("FAK",),
    )  # fmt: skip
    assert twins(write(seed, crowd)).beyond() == []


def _script(*rows: tuple[str, bool, str, str, TimeInForce]) -> Script:
    acts = tuple(
        Send(
            at=START + number * NANOS_PER_SECOND * 2, name=name, ours=name.startswith("our"),
            outcome=YES, side="buy" if bid else "sell", price=usd(price), size=usd(size), tif=tif,
        )
        for number, (name, bid, price, size, tif) in enumerate(rows, start=1)
    )  # fmt: skip
    return Script(venue=POLYMARKET, tick="0.01", acts=acts)


def test_where_orders_meet_others_because_of_us_the_model_can_fill_too_much() -> None:
    """Assumption 1.  We take the offer a later buyer would have taken; he then stands before us."""
    script = _script(
        ("our order", True, "0.50", "20", "GTC"),
        ("offer", False, "0.49", "10", "GTC"),
        ("buyer", True, "0.55", "10", "GTC"),
        ("another offer", False, "0.50", "10", "GTC"),
    )
    played = twins(script)
    assert played.real.filled("our order") == 10 * ONE
    assert played.foretold.filled("our order") == 20 * ONE


def test_where_our_better_order_takes_of_the_same_taker_the_model_can_fill_too_much() -> None:
    """Assumption 1.  The taker reached 0.48 without us; with us at 0.50 it ends before."""
    script = _script(
        ("theirs", True, "0.49", "20", "GTC"),
        ("lower", True, "0.48", "20", "GTC"),
        ("our best", True, "0.50", "10", "GTC"),
        ("our second", True, "0.49", "10", "GTC"),
        ("taker", False, "0.48", "30", "FAK"),
    )
    played = twins(script)
    assert played.real.filled("our second") == 0
    assert played.foretold.filled("our second") == 10 * ONE
