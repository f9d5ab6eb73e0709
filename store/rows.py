"""What was learned to rows of the tables, as tuples in the order of `FACTS`, `REFS` and `DECISIONS`. Pure.

Each row ends with a digest of all it says. It tells a row that was damaged, or written by hand, from one that was
stored; it is no proof of who wrote it. Row ids are no part of it: the same row has the same digest everywhere.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from store import codec
from store.keys import DecisionKey, FactsKey, hash64_of
from store.records import Record

Row = tuple[Any, ...]

_encoder = msgspec.msgpack.Encoder()

FACTS = ("key", "endpoint", "canonical_id", "commit_hash", "scope", "files_asked", "body", "digest")
REFS = (
    "key",
    "endpoint",
    "repo_id",
    "revision",
    "scope",
    "facts_key",
    "canonical_id",
    "commit_hash",
    "problem",
    "hints_id",
    "pipeline_tag",
    "library_name",
    "hints",
    "checked_at",
    "digest",
)
DECISIONS = ("facts_key", "hints_id", "registry_digest", "asked", "body", "digest")
"""Names of the values of each row: columns, but for `facts_key`, which the statements look up `facts_id` by."""


@dataclass(slots=True)
class Rows:
    """The rows of some records, by table; `hidden` are those of the records that take from everybody what is known."""

    facts: list[Row] = field(default_factory=list)
    refs: list[Row] = field(default_factory=list)
    decisions: list[Row] = field(default_factory=list)
    hidden: list[Record] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Add the rows that hold `record`."""
        hints = record.hints
        hints_body = codec.encode(hints)
        hints_id = codec.hints_id(hints_body)
        facts_key = record.facts_key
        key = canonical_id = commit_hash = None
        if facts_key is not None:
            key, canonical_id, commit_hash = facts_key.key, facts_key.canonical_id, facts_key.commit_hash
            if record.facts is not None:
                body, files_asked = codec.encode(record.facts), len(record.facts.files)
                known_by = (key, facts_key.endpoint, canonical_id, commit_hash, facts_key.scope)
                self.facts.append(with_digest((*known_by, files_asked, body)))
            if record.decision_key is not None and record.decision is not None:
                decided_by = _decided_by(record.decision_key)
                self.decisions.append(with_digest((key, hints_id, *decided_by, codec.encode(record.decision))))
        for ref in record.ref_keys:
            other_id = canonical_id if canonical_id != ref.repo_id else None
            known_by = (ref.key, ref.endpoint, ref.repo_id, ref.revision, ref.scope)
            says = (hints_id, hints.pipeline_tag, hints.library_name, hints_body, record.checked_at_s)
            self.refs.append(with_digest((*known_by, key, other_id, commit_hash, record.problem, *says)))
        if record.is_hidden:
            self.hidden.append(record)


def digest_of(values: Row) -> int:
    """The digest of a row's other values, in their order: a signed 64-bit integer, the same on every machine."""
    return hash64_of(_encoder.encode(values))


def with_digest(values: Row) -> Row:
    """A row of all its values but the digest, and then that."""
    return (*values, digest_of(values))


def is_whole(row: Row) -> bool:
    """Whether a row's digest, its last value, is that of the others."""
    return bool(digest_of(row[:-1]) == row[-1])


def ref_values(row: Any) -> Row:
    """A row of the table of refs, by column, as the tuple it was stored from."""
    commit_hash, facts_key = row["commit_hash"], None
    if commit_hash is not None:
        canonical_id = row["canonical_id"] or row["repo_id"]
        facts_key = FactsKey(row["endpoint"], canonical_id, commit_hash, row["scope"]).key
    return tuple([facts_key if name == "facts_key" else row[name] for name in REFS])


def rows_of(records: Iterable[Record]) -> Rows:
    """The rows that hold `records`."""
    rows = Rows()
    for record in records:
        rows.add(record)
    return rows


@functools.lru_cache(maxsize=64)
def _decided_by(key: DecisionKey) -> tuple[int, str]:
    return key.rules_id, key.asked
