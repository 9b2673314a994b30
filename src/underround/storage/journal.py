"""The journal: what runs wanted, were refused, ordered, filled and booked, in one SQL file.

``Journal`` opens it and reads; ``Journal.writer()`` gives the ``JournalWriter`` of one run.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import msgspec
from sqlalchemy import Row, Select, Table, and_, select

from underround.model.errors import JournalError
from underround.model.ledger import Entry
from underround.model.orders import Fill, FillSettled, Order, Refusal
from underround.model.run import RunSummary
from underround.storage import schema
from underround.storage.database import explained, journal_file, open_engine
from underround.storage.process import ProcessMark, is_alive
from underround.storage.rows import (
    IntentRow,
    RunFigures,
    RunRow,
    RunStatus,
    read_entries,
    read_fill,
    read_intent,
    read_order,
    read_refusal,
    read_run,
    read_settled,
)
from underround.storage.writer import JournalWriter

__all__ = ["IntentRow", "Journal", "JournalWriter", "RunFigures", "RunRow", "RunStatus"]

Value = TypeVar("Value")

LAST: Final = "last"
"""Names the run that started last."""

_PAGE: Final = 1_000
"""Rows that are in memory at a time while reading."""

BUSY_MS: Final = 5_000
BATCH_ROWS: Final = 2_000
QUEUE: Final = 4


class Journal:
    """A journal, opened by path or by URL (``sqlite:///path``); made or migrated if need be.

    Raises ``DiskError`` when its folder or file cannot be written.  Raises ``JournalError`` for a
    URL of another scheme, a file that is no journal, one with a schema newer than this program,
    and one that another program holds for longer than ``busy_ms`` milliseconds.

    Every reading method takes a run's id, an unambiguous beginning of it, or ``last``, and raises
    ``JournalError`` at once for a run it does not hold.  Iterators read pages, in the order the
    run wrote them down, from the state of the journal when their first value is taken.
    """

    def __init__(self, url: str | Path, *, busy_ms: int = BUSY_MS) -> None:
        """Open the journal at ``url``."""
        self.file = journal_file(url)
        self._engine = open_engine(self.file, busy_ms)

    def writer(self, *, batch_rows: int = BATCH_ROWS, queue: int = QUEUE) -> JournalWriter:
        """Return the write side of a new run; call its ``begin`` first."""
        return JournalWriter(self._engine, self.file, batch_rows, queue)

    def close(self) -> None:
        """Close the file.  Writers and iterators must be closed or used up before."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # --- runs ----------------------------------------------------------------------------------

    def runs(self) -> list[RunRow]:
        """Return all runs, the one that started last first.

        A run that never ended is ``running`` only while its process lives: if that is gone the
        run is ``interrupted``; if it belongs to another host, ``unknown``.
        """
        runs = schema.runs
        query = select(runs).order_by(runs.c.started_ns.desc(), runs.c.id.desc())
        return list(self._read(query, _run_row))

    def run(self, key: str) -> RunRow:
        """Return one run by id, unambiguous beginning of an id, or ``last``."""
        runs = schema.runs
        query = select(runs).where(runs.c.id == self._id(key))
        return next(self._read(query, _run_row))

    def summary(self, key: str) -> RunSummary:
        """Return what a run left behind; ``JournalError`` if it has not ended by itself."""
        run, table = self.run(key), schema.run_summaries
        query = select(table).where(table.c.run == run.id)
        body = next(self._read(query, lambda row: str(row.body)), None)
        if body is None:
            raise JournalError(
                f"run {run.id} is {run.status} and left no summary: look at its orders and "
                "fills, or run it again to its end"
            )
        try:
            return msgspec.json.decode(body, type=RunSummary)
        except msgspec.MsgspecError as error:
            raise JournalError(
                f"the summary of run {run.id} was written by another version of underround "
                f"({error}): run it again with this one"
            ) from error

    # --- what a run wrote ----------------------------------------------------------------------

    def intents(self, key: str) -> Iterator[IntentRow]:
        """Return a run's intents, emitted and approved."""
        return self._rows_of(schema.intents, key, read_intent)

    def refusals(self, key: str, limit: int | None = None) -> Iterator[Refusal]:
        """Return a run's refusals, at most the first ``limit``."""
        return self._rows_of(schema.refusals, key, read_refusal, limit)

    def orders(self, key: str) -> Iterator[Order]:
        """Return a run's orders in their last state, sorted by when they first appeared."""
        return self._rows_of(schema.orders, key, read_order)

    def fills(self, key: str) -> Iterator[Fill]:
        """Return a run's fills as they were matched; ``settled`` has what became of them."""
        return self._rows_of(schema.fills, key, read_fill)

    def settled(self, key: str) -> Iterator[FillSettled]:
        """Return the fills that were confirmed or failed, sorted as ``fills``."""
        table = schema.fills
        query = (
            select(table)
            .where(table.c.run == self._id(key), table.c.final_ns.is_not(None))
            .order_by(table.c.row_no)
        )
        return self._read(query, read_settled)

    def entries(self, key: str) -> Iterator[Entry]:
        """Return a run's ledger entries by ``seq``."""
        entries, postings = schema.entries, schema.postings
        both = and_(entries.c.run == postings.c.run, entries.c.seq == postings.c.seq)
        query = (
            select(entries, postings.c.account, postings.c.commodity, postings.c.amount)
            .select_from(entries.outerjoin(postings, both))
            .where(entries.c.run == self._id(key))
            .order_by(entries.c.seq, postings.c.line)
        )
        return read_entries(self._read(query, _same))

    # --- reading -------------------------------------------------------------------------------

    def _rows_of(
        self,
        table: Table,
        key: str,
        read: Callable[[Row[Any]], Value],
        limit: int | None = None,
    ) -> Iterator[Value]:
        query = select(table).where(table.c.run == self._id(key)).order_by(table.c.row_no)
        return self._read(query.limit(limit), read)

    def _read(self, query: Select[Any], read: Callable[[Row[Any]], Value]) -> Iterator[Value]:
        with explained(self.file), self._engine.connect() as connection:
            pages = connection.execution_options(yield_per=_PAGE).execute(query)
            for row in pages:
                yield read(row)

    def _id(self, key: str) -> str:
        """Return the id of the run that ``key`` names."""
        runs = schema.runs
        newest_first = select(runs.c.id).order_by(runs.c.started_ns.desc(), runs.c.id.desc())
        ids = list(self._read(newest_first, lambda row: str(row.id)))
        if not ids:
            raise JournalError(f"the journal {self.file} holds no run yet: make one first")
        if key in ids:
            return key
        if key == LAST:
            return ids[0]
        found = [run for run in ids if key and run.startswith(key)]
        if len(found) == 1:
            return found[0]
        if found:
            raise JournalError(
                f"{key!r} begins the ids of {len(found)} runs ({', '.join(found[:3])}): "
                "write more of the id"
            )
        near = difflib.get_close_matches(key, ids, n=3, cutoff=0.0)
        raise JournalError(
            f"the journal {self.file} holds no run {key!r}; nearest are {', '.join(near)}: "
            f"give an id, the beginning of one, or {LAST!r}"
        )


def _run_row(row: Row[Any]) -> RunRow:
    alive = row.status == "running" and is_alive(ProcessMark(row.host, row.pid, row.process))
    return read_run(row, alive)


def _same(row: Row[Any]) -> Row[Any]:
    return row
