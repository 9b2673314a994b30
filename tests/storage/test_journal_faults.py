"""What the journal does when the program, the disk or another program misbehaves."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event

from underround.model.errors import DiskError, JournalError
from underround.model.ids import FillId, IntentId, PlanId, StrategyId
from underround.model.ledger import Entry, Ledger, cash
from underround.model.orders import Refusal
from underround.storage.journal import Journal, JournalWriter

PUSD = cash("polymarket", "pUSD")
BATCH, QUEUE = 50, 2

WRITES_FOREVER = f"""
import os, sys
from underround.model.ledger import Ledger
from underround.storage.journal import Journal

ledger = Ledger()
with Journal(sys.argv[1]) as journal, journal.writer(batch_rows={BATCH}, queue={QUEUE}) as writer:
    writer.begin("killed", "replay", [], "{{}}", 1)
    while True:
        entry = ledger.open({PUSD!r}, ledger._seq + 1, (ledger._seq + 1) * 10_000_000)
        os.write(1, f"{{entry.seq}}\\n".encode())
        writer.entry(entry)
        if entry.seq % 500 == 0:
            writer.flush()
            os.write(1, f"flushed {{entry.seq}}\\n".encode())
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(file: Path) -> Iterator[Journal]:
    with Journal(file, busy_ms=50) as opened:
        yield opened


def a_refusal(number: int, detail: str = "") -> Refusal:
    return Refusal(IntentId(number), number, StrategyId("s"), PlanId("p"), "o", "size", detail, 7)


def begun(journal: Journal, batch_rows: int = 10) -> JournalWriter:
    writer = journal.writer(batch_rows=batch_rows)
    writer.begin("r1", "replay", [], "{}", 1)
    return writer


def one_sentence(error: BaseException) -> bool:
    text = str(error)
    return "\n" not in text and ": " in text and not text.endswith(".")


