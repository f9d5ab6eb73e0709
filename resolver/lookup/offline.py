"""Finds a repo in the local Hugging Face cache while offline, or builds the error that says what would help.

While the Hub does not answer, the error says what the store knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from resolver.errors import HubUnavailableError, OfflineError
from resolver.local.hf_cache import find_cached_repo
from resolver.lookup.context import LookupContext
from resolver.lookup.convert import resolution_from_hf_cache
from resolver.lookup.decide import decide_facts
from resolver.lookup.scopes import list_own_scopes
from resolver.render import describe_age
from resolver.repo_id import RepoRevision
from resolver.resolution import Resolution
from store.keys import PUBLIC, DecisionKey
from store.records import StoredRef
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
        endpoint, cache_dir = self._settings.endpoint, self._settings.cache_dir
        if self._settings.ids_only:
            raise OfflineError(
                f"{target.repo_id}@{target.revision} is not in the store, and the Hub must not be asked while offline"
            )
        cached = await asyncio.to_thread(find_cached_repo, target, cache_dir)
        if cached is None:
            token = await self._connection.find_token()
            known = await self._store.find_known_refs(target.repo_id, {PUBLIC, *list_own_scopes(token, offline=True)})
            if other_ids := find_other_ids(target, known, endpoint):
                cached = await asyncio.to_thread(find_cached_repo, target, cache_dir, other_ids=other_ids)
            if cached is None:
                raise OfflineError(explain_offline_miss(target, known, endpoint, self._clock()))
        decision = decide_facts(cached.facts, self._registry, decision_key.task, decision_key.library)
        return resolution_from_hf_cache(target, cached, decision)


def find_other_ids(target: RepoRevision, known: Sequence[KnownRef], endpoint: str) -> list[str]:
    """The other ids of the repo at this endpoint. Pure."""
    names = (name for ref in known if ref.endpoint == endpoint for name in (ref.repo_id, ref.canonical_id))
    return [name for name in dict.fromkeys(names) if name != target.repo_id]


def explain_offline_miss(target: RepoRevision, known: Sequence[KnownRef], endpoint: str, now_s: float) -> str:
    """Why there is no answer, and what helps: a ref that is known, its endpoint, or bringing the repo here. Pure.

    `known` are refs of the repo, latest first; `now_s` is in seconds since 1970, UTC.
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
    advice += ["resolve it once online", "import a bundle that has it"]
    return (
        f"{target.repo_id}@{target.revision} is neither in the store nor in the local Hugging Face cache, and the Hub "
        f"must not be asked while offline: {', '.join(advice[:-1])}, or {advice[-1]}"
    )


def explain_known(error: HubUnavailableError, ref: StoredRef, now_s: float) -> HubUnavailableError:
    """`error`, with what the store knows of the repo and how old that is. Pure; the error itself may have others."""
    age = describe_age(ref.checked_at_s, now_s)
    text = f"{error}; the store has an answer for commit {ref.commit_hash}, checked {age}: --max-stale (max_stale_s)"
    explained = HubUnavailableError(f"{text} or --offline gives it")
    explained.__dict__.update(error.__dict__)
    return explained
