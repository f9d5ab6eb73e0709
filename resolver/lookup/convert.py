"""Facts and decisions to the answers that callers get, and to the records that are stored. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from registry.decision import Decision
from registry.facts import NO_HINTS, HubHints
from resolver.errors import RepositoryNotFoundError, ResolveError, RevisionNotFoundError
from resolver.lookup.step import UseStored
from resolver.repo_id import RepoRevision
from resolver.resolution import Resolution, Source
from store.keys import PUBLIC, DecisionKey, FactsKey, RefKey, scope_of_token
from store.records import Record

if TYPE_CHECKING:
    from resolver.local.hf_cache import CachedRepo
    from resolver.lookup.fetch import FetchedRepo


def from_store(wanted: RepoRevision, step: UseStored) -> Resolution:
    """The answer that the store holds."""
    ref = step.ref
    return Resolution(
        repo_id=wanted.repo_id,
        canonical_id=ref.canonical_id,
        revision=wanted.revision,
        commit_hash=ref.commit_hash,
        pipeline_tag=ref.pipeline_tag,
        library_name=ref.library_name,
        source=Source.STORE,
        decision=step.decision,
        checked_at_s=ref.checked_at_s,
    )


def from_hub(wanted: RepoRevision, learned: FetchedRepo, decision: Decision, checked_at_s: int) -> Resolution:
    """The answer that the Hub was just asked for."""
    return Resolution(
        repo_id=wanted.repo_id,
        canonical_id=learned.canonical_id,
        revision=wanted.revision,
        commit_hash=learned.commit_hash,
        pipeline_tag=learned.hints.pipeline_tag,
        library_name=learned.hints.library_name,
        source=Source.HUB,
        decision=decision,
        checked_at_s=checked_at_s,
    )


def from_hf_cache(wanted: RepoRevision, cached: CachedRepo, decision: Decision) -> Resolution:
    """The answer that the local Hugging Face cache allows."""
    return Resolution(
        repo_id=wanted.repo_id,
        canonical_id=cached.repo_id,
        revision=wanted.revision,
        commit_hash=cached.commit_hash,
        pipeline_tag=cached.facts.hints.pipeline_tag,
        library_name=cached.facts.hints.library_name,
        source=Source.HF_CACHE,
        decision=decision,
    )


def from_folder(folder: str, hints: HubHints, decision: Decision) -> Resolution:
    """The answer for a local folder."""
    return Resolution(
        repo_id=folder,
        canonical_id=None,
        revision=None,
        commit_hash=None,
        pipeline_tag=hints.pipeline_tag,
        library_name=hints.library_name,
        source=Source.LOCAL,
        decision=decision,
    )


def record_of(
    names: Iterable[str],
    revision: str,
    learned: FetchedRepo,
    decision: Decision | None,
    *,
    endpoint: str,
    token: str | None,
    checked_at_s: int,
    decided_by: DecisionKey,
) -> Record:
    """What is stored of what was learned, under all of `names`, for those who may see it."""
    scope = scope_of(learned.hints, token)
    return Record(
        ref_keys=tuple(RefKey(endpoint, name, revision, scope) for name in dict.fromkeys(names)),
        hints=learned.hints,
        checked_at_s=checked_at_s,
        facts_key=FactsKey(endpoint, learned.canonical_id, learned.commit_hash, scope),
        facts=learned.commit,
        decision_key=decided_by,
        decision=decision,
        is_hidden=learned.hints.private is True or learned.hints.gated is not None,
    )


def problem_record(
    wanted: RepoRevision, problem: str, *, endpoint: str, token: str | None, checked_at_s: int
) -> Record:
    """What is stored of a repo or revision that the Hub says is not there, for the token that was told so."""
    key = RefKey(endpoint, wanted.repo_id, wanted.revision, scope_of_token(token))
    return Record(
        ref_keys=(key,),
        hints=NO_HINTS,
        checked_at_s=checked_at_s,
        problem=problem,
        is_hidden=True,
        is_revision_alone=problem == RevisionNotFoundError.code,
    )


def scope_of(hints: HubHints, token: str | None) -> str:
    """Who may be told: everybody where the Hub said that the repo is public, or told us without a token."""
    is_public = hints.private is not True and hints.gated is None
    return PUBLIC if is_public and (hints.private is False or not token) else scope_of_token(token)


def remembered_problem(wanted: RepoRevision, problem: str | None) -> ResolveError:
    """The error that a stored problem means."""
    kind = RevisionNotFoundError if problem == RevisionNotFoundError.code else RepositoryNotFoundError
    return kind(
        f"{wanted.repo_id}@{wanted.revision} was not there a moment ago, for this token",
        repo_id=wanted.repo_id,
        revision=wanted.revision,
    )
