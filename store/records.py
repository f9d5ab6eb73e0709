"""`Record` and `StoredRef`: what is written to the store and what is read from it. Pure."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import NamedTuple

from msgspec import Struct

from registry.decision import Decision
from registry.facts import CommitFacts, HubHints
from store import codec
from store.keys import DecisionKey, FactsKey, RefKey

logger = logging.getLogger(__name__)

CLOCK_SKEW_S = 300.0
"""How far in the future a check may lie: clocks of two machines differ. What is later was written by a wrong clock."""


class StoredRef(NamedTuple):
    """A ref as it was last checked: one row of the database.

    `other_id` is the canonical id where it differs from `repo_id`. `commit_hash` is None, and `problem` an error code,
    where the repo or revision is missing. `checked_at_s` is in seconds since 1970, UTC. `parameters` and `weight_bytes`
    are the size of the commit's weights, None where it is not known. `decision_body` is the decision
    made by the requested rules, None where there is none; `decision()` decodes it.
    """

    key: int
    repo_id: str
    revision: str
    other_id: str | None
    commit_hash: str | None
    problem: str | None
    pipeline_tag: str | None
    library_name: str | None
    checked_at_s: int
    hints_id: int
    parameters: int | None
    weight_bytes: int | None
    decision_body: bytes | None

    def has_hints(self, hints: HubHints) -> bool:
        """Whether the stored hints equal `hints`."""
        return self.hints_id == codec.compute_hints_id(codec.encode(hints))

    @property
    def canonical_id(self) -> str:
        return self.other_id or self.repo_id

    def decision(self) -> Decision | None:
        """The stored decision; None where there is none, or it cannot be read."""
        if self.decision_body is None:
            return None
        try:
            return codec.decode_decision(self.decision_body)
        except codec.UnreadableBodyError as error:
            logger.warning("the stored decision on %s@%s is ignored: %s", self.repo_id, self.revision, error)
            return None


class Record(Struct, frozen=True, kw_only=True, gc=False):
    """Everything learned about a repo by one fetch, stored in one transaction.

    `ref_keys` are all refs under which the repo is found later. `facts` is None where only the ref was checked, and its
    facts are stored already; `parameters` and `weight_bytes` are the size of the weights, None where it is not known.
    `facts_key` is None, and `problem` an error code, where the repo is missing.
    `is_hidden`: the repo, or with `is_revision_only` this revision alone, is private, gated or missing; public refs to
    it become tombstones.
    """

    ref_keys: tuple[RefKey, ...]
    hints: HubHints
    checked_at_s: int
    facts_key: FactsKey | None = None
    facts: CommitFacts | None = None
    parameters: int | None = None
    weight_bytes: int | None = None
    problem: str | None = None
    decision_key: DecisionKey | None = None
    decision: Decision | None = None
    is_hidden: bool = False
    is_revision_only: bool = False

    @property
    def names(self) -> set[str]:
        """All names of the repo that the record has."""
        names = {key.repo_id for key in self.ref_keys}
        return names if self.facts_key is None else names | {self.facts_key.canonical_id}


class ListingState(Struct, frozen=True, kw_only=True, gc=False):
    """How far a listing of the Hub was read. Times are in seconds since 1970, UTC.

    `next_url` is the page that an interrupted run would have read next, `sort` its order, and `started_at_s` when it
    began; all None where no run was interrupted. All changes until `known_until_s` are stored; None where
    no run was complete.
    """

    next_url: str | None = None
    sort: str | None = None
    started_at_s: int | None = None
    known_until_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreInfo:
    """Counts and sizes of a store. Times are in seconds since 1970, UTC, and None for an empty store.

    `private` counts commits that only certain tokens may see, `missing` refs to missing repos and revisions. `hits` are
    look-ups that the store answered, `misses` those that it did not; `recent_*` count the last 30 days.
    """

    location: str
    schema_version: int
    size_bytes: int
    facts: int
    refs: int
    decisions: int
    private: int
    missing: int
    oldest_check_s: int | None
    newest_check_s: int | None
    endpoints: tuple[tuple[str, int], ...]
    hits: int
    misses: int
    recent_hits: int
    recent_misses: int
