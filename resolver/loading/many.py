"""Many models, one after the other: files are fetched ahead, and with a budget models are loaded ahead as well."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from resolver.answer import Failure
from resolver.errors import ModelLoadError, ResolveError
from resolver.loading.loaded import Loaded
from resolver.loading.loader import Loader, Prepared
from resolver.loading.memory_budget import MemoryBudget
from resolver.loading.options import Options
from resolver.resolution import Resolution

logger = logging.getLogger(__name__)

FETCHED_AHEAD = 8
"""Most repos whose files are fetched, or wait for their turn to be loaded."""

LOADED_AHEAD = 2
"""Most models loaded before they are asked for, where a budget says how much may be in memory."""


async def load_all(
    answers: AsyncGenerator[Resolution | Failure],
    loader: Loader,
    options: Options,
    *,
    task: str | None = None,
    ordered: bool = True,
    max_resident_bytes: int | None = None,
) -> AsyncGenerator[Loaded | Failure]:
    """A `Loaded`, or a `Failure`, for each of `answers`: in their order, or else as their files are there.

    The model given last is let go when the next one is asked for, unless it is kept. Without a budget a model is
    loaded when it is asked for, so that no two are in memory that were not kept.
    """
    async with aclosing(_Loading(loader, options, task, ordered, max_resident_bytes).run(answers)) as items:
        async for item in items:
            yield item


class _Loading:
    """One run of `load_all`."""

    def __init__(
        self, loader: Loader, options: Options, task: str | None, ordered: bool, max_resident_bytes: int | None
    ) -> None:
        self._loader = loader
        self._options = options
        self._task = task
        self._ordered = ordered
        self._room = MemoryBudget(max_resident_bytes, self._must_not_wait)
        self._may_fetch = asyncio.Semaphore(FETCHED_AHEAD)
        self._fetched: asyncio.Queue[asyncio.Task[Prepared | Failure] | None] = asyncio.Queue()
        self._loaded: asyncio.Queue[Loaded | Failure | None] = asyncio.Queue()
        ahead = LOADED_AHEAD if max_resident_bytes is not None else 0
        self._may_load = asyncio.Semaphore(ahead)
        self._is_asked = False
        self._kept: list[Loaded] = []

    async def run(self, answers: AsyncGenerator[Resolution | Failure]) -> AsyncGenerator[Loaded | Failure]:
        fetches: set[asyncio.Task[Prepared | Failure]] = set()
        fetching = asyncio.create_task(self._fetch_all(answers, fetches))
        loading = asyncio.create_task(self._load_all())
        loading.add_done_callback(lambda _: self._loaded.put_nowait(None))
        try:
            while True:
                self._ask()
                item = await self._loaded.get()
                self._is_asked = False
                if item is None:
                    break
                yield item
                if isinstance(item, Loaded):
                    self._let_go(item)
            await loading
            await fetching
        finally:
            for pending in (fetching, loading, *fetches):
                pending.cancel()
            await asyncio.gather(fetching, loading, *fetches, return_exceptions=True)

    def _let_go(self, item: Loaded) -> None:
        self._kept = [kept for kept in self._kept if kept.model is not None]
        if item.is_kept:
            self._kept.append(item)
        else:
            item.release()

    def _ask(self) -> None:
        """The caller waits for the next one: what is let go for it may be loaded into."""
        self._is_asked = True
        self._may_load.release()
        self._room.look_again()

    def _must_not_wait(self) -> bool:
        """Whether the caller is waiting, with nothing loaded to give, and holds nothing it said it would release."""
        return self._is_asked and self._loaded.empty() and not any(item.model is not None for item in self._kept)

    async def _fetch_all(
        self, answers: AsyncGenerator[Resolution | Failure], fetches: set[asyncio.Task[Prepared | Failure]]
    ) -> None:
        try:
            async with aclosing(answers):
                async for answer in answers:
                    await self._may_fetch.acquire()
                    task = asyncio.create_task(self._fetch(answer))
                    fetches.add(task)
                    if self._ordered:
                        self._fetched.put_nowait(task)
                    else:
                        task.add_done_callback(self._fetched.put_nowait)
                    task.add_done_callback(fetches.discard)
            if fetches and not self._ordered:
                await asyncio.wait(fetches)
        finally:
            self._fetched.put_nowait(None)

    async def _fetch(self, answer: Resolution | Failure) -> Prepared | Failure:
        if isinstance(answer, Failure):
            return answer
        try:
            return await self._loader.prepare(answer, self._options, task=self._task)
        except Exception as error:
            return _failure(answer, error)

    async def _load_all(self) -> None:
        while (task := await self._fetched.get()) is not None:
            prepared = await task
            await self._may_load.acquire()
            item = prepared if isinstance(prepared, Failure) else await self._load(prepared)
            self._may_fetch.release()
            self._loaded.put_nowait(item)
            del item, prepared, task

    async def _load(self, prepared: Prepared) -> Loaded | Failure:
        needed_bytes = prepared.file_bytes
        try:
            while True:
                await self._room.wait_for(needed_bytes, prepared.resolution)
                model, size, elapsed_s = await self._loader.instantiate(prepared)
                if self._room.take(model, prepared.resolution.repo_id, size.resident_bytes):
                    break
                # It takes more than its files: let it go, and wait for as much as it was measured to take.
                needed_bytes = size.resident_bytes
                del model
        except Exception as error:
            return _failure(prepared.resolution, error)
        return _loaded(prepared.resolution, model, size, elapsed_s, self._room)


def _loaded(resolution: Resolution, model: Any, size: Any, elapsed_s: float, room: MemoryBudget) -> Loaded:
    return Loaded(
        resolution=resolution,
        model=model,
        parameters=size.parameters,
        resident_bytes=size.resident_bytes,
        dtype=size.dtype,
        elapsed_s=elapsed_s,
        on_release=room.look_again,
    )


def _failure(resolution: Resolution, error: Exception) -> Failure:
    if not isinstance(error, (ResolveError, ModelLoadError)):
        logger.error("loading %s failed in an unforeseen way", resolution.repo_id, exc_info=error)
        unforeseen = ModelLoadError(
            f"{resolution.repo_id}: unforeseen {type(error).__name__}: {error}", resolution=resolution
        )
        unforeseen.__cause__ = error
        error = unforeseen
    return Failure(repo_id=resolution.repo_id, revision=resolution.revision, error=error)
