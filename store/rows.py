"""What was learned to rows of the tables, as tuples in the order of `FACTS`, `REFS` and `DECISIONS`. Pure."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, NamedTuple

from store import codec
from store.keys import DecisionKey
from store.records import Record

Row = tuple[Any, ...]

FACTS = ("key", "endpoint", "canonical_id", "commit_hash", "scope", "files_asked", "body")
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
)
DECISIONS = ("facts_key", "hints_id", "registry_digest", "asked", "body")
"""Names of the values of each row: columns, but for `facts_key`, which the statements look up `facts_id` by."""


class Rows(NamedTuple):
    """The rows of some records, by table."""

    facts: list[Row]
    refs: list[Row]
    decisions: list[Row]


def rows_of(records: Iterable[Record]) -> Rows:
    """The rows that hold `records`."""
    rows = Rows([], [], [])
    for record in records:
        hints = record.hints
        hints_body = codec.encode(hints)
        hints_id = codec.hints_id(hints_body)
        facts_key = record.facts_key
        key = canonical_id = commit_hash = None
        if facts_key is not None:
            key, canonical_id, commit_hash = facts_key.key, facts_key.canonical_id, facts_key.commit_hash
            if record.facts is not None:
                rows.facts.append(
                    (
                        key,
                        facts_key.endpoint,
                        canonical_id,
                        commit_hash,
                        facts_key.scope,
                        len(record.facts.files),
                        codec.encode(record.facts),
                    )
                )
            if record.decision_key is not None and record.decision is not None:
                rows.decisions.append((key, hints_id, *_decided_by(record.decision_key), codec.encode(record.decision)))
        for ref in record.ref_keys:
            rows.refs.append(
                (
                    ref.key,
                    ref.endpoint,
                    ref.repo_id,
                    ref.revision,
                    ref.scope,
                    key,
                    canonical_id if canonical_id != ref.repo_id else None,
                    commit_hash,
                    record.problem,
                    hints_id,
                    hints.pipeline_tag,
                    hints.library_name,
                    hints_body,
                    record.checked_at_s,
                )
            )
    return rows


@functools.lru_cache(maxsize=64)
def _decided_by(key: DecisionKey) -> tuple[int, str]:
    return key.rules_id, key.asked
