"""Schema 3: the tables of newer releases of libraries, which all workers of a store decide by.

It defines its own table: `store.tables` has those of the newest schema only.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Add an empty table; all other rows stay as they are."""
    op.create_table(
        "registry_updates",
        sa.Column("library", sa.String, primary_key=True),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("read_at", sa.Integer().with_variant(sa.BigInteger, "postgresql"), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.BigInteger, nullable=False, server_default="0"),
        sqlite_with_rowid=False,
    )
