"""Resolvers for callers without an event loop, or inside one that they cannot await in: all on one loop, in one thread.

The thread starts with the first call and ends with `close`, or with the process. Whatever was learned is stored before
a call returns, so that ending at any moment loses nothing.
"""

from __future__ import annotations

import asyncio
import atexit
import ctypes
import logging
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from resolver.resolution import Resolution
from resolver.resolver import Resolver
from resolver.settings import Settings, find_token

logger = logging.getLogger(__name__)

T = TypeVar("T")

MOST_OPEN = 8
"""How many resolvers, each with settings of its own, are kept open; the one unused for longest is closed first."""


@dataclass(slots=True)
class _Open:
    resolver: asyncio.Task[Resolver]
    users: int = 0


class BackgroundResolver:
    """Runs work with a resolver, from any thread; a caller waits, the others go on.

    Settings left open are read from the environment at each call, so that a change of it counts from then on. A forked
    child has a thread of its own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._executor: ThreadPoolExecutor | None = None
        self._open: OrderedDict[Hashable, _Open] = OrderedDict()
        atexit.register(_close, weakref.ref(self))
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_Forget(self))

    def run(self, settings: Settings, work: Callable[[Resolver], Awaitable[T]]) -> T:
        """What `work` gives, called with a resolver of these settings; blocks until it is there.

        Raises:
            RuntimeError: called from within `work` itself, which would wait for its own end, or closed meanwhile.
            SettingsError, StoreError: the resolver cannot be opened.
        """
        self._check_thread()
        with self._lock:
            loop = self._running()
            future = asyncio.run_coroutine_threadsafe(self._work(settings, work), loop)
        try:
            return future.result()
        except CancelledError:
            raise RuntimeError("the resolver was closed while it worked on this call") from None
        finally:
            # Nobody waits any longer: interrupted from the keyboard, say.
            future.cancel()

    def close(self) -> None:
        """End the work under way, close all resolvers and the thread; a later call starts anew."""
        self._check_thread()
        with self._lock:
            loop, thread, executor = self._loop, self._thread, self._executor
            self._loop = self._thread = self._executor = None
            if loop is None or thread is None or executor is None:
                return
            asyncio.run_coroutine_threadsafe(self._end(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            executor.shutdown()
            loop.close()

    def _check_thread(self) -> None:
        if threading.current_thread() is self._thread:
            raise RuntimeError("work on the background thread cannot wait for that thread; await the resolver instead")

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            # One of its own, since asyncio's would start a thread to end it, which an ending process may not.
            self._executor = ThreadPoolExecutor(thread_name_prefix="hubresolve")
            self._loop.set_default_executor(self._executor)
            # A daemon, since the process may end without `close`: it is then closed by `atexit`.
            self._thread = threading.Thread(target=self._loop.run_forever, name="hubresolve", daemon=True)
            self._thread.start()
        return self._loop

    async def _work(self, settings: Settings, work: Callable[[Resolver], Awaitable[T]]) -> T:
        entry = await self._use(settings)
        try:
            await self._close_unused()
            return await work(await asyncio.shield(entry.resolver))
        finally:
            entry.users -= 1

    async def _use(self, settings: Settings) -> _Open:
        filled = settings.filled()
        token = await asyncio.to_thread(find_token, filled.token, offline=filled.offline)
        settings = replace(settings, token=token or False)
        # Two registries count as one only where they are the same object: comparing them takes longer than asking.
        key = (repr(replace(filled, registry=None)), id(filled.registry), token)
        entry = self._open.get(key)
        if entry is None or _has_failed(entry.resolver):
            entry = self._open[key] = _Open(asyncio.ensure_future(Resolver(settings).__aenter__()))
        entry.users += 1
        self._open.move_to_end(key)
        return entry

    async def _close_unused(self) -> None:
        idle = [key for key, entry in self._open.items() if entry.users == 0]
        for key in idle[: max(0, len(self._open) - MOST_OPEN)]:
            await _close_one(self._open.pop(key))

    async def _end(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        while self._open:
            await _close_one(self._open.popitem()[1])
        loop = asyncio.get_running_loop()
        await loop.shutdown_asyncgens()


class _Forget:
    """Called in a forked child, which has the parent's memory but not its threads."""

    def __init__(self, background: BackgroundResolver) -> None:
        self._background = weakref.ref(background)

    def __call__(self) -> None:
        background = self._background()
        if background is not None:
            _keep_for_ever((background._loop, background._thread, background._executor, background._open))
            background._lock = threading.Lock()
            background._loop = background._thread = background._executor = None
            background._open = OrderedDict()


def _keep_for_ever(value: object) -> None:
    """Let `value` never be closed, not even at the end: a loop and its sockets that a child inherits are the parent's,
    and closing them would take them from what the system watches for the parent.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))


def _has_failed(task: asyncio.Task[Resolver]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


async def _close_one(entry: _Open) -> None:
    if not entry.resolver.done() or _has_failed(entry.resolver):
        return
    try:
        await entry.resolver.result().__aexit__(None, None, None)
    except Exception as error:
        # An ending process has no threads to wait in any more; what was learned is stored already.
        logger.debug("a resolver could not be closed as it should be: %r", error)


def _close(reference: weakref.ref[BackgroundResolver]) -> None:
    background = reference()
    if background is not None:
        background.close()


def resolve(
    repo_id: str,
    revision: str | None = None,
    task: str | None = None,
    *,
    library: str | None = None,
    subfolder: str = "",
    settings: Settings | None = None,
) -> Resolution:
    """The answer for one repo or local folder, as `Resolver.resolve` gives it; blocks until it is there.

    Inside a running event loop it uses a thread with a loop of its own, and blocks the caller's loop meanwhile.

    Raises:
        ResolveError: of the kind that says what can be done about it.
        StoreError: the store cannot be opened, or is not one of ours.
    """

    async def work() -> Resolution:
        async with Resolver(settings) as resolver:
            return await resolver.resolve(repo_id, revision, task, library=library, subfolder=subfolder)

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work())
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="hubresolve") as executor:
        return executor.submit(asyncio.run, work()).result()
