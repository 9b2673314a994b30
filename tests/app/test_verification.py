"""``recording verify``: every damage named, every frame accounted for, every sentence true."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from underround.app.reservations import (
    StreamFacts,
    disagreements,
    reservation,
    sequence_fault,
)
from underround.app.verification import verify_recording
from underround.app.wiring import open_recordings
from underround.market.trust import BookRules
from underround.model.frames import NANOS_PER_SECOND
from underround.model.market import decode_catalogue
from underround.model.run import BookCounters, ProofKind, StreamCounters
from underround.pipeline.bundled import BUNDLED, NHL, WEATHER
from underround.pipeline.importers import wire
from underround.storage.recording import Recording, RecordingWriter, SequenceFault

ShortReplay = Callable[..., Any]
T0 = 1_780_795_809_266_000_000


@pytest.fixture
def weather(tmp_path: Path) -> Path:
    """Return a copy of the smaller bundled recording that a test may damage."""
    return Path(shutil.copytree(BUNDLED[WEATHER], tmp_path / "copy"))


@pytest.mark.parametrize("name", ["recording.json", "markets.json", "index.json", "SOURCE.txt"])
@pytest.mark.parametrize("gone", [False, True])
def test_every_damaged_file_is_named_once(weather: Path, name: str, gone: bool) -> None:
    """Changed or missing: one problem names the file, and nothing is called proven."""
    if gone:
        (weather / name).unlink()
    else:
        (weather / name).write_bytes((weather / name).read_bytes() + b" ")
    report = verify_recording(weather)
    assert (report.ok, report.files_ok) == (False, False)
    assert len([problem for problem in report.problems if name in problem]) == 1
    assert report.frames == report.verified == 0
    assert any("were not checked" in note for note in report.notes)


def test_a_manifest_that_is_damaged_or_gone_is_a_problem(weather: Path) -> None:
    """Without a manifest the books are still checked, but nothing proves the files."""
    manifest = weather / "manifest.sha256"
    manifest.write_bytes(manifest.read_bytes()[:-5])
    report = verify_recording(weather)
    assert any(problem.startswith("manifest.sha256 is damaged") for problem in report.problems)
    manifest.unlink()
    report = verify_recording(weather)
    assert any(problem.startswith("manifest.sha256 is missing") for problem in report.problems)
    assert (report.ok, report.files_ok) == (False, False)
    assert report.frames == 6_432


def counted(streams: list[StreamCounters]) -> dict[str, tuple[int, int, int, int, int]]:
    """Return what is counted of each stream."""
    return {s.stream: (s.frames, s.events, s.ignored, s.unparsed, s.silences) for s in streams}


@pytest.mark.parametrize("name", [NHL, WEATHER])
def test_verify_and_replay_count_the_same(short_replay: ShortReplay, name: str) -> None:
    """Frames, events, ignored, unparsed and silences of each stream agree."""
    frames = open_recordings([BUNDLED[name]], BookRules()).frame_count
    replayed = [
        source.counters for source in short_replay(name, frames=frames).replay.sources.values()
    ]
    verified = verify_recording(BUNDLED[name]).streams
    assert counted(verified) == counted(replayed)
    assert sum(stream.silences for stream in verified) > 0


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Write a recording of a snapshot, an empty frame, an unreadable one and one of no market."""
    bundled = Recording.open(BUNDLED[NHL])
    market = decode_catalogue(bundled.markets).markets[0]
    book = wire.book(
        market.id.native,
        market.tokens[0],
        T0 // 1_000_000,
        [("0.4", "5")],
        [("0.6", "5")],
    )
    payloads = [
        book,
        b"[]",
        b"{",
        b'{"event_type":"price_change","market":"0x00","price_changes":[]}',
    ]
    streams = tuple(
        msgspec.structs.replace(stream, proof="restated") for stream in bundled.header.streams
    )
    header = msgspec.structs.replace(bundled.header, streams=streams)
    with RecordingWriter(tmp_path / "odd", header, bundled.markets) as writer:
        for number, payload in enumerate(payloads):
            writer.append("polymarket.market", 0, T0 + number * NANOS_PER_SECOND, payload)
    return tmp_path / "odd"


