"""Writes what was learned, many records in one transaction, without anyone waiting longer than for that."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from store.errors import StoreError
from store.records import Record
from store.store import MetadataStore

logger = logging.getLogger(__name__)


class Recorder:
    """Puts records into the store as they come.

    While one transaction is under way the next records gather; they share the next one. `record` returns when its
    records are stored. A store that fails is reported once and does not fail the answer.
    """

    def __init__(self, store: MetadataStore) -> None:
        self._store = store
        self._waiting: list[tuple[Sequence[Record], asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None
        self._has_failed = False

    async def record(self, *records: Record) -> None:
        """Store `records`; when this returns they outlive the process."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((records, stored))
        if self._task is None:
            self._task = asyncio.create_task(self._write())
        await stored

    async def close(self) -> None:
        """Wait until everything handed over is stored."""
        while self._task is not None:
            await asyncio.shield(self._task)

    async def _write(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                try:
                    await self._store.put([record for records, _ in batch for record in records])
                except StoreError as error:
                    if not self._has_failed:
                        logger.warning("answers are not remembered: %s", error)
                    self._has_failed = True
                finally:
                    for _, stored in batch:
                        if not stored.done():
                            stored.set_result(None)
        finally:
            self._task = None
