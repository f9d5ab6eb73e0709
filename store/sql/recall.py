"""The SQL of recalling and counting, in the words of SQLite and of PostgreSQL."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Dialect, Executable, and_, bindparam, func, or_, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.dialects.sqlite import aiosqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store.keys import WITHDRAWN
from store.tables import decisions, facts, lookups, refs

ROWS_PER_QUERY = 1_000

COMMIT_FACTS = select(facts.c.body).where(facts.c.key == bindparam("facts_key"))
"""The body of the facts with a key."""


@dataclass(frozen=True, slots=True)
class RecallStatements:
    """`recall` gives rows in the order of StoredRef; it takes `keys`, `endpoint`, `scope`, `rules_id` and `asked`.
    `repo_facts` gives key, repo_id, hints and body of the refs with `keys`.
    """

    is_sqlite: bool
    recall: Executable
    recall_text: str
    recall_names: tuple[str, ...]
    repo_facts: Executable
    add_lookups: Executable

    def batches(self, keys: Sequence[int]) -> Iterable[Any]:
        """`keys`, at most `ROWS_PER_QUERY` at a time, as the parameter that the statements take."""
        for start in range(0, len(keys), ROWS_PER_QUERY):
            some = list(keys[start : start + ROWS_PER_QUERY])
            yield str(some) if self.is_sqlite else some

    async def recalled(self, connection: AsyncConnection, parameters: Mapping[str, Any]) -> Iterable[Sequence[Any]]:
        """The rows of `recall`."""
        if not self.is_sqlite:
            return (await connection.execute(self.recall, dict(parameters))).all()
        # One turn of the driver's thread instead of four: for a single repo it is most of the time there is.
        driver: Any = (await connection.get_raw_connection()).driver_connection
        rows: Iterable[Sequence[Any]] = await driver.execute_fetchall(
            self.recall_text, [parameters[name] for name in self.recall_names]
        )
        return rows


@functools.cache
def statements(*, is_sqlite: bool) -> RecallStatements:
    """The statements in the words of SQLite, or else of PostgreSQL."""
    dialect: Dialect = aiosqlite.dialect() if is_sqlite else asyncpg.dialect()  # type: ignore[no-untyped-call]
    insert: Any = sqlite.insert if is_sqlite else postgresql.insert
    # A list of keys as one parameter: the text is the same for any number of them, so it is compiled once.
    if is_sqlite:
        keys = func.json_each(bindparam("keys")).table_valued("value").alias("keys")
    else:
        wanted = bindparam("keys", type_=postgresql.ARRAY(BigInteger))
        keys = func.unnest(wanted).table_valued("value").render_derived().alias("keys")
    decided = and_(
        decisions.c.facts_id == refs.c.facts_id,
        decisions.c.hints_id == refs.c.hints_id,
        decisions.c.registry_digest == bindparam("rules_id"),
        decisions.c.asked == bindparam("asked"),
    )
    recall = (
        select(
            refs.c.key,
            refs.c.repo_id,
            refs.c.revision,
            refs.c.canonical_id,
            refs.c.commit_hash,
            refs.c.problem,
            refs.c.pipeline_tag,
            refs.c.library_name,
            refs.c.checked_at,
            refs.c.hints_id,
            decisions.c.body,
        )
        .select_from(keys.join(refs, refs.c.key == keys.c.value).outerjoin(decisions, decided))
        .where(
            refs.c.endpoint == bindparam("endpoint"),
            refs.c.scope == bindparam("scope"),
            or_(refs.c.problem.is_(None), refs.c.problem != text(f"'{WITHDRAWN}'")),
        )
    )
    repo_facts = select(refs.c.key, refs.c.repo_id, refs.c.hints, facts.c.body).select_from(
        keys.join(refs, refs.c.key == keys.c.value).join(facts, facts.c.id == refs.c.facts_id)
    )

    compiled: Any = recall.compile(dialect=dialect)
    count = insert(lookups)
    add_lookups = count.on_conflict_do_update(
        index_elements=["day"],
        set_={name: lookups.c[name] + count.excluded[name] for name in ("hits", "misses")},
    )
    return RecallStatements(
        is_sqlite=is_sqlite,
        recall=recall,
        recall_text=str(compiled),
        recall_names=tuple(compiled.positiontup or ()),
        repo_facts=repo_facts,
        add_lookups=add_lookups,
    )
