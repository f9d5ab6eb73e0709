"""Verifies a store: compares each row with its digest, and each decision with what the rules decide now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.decision import Decision
from registry.facts import CommitFacts, HubHints, RepoFacts
from registry.registry import Registry
from registry.rules.decide import decide
from store import codec
from store.chunked import chunked
from store.keys import DecisionKey, FactsKey, RefKey
from store.rows import DecisionRow, FactsRow, build_ref_row, has_valid_digest
from store.store import MetadataStore
from store.tables import decisions, facts, refs

ROWS_PER_PAGE = 500
"""Rows that are read by one query, and removed by one statement."""

_NOT_MATCHING = "does not match its digest"


@dataclass(slots=True, kw_only=True)
class VerifyReport:
    """Counts of the rows that were checked, and a line for each problem.

    `decided` counts stored decisions that equal what the rules in force decide now; `outdated` those made by other
    rules, which are not used and are made again at the next request. `bad_*` are the primary keys of the rows with
    problems.
    """

    facts: int = 0
    refs: int = 0
    decisions: int = 0
    decided: int = 0
    outdated: int = 0
    problems: list[str] = field(default_factory=list)
    bad_facts: set[int] = field(default_factory=set)
    bad_refs: set[int] = field(default_factory=set)
    bad_decisions: set[tuple[int, int, int, str]] = field(default_factory=set)


async def verify(store: MetadataStore, registry: Registry, *, drop: bool = False) -> VerifyReport:
    """Check every row of `store`, as one consistent snapshot, while others write.

    Decisions made by the rules of `registry` are made again and compared. With `drop`, rows with problems are removed;
    their repos are fetched again at the next request.

    Raises:
        StoreError: the store cannot be read, or with `drop` not written.
    """
    report = VerifyReport()
    rules_id = DecisionKey(registry.digest()).rules_id
    async with store.snapshot() as connection:
        problems = await store.dialect.check_integrity(connection)
        report.problems += [f"the file: {problem}" for problem in problems]
        await _check_facts(connection, report)
        await _check_refs(connection, report, registry, rules_id)
        await _check_decisions(connection, report, rules_id)
    if drop:
        await _drop(store, report)
    return report


async def _check_facts(connection: AsyncConnection, report: VerifyReport) -> None:
    last_id = 0
    page = select(facts).order_by(facts.c.id).limit(ROWS_PER_PAGE)
    while rows := (await connection.execute(page.where(facts.c.id > last_id))).mappings().all():
        last_id = rows[-1]["id"]
        report.facts += len(rows)
        for columns in rows:
            row = FactsRow._make([columns[name] for name in FactsRow._fields])
            key = FactsKey(row.endpoint, row.canonical_id, row.commit_hash, row.scope).key
            if row.key != key or not has_valid_digest(row):
                problem: str | None = "do not match their digest"
            else:
                problem = _find_decode_error(CommitFacts, row.body)
            if problem is not None:
                report.bad_facts.add(columns["id"])
                report.problems.append(f"facts of {row.canonical_id}@{row.commit_hash} {problem}")


async def _check_refs(connection: AsyncConnection, report: VerifyReport, registry: Registry, rules_id: int) -> None:
    last_id = 0
    columns = (facts.c.key.label("facts_key"), facts.c.body.label("facts_body"))
    page = select(refs, *columns).outerjoin(facts, facts.c.id == refs.c.facts_id).order_by(refs.c.id)
    while rows := (await connection.execute(page.where(refs.c.id > last_id).limit(ROWS_PER_PAGE))).mappings().all():
        last_id = rows[-1]["id"]
        report.refs += len(rows)
        facts_ids = [row["facts_id"] for row in rows if row["facts_id"]]
        stored = await _read_decisions(connection, facts_ids, rules_id)
        for row in rows:
            if (problem := _find_ref_problem(row, report.bad_facts)) is not None:
                report.bad_refs.add(row["id"])
                report.problems.append(f"ref {row['repo_id']}@{row['revision']} {problem}")
            elif row["facts_body"] is not None and row["facts_id"] not in report.bad_facts:
                _decide_again(row, stored.get((row["facts_id"], row["hints_id"]), ()), report, registry)


def _find_ref_problem(columns: Any, bad_facts: set[int]) -> str | None:
    """The problem of a ref, joined with its facts; None where there is none."""
    row = build_ref_row(columns)
    key = RefKey(row.endpoint, row.repo_id, row.revision, row.scope).key
    if row.key != key or row.hints_id != codec.compute_hints_id(row.hints) or not has_valid_digest(row):
        return _NOT_MATCHING
    if columns["facts_id"] is not None and columns["facts_id"] not in bad_facts:
        if columns["facts_key"] is None:
            return "refers to facts that do not exist"
        if columns["facts_key"] != row.facts_key:
            return "refers to the facts of another commit"
    return _find_decode_error(HubHints, row.hints)


def _decide_again(ref: Any, stored: Sequence[Any], report: VerifyReport, registry: Registry) -> None:
    """Compare the `stored` decisions on a ref's facts and hints with the decisions that `registry` makes."""
    if not stored:
        return
    repo_facts = RepoFacts(
        commit=codec.decode(CommitFacts, ref["facts_body"]), hints=codec.decode(HubHints, ref["hints"])
    )
    for row in stored:
        task, _, library = row.asked.partition("/")
        try:
            decision = codec.decode(Decision, row.body)
        except codec.UnreadableBodyError:
            # `_check_decisions` reports it.
            continue
        if decide(repo_facts, registry, task or None, library=library or None) == decision:
            report.decided += 1
        else:
            report.bad_decisions.add((row.facts_id, row.hints_id, row.registry_digest, row.asked))
            report.problems.append(f"the decision on {ref['repo_id']}@{ref['revision']} differs from today's")


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
    highest = (await connection.execute(select(func.max(decisions.c.facts_id)))).scalar_one() or 0
    lowest = (await connection.execute(select(func.min(decisions.c.facts_id)))).scalar_one() or 0
    page = select(decisions, facts.c.key.label("facts_key"), facts.c.canonical_id).outerjoin(
        facts, facts.c.id == decisions.c.facts_id
    )
    for start, end in _split_range(lowest, highest):
        is_in_page = decisions.c.facts_id >= start, decisions.c.facts_id < end
        for columns in (await connection.execute(page.where(*is_in_page))).mappings():
            row = DecisionRow._make([columns[name] for name in DecisionRow._fields])
            report.decisions += 1
            report.outdated += row.registry_digest != rules_id
            if columns["facts_key"] is None:
                problem: str | None = "refers to facts that do not exist"
            elif not has_valid_digest(row):
                problem = _NOT_MATCHING
            else:
                problem = _find_decode_error(Decision, row.body)
            if problem is not None:
                report.bad_decisions.add((columns["facts_id"], row.hints_id, row.registry_digest, row.asked))
                report.problems.append(f"a decision on {columns['canonical_id'] or 'an unknown repo'} {problem}")


