"""What ``record`` shows: a picture on a terminal, else a line a minute; a table at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from underround.app.recorder.figures import (
    BookTotal,
    RecordProgress,
    RecordSummary,
    StreamNow,
    StreamTotal,
)
from underround.app.recorder.recorder import Recorder
from underround.cli.screen import Row, Screen, moment, plain, print_line, print_table, span
from underround.cli.views import Drawing, View

LINE_S: Final = 60
"""Between two lines where there is no terminal."""
SHOWN_BOOKS: Final = 20
"""Books in the last table; the least trusted come first."""
_ENDED: Final = {
    "time": "the time asked for is over",
    "signal": "stopped",
    "closed": "every market is over",
    "failed": "stopped by an error",
}
_SIZES: Final = ("B", "kB", "MB", "GB", "TB")


def size(count: int) -> str:
    """Return bytes with three digits: ``1.23 GB``."""
    number, unit = float(count), 0
    while number >= 999.5 and unit < len(_SIZES) - 1:
        number, unit = number / 1_000, unit + 1
    return f"{number:.3g} {_SIZES[unit]}"


# --- while it runs -----------------------------------------------------------------------------


class Picture(Drawing):
    """Draws the recorder it is called with; use as a context manager."""

    def __init__(self, console: Screen) -> None:
        super().__init__(console, transient=True)
        self._console = console

    def __call__(self, recorder: Recorder) -> None:
        """Draw how it goes; what happened stays above the picture."""
        while recorder.news:
            self._console.print(plain(f"{moment(recorder.feeds.now())}  {recorder.news.popleft()}"))
        now = recorder.progress()
        self._draw(Group(Text(headline(now)), _streams(now.streams)))


class Lines(View):
    """Writes what happened at once, and how it goes once a minute."""

    def __init__(self, console: Screen, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._next = 0.0

    def __call__(self, recorder: Recorder) -> None:
        """Write a line if it is time."""
        while recorder.news:
            print_line(self._console, f"{moment(recorder.feeds.now())}  {recorder.news.popleft()}")
        if self._clock() >= self._next:
            self._next = self._clock() + LINE_S
            now = recorder.progress()
            trouble = [f"{each.stream}: {each.trouble}" for each in now.streams if each.trouble]
            print_line(self._console, "  ".join((moment(now.at_ns), headline(now), *trouble[:1])))


def headline(now: RecordProgress) -> str:
    """Return how it goes, in one line."""
    left = "" if now.left_s is None else f", {span(int(now.left_s * 1e9))} left"
    oldest = "–" if now.oldest_ms is None else span(now.oldest_ms * 1_000_000)
    late = f"  {now.overflows:,} overflows ({now.dropped:,} frames unseen)" if now.dropped else ""
    return (
        f"{span(int(now.elapsed_s * 1e9))}{left}  {now.frames:,} frames  "
        f"{now.frames_per_s:,.0f}/s  {size(now.payload_bytes)} heard, {size(now.disk_bytes)} in "
        f"this part  {now.trusted}/{now.books} books trusted, oldest {oldest}  "
        f"{size(now.free_bytes)} free{late}"
    )


def _streams(streams: Sequence[StreamNow]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("stream", no_wrap=True)
    for name in ("connection", "topics", "frames", "unparsed", "silences"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for each in streams:
        state = ("✓", "green") if each.connected else (f"✗ {each.trouble}", "yellow")
        table.add_row(
            each.stream,
            str(each.connection),
            f"{each.proven}/{each.topics}",
            f"{each.frames:,}",
            f"{each.unparsed:,}",
            f"{each.silences:,}",
            Text(plain(state[0]).plain, state[1]),
        )
    return table


# --- at the end --------------------------------------------------------------------------------


def print_summary(console: Screen, summary: RecordSummary) -> None:
    """Print what was recorded, what it covers, and how to prove it."""
    print_table(
        console,
        ("stream", "frames>", "asked for>", "covered>", "gaps>", "longest>", "unparsed>"),
        [_stream_row(each) for each in summary.streams],
    )
    books = sorted(summary.books, key=lambda each: each.share)
    print_table(
        console,
        ("book", "trusted>", "followed>", "proofs>", "failed>", "asked anew"),
        [_book_row(each) for each in books[:SHOWN_BOOKS]],
    )
    if len(books) > SHOWN_BOOKS:
        left = books[SHOWN_BOOKS:]
        print_line(
            console, f"{len(left):,} more books were trusted {_percent(left[0].share)} or more"
        )
    for sentence in summary.notes:
        print_line(console, sentence)
    for part in summary.parts:
        state = "" if part.sealed else ", NOT sealed"
        print_line(
            console,
            f"{part.path}  {part.frames:,} frames, {part.markets:,} markets, "
            f"{size(part.bytes)}{state}",
        )
    print_line(
        console,
        f"{_ENDED[summary.ended]} after {span(int(summary.seconds * 1e9))}; "
        f"{summary.frames:,} frames, {size(summary.payload_bytes)} of payload",
    )
    if summary.parts:
        paths = " ".join(part.path for part in summary.parts[:3])
        more = " …" if len(summary.parts) > 3 else ""
        print_line(console, f"prove it: underround recording verify {paths}{more}")


def _stream_row(each: StreamTotal) -> Row:
    covered = each.covered
    rests = covered is None
    return (
        each.stream,
        f"{each.frames:,}",
        "–" if rests else span(each.requested_ns),
        "–" if covered is None else _percent(covered),
        "–" if rests else f"{each.gaps:,}",
        span(each.longest_ns) if each.gaps else "–",
        f"{each.unparsed:,}",
    )


def _book_row(each: BookTotal) -> Row:
    anew = ", ".join(f"{count}× {reason}" for reason, count in each.resyncs.items())
    return (
        each.name,
        _percent(each.share),
        span(each.followed_ns),
        f"{each.verified:,}",
        f"{each.mismatched + each.gaps:,}",
        anew or "–",
    )


def _percent(share: float) -> str:
    """Return a share in percent, cut: only what is whole is 100 %."""
    return f"{int(share * 10_000) / 100:.2f} %"
