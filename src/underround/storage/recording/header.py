"""``recording.json``: what was recorded, on whose clock, under which licence, and what was lost."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from underround.model.errors import RecordingError
from underround.model.frames import Clock, FrameKind
from underround.model.run import ProofKind

FORMAT_VERSION: Final = 1

Proof = ProofKind
"""How a book built from the stream can be proven: see ``underround.model.run.ProofKind``."""

Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
"""A number that every column and every reader of the format can hold."""


class Span(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The time from ``start_ns`` (included) to ``end_ns`` (excluded)."""

    start_ns: Count
    end_ns: Count

    def __post_init__(self) -> None:
        if self.end_ns < self.start_ns:
            raise ValueError(f"the span ends ({self.end_ns}) before it starts ({self.start_ns})")


class StreamHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One declared stream of a recording."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    rank: int
    """Orders frames of equal time when streams are merged; the lower rank comes first."""
    codec: str
    """Names the codec that understands the payloads; opaque here."""
    proof: Proof
    kind: FrameKind
    requested: Span | None = None
    """What was asked of this stream, where it differs from the recording's span."""
    silence_ms: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Longer silences are gaps; ``None`` for a stream that may be silent for any time."""


class RecordingHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of ``recording.json``."""

    name: Annotated[str, msgspec.Meta(min_length=1)]
    clock: Clock
    created_by: str
    source: str
    licence: str
    attribution: str
    streams: tuple[StreamHeader, ...]
    requested: Span | None = None
    """What the recorder or importer was asked for; ``None`` when it was open-ended."""
    lost: tuple[str, ...] = ()
    """Plain sentences: what the importer could not keep.  Empty means lossless."""
    notes: str = ""
    format: Literal[1] = FORMAT_VERSION

    def __post_init__(self) -> None:
        names = [stream.name for stream in self.streams]
        if len(set(names)) != len(names):
            raise ValueError("two streams have the same name")

    def stream(self, name: str) -> StreamHeader:
        """Return the declared stream ``name``; raises ``RecordingError`` when there is none."""
        for stream in self.streams:
            if stream.name == name:
                return stream
        raise RecordingError(f"recording {self.name!r} declares no stream {name!r}")


class _Version(msgspec.Struct):
    """Read before anything else, because another version may have other fields."""

    format: int


_version = msgspec.json.Decoder(_Version)
_header = msgspec.json.Decoder(RecordingHeader, strict=True)


def encode_header(header: RecordingHeader) -> bytes:
    """Return the bytes of ``recording.json``; the same header always gives the same bytes."""
    try:
        text = msgspec.json.encode(header)
        # Decoding what was encoded enforces the annotated bounds, which constructors do not check.
        _header.decode(text)
    except (msgspec.MsgspecError, UnicodeEncodeError) as error:
        raise RecordingError(f"the header of recording {header.name!r} is wrong: {error}") from None
    return msgspec.json.format(text, indent=2) + b"\n"


def check_version(data: bytes, place: str) -> None:
    """Raise ``RecordingError`` if ``data`` is the header of another version of the format.

    What is no header at all passes: ``decode_header`` says what is wrong with it.
    """
    try:
        version = _version.decode(data).format
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return
    if version != FORMAT_VERSION:
        raise RecordingError(
            f"{place} has format version {version} and this program reads version "
            f"{FORMAT_VERSION}: use the program that wrote it, or a newer one"
        )


def decode_header(data: bytes, place: str) -> RecordingHeader:
    """Return the header in ``data``; raises ``RecordingError`` that names ``place``."""
    check_version(data, place)
    try:
        return _header.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RecordingError(f"{place} is not a recording's header: {error}") from None
