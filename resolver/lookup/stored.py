"""Lists the answers that a store can give without the Hub, for all of its public repos."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from math import inf

from registry.registry import Registry
from resolver.answer import Answer, build_failure
from resolver.cache.freshness import Policy
from resolver.errors import ResolveError
from resolver.lookup.convert import resolution_from_store
from resolver.lookup.decide import decide_facts
from resolver.lookup.step import Recalled, UseStored, next_step
from resolver.repo_id import RepoRevision
from store.keys import DecisionKey
from store.records import StoredRef
from store.store import MetadataStore


async def list_stored(
    store: MetadataStore,
    registry: Registry,
    *,
    endpoint: str,
    max_age_s: float,
    now_s: float,
    author: str | None = None,
) -> AsyncGenerator[Answer]:
    """The answer for each public repo and revision that was requested at `endpoint`, as an offline resolver gives it.

    Decisions that other rules made are made again, and not stored: listing writes nothing. Refs whose facts were
    removed are left out. `now_s` is in seconds since 1970, UTC.

    Raises:
        StoreError: the store cannot be read.
    """
    answer = partial(_answer, now_s=now_s, policy=Policy(max_age_s=max_age_s, offline=True, refresh=False))
    async with aclosing(store.list_refs(endpoint, DecisionKey(registry.digest()), author=author)) as pages:
        async for page in pages:
            for recalled in await _decide_page(store, registry, page):
                if (found := answer(recalled)) is not None:
                    yield found


async def list_past(
    store: MetadataStore, registry: Registry, *, endpoint: str, moment_s: int, since_s: int
) -> AsyncGenerator[Answer]:
    """The same answers as the store could give them at `moment_s`, by the rules in force, but for repos that are the
    same since `since_s`; see `MetadataStore.list_past_refs`.

    Raises:
        StoreError: the store cannot be read.
    """
    answer = partial(_answer, now_s=moment_s, policy=Policy(max_age_s=inf, offline=True, refresh=False))
    decision_key = DecisionKey(registry.digest())
    async with aclosing(store.list_past_refs(endpoint, decision_key, moment_s=moment_s, since_s=since_s)) as pages:
        async for page in pages:
            for recalled in await _decide_page(store, registry, page, is_past=True):
                if (found := answer(recalled)) is not None:
                    yield found


async def _decide_page(
    store: MetadataStore, registry: Registry, refs: Sequence[StoredRef], *, is_past: bool = False
) -> list[Recalled]:
    """Each of `refs` with its decision: the stored one of the rules in force, else a new one from the stored facts.

    `is_past`: the refs may be other ones now.
    """
    found = [Recalled(ref=ref, decision=ref.decision()) for ref in refs]
    undecided = [item.ref for item in found if item.decision is None and item.ref is not None]
    if not undecided:
        return found
    facts = await store.get_repo_facts(undecided)
    if is_past:
        facts |= await store.get_past_facts(undecided)
    for place, item in enumerate(found):
        if item.ref is None or item.decision is not None or (repo_facts := facts.get(item.ref.key)) is None:
            continue
        try:
            found[place] = Recalled(ref=item.ref, decision=decide_facts(repo_facts, registry, None, None))
        except ResolveError as error:
            found[place] = Recalled(ref=item.ref, error=error)
    return found


def _answer(recalled: Recalled, *, now_s: float, policy: Policy) -> Answer | None:
    """The answer; None where the facts are missing."""
    ref = recalled.ref
    assert ref is not None
    target = RepoRevision(ref.repo_id, ref.revision)
    if recalled.error is not None:
        return build_failure(ref.repo_id, ref.revision, recalled.error)
    step = next_step(recalled, target, now_s=now_s, policy=policy)
    return resolution_from_store(target, step) if isinstance(step, UseStored) else None
