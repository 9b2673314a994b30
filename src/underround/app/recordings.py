"""Recordings by name or path, what they hold, and who understands their streams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from underround.app.live.follows import CODEC as FOLLOWS
from underround.app.live.follows import FollowsDecoder
from underround.model.errors import RecordingCorrupt, RecordingError
from underround.model.market import Catalogue, decode_catalogue
from underround.model.run import Gap, StreamCoverage
from underround.pipeline.bundled import BUNDLED, DEFAULT
from underround.simulation.replay import Decoder
from underround.storage.recording import CoverageReport, Recording, coverage
from underround.venues.binance.codec import BinanceDecoder
from underround.venues.codec import Tokens
from underround.venues.coinbase.codec import CoinbaseDecoder
from underround.venues.kalshi.codec import KalshiDecoder
from underround.venues.polymarket.codec import PolymarketDecoder
from underround.venues.polymarket.rtds import RtdsDecoder

CODECS: Final[dict[str, Callable[[Tokens], Decoder]]] = {
    "polymarket": PolymarketDecoder,
    "rtds": RtdsDecoder,
    "kalshi": KalshiDecoder,
    "binance": BinanceDecoder,
    "coinbase": CoinbaseDecoder,
    FOLLOWS: FollowsDecoder,
}
HEADER: Final = "recording.json"
KEPT_ONLY: Final = "none"
"""The codec name of streams that are kept but not interpreted."""


class RecordingInfo(msgspec.Struct, kw_only=True):
    """What ``recording info`` shows."""

    path: str
    name: str
    clock: str
    source: str
    licence: str
    attribution: str
    notes: str
    lost: list[str]
    sealed: bool
    frames: int
    bytes: int
    first_ns: int | None
    last_ns: int | None
    markets: int
    groups: int
    exhaustive_groups: int
    resolutions: int
    streams: list[StreamCoverage]
    notices: list[str]


def resolve_recordings(names: Sequence[str]) -> list[Path]:
    """Return the folders of bundled recordings or paths; nothing named: the default bundled one.

    A folder that holds recordings stands for all of them, in order of name.  Raises
    ``RecordingError`` naming the bundled ones when something is neither.
    """
    return [path for name in names or (DEFAULT,) for path in _resolve(name)]


def _resolve(name: str) -> list[Path]:
    path = Path(name)
    if path.exists():
        if path.is_dir() and not (path / HEADER).exists():
            inside = sorted(header.parent for header in path.glob(f"*/{HEADER}"))
            return inside or [path]
        return [path]
    if name in BUNDLED:
        return [BUNDLED[name]]
    known = ", ".join(sorted(BUNDLED))
    raise RecordingError(
        f"there is no recording {name}: give the folder of one, or a bundled name ({known})"
    )


def read_catalogue(recording: Recording) -> Catalogue:
    """Return the markets of a recording; ``RecordingCorrupt`` when they cannot be read."""
    try:
        return decode_catalogue(recording.markets)
    except (msgspec.MsgspecError, ValueError) as error:
        raise RecordingCorrupt(
            f"the markets of recording {recording.header.name} cannot be read ({error}): "
            "import it again"
        ) from error


def decoder_for(codec: str, stream: str, tokens: Tokens) -> Decoder | None:
    """Return the decoder a stream names; ``None`` for streams that are only kept."""
    if codec == KEPT_ONLY:
        return None
    make = CODECS.get(codec)
    if make is None:
        known = ", ".join(sorted(CODECS))
        raise RecordingError(
            f"stream {stream} names the codec {codec}, which this version does not know "
            f"({known}): update underround or correct recording.json"
        )
    return make(tokens)


def stream_coverage(report: CoverageReport) -> list[StreamCoverage]:
    """Return coverage in the terms of a run's summary."""
    return [
        StreamCoverage(
            stream=stream.stream,
            frames=stream.frames,
            requested_from_ns=stream.requested.start_ns if stream.requested else None,
            requested_to_ns=stream.requested.end_ns if stream.requested else None,
            first_ns=stream.present.start_ns if stream.present else None,
            last_ns=stream.present.end_ns - 1 if stream.present else None,
            gaps=tuple(Gap(gap.stream, gap.start_ns, gap.end_ns) for gap in stream.gaps),
            covered=stream.covered,
        )
        for stream in report.streams
    ]


def recording_info(path: Path) -> RecordingInfo:
    """Return what a recording says of itself and what it covers."""
    recording = Recording.open(path)
    catalogue = read_catalogue(recording)
    header = recording.header
    span = recording.span
    return RecordingInfo(
        path=str(path),
        name=header.name,
        clock=header.clock,
        source=header.source,
        licence=header.licence,
        attribution=header.attribution,
        notes=header.notes,
        lost=list(header.lost),
        sealed=recording.sealed,
        frames=recording.rows,
        bytes=sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
        first_ns=span.start_ns if span else None,
        last_ns=span.end_ns - 1 if span else None,
        markets=len(catalogue.markets),
        groups=len(catalogue.groups),
        exhaustive_groups=sum(group.exhaustive for group in catalogue.groups),
        resolutions=len(catalogue.resolutions),
        streams=stream_coverage(coverage(recording)),
        notices=list(recording.notices),
    )
