"""The migrations, the tables and the documentation agree."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import BigInteger, create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from underround.model.errors import JournalError
from underround.model.ledger import Ledger, cash
from underround.storage import schema
from underround.storage.journal import Journal

REPOSITORY = Path(__file__).parents[2]
MIGRATIONS = Path(schema.__file__).parent / "migrations"


def tables_in(file: Path) -> dict[str, str]:
    with closing(sqlite3.connect(file)) as database:
        found = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name != ?",
            (schema.VERSION_TABLE,),
        )
        return {name: re.sub(r"\s+", " ", sql) for name, sql in found}


def test_migrations_make_exactly_the_tables(tmp_path: Path) -> None:
    """Autogenerate finds nothing to change, and the SQL is the same to the last constraint."""
    with Journal(tmp_path / "migrated.db") as journal, journal._engine.connect() as connection:
        options = {"version_table": schema.VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, schema.metadata) == []
    engine = create_engine(f"sqlite:///{tmp_path}/made.db")
    schema.metadata.create_all(engine)
    engine.dispose()
    assert tables_in(tmp_path / "migrated.db") == tables_in(tmp_path / "made.db")


def test_the_newest_revision_is_the_schema_version() -> None:
    """The version the program expects is the head of its migrations."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [schema.SCHEMA_VERSION]


def test_a_newer_schema_is_refused_untouched(tmp_path: Path) -> None:
    """A journal of a newer program is refused in one sentence that names both versions."""
    file = tmp_path / "journal.db"
    Journal(file).close()
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(f"UPDATE {schema.VERSION_TABLE} SET version_num = '0999'")
    with pytest.raises(JournalError, match="has schema 0999 and this program knows"):
        Journal(file)


def test_every_amount_and_time_is_a_big_integer() -> None:
    """No amount, size or time is kept in a type that rounds or overflows at 32 bits."""
    exact = re.compile(r"_ns$|price|size|notional|fee|cash|equity|drawdown|amount|edge|filled")
    columns = [column for table in schema.metadata.tables.values() for column in table.columns]
    amounts = [column for column in columns if exact.search(column.name)]
    assert len(amounts) > 20
    assert [str(column) for column in amounts if not isinstance(column.type, BigInteger)] == []


def test_the_tables_are_postgresql_too() -> None:
    """Every table can be said in PostgreSQL, with named constraints."""
    for table in schema.metadata.tables.values():
        said = str(CreateTable(table).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]  # SQLAlchemy's dialect is untyped
        assert f"CONSTRAINT pk_{table.name} PRIMARY KEY" in said


def test_documented_queries_run_and_balance(tmp_path: Path) -> None:
    """The queries of docs/journal.md run in plain sqlite3; the books sum to zero."""
    text = (REPOSITORY / "docs" / "journal.md").read_text()
    queries = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    assert len(queries) == 3
    with Journal(tmp_path / "journal.db") as journal, journal.writer() as writer:
        writer.begin("r1", "replay", [], "{}", 1)
        writer.entry(Ledger().open(cash("polymarket", "pUSD"), 10_500_000, 1))
    with closing(sqlite3.connect(tmp_path / "journal.db")) as database:
        cash_now, imbalance, _ = [database.execute(query).fetchall() for query in queries]
    assert cash_now == [("r1", "cash:polymarket:pUSD", "10.500000")]
    assert imbalance == []


def test_every_table_is_documented() -> None:
    """docs/journal.md names every table."""
    text = (REPOSITORY / "docs" / "journal.md").read_text()
    assert [name for name in schema.metadata.tables if f"`{name}`" not in text] == []
