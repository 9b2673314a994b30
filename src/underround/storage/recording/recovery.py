"""Turn what a crash left behind into a sealed recording."""

from __future__ import annotations

from pathlib import Path

import msgspec

from underround.storage.recording.disk import (
    INDEX,
    SEGMENTS,
    TAIL,
    TEMPORARY,
    UNREADABLE,
    TailFile,
    publish_file,
    remove_file,
)
from underround.storage.recording.index import encode_index
from underround.storage.recording.manifest import write_manifest
from underround.storage.recording.reader import Recording
from underround.storage.recording.segment import build_segment


class Recovery(msgspec.Struct, frozen=True):
    """What ``recover`` did."""

    already_sealed: bool
    frames_from_tail: int
    unreadable_bytes: int
    """Bytes of the tail that no frame could be read from; kept as ``tail.unreadable``."""


def recover(path: Path) -> Recovery:
    """Seal the recording in ``path``; a sealed one is left alone, so doing it twice is safe.

    May itself be interrupted anywhere and started again.  Raises ``RecordingError`` when ``path``
    is not a recording or a running process is writing it, ``DiskError`` when it cannot be written.
    """
    nothing = Recovery(already_sealed=True, frames_from_tail=0, unreadable_bytes=0)
    if Recording.open(path).sealed:
        return nothing
    tail = TailFile(path / TAIL)
    try:
        # Opened again under the lock: the first look may have met a writer about to finish.
        recording = Recording.open(path)
        if recording.sealed:
            remove_file(path / TAIL)
            return nothing
        return _seal(recording)
    finally:
        tail.close()


def _seal(recording: Recording) -> Recovery:
    path, index = recording.path, recording.index
    dropped = recording.dropped_tail_bytes
    if dropped:
        publish_file(path / UNREADABLE, (path / TAIL).read_bytes()[-dropped:])
    if recording.tail:
        # The same frames and the same number give the bytes a finished roll would have given.
        entry, data = build_segment(len(index.segments) + 1, recording.tail)
        publish_file(path / entry.file, data)
        index = index.with_segment(entry)
        publish_file(path / INDEX, encode_index(index))
    _remove_leftovers(path, {segment.file for segment in index.segments})
    remove_file(path / TAIL)
    write_manifest(path)
    return Recovery(
        already_sealed=False, frames_from_tail=len(recording.tail), unreadable_bytes=dropped
    )


def _remove_leftovers(path: Path, indexed: set[str]) -> None:
    """Remove temporary files, and segments whose frames the tail still held or never got."""
    for leftover in path.rglob(f"*{TEMPORARY}"):
        remove_file(leftover)
    for segment in (path / SEGMENTS).glob("*.parquet"):
        if segment.relative_to(path).as_posix() not in indexed:
            remove_file(segment)
