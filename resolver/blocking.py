"""Resolves and loads for callers without an event loop, or inside one that they cannot await in.

`BackgroundResolver` keeps resolvers open on one event loop in one thread: it starts with the first call and ends with
`close`, or with the process. The functions of this module share one. Answers are stored before a call returns, so that
an end at any moment loses nothing.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Hashable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from resolver.answer import Failure
from resolver.concurrency.blocking_iterator import iterate_blocking
from resolver.concurrency.forking import keep_for_ever
from resolver.lookup.request import RequestStream, check_stream
from resolver.resolution import Resolution
from resolver.resolver import Resolver
from resolver.settings import Settings, find_token, read_environment
from resolver.shutdown import explain_shutdown

if TYPE_CHECKING:
    from resolver.loading.loaded import Loaded
    from resolver.loading.options import LoadKwargs

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_KEYS = 256
"""Combinations of settings and environment that are remembered."""


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
        self._keys: dict[tuple[Settings, Hashable], Hashable] = {}
        """Settings and environment -> the key in `_open`: they are filled, and the token is looked up, once."""
        self._work: set[asyncio.Task[Any]] = set()
        """The work under way."""
        atexit.register(_close_background, weakref.ref(self))
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_ResetAfterFork(self))

    def run(self, settings: Settings, work: Callable[[Resolver], Awaitable[T]]) -> T:
        """The result of `work(resolver)`, with a resolver of these settings; blocks until it is there.

        Raises:
            RuntimeError: called from `work` itself, which would wait for its own end; or closed during the call.
            ResolverNotOpenError: the process is ending.
            SettingsError, StoreError: the resolver cannot be opened.
        """
        future = self.submit(settings, work)
        try:
            return future.result()
        except CancelledError:
            raise RuntimeError("the resolver was closed while it worked on this call") from None
        finally:
            # The caller no longer waits, for example after an interrupt from the keyboard.
            future.cancel()

    def submit(self, settings: Settings, work: Callable[[Resolver], Awaitable[T]]) -> Future[T]:
        """As `run`, but returns at once. Cancelling the future cancels the work."""
        self._check_thread()
        with self._lock, explain_shutdown():
            loop = self._start_loop()
            return asyncio.run_coroutine_threadsafe(self._run(settings, work), loop)

    def find_cached(
        self, settings: Settings, repo_id: str, revision: str | None, task: str | None, library: str | None
    ) -> Resolution | None:
        """The answer that an open resolver of these settings has in its answer cache; None where there is none."""
        entry = self._open.get(self._keys.get((settings, read_environment(settings))))
        if entry is None or not entry.resolver.done() or _has_failed(entry.resolver):
            return None
        return entry.resolver.result().find_cached(repo_id, revision, task, library)

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
        task = asyncio.current_task()
        assert task is not None
        self._work.add(task)
        try:
            with explain_shutdown():
                return await self._run_with_resolver(settings, work)
        finally:
            self._work.discard(task)

    async def _run_with_resolver(self, settings: Settings, work: Callable[[Resolver], Awaitable[T]]) -> T:
        entry = await self._use(settings)
        try:
            if len(self._open) > self._max_open:
                await self._close_unused()
            # A resolver that is open is not awaited: that would cost each call a turn of the loop.
            opened = entry.resolver.done() and not _has_failed(entry.resolver)
            return await work(entry.resolver.result() if opened else await asyncio.shield(entry.resolver))
        finally:
            entry.users -= 1

    async def _use(self, settings: Settings) -> _OpenResolver:
        asked = (settings, read_environment(settings))
        key = self._keys.get(asked)
        entry = self._open.get(key)
        if entry is None or _has_failed(entry.resolver):
            filled = settings.fill()
            token = await asyncio.to_thread(find_token, filled.token, offline=filled.offline)
            # Equal settings that come from elsewhere share a resolver.
            key = (replace(filled, token=token or False), str(filled.store))
            entry = self._open.get(key)
            if len(self._keys) >= MAX_KEYS:
                self._keys.clear()
            self._keys[asked] = key
        if entry is None or _has_failed(entry.resolver):
            opening = Resolver(replace(settings, token=token or False)).__aenter__()
            entry = self._open[key] = _OpenResolver(asyncio.ensure_future(opening))
        entry.users += 1
        self._open.move_to_end(key)
        return entry

    async def _close_unused(self) -> None:
        idle = [key for key, entry in self._open.items() if entry.users == 0]
        for key in idle[: max(0, len(self._open) - self._max_open)]:
            await _close_one(self._open.pop(key))

    async def _close_all(self) -> None:
        # Only the work, and resolvers that are being opened: an open resolver ends its own tasks, and one of these may
        # store answers that wait for a database that is locked or away.
        await _cancel({*self._work, *(entry.resolver for entry in self._open.values() if not entry.resolver.done())})
        while self._open:
            await _close_one(self._open.popitem()[1])
        # What cancelled work has left behind.
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await _cancel(others)
        await asyncio.get_running_loop().shutdown_asyncgens()


class _ResetAfterFork:
    """Gives a forked child a state of its own: it has the parent's memory but not its threads."""

    def __init__(self, background: BackgroundResolver) -> None:
        self._background = weakref.ref(background)

    def __call__(self) -> None:
        background = self._background()
        if background is not None:
            keep_for_ever(
                (background._loop, background._thread, background._executor, background._open, background._work)
            )
            background._lock = threading.Lock()
            background._loop = background._thread = background._executor = None
            background._open = OrderedDict()
            background._keys = {}
            background._work = set()


