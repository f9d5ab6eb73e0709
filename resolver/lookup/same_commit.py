"""Finds what the store has of the very commits that a page of a listing, or a snapshot, is about.

An unchanged commit costs no file request: its decision holds, or the files that were fetched for it are used again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from registry.decision import Decision
from registry.facts import CommitFacts, FileState, HubHints
from registry.registry import Registry
from registry.rules.required_files import find_required_files
from resolver.repo_id import DEFAULT_REVISION
from store.keys import DecisionKey
from store.records import StoredRef
from store.store import MetadataStore

if TYPE_CHECKING:
    from resolver.hub.payloads import ModelInfo


class SameCommit(Struct, frozen=True, kw_only=True, gc=False):
    """What the store has of the commit of a model info: the decision, where it still holds, else the facts, if any."""

    ref: StoredRef
    decision: Decision | None = None
    facts: CommitFacts | None = None


async def find_same_commits(
    store: MetadataStore,
    endpoint: str,
    scopes: Sequence[str],
    infos: Mapping[int, ModelInfo],
    decision_key: DecisionKey,
) -> dict[int, SameCommit]:
    """What is known of the commits of `infos`, by their keys; read in the order of `scopes`, those that may be seen."""
    refs: dict[int, StoredRef] = {}
    for scope in scopes:
        places = [place for place in infos if place not in refs]
        names = [(infos[place].canonical_id, DEFAULT_REVISION) for place in places]
        recalled = await store.recall(endpoint, scope, names, decision_key) if names else []
        refs.update({place: ref for place, ref in zip(places, recalled, strict=True) if ref is not None})
    same = {place: ref for place, ref in refs.items() if is_same_commit(ref, infos[place])}
    known = {place: SameCommit(ref=ref, decision=find_holding(ref, infos[place].hints)) for place, ref in same.items()}
    asked = {place: same[place] for place, item in known.items() if item.decision is None}
    if asked:
        found = await store.get_repo_facts(asked.values())
        for place, ref in asked.items():
            if (facts := found.get(ref.key)) is not None:
                known[place] = SameCommit(ref=ref, facts=facts.commit)
    return known


def is_same_commit(ref: StoredRef, info: ModelInfo) -> bool:
    """Whether the ref led to the commit of `info`. Pure."""
    return (ref.canonical_id, ref.commit_hash) == (info.canonical_id, info.commit_hash)


def find_holding(ref: StoredRef, hints: HubHints) -> Decision | None:
    """The stored decision on this commit, where it holds for `hints` too and lacks nothing; else None. Pure.

    A gated repo may have other facts with the same hints: the token may have been given access.
    """
    decision = ref.decision()
    if decision is None or decision.partial or hints.gated is not None or not ref.has_hints(hints):
        return None
    return decision


def reuse_files(info: ModelInfo, stored: CommitFacts | None) -> CommitFacts:
    """The file names of `info`, with the files that were fetched before, but for those that could not be read. Pure."""
    if stored is None:
        return CommitFacts(filenames=info.filenames)
    files = {path: small for path, small in stored.files.items() if small.state is not FileState.INACCESSIBLE}
    return CommitFacts(filenames=info.filenames, files=files)


def keep_weight_size(info: ModelInfo, ref: StoredRef) -> ModelInfo:
    """`info` with the size of the weights that is known of the same commit, where it has none itself. Pure."""
    if info.parameters is not None or ref.parameters is None:
        return info
    return replace(info, parameters=ref.parameters, weight_bytes=ref.weight_bytes)


def mark_unseen(commit: CommitFacts, hints: HubHints, registry: Registry, *more: str) -> CommitFacts:
    """`commit` with what a decision would have to read beside it: `more`, and the small files that it lacks. Pure."""
    unseen = (*more, *find_required_files(commit, hints, lean=registry))
    return CommitFacts(filenames=commit.filenames, files=commit.files, unseen=unseen) if unseen else commit
