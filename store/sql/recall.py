"""Builds the statements that recall refs, decisions and facts, and that count look-ups."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Executable, FromClause, Table, and_, bindparam, null, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.keys import TOMBSTONE
from store.rows import FactsRow
from store.sql.dialect import CompiledQuery, Dialect
from store.tables import decisions, facts, lookups, ref_history, refs

MAX_KEYS_PER_QUERY = 1_000

_FACTS_COLUMNS = tuple(facts.c[name] for name in FactsRow._fields)

COMMIT_FACTS = select(*_FACTS_COLUMNS).where(facts.c.key == bindparam("facts_key"))
"""The row of the facts with a key, as `FactsRow`."""


def list_recalled(state: Table) -> tuple[ColumnElement[Any], ...]:
    """The fields of `reading.RecalledRow`, of refs as they are in `state`: `refs` or `ref_history`."""
    return (
        refs.c.key,
        refs.c.repo_id,
        refs.c.revision,
        state.c.canonical_id,
        state.c.commit_hash,
        refs.c.problem if state is refs else null().label("problem"),
        state.c.pipeline_tag,
        state.c.library_name,
        state.c.checked_at,
        state.c.hints_id,
        state.c.parameters,
        state.c.weight_bytes,
        decisions.c.body,
        facts.c.key,
        state.c.hints,
        state.c.digest,
        decisions.c.digest,
    )


RECALLED_COLUMNS = list_recalled(refs)
"""The fields of `reading.RecalledRow`."""


def join_decisions(source: FromClause, state: Table = refs) -> FromClause:
    """`source`, which has `state`, with the decisions by the parameters "rules_id" and "asked", and with the facts."""
    is_decision = and_(
        decisions.c.facts_id == state.c.facts_id,
        decisions.c.hints_id == state.c.hints_id,
        decisions.c.registry_digest == bindparam("rules_id"),
        decisions.c.asked == bindparam("asked"),
    )
    return source.outerjoin(decisions, is_decision).outerjoin(facts, facts.c.id == state.c.facts_id)


@dataclass(frozen=True, slots=True)
class RecallStatements:
    """`recall` selects the fields of `reading.RecalledRow`; it takes "keys", "endpoint", "scope", "rules_id" and
    "asked". `repo_facts` selects key and hints of the refs with "keys", then the fields of `FactsRow`; `past_facts` the
    same of all that these refs were before. `add_lookups` takes "day", "hits" and "misses".
    """

    dialect: Dialect
    recall: CompiledQuery
    repo_facts: Executable
    past_facts: Executable
    add_lookups: Executable

    def split_keys(self, keys: Sequence[int]) -> Iterable[Any]:
        """`keys` in batches of `MAX_KEYS_PER_QUERY`, each as the value of the parameter "keys"."""
        for start in range(0, len(keys), MAX_KEYS_PER_QUERY):
            yield self.dialect.bind_keys(keys[start : start + MAX_KEYS_PER_QUERY])

    async def fetch_refs(self, connection: AsyncConnection, parameters: Mapping[str, Any]) -> Iterable[Sequence[Any]]:
        """The rows of `recall`."""
        return await self.dialect.fetch_rows(connection, self.recall, parameters)


@functools.cache
def build_recall_statements(dialect: Dialect) -> RecallStatements:
    """The statements in the SQL of `dialect`."""
    keys = dialect.build_key_table()
    recall = (
        select(*RECALLED_COLUMNS)
        .select_from(join_decisions(keys.join(refs, refs.c.key == keys.c.value)))
        .where(
            refs.c.endpoint == bindparam("endpoint"),
            refs.c.scope == bindparam("scope"),
            or_(refs.c.problem.is_(None), refs.c.problem != text(f"'{TOMBSTONE}'")),
        )
    )
    repo_facts, past_facts = (
        select(state.c.key, state.c.hints, *_FACTS_COLUMNS).select_from(
            keys.join(state, state.c.key == keys.c.value).join(facts, facts.c.id == state.c.facts_id)
        )
        for state in (refs, ref_history)
    )
    count = dialect.insert(lookups)
    add_lookups = count.on_conflict_do_update(
        index_elements=["day"],
        set_={name: lookups.c[name] + count.excluded[name] for name in ("hits", "misses")},
    )
    return RecallStatements(
        dialect=dialect,
        recall=dialect.compile(recall),
        repo_facts=repo_facts,
        past_facts=past_facts,
        add_lookups=add_lookups,
    )
