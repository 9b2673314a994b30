"""``index.json``: what each sealed segment holds, so that a reader touches only what it needs."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from underround.model.errors import RecordingCorrupt
from underround.storage.recording.header import Count


class StreamSpan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The frames of one stream within one segment."""

    name: str
    frames: Annotated[int, msgspec.Meta(ge=1)]
    first_recv_ns: Count
    last_recv_ns: Count


class SegmentEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sealed segment; both ends of every range are included."""

    # The pattern keeps a hostile index from naming a file outside the recording.
    file: Annotated[str, msgspec.Meta(pattern=r"^segments/[0-9]{8}\.parquet$")]
    rows: Annotated[int, msgspec.Meta(ge=1)]
    bytes: Count
    crc32: Annotated[int, msgspec.Meta(ge=0, le=0xFFFFFFFF)]
    """Of the whole file, checked before a Parquet reader sees it: Polars aborts the process on
    some damaged files instead of raising."""
    first_recv_ns: Count
    last_recv_ns: Count
    first_ingest_seq: Count
    last_ingest_seq: Count
    streams: tuple[StreamSpan, ...]


class RecordingIndex(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The sealed segments in order."""

    segments: tuple[SegmentEntry, ...] = ()
    format: Literal[1] = 1

    @property
    def rows(self) -> int:
        """Frames in sealed segments."""
        return sum(segment.rows for segment in self.segments)

    @property
    def next_seq(self) -> int:
        """The first ``ingest_seq`` that no sealed segment covers."""
        return self.segments[-1].last_ingest_seq + 1 if self.segments else 0

    def with_segment(self, segment: SegmentEntry) -> RecordingIndex:
        """Return this index with ``segment`` at its end."""
        return RecordingIndex(segments=(*self.segments, segment))


_index = msgspec.json.Decoder(RecordingIndex, strict=True)


def encode_index(index: RecordingIndex) -> bytes:
    """Return the bytes of ``index.json``; the same index always gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(index), indent=1) + b"\n"


def decode_index(data: bytes, place: str) -> RecordingIndex:
    """Return the index in ``data``; raises ``RecordingCorrupt`` that names ``place``."""
    try:
        return _index.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RecordingCorrupt(
            f"{place} is not a recording's index: {error}; restore the file from a copy"
        ) from None
