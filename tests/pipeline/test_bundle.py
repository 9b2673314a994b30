"""The recordings that ship with the package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from underround.model.events import MarketEvent
from underround.model.market import decode_catalogue
from underround.pipeline.bundle import BUNDLES, rebuild_all
from underround.pipeline.bundled import BUNDLED, DEFAULT, NHL, RECORDINGS, WEATHER
from underround.storage.recording import Recording, verify_files
from underround.venues.codec import Decoder, Tokens
from underround.venues.kalshi.codec import KalshiDecoder
from underround.venues.polymarket.codec import PolymarketDecoder

DECODERS: dict[str, Callable[[Tokens], Decoder]] = {
    "polymarket": PolymarketDecoder,
    "kalshi": KalshiDecoder,
}


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below ``folder``."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("name", sorted(BUNDLED))
def test_a_bundled_recording_is_whole_and_carries_its_licence(name: str) -> None:
    """Digests and numbers hold; licence, attribution and losses are told."""
    report = verify_files(BUNDLED[name])
    assert report.ok
    assert all(file.state == "ok" for file in report.files)
    header = Recording.open(BUNDLED[name]).header
    assert (header.name, header.licence) == (name, "MIT")
    assert header.attribution
    assert header.lost
    licence = (BUNDLED[name] / "LICENCE.txt").read_text()
    assert "Permission is hereby granted" in licence
    assert "Copyright (c) 2026" in licence


@pytest.mark.parametrize("name", sorted(BUNDLED))
def test_every_bundled_frame_decodes(name: str) -> None:
    """No frame of a stream with a codec is refused or speaks of an unknown market."""
    recording = Recording.open(BUNDLED[name])
    tokens = decode_catalogue(recording.markets).by_token()
    decoders = {
        stream.name: DECODERS[stream.codec](tokens)
        for stream in recording.header.streams
        if stream.codec != "none"
    }
    kinds: dict[str, int] = {}
    for frame in recording.frames():
        events: list[MarketEvent] = []
        if frame.stream in decoders:
            events.extend(decoders[frame.stream].decode(frame.payload))
        for event in events:
            kinds[type(event).__name__] = kinds.get(type(event).__name__, 0) + 1
    expected = {
        NHL: {"LevelsChanged": 103_183, "TradePrinted": 483},
        WEATHER: {"BookSnapshot": 8_990},
    }
    assert kinds == expected[name]


def test_what_is_bundled_is_small_and_complete() -> None:
    """Both recordings are there, one is the default, and together they stay below 3 MB."""
    assert DEFAULT in BUNDLED
    assert {bundle.name for bundle in BUNDLES} == set(BUNDLED)
    assert {path.name for path in RECORDINGS.iterdir()} == set(BUNDLED)
    assert sum(len(data) for data in contents(RECORDINGS).values()) < 3_000_000


@pytest.mark.shared
def test_the_bundle_is_rebuilt_byte_for_byte(shared: Path, tmp_path: Path) -> None:
    """The sources and this code give exactly the files that ship."""
    rebuild_all(shared, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(RECORDINGS)
