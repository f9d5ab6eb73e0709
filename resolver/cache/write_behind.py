"""`WriteBehind`: collects records and stores them in few transactions; they can be read before they are stored."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace

from resolver.redaction import without_secrets
from store.codec import OversizedValueError
from store.errors import StoreAwayError, StoreBusyError, StoreError
from store.records import Record
from store.rows import Rows
from store.store import MetadataStore

logger = logging.getLogger(__name__)

Stored = asyncio.Future[None]
"""Done when a record is stored, or cannot be, or another process keeps the store locked. Many callers share it: wait
for it with `until_done`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteBehindLimits:
    """`gather_s`: how long records are collected for one transaction, which costs the same for one as for a hundred.
    `locked_gather_s`: the same where each record has an advisory lock until it is stored: a process has few of them.
    `max_records`: so many are stored at once, without waiting for more. `encode_batch`: so many records are turned into
    rows in one go. `max_recent_refs`: names of refs put last that are remembered after they are stored.

    Where another process holds the store's lock for longer than `lock_wait_s` (it may have been stopped), nobody waits
    for a record to be stored; at most `max_unstored` records are kept until the lock is free, and `close` waits for it
    for `close_wait_s`. The same holds for a database that cannot be reached, which is tried every `away_pause_s`.
    """

    gather_s: float = 0.1
    locked_gather_s: float = 0.01
    max_records: int = 500
    encode_batch: int = 32
    max_recent_refs: int = 4_096
    lock_wait_s: float = 3.0
    max_unstored: int = 10_000
    close_wait_s: float = 5.0
    away_pause_s: float = 1.0


DEFAULT_LIMITS = WriteBehindLimits()

RefName = tuple[str, str]
"""Repo id and revision, as requested."""


class UnstoredRecord(NamedTuple):
    """A record without its facts, and when it is stored."""

    record: Record
    stored: Stored


