"""Fills the tables `latest_decisions` and `decision_columns` from the stored decisions, page by page.

Blocking, on a connection of SQLAlchemy: upgrades and repairs run it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, and_, func, select

from store.codec import UnreadableBodyError
from store.decision_columns import ColumnsRow, build_columns
from store.keys import NOTHING_ASKED
from store.tables import decision_columns, decisions, latest_decisions

FACTS_PER_PAGE = 2_000
"""Facts whose decisions are read at once."""

FIRST, LAST = -(2**63), 2**63 - 1
"""The smallest and the largest row id; damaged rows have others, such as texts."""


def rank_rules(connection: Connection) -> dict[int, int]:
    """Registry digest -> how late it decided: by the newest facts that it has decided on.

    When a decision was made was not stored before schema 4.
    """
    newest = func.max(decisions.c.facts_id)
    query = select(decisions.c.registry_digest).group_by(decisions.c.registry_digest).order_by(newest)
    return {digest: rank for rank, digest in enumerate(connection.execute(query).scalars())}


def fill_page(connection: Connection, after: float, ranks: Mapping[int, int]) -> float | None:
    """Fill in for one page of facts, those after the row id `after`; the last row id of the page, None at the end.

    What is there already stays. Decisions that cannot be read are left out.
    """
    is_after = and_(decisions.c.facts_id > after, decisions.c.facts_id <= LAST)
    facts_ids = select(decisions.c.facts_id).where(is_after).distinct()
    page = facts_ids.order_by(decisions.c.facts_id).limit(FACTS_PER_PAGE).subquery()
    last: float | None = connection.execute(select(func.max(page.c.facts_id))).scalar()
    if last is None:
        return None
    is_filled = and_(
        latest_decisions.c.facts_id == decisions.c.facts_id, latest_decisions.c.hints_id == decisions.c.hints_id
    )
    found = connection.execute(
        select(decisions)
        .select_from(decisions.outerjoin(latest_decisions, is_filled))
        .where(
            is_after,
            decisions.c.facts_id <= last,
            decisions.c.asked == NOTHING_ASKED,
            latest_decisions.c.facts_id.is_(None),
        )
    )
    columns: dict[int, ColumnsRow] = {}
    latest: dict[tuple[Any, Any], dict[str, Any]] = {}
    for row in sorted(found, key=lambda row: ranks.get(row.registry_digest, -1)):
        try:
            built = build_columns(row.body)
        except UnreadableBodyError:
            continue
        columns[built.id] = built
        latest[row.facts_id, row.hints_id] = {
            "facts_id": row.facts_id,
            "hints_id": row.hints_id,
            "registry_digest": row.registry_digest,
            "columns_id": built.id,
        }
    if latest:
        is_known = decision_columns.c.id.in_(columns)
        known = set(connection.execute(select(decision_columns.c.id).where(is_known)).scalars())
        if new := [row._asdict() for row in columns.values() if row.id not in known]:
            connection.execute(decision_columns.insert(), new)
        connection.execute(latest_decisions.insert(), list(latest.values()))
    return last


def fill_all(connection: Connection) -> None:
    """Fill in for all facts."""
    ranks = rank_rules(connection)
    after: float | None = FIRST
    while after is not None:
        after = fill_page(connection, after, ranks)
