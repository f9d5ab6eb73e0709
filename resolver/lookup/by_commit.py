"""Chooses what the store knows of a commit that was never requested by its hash. Pure.

A tag, a pull request's ref, a branch that has moved on, or another name of the repo may have brought its facts here.
What was withdrawn stays so under every name: a repo that is not public, or a commit that is not there any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from registry.facts import NO_HINTS, HubHints
from resolver.errors import RepositoryNotFoundError
from resolver.repo_id import RepoRevision
from store import codec
from store.keys import PUBLIC, REPO_WIDE, TOMBSTONE
from store.records import StoredRef
from store.rows import RefRow


class KnownCommit(Struct, frozen=True, kw_only=True):
    """`ref` leads to the commit, where it is not None. Else the facts may be stored under one of `canonical_ids`;
    `latest` is the ref that was checked last, with the Hub's newest hints about the repo.
    """

    ref: RefRow | None
    latest: RefRow
    canonical_ids: tuple[str, ...]

    def read_hints(self) -> HubHints:
        """The newest hints about the repo, without the Hub's extract of the config, which is of another commit."""
        try:
            return replace(codec.decode(HubHints, self.latest.hints), extract={})
        except codec.UnreadableBodyError:
            return NO_HINTS


def find_commit(rows: Sequence[RefRow], scope: str, commit_hash: str) -> KnownCommit | None:
    """What one scope knows of a commit, None where nothing that may be used; `rows` are all refs of its repo."""
    rows = [row for row in rows if row.scope == scope]
    hidden_at_s = find_withdrawal(rows, scope, commit_hash)
    live = sorted(_list_live(rows), key=lambda row: row.checked_at, reverse=True)
    if hidden_at_s is not None:
        live = [row for row in live if row.checked_at > hidden_at_s]
    for row in live:
        if row.commit_hash == commit_hash:
            return KnownCommit(ref=row, latest=row, canonical_ids=())
    # Facts have no time: where the repo was ever withdrawn, they may be older than that.
    if not live or hidden_at_s is not None:
        return None
    canonical_ids = dict.fromkeys(row.canonical_id or row.repo_id for row in live)
    return KnownCommit(ref=None, latest=live[0], canonical_ids=tuple(canonical_ids))


def build_commit_ref(target: RepoRevision, canonical_id: str, known: KnownCommit, hints: HubHints) -> StoredRef:
    """The ref that a request of the commit would have stored, as far as an answer reads it."""
    return StoredRef(
        key=0,
        repo_id=target.repo_id,
        revision=target.revision,
        other_id=canonical_id if canonical_id != target.repo_id else None,
        commit_hash=target.revision,
        problem=None,
        pipeline_tag=hints.pipeline_tag,
        library_name=hints.library_name,
        checked_at_s=known.latest.checked_at,
        hints_id=0,
        parameters=known.ref.parameters if known.ref is not None else None,
        weight_bytes=known.ref.weight_bytes if known.ref is not None else None,
        decision_body=None,
    )


def find_withdrawal(rows: Iterable[RefRow], scope: str, revision: str) -> int | None:
    """When a repo, or one of its revisions, was last found to be withdrawn from a scope; None where it never was.

    In seconds since 1970, UTC.
    """
    times = (
        row.checked_at
        for row in rows
        if row.scope == scope
        and (
            (row.problem == TOMBSTONE and row.revision in (REPO_WIDE, revision))
            or (scope != PUBLIC and row.problem == RepositoryNotFoundError.code)
            or (row.problem is not None and row.revision == revision)
        )
    )
    return max(times, default=None)


def is_withdrawn(rows: Sequence[RefRow], revision: str) -> bool:
    """Whether a repo, or this revision of it, is public no more, and was not found since by whoever `rows` are for."""
    hidden_at_s = find_withdrawal(rows, PUBLIC, revision)
    if hidden_at_s is None:
        return False
    # What this token sees of a private or gated repo was checked when the public was withdrawn.
    return not any(
        row.checked_at > hidden_at_s or (row.scope != PUBLIC and row.checked_at == hidden_at_s)
        for row in _list_live(rows)
    )


def _list_live(rows: Iterable[RefRow]) -> list[RefRow]:
    return [row for row in rows if row.problem is None and row.commit_hash is not None]
