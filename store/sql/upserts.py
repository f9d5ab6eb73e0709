"""Builds the statements that insert or update rows."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, bindparam, case, literal_column, or_, select

from store.decision_columns import ColumnsRow, LatestRow
from store.keys import PUBLIC, TOMBSTONE
from store.rows import DecisionRow, FactsRow, RefRow
from store.sql.dialect import Dialect, Upsert
from store.tables import decision_columns, decisions, facts, latest_decisions, ref_history, refs

_TOMBSTONE: ColumnElement[str] = literal_column(f"'{TOMBSTONE}'")

_REF_COLUMNS = tuple("facts_id" if name == "facts_key" else name for name in RefRow._fields)


@dataclass(frozen=True, slots=True)
class Upserts:
    """`refs` are checks made by this process, `merged_refs` and `merged_decisions` come from another store: of two refs
    checked in the same second `refs` keeps the new one, and the others keep what is stored.

    Both upserts of refs take the constant "latest": the latest time that a stored row can truthfully have. `history`
    keeps the refs that the same rows are about to change: it comes before `refs` or `merged_refs`.
    """

    facts: Upsert
    history: Upsert
    refs: Upsert
    merged_refs: Upsert
    decisions: Upsert
    merged_decisions: Upsert
    columns: Upsert
    latest: Upsert
    merged_latest: Upsert


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
    put_refs = dialect.insert(refs).from_select(
        (*_REF_COLUMNS, "changed_at"), new_refs.select(facts_key=facts_id).add_columns(new_refs["checked_at"])
    )
    # Of two writers the one that checked the ref later is right. Of the same second a tombstone is, and a row from the
    # future is right in no case: it would win for years.
    new_is_tombstone = put_refs.excluded.problem == _TOMBSTONE
    is_ref = or_(refs.c.problem.is_(None), refs.c.problem != _TOMBSTONE)
    is_impossible = or_(refs.c.checked_at > bindparam("latest", type_=BigInteger), refs.c.checked_at.is_(None))
    is_later = put_refs.excluded.checked_at > refs.c.checked_at
    is_same_second = put_refs.excluded.checked_at == refs.c.checked_at
    is_as_before = and_(refs.c.changed_at <= put_refs.excluded.checked_at, ~_is_other(put_refs.excluded))
    put_checked, put_merged = (
        put_refs.on_conflict_do_update(
            index_elements=["key"],
            set_={
                **{name: put_refs.excluded[name] for name in _REF_COLUMNS if name != "key"},
                "changed_at": case((is_as_before, refs.c.changed_at), else_=put_refs.excluded.checked_at),
            },
            where=or_(is_later, *more),
        )
        for more in (
            (and_(is_same_second, or_(is_ref, new_is_tombstone)), is_impossible),
            (and_(is_impossible, is_ref),),
        )
    )

    # A ref from the future replaces nothing that is known to have been before.
    kept_columns = [column.name for column in ref_history.c if column.name not in ("id", "replaced_at")]
    changed_refs = (
        new_refs.select()
        .with_only_columns(*(refs.c[name] for name in kept_columns), new_refs["checked_at"])
        .where(
            refs.c.key == new_refs["key"],
            refs.c.scope == literal_column(f"'{PUBLIC}'"),
            refs.c.commit_hash.is_not(None),
            refs.c.changed_at < new_refs["checked_at"],
            refs.c.checked_at <= new_refs["checked_at"],
            _is_other(new_refs),
        )
    )
    put_history = dialect.insert(ref_history).from_select([*kept_columns, "replaced_at"], changed_refs)

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

    new_columns = dialect.build_row_source(decision_columns, ColumnsRow._fields)
    put_columns = dialect.insert(decision_columns).from_select(ColumnsRow._fields, new_columns.select())
    new_latest = dialect.build_row_source(latest_decisions, LatestRow._fields)
    of_stored_facts = new_latest.select(facts_key=facts.c.id).where(facts.c.key == new_latest["facts_key"])
    put_latest = dialect.insert(latest_decisions).from_select(["facts_id", *LatestRow._fields[1:]], of_stored_facts)
    latest_key = list(latest_decisions.primary_key.columns)
    set_latest = {name: put_latest.excluded[name] for name in ("registry_digest", "columns_id")}
    is_other_decision = or_(*(latest_decisions.c[name] != value for name, value in set_latest.items()))
    return Upserts(
        facts=new_facts.compile(put_facts),
        history=new_refs.compile(put_history),
        refs=new_refs.compile(put_checked),
        merged_refs=new_refs.compile(put_merged),
        decisions=new_decisions.compile(put_decided),
        merged_decisions=new_decisions.compile(keep_decided),
        columns=new_columns.compile(put_columns.on_conflict_do_nothing(index_elements=["id"])),
        latest=new_latest.compile(
            put_latest.on_conflict_do_update(index_elements=latest_key, set_=set_latest, where=is_other_decision)
        ),
        merged_latest=new_latest.compile(put_latest.on_conflict_do_nothing(index_elements=latest_key)),
    )


def _is_other(new: Any) -> ColumnElement[bool]:
    """Whether the new values of a ref say something else than the stored ones; the time of the check does not count."""
    return or_(
        *(refs.c[name].is_distinct_from(new[name]) for name in ("commit_hash", "canonical_id", "problem", "hints_id"))
    )
