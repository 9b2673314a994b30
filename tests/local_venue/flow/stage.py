"""A world with a hand on its clock, everything it tells as bytes, and scenes in a line or two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from underround.local_venue.clock import HandClock
from underround.local_venue.flow.flow import Flow
from underround.local_venue.flow.scene import Scene
from underround.local_venue.flow.scene_file import read_scene
from underround.local_venue.settlement import TimedSettlement
from underround.local_venue.world import World, WorldEvent
from underround.model.frames import NANOS_PER_SECOND
from underround.model.ids import MarketId
from underround.model.listing import Listing
from underround.simulation.matching.terms import BookOrder

START = 1_795_000_037 * NANOS_PER_SECOND
SECOND = NANOS_PER_SECOND
WINDOWS = """
[generator]
keep = "2m"
[generator.prices."btc/usd"]
start = "65000"
volatility = "0.5"
[[generator.windows]]
asset = "BTC"
period = "5m"
ahead = 1
[[generator.windows]]
asset = "BTC"
period = "15m"
venue = "kalshi"
"""
MARKET = """
[[markets]]
slug = "rain"
title = "Rain?"
bids = [["0.48", "100"]]
asks = [["0.52", "100"]]
"""
KALSHI = """
[[markets]]
slug = "KXRAIN-26NOV20-T1"
title = "Rain?"
venue = "kalshi"
bids = [["0.48", "100"]]
asks = [["0.52", "100"]]
"""


class Stage:
    """One world, and what it told."""

    def __init__(self, seed: int = 0, *, keep: str = "events") -> None:
        """``keep``: ``events``, their ``bytes``, or ``nothing``."""
        self.clock = HandClock(START)
        self.world = World(self.clock, seed=seed, settlement=TimedSettlement)
        self.events: list[WorldEvent] = []
        self.told: list[bytes] = []
        if keep == "events":
            self.world.bus.listen(self.events.append)
        elif keep == "bytes":
            self.world.bus.listen(lambda event: self.told.append(encoded(event)))

    def play(self, scene: Scene) -> Flow:
        flow = Flow(self.world, scene)
        flow.begin(START)
        return flow

    def run(self, seconds: float, each: Callable[[], None] | None = None, step: float = 60) -> None:
        """Let time pass; ``each`` is called every ``step`` seconds."""
        end = self.clock.now() + round(seconds * SECOND)
        while self.clock.now() < end:
            self.clock.move_to(min(end, self.clock.now() + round(step * SECOND)))
            self.world.act()
            if each is not None:
                each()

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def listing(self, slug: str) -> Listing:
        row = self.world.catalogue.of_slug(slug)
        assert row is not None
        return row.listing

    def book(self, market: MarketId) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        exchange = self.world.polymarket if market.venue == "polymarket" else self.world.kalshi
        bids, asks = exchange.levels(market)
        return [(each.price, each.size) for each in bids], [
            (each.price, each.size) for each in asks
        ]


def encoded(event: WorldEvent) -> bytes:
    """Return an event as bytes: its name, and everything in it, orders as they are now."""
    return type(event).__name__.encode() + msgspec.msgpack.encode(event, enc_hook=_order)


def _order(value: object) -> object:
    assert isinstance(value, BookOrder)
    return (value.sent, value.bid, value.yes_price, value.filled, value.state, value.status)


def scene_of(folder: Path, text: str) -> Scene:
    """Return the scene some lines of TOML say."""
    file = folder / "scene.toml"
    file.write_text(text)
    return read_scene(file)
