"""What goes into the store and comes out of it. Pure data."""

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


class StoredRef(NamedTuple):
    """A ref as it was last seen, as one row of the database.

    `commit_hash` is None, and `problem` an error code, where the repo or revision is known to be missing.
    `checked_at_s` is in seconds since 1970, UTC. `decision_body` is the decision made under the rules asked for, None
    where there is none; `decision()` reads it.
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
    decision_body: bytes | None

    def has_hints(self, hints: HubHints) -> bool:
        """Whether `hints` are the very ones stored."""
        return self.hints_id == codec.hints_id(codec.encode(hints))

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
            logger.warning("the stored decision on %s@%s is left out: %s", self.repo_id, self.revision, error)
            return None


class Record(Struct, frozen=True, kw_only=True, gc=False):
    """All that was learned about a repo by asking for it once, stored in one transaction.

    `ref_keys` are all the names the answer is to be found under. `facts` is None where only the ref was checked and
    its facts are stored already; `facts_key` is None, and `problem` an error code, where the repo is missing.
    `is_hidden`: the Hub said that the repo, or with `is_revision_alone` this revision, is not for everybody (private,
    gated, or not there for whoever asked): what is stored of it for everybody is told no more.
    """

    ref_keys: tuple[RefKey, ...]
    hints: HubHints
    checked_at_s: int
    facts_key: FactsKey | None = None
    facts: CommitFacts | None = None
    problem: str | None = None
    decision_key: DecisionKey | None = None
    decision: Decision | None = None
    is_hidden: bool = False
    is_revision_alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreInfo:
    """Counts and sizes. Times are seconds since 1970, UTC, and None for an empty store.

    `private` counts commits that only certain tokens may see, `missing` repos and revisions known not to be there.
    `hits` are look-ups that the store answered, `misses` those it did not; the recent ones are of the last 30 days.
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
