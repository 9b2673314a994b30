"""What an importer makes of its source: a header, a catalogue and frames in total order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from underround.model.frames import FrameKind
from underround.model.market import Catalogue
from underround.storage.recording import RecordingHeader, StreamHeader, merge_keyed

CREATED_BY = "underround import"


class FramePart(NamedTuple):
    """A frame before the writer numbers it; times on the clock that the header declares."""

    stream: str
    connection: int
    recv_ns: int
    payload: bytes
    kind: FrameKind


class ImportOptions(msgspec.Struct, frozen=True):
    """What the operator says besides the source."""

    mapping: Path | None = None
    """The TOML file that explains the columns; needed by ``generic`` and read by nothing else."""


class ImportPlan(msgspec.Struct, frozen=True):
    """One recording to be written.

    ``frames`` reads the source lazily, once, and never goes back in time; it raises
    ``ImportRefused`` at the first row that is not what the importer expects.
    """

    header: RecordingHeader
    catalogue: Catalogue
    frames: Iterator[FramePart]


Read = Callable[[Path, ImportOptions], ImportPlan]
"""Raises ``ImportRefused`` (one sentence: file, line, remedy) for a source it cannot read."""
Sessions = Callable[[Path], tuple[tuple[str, Path], ...]]
"""The recordings a source holds: (folder below the target, source of that one).  One with an
empty name is the target itself."""


def single(source: Path) -> tuple[tuple[str, Path], ...]:
    """Say that ``source`` is one recording."""
    return (("", source),)


def merged(
    sources: Sequence[Iterable[FramePart]], streams: Sequence[StreamHeader]
) -> Iterator[FramePart]:
    """Yield the parts of all sources in one total order, times never decreasing.

    Each source keeps its own order: a part stamped earlier than its predecessor takes the
    predecessor's time (the payload keeps its own).  At equal times the stream of lower rank comes
    first, then the earlier source.
    """
    ranks = {stream.name: stream.rank for stream in streams}
    for key, part in merge_keyed(sources, ranks=[ranks] * len(sources)):
        yield part if part.recv_ns == key.key_ns else part._replace(recv_ns=key.key_ns)
