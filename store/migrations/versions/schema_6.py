"""Schema 6: how far listings of the Hub were read.

It defines its own table: `store.tables` has those of the newest schema only.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "6"
down_revision = "5"

_SECONDS = sa.Integer().with_variant(sa.BigInteger, "postgresql")


def upgrade() -> None:
    """Add an empty table; all other rows stay as they are."""
    op.create_table(
        "listings",
        sa.Column("endpoint", sa.String, primary_key=True),
        sa.Column("scope", sa.String, primary_key=True),
        sa.Column("query", sa.String, primary_key=True),
        sa.Column("next_url", sa.String),
        sa.Column("sort", sa.String),
        sa.Column("started_at", _SECONDS),
        sa.Column("known_until", _SECONDS),
        sa.Column("digest", sa.BigInteger, nullable=False, server_default="0"),
        sqlite_with_rowid=False,
    )