class WriteBehind:
    """A write-behind buffer in front of the store.

    Records that come within `gather_s` of each other share a transaction; nobody waits when no more are expected
    (`begin_producing`). A store that fails is logged once, and does not fail the answers; one that another process
    keeps locked does not delay them either.
    """

    def __init__(self, store: MetadataStore, limits: WriteBehindLimits = DEFAULT_LIMITS) -> None:
        self._store = store
        self._limits = limits
        self._unencoded: list[Record] = []
        self._rows = Rows()
        self._batch: dict[RefName, Record] = {}
        self._stored: Stored | None = None
        self._batch_in_write: dict[RefName, Record] = {}
        self._stored_in_write: Stored | None = None
        self._recent: OrderedDict[RefName, None] = OrderedDict()
        self._writer: asyncio.Task[None] | None = None
        self._producers = 0
        self._has_failed = False
        self._is_locked = False
        self._closing_at_s: float | None = None
        self.lost = 0
        """Records that were not stored, since the store was locked or out of reach for too long."""

    def put(self, record: Record) -> Stored:
        """Store the record soon, with others; the future is done when it is stored."""
        if self._is_locked and self._count() >= self._limits.max_unstored:
            return self._lose(1)
        self._unencoded.append(record)
        if len(self._unencoded) >= self._limits.encode_batch:
            self._encode()
        if self._stored is None:
            self._stored = asyncio.get_running_loop().create_future()
            if self._is_locked:
                self._stored.set_result(None)
        if record.ref_keys:
            self._remember(record)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        return self._stored

    async def put_all(self, *records: Record) -> None:
        """Store `records`; when this returns they outlive the process."""
        stored: Stored | None = None
        for record in records:
            stored = self.put(record)
        await until_done(stored)

    @property
    def has_unstored(self) -> bool:
        """Whether any record of a ref is not stored yet."""
        return bool(self._batch or self._batch_in_write)

    def find(self, repo_id: str, revision: str) -> UnstoredRecord | None:
        """The latest record of a ref, where it is not stored yet: reading the store would miss it."""
        name = (repo_id, revision)
        if (record := self._batch.get(name)) is not None and self._stored is not None:
            return UnstoredRecord(record, self._stored)
        if (record := self._batch_in_write.get(name)) is not None and self._stored_in_write is not None:
            return UnstoredRecord(record, self._stored_in_write)
        return None

    def was_put_lately(self, repo_id: str, revision: str) -> bool:
        """Whether a record of the ref was put, so that an earlier read of the store may have missed it."""
        return (repo_id, revision) in self._recent

    def begin_producing(self) -> None:
        """More records are expected until `end_producing`: a transaction waits for them for up to `gather_s`."""
        self._producers += 1

    def end_producing(self) -> None:
        """No more records from this producer."""
        self._producers -= 1

    async def close(self) -> None:
        """Wait until all records are stored, or until the store was locked for too long."""
        self._closing_at_s = time.monotonic()
        while self._writer is not None:
            await asyncio.wait([self._writer])
        if self.lost:
            logger.warning("%d answers are not stored: the store is locked, or cannot be reached", self.lost)

    def _remember(self, record: Record) -> None:
        # Without facts: they are large, and the garbage collector would walk through them.
        record = replace(record, facts=None)
        if record.is_hidden and not record.is_revision_only:
            self._forget_repo(record)
        for key in record.ref_keys:
            name = (key.repo_id, key.revision)
            self._batch[name] = record
            self._recent[name] = None
        while len(self._recent) > self._limits.max_recent_refs:
            self._recent.popitem(last=False)

    def _forget_repo(self, record: Record) -> None:
        """Forget earlier records of a repo that is hidden now, under any of its names: the store does not keep them."""
        names = {name.lower() for name in record.names}
        for batch in (self._batch, self._batch_in_write):
            hidden = [key for key, earlier in batch.items() if not names.isdisjoint(map(str.lower, earlier.names))]
            for key in hidden:
                del batch[key]

    def _lose(self, count: int) -> Stored:
        """Count records that are not stored; a future that is done."""
        self.lost += count
        stored: Stored = asyncio.get_running_loop().create_future()
        stored.set_result(None)
        return stored

    def _encode(self) -> None:
        """Turn records into rows. Some at a time take two thirds as long as each between two responses of the Hub."""
        records, self._unencoded = self._unencoded, []
        for record in records:
            try:
                self._rows.add(record)
            except OversizedValueError as error:
                logger.warning("the answer for %s is not stored: %s", next(iter(record.names), "a repo"), error)
            except Exception as error:
                logger.error("internal error: an answer is not stored", exc_info=without_secrets(error))

    async def _write(self) -> None:
        try:
            while self._stored is not None:
                await self._gather()
                self._encode()
                rows, self._rows = self._rows, Rows()
                self._batch_in_write, self._batch = self._batch, {}
                self._stored_in_write = stored = self._stored
                self._stored = None
                try:
                    await self._put(rows, stored)
                except StoreError as error:
                    if not self._has_failed:
                        logger.warning("answers are not stored: %s", error)
                    self._has_failed = True
                except Exception as error:
                    logger.error("internal error: answers are not stored", exc_info=without_secrets(error))
                finally:
                    # Also after a failure: nobody must wait for ever.
                    if not stored.done():
                        stored.set_result(None)
                    self._batch_in_write, self._stored_in_write = {}, None
        finally:
            self._writer = None

    async def _put(self, rows: Rows, stored: Stored) -> None:
        """Store `rows`, however long another process holds the lock, or the database cannot be reached; callers stop
        waiting after `lock_wait_s`.
        """
        while True:
            try:
                await self._store.put_rows(rows, lock_wait_s=0 if self._is_locked else self._limits.lock_wait_s)
            except (StoreBusyError, StoreAwayError) as error:
                if not self._is_locked:
                    logger.warning("answers are stored later: %s", error)
                self._is_locked = True
                for waited in (stored, self._stored):
                    if waited is not None and not waited.done():
                        waited.set_result(None)
                if self._is_given_up():
                    self._lose(len(rows.refs))
                    return
                if isinstance(error, StoreAwayError):
                    await asyncio.sleep(self._limits.away_pause_s)
            else:
                self._is_locked = False
                logger.debug("%d refs are stored", len(rows.refs))
                return

    def _is_given_up(self) -> bool:
        closing_at_s = self._closing_at_s
        return closing_at_s is not None and time.monotonic() - closing_at_s >= self._limits.close_wait_s

    async def _gather(self) -> None:
        limits = self._limits
        gather_s = limits.locked_gather_s if self._store.has_other_workers else limits.gather_s
        until_s = time.monotonic() + gather_s
        while self._count() < limits.max_records and self._producers and time.monotonic() < until_s:  # noqa: ASYNC110
            await asyncio.sleep(gather_s / 10)

    def _count(self) -> int:
        return len(self._rows.refs) + len(self._unencoded)


async def until_done(future: asyncio.Future[None] | None) -> None:
    """Wait for a future that others may wait for too: a cancelled caller ends only its own waiting."""
    if future is not None and not future.done():
        await asyncio.wait([future])
