"""Withdraws repos that became private, gated or missing: tombstones replace their public refs.

The refs are replaced rather than deleted: otherwise an older bundle, or a process that fetched earlier and stores
later, would make them public again. One more tombstone, at the revision `REPO_WIDE` of each name in lower case, stands
for the refs that are not stored here yet: those of other spellings and of commits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from registry.facts import NO_HINTS
from registry.repo_names import is_repo_name, is_revision as can_be_revision
from store.chunked import chunked
from store.keys import PUBLIC, REPO_WIDE, TOMBSTONE, RefKey, compute_ref_key
from store.records import CLOCK_SKEW_S, Record
from store.rows import RefRow, build_rows
from store.sql.dialect import Dialect
from store.tables import refs

NAMES_PER_QUERY = 100


async def build_tombstones(
    connection: AsyncConnection, dialect: Dialect, records: Iterable[Record], now_s: float
) -> list[RefRow]:
    """Tombstones for all public refs of the repos of those `records` that are hidden, under all their names and
    spellings. Where only a revision is hidden, they are for this revision alone.
    """
    groups: defaultdict[tuple[str, str | None], list[Record]] = defaultdict(list)
    for record in records:
        for key in record.ref_keys if record.is_hidden else ():
            groups[key.endpoint, key.revision if record.is_revision_only else None].append(record)
    rows: list[RefRow] = []
    for (endpoint, revision), group in groups.items():
        checked_at_by_ref = await _find_refs(connection, dialect, endpoint, revision, group, now_s)
        for (repo_id, own_revision), checked_at_s in sorted(checked_at_by_ref.items()):
            key = RefKey(endpoint, repo_id, own_revision, PUBLIC)
            tombstone = Record(ref_keys=(key,), hints=NO_HINTS, checked_at_s=checked_at_s, problem=TOMBSTONE)
            rows += build_rows([tombstone]).refs
    return rows


async def drop_withdrawn(
    connection: AsyncConnection, dialect: Dialect, rows: Sequence[RefRow], latest_s: float | None
) -> tuple[list[RefRow], list[Record]]:
    """`rows` without the public refs of repos that were withdrawn at the same time or later; and a hidden record for
    each of these that tells another name of a withdrawn repo.

    `latest_s`: a tombstone from after this time was written by a wrong clock, and is ignored; None: none is.
    """
    keys_by_place: dict[int, set[int]] = {}
    for place, row in enumerate(rows):
        if row.scope == PUBLIC and row.problem is None:
            keys_by_place[place] = {_compute_repo_key(row.endpoint, row.repo_id)}
            if row.canonical_id is not None:
                keys_by_place[place].add(_compute_repo_key(row.endpoint, row.canonical_id))
    withdrawn = await _read_tombstones(connection, dialect, set().union(*keys_by_place.values()), latest_s)
    if not withdrawn:
        return list(rows), []
    kept: list[RefRow] = []
    records: list[Record] = []
    for place, row in enumerate(rows):
        keys = keys_by_place.get(place, set())
        withdrawn_at_s = max((withdrawn[key] for key in keys if key in withdrawn), default=-1)
        if row.checked_at > withdrawn_at_s:
            kept.append(row)
        elif not keys <= withdrawn.keys():
            records.append(
                Record(
                    ref_keys=(
                        RefKey(row.endpoint, row.repo_id, row.revision),
                        RefKey(row.endpoint, str(row.canonical_id), row.revision),
                    ),
                    hints=NO_HINTS,
                    checked_at_s=withdrawn_at_s,
                    problem=TOMBSTONE,
                    is_hidden=True,
                )
            )
    return kept, records


def _compute_repo_key(endpoint: str, repo_id: str) -> int:
    """The key of the tombstone that stands for all revisions and spellings of a repo id."""
    return compute_ref_key(endpoint, PUBLIC, repo_id.lower(), REPO_WIDE)


async def _read_tombstones(
    connection: AsyncConnection, dialect: Dialect, keys: set[int], latest_s: float | None
) -> dict[int, int]:
    """The times of the tombstones with these keys, up to `latest_s` (None: all)."""
    if not keys:
        return {}
    table = dialect.build_key_table()
    query = (
        select(refs.c.key, refs.c.checked_at)
        .select_from(table.join(refs, refs.c.key == table.c.value))
        .where(refs.c.problem == TOMBSTONE)
    )
    found = await connection.execute(query, {"keys": dialect.bind_keys(sorted(keys))})
    return {
        key: checked_at_s
        for key, checked_at_s in found
        if isinstance(checked_at_s, int) and (latest_s is None or checked_at_s <= latest_s)
    }


async def _find_refs(
    connection: AsyncConnection,
    dialect: Dialect,
    endpoint: str,
    revision: str | None,
    records: Iterable[Record],
    now_s: float,
) -> dict[tuple[str, str], int]:
    """The refs, by repo id and revision, that hidden `records` withdraw, with the times that their tombstones say.

    Names lead to further names, until no more are found. `revision`: it alone is hidden; None: the repos are.
    """
    checked_at_by_ref: dict[tuple[str, str], int] = {}
    checked_at_by_name: dict[str, int] = {}
    new_names: set[str] = set()
    for record in records:
        names = record.names
        for key in record.ref_keys:
            _raise_to(checked_at_by_ref, (key.repo_id, key.revision), record.checked_at_s)
        new_names |= names
        for name in names:
            _raise_to(checked_at_by_name, name.lower(), record.checked_at_s)
    asked: set[str] = set()
    while new_names:
        asked |= new_names
        rows = await _read_public_refs(connection, dialect, endpoint, revision, sorted(new_names))
        new_names = set()
        for repo_id, own_revision, canonical_id, checked_at in rows:
            names = {repo_id} if canonical_id is None else {repo_id, canonical_id}
            checked_at_s = max(checked_at_by_name.get(name.lower(), 0) for name in names)
            if checked_at > now_s + CLOCK_SKEW_S:
                # Of two clocks one is wrong. The tombstone replaces the ref, and no bundle with a time in between
                # replaces the tombstone.
                checked_at_s = max(checked_at_s, checked_at)
            _raise_to(checked_at_by_ref, (repo_id, own_revision), checked_at_s)
            raised = {name for name in names if _raise_to(checked_at_by_name, name.lower(), checked_at_s)}
            new_names |= raised | (names - asked)
    if revision is None:
        for name, checked_at_s in checked_at_by_name.items():
            _raise_to(checked_at_by_ref, (name, REPO_WIDE), checked_at_s)
    return checked_at_by_ref


async def _read_public_refs(
    connection: AsyncConnection, dialect: Dialect, endpoint: str, revision: str | None, repo_ids: Sequence[str]
) -> list[tuple[str, str, str | None, int]]:
    """Repo id, revision, canonical id and time of the public refs of these repos, whatever the case of the letters, at
    `revision` (None: all). Damaged rows are left out.
    """
    rows: list[tuple[str, str, str | None, int]] = []
    for batch in chunked(repo_ids, NAMES_PER_QUERY):
        is_repo = or_(dialect.build_spelling_filter(batch), refs.c.canonical_id.in_(batch))
        is_revision = refs.c.revision != REPO_WIDE if revision is None else refs.c.revision == revision
        query = select(refs.c.repo_id, refs.c.revision, refs.c.canonical_id, refs.c.checked_at).where(
            is_repo, is_revision, refs.c.endpoint == endpoint, refs.c.scope == PUBLIC
        )
        for row in await connection.execute(query):
            names = (row.repo_id, row.canonical_id or row.repo_id, row.revision)
            has_types = all(isinstance(name, str) for name in names) and isinstance(row.checked_at, int)
            if has_types and is_repo_name(names[0]) and is_repo_name(names[1]) and can_be_revision(names[2]):
                rows.append((row.repo_id, row.revision, row.canonical_id, row.checked_at))
    return rows


def _raise_to(times: dict[Any, int], key: Any, checked_at_s: int) -> bool:
    """Set the time of `key`, where it is later than the one that is there; whether it was."""
    if key in times and times[key] >= checked_at_s:
        return False
    times[key] = checked_at_s
    return True
