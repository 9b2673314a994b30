"""Replaying, and the runs it left."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from underround import app as application
from underround.cli.endings import Stopper
from underround.cli.live import ReplayPicture
from underround.cli.screen import (
    Row,
    Screen,
    dollars,
    moment,
    notices,
    open_in_browser,
    output,
    print_json,
    print_line,
    print_table,
    print_uncut,
    span,
)
from underround.model.errors import UnderroundError
from underround.model.run import RunSummary, StrategySummary
from underround.operations.folders import find_folders
from underround.storage.database import journal_file
from underround.storage.recording.disk import MANIFEST

if TYPE_CHECKING:
    from underround.storage.rows import RunRow


def replay_command(
    config: application.Config,
    recordings: list[Path],
    *,
    speed: float | None,
    as_json: bool,
    report: bool,
    opened: bool,
    quiet: bool,
) -> int:
    """Replay, show the result and return the exit code."""
    console = notices()
    with Stopper(quiet=quiet) as stop:
        summary = _run(config, recordings, speed, stop, console, quiet=quiet)
    shown = None if quiet else console if as_json else output()
    path = _report(config, summary, shown) if report else None
    if as_json:
        print_json({**msgspec.to_builtins(summary), "report": str(path) if path else None})
    if shown:
        _print_summary(shown, summary, path)
        _print_unsealed(shown, recordings)
    if opened and path:
        open_in_browser(console, path)
    if summary.status == "interrupted":
        return stop.exit_code
    return 0 if summary.status == "finished" else 1


def _run(
    config: application.Config,
    recordings: list[Path],
    speed: float | None,
    stop: Stopper,
    console: Screen,
    *,
    quiet: bool,
) -> RunSummary:
    if not quiet and not console.is_terminal:
        names = ", ".join(path.name for path in recordings)
        print_line(console, f"replaying {names}")
    if quiet or not console.is_terminal:
        return application.run_replay(
            config, recordings, speed=speed, progress=None, stop=stop, report=None
        )
    with ReplayPicture(console) as picture:
        return application.run_replay(
            config, recordings, speed=speed, progress=picture, stop=stop, report=None
        )


def _report(config: application.Config, summary: RunSummary, shown: Screen | None) -> Path:
    """Write the report; if that fails the result of the run is still shown."""
    try:
        return application.write_report(config, summary.run, None)
    except UnderroundError:
        if shown:
            _print_summary(shown, summary, None)
        raise


def _print_summary(console: Screen, summary: RunSummary, report: Path | None) -> None:
    rate = f"{summary.frames / summary.seconds:,.0f} frames/s" if summary.seconds else ""
    rows: list[Row] = [
        ("run", f"{summary.run} ({summary.status})"),
        ("recorded", f"{moment(summary.first_ns)} to {moment(summary.last_ns)}"),
        ("replayed", f"{summary.frames:,} frames in {span(int(summary.seconds * 1e9))} {rate}"),
        ("trust", _trust(summary)),
        ("trading", _trading(summary)),
        *refused(summary),
        ("cash", f"{dollars(summary.starting_cash)} → {dollars(summary.cash)}"),
        ("equity", f"{dollars(summary.equity)} ({_change(summary)}), marked at the bid"),
        ("fees", dollars(summary.fees)),
        ("worst fall", dollars(summary.max_drawdown)),
    ]
    rows += [("halted", summary.halted)] if summary.halted else []
    rows += [(each.name, _strategy(each)) for each in summary.strategies]
    rows.append(("report", str(report) if report else "not written"))
    print_table(console, ("", "replay"), rows)
    print_uncut(console, "decisions", summary.decision_digest)


def _print_unsealed(console: Screen, recordings: Sequence[Path]) -> None:
    """Say which recordings nothing proves to be what was recorded."""
    for path in recordings:
        if path.is_dir() and not (path / MANIFEST).exists():
            print_line(
                console,
                f"{path.name} is not sealed: it has no {MANIFEST}, so nothing proves that it is "
                "what was recorded",
            )


def _trading(summary: RunSummary) -> str:
    return (
        f"{summary.intents:,} intents, {summary.refusals:,} refused, "
        f"{summary.orders:,} orders, {summary.fills:,} fills"
    )


def refused(summary: RunSummary) -> list[Row]:
    """Return the gate that refused most often, with an example; nothing without refusals."""
    most = max(summary.refusals_by_gate, key=lambda row: row.count, default=None)
    if most is None:
        return []
    share = "all" if most.count == summary.refusals else "mostly"
    strategy, _, detail = most.example.partition(": ")
    return [("refused", f"{summary.refusals:,} refused, {share} {most.gate}: {detail or strategy}")]


def _change(summary: RunSummary) -> str:
    return dollars(summary.equity - summary.starting_cash, sign=True)


def _strategy(each: StrategySummary) -> str:
    if not each.fills:
        return f"no fill: {each.why_idle}" if each.why_idle else "no fill"
    change = dollars(each.equity_change, sign=True)
    done = f"{each.fills:,} fills, {change}, of it realised {dollars(each.realised, sign=True)}"
    return f"{done}; {each.why_idle}" if each.why_idle else done


def _trust(summary: RunSummary) -> str:
    books = summary.books
    verified = sum(book.verified for book in books)
    mismatched = sum(book.mismatched for book in books)
    trusted = sum(book.trusted_at_end for book in books)
    unparsed = sum(stream.unparsed for stream in summary.streams)
    return (
        f"{verified:,} proofs held, {mismatched:,} failed, {unparsed:,} frames unparsed, "
        f"{trusted:,} of {len(books):,} books trusted at the end"
    )


def runs_command(config: application.Config, *, as_json: bool) -> None:
    """List the runs of the journal."""
    runs = earlier_runs(config)
    if as_json:
        print_json(runs)
        return
    if not runs:
        notices().print("there is no run yet: underround replay makes one")
    columns = ("run", "started", "status", "orders>", "fills>", "equity>", "change>", "recordings")
    print_table(output(), columns, [_run_cells(run) for run in runs])


def earlier_runs(config: application.Config) -> list[RunRow]:
    """Return the runs of the journal; a journal that is not there yet is not made for that."""
    folders = find_folders()
    if not config.journal.url:
        folders.check()
    if not (journal_file(config.journal.url) if config.journal.url else folders.journal).exists():
        return []
    journal = application.open_journal(config)
    try:
        return journal.runs()
    finally:
        journal.close()


def _run_cells(run: RunRow) -> Row:
    figures = run.figures
    cells = ("–", "–", "–", "–")
    if figures:
        change = dollars(figures.equity - figures.starting_cash, sign=True)
        cells = (f"{figures.orders:,}", f"{figures.fills:,}", dollars(figures.equity), change)
    return (run.id, moment(run.started_ns), run.status, *cells, ", ".join(run.recordings))
