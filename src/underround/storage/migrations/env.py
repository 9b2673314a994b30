"""How Alembic runs here: on the connection and inside the transaction the journal hands over."""

from __future__ import annotations

from alembic import context

from underround.storage.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
