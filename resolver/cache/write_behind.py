"""Writes what was learned, much of it in one transaction, without anyone waiting longer than for that."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial

from resolver.lookup.outcome import Stored, until_stored
from store.errors import StoreError
from store.records import Record
from store.rows import Rows
from store.store import MetadataStore

logger = logging.getLogger(__name__)

GATHER_S = 0.1
ENOUGH_RECORDS = 500

MADE_AT_ONCE = 32
"""A few milliseconds' work, after which others of the loop should have their turn."""


class WriteBehind:
    """Puts records into the store as they come.

    They are made some at a time, which takes two thirds as long as each between two answers of the Hub, and are kept as
    rows until the database has time for them. Records that come within `GATHER_S` of each other share a transaction,
    whose cost is the same for one record as for a hundred; but nobody waits when no more are coming. A store that fails
    is reported once and does not fail the answer. `watch` is told of all records, before they are stored.
    """

    def __init__(
        self,
        store: MetadataStore,
        more_are_coming: Callable[[], bool],
        watch: Callable[[Sequence[Record]], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._watch = watch
        self._more_are_coming = more_are_coming
        self._waiting: list[Callable[[], Record]] = []
        self._rows = Rows()
        self._stored: Stored | None = None
        self._writing: asyncio.Task[None] | None = None
        self._has_failed = False

    def hand_over(self, make: Callable[[], Record]) -> Stored:
        """Have the record that `make` gives stored, soon and with others; what is given tells when."""
        self._waiting.append(make)
        if len(self._waiting) >= MADE_AT_ONCE:
            self._make()
        if self._stored is None:
            self._stored = asyncio.get_running_loop().create_future()
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        return self._stored

    async def record(self, *records: Record) -> None:
        """Store `records`; when this returns they outlive the process."""
        stored: Stored | None = None
        for record in records:
            stored = self.hand_over(partial(_itself, record))
        await until_stored(stored)

    async def close(self) -> None:
        """Wait until everything handed over is stored."""
        while self._writing is not None:
            await asyncio.wait([self._writing])

    def _make(self) -> None:
        makers, self._waiting = self._waiting, []
        records = list[Record]()
        for make in makers:
            try:
                records.append(make())
            except Exception:
                logger.exception("an answer is not remembered, for a reason that was not foreseen")
        self._watch(records)
        for record in records:
            try:
                self._rows.add(record)
            except Exception:
                logger.exception("an answer is not remembered, for a reason that was not foreseen")

    async def _write(self) -> None:
        try:
            while self._stored is not None:
                await self._gather()
                self._make()
                rows, self._rows = self._rows, Rows()
                stored, self._stored = self._stored, None
                try:
                    await self._store.put_rows(rows)
                except StoreError as error:
                    if not self._has_failed:
                        logger.warning("answers are not remembered: %s", error)
                    self._has_failed = True
                except Exception:
                    logger.exception("answers are not remembered, for a reason that was not foreseen")
                finally:
                    # Nobody is to wait for what will not come.
                    if not stored.done():
                        stored.set_result(None)
        finally:
            self._writing = None

    async def _gather(self) -> None:
        until_s = time.monotonic() + GATHER_S
        while self._count() < ENOUGH_RECORDS and self._more_are_coming() and time.monotonic() < until_s:  # noqa: ASYNC110
            await asyncio.sleep(GATHER_S / 10)

    def _count(self) -> int:
        return len(self._rows.refs) + len(self._waiting)


def _itself(record: Record) -> Record:
    return record
