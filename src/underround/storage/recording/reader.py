"""Open a recording and stream its frames in order, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import polars as pl

from underround.model.errors import RecordingCorrupt, RecordingError
from underround.model.frames import Frame
from underround.storage.recording.disk import HEADER, INDEX, MANIFEST, MARKETS, TAIL
from underround.storage.recording.header import (
    RecordingHeader,
    Span,
    check_version,
    decode_header,
)
from underround.storage.recording.index import RecordingIndex, SegmentEntry, decode_index
from underround.storage.recording.manifest import check_small_files
from underround.storage.recording.segment import (
    BATCH_ROWS,
    SCHEMA,
    check_segment,
    read_columns,
    rows_between,
    to_frames,
)
from underround.storage.recording.tail import TailContent, decode_tail, joined


class Recording:
    """A recording that can be read: sealed, still being written, or left behind by a crash.

    An unsealed recording is read as it was when it was opened.
    """

    def __init__(
        self, path: Path, header: RecordingHeader, index: RecordingIndex, tail: TailContent
    ) -> None:
        self.path = path
        self.header = header
        self.index = index
        self.tail = joined(tail.frames, index.next_seq)
        """Frames that no sealed segment holds yet."""
        self.dropped_tail_bytes = tail.dropped_bytes
        """Bytes at the end of the tail that could not be read; 0 unless a crash tore a block."""
        self._checked: set[str] = set()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the recording in the folder ``path``.

        Raises ``RecordingError`` when it is not a recording this program can read, and its
        subclass ``RecordingCorrupt`` when a file is missing or has the wrong length, or a file of
        a sealed recording, its segments aside, is not the one that was sealed (segments are
        checked when they are read).  A torn tail is no error and neither is a recording without a
        manifest: see ``sealed``, ``dropped_tail_bytes`` and ``notices``.
        """
        head = _read_header(path)
        check_version(head, str(path / HEADER))  # another version may seal in another way
        sealed = (path / MANIFEST).exists()
        if sealed:
            check_small_files(path)
        header = decode_header(head, str(path / HEADER))
        # The tail before the index: a running writer then can only make us see frames twice.
        tail = TailContent([], 0, 0) if sealed else read_tail(path)
        index = decode_index(_read(path / INDEX), str(path / INDEX))
        for segment in index.segments:
            _check_length(path / segment.file, segment)
        return cls(path, header, index, tail)

    @property
    def sealed(self) -> bool:
        """Whether the recording was closed, and has a manifest."""
        return (self.path / MANIFEST).exists()

    @property
    def markets(self) -> bytes:
        """The catalogue's bytes, as they were given to the writer."""
        return _read(self.path / MARKETS)

    @property
    def rows(self) -> int:
        """Frames in the recording, the tail included."""
        return self.index.rows + len(self.tail)

    @property
    def span(self) -> Span | None:
        """From the first frame to one nanosecond after the last; ``None`` without frames."""
        times = [(s.first_recv_ns, s.last_recv_ns) for s in self.index.segments]
        if self.tail:
            times.append((self.tail[0].recv_ns, self.tail[-1].recv_ns))
        return Span(times[0][0], times[-1][1] + 1) if times else None

    @property
    def notices(self) -> tuple[str, ...]:
        """What an operator should know about the state of the files; one sentence each."""
        notices = []
        if not self.sealed:
            notices.append(
                f"{self.path} holds no {MANIFEST}: it was not closed, or the file is lost; it can "
                "be read, but nothing proves that its catalogue and header are what was recorded"
            )
        if self.dropped_tail_bytes:
            notices.append(
                f"{self.path / TAIL} ends in {self.dropped_tail_bytes} bytes that cannot be read: "
                "the frames before them are used"
            )
        return tuple(notices)

    def frames(self, start_ns: int | None = None, end_ns: int | None = None) -> Iterator[Frame]:
        """Yield the frames with ``start_ns ≤ recv_ns < end_ns`` in order of ``ingest_seq``.

        Holds one batch of rows at a time.  Raises ``RecordingCorrupt`` before the first frame of
        a segment whose bytes are not those the index promises.
        """
        for path, table in self._segment_batches(tuple(SCHEMA), start_ns, end_ns):
            yield from to_frames(table, path)
        yield from _within(self.tail, start_ns, end_ns)

    def columns(self, *names: str) -> Iterator[pl.DataFrame]:
        """Yield batches of the named columns of all frames, in order."""
        for _, table in self._segment_batches(names, None, None):
            yield table
        if self.tail:
            values = {name: [getattr(frame, name) for frame in self.tail] for name in names}
            yield pl.DataFrame(values, schema={name: SCHEMA[name] for name in names})

    def _segment_batches(
        self, columns: Sequence[str], start_ns: int | None, end_ns: int | None
    ) -> Iterator[tuple[Path, pl.DataFrame]]:
        for segment in self.index.segments:
            if start_ns is not None and segment.last_recv_ns < start_ns:
                continue
            if end_ns is not None and segment.first_recv_ns >= end_ns:
                return
            path = self.path / segment.file
            if segment.file not in self._checked:
                check_segment(path, segment)
                self._checked.add(segment.file)
            first, end = rows_between(path, segment, start_ns, end_ns)
            while first < end:
                # Batches end where row groups end, so that each is decoded once.
                stop = min(end, (first // BATCH_ROWS + 1) * BATCH_ROWS)
                yield path, _read_exactly(path, columns, first, stop)
                first = stop


def read_tail(path: Path) -> TailContent:
    """Return what the tail of the recording in ``path`` holds; empty when there is none."""
    try:
        return decode_tail((path / TAIL).read_bytes())
    except FileNotFoundError:
        return TailContent([], 0, 0)
    except OSError as error:
        raise RecordingError(
            f"{path / TAIL} could not be read: {error.strerror or error}"
        ) from None


def _read_exactly(path: Path, columns: Sequence[str], first: int, stop: int) -> pl.DataFrame:
    table = read_columns(path, columns, first, stop - first)
    if table.height != stop - first:
        raise RecordingCorrupt(f"{path} holds fewer rows than the index promises")
    return table


def _within(frames: Sequence[Frame], start_ns: int | None, end_ns: int | None) -> Iterator[Frame]:
    for frame in frames:
        if start_ns is not None and frame.recv_ns < start_ns:
            continue
        if end_ns is not None and frame.recv_ns >= end_ns:
            return
        yield frame


def _read_header(path: Path) -> bytes:
    try:
        if not path.exists():
            raise RecordingError(f"there is no recording at {path}: no such folder")
        if not path.is_dir():
            raise RecordingError(
                f"{path} is a file and a recording is a folder: import the file first, or name "
                "the folder"
            )
        if not (path / HEADER).exists():
            raise RecordingError(f"{path} is not a recording: the folder holds no {HEADER}")
    except OSError as error:
        raise RecordingError(f"{path} could not be read: {error.strerror or error}") from None
    return _read(path / HEADER)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise RecordingCorrupt(f"{path} is missing: restore the file from a copy") from None
    except OSError as error:
        raise RecordingError(f"{path} could not be read: {error.strerror or error}") from None


def _check_length(path: Path, segment: SegmentEntry) -> None:
    try:
        length = path.stat().st_size
    except OSError:
        raise RecordingCorrupt(f"{path} is missing: restore the segment from a copy") from None
    if length != segment.bytes:
        raise RecordingCorrupt(
            f"{path} is {length} bytes long and the index promises {segment.bytes}: restore the "
            "segment from a copy"
        )
