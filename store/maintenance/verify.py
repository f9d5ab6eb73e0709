"""Verifies a store: checks each row, and compares each decision with what the rules decide now.

Rows may hold anything: SQLite enforces no types, and a damaged file has other values than were written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.decision import Decision
from registry.facts import CommitFacts, HubHints, RepoFacts
from registry.registry import Registry
from registry.rules.decide import decide
from store import codec
from store.checks import find_decision_problem, find_facts_problem, find_ref_problem
from store.errors import DamagedStoreError
from store.keys import DecisionKey
from store.maintenance.check_derived import check_columns, check_history
from store.maintenance.quoting import quote
from store.maintenance.repair import repair
from store.maintenance.verify_report import VerifyReport
from store.rows import DecisionRow, FactsRow, build_ref_row
from store.sql.listings import read_damaged_listings
from store.sql.registry_updates import read_updates
from store.store import MetadataStore
from store.tables import SCHEMA_VERSION, decisions, facts, lookups, refs, schema_version

ROWS_PER_PAGE = 500
"""Rows that are read at once."""


async def verify(store: MetadataStore, registry: Registry, *, drop: bool = False) -> VerifyReport:
    """Check every row of `store`, as one consistent snapshot, while others write.

    Decisions made by the rules of `registry` are made again and compared. With `drop`, rows with problems are removed;
    their repos are fetched again at the next request.

    Raises:
        DamagedStoreError: the file cannot be read, or with `drop` not repaired.
        StoreError: the store cannot be read, or with `drop` not written.
    """
    report = await _check(store, registry)
    if drop and report.problems:
        await repair(
            store,
            facts_ids=report.bad_facts,
            ref_ids=report.bad_refs,
            history_ids=report.bad_history,
            decision_keys=report.bad_decisions,
            lookup_days=report.bad_lookups,
            updated_libraries=report.bad_updates,
            with_listings=bool(report.bad_listings),
            with_indexes=report.is_file_damaged,
        )
        if left := (await _check(store, registry)).problems:
            raise DamagedStoreError(f"{store.name} is damaged beyond its rows: {left[0]}")
    return report


async def _check(store: MetadataStore, registry: Registry) -> VerifyReport:
    report = VerifyReport()
    rules_id = DecisionKey(registry.digest()).rules_id
    async with store.snapshot() as connection:
        problems = await store.dialect.check_integrity(connection)
        report.is_file_damaged = bool(problems)
        report.problems += [f"the file: {problem}" for problem in problems]
        await _check_facts(connection, report)
        await _check_refs(connection, report, registry, rules_id)
        await check_history(connection, report)
        await _check_decisions(connection, report, rules_id)
        await check_columns(connection, report)
        await _check_lookups(connection, report)
        _, damaged = await read_updates(connection)
        report.bad_updates.update(damaged)
        report.problems += damaged.values()
        listings = await read_damaged_listings(connection)
        report.bad_listings = len(listings)
        report.problems += [
            f"the listing {query!r:.80} of {endpoint!r:.80} is damaged" for endpoint, _, query in listings
        ]
        await _check_version(connection, report)
    return report


async def _check_facts(connection: AsyncConnection, report: VerifyReport) -> None:
    async with connection.stream(select(facts)) as rows:
        async for page in rows.mappings().partitions(ROWS_PER_PAGE):
            report.facts += len(page)
            for columns in page:
                row = FactsRow._make([columns[name] for name in FactsRow._fields])
                problem = find_facts_problem(row)
                if problem is not None:
                    report.bad_facts.add(columns["id"])
                    report.problems.append(f"a row of facts, of {quote(row.canonical_id, row.commit_hash)}, {problem}")


async def _check_refs(connection: AsyncConnection, report: VerifyReport, registry: Registry, rules_id: int) -> None:
    columns = (facts.c.key.label("facts_key"), facts.c.body.label("facts_body"))
    query = select(refs, *columns).outerjoin(facts, facts.c.id == refs.c.facts_id).order_by(refs.c.id)
    async with connection.stream(query) as rows:
        async for page in rows.mappings().partitions(ROWS_PER_PAGE):
            report.refs += len(page)
            facts_ids = [row["facts_id"] for row in page if type(row["facts_id"]) is int]
            stored = await _read_decisions(connection, facts_ids, rules_id)
            for row in page:
                if (problem := _find_ref_problem(row, report.bad_facts)) is not None:
                    report.bad_refs.add(row["id"])
                    report.problems.append(f"ref {quote(row['repo_id'], row['revision'])} {problem}")
                elif row["facts_body"] is not None and row["facts_id"] not in report.bad_facts:
                    _decide_again(row, stored.get((row["facts_id"], row["hints_id"]), ()), report, registry)


def _find_ref_problem(columns: Any, bad_facts: set[int]) -> str | None:
    """The problem of a ref, joined with its facts; None where there is none."""
    row = build_ref_row(columns)
    if (problem := find_ref_problem(row)) is not None:
        return problem
    if type(columns["changed_at"]) is not int or not 0 <= columns["changed_at"] <= row.checked_at:
        return "changed at a time that is none, or after its last check"
    if columns["facts_id"] is not None and columns["facts_id"] not in bad_facts:
        if columns["facts_key"] is None:
            return "refers to facts that do not exist"
        if columns["facts_key"] != row.facts_key:
            return "refers to the facts of another commit"
    return None


def _decide_again(ref: Any, stored: Sequence[Any], report: VerifyReport, registry: Registry) -> None:
    """Compare the `stored` decisions on a ref's facts and hints with the decisions that `registry` makes."""
    if not stored:
        return
    repo_facts = RepoFacts(
        commit=codec.decode(CommitFacts, ref["facts_body"]), hints=codec.decode(HubHints, ref["hints"])
    )
    for row in stored:
        try:
            decision = codec.decode(Decision, row.body)
        except codec.UnreadableBodyError:
            # `_check_decisions` reports it.
            continue
        task, _, library = str(row.asked).partition("/")
        try:
            is_same = decide(repo_facts, registry, task or None, library=library or None) == decision
        except Exception:
            # The rules refuse what was requested, or what the facts hold.
            is_same = False
        if is_same:
            report.decided += 1
        else:
            report.bad_decisions.add(_get_decision_key(row._mapping))
            name = quote(ref["repo_id"], ref["revision"])
            report.problems.append(f"the decision on {name} differs from today's")


