"""The SQLite file behind the journal: opening it, bringing its schema up to date, naming faults.

WAL with ``synchronous = NORMAL``: a killed program loses nothing that was committed; a power cut
may lose the last transactions, never the file.  Transactions are begun by us and not by the
driver, so that a migration is all or nothing and a writer takes its lock at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from underround.model.errors import DiskError, JournalError, StopAndFix
from underround.storage.schema import SCHEMA_VERSION, VERSION_TABLE

WRITES: Final = {"journal_writes": True}
"""Execution options of a connection that will write: its transactions lock at their start."""


def journal_file(url: str | Path) -> Path:
    """Return the file that ``url`` names: a path, or ``sqlite:///path``.

    Raises ``JournalError`` for another scheme (named, without any password in the URL), for a URL
    that is none, and for one that names no file.
    """
    if isinstance(url, Path):
        return url
    if "://" not in url:
        name: str | None = url
    else:
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError) as error:
            raise JournalError(
                "the journal's URL cannot be read: write sqlite:///path/to/journal.db"
            ) from error
        if parsed.drivername not in {"sqlite", "sqlite+pysqlite"}:
            raise JournalError(
                f"the journal's URL names {parsed.drivername!r}, and only sqlite is supported: "
                "write sqlite:///path/to/journal.db"
            )
        name = parsed.database
    if not name or name == ":memory:":
        raise JournalError("the journal's URL names no file: write sqlite:///path/to/journal.db")
    return Path(name).expanduser()


def open_engine(file: Path, busy_ms: int) -> Engine:
    """Return an engine on ``file``, its folder made and its schema brought up to date.

    Raises ``DiskError`` when the folder or file cannot be written, and ``JournalError`` when the
    file is no journal, is held by another program for longer than ``busy_ms`` milliseconds, or
    has a newer schema than this program knows.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiskError(
            f"the folder {file.parent} for the journal cannot be made ({error.strerror}): "
            "choose a folder that can be written"
        ) from error
    with explained(file):
        _use_wal(file, busy_ms)
    engine = create_engine(
        URL.create("sqlite", database=str(file)), connect_args={"timeout": busy_ms / 1000}
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    try:
        with explained(file):
            _migrate(engine, file)
    except StopAndFix:
        engine.dispose()
        raise
    return engine


@contextmanager
def explained(file: Path) -> Iterator[None]:
    """Turn the database's errors into one sentence about ``file`` that names the remedy."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise _explain(file, error) from error
    except (OverflowError, UnicodeEncodeError) as error:
        raise JournalError(
            f"a value cannot be kept in the journal {file} ({error}): it is outside 64 bits or "
            "no text; correct what produced it"
        ) from error


def _explain(file: Path, error: Exception) -> StopAndFix:
    cause = getattr(error, "orig", None) or error
    code = str(getattr(cause, "sqlite_errorname", ""))
    if code == "SQLITE_FULL":
        return DiskError(
            f"the disk is full and the journal {file} could not be written: free some space; "
            "what was written before is intact"
        )
    if code == "SQLITE_IOERR_WRITE":
        # Also what SQLite says of a file beyond the size limit (EFBIG).
        return DiskError(
            f"the journal {file} could not be written ({cause}): the disk or the allowance for the "
            "size of a file is full, or the disk is broken; free some space or raise the limit; "
            "what was written before is intact"
        )
    if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_IOERR")):
        return DiskError(
            f"the journal {file} cannot be opened or written ({cause}): check that the file and "
            "its folder are writable and the disk is sound"
        )
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return JournalError(
            f"another program holds the journal {file}: end it, or name another journal"
        )
    if code.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return JournalError(
            f"{file} is damaged or not a journal: move it away, or name another file"
        )
    if code.startswith("SQLITE_CONSTRAINT"):
        return JournalError(
            f"the journal {file} already holds what was to be written ({cause}): every id is "
            "written once per run, and runs need ids of their own"
        )
    return JournalError(f"the journal {file} failed ({cause}): check the file, or name another")


def _use_wal(file: Path, busy_ms: int) -> None:
    """Switch a file to WAL once; the switch stays in the file."""
    with closing(sqlite3.connect(file, timeout=busy_ms / 1000, isolation_level=None)) as database:
        if database.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            return
        # The switch itself does not wait for a lock, so the lock is taken and returned before.
        database.execute("BEGIN EXCLUSIVE")
        database.execute("COMMIT")
        database.execute("PRAGMA journal_mode = WAL")


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("journal_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(engine: Engine, file: Path) -> None:
    with engine.connect() as connection:
        if _version(connection, file) == SCHEMA_VERSION:
            return
    # A second look under the lock: another program may have done it meanwhile.
    with engine.execution_options(**WRITES).begin() as connection:
        if _version(connection, file) != SCHEMA_VERSION:
            _upgrade(connection)


def _version(connection: Connection, file: Path) -> str | None:
    """Return the schema version, ``None`` for an empty file; refuse what we cannot read."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if VERSION_TABLE not in tables:
        raise JournalError(
            f"{file} is a database of another program: name another file for the journal"
        )
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
    version = str(found)
    if not version.isdigit() or version > SCHEMA_VERSION:
        raise JournalError(
            f"the journal {file} has schema {version} and this program knows {SCHEMA_VERSION}: "
            "update underround, or name another journal"
        )
    return version


def _upgrade(connection: Connection) -> None:
    # Imported here because almost every start finds the schema up to date.
    from alembic import command
    from alembic.config import Config

    folder = Path(__file__).parent / "migrations"
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")
