"""A whole replay: the same decisions, exact money, honest ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from underround.model.frames import Frame
from underround.model.orders import Command
from underround.pipeline.bundled import NHL, WEATHER
from underround.simulation.replay import Replay

ShortReplay = Callable[..., Any]
FRAMES = 20_000


def test_the_same_frames_give_the_same_decisions(short_replay: ShortReplay) -> None:
    """Two replays of the same frames have one digest, and it covers orders and fills."""
    one, two = (short_replay(NHL, frames=FRAMES) for _ in range(2))
    assert one.digest == two.digest
    assert sum(row.count for row in one.tally.fills.values()) > 0


def test_another_parameter_gives_other_decisions(short_replay: ShortReplay) -> None:
    """The digest tells runs apart that decided differently."""
    usual = short_replay(NHL, frames=FRAMES)
    other = short_replay(
        NHL, frames=FRAMES, overrides=("strategies.spread_capture.params.half_spread=0.02",)
    )
    assert usual.digest != other.digest


@pytest.mark.parametrize("name", [NHL, WEATHER])
def test_a_strategy_restored_in_the_middle_decides_the_same(
    short_replay: ShortReplay, name: str
) -> None:
    """What ``save`` returns is all a strategy needs to go on as if nothing had happened."""

    def restart(replay: Replay, count: int) -> None:
        for desk in replay.engine.desks:
            old = desk.strategy
            new = type(old)(
                old.name, old.params, list(old.markets.values()), list(old.groups.values())
            )
            saved = old.save()
            new.restore(saved)
            assert new.save() == saved
            desk.strategy = new

    frames = FRAMES if name == NHL else 2_000
    assert (
        short_replay(name, frames=frames).digest
        == short_replay(name, frames=frames, each=restart).digest
    )


@pytest.mark.parametrize("failing", [0, 300_000, 1_000_000])
def test_a_run_conserves_every_commodity(short_replay: ShortReplay, failing: int) -> None:
    """However many settlements fail, no micro-dollar and no micro-share appears or vanishes."""
    overrides = (f"replay.settlement_failure_ppm={failing}",)
    engine = short_replay(NHL, frames=FRAMES, overrides=overrides).replay.engine
    ledger = engine.portfolio.ledger
    assert ledger.imbalance() == {}
    assert all(held.matched >= 0 and held.confirmed >= 0 for held in ledger.holdings.values())
    for outcome, held in ledger.holdings.items():
        own = [part.holding(outcome) for part in engine.portfolio.by_strategy.values()]
        assert sum(part.total for part in own) == held.total


def test_a_halt_stops_opening_and_resuming_is_explicit(short_replay: ShortReplay) -> None:
    """Between halt and resume nothing opens: refusals by that gate, and no new position."""
    commands = iter([None, Command("halt", "test"), *[None] * 19, Command("resume", "test")])
    result = short_replay(NHL, frames=FRAMES, commands=lambda: next(commands, None))
    assert result.tally.gates["halted"].count > 0
    assert result.replay.engine.facts.halted == ""
    forever = iter([Command("halt", "test")])
    halted = short_replay(NHL, frames=FRAMES, commands=lambda: next(forever, None))
    assert halted.tally.fills == {}


def test_frames_that_do_not_decode_are_counted_and_harmless(short_replay: ShortReplay) -> None:
    """Rubbish between good frames changes no decision and is counted with its reason."""

    def with_rubbish(frames: Any) -> Any:
        for number, frame in enumerate(frames):
            yield frame
            if number % 100 == 0:
                bad = b'{"event_type":"price_change","price_changes":[{"price":"0.5"}]}'
                yield Frame("polymarket.market", frame.connection, 0, frame.recv_ns, bad, "raw")

    plain = short_replay(NHL, frames=5_000)
    dirty = short_replay(NHL, frames=5_000, change=with_rubbish)
    counters = dirty.replay.sources["polymarket.market"].counters
    assert counters.unparsed == 50
    assert sum(counters.unparsed_reasons.values()) == 50
    assert plain.digest == dirty.digest


def test_dutch_book_never_acts_on_mirrored_pairs(short_replay: ShortReplay) -> None:
    """The hockey markets are mirrored pairs: it looks, says how close it came, and never fires."""
    engine = short_replay(NHL, frames=FRAMES).replay.engine
    (desk,) = [desk for desk in engine.desks if desk.strategy.kind == "dutch_book"]
    assert desk.wakes > 0
    assert desk.intents == 0
    assert "at best 1." in desk.strategy.why_idle()
