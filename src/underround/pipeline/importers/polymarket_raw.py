"""Raw CLOB, RTDS, Binance, Coinbase and Pyth payloads with receive times.

Reads a session folder (``raw_messages.jsonl``, ``markets.jsonl`` and, where there is one,
``settlement_reconciliation.json``) or the folder of all sessions, which becomes one recording per
session.  Payloads are kept byte for byte.  Lost: what the recorder itself did not take, because it
sampled each source in short bursts once a minute, and which of two messages of different sources
came first within a millisecond.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from underround.model.fees import FeeCurve, NoFees, polymarket_fees
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import POLYMARKET, MarketId
from underround.model.market import CENT, Catalogue, Market, Resolution, TickBand, TickEpoch
from underround.model.units import ONE
from underround.pipeline.importers.plan import (
    CREATED_BY,
    FramePart,
    ImportOptions,
    ImportPlan,
    merged,
)
from underround.pipeline.importers.quantities import iso_ns, micros_of, number_text
from underround.pipeline.importers.source import (
    Place,
    decoder,
    json_lines,
    present,
    required,
)
from underround.storage.recording import RecordingHeader, StreamHeader

NAME: Final = "polymarket-raw"

_MESSAGES: Final = "raw_messages.jsonl"
_BLOCK: Final = 1_000_000
"""The recorder numbers each burst from the next million: a burst is a connection."""
_MARKET: Final = "polymarket.market"
_REST: Final = "polymarket.rest"
_STREAMS: Final = {
    "polymarket_rtds_chainlink": "polymarket.rtds",
    "binance": "binance.spot",
    "coinbase": "coinbase.ticker",
    "pyth_proxy": "pyth.proxy",
}
_CLOB: Final = "polymarket_clob"
_HEADERS: Final = (
    StreamHeader(_MARKET, 0, "polymarket", "venue_hash", "raw"),
    StreamHeader(_REST, 1, "polymarket", "venue_hash", "raw"),
    StreamHeader("polymarket.rtds", 2, "rtds", "none", "raw"),
    StreamHeader("binance.spot", 3, "binance", "none", "raw"),
    StreamHeader("coinbase.ticker", 4, "coinbase", "none", "raw"),
    StreamHeader("pyth.proxy", 5, "none", "none", "raw"),
)
_LOST: Final = (
    (
        "The recorder sampled each source in short bursts about once a minute; what was "
        "sent between the bursts was never recorded."
    ),
    "Each burst is taken to be one connection, because each begins with a new subscription.",
    (
        "Receive times are the recorder's wall clock in microseconds; within one source "
        "its own order is kept, between sources the order within a millisecond is unsure."
    ),
    (
        "Whether a market belongs to a neg-risk event is not in the source's catalogue; "
        "the venue's own books say it is not, and so does the catalogue."
    ),
)


class _Message(msgspec.Struct):
    run_id: str
    source: str
    recv_wall_ts: int
    recv_mono_ns: int
    ingest_seq: int
    payload: str


class _Head(msgspec.Struct):
    event_type: str | None = None


class _Outcome(msgspec.Struct):
    token_id: str
    outcome: str


class _FeeConfig(msgspec.Struct):
    rate: Decimal
    exponent: int


class _Fees(msgspec.Struct):
    fees_enabled: bool
    raw_fee_config: _FeeConfig | None = None


class _Market(msgspec.Struct):
    slug: str
    title: str
    condition_id: str
    outcomes: tuple[_Outcome, _Outcome]
    start_ts: int
    end_ts: int
    tick_size: Decimal
    min_order_size: Decimal
    fee_parameters: _Fees


class _Settled(msgspec.Struct):
    condition_id: str
    winning_outcome: str
    outcomes: tuple[str, str]
    updated_at: str
    closed: bool


class _Settlement(msgspec.Struct):
    markets: list[_Settled]


_head = decoder(_Head)


def sessions(source: Path) -> tuple[tuple[str, Path], ...]:
    """Return the sessions in ``source``: itself, or each folder in it that holds messages."""
    if not source.is_dir() or present(source, _MESSAGES) is not None:
        return (("", source),)
    found = sorted(path for path in source.iterdir() if path.is_dir() and present(path, _MESSAGES))
    if not found:
        raise Place(source, 0).refused(
            f"holds no session with a {_MESSAGES}", "name a session folder or their parent"
        )
    return tuple((path.name, path) for path in found)


def read(source: Path, options: ImportOptions) -> ImportPlan:
    """Plan the recording of one session folder; raises ``ImportRefused``."""
    del options
    messages = required(source, _MESSAGES)
    catalogue = _catalogue(source, required(source, "markets.jsonl"))
    found = _sources_in(messages)
    streams = tuple(
        header
        for header in _HEADERS
        if header.name in {_STREAMS.get(name) for name in found}
        or (_CLOB in found and header.name in (_MARKET, _REST))
    )
    header = RecordingHeader(
        name=source.name,
        clock="receive",
        created_by=CREATED_BY,
        source="github.com/jonahgrigoryan/polymarket-15m-arb-bot, reports/sessions/" + source.name,
        licence="none stated: for use on this machine only, not to be passed on",
        attribution="jonahgrigoryan",
        streams=streams,
        lost=_LOST,
    )
    # One pass over the file per source: each keeps its own order in constant memory.
    parts = [_parts(messages, name) for name in sorted(found)]
    return ImportPlan(header, catalogue, merged(parts, streams))


def _sources_in(path: Path) -> set[str]:
    found: set[str] = set()
    for place, message in json_lines(path, _Message):
        if message.source != _CLOB and message.source not in _STREAMS:
            raise place.refused(
                f"names the unknown source {message.source!r}",
                f"this importer knows {', '.join((_CLOB, *_STREAMS))}",
            )
        found.add(message.source)
    return found


def _parts(path: Path, source: str) -> Iterator[FramePart]:
    for place, message in json_lines(path, _Message):
        if message.source != source:
            continue
        payload = message.payload.encode()
        stream = _STREAMS.get(source) or _clob_stream(place, payload)
        connection = 0 if stream == _REST else message.ingest_seq // _BLOCK - 1
        if connection < 0:
            raise place.refused(
                f"has the ingest_seq {message.ingest_seq}", "bursts count from 1000000"
            )
        yield FramePart(stream, connection, _received(place, message), payload, "raw")


def _clob_stream(place: Place, payload: bytes) -> str:
    """Tell a stream's message (an array, or an object with ``event_type``) from a REST body."""
    if payload.lstrip().startswith(b"["):
        return _MARKET
    return _REST if _head(place, payload).event_type is None else _MARKET


