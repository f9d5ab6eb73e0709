"""`ModelWorker`: the actor that loads models and calls a function with each, where the model is. Imports no Ray."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

from resolver.answer import Failure, build_failure
from resolver.errors import FunctionError
from resolver.fleet.model_result import ModelResult
from resolver.loading.loaded import Loaded
from resolver.loading.options import LoadKwargs
from resolver.resolution import Resolution
from resolver.resolver import Resolver
from resolver.settings import Settings

Call = Callable[[Any, Resolution], Any]
"""(model, resolution) -> a value that can be pickled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to do with the models of one `ModelPool.map`."""

    function: Call
    task: str | None
    options: LoadKwargs


Request = tuple[str, str | None]
"""(repo id, revision)"""


class ModelWorker:
    """Holds one resolver, open in the loop of its actor, and one stream of models for each job.

    Models are loaded one after the other, and released when the function has returned; the files of those that wait are
    fetched meanwhile, and, within `max_resident_bytes`, the next models are loaded meanwhile.
    """

    def __init__(self, settings: Settings, max_resident_bytes: int | None) -> None:
        self._settings = settings
        self._max_resident_bytes = max_resident_bytes
        self._resolver: Resolver | None = None
        self._opening = asyncio.Lock()
        self._streams: dict[Any, _Stream] = {}
        """Reference to the job -> its models."""

    async def run(self, job_in_list: list[Any], request: Request) -> ModelResult | Failure:
        """Load the model and call the function of the job. `job_in_list` holds a reference to a `Job`: Ray would fetch
        one outside a list anew for each call.
        """
        stream = await self._open_stream(*job_in_list)
        return await stream.run(request)

    async def _open_stream(self, reference: Any) -> _Stream:
        async with self._opening:
            if self._resolver is None:
                self._resolver = await Resolver(self._settings).__aenter__()
            if reference not in self._streams:
                self._streams[reference] = _Stream(self._resolver, await reference, self._max_resident_bytes)
            return self._streams[reference]

    async def ping(self) -> None:
        """Return at once: the worker is there."""

    async def end_job(self, job_in_list: list[Any]) -> None:
        """Release what the job holds."""
        (reference,) = job_in_list
        if (stream := self._streams.pop(reference, None)) is not None:
            await stream.close()

    async def close(self) -> None:
        """Close the resolver; the actor can then be ended."""
        while self._streams:
            await self._streams.popitem()[1].close()
        if self._resolver is not None:
            await self._resolver.__aexit__(None, None, None)
            self._resolver = None


class _Stream:
    """The models of one job, in the order of their requests."""

    def __init__(self, resolver: Resolver, job: Job, max_resident_bytes: int | None) -> None:
        self._job = job
        self._requests: asyncio.Queue[Request] = asyncio.Queue()
        self._waiting: asyncio.Queue[asyncio.Future[ModelResult | Failure]] = asyncio.Queue()
        self._task = asyncio.create_task(self._run(resolver, max_resident_bytes))

    async def run(self, request: Request) -> ModelResult | Failure:
        future: asyncio.Future[ModelResult | Failure] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait(future)
        self._requests.put_nowait(request)
        await asyncio.wait((future, self._task), return_when=asyncio.FIRST_COMPLETED)
        if not future.done():
            # The stream itself failed: an unknown task, or a store that cannot be used.
            await self._task
        return await future

    async def close(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _read_requests(self) -> AsyncGenerator[Request]:
        while True:
            yield await self._requests.get()

    async def _run(self, resolver: Resolver, max_resident_bytes: int | None) -> None:
        job = self._job
        loading = resolver.load_many(
            self._read_requests(), task=job.task, max_resident_bytes=max_resident_bytes, **job.options
        )
        async with aclosing(loading) as items:
            async for item in items:
                future = await self._waiting.get()
                result = await self._call(item) if isinstance(item, Loaded) else item
                if not future.done():
                    future.set_result(result)

    async def _call(self, loaded: Loaded) -> ModelResult | Failure:
        resolution, started_s = loaded.resolution, time.monotonic()
        try:
            value = await _call_in_thread(self._job.function, loaded.model, resolution)
        except Exception as error:
            failed = FunctionError(f"the function failed: {type(error).__name__}: {error}", resolution=resolution)
            return build_failure(resolution.repo_id, resolution.revision, failed)
        return ModelResult(
            resolution=resolution,
            value=value,
            parameters=loaded.parameters,
            resident_bytes=loaded.resident_bytes,
            dtype=loaded.dtype,
            elapsed_s=loaded.elapsed_s,
            call_s=time.monotonic() - started_s,
        )


async def _call_in_thread(function: Call, model: Any, resolution: Resolution) -> Any:
    if inspect.iscoroutinefunction(function):
        coroutine: Awaitable[Any] = function(model, resolution)
        return await coroutine
    return await asyncio.to_thread(function, model, resolution)
