"""What commands show: text and tables for people, one JSON document for programs."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from underround.cli.endings import OutputClosed
from underround.model.units import Money, Nanos, decimal_text

Row: TypeAlias = Sequence[str]


class Screen(Console):
    """A console that says when nobody reads it any more, instead of ending the process."""

    def on_broken_pipe(self) -> None:
        """Raise ``OutputClosed``."""
        raise OutputClosed


def output() -> Screen:
    """Return the console of results (stdout)."""
    return Screen(highlight=False)


def notices() -> Screen:
    """Return the console of progress and notices (stderr)."""
    return Screen(stderr=True, highlight=False)


def print_json(value: object) -> None:
    """Write one JSON document and a line break to stdout, in ASCII whatever the encoding."""
    text = msgspec.json.encode(value, enc_hook=str).decode()
    # Beyond ASCII there is only what stands inside strings, where JSON has escapes for it.
    text = re.sub(r"[^\x00-\x7f]", lambda letter: json.dumps(letter[0])[1:-1], text)
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise OutputClosed from None


def print_table(console: Screen, columns: Row, rows: Sequence[Row], title: str = "") -> None:
    """Print a table: ruled on a terminal, else aligned plain text that is never cut.

    Column names that end in ``>`` are aligned to the right.
    """
    if not rows:
        return
    right = [column.endswith(">") for column in columns]
    names = [column.rstrip(">") for column in columns]
    if console.is_terminal:
        table = Table(title=title or None, title_justify="left", title_style="bold")
        for name, is_right in zip(names, right, strict=True):
            table.add_column(name, justify="right" if is_right else "left", overflow="fold")
        for row in rows:
            table.add_row(*map(plain, row))
        console.print(table)
        return
    lines = [tuple(names), *(tuple(plain(cell).plain for cell in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    if title:
        console.print(Text(title), soft_wrap=True)
    for line in lines:
        cells = [
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(line, widths, right, strict=True)
        ]
        console.print(Text("  ".join(cells).rstrip()), soft_wrap=True)


def print_line(console: Screen, text: str, style: str | None = None) -> None:
    """Print one line as it is; off a terminal it is never wrapped."""
    console.print(plain(text), style=style, soft_wrap=not console.is_terminal)


def print_uncut(console: Screen, label: str, text: str) -> None:
    """Print a label, and below it a text that has to stay in one piece to be copied."""
    if console.is_terminal:
        console.print(plain(label))
        console.print(plain(text), soft_wrap=True)
    else:
        console.print(plain(f"{label}  {text}"), soft_wrap=True)


def plain(text: str) -> Text:
    """Return text that is shown as it is: no markup, and nothing that acts on the terminal."""
    return Text("".join(letter if letter.isprintable() else " " for letter in text))


def dollars(money: Money, *, sign: bool = False) -> str:
    """Return money exactly, with at least two decimals: ``$1,234.50``."""
    whole, _, fraction = decimal_text(abs(money)).partition(".")
    mark = "-" if money < 0 else "+" if sign and money > 0 else ""
    return f"{mark}${int(whole):,}.{fraction.ljust(2, '0')}"


def moment(at_ns: Nanos) -> str:
    """Return a time in UTC to the millisecond."""
    at = datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}.{at_ns // 1_000_000 % 1000:03d}Z"


def span(nanos: Nanos) -> str:
    """Return a duration with its two largest units: ``1 h 12 min``, ``3.25 s``."""
    seconds = nanos / 1e9
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


@contextmanager
def bar(console: Screen, label: str, *, shown: bool) -> Iterator[Callable[[float], None] | None]:
    """Give a function that takes the done share, 0 … 1, and draws it; ``None`` off a terminal."""
    if not shown or not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, refresh_per_second=8) as progress:
        task = progress.add_task(label, total=1.0)
        yield lambda share: progress.update(task, completed=share)


def open_in_browser(console: Screen, file: Path) -> None:
    """Open a file in the browser if there is one, and say so if there is none.

    Without a screen only a browser inside the terminal could be found, and nobody asked for that.
    """
    import webbrowser

    screen = sys.platform in {"darwin", "win32"} or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    if not screen or not webbrowser.open(file.resolve().as_uri()):
        console.print(Text(f"there is no browser here: open {file} yourself"))
