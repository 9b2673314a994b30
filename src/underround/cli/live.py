"""The live picture of a replay: progress, books, equity and counts, on a terminal only."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from underround.cli.screen import Screen, dollars, moment, plain
from underround.cli.views import Drawing
from underround.model.units import Price, decimal_text

if TYPE_CHECKING:
    from underround.app import ReplayProgress

LEAST_SECONDS: Final = 1 / 8
"""Between two pictures: more can not be read."""
SHOWN_BOOKS: Final = 8


class ReplayPicture(Drawing):
    """Draws what it is called with, at most eight times a second; use as a context manager."""

    def __init__(self, console: Screen, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(console, transient=True)
        self._clock = clock
        self._next = 0.0
        self._bar = Progress(
            TextColumn("replaying"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bar.add_task("replaying", total=None)

    def __call__(self, now: ReplayProgress) -> None:
        """Draw ``now``, unless the last picture is too young."""
        seconds = self._clock()
        if seconds < self._next:
            return
        self._next = seconds + LEAST_SECONDS
        self._draw(self._picture(now))

    def _picture(self, now: ReplayProgress) -> Group:
        if now.fraction is not None:
            self._bar.update(self._task, total=1.0, completed=now.fraction)
        return Group(self._bar, _feed(now), _money(now), _books(now))


def _feed(now: ReplayProgress) -> Text:
    return Text(
        f"{moment(now.at_ns)}  {now.frames:,} frames  {now.events:,} events  "
        f"{now.books_trusted}/{now.books_total} books trusted"
    )


def _money(now: ReplayProgress) -> Text:
    """Equity, its change since the run began, and counts."""
    change = now.equity - now.starting_cash
    text = Text("equity ")
    text.append(dollars(now.equity), "bold")
    text.append(f" {dollars(change, sign=True)}", "green" if change >= 0 else "red")
    text.append(f"  {now.orders:,} orders  {now.fills:,} fills  {now.refusals:,} refused")
    return text


def _books(now: ReplayProgress) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True, min_width=9)
    for name in ("bid", "ask"):
        table.add_column(name, justify="right", no_wrap=True, min_width=8)
    # Only the title gives way in a narrow terminal.
    table.add_column("market", no_wrap=True)
    for title, bid, ask, trusted in now.top[:SHOWN_BOOKS]:
        mark = Text("✓ trusted", "green") if trusted else Text("✗ doubted", "yellow")
        table.add_row(mark, _price(bid), _price(ask), plain(title))
    return table


def _price(price: Price | None) -> str:
    return "–" if price is None else decimal_text(price)
