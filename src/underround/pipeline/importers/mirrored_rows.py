"""Rows of level changes in which every change is told twice, once for each token of a market."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import polars as pl

from underround.model.market import CENT
from underround.model.units import ONE, Price, decimal_text
from underround.pipeline.importers import wire
from underround.pipeline.importers.quantities import float_micros
from underround.pipeline.importers.source import Place

_COLUMNS: Final = {
    "timestamp": pl.Datetime("ms", "UTC"),
    "price": pl.Float64(),
    "size": pl.Float64(),
    "best_bid": pl.Float64(),
    "best_ask": pl.Float64(),
    "asset_id": pl.String(),
}
_WORDS: Final = ("side", "event_type")
_MILLI: Final = 1_000
Entry = tuple[int, str, str, int, int, int, int]
"""Milliseconds, token, BUY or SELL; price, size, best bid and best ask in millionths."""


class Pair(msgspec.Struct, frozen=True):
    """Two tokens of one market; the first is called YES."""

    yes: str
    no: str
    tick: Price
    """The finest grid that any price of the two uses."""

    @property
    def native(self) -> str:
        """The market's name: its condition id is not in the source."""
        return f"ticks-{self.yes[:12]}"


def table_of(path: Path) -> pl.DataFrame:
    """Return the file's columns with the row numbers of the file; refuses another schema."""
    place = Place(path, 0)
    try:
        frame = pl.scan_parquet(path, glob=False)
        schema = frame.collect_schema()
        for name in (*_COLUMNS, *_WORDS):
            if name not in schema:
                raise place.refused(
                    f"has no column {name!r}", f"it has {', '.join(schema)}; choose its importer"
                )
        for name, kind in _COLUMNS.items():
            if schema[name] != kind:
                raise place.refused(
                    f"has column {name} as {schema[name]} instead of {kind}", "choose its importer"
                )
        return (
            frame.select(
                pl.col("timestamp").dt.epoch("ms").alias("at_ms"),
                "asset_id",
                *(pl.col(name).cast(pl.Categorical) for name in _WORDS),
                *("price", "size", "best_bid", "best_ask"),
            )
            .with_row_index("row", offset=1)
            .collect()
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise place.refused(f"is not a readable Parquet file ({reason})", "get it again") from None


def rows_of(path: Path, table: pl.DataFrame, event: str) -> Iterator[tuple[Place, Entry]]:
    """Yield the rows of one kind, exactly; refuses what is missing, negative or too fine."""
    for row in table.filter(pl.col("event_type") == event).iter_rows():
        number, at_ms, token, label, _, price, size, bid, ask = row
        place = Place(path, number)
        side = wire.side_word(label or "")
        if at_ms is None or token is None or side is None:
            raise place.refused("has no time, token or known side", "repair or drop the row")
        yield (
            place,
            (
                at_ms,
                token,
                side,
                float_micros(place, "price", price),
                float_micros(place, "size", size),
                float_micros(place, "best bid", bid),
                float_micros(place, "best ask", ask),
            ),
        )


def pairs_of(path: Path, table: pl.DataFrame) -> list[Pair]:
    """Return which tokens mirror each other, in order of appearance, with their finest tick."""
    known = ("PRICE_CHANGE", "LAST_TRADE")
    if unknown := set(table["event_type"].unique().to_list()) - set(known):
        what = ", ".join(sorted(map(repr, unknown)))
        raise Place(path, 0).refused(f"holds the event {what}", f"known are {' and '.join(known)}")
    votes: Counter[frozenset[str]] = Counter()
    first: dict[str, None] = {}
    fine: set[str] = set()
    before: Entry | None = None
    for place, entry in rows_of(path, table, "PRICE_CHANGE"):
        if not 0 < entry[3] < ONE or entry[3] % _MILLI:
            raise place.refused(f"has the price {decimal_text(entry[3])}", "no tick fits it")
        first.setdefault(entry[1])
        if entry[3] % CENT:
            fine.add(entry[1])
        if before is not None and mirrored(before, entry):
            votes[frozenset((before[1], entry[1]))] += 1
            before = None
        else:
            before = entry
    twins = _twins(votes)
    traded = set(table["asset_id"].unique().to_list())
    if alone := (set(first) | traded) - set(twins):
        raise Place(path, 0).refused(
            f"holds the token {min(alone)} without a mirrored twin", "both tokens are needed"
        )
    order = list(first)
    return [
        Pair(token, twins[token], _MILLI if fine & {token, twins[token]} else CENT)
        for place_of, token in enumerate(order)
        if twins[token] not in order[:place_of]
    ]


def _twins(votes: Counter[frozenset[str]]) -> dict[str, str]:
    """Return each token's twin: the one it mirrored most often, and that has no better one."""
    twins: dict[str, str] = {}
    for pair, _ in votes.most_common():
        one, other = sorted(pair)
        if one not in twins and other not in twins:
            twins[one], twins[other] = other, one
    return twins


def mirrored(one: Entry, other: Entry) -> bool:
    """Whether two rows are one change, told once for each token of a market."""
    same = one[0] == other[0] and one[4] == other[4] and one[3] + other[3] == ONE
    return same and one[1] != other[1] and one[2] != other[2]
