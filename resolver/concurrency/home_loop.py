"""`HomeLoop`: the event loop and process in which something was opened, and must be used."""

from __future__ import annotations

import asyncio
import os


class HomeLoop:
    """Connections, locks and futures work in one event loop only; in a forked process the threads behind them are
    missing, so that waiting for them would never end.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0
        self._was_open = False

    def enter(self) -> None:
        """The running event loop is the home from now on."""
        self._loop, self._pid, self._was_open = asyncio.get_running_loop(), os.getpid(), True

    def leave(self) -> None:
        """There is no home any more."""
        self._loop = None

    @property
    def is_foreign_process(self) -> bool:
        """Whether this process was forked from the home."""
        return self._loop is not None and self._pid != os.getpid()

    def find_problem(self) -> str | None:
        """Why nothing can be done here, in words that follow a name; None at home."""
        try:
            # A forked process has no running loop, even inside the coroutine that forked it.
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        if loop is not None and loop is self._loop:
            return None
        if self._loop is None:
            return "is closed" if self._was_open else "is not open; use it inside `async with`"
        if self.is_foreign_process:
            return (
                "was opened before this process was forked from another one: open one in each process, after the fork"
            )
        closed = ", which is closed" if self._loop.is_closed() else ""
        return f"belongs to the event loop that opened it{closed}: open another one in this event loop"
