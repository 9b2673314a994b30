"""Rows of baseball games with full books and price changes, hash on every row.

Reads one ``*_market-events.csv`` or a folder of them.  Rows of one token, hash and time that follow
each other become one ``book`` or one old-format ``price_change`` message.  Lost: trades, tick-size
changes, and the condition id, so the venue's hash cannot be computed again; books are proven by
later books restating them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

import msgspec

from underround.model.fees import NoFees
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import POLYMARKET, MarketId
from underround.model.market import CENT, Catalogue, Market, uniform_ticks
from underround.model.units import decimal_text, parse_micros, shares
from underround.pipeline.importers import wire
from underround.pipeline.importers.plan import (
    CREATED_BY,
    FramePart,
    ImportOptions,
    ImportPlan,
    merged,
)
from underround.pipeline.importers.quantities import price_text, size_text, unix_ns
from underround.pipeline.importers.source import Place, Row, csv_rows, require_kind
from underround.storage.recording import RecordingHeader, StreamHeader

NAME: Final = "polymarket-mlb"

_STREAM: Final = "polymarket.market"
_ENDING: Final = "*_market-events.csv*"
_NEEDED: Final = (
    "market_slug",
    "asset_id",
    "event_type",
    "price",
    "side",
    "size",
    "hash",
    "timestamp",
)
_MILLI: Final = 1_000
_LOST: Final = (
    (
        "Condition ids were not recorded (one file has its own on some rows): the field "
        "`market` holds the market's slug, so the venue's hashes are kept but cannot be "
        "computed again."
    ),
    (
        "Trades, tick-size changes and everything else on the channel were not recorded: a book "
        "restated after a trade differs by what the trade took."
    ),
    (
        "How rows were grouped into messages is inferred: neighbours of one token, kind, "
        "hash and time are one message."
    ),
    "Sizes were stored as floats; they are given here in their shortest decimal form.",
    (
        "A few rows are stamped earlier than the row before; they keep their place and "
        "their stamp, and take the earlier row's time in the recording."
    ),
    (
        "Assumed and not recorded: no fees (sports markets had none in 2025), a minimum order of 5 "
        "shares, and the finest tick used in each market for the whole time."
    ),
    (
        "Where the file does not name the outcomes they are named after their tokens; the "
        "token that comes first in the file is called YES."
    ),
)


class _Seen(msgspec.Struct):
    """What a first pass over one file learns about its market."""

    slug: str = ""
    labels: dict[str, str] = {}
    tick: int = CENT


def read(source: Path, options: ImportOptions) -> ImportPlan:
    """Plan one recording of one file or of all files of a folder; raises ``ImportRefused``."""
    del options
    files = sorted(source.glob(_ENDING)) if source.is_dir() else [source]
    if not files:
        raise Place(source, 0).refused(f"holds no {_ENDING}", "name the folder of the game files")
    seen = []
    for path in files:
        require_kind(path, ".csv")
        seen.append(_survey(path))
    streams = (StreamHeader(_STREAM, 0, "polymarket", "restated", "reconstructed"),)
    header = RecordingHeader(
        name=source.name.partition(".")[0],
        clock="venue",
        created_by=CREATED_BY,
        source="github.com/MinesJA/SignalDrift, data/",
        licence="none stated: for use on this machine only, not to be passed on",
        attribution="MinesJA",
        streams=streams,
        lost=_LOST,
    )
    catalogue = Catalogue(tuple(_market(one) for one in seen))
    return ImportPlan(header, catalogue, merged([_parts(path) for path in files], streams))


def _survey(path: Path) -> _Seen:
    seen = _Seen()
    for place, row in csv_rows(path, _NEEDED):
        if not row["market_slug"] or not row["asset_id"]:
            raise place.refused("names no market or no token", "repair or drop the row")
        seen.slug = seen.slug or row["market_slug"]
        if row["market_slug"] != seen.slug:
            raise place.refused(
                f"is of market {row['market_slug']}, the file of {seen.slug}", "split the file"
            )
        label = seen.labels.get(row["asset_id"], "")
        seen.labels[row["asset_id"]] = label or row.get("outcome_name", "")
        if parse_micros(price_text(place, row["price"])) % CENT:
            seen.tick = _MILLI
    if len(seen.labels) != 2:
        raise Place(path, 0).refused(
            f"holds {len(seen.labels)} tokens", "a market has two, and both are needed"
        )
    return seen


def _market(seen: _Seen) -> Market:
    yes, no = seen.labels
    return Market(
        id=MarketId(POLYMARKET, seen.slug),
        title=seen.slug,
        outcomes=(
            seen.labels[yes] or f"token {yes[:4]}…",
            seen.labels[no] or f"token {no[:4]}…",
        ),
        tokens=(yes, no),
        currency="pUSD",
        ticks=(uniform_ticks(decimal_text(seen.tick)),),
        min_size=shares("5"),
        size_step=CENT,
        fees=NoFees(),
        opens_ns=None,
        closes_ns=None,
        group=None,
        neg_risk=False,
    )


def _message(line: tuple[Place, Row]) -> tuple[str, str, str, str]:
    row = line[1]
    return row["event_type"], row["asset_id"], row["hash"], row["timestamp"]


def _parts(path: Path) -> Iterator[FramePart]:
    for (event, token, venue_hash, stamp), group in groupby(csv_rows(path, _NEEDED), _message):
        lines = list(group)
        place, first = lines[0]
        at_ns = unix_ns(place, "timestamp", stamp, "ms")
        if not venue_hash:
            raise place.refused("has no hash", "repair or drop the row")
        if event == "price_change":
            changes = [_change(*line) for line in lines]
            payloads = [
                wire.old_price_change(
                    first["market_slug"], token, at_ns // NANOS_PER_MS, venue_hash, changes
                )
            ]
        elif event == "book":
            payloads = [
                _book(first["market_slug"], token, at_ns, venue_hash, levels)
                for levels in _books(lines)
            ]
        else:
            raise place.refused(f"is of kind {event!r}", "known are book and price_change")
        for payload in payloads:
            yield FramePart(_STREAM, 0, at_ns, payload, "reconstructed")


def _change(place: Place, row: Row) -> dict[str, str]:
    side = wire.side_word(row["side"])
    if side is None:
        raise place.refused(f"has the side {row['side']!r}", "expected bid/ask or BUY/SELL")
    return {
        "price": price_text(place, row["price"]),
        "side": side,
        "size": size_text(place, row["size"]),
    }


def _books(lines: list[tuple[Place, Row]]) -> Iterator[list[dict[str, str]]]:
    """Cut one run of levels where a level comes a second time: the venue sent the book twice."""
    levels: list[dict[str, str]] = []
    held: set[tuple[str, str]] = set()
    for place, row in lines:
        level = _change(place, row)
        key = level["side"], level["price"]
        if key in held:
            yield levels
            levels, held = [], set()
        held.add(key)
        levels.append(level)
    yield levels


def _book(
    market: str, token: str, at_ns: int, venue_hash: str, levels: list[dict[str, str]]
) -> bytes:
    bids = [(level["price"], level["size"]) for level in levels if level["side"] == "BUY"]
    asks = [(level["price"], level["size"]) for level in levels if level["side"] == "SELL"]
    return wire.book(market, token, at_ns // NANOS_PER_MS, bids, asks, {"hash": venue_hash})
