"""Rows of book levels, level changes and trades, explained by a TOML mapping.

Reads one CSV or NDJSON file whose columns a mapping file names (see docs/data.md).  Rows become
messages of Polymarket's market channel.  Lost: everything the mapping does not name; hashes and
sequence numbers, so a book is proven by later books restating it, or not at all.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from underround.model.fees import NoFees, polymarket_fees
from underround.model.frames import NANOS_PER_MS
from underround.model.ids import POLYMARKET, MarketId
from underround.model.market import Catalogue, Market, uniform_ticks
from underround.model.run import ProofKind
from underround.model.units import ONE, decimal_text, parse_micros, parse_size
from underround.pipeline.importers import wire
from underround.pipeline.importers.mapping import (
    KINDS,
    UNKNOWN,
    Event,
    MappedMarket,
    Mapping,
    read_mapping,
)
from underround.pipeline.importers.plan import (
    CREATED_BY,
    FramePart,
    ImportOptions,
    ImportPlan,
    merged,
)
from underround.pipeline.importers.quantities import (
    iso_ns,
    price_text,
    size_text,
    unix_ns,
)
from underround.pipeline.importers.source import (
    Place,
    Row,
    csv_rows,
    json_lines,
    kind_of,
    require_kind,
)
from underround.storage.recording import RecordingHeader, StreamHeader

NAME: Final = "generic"

_STREAM: Final = "polymarket.market"


def read(source: Path, options: ImportOptions) -> ImportPlan:
    """Plan the recording of one file as ``options.mapping`` explains it."""
    if options.mapping is None:
        raise Place(source, 0).refused("needs a mapping", "name the TOML file that explains it")
    require_kind(source, ".csv", ".jsonl", ".ndjson")
    place = Place(options.mapping, 0)
    mapping = read_mapping(options.mapping)
    restated = mapping.words.level or mapping.constants.event == "level"
    proof: ProofKind = "restated" if restated else "none"
    stream = StreamHeader(
        _STREAM, 0, "polymarket", proof, "reconstructed", None, mapping.silence_ms
    )
    header = RecordingHeader(
        name=mapping.name,
        clock=mapping.clock,
        created_by=CREATED_BY,
        source=mapping.source,
        licence=mapping.licence,
        attribution=mapping.attribution,
        streams=(stream,),
        lost=(
            (
                "Messages are rebuilt from rows: hashes, sequence numbers and every column "
                "that the mapping does not name are gone."
            ),
            *mapping.lost,
        ),
    )
    try:
        catalogue = Catalogue(tuple(_market(place, one) for one in mapping.markets))
    except ValueError as error:
        raise place.refused(f"describes impossible markets ({error})", "correct it") from None
    parts = _parts(source, options.mapping, mapping, catalogue)
    return ImportPlan(header, catalogue, merged([parts], (stream,)))


def _market(place: Place, one: MappedMarket) -> Market:
    rate = parse_micros(one.fee_rate)
    if rate < 0 or one.fee_exponent < 1 or parse_size(one.size_step) == 0:
        raise place.refused(f"gives {one.id} an impossible fee or size step", "correct it")
    return Market(
        id=MarketId(POLYMARKET, one.id),
        title=one.title,
        outcomes=one.outcomes,
        tokens=one.tokens,
        currency="pUSD",
        ticks=(uniform_ticks(one.tick),),
        min_size=parse_size(one.min_size),
        size_step=parse_size(one.size_step),
        fees=polymarket_fees(one.fee_rate, one.fee_exponent) if rate else NoFees(),
        opens_ns=None,
        closes_ns=None if one.closes == UNKNOWN else iso_ns(place, "closes", one.closes),
        group=None,
        neg_risk=False,
    )


class _Line(msgspec.Struct, frozen=True):
    place: Place
    event: Event
    token: str
    market: Market
    at_ns: int
    side: str
    price: str
    size: str


def _rows(path: Path, mapping_path: Path, mapping: Mapping) -> Iterator[tuple[Place, Row]]:
    columns = mapping.columns
    named = {
        key: name
        for key in ("time", "token", "price", "size", "event", "side")
        if (name := getattr(columns, key)) is not None
    }
    remedies = {
        name: f"correct [columns].{key} in {mapping_path.name}" for key, name in named.items()
    }
    if kind_of(path) == ".csv":
        yield from csv_rows(path, list(remedies), remedies)
        return
    for place, row in json_lines(path, dict[str, msgspec.Raw]):
        for name, remedy in remedies.items():
            if name not in row:
                raise place.refused(
                    f"has no key {name!r}", f"it has {', '.join(row)}; {remedy}, or the file"
                )
        yield place, {name: _plain(bytes(row[name])) for name in remedies}


def _plain(raw: bytes) -> str:
    """Return a JSON text's content, or a number's own digits; null is no value."""
    text = raw.strip()
    if text.startswith(b'"'):
        return msgspec.json.decode(text, type=str)
    return "" if text == b"null" else text.decode()


def _lines(
    path: Path, mapping_path: Path, mapping: Mapping, catalogue: Catalogue
) -> Iterator[_Line]:
    columns, words, constants = mapping.columns, mapping.words, mapping.constants
    kinds: dict[str, Event] = {w: k for k in KINDS for w in getattr(words, k)}
    sides = {w: k for k, spelt in (("BUY", words.buy), ("SELL", words.sell)) for w in spelt}
    markets = {token: market for market in catalogue.markets for token in market.tokens}
    before_ns = 0
    for place, row in _rows(path, mapping_path, mapping):
        event = constants.event or kinds.get(row[columns.event or ""])
        side = sides.get(row[columns.side]) if columns.side else (constants.side or "").upper()
        if event is None:
            raise place.refused(f"is of kind {row[columns.event or '']!r}", "add it to [words]")
        if not side:
            raise place.refused(f"has the side {row[columns.side or '']!r}", "add it to [words]")
        token = row[columns.token]
        if token not in markets:
            raise place.refused(f"names the unknown token {token!r}", "add it to [[markets]]")
        at_ns = unix_ns(place, columns.time, row[columns.time], mapping.time_unit)
        if at_ns < before_ns:
            raise place.refused(
                f"is stamped {row[columns.time]}, earlier than the row before", "sort the rows"
            )
        before_ns = at_ns
        price = price_text(place, row[columns.price])
        _require_tick(place, price, markets[token])
        size = size_text(place, row[columns.size])
        yield _Line(place, event, token, markets[token], at_ns, side, price, size)


def _require_tick(place: Place, price: str, market: Market) -> None:
    """Refuse a price that no order of ``market`` could have."""
    tick, micros = market.ticks[0].finest, parse_micros(price)
    if micros % tick or not 0 < micros < ONE:
        raise place.refused(
            f"has the price {price}, which is no multiple of the tick {decimal_text(tick)} "
            "between 0 and 1",
            f"correct the row, or the tick of {market.id.native} in the mapping",
        )


def _parts(
    path: Path, mapping_path: Path, mapping: Mapping, catalogue: Catalogue
) -> Iterator[FramePart]:
    lines = _lines(path, mapping_path, mapping, catalogue)
    groups = itertools.groupby(lines, lambda line: (line.event, line.token, line.at_ns))
    for (event, token, at_ns), group in groups:
        rows = list(group)
        market, at_ms = rows[0].market.id.native, at_ns // NANOS_PER_MS
        if event == "trade":
            payloads = [
                wire.trade(market, token, at_ms, line.price, line.size, line.side) for line in rows
            ]
        elif event == "change":
            payloads = [wire.price_change(market, at_ms, [_change(line) for line in rows])]
        else:
            payloads = [_book(market, token, at_ms, rows)]
        for payload in payloads:
            yield FramePart(_STREAM, 0, at_ns, payload, "reconstructed")


def _change(line: _Line) -> dict[str, str]:
    return {"asset_id": line.token, "price": line.price, "size": line.size, "side": line.side}


def _book(market: str, token: str, at_ms: int, levels: list[_Line]) -> bytes:
    """Return the snapshot of neighbouring rows; the file may list its levels in any order."""
    held: set[tuple[str, str]] = set()
    for line in levels:
        if (line.side, line.price) in held:
            raise line.place.refused(
                f"gives the {line.side.lower()} level {line.price} a second time in one snapshot",
                "give two snapshots two times, or drop the row",
            )
        held.add((line.side, line.price))
    bids = sorted((row for row in levels if row.side == "BUY"), key=_price)
    asks = sorted((row for row in levels if row.side == "SELL"), key=_price, reverse=True)
    bid = next((row for row in reversed(bids) if parse_size(row.size)), None)
    ask = next((row for row in reversed(asks) if parse_size(row.size)), None)
    if bid is not None and ask is not None and _price(bid) >= _price(ask):
        raise max(bid.place, ask.place).refused(
            f"makes a crossed snapshot: somebody buys {token} at {bid.price} and sells it at "
            f"{ask.price}",
            "check [words].buy and [words].sell, or repair the rows",
        )
    return wire.book(
        market,
        token,
        at_ms,
        [(row.price, row.size) for row in bids],
        [(row.price, row.size) for row in asks],
    )


def _price(line: _Line) -> int:
    return parse_micros(line.price)
