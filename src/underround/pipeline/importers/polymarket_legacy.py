"""Old-format ``price_change`` messages (``changes``) of one token.

Reads one CSV ``id, asset_id, market, timestamp, hash, changes``.  Every row becomes the message it
was taken from.  Lost: the books, the other token, trades and the message's own key order; nothing
proves a book built from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from underround.model.fees import NoFees
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import POLYMARKET, MarketId
from underround.model.market import CENT, Catalogue, Market, uniform_ticks
from underround.model.units import shares
from underround.pipeline.importers import wire
from underround.pipeline.importers.plan import (
    CREATED_BY,
    FramePart,
    ImportOptions,
    ImportPlan,
    merged,
)
from underround.pipeline.importers.quantities import iso_ns, price_text, size_text
from underround.pipeline.importers.source import Place, csv_rows, decoder, require_kind
from underround.storage.recording import RecordingHeader, StreamHeader

NAME: Final = "polymarket-legacy"

_STREAM: Final = "polymarket.market"
_NEEDED: Final = ("id", "asset_id", "market", "timestamp", "hash", "changes")
_LOST: Final = (
    (
        "Only price changes were recorded: no book to start from, no trades, nothing that proves a "
        "book built from them."
    ),
    "Only one of the market's two tokens was recorded; the other is named after the first.",
    (
        "Assumed and not recorded: the recorded token is YES, no fees (January 2025), a "
        "tick of 0.01 and a minimum order of 5 shares."
    ),
)


class _Change(msgspec.Struct, forbid_unknown_fields=True):
    side: str
    size: str
    price: str


def read(source: Path, options: ImportOptions) -> ImportPlan:
    """Plan the recording of one CSV file, or of the only one in a folder."""
    del options
    path = source
    if source.is_dir():
        found = sorted(source.glob("*.csv*"))
        if len(found) != 1:
            raise Place(source, 0).refused(f"holds {len(found)} CSV files", "name one of them")
        path = found[0]
    require_kind(path, ".csv")
    markets: dict[str, str] = {}
    for place, row in csv_rows(path, _NEEDED):
        if markets.setdefault(row["market"], row["asset_id"]) != row["asset_id"]:
            raise place.refused("names a second token of its market", "only one is expected")
    streams = (StreamHeader(_STREAM, 0, "polymarket", "none", "reconstructed"),)
    header = RecordingHeader(
        name=path.name.partition(".")[0],
        clock="venue",
        created_by=CREATED_BY,
        source="github.com/Aaimek/polymarket-data-collection",
        licence="none stated: for use on this machine only, not to be passed on",
        attribution="Aaimek",
        streams=streams,
        lost=_LOST,
    )
    catalogue = Catalogue(tuple(_market(market, token) for market, token in markets.items()))
    return ImportPlan(header, catalogue, merged([_parts(path)], streams))


_changes = decoder(list[_Change])


def _parts(path: Path) -> Iterator[FramePart]:
    for place, row in csv_rows(path, _NEEDED):
        at_ns = iso_ns(place, "timestamp", row["timestamp"])
        changes = []
        for change in _changes(place, row["changes"]):
            if change.side not in {"BUY", "SELL"}:
                raise place.refused(f"has the side {change.side!r}", "expected BUY or SELL")
            price_text(place, change.price)
            size_text(place, change.size)
            changes.append({"price": change.price, "side": change.side, "size": change.size})
        payload = wire.old_price_change(
            row["market"], row["asset_id"], at_ns // NANOS_PER_MS, row["hash"], changes
        )
        yield FramePart(_STREAM, 0, at_ns, payload, "reconstructed")


def _market(native: str, token: str) -> Market:
    return Market(
        id=MarketId(POLYMARKET, native),
        title=f"{native[:10]}… (title unknown)",
        outcomes=(f"token {token[:4]}…", f"the other of token {token[:4]}…"),
        tokens=(token, f"other-than-{token}"),
        currency="pUSD",
        ticks=(uniform_ticks("0.01"),),
        min_size=shares("5"),
        size_step=CENT,
        fees=NoFees(),
        opens_ns=None,
        closes_ns=None,
        group=None,
        neg_risk=False,
    )
