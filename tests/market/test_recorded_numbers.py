"""A recorded session of Kalshi, whole and damaged: numbers find what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.market.builders import SampleRun
from underround.market.agreement import BestAgreement
from underround.market.hub import TOP
from underround.model.events import BestStated, LevelAdjusted
from underround.model.units import ONE
from underround.pipeline.importers import kalshi_ws
from underround.pipeline.importers.plan import FramePart, ImportOptions, ImportPlan

pytestmark = pytest.mark.shared

BOOK, TICKER = "kalshi.book", "kalshi.ticker"


class Session(NamedTuple):
    """The session's frames of books and tickers, in order."""

    plan: ImportPlan
    parts: list[FramePart]


@pytest.fixture(scope="module")
def session(shared: Path) -> Session:
    """Return the session of 13 May 2026, 15:22."""
    path = shared / "data/kalshi/btc15m-ws-2026-05/20260513T1522"
    plan = kalshi_ws.read(path, ImportOptions())
    return Session(plan, [part for part in plan.frames if part.stream in {BOOK, TICKER}])


def replayed(plan: ImportPlan, parts: Iterable[FramePart]) -> tuple[SampleRun, BestAgreement]:
    """Return the hub after all frames, with the tickers compared."""
    run, tickers = SampleRun(plan), BestAgreement(250)
    for part in parts:
        for event, flags in run.take(part):
            if isinstance(event, BestStated):
                tickers.stated(event.market, event.at_ns, event.bid or 0, event.ask or ONE)
            elif flags & TOP and isinstance(event, LevelAdjusted):
                book = run.hub.books[event.market].book
                best = book.bid * book.step, book.ask * book.step
                tickers.best(event.market, event.at_ns, *best)
    tickers.finish()
    return run, tickers


def test_the_whole_session_is_gapless_and_agrees_with_its_tickers(session: Session) -> None:
    """No gap, no level below zero, and all 664 tickers agree within 250 ms either way."""
    run, tickers = replayed(session.plan, session.parts)
    assert not run.refused
    assert run.total("gaps") == run.total("mismatched") == run.total("unverifiable") == 0
    assert run.total("verified") == run.said["LevelAdjusted"] + run.said["BookSnapshotstream"]
    counted = tickers.counters.values()
    assert sum(each.stated for each in counted) == 664
    assert sum(each.agreed for each in counted) == 664
    assert sum(each.differed for each in counted) == 0


@pytest.mark.parametrize("damage", ["drop", "double", "swap"])
@pytest.mark.parametrize("place", [200, 777, 1_500, 2_345])
def test_a_damaged_session_loses_trust_at_that_frame(
    session: Session, damage: str, place: int
) -> None:
    """A delta dropped, doubled or swapped: trusted before, untrusted from then on."""
    parts = [part for part in session.parts if part.stream == BOOK][:3_000]
    first = parts[place].connection
    parts = [part for part in parts if part.connection == first]
    assert b'"orderbook_delta"' in parts[place].payload
    damaged = {
        "drop": [*parts[:place], *parts[place + 1 :]],
        "double": [*parts[: place + 1], *parts[place:]],
        "swap": [*parts[:place], parts[place + 1], parts[place], *parts[place + 2 :]],
    }[damage]
    shows_at = place + (damage == "double")
    run, _ = replayed(session.plan, damaged[:shows_at])
    assert all(each.trusted for each in run.hub.books.values())
    for part in damaged[shows_at:]:
        run.take(part)
        assert not any(each.trusted for each in run.hub.books.values())
    reason = "sequence went back" if damage == "double" else "sequence gap"
    assert [each.counters.doubts[reason] for each in run.hub.books.values()] == [1]


def test_a_delta_that_numbers_cannot_miss_shows_in_the_tickers(session: Session) -> None:
    """A best level that is wrong by one delta, with every number in place: tickers differ."""
    plan, parts = session
    run, tickers = SampleRun(plan), BestAgreement(250)
    wrong = 0
    for part in parts[:20_000]:
        for event, flags in run.take(part):
            if isinstance(event, BestStated):
                tickers.stated(event.market, event.at_ns, event.bid or 0, event.ask or ONE)
            elif flags & TOP and isinstance(event, LevelAdjusted):
                book = run.hub.books[event.market].book
                if not wrong and run.said["LevelAdjusted"] > 1_000:
                    wrong = book.bid
                    book.set_bid(wrong, 0)
                best = book.bid * book.step, book.ask * book.step
                tickers.best(event.market, event.at_ns, *best)
    tickers.finish()
    assert run.total("gaps") == 0
    found = sum(each.differed for each in tickers.counters.values())
    assert found > 0 or run.total("mismatched") > 0
