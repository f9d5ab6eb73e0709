"""MemoryBudget for models in memory: what those that are still referenced take up, against a budget.

A model counts from when it is loaded until nothing refers to it any more; being told to let it go is not enough.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections.abc import Callable
from typing import Any

from resolver.errors import MemoryBudgetError
from resolver.resolution import Resolution


class MemoryBudget:
    """`max_bytes` None: without limit. `must_not_wait` says that nobody will let a model go unless they get another."""

    def __init__(self, max_bytes: int | None, must_not_wait: Callable[[], bool]) -> None:
        self._max_bytes = max_bytes
        self._must_not_wait = must_not_wait
        self._held: dict[int, tuple[str, int]] = {}
        self._next_key = 0
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    @property
    def resident_bytes(self) -> int:
        """What the models that are still there take up."""
        return sum(size for _, size in list(self._held.values()))

    def take(self, model: Any, name: str, size_bytes: int) -> bool:
        """Count a model that was just loaded; whether there is room for it."""
        self._next_key += 1
        key = self._next_key
        self._held[key] = (name, size_bytes)
        weakref.finalize(model, self._gone, key).atexit = False
        return self._max_bytes is None or self.resident_bytes <= self._max_bytes

    def look_again(self) -> None:
        """Something changed: a model was let go, or another one is asked for. Callable from every thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self._changed.set)

    async def wait_for(self, size_bytes: int, resolution: Resolution) -> None:
        """Wait until there is room for so much more.

        Raises:
            MemoryBudgetError: it is more than the whole budget, or waiting is no use.
        """
        if self._max_bytes is None:
            return
        if size_bytes > self._max_bytes:
            raise MemoryBudgetError(
                f"{resolution.repo_id} takes {size_bytes} bytes, more than max_resident_bytes ({self._max_bytes})",
                resolution=resolution,
            )
        while self.resident_bytes + size_bytes > self._max_bytes:
            self._changed.clear()
            # What nobody refers to may still be there, where it refers to itself.
            await asyncio.to_thread(gc.collect)
            if self.resident_bytes + size_bytes <= self._max_bytes:
                return
            if self._must_not_wait():
                names = ", ".join(name for name, _ in self._held.values())
                raise MemoryBudgetError(
                    f"there is no room for {resolution.repo_id} ({size_bytes} bytes of {self._max_bytes}) while "
                    f"something still refers to {names}: delete what refers to it before asking for the next",
                    resolution=resolution,
                )
            await self._changed.wait()

    def _gone(self, key: int) -> None:
        self._held.pop(key, None)
        self.look_again()
