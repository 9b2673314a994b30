"""Recorded sessions of Polymarket, whole and damaged: every hash holds, every damage shows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.market.builders import Levels, SampleRun, levels_of
from underround.model.events import LevelsChanged
from underround.model.ids import MarketId
from underround.pipeline.importers import polymarket_raw
from underround.pipeline.importers.plan import FramePart, ImportOptions, ImportPlan

pytestmark = pytest.mark.shared

BOOKS = ("polymarket.market", "polymarket.rest")


class Session(NamedTuple):
    """One recorded session: its frames of books, in order."""

    plan: ImportPlan
    parts: list[FramePart]


class Seen(NamedTuple):
    """A trusted book after a frame."""

    market: MarketId
    changed_ns: int
    levels: Levels


@pytest.fixture(scope="module")
def sessions(shared: Path) -> list[Session]:
    """Return the seven sessions."""
    source = shared / "data/polymarket/15m-raw-sessions-2026-04"
    found = []
    for _, path in polymarket_raw.sessions(source):
        plan = polymarket_raw.read(path, ImportOptions())
        found.append(Session(plan, [part for part in plan.frames if part.stream in BOOKS]))
    return found


def bursts(session: Session) -> Iterator[list[FramePart]]:
    """Yield the frames of each burst: what is damaged in one does not reach the next."""
    for _, parts in groupby(session.parts, key=lambda part: part.connection):
        yield list(parts)


def trusted_books(plan: ImportPlan, parts: list[FramePart]) -> Iterator[list[Seen]]:
    """Yield the trusted books after each frame."""
    run = SampleRun(plan)
    for part in parts:
        run.take(part)
        yield [
            Seen(each.market.id, each.changed_ns, levels_of(each.book))
            for each in run.hub.books.values()
            if each.trusted
        ]


def test_all_recorded_hashes_hold(sessions: list[Session]) -> None:
    """456 requested books, 270 streamed ones and 128 hashes of changes: 854, none wrong."""
    totals: Counter[str] = Counter()
    said: Counter[str] = Counter()
    hashes = 0
    for plan, parts in sessions:
        run = SampleRun(plan)
        for part in parts:
            for event, _ in run.take(part):
                if isinstance(event, LevelsChanged):
                    hashes += len({each.outcome for each in event.changes if each.venue_hash})
        run.hub.finish(parts[-1].recv_ns)
        said += run.said
        assert not run.refused
        assert all(each.counters.trusted_at_end for each in run.hub.books.values())
        for name in ("verified", "unverifiable", "mismatched", "gaps", "stale_snapshots"):
            totals[name] += run.total(name)
    assert (said["BookSnapshotrequest"], said["BookSnapshotstream"]) == (456, 270)
    assert totals["verified"] == 456 + 270 + 128
    assert totals["unverifiable"] == totals["mismatched"] == totals["gaps"] == 0
    assert totals["stale_snapshots"] == 54
    assert hashes == 130  # one moment came in two frames: its two hashes were stated twice


def test_one_recorded_moment_came_in_two_frames(sessions: list[Session]) -> None:
    """Trust was suspended between them and nowhere else; that was no mismatch."""
    doubts: Counter[str] = Counter()
    for plan, parts in sessions:
        run = SampleRun(plan)
        for part in parts:
            run.take(part)
        for tracked in run.hub.books.values():
            doubts.update(tracked.counters.doubts)
    assert doubts.pop("reconnected", 0) + doubts.pop("stream silent", 0) > 0
    assert doubts == {"waiting for the rest of a timestamp": 1}


def test_older_answers_never_replaced_newer_state(sessions: list[Session]) -> None:
    """A book's time goes back only when its epoch ends, though 54 answers were older."""
    older = 0
    for plan, parts in sessions:
        run = SampleRun(plan)
        latest: dict[MarketId, tuple[int, int]] = {}
        for part in parts:
            run.take(part)
            for key, tracked in run.hub.books.items():
                changed_ns, epochs = latest.get(key, (0, 0))
                assert tracked.changed_ns >= changed_ns or tracked.counters.epochs > epochs
                latest[key] = tracked.changed_ns, tracked.counters.epochs
        older += run.total("stale_snapshots")
    assert older == 54


def changing_bursts(session: Session) -> Iterator[list[FramePart]]:
    """Yield the connections in which something changed."""
    for parts in bursts(session):
        if any(b'"price_change"' in part.payload for part in parts):
            yield parts


SIZE = re.compile(rb'"size": ?"(\d)')


def test_every_flipped_size_is_detected_or_harmless(sessions: list[Session]) -> None:
    """The trust ends with the frame, or the other outcome's entry makes the book right again.

    One digit in each size of each change: each frame tells a change for both outcomes, so a wrong
    first entry is overridden by the second before anything looks at the book.
    """
    detected = harmless = 0
    for session in sessions:
        for parts in changing_bursts(session):
            clean = list(trusted_books(session.plan, parts))
            for at, part in enumerate(parts):
                if b'"price_change"' not in part.payload:
                    continue
                for found in SIZE.finditer(part.payload):
                    payload = bytearray(part.payload)
                    payload[found.start(1)] ^= 1
                    damaged = [*parts[:at], part._replace(payload=bytes(payload))]
                    after = list(trusted_books(session.plan, damaged))[-1]
                    if after == clean[at]:
                        harmless += 1
                    else:
                        detected += 1
                        assert len(after) < len(clean[at])
                        assert all(seen in clean[at] for seen in after)
    assert (detected, harmless) == (64, 66)


def test_a_flipped_size_in_a_book_is_always_detected(sessions: list[Session]) -> None:
    """A snapshot's levels are stated once: its hash differs and it is not applied."""
    session = sessions[0]
    parts = next(bursts(session))
    flipped = 0
    for at, part in enumerate(parts):
        if b'"bids"' not in part.payload:
            continue
        for found in list(SIZE.finditer(part.payload))[::7]:
            payload = bytearray(part.payload)
            payload[found.start(1)] ^= 1
            run = SampleRun(session.plan)
            for each in (*parts[:at], part._replace(payload=bytes(payload))):
                run.take(each)
            assert run.total("mismatched") == 1 or run.refused
            flipped += 1
    assert flipped > 20


@pytest.mark.parametrize("damage", ["drop", "double", "swap"])
def test_what_is_trusted_in_a_damaged_connection_is_true(
    sessions: list[Session], damage: str
) -> None:
    """A trusted book is always one that the undamaged frames prove for the time it claims.

    A frame is dropped, doubled or swapped with the next, everywhere; doubling costs no trust.
    """
    suspended = 0
    for session in sessions:
        for parts in changing_bursts(session):
            clean = list(trusted_books(session.plan, parts))
            truth = {(seen.market, seen.changed_ns): seen.levels for each in clean for seen in each}
            for at in range(len(parts) - 1):
                if damage == "drop":
                    damaged = parts[:at] + parts[at + 1 :]
                elif damage == "double":
                    damaged = [*parts[: at + 1], *parts[at:]]
                else:
                    damaged = [*parts[:at], parts[at + 1], parts[at], *parts[at + 2 :]]
                seen_at = list(trusted_books(session.plan, damaged))
                for after in seen_at:
                    for seen in after:
                        assert truth.get((seen.market, seen.changed_ns), seen.levels) == seen.levels
                lost = len(clean[-1]) - len(seen_at[-1])
                suspended += lost > 0
                if damage == "double":
                    assert seen_at == [*clean[: at + 1], *clean[at:]]
    assert (suspended > 0) == (damage != "double")
