"""``underround history``: fetch old trades into a folder, and go on where it stopped."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from underround.cli.loop import run
from underround.model.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from underround.app.history import Fetched
    from underround.pipeline.history import Progress


def history(
    source: Annotated[
        Literal["goldsky", "chain"],
        typer.Argument(metavar="goldsky|chain", help="Up to 2026-04-28, or since."),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A folder, new or of before.")],
    begin: Annotated[str, typer.Option("--from", metavar="TIME", help="2026-03-01 or …T12:00Z.")],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="Included.")],
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Default: ./underround.toml if it is there."),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Override a key; repeatable."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Fetch Polymarket's old trades: exact, every row once, into Parquet files.

    Whatever stops it, the same command goes on where it was.  A day as --to means all of it.
    """
    from underround import app as application
    from underround.app.clients import Clients
    from underround.app.history import fetch_history
    from underround.operations.config import default_file

    first_s, last_s = seconds(begin, "--from"), seconds(end, "--to", whole_day=True)
    loaded = application.load_config(config or default_file(), overrides or [], strategies=False)

    async def fetch(told: Callable[[Progress], None]) -> Fetched:
        async with Clients(loaded.value.venues) as clients:
            return await fetch_history(clients, source, out.expanduser(), first_s, last_s, told)

    with _bar() as told:
        fetched = run(fetch(told))
    _show(fetched, as_json=as_json)


def seconds(text: str, option: str, *, whole_day: bool = False) -> int:
    """Return a UTC day or time as Unix seconds; ``whole_day``: a day means its last second.

    Raises ``ConfigError`` naming the option.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{option}: {text!r} is no time: write 2026-03-01 or 2026-03-01T12:00Z"
        ) from None
    if at.tzinfo is not None:
        at = at.astimezone(UTC)
    is_day = len(text) == len("2026-03-01")
    return calendar.timegm(at.timetuple()) + (86_399 if whole_day and is_day else 0)


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    """Show how far it is on stderr; nothing where that is no terminal."""
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    from underround.cli.screen import notices

    console = notices()
    with Bar(
        TextColumn("fetching"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %  {task.fields[trades]:,} trades"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as bar:
        task = bar.add_task("fetching", total=None, trades=0)
        trades = 0

        def told(progress: Progress) -> None:
            nonlocal trades
            trades += progress.chunk.trades
            bar.update(task, completed=progress.done, total=progress.of, trades=trades)

        yield told


def _show(fetched: Fetched, *, as_json: bool) -> None:
    from underround.cli.screen import output, print_json, print_line

    if as_json:
        print_json(fetched)
        return
    console = output()
    print_line(
        console,
        f"{fetched.folder}: {fetched.trades:,} trades, {fetched.unit}s {fetched.first} to "
        f"{fetched.last} are covered",
    )
    for reason, count in sorted(fetched.left_out.items()):
        print_line(console, f"  left out: {count:,} ({reason})")
