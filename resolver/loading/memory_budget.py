"""`MemoryBudget`: limits the bytes of the models in memory.

A model counts from when it is loaded until nothing refers to it any more; `Loaded.release` alone does not free it.
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
    """`max_bytes` is None for no limit. `would_deadlock` returns whether no model can be released any more, because the
    consumer itself waits for the next one.
    """

    def __init__(self, max_bytes: int | None, would_deadlock: Callable[[], bool]) -> None:
        self._max_bytes = max_bytes
        self._would_deadlock = would_deadlock
        self._reservations: dict[int, tuple[str, int]] = {}
        self._next_key = 0
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    @property
    def resident_bytes(self) -> int:
        """The bytes of all models that are still referenced."""
        return sum(size for _, size in list(self._reservations.values()))

    def reserve(self, model: Any, name: str, size_bytes: int) -> bool:
        """Count a model that was just loaded, until it is garbage collected; whether the total is within the budget."""
        self._next_key += 1
        key = self._next_key
        self._reservations[key] = (name, size_bytes)
        weakref.finalize(model, self._free, key).atexit = False
        return self._max_bytes is None or self.resident_bytes <= self._max_bytes

    def notify(self) -> None:
        """Wake `wait_for`: a model was released, or the next one is requested. May be called from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nothing waits
            self._loop.call_soon_threadsafe(self._changed.set)

    async def wait_for(self, size_bytes: int, resolution: Resolution) -> None:
        """Wait until `size_bytes` more are within the budget.

        Raises:
            MemoryBudgetError: they are more than the whole budget, or waiting would deadlock.
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
            # Models in reference cycles are freed only by the garbage collector.
            await asyncio.to_thread(gc.collect)
            if self.resident_bytes + size_bytes <= self._max_bytes:
                return
            if self._would_deadlock():
                names = ", ".join(name for name, _ in self._reservations.values())
                raise MemoryBudgetError(
                    f"{resolution.repo_id} ({size_bytes} bytes) does not fit into max_resident_bytes "
                    f"({self._max_bytes}) while something still refers to {names}: delete these references before you "
                    "request the next model",
                    resolution=resolution,
                )
            await self._changed.wait()

    def _free(self, key: int) -> None:
        self._reservations.pop(key, None)
        self.notify()
