"""What the store knows of many repos at once, with decisions brought up to date with the rules in force."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from registry.decision import Decision
from registry.facts import RepoFacts
from resolver.errors import ResolveError
from resolver.recorder import Recorder
from resolver.repo_id import DEFAULT_REVISION, Wanted
from resolver.step import NOTHING_KNOWN, Known
from store.keys import DecisionKey, FactsKey
from store.records import Record, StoredRef
from store.store import MetadataStore

Decide = Callable[[RepoFacts], Decision]
"""Decides as the caller asked; raises a ResolveError where the facts contradict what was asked."""


async def recall(
    store: MetadataStore,
    recorder: Recorder,
    wanted: Sequence[Wanted],
    *,
    endpoint: str,
    scope: str,
    decided_by: DecisionKey,
    decide: Decide,
) -> list[Known]:
    """One `Known` for each of `wanted`, in order, from what `scope` may see.

    Takes one look-up for all of them, and a second one for those that were decided under other rules: they are
    decided anew from stored facts.
    """
    found = await store.recall(endpoint, scope, [(item.repo_id, item.revision) for item in wanted], decided_by)
    await _find_through_branch(store, wanted, found, endpoint, scope, decided_by)
    known = [Known(ref=ref, decision=ref.decision()) if ref is not None else NOTHING_KNOWN for ref in found]
    undecided = [item.ref for item in known if item.ref is not None and item.decision is None]
    if any(ref.commit_hash is not None for ref in undecided):
        anew = await _decide_anew(store, recorder, undecided, endpoint, scope, decided_by, decide)
        known = [anew.get(item.ref.key, item) if item.ref is not None else item for item in known]
    return known


async def _find_through_branch(
    store: MetadataStore,
    wanted: Sequence[Wanted],
    found: list[StoredRef | None],
    endpoint: str,
    scope: str,
    decided_by: DecisionKey,
) -> None:
    """Fill in commits that are known as what the default branch stood at, without having been asked for by hash."""
    places = [i for i, item in enumerate(wanted) if found[i] is None and item.is_pinned]
    if not places:
        return
    names = [(wanted[i].repo_id, DEFAULT_REVISION) for i in places]
    for i, branch in zip(places, await store.recall(endpoint, scope, names, decided_by), strict=True):
        if branch is not None and branch.commit_hash == wanted[i].revision:
            found[i] = branch


async def _decide_anew(
    store: MetadataStore,
    recorder: Recorder,
    undecided: Sequence[StoredRef],
    endpoint: str,
    scope: str,
    decided_by: DecisionKey,
    decide: Decide,
) -> dict[int, Known]:
    """What is known, by the refs' keys, once the facts of `undecided` are decided under the rules in force."""
    anew: dict[int, Known] = {}
    records = []
    repo_facts = await store.get_repo_facts(undecided)
    for ref in undecided:
        facts = repo_facts.get(ref.key)
        if facts is None or ref.commit_hash is None:
            continue
        try:
            decision = decide(facts)
        except ResolveError as error:
            anew[ref.key] = Known(ref=ref, error=error)
            continue
        anew[ref.key] = Known(ref=ref, decision=decision)
        records.append(
            Record(
                ref_keys=(),
                hints=facts.hints,
                checked_at_s=ref.checked_at_s,
                facts_key=FactsKey(endpoint, ref.canonical_id, ref.commit_hash, scope),
                decision_key=decided_by,
                decision=decision,
            )
        )
    if records:
        await recorder.record(*records)
    return anew
