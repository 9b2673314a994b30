"""Polled top-of-book summaries of the same cities and days on both venues.

Reads the folder with ``kalshi/*_books.csv``, ``kalshi/*_markets.csv`` and
``polymarket/*_snapshots.csv``.  Each poll becomes a REST order-book body with one level per side.
Lost: every level but the best, and the size there: it is replaced by the least size that the
summary proves.  Rows of closed markets without a book make no frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from underround.model.market import Catalogue
from underround.model.units import ONE, Price, Size, decimal_text, parse_micros
from underround.pipeline.importers import wire
from underround.pipeline.importers.plan import (
    CREATED_BY,
    FramePart,
    ImportOptions,
    ImportPlan,
    merged,
)
from underround.pipeline.importers.quantities import iso_ns, price_text, unix_ns
from underround.pipeline.importers.source import Place, Row, csv_rows
from underround.pipeline.importers.top_of_book import SMALLEST, least_size
from underround.pipeline.importers.weather_markets import (
    POLYMARKET_COLUMNS,
    catalogue_of,
    tokens_of,
)
from underround.storage.recording import RecordingHeader, StreamHeader

NAME: Final = "weather-ladders"

_KALSHI: Final = "kalshi.orderbooks"
_POLYMARKET: Final = "polymarket.books"
_KALSHI_STEP: Final = 10_000
_POLYMARKET_STEP: Final = 1_000
_STREAMS: Final = (
    StreamHeader(_KALSHI, 0, "kalshi", "polled", "reconstructed"),
    StreamHeader(_POLYMARKET, 1, "polymarket", "polled", "reconstructed"),
)
_BOOK_COLUMNS: Final = (
    "yes_best_bid",
    "yes_best_ask",
    "yes_vwap_buy_100",
    "no_best_ask",
    "no_vwap_buy_100",
)
_LOST: Final = (
    (
        "Only the best bid and ask were kept, with the worth of the whole side and the "
        "average price of 100 dollars: every other level is missing."
    ),
    (
        "The size at the best price was not kept: it is the least size which that average "
        "proves, in hundredths of a share, and 0.01 where it proves nothing; real sizes "
        "were larger."
    ),
    (
        "Books were polled, about every two hours on Kalshi and at other times on "
        "Polymarket: a price pair of the two venues is minutes apart, and what happened "
        "between polls is unknown."
    ),
    "A Polymarket poll without a book (a closed market) makes no frame.",
    "Hashes, tick sizes, last trades, volumes and liquidity of the rows are left out.",
    "Whether a Polymarket market belongs to a neg-risk event was not kept: it is taken not to.",
    (
        "Assumed and not recorded: Kalshi's published fees (0.07·p·(1−p), makers free), "
        "Polymarket's weather fees (0.05·p·(1−p)), minimum orders of 0.01 contract and 5 "
        "shares, and Polymarket ticks of 0.001."
    ),
    (
        "Results are Kalshi's own and exist for days up to 2026-08-03; the venues settle "
        "on different sources."
    ),
)


def read(source: Path, options: ImportOptions) -> ImportPlan:
    """Plan the recording of the folder; raises ``ImportRefused``."""
    del options
    kalshi = _files(source, "kalshi/*_books.csv*")
    polymarket = _files(source, "polymarket/*_snapshots.csv*")
    catalogue, holes = catalogue_of(
        kalshi, sorted(source.glob("kalshi/*_markets.csv*")), polymarket
    )
    header = RecordingHeader(
        name=source.name,
        clock="receive",
        created_by=CREATED_BY,
        source="github.com/RonanMM/prediction-markets-bot",
        licence="MIT",
        attribution="prediction-markets-bot by RonanMM (MIT)",
        streams=_STREAMS,
        lost=_LOST,
        notes="\n".join(f"{group} is not proven exhaustive: {hole}" for group, hole in holes),
    )
    sources = [_kalshi_parts(path) for path in kalshi]
    sources += [_polymarket_parts(path, catalogue) for path in polymarket]
    return ImportPlan(header, catalogue, merged(sources, _STREAMS))


def _files(folder: Path, pattern: str) -> list[Path]:
    found = sorted(folder.glob(pattern))
    if not found:
        raise Place(folder, 0).refused(f"holds no {pattern}", "name the folder of both venues")
    return found


def _kalshi_parts(path: Path) -> Iterator[FramePart]:
    """Yield one ``/markets/orderbooks`` body per poll."""
    rows = csv_rows(path, ("fetched_at_utc", "ticker", *_BOOK_COLUMNS))
    for stamp, group in groupby(rows, lambda line: line[1]["fetched_at_utc"]):
        books: list[tuple[str, wire.Levels, wire.Levels]] = []
        at_ns = 0
        for place, row in group:
            at_ns = iso_ns(place, "fetched_at_utc", stamp)
            bid, ask = _top(place, row, _KALSHI_STEP)
            # A YES ask is a NO bid at the rest of the dollar.
            yes = [] if bid is None else [_kalshi_level(*bid)]
            no = [] if ask is None else [_kalshi_level(ONE - ask[0], ask[1])]
            books.append((row["ticker"], yes, no))
        payload = wire.kalshi_orderbooks(books)
        yield FramePart(_KALSHI, 0, at_ns, payload, "reconstructed")


def _kalshi_level(price: Price, size: Size) -> tuple[str, str]:
    """Return a level in Kalshi's fixed point: four decimals of a dollar, two of a contract."""
    return f"0.{price // 100:04d}", f"{size // ONE}.{size % ONE // SMALLEST:02d}"


