"""``underround markets --watch``: live books, redrawn twice a second or more; q or Ctrl-C ends."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from underround.app.clients import Clients
from underround.app.configuration import Config
from underround.app.markets.catalogues import Catalogues
from underround.app.markets.search import Seen, Wish, name_of, search
from underround.app.markets.watch import Reference, Watch, WatchRow
from underround.cli.endings import Stopper
from underround.cli.key_opener import key_opener
from underround.cli.loop import run
from underround.cli.market_table import nothing, say_failures, until_stopped
from underround.cli.market_words import decimal
from underround.cli.screen import Screen, dollars, moment, notices, output, plain, print_json
from underround.cli.screen import print_line as say
from underround.cli.views import Drawing, View
from underround.model.ids import Venue
from underround.model.units import Price, Size, decimal_text

PERIOD_S: Final = 0.25
"""Between two pictures: four a second, however much happens."""


def watch_command(
    config: Config, wish: Wish, *, as_json: bool, password_fd: int | None = None
) -> int:
    """Show the live books of what fits the wish; returns the exit code."""
    at = time.time_ns()

    async def look(told: Callable[[Venue], None]) -> Seen:
        async with Clients(config.venues) as clients:
            return await search(Catalogues(clients, told), config.discovery, wish, at)

    seen = until_stopped(look)
    say_failures(seen)
    listings = [each for each in seen.listings if each.state == "open"]
    if not listings:
        say(notices(), nothing(seen, wish) if not seen.listings else "none of them is open now")
        return 1
    with key_opener(config, password_fd) as keystore, Stopper(quiet=True) as stop:

        async def main() -> int:
            async with Clients(config.venues, keystore=keystore) as clients:
                watch = Watch(clients, Catalogues(clients), listings, config.books, random.Random())
                return await show(watch, stop, as_json=as_json)

        return run(main())


async def show(watch: Watch, stop: Stopper, *, as_json: bool) -> int:
    """Show a watch until q, a signal, or the close of its last market; returns the exit code."""
    console = output()
    for note in watch.notes:
        say(notices(), note, "yellow")
    running = asyncio.ensure_future(watch.run())
    surface: Picture | Lines
    surface = (
        Picture(console, watch)
        if console.is_terminal and not as_json
        else Lines(console, watch, as_json=as_json)
    )
    try:
        with surface, pressed("q") as quit_pressed:
            while not (running.done() or stop() or quit_pressed()):
                await asyncio.wait([running], timeout=PERIOD_S)
                surface.draw()
        if running.done():
            running.result()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return stop.exit_code if stop() else 0


@contextmanager
def pressed(key: str) -> Iterator[Callable[[], bool]]:
    """Give a function that tells whether a key was pressed; never, without a terminal to type in.

    Keys are read one by one and not shown meanwhile; Ctrl-C stays a signal.
    """
    if not sys.stdin.isatty():
        yield lambda: False
        return
    import termios
    import tty

    seen = bytearray()

    def read() -> None:
        with suppress(OSError):
            seen.extend(os.read(descriptor, 1_024).lower())

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    loop = asyncio.get_running_loop()
    tty.setcbreak(descriptor)
    loop.add_reader(descriptor, read)
    try:
        yield lambda: key.encode() in seen
    finally:
        loop.remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


class Lines(View):
    """One line per change of a best price or of trust, for pipes and files."""

    def __init__(self, console: Screen, watch: Watch, *, as_json: bool) -> None:
        self._console = console
        self._watch = watch
        self._as_json = as_json

    def _end(self) -> None:
        self.draw()

    def draw(self) -> None:
        """Write what changed since the last time."""
        changes = self._watch.changes
        while changes:
            row = changes.popleft()
            if self._as_json:
                print_json(row_json(row))
            else:
                say(self._console, line_of(row))


def line_of(row: WatchRow) -> str:
    """Return a change in one line."""
    return (
        f"{moment(row.at_ns)}  {name_of(row.listing)}  bid {_level(row.bid, row.bid_size)}  "
        f"ask {_level(row.ask, row.ask_size)}  {_state(row)}"
    )


def row_json(row: WatchRow) -> dict[str, object]:
    """Return a change for programs."""
    return {
        "at_ns": row.at_ns,
        "name": name_of(row.listing),
        "bid": decimal(row.bid),
        "bid_size": decimal(row.bid_size),
        "ask": decimal(row.ask),
        "ask_size": decimal(row.ask_size),
        "trusted": row.trusted,
        "proof": row.proof,
        "doubt": row.doubt,
        "closed": row.closed,
    }


class Picture(Drawing):
    """The table of live books; use as a context manager."""

    def __init__(self, console: Screen, watch: Watch) -> None:
        super().__init__(console)
        self._watch = watch

    def _begin(self) -> None:
        super()._begin()
        self.draw()

    def draw(self) -> None:
        """Draw what is known now."""
        watch = self._watch
        watch.changes.clear()  # the picture shows what is; nobody reads these
        parts: list[RenderableType] = [_books(watch.rows())]
        parts += [_reference(each) for each in watch.references()]
        connected, wanted = watch.connected()
        status = f"{connected}/{wanted} sockets  {watch.trouble()}".rstrip()
        parts.append(Text(f"{status}  ·  q or Ctrl-C ends", "dim"))
        self._draw(Group(*parts))


def _books(rows: list[WatchRow]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("market", no_wrap=True, ratio=1)
    for name in ("bid size", "bid", "ask", "ask size", "spread", "age"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("book", no_wrap=True)
    for row in rows:
        table.add_row(
            plain(row.listing.market.title),
            _size(row.bid, row.bid_size),
            Text(_price(row.bid), "green"),
            Text(_price(row.ask), "red"),
            _size(row.ask, row.ask_size),
            _price(row.spread),
            _age(row.age_ms),
            Text(_state(row), "green" if row.trusted else "yellow"),
        )
    return table


def _state(row: WatchRow) -> str:
    if row.closed:
        return "closed"
    return f"✓ {row.proof}" if row.trusted else f"✗ {row.doubt}"


def _reference(each: Reference) -> Text:
    return Text(f"{each.symbol}  {dollars(each.price)}  {_age(each.age_ms)}")


def _level(price: Price | None, size: Size) -> str:
    return "–" if price is None else f"{decimal_text(price)} × {decimal_text(size)}"


def _price(price: Price | None) -> str:
    return "–" if price is None else decimal_text(price)


def _size(price: Price | None, size: Size) -> str:
    return "" if price is None else decimal_text(size)


def _age(age_ms: int | None) -> str:
    if age_ms is None:
        return "–"
    return f"{age_ms} ms" if age_ms < 1_000 else f"{age_ms // 1_000} s"
