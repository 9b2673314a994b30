"""Small recordings for the tests of the recording format."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from underround.model.frames import Frame
from underround.storage.recording import (
    Recording,
    RecordingHeader,
    RecordingIndex,
    RecordingWriter,
    SegmentEntry,
    StreamHeader,
    WriterLimits,
)
from underround.storage.recording.disk import INDEX
from underround.storage.recording.index import encode_index
from underround.storage.recording.manifest import write_manifest
from underround.storage.recording.segment import build_segment

T0 = 1_700_000_000_000_000_000
MARKETS = b'{"markets": []}'
STREAMS = ("a.books", "b.trades", "c.spot")
SMALL = WriterLimits(flush_bytes=1, segment_rows=4)


def header_of(**changes: object) -> RecordingHeader:
    """Return a valid header of three streams, with ``changes``."""
    header = RecordingHeader(
        name="test",
        clock="receive",
        created_by="tests",
        source="made up",
        licence="MIT",
        attribution="nobody",
        streams=tuple(
            StreamHeader(name=name, rank=rank, codec="test", proof="none", kind="raw")
            for rank, name in enumerate(STREAMS)
        ),
    )
    return msgspec.structs.replace(header, **changes)


def frames_of(count: int, step_ns: int = 1_000_000) -> list[Frame]:
    """Return frames of all streams in turn."""
    return [
        Frame(STREAMS[n % 3], n // 5, n, T0 + n * step_ns, b'{"n": %d}' % n, "raw")
        for n in range(count)
    ]


def append_all(writer: RecordingWriter, frames: Sequence[Frame]) -> None:
    """Append the parts of ``frames``."""
    for frame in frames:
        writer.append(frame.stream, frame.connection, frame.recv_ns, frame.payload, frame.kind)


def write(
    path: Path,
    frames: Sequence[Frame],
    limits: WriterLimits = SMALL,
    header: RecordingHeader | None = None,
) -> Path:
    """Write a sealed recording and return its folder."""
    with RecordingWriter(path, header or header_of(), MARKETS, limits) as writer:
        append_all(writer, frames)
    return path


def crashed(path: Path, frames: Sequence[Frame], limits: WriterLimits = SMALL) -> Path:
    """Write a recording whose process ended after the last append, and return its folder."""
    writer = RecordingWriter(path, header_of(), MARKETS, limits)
    append_all(writer, frames)
    writer._abandon()
    return path


def rebuild(path: Path, number: int, frames: Sequence[Frame]) -> SegmentEntry:
    """Replace the bytes of one sealed segment and leave index and manifest as they were."""
    entry, data = build_segment(number, frames)
    (path / entry.file).write_bytes(data)
    return entry


def reseal(path: Path, entries: Sequence[SegmentEntry]) -> None:
    """Make index and manifest agree with rebuilt segments, as a faulty writer would."""
    (path / INDEX).write_bytes(encode_index(RecordingIndex(segments=tuple(entries))))
    write_manifest(path)


def read(path: Path) -> list[Frame]:
    """Return every frame of the recording in ``path``."""
    return list(Recording.open(path).frames())


@contextmanager
def folder() -> Iterator[Path]:
    """Give a new folder to one example of a property test."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)
