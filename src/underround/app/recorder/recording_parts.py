"""The parts of a live recording: their names, headers and catalogues, and what a crash left.

A part is a whole recording.  Its catalogue has every market that was followed while it was written,
each with the price grid it had when the part, or the market within it, began.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from underround import __version__
from underround.model.errors import RecordingError, UnderroundError
from underround.model.ids import GroupId, MarketId
from underround.model.market import Catalogue, EventGroup, Market, Resolution, encode_catalogue
from underround.model.units import Nanos
from underround.storage.recording import (
    Recording,
    RecordingHeader,
    Recovery,
    Span,
    StreamHeader,
    recover,
)
from underround.storage.recording.disk import HEADER

LICENCE: Final = (
    "none stated: the venues' terms of use hold; for use on this machine, not to be passed on"
)
_PART: Final = re.compile(r"(.+)-part-(\d{4,})")
_UNNAMEABLE: Final = re.compile(r"[^a-z0-9._]+")


def name_of_recording(asked: Sequence[str]) -> str:
    """Return a folder's name for what was asked for, the same for the same words."""
    names = [_UNNAMEABLE.sub("-", each.casefold()).strip("-._") for each in asked]
    first = next(filter(None, names), "recording")[:60].rstrip("-._")
    return first if len(names) < 2 else f"{first}-and-{len(names) - 1}-more"


class Stretch(msgspec.Struct):
    """When something was asked of a stream, within a part."""

    since_ns: Nanos
    until_ns: Nanos | None = None
    """``None``: still."""


class Part(msgspec.Struct):
    """One part, while it is written and after."""

    number: int
    path: Path
    began_ns: Nanos
    markets: dict[MarketId, Market]
    groups: dict[GroupId, EventGroup]
    resolutions: dict[MarketId, Resolution]
    asked: dict[str, Stretch]
    """By stream; a stream that is not here was never used."""
    ended_ns: Nanos | None = None
    sealed: bool = False

    def use(self, streams: Iterable[str], now: Nanos) -> bool:
        """Note which streams are wanted now; returns whether one is for the first time."""
        wanted = set(streams)
        fresh = wanted - self.asked.keys()
        for stream in fresh:
            self.asked[stream] = Stretch(now)
        for stream, stretch in self.asked.items():
            if stream in wanted:
                stretch.until_ns = None
            elif stretch.until_ns is None:
                stretch.until_ns = now
        return bool(fresh)

    def catalogue(self) -> bytes:
        """Return ``markets.json``, with the groups of which every market is here."""
        groups = [
            group for group in self.groups.values() if self.markets.keys() >= set(group.markets)
        ]
        catalogue = Catalogue(
            tuple(self.markets.values()), tuple(groups), tuple(self.resolutions.values())
        )
        return encode_catalogue(catalogue)

    def header(
        self, streams: Sequence[StreamHeader], sources: Mapping[str, str]
    ) -> RecordingHeader:
        """Return the header as of now; ``sources`` are the venues with their addresses."""
        end = self.ended_ns
        return RecordingHeader(
            name=self.path.name,
            clock="receive",
            created_by=f"underround {__version__}, record",
            source=", ".join(f"{name} {_bare(url)}" for name, url in sources.items()),
            licence=LICENCE,
            attribution=", ".join(sources),
            streams=tuple(self._stream(each) for each in streams),
            requested=None if end is None else Span(self.began_ns, end),
            notes=(
                f"part {self.number} of a live recording; an empty frame opens a connection "
                "without a socket, or another one on the same socket where a part begins"
            ),
        )

    def _stream(self, stream: StreamHeader) -> StreamHeader:
        """Return the stream with what was asked of it: of a spare socket, nothing."""
        stretch = self.asked.get(stream.name)
        if stretch is None:
            asked = Span(self.began_ns, self.began_ns) if stream.silence_ms is not None else None
            return msgspec.structs.replace(stream, requested=asked)
        until = stretch.until_ns if stretch.until_ns is not None else self.ended_ns
        if until is None or (stretch.since_ns == self.began_ns and until == self.ended_ns):
            return stream  # all of the part
        return msgspec.structs.replace(stream, requested=Span(stretch.since_ns, until))


def _bare(url: str) -> str:
    """Return where a stream comes from without anything that may be a secret."""
    told = urlsplit(url)
    return f"{told.scheme}://{told.hostname or ''}"


# --- folders -----------------------------------------------------------------------------------


def part_path(out: Path, name: str, number: int) -> Path:
    """Return the folder of a part."""
    return out / f"{name}-part-{number:04d}"


def next_number(out: Path, name: str) -> int:
    """Return the number after the last part of this name, whatever became of that."""
    numbers = [
        int(match[2])
        for place in (out.iterdir() if out.is_dir() else ())
        if (match := _PART.fullmatch(place.name)) is not None and match[1] == name
    ]
    return max(numbers, default=0) + 1


def recover_unfinished(out: Path, name: str) -> list[tuple[Path, Recovery]]:
    """Seal the parts in ``out`` that a crash left, and return them.

    A part of another name that a running process is writing is left alone; one of this name raises
    ``RecordingError``.  Raises ``DiskError`` when one cannot be sealed.
    """
    found: list[tuple[Path, Recovery]] = []
    for place in sorted(out.iterdir()) if out.is_dir() else ():
        match = _PART.fullmatch(place.name)
        if match is None or not (place / HEADER).exists():
            continue
        try:
            if not Recording.open(place).sealed:
                found.append((place, recover(place)))
        except RecordingError:
            if match[1] == name:
                raise
    return found


def sealed_or_why_not(path: Path) -> str:
    """Seal what a failed write left; returns why that did not work, empty if it did."""
    try:
        recover(path)
    except UnderroundError as error:
        return str(error)
    return ""
