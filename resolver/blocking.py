"""Resolves for callers without an event loop, or inside one that they cannot await in.

`resolve` is for one repo, with a resolver of its own. `BackgroundResolver` keeps resolvers open on one event loop in
one thread: it starts with the first call and ends with `close`, or with the process. Answers are stored before a call
returns, so that an end at any moment loses nothing.
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


@dataclass(slots=True)
class _OpenResolver:
    resolver: asyncio.Task[Resolver]
    users: int = 0


class BackgroundResolver:
    """Runs work with a resolver, from any thread; a call blocks its own thread only.

    Open settings are read from the environment at each call, so that a change of it counts from then on. A forked child
    gets a thread of its own.
    """

    def __init__(self, *, max_open: int = 8) -> None:
        """`max_open`: resolvers, each with its own settings, that are kept open; the least recently used is closed
        first.
        """
        self._max_open = max_open
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._executor: ThreadPoolExecutor | None = None
        self._open: OrderedDict[Hashable, _OpenResolver] = OrderedDict()
        atexit.register(_close_background, weakref.ref(self))
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_ResetAfterFork(self))

    def run(self, settings: Settings, work: Callable[[Resolver], Awaitable[T]]) -> T:
        """The result of `work(resolver)`, with a resolver of these settings; blocks until it is there.

        Raises:
            RuntimeError: called from `work` itself, which would wait for its own end; or closed during the call.
            SettingsError, StoreError: the resolver cannot be opened.
        """
        self._check_thread()
        with self._lock:
            loop = self._start_loop()
            future = asyncio.run_coroutine_threadsafe(self._run(settings, work), loop)
        try:
            return future.result()
        except CancelledError:
            raise RuntimeError("the resolver was closed while it worked on this call") from None
        finally:
            # The caller no longer waits, for example after an interrupt from the keyboard.
            future.cancel()

    def close(self) -> None:
        """Cancel the work under way, close all resolvers and end the thread; a later call starts a new one."""
        self._check_thread()
        with self._lock:
            loop, thread, executor = self._loop, self._thread, self._executor
            self._loop = self._thread = self._executor = None
            if loop is None or thread is None or executor is None:
                return
            asyncio.run_coroutine_threadsafe(self._close_all(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            executor.shutdown()
            loop.close()

    def _check_thread(self) -> None:
        if threading.current_thread() is self._thread:
            raise RuntimeError("work on the background thread cannot wait for that thread; await the resolver instead")

    def _start_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            # Its own executor: asyncio would start a thread to end the default one, which an ending process must not.
            self._executor = ThreadPoolExecutor(thread_name_prefix="hubresolve")
            self._loop.set_default_executor(self._executor)
            # A daemon, since the process may end without `close`; `atexit` closes it then.
            self._thread = threading.Thread(target=self._loop.run_forever, name="hubresolve", daemon=True)
            self._thread.start()
        return self._loop

    async def _run(self, settings: Settings, work: Callable[[Resolver], Awaitable[T]]) -> T:
        entry = await self._use(settings)
        try:
            await self._close_unused()
            return await work(await asyncio.shield(entry.resolver))
        finally:
            entry.users -= 1

    async def _use(self, settings: Settings) -> _OpenResolver:
        filled = settings.fill()
        token = await asyncio.to_thread(find_token, filled.token, offline=filled.offline)
        settings = replace(settings, token=token or False)
        # Registries are compared by identity: comparing their content takes longer than a request.
        key = (repr(replace(filled, registry=None)), id(filled.registry), token)
        entry = self._open.get(key)
        if entry is None or _has_failed(entry.resolver):
            entry = self._open[key] = _OpenResolver(asyncio.ensure_future(Resolver(settings).__aenter__()))
        entry.users += 1
        self._open.move_to_end(key)
        return entry

    async def _close_unused(self) -> None:
        idle = [key for key, entry in self._open.items() if entry.users == 0]
        for key in idle[: max(0, len(self._open) - self._max_open)]:
            await _close_one(self._open.pop(key))

    async def _close_all(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        while self._open:
            await _close_one(self._open.popitem()[1])
        loop = asyncio.get_running_loop()
        await loop.shutdown_asyncgens()


class _ResetAfterFork:
    """Gives a forked child a state of its own: it has the parent's memory but not its threads."""

    def __init__(self, background: BackgroundResolver) -> None:
        self._background = weakref.ref(background)

    def __call__(self) -> None:
        background = self._background()
        if background is not None:
            _leak((background._loop, background._thread, background._executor, background._open))
            background._lock = threading.Lock()
            background._loop = background._thread = background._executor = None
            background._open = OrderedDict()


def _leak(value: object) -> None:
    """Keep `value` alive for ever. A loop and sockets that a child inherits belong to the parent: closing them in the
    child would also remove them from the parent's selector.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))


def _has_failed(task: asyncio.Task[Resolver]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


async def _close_one(entry: _OpenResolver) -> None:
    if not entry.resolver.done() or _has_failed(entry.resolver):
        return
    try:
        await entry.resolver.result().__aexit__(None, None, None)
    except Exception as error:
        # An ending process has no threads to wait in any more; answers are stored already.
        logger.debug("a resolver could not be closed: %r", error)


def _close_background(reference: weakref.ref[BackgroundResolver]) -> None:
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
        ResolveError: the kind says what can be done about it.
        StoreError: the store cannot be opened, or is not a store of this program.
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
