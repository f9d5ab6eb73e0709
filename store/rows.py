"""Builds the rows of the tables from records, each with its digest. Pure.

The digest is a checksum of the row's other values. It detects rows that were damaged or edited by hand; it does not
prove who wrote them. Row ids are not part of a row: the same row has the same digest in every store.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from registry.facts import ALL_FILES, CommitFacts
from store import codec
from store.keys import DecisionKey, FactsKey, hash_bytes
from store.records import Record

_encoder = msgspec.msgpack.Encoder()


class FactsRow(NamedTuple):
    """A row of the table `facts`, without its row id."""

    key: int
    endpoint: str
    canonical_id: str
    commit_hash: str
    scope: str
    files_asked: int
    body: bytes
    digest: int


class RefRow(NamedTuple):
    """A row of the table `refs`, with the key of its facts in place of their row id.

    `facts_key` and `commit_hash` are None for a missing repo; `canonical_id` is None where it equals `repo_id`.
    `parameters` and `weight_bytes` are None where the size of the weights is not known.
    """

    key: int
    endpoint: str
    repo_id: str
    revision: str
    scope: str
    facts_key: int | None
    canonical_id: str | None
    commit_hash: str | None
    problem: str | None
    hints_id: int
    pipeline_tag: str | None
    library_name: str | None
    hints: bytes
    checked_at: int
    parameters: int | None
    weight_bytes: int | None
    digest: int


class DecisionRow(NamedTuple):
    """A row of the table `decisions`, with the key of its facts in place of their row id."""

    facts_key: int
    hints_id: int
    registry_digest: int
    asked: str
    body: bytes
    digest: int


Row = FactsRow | RefRow | DecisionRow


@dataclass(slots=True)
class Rows:
    """The rows of some records, by table. `hidden` are the records of repos that are not public: they turn their
    public refs into tombstones.
    """

    facts: list[FactsRow] = field(default_factory=list)
    refs: list[RefRow] = field(default_factory=list)
    decisions: list[DecisionRow] = field(default_factory=list)
    hidden: list[Record] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Add the rows of `record`."""
        hints = record.hints
        hints_body = codec.encode(hints)
        hints_id = codec.compute_hints_id(hints_body)
        facts_key = record.facts_key
        key = canonical_id = commit_hash = None
        if facts_key is not None:
            key, canonical_id, commit_hash = facts_key.key, facts_key.canonical_id, facts_key.commit_hash
            if record.facts is not None:
                body, files_asked = codec.encode(record.facts), rank_facts(record.facts)
                identity = (key, facts_key.endpoint, canonical_id, commit_hash, facts_key.scope)
                values = add_digest((*identity, files_asked, body))
                self.facts.append(FactsRow._make(values))
            if record.decision_key is not None and record.decision is not None:
                decision_identity = (key, hints_id, *_build_key_columns(record.decision_key))
                values = add_digest((*decision_identity, codec.encode(record.decision)))
                self.decisions.append(DecisionRow._make(values))
        for ref in record.ref_keys:
            other_id = canonical_id if canonical_id != ref.repo_id else None
            identity = (ref.key, ref.endpoint, ref.repo_id, ref.revision, ref.scope)
            content = (hints_id, hints.pipeline_tag, hints.library_name, hints_body, record.checked_at_s)
            size = (record.parameters, record.weight_bytes)
            values = (*identity, key, other_id, commit_hash, record.problem, *content, *size)
            self.refs.append(RefRow(*values, digest=compute_ref_digest(values)))
        if record.is_hidden:
            self.hidden.append(record)


_UNSEEN_FILES, _UNSEEN_LIST = 1_000_000, 1_000_000_000
"""What is taken off the rank of facts, where small files or the list of files are missing."""


def rank_facts(commit: CommitFacts) -> int:
    """How much of a commit is known: of two rows on one commit, the one of the higher rank is kept.

    It is the number of small files that were requested; facts that lack something rank below all that lack nothing.
    """
    count = len(commit.files)
    if not commit.unseen:
        return count
    return count - (_UNSEEN_LIST if ALL_FILES in commit.unseen else _UNSEEN_FILES)


def compute_digest(values: tuple[Any, ...]) -> int:
    """The digest of a row's other values, in their order: an unsigned 32-bit integer, the same on every machine."""
    return zlib.crc32(_encoder.encode(values))


def matches_digest(values: tuple[Any, ...], digest: Any) -> bool:
    """Whether `digest` is that of `values`, which may be of any type."""
    try:
        encoded = _encoder.encode(values)
    except (TypeError, ValueError, OverflowError):
        return False
    return is_digest(encoded, digest)


def is_digest(encoded: bytes, digest: Any) -> bool:
    """Whether `digest` is that of a row whose other values are `encoded`. Earlier releases wrote 64-bit hashes."""
    return bool(zlib.crc32(encoded) == digest or hash_bytes(encoded) == digest)


def add_digest(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """All values of a row: `values`, then their digest."""
    return (*values, compute_digest(values))


def compute_ref_digest(values: tuple[Any, ...]) -> int:
    """The digest of a ref's other values."""
    return compute_digest(_drop_unknown_size(values))


def _drop_unknown_size(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values of a ref that its digest is of: earlier releases stored no size of the weights."""
    return values[:-2] if values[-2:] == (None, None) else values


def has_valid_digest(row: Row) -> bool:
    """Whether the digest of a row matches its other values; they may be of any type."""
    values = row[:-1]
    return matches_digest(_drop_unknown_size(values) if isinstance(row, RefRow) else values, row.digest)


def build_ref_row(columns: Any) -> RefRow:
    """The row of a ref from the columns of its table, by name; `facts_key` is computed from the other columns, and None
    where they are not texts.
    """
    commit_hash, facts_key = columns["commit_hash"], None
    if commit_hash is not None:
        canonical_id = columns["canonical_id"] or columns["repo_id"]
        with suppress(TypeError):
            facts_key = FactsKey(columns["endpoint"], canonical_id, commit_hash, columns["scope"]).key
    return RefRow._make([facts_key if name == "facts_key" else columns[name] for name in RefRow._fields])


def build_rows(records: Iterable[Record]) -> Rows:
    """The rows of `records`."""
    rows = Rows()
    for record in records:
        rows.add(record)
    return rows


@functools.lru_cache(maxsize=64)
def _build_key_columns(key: DecisionKey) -> tuple[int, str]:
    """The values of the columns `registry_digest` and `asked`."""
    return key.rules_id, key.asked
