"""Writes what a store knows into a bundle: all of it or some repos, as it stood at one moment, while others write."""

from __future__ import annotations

import asyncio
import logging
import time
from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.bundle.format import ROWS_PER_BLOCK, BundleWriter, Header
from store.errors import StoreError
from store.keys import PUBLIC
from store.rows import DECISIONS, FACTS, Row, Rows, is_whole, ref_values
from store.sql.repo_filter import is_about
from store.store import MetadataStore
from store.tables import SCHEMA_VERSION, decisions, facts, refs

logger = logging.getLogger(__name__)

_REFS_PER_PAGE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """How much a bundle holds. `unknown` are the repos asked for of which the store knows nothing that may be exported,
    `damaged` counts rows that were left out because they, or the facts they are about, do not match their digest.
    """

    refs: int
    facts: int
    decisions: int
    damaged: int
    unknown: tuple[str, ...]


async def export_bundle(
    store: MetadataStore, path: Path, repo_ids: Collection[str] = (), *, with_private: bool = False
) -> Exported:
    """Write a bundle of what `store` knows to `path`, of all repos or of those in `repo_ids`, under all their names.

    What only certain tokens may see is left out, unless `with_private`; that a repo is missing always is.

    Raises:
        StoreError: the store cannot be read, or the file not written.
    """
    header = Header(schema=SCHEMA_VERSION, made_at_s=int(time.time()), with_private=with_private)
    try:
        with BundleWriter(path, header) as writer:
            async with store.snapshot() as connection:
                return await _export(connection, writer, sorted(set(repo_ids)), with_private=with_private)
    except OSError as error:
        raise StoreError(f"the bundle {path} cannot be written: {error}") from error


async def _export(
    connection: AsyncConnection, writer: BundleWriter, repo_ids: Sequence[str], *, with_private: bool
) -> Exported:
    may_go = and_(refs.c.problem.is_(None), refs.c.facts_id.is_not(None))
    if not with_private:
        may_go = and_(may_go, refs.c.scope == PUBLIC)
    ref_ids, facts_ids = array("q"), set[int]()
    unknown = list[str]()
    if repo_ids:
        for some in _parts(repo_ids):
            unknown += await _choose(connection, may_go, some, ref_ids, facts_ids)
    else:
        await _choose_all(connection, may_go, ref_ids, facts_ids)
    counts, damaged, gone = [0, 0, 0], 0, set[int]()
    for ids in _parts(sorted(facts_ids)):
        rows = await _read_facts(connection, ids)
        gone |= {row[0] for row in rows.facts if not is_whole(row)}
        decided = [row for row in rows.decisions if is_whole(row) and row[0] not in gone]
        whole = Rows([row for row in rows.facts if row[0] not in gone], [], decided)
        damaged += len(rows.facts) - len(whole.facts) + len(rows.decisions) - len(whole.decisions)
        counts[0], counts[1] = counts[0] + len(whole.facts), counts[1] + len(whole.decisions)
        await asyncio.to_thread(writer.write, whole)
    for ids in _parts(sorted(set(ref_ids))):
        found = (await connection.execute(select(refs).where(refs.c.id.in_(ids)).order_by(refs.c.id))).mappings()
        read = [ref_values(row) for row in found]
        # The facts that a ref leads to are the sixth of its values.
        kept = [row for row in read if is_whole(row) and row[5] not in gone]
        damaged += len(read) - len(kept)
        counts[2] += len(kept)
        await asyncio.to_thread(writer.write, Rows([], kept, []))
    if damaged:
        logger.warning("%d rows do not match their digest, and were left out: see `hubresolve store verify`", damaged)
    return Exported(refs=counts[2], facts=counts[0], decisions=counts[1], damaged=damaged, unknown=tuple(unknown))


async def _choose_all(
    connection: AsyncConnection, may_go: ColumnElement[bool], ref_ids: array[int], facts_ids: set[int]
) -> None:
    page = select(refs.c.id, refs.c.facts_id).where(may_go).order_by(refs.c.id).limit(_REFS_PER_PAGE)
    last = 0
    while found := (await connection.execute(page.where(refs.c.id > last))).all():
        last = found[-1].id
        ref_ids.extend(row.id for row in found)
        facts_ids.update(row.facts_id for row in found)


async def _choose(
    connection: AsyncConnection,
    may_go: ColumnElement[bool],
    repo_ids: Sequence[str],
    ref_ids: array[int],
    facts_ids: set[int],
) -> list[str]:
    """Which of `repo_ids` nothing is known of; the refs of the others, under whatever name, are added."""
    names = (await connection.execute(_named(repo_ids, may_go))).all()
    known = {name for row in names for name in (row.repo_id, row.canonical_id) if name is not None}
    for some in _parts(sorted(known)):
        for row in await connection.execute(_named(some, may_go)):
            ref_ids.append(row.id)
            facts_ids.add(row.facts_id)
    return [repo_id for repo_id in repo_ids if repo_id not in known]


def _named(names: Sequence[str], may_go: ColumnElement[bool]) -> Any:
    return select(refs.c.id, refs.c.facts_id, refs.c.repo_id, refs.c.canonical_id).where(is_about(names), may_go)


async def _read_facts(connection: AsyncConnection, ids: Sequence[int]) -> Rows:
    """Facts by their row ids, and the decisions on them."""
    found = await connection.execute(select(facts).where(facts.c.id.in_(ids)).order_by(facts.c.id))
    keys: dict[int, int] = {}
    read: list[Row] = []
    for row in found.mappings():
        keys[row["id"]] = row["key"]
        read.append(tuple([row[name] for name in FACTS]))
    decided = await connection.execute(select(decisions).where(decisions.c.facts_id.in_(ids)))
    made = [
        (keys[row["facts_id"]], *(row[name] for name in DECISIONS[1:]))
        for row in decided.mappings()
        if row["facts_id"] in keys
    ]
    return Rows(read, [], made)


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), ROWS_PER_BLOCK):
        yield items[start : start + ROWS_PER_BLOCK]
