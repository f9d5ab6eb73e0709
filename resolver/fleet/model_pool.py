"""`ModelPool`: calls a function with each of many models, on the workers of a Ray cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, Unpack

from resolver.answer import Failure, build_failure
from resolver.errors import MemoryBudgetError, ResolveError, WorkerLostError
from resolver.fleet.cluster import check_shared_store, import_ray
from resolver.fleet.model_result import ModelResult
from resolver.fleet.model_worker import Call, Job, ModelWorker, Request
from resolver.fleet.placement import WorkerState, choose_worker, find_largest
from resolver.loading.options import LoadKwargs
from resolver.lookup.request import RequestStream
from resolver.resolution import Resolution
from resolver.resolver import Resolver
from resolver.settings import Settings

MAX_ATTEMPTS = 2
"""Most attempts to run a model whose worker dies. In the last one the worker has no other model."""

RESTART_POLL_S = 0.5
"""The wait between two questions to a worker that Ray is starting again."""

DEFAULT_PREFETCH = 4
"""Models that a worker is given beside the one that runs: their files are fetched meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSpec:
    """A kind of worker. `count` of them are started, each with `ray_options` (Ray's options of an actor: `num_cpus`,
    `num_gpus`, `memory`, `resources`…), and each holds at most `max_resident_bytes` of models at once, by default the
    `memory` of its options. `device` is where its models go; by default "cuda" with GPUs, else "cpu".
    """

    count: int = 1
    max_resident_bytes: int | None = None
    ray_options: Mapping[str, Any] = field(default_factory=dict)
    device: str | None = None


@dataclass(slots=True, eq=False)
class _Worker:
    """An actor, and what it is doing."""

    actor: Any
    device: str
    state: WorkerState