def test_a_killed_run_leaves_a_readable_journal(file: Path) -> None:
    """After kill -9 all that was flushed is there, whole, and only the last batches are lost."""
    command = [sys.executable, "-c", WRITES_FOREVER, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line == "flushed 2000\n":
                break
        with Journal(file) as journal:
            assert journal.run("killed").status == "running"
        child.kill()
        rest = child.stdout.read().split("\n")[:-1]
    with Journal(file) as journal:
        found = list(journal.entries("killed"))
        run = journal.run("killed")
    assert (run.status, run.figures) == ("interrupted", None)
    flushed = [int(line.split()[1]) for line in rest if line.startswith("flushed")]
    recorded = [int(line) for line in rest if not line.startswith("flushed")]
    assert max([2000, *flushed]) <= len(found) <= max([2001, *recorded])
    assert max([2000, *recorded]) - len(found) <= BATCH * (QUEUE + 1)
    ledger = Ledger()
    assert found == [ledger.open(PUSD, seq, seq * 10_000_000) for seq in range(1, len(found) + 1)]


def test_a_batch_that_fails_leaves_nothing(journal: Journal) -> None:
    """An entry is never there without its postings: a batch that fails leaves neither."""
    entries = [Ledger().open(PUSD, number, number) for number in (1, 2)]
    writer = begun(journal)
    writer.entry(entries[0])
    writer.flush()
    writer.refusal(a_refusal(1))
    writer.entry(entries[1])  # the same seq again
    with pytest.raises(JournalError, match="already holds"):
        writer.flush()
    with pytest.raises(JournalError, match="already holds"):
        writer.close()
    assert list(journal.entries("r1")) == entries[:1]
    assert list(journal.refusals("r1")) == []


def test_a_full_disk_is_one_sentence_and_keeps_earlier_batches(journal: Journal) -> None:
    """A full disk surfaces at a later call, and what was committed before stays readable."""
    journal._engine.dispose()
    event.listen(
        journal._engine, "connect", lambda database, _: database.execute("PRAGMA max_page_count=99")
    )
    writer = begun(journal)

    def fill_the_disk() -> None:
        for number in range(10_000):
            writer.refusal(a_refusal(number, "x" * 1_000))

    with pytest.raises(DiskError, match="disk is full") as caught:
        fill_the_disk()
    assert one_sentence(caught.value)
    with pytest.raises(DiskError, match="disk is full"):
        writer.refusal(a_refusal(0))
    with pytest.raises(DiskError, match="disk is full"):
        writer.close()
    found = [refusal.id for refusal in journal.refusals("r1")]
    assert found == list(range(len(found)))
    assert len(found) >= 10


def test_a_failure_leaves_the_with_block_as_itself(journal: Journal) -> None:
    """The context manager passes a failure of the thread on instead of raising it again."""

    def settle_nobody() -> None:
        with journal.writer() as writer:
            writer.begin("r1", "replay", [], "{}", 1)
            writer.finality(FillId("nobody"), "failed", 1)
            writer.flush()

    with pytest.raises(JournalError, match="name a fill") as caught:
        settle_nobody()
    assert caught.value.__context__ is None


def test_a_number_beyond_64_bits_is_refused_whole(journal: Journal) -> None:
    """A value no column can hold fails with a sentence instead of being rounded."""
    writer = begun(journal)
    writer.refusal(a_refusal(1))
    writer.refusal(a_refusal(2**63))
    with pytest.raises(JournalError, match="64 bits"):
        writer.close()
    assert [refusal.id for refusal in journal.refusals("r1")] == [1]


def test_a_run_id_is_taken_once(journal: Journal) -> None:
    """A second run of the same id is refused at ``begin`` and the first stays."""
    begun(journal).close()
    with pytest.raises(JournalError, match="is in the journal already"):
        begun(journal)
    assert len(journal.runs()) == 1


def test_a_locked_journal_is_one_sentence(journal: Journal, file: Path) -> None:
    """While another program holds the write lock, writing says so after the busy time."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="another program holds") as caught:
            begun(journal)
        assert journal.runs() == []
    assert one_sentence(caught.value)


def test_a_run_of_another_host_is_unknown(journal: Journal, file: Path) -> None:
    """Whether a process lives on another host cannot be known, and the journal says so."""
    writer = begun(journal)
    with closing(sqlite3.connect(file)) as other, other:
        other.execute("UPDATE runs SET host = 'elsewhere'")
    assert journal.run("r1").status == "unknown"
    writer.close()


def test_a_reused_process_number_is_not_the_run(journal: Journal, file: Path) -> None:
    """A run is not alive because some other process now has its number."""
    writer = begun(journal)
    with closing(sqlite3.connect(file)) as other, other:
        other.execute("UPDATE runs SET process = 'another boot 1'")
    assert journal.run("r1").status == "interrupted"
    writer.close()


def test_a_folder_that_cannot_be_made_is_a_disk_error(tmp_path: Path) -> None:
    """A journal below a file, or that is a folder, is refused in one sentence."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(DiskError, match=r"folder .* cannot be made") as caught:
        Journal(tmp_path / "taken" / "journal.db")
    assert one_sentence(caught.value)
    with pytest.raises(DiskError, match="cannot be opened") as caught:
        Journal(tmp_path)
    assert one_sentence(caught.value)


def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    """Neither text nor another program's database is taken for a journal or changed."""
    text = tmp_path / "notes.txt"
    text.write_text("not a database, just a long enough text" * 50)
    with pytest.raises(JournalError, match="not a journal"):
        Journal(text)
    assert text.read_text().startswith("not a database")
    with closing(sqlite3.connect(tmp_path / "other.db")) as other, other:
        other.execute("CREATE TABLE theirs (x)")
    with pytest.raises(JournalError, match="another program"):
        Journal(tmp_path / "other.db")


def test_other_schemes_are_named_without_their_password(tmp_path: Path) -> None:
    """Only sqlite is supported: another scheme is named, and a password is not repeated."""
    with pytest.raises(JournalError, match="'postgresql'") as caught:
        Journal("postgresql://me:hunter2@db/journal")
    assert "hunter2" not in str(caught.value)
    for url in ("sqlite://", "sqlite:///:memory:", ":memory:", ""):
        with pytest.raises(JournalError, match="names no file"):
            Journal(url)
    with pytest.raises(JournalError, match="cannot be read"):
        Journal("://")
    with Journal(f"sqlite:///{tmp_path}/by-url.db") as journal:
        assert journal.file == tmp_path / "by-url.db"


def test_a_new_journal_can_be_opened_by_many_at_once(file: Path) -> None:
    """Programs that start together agree on one schema and none fails."""

    def open_and_read(_: int) -> int:
        with Journal(file) as journal:
            return len(journal.runs())

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(open_and_read, range(8))) == [0] * 8


def test_reading_may_stop_early(journal: Journal) -> None:
    """An iterator can be left early while its run is still being written."""
    writer = begun(journal)
    entry = Ledger().open(PUSD, 1, 1)
    writer.entry(entry)
    writer.flush()
    reading = journal.entries("r1")
    assert isinstance(next(reading), Entry)
    writer.refusal(a_refusal(1))
    writer.close()
