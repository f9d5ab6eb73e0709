"""`LargeBodyPermit`: few large responses are in memory at a time, from when they are read until they are done with."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

MAX_LARGE_BODIES = 2
"""Repos, and pages, whose large bodies are in memory at a time."""


class LargeBodyPermit:
    """The permission of one repo, or of one page, to have large bodies in memory. One covers all bodies of the repo."""

    def __init__(self, semaphore: asyncio.Semaphore) -> None:
        self._semaphore = semaphore
        self._acquiring = asyncio.Lock()
        self.is_held = False

    async def acquire(self) -> None:
        """Wait until there are few enough others."""
        if self.is_held:
            return
        async with self._acquiring:
            if not self.is_held:
                await self._semaphore.acquire()
                self.is_held = True

    def release(self) -> None:
        """Let others have it."""
        if self.is_held:
            self.is_held = False
            self._semaphore.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
