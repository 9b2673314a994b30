"""The tables of the journal, the same on SQLite and PostgreSQL.

Amounts (prices, sizes, money) are BIGINT columns in millionths, times are BIGINT Unix nanoseconds.
``row_no`` counts everything a run wrote down from 1, over all tables: sorted by it, the tables
together tell the run's story in order.  An order keeps the number of its first appearance.

``migrations/`` builds exactly these tables; a test holds the two together.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA_VERSION: Final = "0001"
"""The newest revision in ``migrations/``; revisions are numbered and sort as text."""

VERSION_TABLE: Final = "journal_version"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _text(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, Text, nullable=null)


def _whole(name: str, *, null: bool = False) -> Column[Any]:
    """Return a column for a count, an amount in millionths or a time in nanoseconds."""
    return Column(name, BigInteger, nullable=null)


def _run() -> Column[Any]:
    return Column("run", Text, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False)


runs = Table(
    "runs",
    metadata,
    _text("id"),
    _whole("started_ns"),
    _text("mode"),
    _text("status"),
    _text("recordings"),
    _text("config"),
    # Which process writes it: a killed run can be told from one that still runs.
    _text("host"),
    _whole("pid"),
    _text("process"),
    # Known when the run ended.
    _text("decision_digest", null=True),
    _whole("intents", null=True),
    _whole("orders", null=True),
    _whole("fills", null=True),
    _whole("refusals", null=True),
    _whole("starting_cash", null=True),
    _whole("cash", null=True),
    _whole("equity", null=True),
    _whole("fees", null=True),
    _whole("max_drawdown", null=True),
    PrimaryKeyConstraint("id"),
)

run_summaries = Table(
    "run_summaries",
    metadata,
    _run(),
    _text("body"),
    PrimaryKeyConstraint("run"),
)

intents = Table(
    "intents",
    metadata,
    _run(),
    _whole("row_no"),
    _whole("id"),
    _whole("at_ns"),
    Column("approved", Boolean, nullable=False),
    _text("kind"),
    _text("strategy"),
    _text("plan", null=True),
    _text("leg_group", null=True),
    _text("venue", null=True),
    _text("market", null=True),
    Column("outcome", SmallInteger, nullable=True),
    _text("side", null=True),
    _whole("price", null=True),
    _whole("size", null=True),
    _whole("edge", null=True),
    _text("reason"),
    _text("gates"),
    _text("body"),
    PrimaryKeyConstraint("run", "row_no"),
    Index(None, "run", "id"),
)

refusals = Table(
    "refusals",
    metadata,
    _run(),
    _whole("row_no"),
    _whole("id"),
    _whole("at_ns"),
    _text("strategy"),
    _text("plan"),
    _text("outcome"),
    _text("gate"),
    _text("detail"),
    _whole("edge_forgone"),
    PrimaryKeyConstraint("run", "row_no"),
)

orders = Table(
    "orders",
    metadata,
    _run(),
    _whole("row_no"),
    _text("id"),
    _whole("intent"),
    _text("strategy"),
    _text("plan"),
    _text("leg_group", null=True),
    _text("venue"),
    _text("market"),
    Column("outcome", SmallInteger, nullable=False),
    _text("side"),
    _whole("price"),
    _whole("size"),
    _text("tif"),
    Column("post_only", Boolean, nullable=False),
    _text("purpose"),
    _whole("good_until_ns", null=True),
    _whole("created_ns"),
    _text("state"),
    _whole("filled"),
    _whole("notional"),
    _whole("fees"),
    Column("cancel_sent", Boolean, nullable=False),
    _text("reason"),
    _whole("updated_ns"),
    PrimaryKeyConstraint("run", "row_no"),
    UniqueConstraint("run", "id"),
)

fills = Table(
    "fills",
    metadata,
    _run(),
    _whole("row_no"),
    _text("id"),
    _text("order_id"),
    _text("venue"),
    _text("market"),
    Column("outcome", SmallInteger, nullable=False),
    _text("side"),
    _whole("price"),
    _whole("size"),
    _whole("fee"),
    _text("liquidity"),
    _whole("at_ns"),
    _text("evidence"),
    _text("finality"),
    _whole("final_ns", null=True),
    PrimaryKeyConstraint("run", "row_no"),
    UniqueConstraint("run", "id"),
)

entries = Table(
    "entries",
    metadata,
    _run(),
    _whole("seq"),
    _whole("row_no"),
    _whole("at_ns"),
    _text("kind"),
    _text("cause"),
    PrimaryKeyConstraint("run", "seq"),
)

postings = Table(
    "postings",
    metadata,
    _run(),
    _whole("seq"),
    Column("line", SmallInteger, nullable=False),
    _text("account"),
    _text("commodity"),
    _whole("amount"),
    PrimaryKeyConstraint("run", "seq", "line"),
)
