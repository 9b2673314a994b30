"""The journal of a configuration, and reports made from it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from underround.app.configuration import Config
from underround.model.errors import DiskError
from underround.model.ids import FillId
from underround.model.ledger import Entry
from underround.model.orders import (
    Approved,
    Command,
    Fill,
    Intent,
    LegGroupIntent,
    Order,
    Refusal,
)
from underround.model.run import RunSummary
from underround.model.units import Nanos
from underround.operations.folders import Folders, find_folders
from underround.research.report import render
from underround.storage.journal import Journal
from underround.storage.writer import JournalWriter


class JournalSink:
    """A ``DecisionSink`` that writes to a journal; legs of a group are written one by one."""

    def __init__(self, writer: JournalWriter) -> None:
        """Write with ``writer``, whose run has begun."""
        self._writer = writer

    def asked(self, intent: Intent, at_ns: Nanos) -> None:
        """Nothing: it is written when it is approved or refused."""

    def command(self, command: Command, at_ns: Nanos) -> None:
        """Nothing: the summary says whether and why the run was halted."""

    def intent(self, approved: Approved) -> None:
        """Write an approval."""
        self._writer.intent(approved)

    def group(self, intent: LegGroupIntent, at_ns: Nanos) -> None:
        """Nothing: its legs name their group."""

    def refusal(self, refusal: Refusal) -> None:
        """Write a refusal."""
        self._writer.refusal(refusal)

    def order(self, order: Order) -> None:
        """Write an order's state."""
        self._writer.order(order)

    def fill(self, fill: Fill) -> None:
        """Write a fill."""
        self._writer.fill(fill)

    def finality(self, fill: FillId, finality: str, at_ns: Nanos) -> None:
        """Write a fill's finality."""
        self._writer.finality(fill, "failed" if finality == "failed" else "confirmed", at_ns)

    def entry(self, entry: Entry) -> None:
        """Write a ledger entry."""
        self._writer.entry(entry)


def open_journal(config: Config) -> Journal:
    """Open the journal a configuration names, by default the one in the state folder."""
    if config.journal.url:
        return Journal(config.journal.url)
    folders = find_folders()
    folders.create()
    return Journal(folders.journal)


def write_report(config: Config, run: str, out: Path | None) -> Path:
    """Write the report of a run from the journal; returns its file.

    ``out`` defaults to ``report.html`` in the run's folder.  Raises ``JournalError`` for an
    unknown run, ``DiskError`` when the file cannot be written; a file is whole or not there.
    """
    with open_journal(config) as journal:
        summary = journal.summary(run)
        page = page_of(journal, summary)
    return write_page(page, out if out is not None else report_file(find_folders(), summary))


def page_of(journal: Journal, summary: RunSummary) -> str:
    """Return the report of a run that the journal holds whole."""
    run = summary.run
    reasons = {row.id: row.intent.reason for row in journal.intents(run)}
    orders = list(journal.orders(run))
    why = {order.id: reasons[order.intent] for order in orders if order.intent in reasons}
    return render(summary, list(journal.fills(run)), orders, why)


def report_file(folders: Folders, summary: RunSummary) -> Path:
    """Return where a run's report belongs."""
    return folders.report(summary.run)


def write_page(page: str, target: Path) -> Path:
    """Write a page whole or not at all."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, suffix=".part")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(page)
            Path(temporary).replace(target)
        except BaseException:  # an interrupt too must not leave half a page
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise DiskError(
            f"the report cannot be written to {target} ({error.strerror}): "
            "name another place with --out"
        ) from error
    return target
