"""Checks a store row by row: each against its own digest, and each decision against what is decided now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.decision import Decision
from registry.facts import CommitFacts, HubHints, RepoFacts
from store import codec
from store.keys import FactsKey, RefKey
from store.rows import DECISIONS, FACTS, REFS, is_whole, ref_values
from store.store import MetadataStore
from store.tables import decisions, facts, refs

ROWS_PER_PAGE = 500

Decide = Callable[[RepoFacts, str | None, str | None], Decision]
"""Decides on facts, for a task and a library asked for or None."""


@dataclass(slots=True, kw_only=True)
class Verified:
    """What was found: counts of rows looked at, and a line for each thing that is wrong.

    `decided` counts decisions that were made again, under the rules in force, and came out the same; `outdated` those
    made under other rules, which count for nothing and are made anew when they are next asked for.
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


async def verify(store: MetadataStore, *, rules_id: int, decide: Decide, drop: bool = False) -> Verified:
    """Look at every row of `store`, as it stood at one moment, while others write.

    `rules_id` is the `DecisionKey.rules_id` of the rules that `decide` follows. With `drop`, rows that are wrong are
    removed, as if they had never been learned.

    Raises:
        StoreError: the store cannot be read, or with `drop` not written.
    """
    found = Verified()
    async with store.snapshot() as connection:
        if store.is_sqlite:
            said = (await connection.exec_driver_sql("PRAGMA integrity_check(20)")).scalars().all()
            found.problems += [f"the file: {line}" for line in said if line != "ok"]
        await _look_at_facts(connection, found)
        await _look_at_refs(connection, found, rules_id, decide)
        await _look_at_decisions(connection, found, rules_id)
    if drop:
        await _drop(store, found)
    return found


async def _look_at_facts(connection: AsyncConnection, found: Verified) -> None:
    last = 0
    page = select(facts).order_by(facts.c.id).limit(ROWS_PER_PAGE)
    while rows := (await connection.execute(page.where(facts.c.id > last))).mappings().all():
        last = rows[-1]["id"]
        found.facts += len(rows)
        for row in rows:
            key = FactsKey(row["endpoint"], row["canonical_id"], row["commit_hash"], row["scope"]).key
            problem = None
            if row["key"] != key or not is_whole(tuple([row[name] for name in FACTS])):
                problem = "do not match their digest"
            else:
                problem = _unreadable(CommitFacts, row["body"])
            if problem is not None:
                found.bad_facts.add(row["id"])
                found.problems.append(f"facts of {row['canonical_id']}@{row['commit_hash']} {problem}")


async def _look_at_refs(connection: AsyncConnection, found: Verified, rules_id: int, decide: Decide) -> None:
    last = 0
    columns = (facts.c.key.label("facts_key"), facts.c.body.label("facts_body"))
    page = select(refs, *columns).outerjoin(facts, facts.c.id == refs.c.facts_id).order_by(refs.c.id)
    while rows := (await connection.execute(page.where(refs.c.id > last).limit(ROWS_PER_PAGE))).mappings().all():
        last = rows[-1]["id"]
        found.refs += len(rows)
        stored = await _decisions_on(connection, [row["facts_id"] for row in rows if row["facts_id"]], rules_id)
        for row in rows:
            if (problem := _wrong_with_ref(row, found.bad_facts)) is not None:
                found.bad_refs.add(row["id"])
                found.problems.append(f"ref {row['repo_id']}@{row['revision']} {problem}")
            elif row["facts_body"] is not None and row["facts_id"] not in found.bad_facts:
                _decide_again(row, stored.get((row["facts_id"], row["hints_id"]), ()), found, rules_id, decide)


def _wrong_with_ref(row: Any, bad_facts: set[int]) -> str | None:
    values = ref_values(row)
    key = RefKey(row["endpoint"], row["repo_id"], row["revision"], row["scope"]).key
    if row["key"] != key or row["hints_id"] != codec.hints_id(row["hints"]) or not is_whole(values):
        return "does not match its digest"
    if row["facts_id"] is not None and row["facts_id"] not in bad_facts:
        if row["facts_key"] is None:
            return "leads to facts that are not there"
        if row["facts_key"] != values[REFS.index("facts_key")]:
            return "leads to the facts of another commit"
    return _unreadable(HubHints, row["hints"])


