"""Invented markets: prices that walk, windows that roll, groups and games, and people in them."""

from __future__ import annotations

from typing import Final

from underround.local_venue.flow.belief import TWAP_S
from underround.local_venue.flow.contests import Games, Group
from underround.local_venue.flow.house import House
from underround.local_venue.flow.lives import Lives
from underround.local_venue.flow.paths import PricePaths
from underround.local_venue.flow.terms import GeneratorTerms
from underround.local_venue.flow.windows import Windows
from underround.local_venue.world import World
from underround.model.frames import NANOS_PER_MS, NANOS_PER_SECOND
from underround.model.units import Nanos
from underround.venues.polymarket.gamma.series import window_start

_BEFORE: Final[Nanos] = (TWAP_S + 5) * NANOS_PER_SECOND
"""What must be told before the start of a window so that its strike is known."""


class Generator:
    """Everything that is made up from the seed."""

    def __init__(self, world: World, house: House, terms: GeneratorTerms) -> None:
        """Nothing happens before ``begin``."""
        self._world = world
        self._terms = terms
        self._paths = PricePaths(
            world.prices, terms.prices, terms.step_ms * NANOS_PER_MS, world.seed
        )
        lives = Lives(world, house, terms.keep)
        self._windows = [
            Windows(lives, each, terms.prices[f"{each.asset.lower()}/usd"])
            for each in terms.windows
        ]
        self._contests: list[Group | Games] = [
            *(Group(lives, each) for each in terms.groups),
            *(Games(lives, each) for each in terms.games),
        ]

    def begin(self, now: Nanos) -> None:
        """Tell the prices of the windows that are open already, list everything, go on."""
        starts = [window_start(each.period, now) for each in self._terms.windows]
        self._paths.begin(min(starts, default=now) - _BEFORE, now, self._world.agenda)
        for windows in self._windows:
            windows.begin(now)
        for contest in self._contests:
            contest.begin(now)
