"""Schema 5: the Hub's quotas, which all processes of a store share.

It defines its own table: `store.tables` has those of the newest schema only.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Add an empty table; all other rows stay as they are."""
    op.create_table(
        "quotas",
        sa.Column("endpoint", sa.String, primary_key=True),
        sa.Column("owner", sa.String, primary_key=True),
        sa.Column("bucket", sa.String, primary_key=True),
        sa.Column("quota", sa.BigInteger),
        sa.Column("remaining", sa.BigInteger, nullable=False),
        sa.Column("window_s", sa.Double, nullable=False),
        sa.Column("ends_at", sa.Double, nullable=False),
        sa.Column("probe_until", sa.Double, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