async def _read_decisions(
    connection: AsyncConnection, facts_ids: Sequence[int], rules_id: int
) -> dict[tuple[int, int], list[Any]]:
    """Decisions made by the rules in force, by row id of the facts and id of the hints."""
    query = select(decisions).where(decisions.c.facts_id.in_(facts_ids), decisions.c.registry_digest == rules_id)
    stored: dict[tuple[int, int], list[Any]] = {}
    for row in await connection.execute(query):
        stored.setdefault((row.facts_id, row.hints_id), []).append(row)
    return stored


async def _check_decisions(connection: AsyncConnection, report: VerifyReport, rules_id: int) -> None:
    query = select(decisions, facts.c.key.label("facts_key"), facts.c.canonical_id).outerjoin(
        facts, facts.c.id == decisions.c.facts_id
    )
    async with connection.stream(query) as rows:
        async for page in rows.mappings().partitions(ROWS_PER_PAGE):
            for columns in page:
                row = DecisionRow._make([columns[name] for name in DecisionRow._fields])
                report.decisions += 1
                report.outdated += row.registry_digest != rules_id
                if columns["facts_key"] is None:
                    problem: str | None = "refers to facts that do not exist"
                else:
                    problem = find_decision_problem(row)
                if problem is not None:
                    report.bad_decisions.add(_get_decision_key(columns))
                    report.problems.append(f"a decision on {quote(columns['canonical_id'])} {problem}")


async def _check_lookups(connection: AsyncConnection, report: VerifyReport) -> None:
    async with connection.stream(select(lookups)) as rows:
        async for row in rows:
            if not all(type(value) is int and 0 <= value < 2**62 for value in row):
                report.bad_lookups.add(row.day)
                report.problems.append(f"the counts of look-ups of day {quote(row.day)} are no counts")


async def _check_version(connection: AsyncConnection, report: VerifyReport) -> None:
    versions = (await connection.execute(select(schema_version.c.version_num))).scalars().all()
    if list(versions) != [str(SCHEMA_VERSION)]:
        report.has_bad_version = True
        report.problems.append(f"the version of the schema is {quote(*versions)}")


def _get_decision_key(columns: Any) -> tuple[Any, ...]:
    return tuple(columns[column.name] for column in decisions.primary_key)
