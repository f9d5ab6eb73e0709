"""The SQL of putting rows, in the words of SQLite and of PostgreSQL."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Dialect, LargeBinary, Table, and_, bindparam, func, literal_column, or_, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.dialects.sqlite import aiosqlite

from store import rows
from store.tables import decisions, facts, refs

_encoder = msgspec.json.Encoder()

_REF_COLUMNS = (
    *("facts_id", "canonical_id", "commit_hash", "problem", "hints_id", "pipeline_tag", "library_name", "hints"),
    *("checked_at", "digest"),
)


@dataclass(frozen=True, slots=True)
class Upsert:
    """A statement that puts rows which hold `names`, one of them a body, into a table; `text` takes `parameters`."""

    text: str
    parameters: tuple[str, ...]
    names: tuple[str, ...]
    body: str

    def packed(self, some: Sequence[rows.Row]) -> tuple[Any, ...]:
        """All of `some` as the parameters of the statement in SQLite's words.

        They are one text and one blob, however many the rows: the driver's thread then runs a statement once, instead
        of taking the interpreter from the event loop for every row. A body stands in the text as where it begins in
        the blob, from 1, and how many bytes it has.
        """
        place, begin = self.names.index(self.body), 1
        packed, bodies = [], []
        for row in some:
            body = row[place]
            packed.append((*row[:place], begin, len(body), *row[place + 1 :]))
            bodies.append(body)
            begin += len(body)
        given = {"rows": _encoder.encode(packed).decode(), "bodies": b"".join(bodies)}
        return tuple(given[name] for name in self.parameters)

    def arranged(self, some: Sequence[rows.Row]) -> list[rows.Row]:
        """`some` as the parameters of the statement in PostgreSQL's words, one after the other."""
        # Everyone locks rows in the same order, and so nobody waits for somebody who waits for him.
        ordered = sorted(some, key=operator.itemgetter(0))
        arrange = operator.itemgetter(*map(self.names.index, self.parameters))
        return [arrange(row) for row in ordered]


@dataclass(frozen=True, slots=True)
class Upserts:
    """Of two refs checked in the same second, `refs` takes the one put later, and `merged_refs` the one put before."""

    facts: Upsert
    refs: Upsert
    merged_refs: Upsert
    decisions: Upsert


@functools.cache
def puts(*, is_sqlite: bool) -> Upserts:
    """The statements in the words of SQLite, or else of PostgreSQL."""
    insert: Any = sqlite.insert if is_sqlite else postgresql.insert
    new_facts = _Given(facts, rows.FACTS, "body", is_sqlite)
    put_facts = insert(facts).from_select(rows.FACTS, new_facts.select())
    knows_more = put_facts.excluded.files_asked > facts.c.files_asked
    is_damaged = and_(put_facts.excluded.digest == facts.c.digest, put_facts.excluded.body != facts.c.body)
    put_facts = put_facts.on_conflict_do_update(
        index_elements=["key"],
        set_={name: put_facts.excluded[name] for name in ("body", "files_asked", "digest")},
        where=or_(knows_more, is_damaged),
    )

    new_refs = _Given(refs, rows.REFS, "hints", is_sqlite)
    facts_id = select(facts.c.id).where(facts.c.key == new_refs["facts_key"]).scalar_subquery()
    names = ["facts_id" if name == "facts_key" else name for name in rows.REFS]
    put_refs = insert(refs).from_select(names, new_refs.select(facts_key=facts_id))
    # Of two writers the one that asked the Hub later is right.
    earlier_goes, later_stays = (
        put_refs.on_conflict_do_update(
            index_elements=["key"],
            set_={name: put_refs.excluded[name] for name in _REF_COLUMNS},
            where=is_later(put_refs.excluded.checked_at, refs.c.checked_at),
        )
        for is_later in (operator.ge, operator.gt)
    )

    new_decisions = _Given(decisions, rows.DECISIONS, "body", is_sqlite)
    # Where the facts are gone, the decision on them is not kept either.
    of_facts = new_decisions.select(facts_key=facts.c.id).where(facts.c.key == new_decisions["facts_key"])
    put_decisions = insert(decisions).from_select(["facts_id", *rows.DECISIONS[1:]], of_facts)
    put_decisions = put_decisions.on_conflict_do_update(
        index_elements=list(decisions.primary_key.columns),
        set_={name: put_decisions.excluded[name] for name in ("body", "digest")},
        where=put_decisions.excluded.body != decisions.c.body,
    )
    return Upserts(
        facts=new_facts.compiled(put_facts),
        refs=new_refs.compiled(earlier_goes),
        merged_refs=new_refs.compiled(later_stays),
        decisions=new_decisions.compiled(put_decisions),
    )


class _Given:
    """The values that a statement is given for the rows of a table, by name."""

    def __init__(self, table: Table, names: tuple[str, ...], body: str, is_sqlite: bool) -> None:
        self._names = names
        self._body = body
        self._is_sqlite = is_sqlite
        self._rows = func.json_each(bindparam("rows")).table_valued("value")
        self._values: dict[str, Any] = {}
        for name in names:
            place = len(self._values) + (body in self._values)
            if not is_sqlite:
                kind = BigInteger() if name == "facts_key" else table.c[name].type
                self._values[name] = bindparam(name, type_=kind)
            elif name == body:
                blob = bindparam("bodies", type_=LargeBinary())
                self._values[name] = func.substr(blob, self._at(place), self._at(place + 1))
            else:
                self._values[name] = self._at(place)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def select(self, **others: Any) -> Any:
        """A query of all values, `others` in their place."""
        query = select(*(others.get(name, self._values[name]) for name in self._names))
        # SQLite takes what follows a query for a part of it, unless the query has a condition.
        return query.select_from(self._rows).where(true()) if self._is_sqlite else query

    def compiled(self, statement: Any) -> Upsert:
        """The statement as text: looking at each value of each row by its name, as SQLAlchemy does, takes longer than
        storing it.
        """
        dialect: Dialect = aiosqlite.dialect() if self._is_sqlite else asyncpg.dialect()  # type: ignore[no-untyped-call]
        compiled = statement.compile(dialect=dialect)
        return Upsert(str(compiled), tuple(compiled.positiontup or ()), self._names, self._body)

    def _at(self, place: int) -> Any:
        return func.json_extract(self._rows.c.value, literal_column(f"'$[{place}]'"))
