"""The transactions of the journal's writer: each either happens whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from operator import itemgetter
from typing import TypeAlias

import msgspec
from sqlalchemy import Connection, Engine, Table, and_, bindparam, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.sql.compiler import SQLCompiler

from underround.model.errors import Bug, JournalError
from underround.model.ledger import Entry
from underround.model.orders import Approved, Fill, FillSettled, Order, Refusal
from underround.model.run import RunSummary
from underround.storage import schema
from underround.storage.rows import (
    IntentRow,
    Values,
    ending_values,
    entry_values,
    fill_values,
    intent_values,
    order_values,
    posting_values,
    refusal_values,
)

Recorded: TypeAlias = Approved | IntentRow | Refusal | Order | Fill | FillSettled | Entry
Work: TypeAlias = Callable[[], None]

_ORDER = insert(schema.orders)
# The last state wins; the place in the run's story stays that of the first.
_UPSERT_ORDER = _ORDER.on_conflict_do_update(
    index_elements=["run", "id"],
    set_={
        column.name: _ORDER.excluded[column.name]
        for column in schema.orders.columns
        if column.name not in {"run", "id", "row_no"}
    },
)
_INSERTS = {table: insert(table) for table in schema.metadata.tables.values()}
_DIALECT = sqlite.dialect()
_SETTLE_FILL = (
    schema.fills.update()
    .where(
        and_(schema.fills.c.run == bindparam("of_run"), schema.fills.c.id == bindparam("of_fill"))
    )
    .values(finality=bindparam("to_finality"), final_ns=bindparam("to_ns"))
)


def begin(engine: Engine, values: Values) -> None:
    """Write a run's first row; ``JournalError`` if its id is taken."""
    runs = schema.runs
    with engine.begin() as connection:
        if connection.scalar(select(func.count()).where(runs.c.id == values["id"])):
            raise JournalError(
                f"run {values['id']} is in the journal already: give the new run another id"
            )
        connection.execute(runs.insert(), [values])


def finish(engine: Engine, summary: RunSummary) -> None:
    """Write a run's summary, figures and status."""
    body = msgspec.json.encode(summary).decode()
    with engine.begin() as connection:
        connection.execute(schema.run_summaries.insert(), [{"run": summary.run, "body": body}])
        connection.execute(
            schema.runs.update().where(schema.runs.c.id == summary.run), ending_values(summary)
        )


def end(engine: Engine, run: str, status: str) -> None:
    """Write the status of a run that ended without a summary."""
    with engine.begin() as connection:
        connection.execute(schema.runs.update().where(schema.runs.c.id == run), {"status": status})


def write(engine: Engine, run: str, first_row: int, rows: Sequence[Recorded]) -> None:
    """Write rows, numbered from ``first_row``, in one transaction.

    Raises ``JournalError`` when a finality names a fill that was never recorded.
    """
    sorted_rows = _Sorted(run)
    for row_no, row in enumerate(rows, first_row):
        sorted_rows.add(row_no, row)
    with engine.begin() as connection:
        for table, values in sorted_rows.inserts.items():
            _insert(connection, _INSERTS[table], values)
        if sorted_rows.orders:
            _insert(connection, _UPSERT_ORDER, list(sorted_rows.orders.values()))
        if sorted_rows.settled:
            _settle(connection, run, sorted_rows.settled)


class _Sorted:
    """A batch by table.  The order within a table is kept; tables do not depend on each other."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.inserts: dict[Table, list[Values]] = {}
        self.orders: dict[str, Values] = {}
        self.settled: dict[str, FillSettled] = {}

    def add(self, row_no: int, row: Recorded) -> None:
        run = self.run
        if isinstance(row, Order):
            before = self.orders.get(row.id)
            number = row_no if before is None else before["row_no"]
            self.orders[row.id] = {**order_values(run, row_no, row), "row_no": number}
        elif isinstance(row, Refusal):
            self._insert(schema.refusals, refusal_values(run, row_no, row))
        elif isinstance(row, Approved | IntentRow):
            self._insert(schema.intents, intent_values(run, row_no, row))
        elif isinstance(row, Fill):
            self._insert(schema.fills, fill_values(run, row_no, row))
        elif isinstance(row, FillSettled):
            self.settled[row.fill] = row
        elif isinstance(row, Entry):
            self._insert(schema.entries, entry_values(run, row_no, row))
            for posting in posting_values(run, row):
                self._insert(schema.postings, posting)
        else:
            raise Bug(f"the journal has no table for a {type(row).__name__}")

    def _insert(self, table: Table, values: Values) -> None:
        self.inserts.setdefault(table, []).append(values)


def _insert(connection: Connection, statement: Insert, values: Sequence[Values]) -> None:
    """Insert rows that name every column, past SQLAlchemy's per-row work (40 % of a batch)."""
    compiled = _compiled(statement)
    assert compiled.positiontup is not None  # SQLite's parameters are positional
    pick = itemgetter(*compiled.positiontup)
    connection.exec_driver_sql(str(compiled), [pick(row) for row in values])


@cache
def _compiled(statement: Insert) -> SQLCompiler:
    compiled = statement.compile(dialect=_DIALECT)
    assert isinstance(compiled, SQLCompiler)
    return compiled


def _settle(connection: Connection, run: str, settled: dict[str, FillSettled]) -> None:
    values = [
        {"of_run": run, "of_fill": fill, "to_finality": row.finality, "to_ns": row.at_ns}
        for fill, row in settled.items()
    ]
    found = connection.execute(_SETTLE_FILL, values).rowcount
    if found != len(values):
        raise JournalError(
            f"{len(values) - found} of {len(values)} finalities of run {run} name a fill the "
            "journal does not hold: record the fill before its finality"
        )