def _has_failed(task: asyncio.Task[Resolver]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


async def _cancel(tasks: Collection[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


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


_shared = BackgroundResolver()
"""The resolvers behind the functions below."""


def close() -> None:
    """Close the resolvers behind the functions of this module; the next call opens one again."""
    _shared.close()


DEFAULT_SETTINGS = Settings()

MAX_AHEAD = 512
"""Answers of `resolve_many` that are made before they are requested."""


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

    The resolver stays open for later calls with these settings. What is open in them is read from the environment at
    each call. Inside a running event loop the call blocks that loop.

    Raises:
        ResolveError: the kind says what can be done about it.
        StoreError: the store cannot be opened, or is not a store of this program.
    """
    if not subfolder and isinstance(repo_id, str):
        # An answer of the answer cache needs no other thread (`benchmarks/blocking.py`).
        cached = _shared.find_cached(settings or DEFAULT_SETTINGS, repo_id, revision, task, library)
        if cached is not None:
            return cached

    async def work(resolver: Resolver) -> Resolution:
        return await resolver.resolve(repo_id, revision, task, library=library, subfolder=subfolder)

    return _shared.run(settings or DEFAULT_SETTINGS, work)


def resolve_many(
    ids: RequestStream,
    *,
    revision: str | None = None,
    task: str | None = None,
    library: str | None = None,
    subfolder: str = "",
    ordered: bool = True,
    settings: Settings | None = None,
) -> Iterator[Resolution | Failure]:
    """An answer for each of `ids`, as `Resolver.resolve_many` gives them; each step blocks until one is there.

    An iterator is read in the caller's thread, some ids ahead. Leaving the loop early cancels the work under way.

    Raises:
        TypeError: `ids` is a single id; use `resolve`.
        UnknownTaskError: the registry does not know `task` or `library`.
        StoreError: the store cannot be opened, or is not a store of this program.
    """
    check_stream(ids)

    def start(resolver: Resolver, ids: RequestStream) -> AsyncGenerator[Resolution | Failure]:
        return resolver.resolve_many(
            ids, revision=revision, task=task, library=library, subfolder=subfolder, ordered=ordered
        )

    return iterate_blocking(partial(_shared.submit, settings or DEFAULT_SETTINGS), start, ids, ahead=MAX_AHEAD)


def load(
    repo_id: str,
    revision: str | None = None,
    task: str | None = None,
    *,
    settings: Settings | None = None,
    **options: Unpack[LoadKwargs],
) -> Any:
    """The model itself, as `Resolver.load` gives it; blocks until it is loaded.

    Raises:
        ResolveError: the repo cannot be resolved, or its files cannot be fetched.
        ModelLoadError: it cannot be loaded here; the kind says why.
        StoreError: the store cannot be opened, or is not a store of this program.
    """

    async def work(resolver: Resolver) -> Any:
        return await resolver.load(repo_id, revision, task, **options)

    return _shared.run(settings or DEFAULT_SETTINGS, work)


def load_many(
    ids: RequestStream,
    *,
    revision: str | None = None,
    task: str | None = None,
    ordered: bool = True,
    max_resident_bytes: int | None = None,
    settings: Settings | None = None,
    **options: Unpack[LoadKwargs],
) -> Iterator[Loaded | Failure]:
    """A `Loaded` or a `Failure` for each of `ids`, as `Resolver.load_many` gives them; each step blocks until one is
    there. The last model is released when the next one is requested, unless it is kept.

    Raises:
        TypeError: `ids` is a single id; use `load`.
        StoreError: the store cannot be opened, or is not a store of this program.
    """
    check_stream(ids)

    def start(resolver: Resolver, ids: RequestStream) -> AsyncGenerator[Loaded | Failure]:
        return resolver.load_many(
            ids, revision=revision, task=task, ordered=ordered, max_resident_bytes=max_resident_bytes, **options
        )

    # One at a time: a model that is not kept is released when the next one is requested.
    return iterate_blocking(partial(_shared.submit, settings or DEFAULT_SETTINGS), start, ids, ahead=1)
