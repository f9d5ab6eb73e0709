"""Imports a snapshot of model infos into a store: each row is decided as far as it tells, without a request.

What the store knows already is never replaced by less: a later check of a repo is kept, and so is an answer about the
same commit that lacks nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from registry.decision import Decision
from registry.facts import CommitFacts, RepoFacts
from registry.registry import Registry
from resolver.errors import ResolveError
from resolver.hub.snapshot_rows import SnapshotInfo, UnusableRowError, parse_snapshot_row
from resolver.lookup.convert import Origin, build_record
from resolver.lookup.decide import decide_facts
from resolver.lookup.fetch import build_fetched_repo
from resolver.lookup.same_commit import (
    SameCommit,
    find_same_commits,
    keep_weight_size,
    mark_unseen,
    reuse_files,
)
from resolver.redaction import without_secrets
from resolver.repo_id import DEFAULT_REVISION
from store.codec import OversizedValueError
from store.keys import PUBLIC, DecisionKey
from store.rows import Rows
from store.store import MetadataStore

logger = logging.getLogger(__name__)

MAX_SHOWN = 20
"""Most rows that are left out with a message each; all are counted."""


@dataclass(slots=True)
class SnapshotReport:
    """`rows` in all; `stored` of them, of which `partial` lack something; `known`: the store knew as much or more.
    `left_out` counts the others by reason, and `problems` has the first of them, each with its number.
    """

    rows: int = 0
    stored: int = 0
    partial: int = 0
    known: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def leave_out(self, reason: str, row_number: int, problem: str) -> None:
        """Count a row that is not stored."""
        self.left_out[reason] += 1
        if len(self.problems) < MAX_SHOWN:
            self.problems.append(f"row {row_number:,}: {problem}")


async def import_snapshot(
    store: MetadataStore,
    registry: Registry,
    batches: Iterator[Sequence[Mapping[str, Any] | UnusableRowError]],
    *,
    endpoint: str,
    seen_at_s: int,
) -> SnapshotReport:
    """Decide on and store the rows of a snapshot that was made at `seen_at_s` (seconds since 1970, UTC).

    Each batch is one transaction: a process that is killed meanwhile leaves a valid store, and a second import
    completes it. While one batch is stored, the next one is decided on.

    Raises:
        StoreError: the store cannot be written.
    """
    work = _SnapshotImport(store, registry, endpoint, seen_at_s)
    storing: asyncio.Task[None] | None = None
    try:
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            rows = await work.build_rows(batch)
            if storing is not None:
                await storing
            storing = asyncio.create_task(store.put_rows(rows))
        if storing is not None:
            await storing
    finally:
        if storing is not None and not storing.done():
            await asyncio.wait([storing])
    return work.report


class _SnapshotImport:
    """The import of one snapshot."""

    def __init__(self, store: MetadataStore, registry: Registry, endpoint: str, seen_at_s: int) -> None:
        self._store = store
        self._registry = registry
        self._decision_key = DecisionKey(registry.digest())
        self._endpoint = endpoint
        self._seen_at_s = seen_at_s
        # Without a token: what a snapshot says was seen by everybody who has it.
        self._origin = Origin(endpoint, None, seen_at_s)
        self.report = SnapshotReport()

    async def build_rows(self, batch: Sequence[Mapping[str, Any] | UnusableRowError]) -> Rows:
        """The rows of the store for a batch."""
        items = self._parse(batch)
        infos = {place: item.info for place, item in items.items()}
        known = await find_same_commits(self._store, self._endpoint, (PUBLIC,), infos, self._decision_key)
        rows = Rows()
        for place, item in items.items():
            self._add(rows, place, item, known.get(place))
        return rows

    def _parse(self, batch: Sequence[Mapping[str, Any] | UnusableRowError]) -> dict[int, SnapshotInfo]:
        """The rows that can be stored, by their numbers."""
        report, items = self.report, dict[int, SnapshotInfo]()
        for row in batch:
            report.rows += 1
            try:
                if isinstance(row, UnusableRowError):
                    raise row
                item = parse_snapshot_row(row)
            except UnusableRowError as error:
                report.leave_out("cannot be read", report.rows, str(error))
                continue
            except Exception as error:
                logger.error("internal error: a row is not read", exc_info=without_secrets(error))
                report.leave_out("cannot be read", report.rows, "internal error")
                continue
            repo_id, hints = item.info.canonical_id, item.info.hints
            if hints.private:
                report.leave_out("private", report.rows, f"{repo_id} is private: only the Hub tells who may see it")
            elif hints.disabled:
                report.leave_out("disabled", report.rows, f"{repo_id} has been disabled by the Hub")
            else:
                items[report.rows] = item
        return items

    def _add(self, rows: Rows, row_number: int, item: SnapshotInfo, known: SameCommit | None) -> None:
        info = item.info
        if known is not None and known.ref.checked_at_s >= self._seen_at_s and not _lacks(known.ref.decision()):
            self.report.known += 1
            return
        if known is not None:
            info = keep_weight_size(info, known.ref)
        commit: CommitFacts | None = None
        decision = known.decision if known is not None else None
        try:
            if decision is None:
                commit = mark_unseen(
                    reuse_files(info, known.facts if known is not None else None),
                    info.hints,
                    self._registry,
                    *item.unseen,
                )
                if known is not None and self._has_as_much(known, commit):
                    self.report.known += 1
                    return
                decision = decide_facts(RepoFacts(commit=commit, hints=info.hints), self._registry, None, None)
            fetched = build_fetched_repo(info, commit)
            record = build_record(
                (info.canonical_id,),
                DEFAULT_REVISION,
                fetched,
                decision,
                origin=self._origin,
                decided_by=self._decision_key,
            )
            rows.add(record)
        except (ResolveError, OversizedValueError) as error:
            self.report.leave_out("cannot be stored", row_number, f"{info.canonical_id}: {error}")
            return
        self.report.stored += 1
        self.report.partial += _lacks(decision)

    def _has_as_much(self, known: SameCommit, commit: CommitFacts) -> bool:
        """Whether the store has more of a commit than a row, or as much, and checked as late."""
        if known.facts is None:
            return False
        missing, stored = set(commit.unseen), set(known.facts.unseen)
        return bool(missing - stored) or (missing == stored and known.ref.checked_at_s >= self._seen_at_s)


def _lacks(decision: Decision | None) -> bool:
    return decision is None or bool(decision.partial)