def _split_range(lowest: int, highest: int) -> Iterator[tuple[int, int]]:
    for start in range(lowest, highest + 1, ROWS_PER_PAGE):
        yield start, start + ROWS_PER_PAGE


def _find_decode_error(kind: Any, body: bytes) -> str | None:
    """The reason why a body cannot be decoded; None where it can."""
    try:
        codec.decode(kind, body)
    except codec.UnreadableBodyError as error:
        return f"cannot be read: {error}"
    return None


async def _drop(store: MetadataStore, report: VerifyReport) -> None:
    """Remove the rows with problems, in one transaction. Refs to removed facts stay, without facts."""
    if not (report.bad_facts or report.bad_refs or report.bad_decisions):
        return

    async def remove(connection: AsyncConnection) -> None:
        for ids in chunked(sorted(report.bad_facts), ROWS_PER_PAGE):
            await connection.execute(delete(decisions).where(decisions.c.facts_id.in_(ids)))
            await connection.execute(update(refs).where(refs.c.facts_id.in_(ids)).values(facts_id=None))
            await connection.execute(delete(facts).where(facts.c.id.in_(ids)))
        for ids in chunked(sorted(report.bad_refs), ROWS_PER_PAGE):
            await connection.execute(delete(refs).where(refs.c.id.in_(ids)))
        for facts_id, hints_id, registry_digest, asked in report.bad_decisions:
            is_decision = (
                decisions.c.facts_id == facts_id,
                decisions.c.hints_id == hints_id,
                decisions.c.registry_digest == registry_digest,
                decisions.c.asked == asked,
            )
            await connection.execute(delete(decisions).where(*is_decision))

    await store.write(remove)
