"""What the store knows of many repos at once, with decisions brought up to date with the rules in force."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from registry.decision import Decision
from registry.facts import CommitFacts, RepoFacts
from resolver.errors import ResolveError
from resolver.recorder import Recorder
from resolver.repo_id import Wanted
from resolver.step import NOTHING_KNOWN, Known
from store.keys import DecisionKey, RefKey
from store.records import Recalled, Record
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
    asked = [RefKey(endpoint, item.repo_id, item.revision, scope) for item in wanted]
    # A commit may be known as what the default branch stood at, without having been asked for by its hash.
    branches = {
        key: RefKey(endpoint, item.repo_id, "main", scope)
        for key, item in zip(asked, wanted, strict=True)
        if item.is_pinned
    }
    found = await store.recall([*asked, *branches.values()], decided_by)
    for key, branch in branches.items():
        at_branch = found.get(branch)
        if key not in found and at_branch is not None and at_branch.ref.facts_key is not None:
            if at_branch.ref.facts_key.commit_hash == key.revision:
                found[key] = at_branch
    decided = await _decide_anew(store, recorder, [found[key] for key in asked if key in found], decided_by, decide)
    known = []
    for key in asked:
        recalled = found.get(key)
        if recalled is None:
            known.append(NOTHING_KNOWN)
            continue
        outcome = recalled.decision or decided.get(recalled.ref.key)
        known.append(
            Known(
                ref=recalled.ref,
                decision=outcome if isinstance(outcome, Decision) else None,
                error=outcome if isinstance(outcome, ResolveError) else None,
            )
        )
    return known


async def _decide_anew(
    store: MetadataStore,
    recorder: Recorder,
    found: Sequence[Recalled],
    decided_by: DecisionKey,
    decide: Decide,
) -> dict[RefKey, Decision | ResolveError]:
    undecided = [recalled.ref for recalled in found if recalled.decision is None and recalled.ref.facts_key is not None]
    if not undecided:
        return {}
    commits = await store.get_facts({ref.facts_key for ref in undecided if ref.facts_key is not None})
    outcomes: dict[RefKey, Decision | ResolveError] = {}
    records = []
    for ref in undecided:
        commit: CommitFacts | None = commits.get(ref.facts_key) if ref.facts_key is not None else None
        if commit is None:
            continue
        facts = RepoFacts(commit=commit, hints=ref.hints())
        try:
            decision = decide(facts)
        except ResolveError as error:
            outcomes[ref.key] = error
            continue
        outcomes[ref.key] = decision
        records.append(
            Record(
                ref_keys=(),
                hints=facts.hints,
                checked_at_s=ref.checked_at_s,
                facts_key=ref.facts_key,
                decision_key=decided_by,
                decision=decision,
            )
        )
    if records:
        await recorder.record(*records)
    return outcomes
