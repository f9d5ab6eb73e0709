"""How rows are passed to PostgreSQL. Pure: no server is needed."""

from __future__ import annotations

from store.rows import DecisionRow
from store.sql.postgres_dialect import PostgresDialect
from store.sql.upserts import build_upserts


def decision(facts_key: int, hints_id: int, asked: str, body: bytes = b"decision") -> DecisionRow:
    return DecisionRow(facts_key=facts_key, hints_id=hints_id, registry_digest=1, asked=asked, body=body, digest=0)


def test_transactions_lock_decisions_on_the_same_facts_in_one_order() -> None:
    text = build_upserts(PostgresDialect()).decisions.text  # type: ignore[attr-defined]
    _, order = text.split("ORDER BY ")
    names = [name.strip().removeprefix("new_rows.") for name in order.partition(" ON CONFLICT")[0].split(",")]
    assert names == ["facts_key", "hints_id", "registry_digest", "asked"]


def test_one_statement_has_a_key_once() -> None:
    rows = [decision(2, 1, "/"), decision(1, 1, "/"), decision(2, 1, "/", b"later"), decision(1, 1, "fill-mask/")]
    parts = build_upserts(PostgresDialect()).decisions.split(rows)  # type: ignore[attr-defined]
    assert parts == [[rows[0], rows[1], rows[3]], [rows[2]]]
