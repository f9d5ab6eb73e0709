"""`HomeLoop`: the event loop and process in which something was opened, and must be used."""

from __future__ import annotations

import asyncio
import os
import weakref

from resolver.concurrency.forking import keep_for_ever, unshare_loop

_homes: weakref.WeakSet[HomeLoop] = weakref.WeakSet()


class HomeLoop:
    """Connections, locks and futures work in one event loop only; in a forked process the threads behind them are
    missing, so that waiting for them would never end.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._owner: object = None
        self._pid = 0
        self._was_open = False

    def enter(self, owner: object = None) -> None:
        """The running event loop is the home from now on. What `owner` has open is never closed in a forked child."""
        self._loop, self._pid, self._was_open = asyncio.get_running_loop(), os.getpid(), True
        self._owner = owner
        _homes.add(self)

    def leave(self) -> None:
        """There is no home any more."""
        self._loop = self._owner = None
        _homes.discard(self)

    def _after_fork(self) -> None:
        """In a forked child: what is open is the parent's."""
        keep_for_ever(self._owner)
        if self._loop is not None:
            unshare_loop(self._loop)

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


def _reset_homes() -> None:
    for home in list(_homes):
        home._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_homes)