def _polymarket_parts(path: Path, catalogue: Catalogue) -> Iterator[FramePart]:
    """Yield one ``/book`` body of the YES token per poll of a market."""
    yes = {market.id.native: market.tokens[0] for market in catalogue.markets}
    for place, row in csv_rows(path, (*POLYMARKET_COLUMNS, *_BOOK_COLUMNS)):
        at_ns = iso_ns(place, "fetched_at_utc", row["fetched_at_utc"])
        if tokens_of(place, row)[0] != yes[row["condition_id"]]:
            raise place.refused("names other tokens than before", "repair or drop the row")
        if not row["book_ts"]:
            if any(row[name] for name in _BOOK_COLUMNS):
                raise place.refused("has prices but no book_ts", "repair or drop the row")
            continue
        at_ms = unix_ns(place, "book_ts", row["book_ts"], "ms") // 1_000_000
        bid, ask = _top(place, row, _POLYMARKET_STEP)
        payload = wire.rest_book(
            row["condition_id"], yes[row["condition_id"]], at_ms, _side(bid), _side(ask), {}
        )
        yield FramePart(_POLYMARKET, 0, at_ns, payload, "reconstructed")


def _side(level: tuple[Price, Size] | None) -> wire.Levels:
    return [] if level is None else [(decimal_text(level[0]), decimal_text(level[1]))]


def _top(
    place: Place, row: Row, step: Price
) -> tuple[tuple[Price, Size] | None, tuple[Price, Size] | None]:
    """Return best bid and best ask in YES terms with their least sizes."""
    bid = _inside(place, row["yes_best_bid"])
    ask = _inside(place, row["yes_best_ask"])
    if bid is not None and ask is not None and bid >= ask:
        raise place.refused("has a bid at or above its ask", "repair or drop the row")
    no_ask = _inside(place, row["no_best_ask"])
    bids = asks = None
    if ask is not None:
        asks = ask, least_size(ask, _inside(place, row["yes_vwap_buy_100"]), step)
    if bid is not None:
        # The YES bid is the NO ask read from the other side, if both were read in one moment.
        mirrored = no_ask is not None and no_ask == ONE - bid
        average = _inside(place, row["no_vwap_buy_100"]) if mirrored else None
        bids = bid, least_size(ONE - bid, average, step)
    return bids, asks


def _inside(place: Place, text: str) -> Price | None:
    """Return a price strictly inside (0, 1), ``None`` for an empty cell."""
    if not text:
        return None
    price = parse_micros(price_text(place, text))
    if not 0 < price < ONE:
        raise place.refused(f"has the price {text}", "no order can rest there; drop the row")
    return price
