"""Schema 4: what other programs read (columns of decisions, and views), and what refs were before.

The columns are filled in before, in many transactions (`store.database.filling`); what is left is filled in here.
It defines its own tables: `store.tables` has those of the newest schema only.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.database.latest_decisions import fill_all

revision = "4"
down_revision = "3"

ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
SECONDS = sa.Integer().with_variant(sa.BigInteger, "postgresql")


def upgrade() -> None:
    """Add the tables and a column of refs; the rows of all other tables stay as they are."""
    add_decision_tables(op.get_bind())
    fill_all(op.get_bind())
    op.add_column("refs", sa.Column("changed_at", SECONDS, nullable=False, server_default="0"))
    op.create_table(
        "ref_history",
        sa.Column("id", ROW_ID, primary_key=True),
        sa.Column("key", sa.BigInteger, nullable=False),
        sa.Column("facts_id", ROW_ID),
        sa.Column("canonical_id", sa.String),
        sa.Column("commit_hash", sa.String(40), nullable=False),
        sa.Column("hints_id", sa.BigInteger, nullable=False),
        sa.Column("pipeline_tag", sa.String),
        sa.Column("library_name", sa.String),
        sa.Column("hints", sa.LargeBinary, nullable=False),
        sa.Column("checked_at", SECONDS, nullable=False),
        sa.Column("digest", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("changed_at", SECONDS, nullable=False),
        sa.Column("replaced_at", SECONDS, nullable=False),
    )
    op.create_index("ref_history_by_key", "ref_history", ["key"])


def add_decision_tables(connection: sa.Connection) -> None:
    """Add the tables of the columns of decisions, where an earlier upgrade did not come to its end."""
    tables = sa.MetaData()
    sa.Table(
        "decision_columns",
        tables,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.String) for name in ("library", "task", "framework")),
        sa.Column("weights", sa.String, nullable=False),
        *(sa.Column(name, sa.String) for name in ("model_type", "architecture", "model_class")),
        *(sa.Column(name, sa.Boolean, nullable=False) for name in ("requires_remote_code", "conflict", "ambiguous")),
        sa.Column("undecided", sa.String),
        *(sa.Column(name, sa.String, nullable=False) for name in ("candidates", "base_models", "notes")),
    )
    sa.Table(
        "latest_decisions",
        tables,
        sa.Column("facts_id", ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("hints_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("registry_digest", sa.BigInteger, nullable=False),
        sa.Column("columns_id", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    tables.create_all(connection)
