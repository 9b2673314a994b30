"""``python -m benchmarks [--json | --markdown] [--page FILE] [--rounds N] [NAME…]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from benchmarks import (
    books,
    local_clob,
    local_sockets,
    matching,
    replays,
    signing,
    storage,
    user_channel,
)
from benchmarks.measure import Figure, Machine, machine

BENCHMARKS: Final[dict[str, Callable[[int], list[Figure]]]] = {
    "book": books.measure,
    "replay": replays.measure,
    "matching": matching.measure,
    "local-clob": local_clob.measure,
    "local-sockets": local_sockets.measure,
    "memory": replays.measure_memory,
    "journal": storage.measure_journal,
    "recording": storage.measure_recording,
    "signing": signing.measure,
    "user": user_channel.measure,
}
BEGIN: Final = "<!-- measured: begin -->"
END: Final = "<!-- measured: end -->"
_RECORDING: Final = (
    "Messages are those of the bundled recording nhl-2026-06-07: rows rebuilt into the venue's "
    "wire format by the importer. Hashes are ours, computed beforehand: the rows had none."
)


class Results(msgspec.Struct, frozen=True):
    """Everything that was measured in one run."""

    date: str
    command: str
    machine: Machine
    traffic: str
    figures: list[Figure]


def number(value: float) -> str:
    """Return a figure with three significant digits, thousands separated."""
    if value >= 1000:
        digits = len(str(int(value))) - 3
        return f"{round(value, -digits):,.0f}"
    return f"{value:#.3g}".rstrip(".")


def _verdict(figure: Figure) -> str:
    if figure.met is None:
        return ""
    return f"{figure.target}: {'met' if figure.met else 'NOT met'}"


def _cells(figure: Figure) -> tuple[str, ...]:
    return (
        figure.benchmark,
        figure.name,
        f"{number(figure.median)} {figure.unit}",
        f"{number(figure.least)} … {number(figure.most)}",
        str(figure.rounds),
        _verdict(figure),
        figure.note,
    )


HEADS: Final = ("benchmark", "what", "median", "min … max", "rounds", "target", "of what")


def markdown(results: Results) -> str:
    """Return the table for docs/benchmarks.md."""
    facts = results.machine
    head = (
        f"Measured {results.date} with `{results.command}` on {facts.cpu}, {facts.cores} cores, "
        f"{facts.system}, {facts.python}, msgspec {facts.msgspec}, polars {facts.polars}; load "
        f"average {facts.load} at the start."
    )
    lines = [
        head,
        "",
        results.traffic,
        "",
        "| " + " | ".join(HEADS) + " |",
        "|---" * len(HEADS) + "|",
        *("| " + " | ".join(_cells(figure)) + " |" for figure in results.figures),
    ]
    return "\n".join(lines)


def plain(results: Results) -> str:
    """Return the table for a terminal."""
    facts = results.machine
    rows = [HEADS[:-1], *(_cells(figure)[:-1] for figure in results.figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    head = f"{facts.cpu}, {facts.cores} cores, {facts.python}, load average {facts.load}"
    return "\n".join([head, results.traffic, "", *table])


def into_page(page: Path, table: str) -> None:
    """Replace what lies between the markers of a page."""
    text = page.read_text("utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{page} has no lines {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", "utf-8")


def arguments(given: list[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--rounds", type=int, default=7, help="timed rounds (default 7)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON document")
    form.add_argument("--markdown", action="store_true", help="the table of docs/benchmarks.md")
    parser.add_argument("--page", type=Path, help="write the table between the markers of a page")
    options = parser.parse_args(given)
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown or options.rounds < 1:
        parser.error(f"there is no benchmark {', '.join(unknown)}" if unknown else "--rounds ≥ 1")
    return options


def main(given: list[str]) -> None:
    """Measure and print; a missed target is shown, not an error."""
    options = arguments(given)
    facts = machine()
    figures: list[Figure] = []
    for name in options.names or BENCHMARKS:
        print(f"{name} …", file=sys.stderr)
        figures += BENCHMARKS[name](options.rounds)
    command = " ".join(["python -m benchmarks", f"--rounds {options.rounds}", *options.names])
    results = Results(f"{datetime.now(UTC):%Y-%m-%d}", command, facts, _RECORDING, figures)
    if options.page is not None:
        into_page(options.page, markdown(results))
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(results), indent=2).decode())
    else:
        print(markdown(results) if options.markdown else plain(results))


if __name__ == "__main__":
    main(sys.argv[1:])
