"""Writes what was learned, much of it in one transaction, without anyone waiting longer than for that."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial

from resolver.outcome import Stored, until_stored
from store.errors import StoreError
from store.records import Record
from store.store import MetadataStore

logger = logging.getLogger(__name__)

GATHER_S = 0.1
ENOUGH_RECORDS = 500

BATCHES_AT_ONCE = 2

MADE_AT_ONCE = 64


class Recorder:
    """Puts records into the store as they come.

    They are made when they are stored, all at once, which takes half as long as each between two answers of the Hub.
    Records that come within `GATHER_S` of each other share a transaction, whose cost is the same for one record as for
    a hundred; but nobody waits when no more are coming. While one batch waits for the database, the next is made. A
    store that fails is reported once and does not fail the answer. `watch` is told of all records, before they are
    stored.
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
        self._stored: Stored | None = None
        self._is_gathering = False
        self._batches: set[asyncio.Task[None]] = set()
        self._has_failed = False

    def hand_over(self, make: Callable[[], Record]) -> Stored:
        """Have the record that `make` gives stored, soon and with others; what is given tells when."""
        self._waiting.append(make)
        if self._stored is None:
            self._stored = asyncio.get_running_loop().create_future()
            self._begin()
        return self._stored

    async def record(self, *records: Record) -> None:
        """Store `records`; when this returns they outlive the process."""
        stored: Stored | None = None
        for record in records:
            stored = self.hand_over(partial(_itself, record))
        await until_stored(stored)

    async def close(self) -> None:
        """Wait until everything handed over is stored."""
        while self._batches:
            await asyncio.wait(self._batches)

    def _begin(self) -> None:
        if self._waiting and not self._is_gathering and len(self._batches) < BATCHES_AT_ONCE:
            self._is_gathering = True
            batch = asyncio.create_task(self._store_batch())
            self._batches.add(batch)
            batch.add_done_callback(self._end)

    def _end(self, batch: asyncio.Task[None]) -> None:
        self._batches.discard(batch)
        self._begin()

    async def _store_batch(self) -> None:
        try:
            await self._gather()
        finally:
            makers, self._waiting = self._waiting, []
            stored, self._stored = self._stored, None
            self._is_gathering = False
        try:
            records = await _made(makers)
            self._watch(records)
            await self._store.put(records)
        except StoreError as error:
            if not self._has_failed:
                logger.warning("answers are not remembered: %s", error)
            self._has_failed = True
        finally:
            if stored is not None and not stored.done():
                stored.set_result(None)

    async def _gather(self) -> None:
        until_s = time.monotonic() + GATHER_S
        while len(self._waiting) < ENOUGH_RECORDS and self._more_are_coming() and time.monotonic() < until_s:  # noqa: ASYNC110
            await asyncio.sleep(GATHER_S / 10)


async def _made(makers: Sequence[Callable[[], Record]]) -> list[Record]:
    records = []
    for start in range(0, len(makers), MADE_AT_ONCE):
        records += [make() for make in makers[start : start + MADE_AT_ONCE]]
        # Others who have something to do are let through.
        await asyncio.sleep(0)
    return records


def _itself(record: Record) -> Record:
    return record