class ModelPool:
    """Workers that load models and call a function with each, where the model is: no model is ever sent.

        async with ModelPool(settings, [WorkerSpec(count=4, max_resident_bytes=16 * 2**30)]) as pool:
            async for result in pool.map(evaluate, ids):
                ...

    A model goes to the smallest kind of worker that can hold it, by the size of its weights, which is known before they
    are fetched. Ray is started on this machine where it does not run yet.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        workers: Sequence[WorkerSpec] | None = None,
        *,
        prefetch: int = DEFAULT_PREFETCH,
    ) -> None:
        """`workers`: the kinds of workers, by default one worker; `prefetch`: the models that each is given ahead.

        Raises:
            ImportError: Ray is not installed.
            ValueError: there is no worker.
        """
        self._ray = import_ray()
        self._settings = settings or Settings()
        self._specs = tuple(workers) if workers is not None else (WorkerSpec(),)
        if sum(spec.count for spec in self._specs) < 1:
            raise ValueError("a pool needs at least one worker")
        self._prefetch = prefetch
        self._workers: list[_Worker] = []
        self._resolver = Resolver(self._settings)

    async def __aenter__(self) -> Self:
        """Start the workers.

        Raises:
            SettingsError: the cluster has several machines, and the store is a SQLite file.
            StoreError: the store cannot be opened.
        """
        if not self._ray.is_initialized():
            self._ray.init()
        check_shared_store(self._settings)
        await self._resolver.__aenter__()
        self._workers = [self._start_worker(spec) for spec in self._specs for _ in range(spec.count)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        workers, self._workers = self._workers, []
        closing = [_wait_for(worker.actor.close.remote()) for worker in workers]
        await asyncio.gather(*closing, return_exceptions=True)
        for worker in workers:
            self._ray.kill(worker.actor)
        await self._resolver.__aexit__(kind, error, trace)

    async def map(
        self,
        function: Call,
        ids: RequestStream,
        *,
        revision: str | None = None,
        task: str | None = None,
        **options: Unpack[LoadKwargs],
    ) -> AsyncGenerator[ModelResult | Failure]:
        """What `function(model, resolution)` returns for the model of each of `ids`, as soon as it is there.

        The function runs on the worker and must return a small value that can be pickled; it may be a coroutine
        function. `revision`, `task` and `options` are those of `Resolver.load_many`. A repo that cannot be resolved or
        loaded, that fits on no worker, for which the function fails, or with which a worker dies twice, is a `Failure`.
        `ids` are read only as far ahead as there is room on the workers.

        Raises:
            TypeError: `ids` is a single id.
            UnknownTaskError: the registry does not know the task.
        """
        library = options.get("library")
        answers = self._resolver.resolve_many(ids, revision=revision, task=task, library=library, ordered=False)
        jobs = {
            device: self._ray.put(Job(function=function, task=task, options=_with_device(options, device)))
            for device in {worker.device for worker in self._workers}
        }
        run = _Run(self._resolver, self._workers, jobs, options, task)
        async with aclosing(run.map(answers)) as results:
            async for result in results:
                yield result

    def _start_worker(self, spec: WorkerSpec) -> _Worker:
        limit = spec.max_resident_bytes if spec.max_resident_bytes is not None else spec.ray_options.get("memory")
        limit = int(limit) if limit is not None else None
        # It is started again where it dies; what it was doing is given out again here, not by Ray.
        options = {"max_restarts": -1, "max_task_retries": 0, "max_concurrency": 100, **spec.ray_options}
        actor = self._ray.remote(ModelWorker).options(**options).remote(self._settings, limit)
        device = spec.device or ("cuda" if spec.ray_options.get("num_gpus") else "cpu")
        return _Worker(actor, device, WorkerState(limit, 1 + self._prefetch))


class _Run:
    """One `ModelPool.map`."""

    def __init__(
        self,
        resolver: Resolver,
        workers: Sequence[_Worker],
        jobs: Mapping[str, Any],
        options: LoadKwargs,
        task: str | None,
    ) -> None:
        """`jobs`: a reference to the `Job` for each device."""
        self._resolver = resolver
        self._workers = workers
        self._jobs = jobs
        self._options = options
        self._task = task
        self._results: asyncio.Queue[ModelResult | Failure | None] = asyncio.Queue()
        self._places = asyncio.Semaphore(2 * sum(worker.state.max_assigned for worker in workers))
        self._room = asyncio.Condition()
        self._reviving: set[asyncio.Task[None]] = set()

    @property
    def _states(self) -> list[WorkerState]:
        return [worker.state for worker in self._workers]

    async def map(self, answers: AsyncGenerator[Resolution | Failure]) -> AsyncGenerator[ModelResult | Failure]:
        starting = asyncio.create_task(self._start_all(answers))
        starting.add_done_callback(lambda _: self._results.put_nowait(None))
        try:
            while (result := await self._results.get()) is not None:
                yield result
                self._places.release()
            await starting
        finally:
            for task in (starting, *self._reviving):
                task.cancel()
            await asyncio.gather(starting, *self._reviving, return_exceptions=True)
            ending = [
                _wait_for(worker.actor.end_job.remote([self._jobs[worker.device]]))
                for worker in self._workers
                if not worker.state.is_down
            ]
            await asyncio.gather(*ending, return_exceptions=True)

    async def _start_all(self, answers: AsyncGenerator[Resolution | Failure]) -> None:
        async with aclosing(answers), asyncio.TaskGroup() as group:
            async for answer in answers:
                await self._places.acquire()
                group.create_task(self._handle(answer))

    async def _handle(self, answer: Resolution | Failure) -> None:
        self._results.put_nowait(await self._run(answer) if isinstance(answer, Resolution) else answer)

    async def _run(self, resolution: Resolution) -> ModelResult | Failure:
        try:
            size_bytes = await self._resolver.measure_weights(resolution, self._task, **self._options)
            if not any(state.can_hold(size_bytes) for state in self._states):
                raise MemoryBudgetError(
                    f"{resolution.repo_id} takes {size_bytes} bytes, more than the largest worker of the pool holds "
                    f"({find_largest(self._states)})",
                    resolution=resolution,
                )
        except ResolveError as error:
            return build_failure(resolution.repo_id, resolution.revision, error)
        for attempt in range(1, MAX_ATTEMPTS + 1):
            result = await self._run_on_worker(resolution, size_bytes, alone=attempt > 1)
            if result is not None:
                return result
        lost = WorkerLostError(
            f"the worker died {MAX_ATTEMPTS} times while it had {resolution.repo_id} ({size_bytes} bytes of weights), "
            "the last time alone: it may need more memory than there is",
            resolution=resolution,
        )
        return build_failure(resolution.repo_id, resolution.revision, lost)

    async def _run_on_worker(
        self, resolution: Resolution, size_bytes: int, *, alone: bool
    ) -> ModelResult | Failure | None:
        """The result; None where the worker died."""
        from ray.exceptions import RayActorError

        key = object()
        worker = await self._wait_for_worker(key, size_bytes, alone=alone)
        request: Request = (resolution.repo_id, resolution.commit_hash or resolution.revision)
        try:
            result: ModelResult | Failure = await worker.actor.run.remote([self._jobs[worker.device]], request)
        except RayActorError:
            self._revive(worker)
            return None
        finally:
            async with self._room:
                worker.state.finish(key)
                self._room.notify_all()
        return result

    async def _wait_for_worker(self, key: object, size_bytes: int, *, alone: bool) -> _Worker:
        async with self._room:
            while (state := choose_worker(self._states, size_bytes, alone=alone)) is None:
                await self._room.wait()
            state.assign(key, size_bytes, alone=alone)
            try:
                while alone and len(state.assigned) > 1:
                    await self._room.wait()
            except BaseException:
                state.finish(key)
                raise
        return next(worker for worker in self._workers if worker.state is state)

    def _revive(self, worker: _Worker) -> None:
        """Give the worker nothing until Ray has started it again."""
        if worker.state.is_down:
            return
        worker.state.is_down = True
        task = asyncio.create_task(self._wait_until_alive(worker))
        self._reviving.add(task)
        task.add_done_callback(self._reviving.discard)

    async def _wait_until_alive(self, worker: _Worker) -> None:
        from ray.exceptions import RayActorError

        while True:
            try:
                await worker.actor.ping.remote()
                break
            except RayActorError:
                await asyncio.sleep(RESTART_POLL_S)
        async with self._room:
            worker.state.is_down = False
            self._room.notify_all()


def _with_device(options: LoadKwargs, device: str) -> LoadKwargs:
    return options if "device" in options or device == "cpu" else {**options, "device": device}


async def _wait_for(reference: Any) -> Any:
    return await reference
