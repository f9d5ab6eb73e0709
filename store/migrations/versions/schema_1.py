"""Schema 1: facts, refs and decisions. The first schema, created without migrations; there is no downgrade to it."""

from __future__ import annotations

revision = "1"
down_revision = None


def upgrade() -> None:
    """Every store has at least this schema."""
