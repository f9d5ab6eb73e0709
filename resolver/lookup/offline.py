"""Finds a repo in the local Hugging Face cache while offline, or builds the error that says what would help.

While the Hub does not answer, the error says what the store knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from msgspec.structs import replace

from resolver.errors import HubUnavailableError, OfflineError
from resolver.local.hf_cache import CachedRepo, UnreadableCacheError, find_cached_repo, list_cached_commits
from resolver.lookup.by_commit import is_withdrawn
from resolver.lookup.context import LookupContext
from resolver.lookup.convert import resolution_from_hf_cache
from resolver.lookup.decide import decide_facts
from resolver.lookup.scopes import list_own_scopes
from resolver.render import describe_age
from resolver.repo_id import RepoRevision
from resolver.resolution import Resolution
from store.keys import PUBLIC, DecisionKey
from store.rows import RefRow
from store.sql.known_refs import KnownRef

MAX_NAMED = 3
"""Most refs or endpoints that one message names."""


class OfflineLookup:
    """Looks where the store has no answer and the Hub must not be asked."""

    def __init__(self, context: LookupContext) -> None:
        self._settings = context.settings
        self._registry = context.registry
        self._store = context.store
        self._connection = context.connection
        self._clock = context.clock

    async def find(self, target: RepoRevision, decision_key: DecisionKey) -> Resolution:
        """The answer from the local Hugging Face cache, also under another name of the repo.

        Raises:
            OfflineError: the cache does not have it; the message says what is known, and what helps.
        """
        cached = await self._find(target)
        return self._resolve(target, cached, decision_key)

    async def find_whole(self, target: RepoRevision, decision_key: DecisionKey) -> Resolution | None:
        """The answer from the cache, where that has the model card too, so that it is as the Hub's; else None."""
        try:
            cached = await self._find(target)
        except OfflineError:
            return None
        return self._resolve(target, cached, decision_key) if cached.has_card else None

    async def stand_in(self, target: RepoRevision, decision_key: DecisionKey) -> Resolution:
        """As `find`, while the Hub does not answer: a branch is stale, and was checked when its ref was last written.

        Raises:
            OfflineError: the cache does not have it.
        """
        cached = await self._find(target)
        answer = self._resolve(target, cached, decision_key)
        if cached.ref_at_s is None:
            return answer
        return replace(answer, stale=True, checked_at_s=int(cached.ref_at_s))

    def _resolve(self, target: RepoRevision, cached: CachedRepo, decision_key: DecisionKey) -> Resolution:
        decision = decide_facts(cached.facts, self._registry, decision_key.task, decision_key.library)
        return resolution_from_hf_cache(target, cached, decision)

    async def _find(self, target: RepoRevision) -> CachedRepo:
        if self._settings.ids_only:
            raise OfflineError(
                f"{target.repo_id}@{target.revision} is not in the store, and the Hub must not be asked while offline"
            )
        endpoint, cache_dir = self._settings.endpoint, self._settings.cache_dir
        token = await self._connection.find_token()
        scopes = {PUBLIC, *list_own_scopes(token, offline=True)}
        rows = await self._store.list_repo_refs(endpoint, target.repo_id, scopes)
        if is_withdrawn(rows, target.revision):
            raise OfflineError(explain_withdrawal(target))
        other_ids, problem = find_other_ids(target, rows), None
        try:
            cached = await asyncio.to_thread(find_cached_repo, target, cache_dir, other_ids=other_ids)
        except UnreadableCacheError as error:
            cached, problem = None, str(error)
        if cached is None:
            known = await self._store.find_known_refs(target.repo_id, scopes)
            commits = await asyncio.to_thread(list_cached_commits, target.repo_id, cache_dir)
            now_s = self._clock()
            raise OfflineError(explain_offline_miss(target, known, endpoint, now_s, commits=commits, problem=problem))
        return cached


def find_other_ids(target: RepoRevision, rows: Sequence[RefRow]) -> list[str]:
    """The other ids of the repo that `rows` are the refs of. Pure."""
    names = (name for row in rows if row.commit_hash is not None for name in (row.repo_id, row.canonical_id))
    return [name for name in dict.fromkeys(names) if name is not None and name != target.repo_id]


def explain_withdrawal(target: RepoRevision) -> str:
    """Why neither store nor cache is used for a repo that was withdrawn. Pure."""
    return (
        f"{target.repo_id}@{target.revision} was withdrawn: at its last check it was private, gated or not there. What "
        "is known of it is not given offline: resolve it once online, with a token that has access"
    )


def explain_offline_miss(
    target: RepoRevision,
    known: Sequence[KnownRef],
    endpoint: str,
    now_s: float,
    *,
    commits: Sequence[str] = (),
    problem: str | None = None,
) -> str:
    """Why there is no answer, and what helps: a ref that is known, its endpoint, or bringing the repo here. Pure.

    `known` are refs of the repo, latest first, `commits` those in the cache; `problem` is why the cache cannot be read.
    `now_s` is in seconds since 1970, UTC.
    """
    here = [ref for ref in known if ref.endpoint == endpoint]
    elsewhere = list(dict.fromkeys(ref.endpoint for ref in known if ref.endpoint != endpoint))
    advice = []
    if here:
        ages = [(ref, describe_age(ref.checked_at_s, now_s)) for ref in here[:MAX_NAMED]]
        named = [f"{ref.repo_id}@{ref.revision} (seen {age})" for ref, age in ages]
        advice.append(f"request one that the store knows: {' or '.join(named)}")
    elif elsewhere:
        advice.append(f"use the endpoint that the store knows it from: {' or '.join(elsewhere[:MAX_NAMED])}")
    if commits and not target.is_pinned:
        advice.append(f"request a commit that the cache has: {' or '.join(commits[:MAX_NAMED])}")
    advice += ["resolve it once online", "import a bundle that has it"]
    where = "is neither in the store nor in the local Hugging Face cache"
    if problem is not None:
        where = f"is not in the store, the local Hugging Face cache cannot be read ({problem})"
    return (
        f"{target.repo_id}@{target.revision} {where}, and the Hub "
        f"must not be asked while offline: {', '.join(advice[:-1])}, or {advice[-1]}"
    )


def explain_known(
    error: HubUnavailableError, commit_hash: str | None, checked_at_s: float, now_s: float, *, is_cached: bool = False
) -> HubUnavailableError:
    """`error`, with the commit that is known of the repo and how old that is. Pure; the error itself may have others.

    `is_cached`: the local Hugging Face cache has it, not the store.
    """
    age = describe_age(checked_at_s, now_s)
    known = f"the store has an answer for commit {commit_hash}, checked {age}"
    if is_cached:
        known = f"the local Hugging Face cache has commit {commit_hash}, fetched {age}"
    explained = HubUnavailableError(f"{error}; {known}: use it with --max-stale (max_stale_s) or --offline")
    explained.__dict__.update(error.__dict__)
    return explained
