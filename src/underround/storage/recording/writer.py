"""Write a recording so that a crash at any instant loses at most the last unflushed second.

The order of a roll is what makes it safe: the tail holds the frames, then the segment appears
whole, then the index names it, and only then the tail is restarted.  Between any two steps the
frames are in the tail, in an indexed segment, or in both; a reader drops what the index covers.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import TracebackType
from typing import Final, Self, get_args

import msgspec

from underround.model.errors import DiskError, RecordingError
from underround.model.frames import NANOS_PER_SECOND, Frame, FrameKind
from underround.storage.recording.disk import (
    HEADER,
    INDEX,
    MARKETS,
    SEGMENTS,
    TAIL,
    TailFile,
    disk_errors,
    publish_file,
    remove_file,
)
from underround.storage.recording.header import RecordingHeader, encode_header
from underround.storage.recording.index import RecordingIndex, encode_index
from underround.storage.recording.manifest import write_manifest
from underround.storage.recording.segment import build_segment
from underround.storage.recording.tail import encode_block

_LARGEST: Final = (1 << 63) - 1
_KINDS: Final = frozenset(get_args(FrameKind))


class WriterLimits(msgspec.Struct, frozen=True):
    """When the writer flushes and rolls.  Only the roll limits show in the finished files."""

    flush_ns: int = NANOS_PER_SECOND
    flush_bytes: int = 1 << 20
    segment_rows: int = 100_000
    segment_bytes: int = 64 << 20
    tail: bool = True
    """False for an importer that would start again after a crash: nothing is written between
    segments, which halves the work."""


class RecordingWriter:
    """Writes one new recording; a context manager that seals it when its block ends well.

    Creates the folder ``path`` (it may exist if it is empty).  Raises ``RecordingError`` when it
    is not empty or not a folder, ``DiskError`` when it cannot be written.  After a ``DiskError``
    the writer is closed; what was flushed before stays readable and ``recover`` seals it.  When
    the block of ``with`` raises, the frames are flushed and the recording is left unsealed.
    """

    def __init__(
        self,
        path: Path,
        header: RecordingHeader,
        markets: bytes,
        limits: WriterLimits | None = None,
    ) -> None:
        self.path = path
        self._header = header
        self._limits = limits or WriterLimits()
        self._streams = frozenset(stream.name for stream in header.streams)
        self._index = RecordingIndex()
        self._frames: list[Frame] = []  # since the last segment
        self._flushed = 0  # how many of them the tail holds
        self._bytes = self._unflushed_bytes = 0
        self._next_seq = self._last_ns = self._flushed_ns = 0
        self._closed = False
        head = encode_header(header)
        _take_folder(path)
        # The header comes last: a folder without one is no recording yet.
        publish_file(path / MARKETS, markets)
        publish_file(path / INDEX, encode_index(self._index))
        self._tail = TailFile(path / TAIL)
        try:
            publish_file(path / HEADER, head)
        except BaseException:
            self._abandon()  # nobody else could: the caller never gets the writer
            raise

    def append(
        self, stream: str, connection: int, recv_ns: int, payload: bytes, kind: FrameKind = "raw"
    ) -> Frame:
        """Keep one frame and return it with its ``ingest_seq``; the time also drives the flushing.

        Raises ``RecordingError`` when ``recv_ns`` decreases, the stream is not declared or a
        number does not fit (nothing is kept then), ``DiskError`` when a flush or roll fails.
        """
        if stream not in self._streams or not self._last_ns <= recv_ns <= _LARGEST:
            self._refuse(stream, recv_ns)
        if (
            self._closed
            or not 0 <= connection <= _LARGEST
            or kind not in _KINDS
            or payload.__class__ is not bytes  # another buffer would not read back from the tail
        ):
            self._refuse_content(connection, kind)
        frame = Frame(stream, connection, self._next_seq, recv_ns, payload, kind)
        if self._flushed == len(self._frames):
            self._flushed_ns = recv_ns  # the second begins with the first unflushed frame
        self._frames.append(frame)
        self._next_seq += 1
        self._last_ns = recv_ns
        self._unflushed_bytes += len(payload)
        limits = self._limits
        if (
            self._bytes + self._unflushed_bytes >= limits.segment_bytes
            or len(self._frames) >= limits.segment_rows
        ):
            self.roll()
        elif limits.tail and (
            recv_ns - self._flushed_ns >= limits.flush_ns
            or self._unflushed_bytes >= limits.flush_bytes
        ):
            self.flush()
        return frame

    @property
    def next_seq(self) -> int:
        """The ``ingest_seq`` of the next frame, which is the number of frames so far."""
        return self._next_seq

    def flush(self) -> None:
        """Hand every frame to the operating system: from here on kill −9 cannot lose it.

        A caller with idle streams calls this each second, because no frame tells the time then.
        """
        self._require_open()
        try:
            self._flush()
        except DiskError:
            self._abandon()
            raise

    def roll(self) -> None:
        """Turn the tail into a sealed segment; does nothing without frames."""
        self._require_open()
        try:
            self._roll()
        except DiskError:
            self._abandon()
            raise

    def amend(self, *, header: RecordingHeader | None = None, markets: bytes | None = None) -> None:
        """Replace the header or the catalogue with what was learned while recording.

        A new header may declare more streams, never fewer, and keeps the clock.
        """
        self._require_open()
        header = header or self._header
        streams = frozenset(stream.name for stream in header.streams)
        if not streams >= self._streams or header.clock != self._header.clock:
            raise RecordingError(
                f"the new header of {self.path} drops a stream or changes the clock: only add"
            )
        head = encode_header(header)
        try:
            if markets is not None:
                publish_file(self.path / MARKETS, markets)
            publish_file(self.path / HEADER, head)
        except DiskError:
            self._abandon()
            raise
        self._header, self._streams = header, streams

    def close(self) -> None:
        """Roll the rest and seal the recording, the manifest last; twice does no harm."""
        if self._closed:
            return
        try:
            self._roll()
            remove_file(self.path / TAIL)
            write_manifest(self.path)
        finally:
            self._abandon()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        elif not self._closed:
            # The block's own error is the news; a second one from the disk must not hide it.
            with contextlib.suppress(DiskError):
                self._flush()
            self._abandon()

    def _flush(self) -> None:
        if self._limits.tail and self._flushed < len(self._frames):
            self._tail.append(encode_block(self._frames[self._flushed :]))
        self._flushed = len(self._frames)
        self._bytes += self._unflushed_bytes
        self._unflushed_bytes = 0

    def _roll(self) -> None:
        if not self._frames:
            return
        self._flush()
        entry, data = build_segment(len(self._index.segments) + 1, self._frames)
        publish_file(self.path / entry.file, data)
        index = self._index.with_segment(entry)
        publish_file(self.path / INDEX, encode_index(index))
        self._index = index
        self._frames = []
        self._flushed = self._bytes = 0
        self._tail.restart()

    def _abandon(self) -> None:
        """Let go of the files as a crash would, without writing anything."""
        self._closed = True
        self._tail.close()

    def _require_open(self) -> None:
        if self._closed:
            raise RecordingError(f"the writer of {self.path} is closed: start a new recording")

    def _refuse(self, stream: str, recv_ns: int) -> None:
        self._require_open()
        if stream not in self._streams:
            raise RecordingError(f"{self.path} declares no stream {stream!r}: amend its header")
        if recv_ns < self._last_ns:
            raise RecordingError(
                f"recv_ns went back from {self._last_ns} to {recv_ns} in stream {stream}: "
                "merge sources before writing"
            )
        raise RecordingError(f"recv_ns {recv_ns} is beyond 63 bits: times are Unix nanoseconds")

    def _refuse_content(self, connection: int, kind: str) -> None:
        self._require_open()
        if not 0 <= connection <= _LARGEST:
            raise RecordingError(f"connection {connection} does not count from 0 within 63 bits")
        if kind not in _KINDS:
            raise RecordingError(f"frame kind {kind!r} is neither raw nor reconstructed")
        raise RecordingError("a frame's payload must be bytes: convert it before appending")


def _take_folder(path: Path) -> None:
    with disk_errors(path):
        if path.exists() and not path.is_dir():
            raise RecordingError(f"{path} is a file: name a new folder for the recording")
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise RecordingError(f"{path} is not empty: name a new folder for the recording")
        (path / SEGMENTS).mkdir()
