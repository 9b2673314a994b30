"""The write side of the journal: one run, appended to in memory, written in batches by a thread.

What is recorded is a list append on the caller's side.  Every ``batch_rows`` rows, or every second
of the time the caller tells, the list goes to the one writer thread as one transaction.  At most
``queue`` batches wait: after that the caller waits too, and nothing is dropped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self, TypeAlias

import msgspec
from sqlalchemy import Engine

from underround.model.errors import Bug
from underround.model.ids import FillId
from underround.model.ledger import Entry
from underround.model.orders import Approved, Fill, FillSettled, Order, Refusal
from underround.model.run import RunSummary
from underround.model.units import Nanos
from underround.storage import batch
from underround.storage.database import WRITES, explained
from underround.storage.process import this_process
from underround.storage.rows import IntentRow

SECOND: Final[Nanos] = 1_000_000_000

Ending: TypeAlias = Literal["interrupted", "failed"]


class JournalWriter:
    """Writes one run at a time; made by ``Journal.writer()``.  To be used by one thread.

    The order of life is ``begin``, any number of rows, ``finish``, ``close``.  As a context
    manager it closes itself: a run left without ``finish`` ends as ``failed`` if an error is
    on its way out, else as ``interrupted``.

    A failure of the writer thread is raised by the next call after it, as ``DiskError`` (disk
    full, file not writable) or ``JournalError`` (locked, damaged, an id written twice, a number
    beyond 64 bits), and by every call after that.  The batch that failed and all later ones are
    left out whole; the ones before are intact.
    """

    __slots__ = (
        "_batch_rows",
        "_due_ns",
        "_engine",
        "_failure",
        "_file",
        "_limit",
        "_next_row",
        "_queue",
        "_rows",
        "_run",
        "_thread",
        "_waiting",
    )

    def __init__(self, engine: Engine, file: Path, batch_rows: int, queue: int) -> None:
        """Make a writer of batches of ``batch_rows`` rows with at most ``queue`` waiting."""
        self._engine = engine.execution_options(**WRITES)
        self._file = file
        self._batch_rows = batch_rows
        self._queue = queue
        self._rows: list[batch.Recorded] = []
        self._limit = 0  # rows that may gather; 0 sends every call to ``_hand_over`` for a verdict
        self._due_ns: Nanos = 0
        self._run: str | None = None
        self._next_row = 1
        self._failure: BaseException | None = None
        self._waiting: deque[Future[None]] = deque()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")

    # --- the run -------------------------------------------------------------------------------

    def begin(
        self,
        run_id: str,
        mode: str,
        recordings: Sequence[str],
        config_json: str,
        started_ns: Nanos,
    ) -> None:
        """Write down that a run started, with status ``running``; returns when it is committed.

        Raises ``JournalError`` when a run of that id is in the journal already.
        """
        if self._run is not None:
            raise Bug(f"run {self._run} is being written and {run_id} cannot begin")
        mark = this_process()
        values = {
            "id": run_id,
            "started_ns": started_ns,
            "mode": mode,
            "status": "running",
            "recordings": msgspec.json.encode(list(recordings)).decode(),
            "config": config_json,
            "host": mark.host,
            "pid": mark.pid,
            "process": mark.started,
        }
        self._submit(lambda: batch.begin(self._engine, values))
        self._settle()
        self._run = run_id
        self._next_row = 1
        self._due_ns = 0
        self._limit = self._batch_rows

    def finish(self, summary: RunSummary) -> None:
        """Write the run's summary and status; returns when everything is committed."""
        if summary.run != self._run:
            raise Bug(f"the summary is of run {summary.run}, and {self._run} is being written")
        self.flush()
        self._submit(lambda: batch.finish(self._engine, summary))
        self._settle()
        self._ended()

    def close(self, status: Ending = "interrupted") -> None:
        """Commit what is left and stop the thread; a run without ``finish`` gets ``status``.

        Raises the failure of the thread, also when a call before raised it.  May be called again.
        """
        run = self._run
        try:
            if run is not None:
                self.flush()
                self._submit(lambda: batch.end(self._engine, run, status))
                self._settle()
                self._ended()
        finally:
            self._run = None
            self._limit = 0
            self._thread.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and error is self._failure:
            self._run = None  # the failure is on its way out already: nothing left to write
        self.close("failed" if isinstance(error, Exception) else "interrupted")

    # --- rows ----------------------------------------------------------------------------------

    def intent(self, row: Approved | IntentRow) -> None:
        """Record an intent: as approved by risk, or as a strategy emitted it."""
        self._add(row, row.at_ns)

    def refusal(self, refusal: Refusal) -> None:
        """Record a refusal."""
        self._add(refusal, refusal.at_ns)

    def order(self, order: Order) -> None:
        """Record the order's state as it is now; the last state recorded is what stays."""
        snapshot: Order = order.__copy__()  # type: ignore[attr-defined]  # msgspec's stubs lack it
        self._add(snapshot, order.updated_ns)

    def fill(self, fill: Fill) -> None:
        """Record a fill as matched."""
        self._add(fill, fill.at_ns)

    def finality(
        self, fill: FillId, finality: Literal["confirmed", "failed"], at_ns: Nanos
    ) -> None:
        """Record what became of a recorded fill; ``JournalError`` later if it was not recorded."""
        self._add(FillSettled(fill, at_ns, finality), at_ns)

    def entry(self, entry: Entry) -> None:
        """Record a ledger entry with its postings."""
        self._add(entry, entry.at_ns)

    def tick(self, now_ns: Nanos) -> None:
        """Tell the time, so that rows do not wait for the next row to be written."""
        if now_ns >= self._due_ns and self._rows:
            self._hand_over(now_ns)

    def flush(self) -> None:
        """Hand over what was recorded and return when it is committed."""
        self._check()
        self._send()
        self._settle()

    # --- batches -------------------------------------------------------------------------------

    def _add(self, row: batch.Recorded, at_ns: Nanos) -> None:
        rows = self._rows
        rows.append(row)
        if at_ns >= self._due_ns or len(rows) >= self._limit:
            self._hand_over(at_ns)

    def _hand_over(self, at_ns: Nanos) -> None:
        self._check()
        waiting = self._waiting
        while waiting and waiting[0].done():
            waiting.popleft()
        # While the thread is busy a second's rows gather into a larger batch.
        if waiting and len(self._rows) < self._limit:
            return
        while len(waiting) >= self._queue:
            waiting.popleft().exception()
        self._check()
        self._send()
        self._due_ns = at_ns + SECOND

    def _send(self) -> None:
        rows, run, first = self._rows, self._run, self._next_row
        if rows and run is not None:
            self._rows = []
            self._next_row = first + len(rows)
            self._submit(lambda: batch.write(self._engine, run, first, rows))

    def _submit(self, work: batch.Work) -> None:
        self._waiting.append(self._thread.submit(self._perform, work))

    def _perform(self, work: batch.Work) -> None:
        """Do one transaction; runs in the thread.  After a failure nothing more is written."""
        if self._failure is not None:
            return
        try:
            with explained(self._file):
                work()
        except BaseException as error:  # whatever it is, the caller's next call raises it
            self._failure = error
            self._limit = 0
            raise

    def _settle(self) -> None:
        """Wait until the thread has nothing left to do and raise its failure, if any."""
        while self._waiting:
            self._waiting.popleft().exception()
        if self._failure is not None:
            raise self._failure

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._run is None:
            raise Bug("the journal was given a row outside a run: begin comes before, finish after")

    def _ended(self) -> None:
        self._run = None
        self._limit = 0
