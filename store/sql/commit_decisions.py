"""Reads the decisions on the facts of a commit, whatever ref led to it."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.decision import Decision
from store.codec import UnreadableBodyError, decode_decision
from store.keys import DecisionKey, FactsKey
from store.rows import DecisionRow, has_valid_digest
from store.tables import decisions, facts


async def read_commit_decisions(
    connection: AsyncConnection, key: FactsKey, decision_key: DecisionKey
) -> dict[int, Decision]:
    """The decisions on the facts with `key` by `decision_key`, by the `hints_id` of the hints that they were made with;
    without damaged ones.
    """
    query = (
        select(decisions.c.hints_id, decisions.c.body, decisions.c.digest)
        .select_from(decisions.join(facts, facts.c.id == decisions.c.facts_id))
        .where(
            facts.c.key == key.key,
            decisions.c.registry_digest == decision_key.rules_id,
            decisions.c.asked == decision_key.asked,
        )
    )
    found: dict[int, Decision] = {}
    for hints_id, body, digest in await connection.execute(query):
        row = DecisionRow(key.key, hints_id, decision_key.rules_id, decision_key.asked, body, digest)
        if has_valid_digest(row):
            with suppress(UnreadableBodyError):
                found[hints_id] = decode_decision(body)
    return found
