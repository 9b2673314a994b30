"""How a window ends, with prices told by hand: which seconds count, and what equality means."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.local_venue.flow.stage import SECOND, START, Stage
from underround.local_venue.flow.house import House
from underround.local_venue.flow.lives import Lives
from underround.local_venue.flow.quantities import Amount, Span
from underround.local_venue.flow.terms import CrowdTerms, PathTerms, WindowTerms
from underround.local_venue.flow.windows import Windows
from underround.model.units import ONE, usd
from underround.simulation.matching.terms import MarketEnded

BEGINS = START - START % (900 * SECOND)
ENDS = BEGINS + 900 * SECOND
EVEN = usd("65000")
NOBODY = CrowdTerms(makers=0, requote_ms=3_600_000, noise_ms=3_600_000, informed_ms=3_600_000)


def ended(price_at: Callable[[int], int], venue: str = "polymarket") -> tuple[int, int]:
    """Play the window of a quarter of an hour that is open; return what it pays."""
    stage = Stage()
    terms = WindowTerms(
        asset="BTC",
        period="15m",
        venue="kalshi" if venue == "kalshi" else "polymarket",
        ahead=0,
        settles_after=Span(SECOND),
        crowd=NOBODY,
    )
    lives = Lives(stage.world, House(stage.world), 3_600 * SECOND)
    windows = Windows(lives, terms, PathTerms(start=Amount(EVEN)))
    seconds = range(BEGINS - 90 * SECOND, ENDS + 2 * SECOND, SECOND)
    for at in (each for each in seconds if each <= START):
        stage.world.prices.tell("btc/usd", price_at(at), at)
    windows.begin(START)
    for at in (each for each in seconds if each > START):
        stage.world.agenda.plan(
            at, lambda now: stage.world.prices.tell("btc/usd", price_at(now), now)
        )
    stage.run(ENDS // SECOND - START // SECOND + 10)
    (told,) = stage.of(MarketEnded)
    payouts: tuple[int, int] = told.resolution.payouts
    return payouts


@pytest.mark.parametrize("venue", ["polymarket", "kalshi"])
def test_equal_averages_are_up(venue: str) -> None:
    assert ended(lambda _at: EVEN, venue) == (ONE, 0)


@pytest.mark.parametrize("back", [0, 59])
def test_each_of_the_last_sixty_seconds_counts(back: int) -> None:
    fallen = ENDS - back * SECOND
    assert ended(lambda at: EVEN - usd("1") if at == fallen else EVEN) == (0, ONE)


@pytest.mark.parametrize("aside", [-60, 1])
def test_no_second_before_or_after_the_last_sixty_counts(aside: int) -> None:
    fallen = ENDS + aside * SECOND
    assert ended(lambda at: EVEN - usd("1") if at == fallen else EVEN) == (ONE, 0)


@pytest.mark.parametrize("back, pays", [(0, (0, ONE)), (59, (0, ONE)), (60, (ONE, 0))])
def test_the_strike_is_the_average_of_the_sixty_seconds_to_the_start(
    back: int, pays: tuple[int, int]
) -> None:
    risen = BEGINS - back * SECOND
    assert ended(lambda at: EVEN + usd("1") if at == risen else EVEN) == pays


@pytest.mark.parametrize("fallen, pays", [("0.29", (ONE, 0)), ("0.31", (0, ONE))])
def test_kalshi_compares_averages_rounded_to_the_nearest_cent(
    fallen: str, pays: tuple[int, int]
) -> None:
    """Thirty cents less in one second of sixty are half a cent less on average."""
    down = EVEN - usd(fallen)
    assert ended(lambda at: down if at == ENDS else EVEN, "kalshi") == pays
