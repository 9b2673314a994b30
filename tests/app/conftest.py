"""A replay of a bundled recording, cut short and without a journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import msgspec
import pytest

from underround.app.configuration import Config, load_config
from underround.app.session import fund
from underround.app.wiring import make_engine, make_venues, open_recordings
from underround.market.trust import BookRules
from underround.model.frames import Frame
from underround.model.orders import Command
from underround.pipeline.bundled import BUNDLED
from underround.simulation.replay import Calendar, Replay
from underround.trading.digest import Digest
from underround.trading.tally import Several, Tally


class Quiet:
    """An observer that calls ``each`` with the frames replayed so far and never stops."""

    def __init__(self, each: Callable[[int], None]) -> None:
        self.each = each

    def timer(self, now: int) -> None:
        """Look away."""

    def frames(self, count: int, now: int) -> bool:
        """Pass the count on."""
        self.each(count)
        return False

    def finish(self, now: int) -> None:
        """Look away."""


class Result(msgspec.Struct):
    """What a short replay decided."""

    digest: str
    tally: Tally
    replay: Replay


ShortReplay = Callable[..., Result]


@pytest.fixture
def short_replay() -> ShortReplay:
    """Return ``run(name, frames=…, each=…, commands=…, overrides=…, change=…)``."""

    def run(
        name: str,
        *,
        frames: int,
        each: Callable[[Replay, int], None] = lambda replay, count: None,
        commands: Callable[[], Command | None] = lambda: None,
        overrides: tuple[str, ...] = (),
        change: Callable[[Iterator[Frame]], Iterator[Frame]] = lambda frames: frames,
    ) -> Result:
        config: Config = load_config(None, overrides).value
        opened = open_recordings([BUNDLED[name]], BookRules())
        digest, tally = Digest(), Tally()
        sink = Several((digest, tally))
        engine = make_engine(config, opened, sink)
        replay = Replay(
            engine,
            make_venues(config, opened, engine.hub),
            opened.sources,
            Calendar(opened.catalogue),
            Quiet(lambda count: each(replay, count)),
            timer_ms=config.replay.timer_ms,
            check_every=500,
            commands=commands,
        )
        fund(engine, config, opened, sink)
        replay.take_command()
        replay.run(change(islice(opened.frames(), frames)))
        return Result(digest.hexdigest(), tally, replay)

    return run
