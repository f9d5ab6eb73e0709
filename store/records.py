"""What goes into the store and comes out of it. Pure data."""

from __future__ import annotations

from dataclasses import dataclass

from registry.decision import Decision
from registry.facts import CommitFacts, HubHints
from store import codec
from store.keys import DecisionKey, FactsKey, RefKey


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRef:
    """A ref as it was last seen.

    `checked_at_s` is in seconds since 1970, UTC. `facts_key` is None, and `problem` an error code, where the repo or
    revision is known to be missing. `hints_body` is decoded by `hints()` only when it is needed.
    """

    key: RefKey
    facts_key: FactsKey | None
    problem: str | None
    hints_id: int
    pipeline_tag: str | None
    library_name: str | None
    hints_body: bytes
    checked_at_s: int

    def hints(self) -> HubHints:
        return codec.decode(HubHints, self.hints_body)


@dataclass(frozen=True, slots=True)
class Recalled:
    """What the store knows of one ref; `decision` is None where none was made under the rules asked for."""

    ref: StoredRef
    decision: Decision | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All that was learned about a repo by asking for it once, stored in one transaction.

    `ref_keys` are all the names the answer is to be found under. `facts` is None where only the ref was checked and
    its facts are stored already; `facts_key` is None, and `problem` an error code, where the repo is missing.
    """

    ref_keys: tuple[RefKey, ...]
    hints: HubHints
    checked_at_s: int
    facts_key: FactsKey | None = None
    facts: CommitFacts | None = None
    problem: str | None = None
    decision_key: DecisionKey | None = None
    decision: Decision | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreInfo:
    """Counts and sizes. Times are seconds since 1970, UTC, and None for an empty store."""

    location: str
    schema_version: int
    size_bytes: int
    facts: int
    refs: int
    decisions: int
    missing: int
    oldest_check_s: int | None
    newest_check_s: int | None
    endpoints: tuple[tuple[str, int], ...]
