"""Schema 8: the size of the weights, as columns of refs and of what refs were before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "8"
down_revision = "7"


def upgrade() -> None:
    """Add the columns, which are null until the next check of a repo; all other values stay as they are."""
    for table in ("refs", "ref_history"):
        for name in ("parameters", "weight_bytes"):
            op.add_column(table, sa.Column(name, sa.BigInteger))