def test_every_frame_is_accounted_for(odd: Path) -> None:
    """A frame gives events, is ignored, or is unparsed; none falls between."""
    (stream,) = [s for s in verify_recording(odd).streams if s.stream == "polymarket.market"]
    assert stream.frames == 4
    assert stream.events == 1
    assert stream.unparsed >= 1
    assert stream.events + stream.ignored + stream.unparsed == stream.frames


def restated(**facts: bool) -> str:
    """Return the sentence about a restated stream with ``facts``."""
    given = {"hashes": False, "trades": False, "twins": False} | facts
    return reservation(StreamFacts("s", "restated", 1, **given))


def test_the_sentence_about_restated_books_says_only_what_was_met() -> None:
    """Hashes, trades and twins are spoken of where they are, and nowhere else."""
    assert "hash" not in restated()
    assert "no trades" in restated()
    assert "outcomes" not in restated()
    assert "hashes it carries are not checked" in restated(hashes=True)
    assert "no trades" not in restated(trades=True)
    assert "two outcomes with each other" in restated(twins=True)


def test_a_restated_recording_without_hashes_is_not_said_to_have_them(odd: Path) -> None:
    """The sentences of a generic import follow from its frames."""
    notes = " ".join(verify_recording(odd).notes)
    assert "compared with each later snapshot" in notes
    assert "hash" not in notes


@pytest.mark.parametrize(
    "proof, says",
    [
        ("venue_hash", ""),
        ("sequence", ""),
        ("stated_best", "deeper levels are not proven"),
        ("polled", "1,234 books restated whole each time: nothing to prove"),
        ("none", "never trusted"),
    ],
)
def test_each_weak_proof_has_its_sentence(proof: ProofKind, says: str) -> None:
    """Strong proofs need none; streams without books have none."""
    facts = StreamFacts("s", proof, 1_234, hashes=False, trades=False, twins=False)
    sentence = reservation(facts)
    assert says in sentence
    assert bool(sentence) == bool(says)
    assert reservation(msgspec.structs.replace(facts, books=0)) == ""


def test_faults_of_the_sequence_are_named() -> None:
    """Kind, count and the first numbers; more of them are hinted at."""
    fault = SequenceFault("dropped", 4_000, (4, 5))
    assert sequence_fault(fault) == "frames missing: 4,000, ingest_seq 4, 5 …"
    fault = SequenceFault("duplicated", 1, (7,))
    assert sequence_fault(fault) == "frames that come a second time: 1, ingest_seq 7"


def test_a_segment_that_is_gone_is_a_gap_and_a_problem(tmp_path: Path) -> None:
    """The frames that went with a segment are missing numbers, counted and named."""
    path = Path(shutil.copytree(BUNDLED[NHL], tmp_path / "copy"))
    (path / "segments/00000001.parquet").unlink()
    report = verify_recording(path)
    assert report.gaps == 100_000
    assert any(problem.startswith("frames missing: 100,000, ") for problem in report.problems)
    assert report.problems[0].startswith("segments/00000001.parquet is missing")


def test_disagreement_comes_first() -> None:
    """The sum of all, then the books that often disagree; strong proofs are problems instead."""
    books = [
        BookCounters(market="a", title="A", proof="stated_best", verified=90, mismatched=10),
        BookCounters(market="b", title="B", proof="stated_best", verified=100),
        BookCounters(market="c", title="C", proof="venue_hash", mismatched=1),
    ]
    first, second = disagreements(books)
    assert first.startswith("10 of 200 comparisons disagreed")
    assert second.startswith("A: 10 of 100 comparisons disagreed")
    notes = verify_recording(BUNDLED[NHL]).notes
    assert "comparisons disagreed" in notes[0]
    assert notes[-1].startswith("gaps are missing sequence numbers or frames")
