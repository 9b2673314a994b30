"""Runs whose decision digests are compared: a scripted one, and the bundled weather recording."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any, Final

import underround
from tests.trading.world import Puppet, World, make_group, make_market, orders_in
from underround.app.configuration import Config
from underround.app.session import fund
from underround.app.wiring import make_engine, make_venues, open_recordings
from underround.model.ids import StrategyId
from underround.model.market import Market
from underround.model.orders import ChangeSets
from underround.model.units import Nanos, usd
from underround.simulation.replay import Calendar, Replay
from underround.strategies.dutch_book import Params as DutchBookParams
from underround.trading.digest import Digest

STEPS: Final = ("first", "second", "group", "halt", "resume", "merge", "failing")
WEATHER: Final = Path(underround.__file__).parent / "data" / "recordings" / "weather-2026-08"


def scripted(steps: Iterable[str] = STEPS) -> str:
    """Play a short story of three strategies on four markets; returns its decision digest."""
    markets, group = make_group(3)
    lone = make_market("lone")
    names = ("s", "t", "u")
    world = World(
        [*markets, lone],
        [group],
        strategies=[
            lambda of, groups, name=name: Puppet(name, of, groups)  # type: ignore[misc] # default binds
            for name in names
        ],
    )
    puppets: dict[str, Any] = dict(zip(names, world.strategies, strict=True))
    for market in (*markets, lone):
        world.show(market, {"0.28": "100"}, {"0.30": "100"})
    for number, step in enumerate(steps):
        world.tick(100 + number)
        _step(world, step, puppets, markets, lone)
    return world.digest.hexdigest()


def _step(
    world: World, step: str, puppets: dict[str, Any], markets: list[Market], lone: Market
) -> None:
    if step == "first":
        for order in orders_in(world.say(world.buy(lone.outcome(0), "0.30", "20"))):
            world.settle(world.fill(order))
    elif step == "second":
        puppets["t"].next = [
            world.buy(lone.outcome(1), "0.72", "20", strategy=StrategyId("t"), tif="GTC"),
            world.buy(lone.outcome(1), "0.725", "20", strategy=StrategyId("t")),
        ]
        for order in orders_in(world.timer()):
            world.fill(order, order.size // 2)
    elif step == "group":
        _unwind(world, markets)
    elif step == "merge":
        for change in world.say(world.sets("mint", lone, "20")):
            assert isinstance(change, ChangeSets)
            world.sets_done(change.approved)
    elif step == "failing":
        puppets["u"].raises = RuntimeError("the script says so")
        world.timer()
    else:
        world.command("halt" if step == "halt" else "resume", "the script says so")


def _unwind(world: World, markets: list[Market]) -> None:
    legs = [world.buy(market.outcome(0), "0.30", "20") for market in markets]
    first, second, third = orders_in(world.say(world.legs("all_or_none", *legs)))
    fills = [world.fill(first), world.fill(third)]
    world.end(second)
    for fill in fills:
        for sale in orders_in(world.settle(fill)):
            world.fill(sale, price=usd("0.28"))


class Silent:
    """Watches nothing."""

    def timer(self, now: Nanos) -> None:
        pass

    def frames(self, count: int, now: Nanos) -> bool:
        return False

    def finish(self, now: Nanos) -> None:
        pass


def weather(frames: int = 2_000) -> str:
    """Replay the beginning of the weather recording with eager strategies; returns the digest."""
    config = Config()
    config.strategies["eager"] = type(config.strategies["dutch_book"])(
        kind="dutch_book",
        markets=("*",),
        params=DutchBookParams(min_profit=0, slippage=0, max_age_ms=3_600_000),
    )
    opened = open_recordings([WEATHER], config.books)
    digest = Digest()
    engine = make_engine(config, opened, digest)
    venues = make_venues(config, opened, engine.hub)
    replay = Replay(
        engine, venues, opened.sources, Calendar(opened.catalogue), Silent(), timer_ms=10_000
    )
    fund(engine, config, opened, digest)
    replay.run(islice(opened.frames(), frames))
    assert replay.frames == frames
    return f"{digest.hexdigest()} after {engine.executor.count} orders"


def main() -> None:
    """Print the digests: what a process with another hash seed is asked for."""
    print(scripted(), weather())


if __name__ == "__main__":
    main()
