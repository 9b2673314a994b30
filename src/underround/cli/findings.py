"""How the findings of an examination are shown: lines as they arrive, a live table, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from underround.app.doctor import Finding, Line
from underround.cli.screen import Screen, output, plain, print_line
from underround.cli.views import Drawing, View

_STYLES: Final = {"ok": "green", "note": "cyan", "warning": "yellow", "failed": "bold red"}


class FindingsView(View):
    """Shows nothing: for ``--json``."""

    def planned(self, lines: tuple[Line, ...]) -> None:
        """Hear which lines there will be."""

    def told(self, place: int, finding: Finding) -> None:
        """Hear of the finding of one line."""


class PlainView(FindingsView):
    """Prints each line as soon as it and all before it are there, so the order is always one."""

    def __init__(self, console: Screen) -> None:
        self._console = console
        self._waiting: dict[int, Finding] = {}
        self._next = 0

    def told(self, place: int, finding: Finding) -> None:
        """Keep the finding, and print what its turn is."""
        self._waiting[place] = finding
        while self._next in self._waiting:
            each = self._waiting.pop(self._next)
            self._next += 1
            where = f"{each.level:8} {each.venue:11} {each.subject:13}"
            print_line(self._console, f"{where} {_sentence(each)}")


class LiveView(Drawing, FindingsView):
    """Draws all lines at once and fills them in."""

    def __init__(self, console: Screen) -> None:
        super().__init__(console)
        self._lines: tuple[Line, ...] = ()
        self._found: dict[int, Finding] = {}

    def planned(self, lines: tuple[Line, ...]) -> None:
        """Draw every line as one that is being asked."""
        self._lines = lines
        self._draw(self._picture())

    def told(self, place: int, finding: Finding) -> None:
        """Fill in one line."""
        self._found[place] = finding
        self._draw(self._picture())

    def _picture(self) -> Table:
        table = Table(box=None, pad_edge=False, show_header=False)
        for _ in range(3):
            table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        before = ""
        for place, line in enumerate(self._lines):
            found = self._found.get(place)
            level = Text("…", "dim") if found is None else Text(found.level, _STYLES[found.level])
            venue = "" if line.venue == before else line.venue
            before = line.venue
            said = Text() if found is None else plain(_sentence(found))
            table.add_row(level, plain(venue), plain(line.subject), said)
        return table


def view_for(*, as_json: bool) -> FindingsView:
    """Return what shows the lines on this output."""
    if as_json:
        return FindingsView()
    console = output()
    return LiveView(console) if console.is_terminal else PlainView(console)


def _sentence(finding: Finding) -> str:
    return f"{finding.says}: {finding.remedy}" if finding.remedy else finding.says


def summary(findings: Sequence[Finding], *, live: bool) -> str:
    """Return the last line: what it all means."""
    failed, warnings = (
        sum(finding.level == level for finding in findings) for level in ("failed", "warning")
    )
    told = f"{len(findings)} lines, {failed} failed, {warnings} with a warning"
    if failed:
        return f"{told}: correct what failed before trading live"
    if not live:
        return f"{told}; --live judges by what live trading needs"
    return f"{told}: nothing stands in the way of live trading"
