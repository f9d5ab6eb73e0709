"""Loads many models one after the other: files are prefetched, and with a memory budget models are loaded ahead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from resolver.answer import Failure, build_failure
from resolver.loading.limits import DEFAULT_LOAD_LIMITS, LoadLimits
from resolver.loading.loaded import Loaded, ModelSize
from resolver.loading.loader import Loader
from resolver.loading.memory_budget import MemoryBudget
from resolver.loading.options import LoadOptions
from resolver.loading.prepared import PreparedModel
from resolver.resolution import Resolution


async def load_all(
    answers: AsyncGenerator[Resolution | Failure],
    loader: Loader,
    options: LoadOptions,
    *,
    task: str | None = None,
    ordered: bool = True,
    max_resident_bytes: int | None = None,
    limits: LoadLimits = DEFAULT_LOAD_LIMITS,
) -> AsyncGenerator[Loaded | Failure]:
    """A `Loaded` or a `Failure` for each of `answers`: in their order, or else as soon as their files are there.

    The last model is released when the next one is requested, unless it is kept. Without a budget a model is loaded
    when it is requested: of the models that are not kept, only one is in memory.
    """
    async with aclosing(_LoadRun(loader, options, task, ordered, max_resident_bytes, limits).run(answers)) as items:
        async for item in items:
            yield item


class _LoadRun:
    """The state of one `load_all`: one task starts fetches, another loads what was fetched, the consumer takes it."""

    def __init__(
        self,
        loader: Loader,
        options: LoadOptions,
        task: str | None,
        ordered: bool,
        max_resident_bytes: int | None,
        limits: LoadLimits,
    ) -> None:
        self._loader = loader
        self._options = options
        self._task = task
        self._ordered = ordered
        self._budget = MemoryBudget(max_resident_bytes, self._would_deadlock)
        self._fetch_slots = asyncio.Semaphore(limits.max_prefetched_repos)
        self._fetched: asyncio.Queue[asyncio.Task[PreparedModel | Failure] | None] = asyncio.Queue()
        self._loaded: asyncio.Queue[Loaded | Failure | None] = asyncio.Queue()
        self._load_slots = asyncio.Semaphore(limits.max_preloaded_models if max_resident_bytes is not None else 0)
        self._is_consumer_waiting = False
        self._kept: list[Loaded] = []

    async def run(self, answers: AsyncGenerator[Resolution | Failure]) -> AsyncGenerator[Loaded | Failure]:
        fetches: set[asyncio.Task[PreparedModel | Failure]] = set()
        fetching = asyncio.create_task(self._fetch_all(answers, fetches))
        loading = asyncio.create_task(self._load_all())
        loading.add_done_callback(lambda _: self._loaded.put_nowait(None))
        try:
            while True:
                self._request_next()
                item = await self._loaded.get()
                self._is_consumer_waiting = False
                if item is None:
                    break
                yield item
                if isinstance(item, Loaded):
                    self._release_unless_kept(item)
            await loading
            await fetching
        finally:
            for pending in (fetching, loading, *fetches):
                pending.cancel()
            await asyncio.gather(fetching, loading, *fetches, return_exceptions=True)

    def _release_unless_kept(self, item: Loaded) -> None:
        self._kept = [kept for kept in self._kept if kept.model is not None]
        if item.is_kept:
            self._kept.append(item)
        else:
            item.release()

    def _request_next(self) -> None:
        """Allow one more load; the model released before may have made room for it."""
        self._is_consumer_waiting = True
        self._load_slots.release()
        self._budget.notify()

    def _would_deadlock(self) -> bool:
        """Whether the consumer waits, no loaded model is ready for it, and it keeps none that it may still release."""
        is_waiting = self._is_consumer_waiting and self._loaded.empty()
        return is_waiting and not any(item.model is not None for item in self._kept)

    async def _fetch_all(
        self, answers: AsyncGenerator[Resolution | Failure], fetches: set[asyncio.Task[PreparedModel | Failure]]
    ) -> None:
        try:
            async with aclosing(answers):
                async for answer in answers:
                    await self._fetch_slots.acquire()
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

    async def _fetch(self, answer: Resolution | Failure) -> PreparedModel | Failure:
        if isinstance(answer, Failure):
            return answer
        try:
            return await self._loader.prepare(answer, self._options, task=self._task)
        except Exception as error:
            return build_failure(answer.repo_id, answer.revision, error)

    async def _load_all(self) -> None:
        while (task := await self._fetched.get()) is not None:
            prepared = await task
            await self._load_slots.acquire()
            item = prepared if isinstance(prepared, Failure) else await self._load(prepared)
            self._fetch_slots.release()
            self._loaded.put_nowait(item)
            # While this waits for the next fetch, no local name must hold the model.
            del item, prepared, task

    async def _load(self, prepared: PreparedModel) -> Loaded | Failure:
        resolution, needed_bytes = prepared.resolution, prepared.file_bytes
        try:
            while True:
                await self._budget.wait_for(needed_bytes, resolution)
                model, size, elapsed_s = await self._loader.instantiate(prepared)
                if self._budget.reserve(model, resolution.repo_id, size.resident_bytes):
                    break
                # It is larger in memory than on disk: drop it, and wait until its measured size fits.
                needed_bytes = size.resident_bytes
                del model
        except Exception as error:
            return build_failure(resolution.repo_id, resolution.revision, error)
        return self._build_loaded(resolution, model, size, elapsed_s)

    def _build_loaded(self, resolution: Resolution, model: Any, size: ModelSize, elapsed_s: float) -> Loaded:
        return Loaded(
            resolution=resolution,
            model=model,
            parameters=size.parameters,
            resident_bytes=size.resident_bytes,
            dtype=size.dtype,
            elapsed_s=elapsed_s,
            on_release=self._budget.notify,
        )
