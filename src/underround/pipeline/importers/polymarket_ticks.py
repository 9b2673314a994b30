"""Market-channel rows (Parquet) with the venue's best prices, and ESPN score events.

Reads a folder with one ``polymarket_*.parquet`` and perhaps one ``espn_*.csv``.  Rows become
``price_change`` messages in the schema of 2025-09: two mirrored rows (YES and NO) that follow each
other with one timestamp are one message, as the venue sends them; trades become
``last_trade_price`` messages.  Lost: the first book, the hashes, the condition ids, the outcomes'
names, which of two mirrored tokens is YES, and the order of reception.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from underround.model.fees import polymarket_fees
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import POLYMARKET, MarketId
from underround.model.market import CENT, Catalogue, Market, uniform_ticks
from underround.model.units import decimal_text, shares
from underround.pipeline.importers import wire
from underround.pipeline.importers.mirrored_rows import (
    Entry,
    Pair,
    mirrored,
    pairs_of,
    rows_of,
    table_of,
)
from underround.pipeline.importers.plan import (
    CREATED_BY,
    FramePart,
    ImportOptions,
    ImportPlan,
    merged,
)
from underround.pipeline.importers.quantities import unix_ns
from underround.pipeline.importers.source import Place, csv_rows
from underround.storage.recording import RecordingHeader, StreamHeader

NAME: Final = "polymarket-ticks"

_MARKET: Final = "polymarket.market"
_ESPN: Final = "espn.score"
_ESPN_TIME: Final = "ts_ms"
_SILENCE_MS: Final = 30_000
_LOST: Final = (
    (
        "The first books were not recorded: each book is built from its changes alone, and "
        "is whole only where a level has changed since the start."
    ),
    (
        "Hashes, condition ids, fee rates and transaction hashes of trades were not recorded; the "
        "field `market` holds a name made from the first token."
    ),
    (
        "Which token of a mirrored pair is YES, and what the outcomes are called, is unknown: the "
        "token seen first is called YES and the outcomes are named after their tokens."
    ),
    (
        "The order of reception is unknown: rows of each market keep their order, markets "
        "and trades are merged by the venue's milliseconds."
    ),
    (
        "How rows were grouped into messages is inferred: two mirrored neighbours of one "
        "time are one message, any other row is one alone."
    ),
    "BID and ASK of a trade are read as the taker's BUY and SELL.",
    "Prices and sizes were stored as floats; each is within 1e-9 of the decimal given here.",
    (
        "Assumed and not recorded: fees of 0.03·p·(1−p) (sports before 2026-07-10), a "
        "minimum order of 5 shares, and a tick that is the finest one used in each market."
    ),
)


def read(source: Path, options: ImportOptions) -> ImportPlan:
    """Plan the recording of one folder; raises ``ImportRefused``."""
    del options
    path = _only(source, "polymarket_*.parquet")
    espn = _only(source, "espn_*.csv") if any(source.glob("espn_*.csv")) else None
    table = table_of(path)
    pairs = pairs_of(path, table)
    game = espn.stem.removeprefix("espn_").replace("_", " ").upper() if espn else path.stem
    streams = [
        StreamHeader(
            _MARKET, 0, "polymarket", "stated_best", "reconstructed", silence_ms=_SILENCE_MS
        )
    ]
    sources = [_changes(path, table, pair) for pair in pairs]
    sources += [_trades(path, table, pair, t) for pair in pairs for t in (pair.yes, pair.no)]
    if espn is not None:
        streams.append(StreamHeader(_ESPN, 1, "none", "none", "reconstructed"))
        sources.append(_scores(espn))
    header = RecordingHeader(
        name=source.name,
        clock="venue",
        created_by=CREATED_BY,
        source="github.com/SobhiSandakli/Polymarket-Tickscope, data/samples/sports, commit 471cbfd",
        licence="MIT",
        attribution="Polymarket-Tickscope by Sobhi Sandakli (MIT)",
        streams=tuple(streams),
        lost=_LOST,
    )
    catalogue = Catalogue(tuple(_market(game, i, pair) for i, pair in enumerate(pairs, start=1)))
    return ImportPlan(header, catalogue, merged(sources, streams))


def _only(folder: Path, pattern: str) -> Path:
    if not folder.is_dir():
        raise Place(folder, 0).refused("is not a folder", f"name the folder that holds {pattern}")
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise Place(folder, 0).refused(
            f"holds {len(found)} files {pattern}", "name a folder with exactly one"
        )
    return found[0]


def _changes(path: Path, table: pl.DataFrame, pair: Pair) -> Iterator[FramePart]:
    own = table.filter(pl.col("asset_id").is_in([pair.yes, pair.no]))
    before: Entry | None = None
    for _, entry in rows_of(path, own, "PRICE_CHANGE"):
        if before is None:
            before = entry
        elif mirrored(before, entry):
            yield _change(pair, before, entry)
            before = None
        else:
            yield _change(pair, before)
            before = entry
    if before is not None:
        yield _change(pair, before)


def _change(pair: Pair, *entries: Entry) -> FramePart:
    at_ms = entries[0][0]
    changes = [
        {
            "asset_id": token,
            "price": decimal_text(price),
            "size": decimal_text(size),
            "side": side,
            "best_bid": decimal_text(bid),
            "best_ask": decimal_text(ask),
        }
        for _, token, side, price, size, bid, ask in entries
    ]
    payload = wire.price_change(pair.native, at_ms, changes)
    return FramePart(_MARKET, 0, at_ms * NANOS_PER_MS, payload, "reconstructed")


def _trades(path: Path, table: pl.DataFrame, pair: Pair, token: str) -> Iterator[FramePart]:
    own = table.filter(pl.col("asset_id") == token)
    for _, (at_ms, _, side, price, size, _, _) in rows_of(path, own, "LAST_TRADE"):
        payload = wire.trade(
            pair.native, token, at_ms, decimal_text(price), decimal_text(size), side
        )
        yield FramePart(_MARKET, 0, at_ms * NANOS_PER_MS, payload, "reconstructed")


def _scores(path: Path) -> Iterator[FramePart]:
    for place, row in csv_rows(path, (_ESPN_TIME, "event_id")):
        at_ns = unix_ns(place, _ESPN_TIME, row[_ESPN_TIME], "ms")
        yield FramePart(_ESPN, 0, at_ns, wire.encode(row), "reconstructed")


def _market(game: str, number: int, pair: Pair) -> Market:
    yes, no = pair.yes[:4], pair.no[:4]
    return Market(
        id=MarketId(POLYMARKET, pair.native),
        title=f"{game} market {number} (tokens {yes}…/{no}…)",
        outcomes=(f"token {yes}…", f"token {no}…"),
        tokens=(pair.yes, pair.no),
        currency="pUSD",
        ticks=(uniform_ticks(decimal_text(pair.tick)),),
        min_size=shares("5"),
        size_step=CENT,
        fees=polymarket_fees("0.03"),
        opens_ns=None,
        closes_ns=None,
        group=None,
        neg_risk=False,
    )
