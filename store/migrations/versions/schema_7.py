"""Schema 7: on PostgreSQL, an index of refs by repo id in lower case. A SQLite store stays as it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "7"
down_revision = "6"


def upgrade() -> None:
    """Add the index; all rows stay as they are."""
    if op.get_bind().dialect.name == "postgresql":
        op.create_index("refs_by_lower_repo_id", "refs", [sa.text("lower(repo_id)")])
