"""Turns decisions into the rows that other programs read: each field a column, lists as JSON texts. Pure."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from store import codec
from store.keys import NOTHING_ASKED, hash_bytes
from store.rows import DecisionRow

_encode_hashed = msgspec.msgpack.Encoder().encode
_encode_json = msgspec.json.Encoder().encode


class ColumnsRow(NamedTuple):
    """A row of the table `decision_columns`."""

    id: int
    library: str | None
    task: str | None
    framework: str | None
    weights: str
    model_type: str | None
    architecture: str | None
    model_class: str | None
    requires_remote_code: bool
    conflict: bool
    ambiguous: bool
    undecided: str | None
    candidates: str
    base_models: str
    notes: str


class LatestRow(NamedTuple):
    """A row of the table `latest_decisions`, with the key of its facts in place of their row id."""

    facts_key: int
    hints_id: int
    registry_digest: int
    columns_id: int


@functools.lru_cache(maxsize=8_192)
def build_columns(body: bytes) -> ColumnsRow:
    """The row of a decision's body, cached: similar repos often have equal decisions.

    Raises:
        UnreadableBodyError: the body is damaged.
    """
    decision = codec.decode_decision(body)
    candidates = [{"task": item.task, "model_class": item.model_class} for item in decision.candidates]
    values: tuple[Any, ...] = (
        decision.library,
        decision.task,
        decision.framework,
        _encode_list(decision.weights),
        decision.model_type,
        decision.architecture,
        decision.model_class,
        decision.requires_remote_code,
        decision.conflict,
        decision.ambiguous,
        decision.undecided,
        _encode_list(candidates),
        _encode_list(decision.base_models),
        _encode_list(decision.notes),
    )
    return ColumnsRow(hash_bytes(_encode_hashed(values)), *values)


def _encode_list(items: Sequence[Any]) -> str:
    return _encode_json(items).decode()


def build_latest(rows: Iterable[DecisionRow]) -> tuple[list[LatestRow], list[ColumnsRow]]:
    """The rows for those decisions for which nothing was requested; of several on the same facts and hints the last."""
    latest: dict[tuple[int, int], LatestRow] = {}
    columns: dict[int, ColumnsRow] = {}
    for row in rows:
        if row.asked != NOTHING_ASKED:
            continue
        found = build_columns(row.body)
        columns[found.id] = found
        latest[row.facts_key, row.hints_id] = LatestRow(row.facts_key, row.hints_id, row.registry_digest, found.id)
    return list(latest.values()), list(columns.values())


def has_columns(body: bytes, stored: tuple[Any, ...]) -> bool:
    """Whether the values of a row of `decision_columns` are those of a decision's body."""
    try:
        row = build_columns(body)
    except codec.UnreadableBodyError:
        return False
    return tuple(row) == stored