def _decide_again(row: Any, stored: Sequence[Any], found: Verified, rules_id: int, decide: Decide) -> None:
    if not stored:
        return
    repo_facts = RepoFacts(
        commit=codec.decode(CommitFacts, row["facts_body"]), hints=codec.decode(HubHints, row["hints"])
    )
    for made in stored:
        task, _, library = made.asked.partition("/")
        try:
            before = codec.decode(Decision, made.body)
        except codec.UnreadableBodyError:
            # Told of when decisions are looked at.
            continue
        if decide(repo_facts, task or None, library or None) == before:
            found.decided += 1
        else:
            found.bad_decisions.add((made.facts_id, made.hints_id, rules_id, made.asked))
            found.problems.append(f"the decision on {row['repo_id']}@{row['revision']} is another today")


async def _decisions_on(
    connection: AsyncConnection, facts_ids: Sequence[int], rules_id: int
) -> dict[tuple[int, int], list[Any]]:
    """Decisions under the rules, by facts and hints."""
    wanted = select(decisions).where(decisions.c.facts_id.in_(facts_ids), decisions.c.registry_digest == rules_id)
    stored: dict[tuple[int, int], list[Any]] = {}
    for row in await connection.execute(wanted):
        stored.setdefault((row.facts_id, row.hints_id), []).append(row)
    return stored


async def _look_at_decisions(connection: AsyncConnection, found: Verified, rules_id: int) -> None:
    highest = (await connection.execute(select(func.max(decisions.c.facts_id)))).scalar_one() or 0
    lowest = (await connection.execute(select(func.min(decisions.c.facts_id)))).scalar_one() or 0
    page = select(decisions, facts.c.key.label("facts_key"), facts.c.canonical_id).outerjoin(
        facts, facts.c.id == decisions.c.facts_id
    )
    for start, end in _ranges(lowest, highest):
        of_page = decisions.c.facts_id >= start, decisions.c.facts_id < end
        for row in (await connection.execute(page.where(*of_page))).mappings():
            found.decisions += 1
            found.outdated += row["registry_digest"] != rules_id
            if row["facts_key"] is None:
                problem: str | None = "is about facts that are not there"
            elif not is_whole(tuple([row[name] for name in DECISIONS])):
                problem = "does not match its digest"
            else:
                problem = _unreadable(Decision, row["body"])
            if problem is not None:
                found.bad_decisions.add((row["facts_id"], row["hints_id"], row["registry_digest"], row["asked"]))
                found.problems.append(f"a decision on {row['canonical_id'] or 'nothing'} {problem}")


def _ranges(lowest: int, highest: int) -> Iterator[tuple[int, int]]:
    for start in range(lowest, highest + 1, ROWS_PER_PAGE):
        yield start, start + ROWS_PER_PAGE


def _unreadable(kind: Any, body: bytes) -> str | None:
    try:
        codec.decode(kind, body)
    except codec.UnreadableBodyError as error:
        return f"cannot be read: {error}"
    return None


async def _drop(store: MetadataStore, found: Verified) -> None:
    if not (found.bad_facts or found.bad_refs or found.bad_decisions):
        return

    async def remove(connection: AsyncConnection) -> None:
        for ids in _parts(sorted(found.bad_facts)):
            await connection.execute(delete(decisions).where(decisions.c.facts_id.in_(ids)))
            await connection.execute(update(refs).where(refs.c.facts_id.in_(ids)).values(facts_id=None))
            await connection.execute(delete(facts).where(facts.c.id.in_(ids)))
        for ids in _parts(sorted(found.bad_refs)):
            await connection.execute(delete(refs).where(refs.c.id.in_(ids)))
        for facts_id, hints_id, rules_id, asked in found.bad_decisions:
            this = (decisions.c.facts_id == facts_id) & (decisions.c.hints_id == hints_id)
            await connection.execute(
                delete(decisions).where(this, decisions.c.registry_digest == rules_id, decisions.c.asked == asked)
            )

    await store.write(remove)


def _parts(items: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(items), ROWS_PER_PAGE):
        yield items[start : start + ROWS_PER_PAGE]
