"""Rows of the report's tables that are not simply parts of the summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from underround.model.orders import Fill, Order
from underround.model.run import BookCounters, MarketSeries, RunSummary, StreamCoverage
from underround.model.units import Money, Nanos, Size, cost_of, proceeds_of
from underround.research.report import numerals

_FULL = 10_000
_LONG_TAIL = 100
"""A stream that ends earlier than another by more than a hundredth of the run ended early."""


class MarketRow(msgspec.Struct, frozen=True):
    """One market at a glance."""

    series: MarketSeries
    fills: int
    orders: int
    fees: Money
    trusted: str
    """Share of the run's span in which its book was trusted."""
    trusted_at_end: bool


class FeeRow(msgspec.Struct, frozen=True):
    """What one market's fills moved and cost."""

    market: str
    title: str
    fills: int
    taker: Money
    maker: Money
    size: Size
    fees: Money

    @property
    def notional(self) -> Money:
        """Money that changed hands."""
        return self.taker + self.maker


class Piece(msgspec.Struct, frozen=True):
    """A part of a timeline strip, in ten-thousandths of its width."""

    kind: Literal["present", "gap", "absent"]
    start: int
    width: int
    text: str


def notional(fill: Fill) -> Money:
    """Return the money a fill moved, rounded against us, without its fee."""
    rounding = cost_of if fill.side == "buy" else proceeds_of
    return rounding(fill.price, fill.size)


def market_rows(
    summary: RunSummary,
    fills: Mapping[str, Sequence[Fill]],
    orders: Mapping[str, Sequence[Order]],
) -> list[MarketRow]:
    """Return the markets, those with most own fills first, then by how much their book changed."""
    books = {book.market: book for book in summary.books}
    length = summary.last_ns - summary.first_ns

    def activity(line: MarketSeries) -> tuple[int, int, int, str]:
        book = books.get(line.market)
        changes = book.applied if book else len(line.prices)
        own = len(fills.get(line.market, ())), len(orders.get(line.market, ()))
        return -own[0], -own[1], -changes, line.market

    return [
        MarketRow(
            series=line,
            fills=len(fills.get(line.market, ())),
            orders=len(orders.get(line.market, ())),
            fees=sum(fill.fee for fill in fills.get(line.market, ())),
            trusted=_trusted(books.get(line.market), length),
            trusted_at_end=_trusted_at_end(books.get(line.market), line),
        )
        for line in sorted(summary.series, key=activity)
    ]


def _trusted(book: BookCounters | None, length: Nanos) -> str:
    return numerals.share(book.trusted_ns, length) if book else numerals.DASH


def _trusted_at_end(book: BookCounters | None, line: MarketSeries) -> bool:
    if book is not None:
        return book.trusted_at_end
    return bool(line.prices) and line.prices[-1].trusted


def fee_rows(summary: RunSummary, fills: Mapping[str, Sequence[Fill]]) -> list[FeeRow]:
    """Return one row per market with fills, highest fees first."""
    titles = {line.market: line.title for line in summary.series}
    titles |= {book.market: book.title for book in summary.books}
    found = [
        FeeRow(
            market=market,
            title=titles.get(market, market),
            fills=len(group),
            taker=sum(notional(fill) for fill in group if fill.liquidity == "taker"),
            maker=sum(notional(fill) for fill in group if fill.liquidity == "maker"),
            size=sum(fill.size for fill in group),
            fees=sum(fill.fee for fill in group),
        )
        for market, group in fills.items()
    ]
    return sorted(found, key=lambda row: (-row.fees, -row.notional, row.market))


def endings(orders: Sequence[Order]) -> list[tuple[str, int]]:
    """Return how many orders ended in each state, most frequent first."""
    counts = Counter(order.state for order in orders)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def timeline(summary: RunSummary) -> tuple[Nanos, Nanos]:
    """Return the span that all coverage strips share: everything requested or present."""
    times = [summary.first_ns, summary.last_ns]
    for stream in summary.coverage:
        ends = (stream.requested_from_ns, stream.requested_to_ns, stream.first_ns, stream.last_ns)
        times += [at_ns for at_ns in ends if at_ns is not None]
    return min(times), max(times)


def tail(summary: RunSummary) -> str:
    """Return which streams go on long after the others ended, in a sentence; empty if none do."""
    lasts = {each.stream: each.last_ns for each in summary.coverage if each.last_ns is not None}
    if not lasts:
        return ""
    end, start = max(lasts.values()), summary.first_ns
    early = [last for last in lasts.values() if (end - last) * _LONG_TAIL > end - start]
    if not early:
        return ""
    quiet_ns = max(early)
    going = [stream for stream, last in lasts.items() if last > quiet_ns]
    carrying = {each.stream for each in summary.streams if each.events}
    words = (
        f"After {numerals.utc(quiet_ns, 0)} UTC only {' and '.join(going)} "
        f"{'goes' if len(going) == 1 else 'go'} on, for {numerals.span(end - quiet_ns)}"
    )
    if carrying.isdisjoint(going):
        return f"{words}: no market data come in any more, so the equity curve ends flat."
    return f"{words}."


def strip(stream: StreamCoverage, ends: tuple[Nanos, Nanos]) -> list[Piece]:
    """Return the strip of one stream, left to right; later pieces lie on top of earlier ones."""
    start, length = ends[0], max(1, ends[1] - ends[0])

    def piece(kind: Literal["present", "gap", "absent"], lo: Nanos, hi: Nanos) -> Piece:
        left = (lo - start) * _FULL // length
        right = -((start - hi) * _FULL // length)
        words = f"{kind} {numerals.utc(lo)} to {numerals.utc(hi)} ({numerals.span(hi - lo)})"
        return Piece(kind, left, max(12, right - left), words)

    pieces: list[Piece] = []
    wanted = (stream.requested_from_ns, stream.requested_to_ns)
    if wanted[0] is not None and wanted[1] is not None:
        pieces.append(piece("absent", wanted[0], wanted[1]))
    if stream.first_ns is not None and stream.last_ns is not None:
        pieces.append(piece("present", stream.first_ns, stream.last_ns))
    pieces += [piece("gap", gap.from_ns, gap.to_ns) for gap in stream.gaps]
    return pieces


def settings(config: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """Return a configuration as dotted keys with their values; text as it is, the rest as JSON."""
    found: list[tuple[str, str]] = []
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            found += settings({str(k): v for k, v in value.items()}, f"{name}.")
        else:
            text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            found.append((name, text))
    return found
