"""Chooses the next step for a request, from what is known about it. Pure: the time and the policy are parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from registry.decision import Decision
from registry.facts import ALL_FILES, COMMIT, TAGS
from resolver.cache.freshness import Freshness, Policy, is_older_than_allowed, judge_freshness
from resolver.errors import ResolveError
from resolver.repo_id import RepoRevision
from store.records import StoredRef

if TYPE_CHECKING:
    from resolver.hub.payloads import ModelInfo


class Recalled(Struct, frozen=True, kw_only=True):
    """What is remembered of a repo at a revision: its ref, and the decision, or why none can be made.

    All None: nothing. A ref without either: its facts are no longer in the store.
    """

    ref: StoredRef | None = None
    decision: Decision | None = None
    error: ResolveError | None = None


NOTHING_RECALLED = Recalled()


class UseStored(Struct, frozen=True, gc=False):
    """Answer from the store; `is_stale`: offline, although the last check is longer ago than `max_age_s`."""

    ref: StoredRef
    decision: Decision
    is_stale: bool = False


class Refuse(Struct, frozen=True):
    """Answer with an error that needs no request: `error`, or the stored `problem`."""

    error: ResolveError | None
    problem: str | None


class AskHub(Struct, frozen=True, gc=False):
    """Ask the Hub: for everything, or, where the facts of a commit are stored, first which commit the ref has now."""

    known: StoredRef | None


class UsePage(Struct, frozen=True, gc=False):
    """Use the model info that a page of a listing had at `seen_at_s` (seconds since 1970, UTC), and fetch files."""

    info: ModelInfo
    seen_at_s: int


class FetchFiles(Struct, frozen=True, gc=False):
    """Fetch the small files alone that the stored facts of `known` lack: everything else of the commit is known."""

    known: StoredRef


class LookInHfCache(Struct, frozen=True, gc=False):
    """Offline and not in the store: only the local Hugging Face cache is left."""


class ReadFolder(Struct, frozen=True, gc=False):
    """Read the files of a local folder."""


Step = UseStored | Refuse | AskHub | UsePage | FetchFiles | LookInHfCache | ReadFolder

_COMPLETED_BY_INFO = frozenset((ALL_FILES, TAGS, COMMIT))
"""Values of `CommitFacts.unseen` that a request for model info completes; small files need requests of their own."""


def next_step(recalled: Recalled, target: RepoRevision, *, now_s: float, policy: Policy) -> Step:
    """The one thing to do for `target` now."""
    ref = recalled.ref
    freshness = judge_freshness(
        ref.checked_at_s if ref is not None else None,
        now_s=now_s,
        policy=policy,
        is_pinned=target.is_pinned,
        is_problem=ref is not None and ref.problem is not None,
    )
    if freshness is Freshness.FRESH and ref is not None:
        if recalled.decision is not None and recalled.decision.partial and not (policy.offline or policy.partial):
            is_rest_in_files = _COMPLETED_BY_INFO.isdisjoint(recalled.decision.partial)
            return FetchFiles(ref) if is_rest_in_files else AskHub(ref)
        if recalled.decision is not None:
            is_stale = policy.offline and is_older_than_allowed(
                ref.checked_at_s, now_s=now_s, policy=policy, is_pinned=target.is_pinned
            )
            return UseStored(ref, recalled.decision, is_stale)
        if recalled.error is not None or ref.problem is not None:
            return Refuse(recalled.error, ref.problem)
    if policy.offline:
        return LookInHfCache()
    return AskHub(ref if ref is not None and ref.problem is None else None)


def is_miss(step: Step) -> bool:
    """Whether the store has no answer."""
    return isinstance(step, (AskHub, FetchFiles, LookInHfCache))
