"""What to do next for a repo, given what the store knows of it. Pure: the time and the policy are parameters."""

from __future__ import annotations

from msgspec import Struct

from registry.decision import Decision
from resolver.cache.freshness import Freshness, Policy, freshness
from resolver.errors import ResolveError
from resolver.repo_id import RepoRevision
from store.records import StoredRef


class Recalled(Struct, frozen=True, kw_only=True):
    """What the store knows of a repo at a revision: its ref, and the decision, or why none can be made.

    All None: nothing. A ref without either: the facts it leads to are not in the store any more.
    """

    ref: StoredRef | None = None
    decision: Decision | None = None
    error: ResolveError | None = None


NOTHING_RECALLED = Recalled()


class UseStored(Struct, frozen=True, gc=False):
    """Answer from the store."""

    ref: StoredRef
    decision: Decision


class Refuse(Struct, frozen=True):
    """Answer with an error that needs no request: the one given, or the stored problem."""

    error: ResolveError | None
    problem: str | None


class AskHub(Struct, frozen=True, gc=False):
    """Ask the Hub: for everything, or, where the facts of a commit are stored, first for where the ref points now."""

    known: StoredRef | None


class LookInHfCache(Struct, frozen=True, gc=False):
    """Offline and unknown to the store: only the local Hugging Face cache is left."""


Step = UseStored | Refuse | AskHub | LookInHfCache


def next_step(known: Recalled, wanted: RepoRevision, *, now_s: float, policy: Policy) -> Step:
    """The one thing to do for `wanted` now."""
    ref = known.ref
    state = freshness(
        ref.checked_at_s if ref is not None else None,
        now_s=now_s,
        policy=policy,
        is_pinned=wanted.is_pinned,
        is_problem=ref is not None and ref.problem is not None,
    )
    if state is Freshness.FRESH and ref is not None:
        if known.decision is not None:
            return UseStored(ref, known.decision)
        if known.error is not None or ref.problem is not None:
            return Refuse(known.error, ref.problem)
    if policy.offline:
        return LookInHfCache()
    return AskHub(ref if ref is not None and ref.problem is None else None)
