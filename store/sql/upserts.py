"""Builds the statements that insert or update rows."""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass

from sqlalchemy import and_, or_, select

from store.rows import DecisionRow, FactsRow, RefRow
from store.sql.dialect import Dialect, Upsert
from store.tables import decisions, facts, refs

_UPDATED_REF_COLUMNS = (
    *("facts_id", "canonical_id", "commit_hash", "problem", "hints_id", "pipeline_tag", "library_name", "hints"),
    *("checked_at", "digest"),
)


@dataclass(frozen=True, slots=True)
class Upserts:
    """Of two refs checked in the same second, `refs` keeps the new one, and `merged_refs` the stored one."""

    facts: Upsert
    refs: Upsert
    merged_refs: Upsert
    decisions: Upsert


@functools.cache
def build_upserts(dialect: Dialect) -> Upserts:
    """The statements in the SQL of `dialect`."""
    new_facts = dialect.build_row_source(facts, FactsRow._fields, "body")
    put_facts = dialect.insert(facts).from_select(FactsRow._fields, new_facts.select())
    has_more_files = put_facts.excluded.files_asked > facts.c.files_asked
    is_damaged = and_(put_facts.excluded.digest == facts.c.digest, put_facts.excluded.body != facts.c.body)
    put_facts = put_facts.on_conflict_do_update(
        index_elements=["key"],
        set_={name: put_facts.excluded[name] for name in ("body", "files_asked", "digest")},
        where=or_(has_more_files, is_damaged),
    )

    new_refs = dialect.build_row_source(refs, RefRow._fields, "hints")
    facts_id = select(facts.c.id).where(facts.c.key == new_refs["facts_key"]).scalar_subquery()
    columns = ["facts_id" if name == "facts_key" else name for name in RefRow._fields]
    put_refs = dialect.insert(refs).from_select(columns, new_refs.select(facts_key=facts_id))
    # Of two writers the one that checked the ref later is right.
    replace_same_second, keep_same_second = (
        put_refs.on_conflict_do_update(
            index_elements=["key"],
            set_={name: put_refs.excluded[name] for name in _UPDATED_REF_COLUMNS},
            where=is_later(put_refs.excluded.checked_at, refs.c.checked_at),
        )
        for is_later in (operator.ge, operator.gt)
    )

    new_decisions = dialect.build_row_source(decisions, DecisionRow._fields, "body")
    # A decision is stored only where its facts are stored.
    on_stored_facts = new_decisions.select(facts_key=facts.c.id).where(facts.c.key == new_decisions["facts_key"])
    put_decisions = dialect.insert(decisions).from_select(["facts_id", *DecisionRow._fields[1:]], on_stored_facts)
    put_decisions = put_decisions.on_conflict_do_update(
        index_elements=list(decisions.primary_key.columns),
        set_={name: put_decisions.excluded[name] for name in ("body", "digest")},
        where=put_decisions.excluded.body != decisions.c.body,
    )
    return Upserts(
        facts=new_facts.compile(put_facts),
        refs=new_refs.compile(replace_same_second),
        merged_refs=new_refs.compile(keep_same_second),
        decisions=new_decisions.compile(put_decisions),
    )
