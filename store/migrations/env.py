"""Runs the migrations on the connection that `store.database.schema` passes in. Alembic executes this file."""

from __future__ import annotations

from alembic import context

from store.tables import metadata, schema_version

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=schema_version.name,
)
with context.begin_transaction():
    context.run_migrations()
