"""The order in which PostgreSQL locks rows. Pure: no server is needed."""

from __future__ import annotations

from itertools import permutations

from store.rows import DecisionRow
from store.sql.postgres_dialect import PostgresDialect
from store.sql.upserts import build_upserts


def decision(facts_key: int, hints_id: int, asked: str) -> DecisionRow:
    return DecisionRow(
        facts_key=facts_key, hints_id=hints_id, registry_digest=1, asked=asked, body=b"decision", digest=0
    )


def test_transactions_lock_decisions_on_the_same_facts_in_one_order() -> None:
    rows = [decision(2, 1, "/"), decision(1, 2, "/"), decision(1, 1, "/"), decision(1, 1, "fill-mask/")]
    upsert = build_upserts(PostgresDialect()).decisions
    orders = {tuple(upsert.arrange(order)) for order in permutations(rows)}  # type: ignore[attr-defined]
    assert len(orders) == 1
