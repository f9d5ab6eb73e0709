"""Converts facts and decisions to the answers that callers get, and to the records that are stored. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from registry.decision import Decision
from registry.facts import NO_HINTS, HubHints, is_unknown_commit
from resolver.errors import (
    GatedRepoError,
    NotAModelError,
    RepositoryNotFoundError,
    ResolveError,
    RevisionNotFoundError,
)
from resolver.lookup.request import LocalFolder
from resolver.lookup.scopes import choose_scope
from resolver.lookup.step import UseStored
from resolver.repo_id import RepoRevision
from resolver.resolution import Resolution, Source
from store.keys import PUBLIC, TOMBSTONE, DecisionKey, FactsKey, RefKey, derive_scope
from store.records import Record

if TYPE_CHECKING:
    from resolver.local.hf_cache import CachedRepo
    from resolver.lookup.fetch import FetchedRepo


class Origin(NamedTuple):
    """Where and when something was learned: the endpoint, the token used, and seconds since 1970, UTC."""

    endpoint: str
    token: str | None
    checked_at_s: int


def resolution_from_store(target: RepoRevision, step: UseStored) -> Resolution:
    """The answer that the store holds."""
    ref = step.ref
    return Resolution(
        repo_id=target.repo_id,
        canonical_id=ref.canonical_id,
        revision=target.revision,
        commit_hash=None if is_unknown_commit(ref.commit_hash) else ref.commit_hash,
        pipeline_tag=ref.pipeline_tag,
        library_name=ref.library_name,
        source=Source.STORE,
        decision=step.decision,
        checked_at_s=ref.checked_at_s,
        partial=step.decision.partial,
        stale=step.is_stale,
        parameters=ref.parameters,
        weight_bytes=ref.weight_bytes,
    )


def resolution_from_hub(
    target: RepoRevision, fetched: FetchedRepo, decision: Decision, checked_at_s: int
) -> Resolution:
    """The answer from what was fetched from the Hub."""
    return Resolution(
        repo_id=target.repo_id,
        canonical_id=fetched.canonical_id,
        revision=target.revision,
        commit_hash=fetched.commit_hash,
        pipeline_tag=fetched.hints.pipeline_tag,
        library_name=fetched.hints.library_name,
        source=Source.HUB,
        decision=decision,
        checked_at_s=checked_at_s,
        partial=decision.partial,
        parameters=fetched.parameters,
        weight_bytes=fetched.weight_bytes,
    )


def resolution_from_hf_cache(target: RepoRevision, cached: CachedRepo, decision: Decision) -> Resolution:
    """The answer from a snapshot in the local Hugging Face cache."""
    return Resolution(
        repo_id=target.repo_id,
        canonical_id=cached.repo_id,
        revision=target.revision,
        commit_hash=cached.commit_hash,
        pipeline_tag=cached.facts.hints.pipeline_tag,
        library_name=cached.facts.hints.library_name,
        source=Source.HF_CACHE,
        decision=decision,
    )


def resolution_from_folder(folder: LocalFolder, hints: HubHints, decision: Decision) -> Resolution:
    """The answer for a local folder."""
    return Resolution(
        repo_id=folder.repo_id,
        canonical_id=None,
        revision=None,
        commit_hash=None,
        pipeline_tag=hints.pipeline_tag,
        library_name=hints.library_name,
        source=Source.LOCAL,
        decision=decision,
    )


def build_record(
    names: Iterable[str],
    revision: str,
    fetched: FetchedRepo,
    decision: Decision | None,
    *,
    origin: Origin,
    decided_by: DecisionKey,
) -> Record:
    """The record of a fetched repo, under all of `names`, for those who may see it."""
    scope = choose_scope(fetched.hints, origin.token)
    return Record(
        ref_keys=tuple(RefKey(origin.endpoint, name, revision, scope) for name in dict.fromkeys(names)),
        hints=fetched.hints,
        checked_at_s=origin.checked_at_s,
        facts_key=FactsKey(origin.endpoint, fetched.canonical_id, fetched.commit_hash, scope),
        facts=fetched.commit,
        parameters=fetched.parameters,
        weight_bytes=fetched.weight_bytes,
        decision_key=decided_by,
        decision=decision,
        is_hidden=fetched.hints.private is True or fetched.hints.gated is not None,
    )


def build_problem_record(target: RepoRevision, problem: str, *, origin: Origin) -> Record:
    """The record of a repo or revision that the Hub does not have, for the token that was used."""
    key = RefKey(origin.endpoint, target.repo_id, target.revision, derive_scope(origin.token))
    return Record(
        ref_keys=(key,),
        hints=NO_HINTS,
        checked_at_s=origin.checked_at_s,
        problem=problem,
        is_hidden=True,
        is_revision_only=problem == RevisionNotFoundError.code,
    )


def build_withdrawal(target: RepoRevision, *, origin: Origin) -> Record:
    """The record of a repo that is not public now; what else it is was not learned."""
    key = RefKey(origin.endpoint, target.repo_id, target.revision, PUBLIC)
    return Record(ref_keys=(key,), hints=NO_HINTS, checked_at_s=origin.checked_at_s, problem=TOMBSTONE, is_hidden=True)


def record_from_error(target: RepoRevision, error: ResolveError, *, origin: Origin) -> Record | None:
    """The record of what an error says about a repo; None where it says nothing that may be remembered.

    Only the Hub itself says that a repo is missing, private or gated: see `HubError.is_hub_answer`.
    """
    if isinstance(error, (RepositoryNotFoundError, RevisionNotFoundError)) and error.is_hub_answer:
        return build_problem_record(target, error.code, origin=origin)
    # A dataset has the name of what was a model.
    cause = error.__cause__ if isinstance(error, NotAModelError) else error
    if isinstance(cause, (GatedRepoError, RepositoryNotFoundError)) and cause.is_hub_answer:
        return build_withdrawal(target, origin=origin)
    return None


def error_from_problem(target: RepoRevision, problem: str | None) -> ResolveError:
    """The error that a stored problem means."""
    kind = RevisionNotFoundError if problem == RevisionNotFoundError.code else RepositoryNotFoundError
    return kind(
        f"{target.repo_id}@{target.revision} was not found a short time ago with this token; refresh to ask again",
        repo_id=target.repo_id,
        revision=target.revision,
    )
