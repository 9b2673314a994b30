"""Rows of book levels, level changes and trades, explained by a TOML mapping.

Reads one CSV or NDJSON file whose columns a mapping file names (see docs/data.md).  Rows become
messages of Polymarket's market channel.  Lost: everything the mapping does not name; hashes and
sequence numbers, so a book is proven by later books restating it, or not at all.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from underround.model.fees import NoFees, polymarket_fees
from underround.model.frames import NANOS_PER_MS, Clock
from underround.model.ids import POLYMARKET, MarketId
from underround.model.market import Catalogue, Market, uniform_ticks
from underround.model.run import ProofKind
from underround.model.units import parse_micros, parse_size
from underround.pipeline.importers import wire
from underround.pipeline.importers.plan import (
    CREATED_BY,
    FramePart,
    ImportOptions,
    ImportPlan,
    merged,
)
from underround.pipeline.importers.quantities import (
    TimeUnit,
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
Event = Literal["level", "change", "trade"]
Text = Annotated[str, msgspec.Meta(min_length=1)]


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which column holds what."""

    time: Text
    token: Text
    price: Text
    size: Text
    event: Text | None = None
    """``None``: every row is of the kind in ``constants.event``."""
    side: Text | None = None
    """``None``: every row is on the side in ``constants.side``."""


class Constants(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is the same in every row."""

    event: Event | None = None
    side: Literal["buy", "sell"] | None = None


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the file spells kinds and sides; any other word is refused."""

    level: tuple[str, ...] = ()
    change: tuple[str, ...] = ()
    trade: tuple[str, ...] = ()
    buy: tuple[str, ...] = ()
    sell: tuple[str, ...] = ()


class MappedMarket(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A market of the file; tokens as the file writes them, YES first.  Nothing has a default."""

    id: Text
    title: str
    outcomes: tuple[str, str]
    tokens: tuple[Text, Text]
    tick: str
    min_size: str
    size_step: str
    fee_rate: str
    fee_exponent: int
    closes: str | None = None
    """ISO 8601 with a zone; left out: unknown."""


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole mapping file."""

    name: Text
    source: str
    licence: str
    attribution: str
    clock: Clock
    time_unit: TimeUnit
    columns: Columns
    markets: tuple[MappedMarket, ...]
    constants: Constants = Constants()
    words: Words = Words()
    silence_ms: Annotated[int, msgspec.Meta(ge=1)] | None = None
    lost: tuple[str, ...] = ()


def read(source: Path, options: ImportOptions) -> ImportPlan:
    """Plan the recording of one file as ``options.mapping`` explains it."""
    if options.mapping is None:
        raise Place(source, 0).refused("needs a mapping", "name the TOML file that explains it")
    require_kind(source, ".csv", ".jsonl", ".ndjson")
    place = Place(options.mapping, 0)
    mapping = _mapping(place)
    tokens = {token: one.id for one in mapping.markets for token in one.tokens}
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
    parts = _parts(source, mapping, tokens)
    return ImportPlan(header, catalogue, merged([parts], (stream,)))


def _mapping(place: Place) -> Mapping:
    try:
        mapping = msgspec.toml.decode(place.path.read_bytes(), type=Mapping)
    except OSError as error:
        raise place.refused(f"cannot be read ({error.strerror})", "name the mapping file") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise place.refused(f"is not a mapping ({error})", "see docs/data.md") from None
    columns, constants = mapping.columns, mapping.constants
    for name in ("event", "side"):
        if (getattr(columns, name) is None) == (getattr(constants, name) is None):
            raise place.refused(
                f"says {name} twice or never", f"give columns.{name} or constants.{name}"
            )
    tokens = [token for market in mapping.markets for token in market.tokens]
    if len(set(tokens)) != len(tokens) or not tokens:
        raise place.refused("lists no market, or a token twice", "each token has one market")
    return mapping


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
        closes_ns=iso_ns(place, "closes", one.closes) if one.closes else None,
        group=None,
        neg_risk=False,
    )


class _Line(msgspec.Struct, frozen=True):
    event: str
    token: str
    at_ns: int
    side: str
    price: str
    size: str


def _rows(path: Path, mapping: Mapping) -> Iterator[tuple[Place, Row]]:
    columns = mapping.columns
    named = (columns.time, columns.token, columns.price, columns.size, columns.event, columns.side)
    needed = [name for name in named if name is not None]
    if kind_of(path) == ".csv":
        yield from csv_rows(path, needed)
        return
    for place, row in json_lines(path, dict[str, msgspec.Raw]):
        for name in needed:
            if name not in row:
                raise place.refused(f"has no key {name!r}", "correct the mapping or the file")
        yield place, {name: _plain(bytes(row[name])) for name in needed}


def _plain(raw: bytes) -> str:
    """Return a JSON text's content, or a number's own digits; null is no value."""
    text = raw.strip()
    if text.startswith(b'"'):
        return msgspec.json.decode(text, type=str)
    return "" if text == b"null" else text.decode()


def _lines(path: Path, mapping: Mapping, tokens: dict[str, str]) -> Iterator[_Line]:
    columns, words, constants = mapping.columns, mapping.words, mapping.constants
    kinds = {w: k for k in ("level", "change", "trade") for w in getattr(words, k)}
    sides = {w: k for k, spelt in (("BUY", words.buy), ("SELL", words.sell)) for w in spelt}
    for place, row in _rows(path, mapping):
        event = constants.event or kinds.get(row[columns.event or ""])
        side = sides.get(row[columns.side]) if columns.side else (constants.side or "").upper()
        if event is None:
            raise place.refused(f"is of kind {row[columns.event or '']!r}", "add it to [words]")
        if not side:
            raise place.refused(f"has the side {row[columns.side or '']!r}", "add it to [words]")
        token = row[columns.token]
        if token not in tokens:
            raise place.refused(f"names the unknown token {token!r}", "add it to [[markets]]")
        yield _Line(
            event,
            token,
            unix_ns(place, columns.time, row[columns.time], mapping.time_unit),
            side,
            price_text(place, row[columns.price]),
            size_text(place, row[columns.size]),
        )


def _parts(path: Path, mapping: Mapping, tokens: dict[str, str]) -> Iterator[FramePart]:
    lines = _lines(path, mapping, tokens)
    groups = itertools.groupby(lines, lambda line: (line.event, line.token, line.at_ns))
    for (event, token, at_ns), group in groups:
        market, at_ms = tokens[token], at_ns // NANOS_PER_MS
        if event == "trade":
            payloads = [
                wire.trade(market, token, at_ms, line.price, line.size, line.side) for line in group
            ]
        elif event == "change":
            payloads = [
                wire.price_change(
                    market,
                    at_ms,
                    [
                        {
                            "asset_id": token,
                            "price": line.price,
                            "size": line.size,
                            "side": line.side,
                        }
                        for line in group
                    ],
                )
            ]
        else:
            payloads = [_book(market, token, at_ms, list(group))]
        for payload in payloads:
            yield FramePart(_STREAM, 0, at_ns, payload, "reconstructed")


def _book(market: str, token: str, at_ms: int, levels: list[_Line]) -> bytes:
    """Return the snapshot of neighbouring rows; the file may list its levels in any order."""
    bids = [(line.price, line.size) for line in levels if line.side == "BUY"]
    asks = [(line.price, line.size) for line in levels if line.side == "SELL"]
    bids.sort(key=lambda level: parse_micros(level[0]))
    asks.sort(key=lambda level: parse_micros(level[0]), reverse=True)
    return wire.book(market, token, at_ms, bids, asks)
