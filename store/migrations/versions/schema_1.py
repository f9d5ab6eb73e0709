"""Schema 1, the first: facts, refs and decisions. It was made without migrations; nothing leads back to it."""

from __future__ import annotations

revision = "1"
down_revision = None


def upgrade() -> None:
    """Every store has at least this schema."""
