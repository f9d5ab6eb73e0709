"""Runs the work of a command in an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from resolver.cli.exits import INTERRUPTED


def run(work: Coroutine[Any, Any, int]) -> int:
    """Run `work` in an event loop and return its exit code.

    SIGINT and SIGTERM cancel it, which stores what was answered; a second one ends the process at once.
    """

    # Imported objects stay until the end: freezing them keeps the garbage collector from scanning them.
    gc.freeze()
    gc.enable()

    async def run_interruptible() -> int:
        task = asyncio.current_task()
        assert task is not None
        # Windows has no signal handlers in the loop: there Python's own interrupt the program.
        with contextlib.suppress(NotImplementedError):
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, _interrupt, task)
        return await work

    return asyncio.run(run_interruptible())


def _interrupt(task: asyncio.Task[int]) -> None:
    if not task.cancelling():
        task.cancel()
        return
    from resolver.cli.messages import show_message

    show_message("ended at once; what is not stored yet is resolved again by the same command")
    sys.stderr.flush()
    os._exit(INTERRUPTED)
