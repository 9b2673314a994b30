"""Kalshi book and ticker messages with Coinbase trades, one folder per session.

Reads the ``*.ndjson`` files of a session, and ``settlement_labels.csv`` of its parent folder where
there is one; the parent folder becomes one recording per session.  The venue's messages are kept
verbatim inside rebuilt envelopes.  Lost: the recorder's own receive times (its clock drifted by up
to 0.8 seconds), the size and side of Coinbase trades, and what was never subscribed (trades).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from underround.model.fees import KalshiFees
from underround.model.ids import KALSHI, MarketId
from underround.model.market import CENT, Catalogue, Market, Resolution, TickBand, TickEpoch
from underround.model.units import ONE
from underround.pipeline.importers import wire
from underround.pipeline.importers.kalshi_session import Row, Session, session_of
from underround.pipeline.importers.plan import (
    CREATED_BY,
    FramePart,
    ImportOptions,
    ImportPlan,
    merged,
)
from underround.pipeline.importers.quantities import iso_ns, number_text
from underround.pipeline.importers.source import (
    Place,
    csv_rows,
    decoder,
    json_lines,
    present,
    required,
)
from underround.storage.recording import RecordingHeader, StreamHeader

NAME: Final = "kalshi-ws"

_DELTAS: Final = "orderbook_delta.ndjson"
_BOOK: Final = "kalshi.book"
_TICKER: Final = "kalshi.ticker"
_COINBASE: Final = "coinbase.matches"
_CONTROL: Final = "recorder.control"
_SILENCE_MS: Final = 60_000
_STREAMS: Final = (
    StreamHeader(_CONTROL, 0, "none", "none", "raw"),
    StreamHeader(_BOOK, 1, "kalshi", "sequence", "reconstructed", silence_ms=_SILENCE_MS),
    StreamHeader(_TICKER, 2, "kalshi", "none", "reconstructed", silence_ms=_SILENCE_MS),
    StreamHeader(_COINBASE, 3, "coinbase", "none", "reconstructed", silence_ms=_SILENCE_MS),
)
_TAPERED: Final = TickEpoch(
    0,
    (TickBand(0, 100_000, 1_000), TickBand(100_000, 900_000, CENT), TickBand(900_000, ONE, 1_000)),
)
_LABEL_COLUMNS: Final = (
    "market_ticker",
    "binary_result",
    "settlement_ts_utc",
    "label_source",
    "market_status",
)
_PUBLIC: Final = "kalshi_public_market_result"
_LOST: Final = (
    (
        "The recorder's clock drifted between about −280 and +560 ms against the exchange: "
        "times are the exchange's own, and receive times are kept only in the control rows."
    ),
    (
        "Envelopes (type, sid, seq) are rebuilt from the recorder's fields; the message "
        "inside is the venue's, in the recorder's key order."
    ),
    (
        "Snapshots and control rows carry no exchange time: they take that of the change "
        "that follows them, and a market's last ones that of the change before them."
    ),
    (
        "Coinbase trades were kept without size, side, sequence and order ids; those keys are left "
        "out."
    ),
    "The trade channel was not subscribed, and the first window of a session starts in its middle.",
    (
        "Assumed and not recorded: the series' published fees (0.07·p·(1−p) for takers, none for "
        "makers), ticks of 0.001 below 0.10 and above 0.90 and 0.01 between, fractions of 0.01 "
        "contract."
    ),
)


class _Watched(msgspec.Struct):
    close_time: str
    market_ticker: str
    strike: Decimal


class _Spot(msgspec.Struct):
    exchange_ts_utc: str
    price: Decimal
    raw_event_type: str
    symbol: str
    trade_id: str


_watched = decoder(_Watched)


def sessions(source: Path) -> tuple[tuple[str, Path], ...]:
    """Return the sessions in ``source``: itself, or each folder in it that holds deltas."""
    if not source.is_dir() or present(source, _DELTAS) is not None:
        return (("", source),)
    found = sorted(path for path in source.iterdir() if path.is_dir() and present(path, _DELTAS))
    if not found:
        raise Place(source, 0).refused(
            f"holds no session with an {_DELTAS}", "name a session folder or their parent"
        )
    return tuple((path.name, path) for path in found)


def read(source: Path, options: ImportOptions) -> ImportPlan:
    """Plan the recording of one session folder; raises ``ImportRefused``."""
    del options
    deltas = required(source, _DELTAS)
    session = session_of(source)
    sources = [_book_parts(deltas, session)]
    streams = [_STREAMS[0], _STREAMS[1]]
    if (ticker := present(source, "ticker.ndjson")) is not None:
        sources.append(_ticker_parts(ticker, session))
        streams.append(_STREAMS[2])
    if (spot := present(source, "coinbase_spot_ticks.ndjson")) is not None:
        sources.append(_coinbase_parts(spot))
        streams.append(_STREAMS[3])
    header = RecordingHeader(
        name=f"kalshi-btc15m-{source.name}",
        clock="venue",
        created_by=CREATED_BY,
        source="github.com/organics-jpg/kalshi-probability-model-bot-gpt55-export, session "
        + source.name,
        licence="none stated: for use on this machine only, not to be passed on",
        attribution="organics-jpg",
        streams=tuple(streams),
        lost=_LOST,
    )
    markets = _markets(source)
    catalogue = Catalogue(markets=markets, resolutions=_resolutions(source.parent, markets))
    return ImportPlan(header, catalogue, merged(sources, streams))


def _book_parts(path: Path, session: Session) -> Iterator[FramePart]:
    """Yield control rows, snapshots and deltas in the recorder's order, on the venue's clock."""
    controls = list(reversed(session.controls))
    waiting = {ticker: list(reversed(rows)) for ticker, rows in session.snapshots.items()}
    ticker, at_ns = "", 0
    for place, row in json_lines(path, Row):
        if row.market_ticker != ticker:
            yield from _snapshots(session, waiting.get(ticker, []), at_ns, None)
            ticker = row.market_ticker
        at_ns = iso_ns(place, "exchange_ts", row.exchange_ts)
        while controls and controls[-1][0] <= row.local_recv_ns:
            yield FramePart(_CONTROL, 0, at_ns, controls.pop()[2], "raw")
        yield from _snapshots(session, waiting.get(ticker, []), at_ns, row.sequence_number)
        yield _book_part(session, place, row, at_ns)
    if not at_ns:
        raise Place(path, 0).refused("holds no change", "a session needs at least one")
    for rows in waiting.values():
        yield from _snapshots(session, rows, at_ns, None)
    for _, _, line in reversed(controls):
        yield FramePart(_CONTROL, 0, at_ns, line, "raw")


def _snapshots(
    session: Session, waiting: list[tuple[Place, Row]], at_ns: int, before: int | None
) -> Iterator[FramePart]:
    """Yield and remove the snapshots numbered below ``before`` (all of them without it)."""
    while waiting:
        place, row = waiting[-1]
        if before is not None and (row.sequence_number or 0) > before:
            return
        waiting.pop()
        yield _book_part(session, place, row, at_ns)


def _book_part(session: Session, place: Place, row: Row, at_ns: int) -> FramePart:
    if row.event_type not in {"orderbook_delta", "orderbook_snapshot"}:
        raise place.refused(f"is of kind {row.event_type!r}", "expected orderbook messages")
    if row.sequence_number is None:
        raise place.refused("has no sequence_number", "a book cannot be proven without it")
    connection = session.connection(place, row)
    sid = session.sid(place, connection, "orderbook_delta")
    payload = wire.kalshi_message(row.event_type, sid, row.sequence_number, row.payload_json)
    return FramePart(_BOOK, connection, at_ns, payload, "reconstructed")


def _ticker_parts(path: Path, session: Session) -> Iterator[FramePart]:
    for place, row in json_lines(path, Row):
        at_ns = iso_ns(place, "exchange_ts", row.exchange_ts)
        connection = session.connection(place, row)
        sid = session.sid(place, connection, "ticker")
        payload = wire.kalshi_message("ticker", sid, None, row.payload_json)
        yield FramePart(_TICKER, connection, at_ns, payload, "reconstructed")


def _coinbase_parts(path: Path) -> Iterator[FramePart]:
    for place, row in json_lines(path, _Spot):
        if row.raw_event_type not in {"match", "last_match"}:
            raise place.refused(f"is of kind {row.raw_event_type!r}", "expected match messages")
        if row.price <= 0 or not row.trade_id.isdigit():
            raise place.refused("has a bad price or trade_id", "repair or drop the row")
        at_ns = iso_ns(place, "exchange_ts_utc", row.exchange_ts_utc)
        payload = wire.encode(
            {
                "type": row.raw_event_type,
                "trade_id": int(row.trade_id),
                "product_id": row.symbol,
                "price": number_text(row.price),
                "time": row.exchange_ts_utc.replace("+00:00", "Z"),
            }
        )
        yield FramePart(_COINBASE, 0, at_ns, payload, "reconstructed")


def _markets(folder: Path) -> tuple[Market, ...]:
    markets: dict[str, Market] = {}
    for place, row in json_lines(required(folder, "watch_market.ndjson"), Row):
        watched = _watched(place, bytes(row.payload_json))
        ticker = watched.market_ticker
        asset = re.match(r"KX([A-Z]+?)15M-", ticker)
        strike = number_text(watched.strike)
        markets[ticker] = Market(
            id=MarketId(KALSHI, ticker),
            title=f"{asset[1] if asset else ticker} at or above {strike} at {watched.close_time}",
            outcomes=("Yes", "No"),
            tokens=(f"{ticker}:yes", f"{ticker}:no"),
            currency="USD",
            ticks=(_TAPERED,),
            min_size=CENT,
            size_step=CENT,
            fees=KalshiFees(),
            opens_ns=None,
            closes_ns=iso_ns(place, "close_time", watched.close_time),
            group=None,
            neg_risk=False,
        )
    return tuple(markets.values())


def _resolutions(folder: Path, markets: tuple[Market, ...]) -> tuple[Resolution, ...]:
    path = present(folder, "settlement_labels.csv")
    if path is None:
        return ()
    known = {market.id.native: market.id for market in markets}
    found = []
    for place, row in csv_rows(path, _LABEL_COLUMNS):
        market = known.get(row["market_ticker"])
        if market is None or row["label_source"] != _PUBLIC:
            continue
        if row["binary_result"] not in {"yes", "no"}:
            raise place.refused(f"has the result {row['binary_result']!r}", "expected yes or no")
        at_ns = iso_ns(place, "settlement_ts_utc", row["settlement_ts_utc"])
        payouts = (ONE, 0) if row["binary_result"] == "yes" else (0, ONE)
        found.append(Resolution(market, at_ns, payouts, "Kalshi's public market result"))
    return tuple(found)
