"""Recorded baseball markets: both outcomes tell one book, unless a frame of one is missing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.market.builders import SampleRun
from underround.market.twins import TwinCheck, TwinCounters
from underround.model.events import BookSnapshot, LevelsChanged
from underround.pipeline.importers import polymarket_mlb
from underround.pipeline.importers.plan import FramePart, ImportOptions, ImportPlan

pytestmark = pytest.mark.shared


class Game(NamedTuple):
    """One game's frames."""

    plan: ImportPlan
    parts: list[FramePart]


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    """Return the folder of recorded games."""
    return shared / "data/polymarket/mlb-market-channel-2025-06"


@pytest.fixture(scope="module")
def game(folder: Path) -> Game:
    """Return a short whole game."""
    return read(folder / "20250619_mlb-pit-det-2025-06-19_market-events.csv.zst")


def read(path: Path) -> Game:
    """Return a game's frames."""
    plan = polymarket_mlb.read(path, ImportOptions())
    return Game(plan, list(plan.frames))


def twins(plan: ImportPlan, parts: Iterable[FramePart]) -> tuple[SampleRun, TwinCounters]:
    """Return the hub after all frames, and what comparing the outcomes found."""
    run, check = SampleRun(plan), TwinCheck()
    for part in parts:
        for event, _ in run.take(part):
            if isinstance(event, LevelsChanged | BookSnapshot):
                check.note(event)
    check.finish()
    (found,) = check.counters.values()
    return run, found


def test_the_outcomes_of_a_whole_game_agree(game: Game) -> None:
    """All 247 comparisons, to the last level."""
    run, found = twins(*game)
    assert not run.refused
    assert (found.compared, found.agreed, found.differing_levels) == (247, 247, 0)


def changes(game: Game) -> list[int]:
    """Return the places of level changes."""
    return [n for n, part in enumerate(game.parts) if b'"price_change"' in part.payload]


def test_a_dropped_frame_of_one_outcome_is_named(game: Game) -> None:
    """Its level differs from its mirror until it is told again, and the time says since when."""
    places = changes(game)[5:-5:9]
    named = 0
    for place in places:
        _, found = twins(game.plan, [*game.parts[:place], *game.parts[place + 1 :]])
        if found.differing_levels:
            named += 1
            assert found.first_ns is not None
            assert found.agreed < found.compared
            # The venue's clock stands in whole milliseconds, the recorder's beside it.
            assert abs(found.first_ns - game.parts[place].recv_ns) < 600 * 10**9
        else:
            assert found.agreed == found.compared  # told again before the market was quiet
    assert named > len(places) // 4


def test_a_doubled_frame_is_harmless_to_the_twins(game: Game) -> None:
    """Sizes are absolute."""
    for place in changes(game)[5:-5:60]:
        parts = [*game.parts[: place + 1], *game.parts[place:]]
        _, found = twins(game.plan, parts)
        assert found.differing_levels == 0


def test_one_recorded_game_misses_a_frame(folder: Path) -> None:
    """One level of one outcome never reached its mirror: the recorder lost its frame."""
    _, found = twins(*read(folder / "20250619_mlb-mil-chc-2025-06-19_market-events.csv.zst"))
    assert found.differing_levels == 1
    assert found.first_ns == 1_750_361_916_008_000_000
    assert found.compared - found.agreed == 14
