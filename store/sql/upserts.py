"""Builds the statements that insert or update rows."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, and_, bindparam, literal_column, or_, select

from store.keys import TOMBSTONE
from store.rows import DecisionRow, FactsRow, RefRow
from store.sql.dialect import Dialect, Upsert
from store.tables import decisions, facts, refs

_TOMBSTONE: ColumnElement[str] = literal_column(f"'{TOMBSTONE}'")

_REF_COLUMNS = tuple("facts_id" if name == "facts_key" else name for name in RefRow._fields)


@dataclass(frozen=True, slots=True)
class Upserts:
    """`refs` are checks made by this process, `merged_refs` and `merged_decisions` come from another store: of two refs
    checked in the same second `refs` keeps the new one, and the others keep what is stored.

    Both upserts of refs take the constant "latest": the latest time that a stored row can truthfully have.
    """

    facts: Upsert
    refs: Upsert
    merged_refs: Upsert
    decisions: Upsert
    merged_decisions: Upsert


@functools.cache
def build_upserts(dialect: Dialect) -> Upserts:
    """The statements in the SQL of `dialect`."""
    new_facts = dialect.build_row_source(facts, FactsRow._fields, "body")
    put_facts = dialect.insert(facts).from_select(FactsRow._fields, new_facts.select())
    has_more_files = put_facts.excluded.files_asked > facts.c.files_asked
    is_damaged = and_(put_facts.excluded.digest == facts.c.digest, put_facts.excluded.body != facts.c.body)
    put_facts = put_facts.on_conflict_do_update(
        index_elements=["key"],
        # All: any of them may be damaged.
        set_={name: put_facts.excluded[name] for name in FactsRow._fields if name != "key"},
        where=or_(has_more_files, is_damaged),
    )

    new_refs = dialect.build_row_source(refs, RefRow._fields, "hints")
    facts_id = select(facts.c.id).where(facts.c.key == new_refs["facts_key"]).scalar_subquery()
    put_refs = dialect.insert(refs).from_select(_REF_COLUMNS, new_refs.select(facts_key=facts_id))
    # Of two writers the one that checked the ref later is right. Of the same second a tombstone is, and a row from the
    # future is right in no case: it would win for years.
    new_is_tombstone = put_refs.excluded.problem == _TOMBSTONE
    is_ref = or_(refs.c.problem.is_(None), refs.c.problem != _TOMBSTONE)
    is_impossible = or_(refs.c.checked_at > bindparam("latest", type_=BigInteger), refs.c.checked_at.is_(None))
    is_later = put_refs.excluded.checked_at > refs.c.checked_at
    is_same_second = put_refs.excluded.checked_at == refs.c.checked_at
    put_checked, put_merged = (
        put_refs.on_conflict_do_update(
            index_elements=["key"],
            set_={name: put_refs.excluded[name] for name in _REF_COLUMNS if name != "key"},
            where=or_(is_later, *more),
        )
        for more in (
            (and_(is_same_second, or_(is_ref, new_is_tombstone)), is_impossible),
            (and_(is_impossible, is_ref),),
        )
    )

    new_decisions = dialect.build_row_source(decisions, DecisionRow._fields, "body")
    # A decision is stored only where its facts are stored.
    on_stored_facts = new_decisions.select(facts_key=facts.c.id).where(facts.c.key == new_decisions["facts_key"])
    put_decisions = dialect.insert(decisions).from_select(["facts_id", *DecisionRow._fields[1:]], on_stored_facts)
    decision_key = list(decisions.primary_key.columns)
    is_other = or_(put_decisions.excluded.body != decisions.c.body, put_decisions.excluded.digest != decisions.c.digest)
    put_decided = put_decisions.on_conflict_do_update(
        index_elements=decision_key,
        set_={name: put_decisions.excluded[name] for name in ("body", "digest")},
        where=is_other,
    )
    keep_decided = put_decisions.on_conflict_do_nothing(index_elements=decision_key)
    return Upserts(
        facts=new_facts.compile(put_facts),
        refs=new_refs.compile(put_checked),
        merged_refs=new_refs.compile(put_merged),
        decisions=new_decisions.compile(put_decided),
        merged_decisions=new_decisions.compile(keep_decided),
    )
