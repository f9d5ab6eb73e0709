"""The SQL of recalling and putting, in the words of SQLite and of PostgreSQL."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Dialect, Executable, and_, bindparam, func, or_, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.dialects.sqlite import aiosqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store import rows
from store.keys import WITHDRAWN
from store.tables import decisions, facts, lookups, refs

ROWS_PER_QUERY = 1_000

COMMIT_FACTS = select(facts.c.body).where(facts.c.key == bindparam("facts_key"))
"""The body of the facts with a key."""

_REF_COLUMNS = (
    *("facts_id", "canonical_id", "commit_hash", "problem", "hints_id", "pipeline_tag", "library_name", "hints"),
    *("checked_at", "digest"),
)


@dataclass(frozen=True, slots=True)
class Statements:
    """`recall` gives rows in the order of StoredRef; it takes `keys`, `endpoint`, `scope`, `rules_id` and `asked`.
    `repo_facts` gives key, repo_id, hints and body of the refs with `keys`.
    """

    is_sqlite: bool
    recall: Executable
    recall_text: str
    recall_names: tuple[str, ...]
    repo_facts: Executable
    put_facts: str
    put_refs: str
    merge_refs: str
    put_decisions: str
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

    def puts(self, items: rows.Rows, *, merge: bool = False) -> list[tuple[str, list[rows.Row]]]:
        """The statements that put `items`, with their rows, in the order they must run in.

        With `merge` a ref that was checked in the same second as the one stored does not take its place.
        """
        if not self.is_sqlite:
            # Everyone locks rows in the same order, and so nobody waits for somebody who waits for him.
            for some in items:
                some.sort(key=operator.itemgetter(0))
        # The statement asks for the key of the facts last.
        decided = [(*row[1:], row[0]) for row in items.decisions]
        put_refs = self.merge_refs if merge else self.put_refs
        given = ((self.put_facts, items.facts), (put_refs, items.refs), (self.put_decisions, decided))
        return [(statement, some) for statement, some in given if some]


@functools.cache
def statements(*, is_sqlite: bool) -> Statements:
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

    put_facts = insert(facts)
    knows_more = put_facts.excluded.files_asked > facts.c.files_asked
    is_damaged = and_(put_facts.excluded.digest == facts.c.digest, put_facts.excluded.body != facts.c.body)
    put_facts = put_facts.on_conflict_do_update(
        index_elements=["key"],
        set_={name: put_facts.excluded[name] for name in ("body", "files_asked", "digest")},
        where=or_(knows_more, is_damaged),
    )

    facts_id = select(facts.c.id).where(facts.c.key == bindparam("facts_key")).scalar_subquery()
    to_put = insert(refs).values(facts_id=facts_id)
    # Of two writers the one that asked the Hub later is right.
    put_refs, merge_refs = (
        to_put.on_conflict_do_update(
            index_elements=["key"],
            set_={name: to_put.excluded[name] for name in _REF_COLUMNS},
            where=is_later(to_put.excluded.checked_at, refs.c.checked_at),
        )
        for is_later in (operator.ge, operator.gt)
    )

    # Where the facts are gone, the decision on them is not kept either.
    values = [bindparam(name, type_=decisions.c[name].type) for name in rows.DECISIONS[1:]]
    of_facts = select(facts.c.id, *values).where(facts.c.key == bindparam("facts_key"))
    put_decisions = insert(decisions).from_select(["facts_id", *rows.DECISIONS[1:]], of_facts)
    put_decisions = put_decisions.on_conflict_do_update(
        index_elements=list(decisions.primary_key.columns),
        set_={name: put_decisions.excluded[name] for name in ("body", "digest")},
        where=put_decisions.excluded.body != decisions.c.body,
    )
    compiled: Any = recall.compile(dialect=dialect)
    count = insert(lookups)
    add_lookups = count.on_conflict_do_update(
        index_elements=["day"],
        set_={name: lookups.c[name] + count.excluded[name] for name in ("hits", "misses")},
    )
    return Statements(
        is_sqlite=is_sqlite,
        recall=recall,
        recall_text=str(compiled),
        recall_names=tuple(compiled.positiontup or ()),
        repo_facts=repo_facts,
        put_facts=_text(put_facts, rows.FACTS, dialect),
        put_refs=_text(put_refs, rows.REFS, dialect),
        merge_refs=_text(merge_refs, rows.REFS, dialect),
        put_decisions=_text(put_decisions, (*rows.DECISIONS[1:], rows.DECISIONS[0]), dialect),
        add_lookups=add_lookups,
    )


def _text(statement: Any, names: tuple[str, ...], dialect: Dialect) -> str:
    """A statement as text for tuples of the values of `names`: looking at each value of each row by its name, as
    SQLAlchemy does, takes longer than storing it.
    """
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    if tuple(compiled.positiontup or ()) != names:
        raise AssertionError(f"rows hold {names}, but the statement takes {compiled.positiontup}")
    return str(compiled)