def _received(place: Place, message: _Message) -> int:
    """Return the microsecond receive time; refuses one that the millisecond time contradicts."""
    if abs(message.recv_mono_ns // NANOS_PER_MS - message.recv_wall_ts) > 1:
        raise place.refused(
            f"was received at {message.recv_wall_ts} ms and at {message.recv_mono_ns} ns",
            "the two clocks of one message must agree",
        )
    return message.recv_mono_ns


def _catalogue(folder: Path, path: Path) -> Catalogue:
    markets = tuple(_market(place, row) for place, row in json_lines(path, _Market))
    settled = present(folder, "settlement_reconciliation.json")
    resolutions = _resolutions(settled, markets) if settled else ()
    return Catalogue(markets=markets, resolutions=resolutions)


def _market(place: Place, row: _Market) -> Market:
    tick = micros_of(place, "tick_size", row.tick_size)
    if not row.end_ts > row.start_ts > 0:
        raise place.refused(f"ends at {row.end_ts} and starts at {row.start_ts}", "repair it")
    try:
        ticks = TickEpoch(0, (TickBand(0, ONE, tick),))
    except (ValueError, ZeroDivisionError) as error:
        raise place.refused(f"has a bad tick_size ({error})", "repair it") from None
    yes, no = row.outcomes
    return Market(
        id=MarketId(POLYMARKET, row.condition_id),
        title=row.title,
        outcomes=(yes.outcome, no.outcome),
        tokens=(yes.token_id, no.token_id),
        currency="pUSD",
        ticks=(ticks,),
        min_size=micros_of(place, "min_order_size", row.min_order_size),
        size_step=CENT,
        fees=_fees(place, row.fee_parameters),
        opens_ns=row.start_ts * NANOS_PER_MS,
        closes_ns=row.end_ts * NANOS_PER_MS,
        group=None,
        neg_risk=False,
    )


def _fees(place: Place, row: _Fees) -> FeeCurve:
    if not row.fees_enabled:
        return NoFees()
    if row.raw_fee_config is None:
        raise place.refused("has fees but no raw_fee_config", "a fee is never guessed")
    try:
        return polymarket_fees(number_text(row.raw_fee_config.rate), row.raw_fee_config.exponent)
    except ValueError as error:
        raise place.refused(f"has a bad fee rate ({error})", "repair it") from None


def _resolutions(path: Path, markets: tuple[Market, ...]) -> tuple[Resolution, ...]:
    place = Place(path, 0)
    known = {market.id.native: market for market in markets}
    found = []
    for row in decoder(_Settlement)(place, path.read_bytes()).markets:
        market = known.get(row.condition_id)
        if market is None or not row.closed:
            continue
        if row.winning_outcome not in market.outcomes:
            raise place.refused(f"names the winner {row.winning_outcome!r}", "no such outcome")
        won = row.winning_outcome == market.outcomes[0]
        at_ns = iso_ns(place, "updated_at", row.updated_at)
        payouts = (ONE, 0) if won else (0, ONE)
        found.append(Resolution(market.id, at_ns, payouts, "Gamma market, read after its close"))
    return tuple(found)
