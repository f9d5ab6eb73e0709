"""Runs the work of a command in an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import Coroutine
from typing import Any


def run(work: Coroutine[Any, Any, int]) -> int:
    """Run `work` in an event loop and return its exit code. SIGTERM interrupts it as Ctrl-C does."""

    # Imported objects stay until the end: freezing them keeps the garbage collector from scanning them.
    gc.freeze()
    gc.enable()

    async def run_interruptible() -> int:
        task = asyncio.current_task()
        if task is not None:
            # Windows has no signal handlers in the loop; there SIGTERM ends the process at once.
            with contextlib.suppress(NotImplementedError):
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    return asyncio.run(run_interruptible())
