"""What is watched while a replay runs: lines for the report, progress for the operator."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Final

import msgspec

from underround.model.ids import MarketId, OutcomeId
from underround.model.run import EquityPoint, InventoryPoint, MarketSeries, PricePoint
from underround.model.units import Money, Nanos, Price
from underround.research.series import Decimated
from underround.trading.engine import Engine

EQUITY_POINTS: Final = 2_000
PRICE_POINTS: Final = 600
"""Half of the most points a market's line keeps; bounded however long the run is."""
_PROGRESS_SECONDS: Final = 0.1
_SHOWN_BOOKS: Final = 8


class ReplayProgress(msgspec.Struct, frozen=True):
    """Where a replay stands."""

    fraction: float | None
    at_ns: Nanos
    frames: int
    events: int
    orders: int
    fills: int
    refusals: int
    equity: Money
    starting_cash: Money
    books_trusted: int
    books_total: int
    top: list[tuple[str, Price | None, Price | None, bool]]
    """Title, best bid, best ask of YES, trusted: the books with most changes first."""


class _Lines:
    """One market's lines."""

    __slots__ = ("held", "inventory", "prices", "shown")

    def __init__(self) -> None:
        self.prices: Decimated[PricePoint] = Decimated(
            PRICE_POINTS,
            (lambda point: point.ask, lambda point: -point.bid, lambda point: not point.trusted),
        )
        self.inventory: Decimated[InventoryPoint] = Decimated(PRICE_POINTS)
        self.held = (0, 0)
        self.shown: tuple[Price, Price, bool] | None = None


class Observation:
    """Implements ``simulation.replay.Observer``: reads the engine, changes nothing."""

    def __init__(
        self,
        engine: Engine,
        frame_count: int,
        progress: Callable[[ReplayProgress], None] | None,
        stop: Callable[[], bool],
        tick: Callable[[Nanos], None],
    ) -> None:
        """Watch ``engine``; ``stop`` is asked between frames, ``tick`` told the time.

        ``tick`` lets the journal hand its batches over in quiet spells.
        """
        self.tick = tick
        self._engine = engine
        self._frame_count = frame_count
        self._progress = progress
        self._stop = stop
        self._reported = 0.0
        self._equity: Decimated[EquityPoint] = Decimated(
            EQUITY_POINTS, (lambda point: point.equity, lambda point: -point.equity)
        )
        self._lines: dict[MarketId, _Lines] = {}

    def timer(self, now: Nanos) -> None:
        """Note equity, and the prices and inventory that changed since the last timer."""
        engine = self._engine
        self._equity.append(engine.losses.point(now))
        for market, tracked in engine.hub.books.items():
            lines = self._lines.get(market)
            if lines is None:
                lines = self._lines[market] = _Lines()
            book = tracked.book
            shown = (book.bid * book.step, book.ask * book.step, tracked.trusted)
            if shown != lines.shown:
                lines.shown = shown
                lines.prices.append(PricePoint(now, *shown))
        for outcome in engine.portfolio.ledger.holdings:
            self._note_inventory(outcome.market, now)
        self.tick(now)

    def _note_inventory(self, market: MarketId, now: Nanos) -> None:
        ledger = self._engine.portfolio.ledger
        held = (
            ledger.holding(OutcomeId(market, 0)).total,
            ledger.holding(OutcomeId(market, 1)).total,
        )
        lines = self._lines[market]
        if held != lines.held:
            lines.inventory.append(InventoryPoint(now, *lines.held))
            lines.inventory.append(InventoryPoint(now, *held))
            lines.held = held

    def finish(self, now: Nanos) -> None:
        """Draw every line to the end of the run."""
        self.timer(now)
        for lines in self._lines.values():
            if lines.shown is not None:
                lines.prices.append(PricePoint(now, *lines.shown))
            if lines.inventory.appended:
                lines.inventory.append(InventoryPoint(now, *lines.held))

    def frames(self, count: int, now: Nanos) -> bool:
        """Report progress at most ten times a second; return whether to stop."""
        if self._progress is not None:
            clock = perf_counter()
            if clock - self._reported >= _PROGRESS_SECONDS:
                self._reported = clock
                self._progress(self.progress(count, now))
        return self._stop()

    def progress(self, count: int, now: Nanos) -> ReplayProgress:
        """Return where the replay stands."""
        engine = self._engine
        books = engine.hub.books
        busiest = sorted(books.values(), key=lambda tracked: -tracked.counters.applied)
        top = [
            (
                tracked.market.title,
                tracked.book.best_bid(0),
                tracked.book.best_ask(0),
                tracked.trusted,
            )
            for tracked in busiest[:_SHOWN_BOOKS]
        ]
        return ReplayProgress(
            fraction=min(1.0, count / self._frame_count) if self._frame_count else None,
            at_ns=now,
            frames=count,
            events=sum(tracked.counters.applied for tracked in books.values()),
            orders=engine.executor.count,
            fills=sum(desk.fills for desk in engine.desks),
            refusals=sum(desk.refusals for desk in engine.desks),
            equity=engine.losses.equity(),
            starting_cash=engine.losses.initial or 0,
            books_trusted=sum(tracked.trusted for tracked in books.values()),
            books_total=len(books),
            top=top,
        )

    # --- for the summary -----------------------------------------------------------------------

    def equity_curve(self) -> list[EquityPoint]:
        """Return the equity line."""
        return list(self._equity.points())

    def series(self) -> list[MarketSeries]:
        """Return every market's lines, in order of appearance."""
        found = []
        for market_id, lines in self._lines.items():
            market = self._engine.hub.markets[market_id]
            found.append(
                MarketSeries(
                    market=str(market_id),
                    title=market.title,
                    outcomes=market.outcomes,
                    prices=list(lines.prices.points()),
                    inventory=list(lines.inventory.points()),
                )
            )
        return found
