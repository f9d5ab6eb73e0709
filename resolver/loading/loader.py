"""`Loader`: from a resolution to a model: plan, fetch, and call the library, each where it belongs."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace

from registry.class_ref import ClassRef
from registry.errors import ContradictionError
from registry.facts import CommitFacts, RepoFacts
from registry.queries.load_class import base_class_of_adapter
from registry.registry import Registry
from registry.rules.decide import decide
from registry.rules.peft import is_local_path
from registry.rules.required_files import ADAPTER_CONFIG
from resolver.errors import NotLoadableError, OfflineError, TaskMismatchError
from resolver.hub.connection import Connection
from resolver.loading.download import Snapshot
from resolver.loading.instantiate import instantiate
from resolver.loading.loaded import Size, measure
from resolver.loading.options import Options
from resolver.loading.plan import LoadPlan, check_loadable, manifests, plan_load
from resolver.loading.requirements import check_installed
from resolver.local.folder import read_small_file
from resolver.resolution import Resolution, Source
from resolver.settings import FilledSettings

T = TypeVar("T")

FETCHES_AT_ONCE = 8
"""Repos; huggingface_hub fetches several files of each at once."""

Resolve = Callable[[str, str | None], Awaitable[Resolution]]
GetFacts = Callable[[Resolution, str], Awaitable[RepoFacts]]
"""The facts of a subfolder ("": the whole) of a repo that is resolved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A model whose files are all there; `base` is what an adapter goes on."""

    resolution: Resolution
    plan: LoadPlan
    folder: Path
    options: Options
    base: Prepared | None = None

    @property
    def file_bytes(self) -> int:
        """The size of its files on disk: about what its weights will take in memory."""
        own = sum(self._size_of(name) for name in self.plan.filenames)
        return own + (self.base.file_bytes if self.base is not None else 0)

    def _size_of(self, name: str) -> int:
        file = self.folder / name
        return file.stat().st_size if file.is_file() else 0


class Loader:
    """Loads one model at a time, in a thread of its own. Opens nothing by itself; `close` ends the thread."""

    def __init__(
        self,
        settings: FilledSettings,
        registry: Registry,
        connection: Connection,
        *,
        resolve: Resolve,
        get_facts: GetFacts,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._connection = connection
        self._resolve = resolve
        self._get_facts = get_facts
        self._load_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hubresolve-load")
        # Of its own, since the loop's default threads are few on a machine with few processors.
        self._fetch_threads = ThreadPoolExecutor(FETCHES_AT_ONCE, thread_name_prefix="hubresolve-fetch")

    async def close(self) -> None:
        """Wait for a load under way, and end the threads."""
        for threads in (self._load_thread, self._fetch_threads):
            await asyncio.to_thread(threads.shutdown)

    async def prepare(
        self, resolution: Resolution, options: Options, *, as_class: ClassRef | None = None, task: str | None = None
    ) -> Prepared:
        """Everything but the loading itself: checks, and the files. What can be refused is, before a file is fetched.

        Raises:
            ModelLoadError: it cannot be loaded here; nothing was fetched but small files that say so.
            ResolveError: its files cannot be had.
        """
        snapshot = await self._snapshot(resolution, options)
        facts = await self._get_facts(resolution, options.subfolder)
        commit = facts.commit
        if options.subfolder:
            resolution = self._decided_anew(resolution, facts, task, options)
        check_loadable(resolution, options)
        commit = await self._with_files(commit, manifests(resolution.decision, commit), snapshot, resolution, options)
        plan = plan_load(resolution, commit, options, self._registry, as_class=as_class)
        check_installed(resolution, plan.library, self._registry)
        base = await self._prepare_base(resolution, commit, options) if plan.library == "peft" else None
        try:
            folder = await self._folder(resolution, snapshot, plan.filenames, options)
        except OfflineError as error:
            plan = self._plan_with_what_is_there(resolution, commit, snapshot, options, as_class, error)
            folder = await self._folder(resolution, snapshot, plan.filenames, options)
        return Prepared(resolution=resolution, plan=plan, folder=folder, options=options, base=base)

    async def instantiate(self, prepared: Prepared) -> tuple[Any, Size, float]:
        """The model, what it takes up, and the seconds it took to load.

        Raises:
            ModelLoadError: its library could not load it.
        """
        return await asyncio.get_running_loop().run_in_executor(self._load_thread, partial(load_prepared, prepared))

    async def _off_loop(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._fetch_threads, partial(call, *arguments))

    async def _snapshot(self, resolution: Resolution, options: Options) -> Snapshot | None:
        if resolution.commit_hash is None:
            return None
        return Snapshot(
            repo_id=resolution.canonical_id or resolution.repo_id,
            commit_hash=resolution.commit_hash,
            endpoint=self._settings.endpoint,
            other_id=resolution.repo_id,
            ref=resolution.revision,
            is_ref_fresh=resolution.source is Source.HUB,
            cache_dir=options.cache_dir or self._settings.cache_dir,
            token=await self._connection.find_token() or False,
            offline=self._settings.offline,
        )

    async def _with_files(
        self,
        commit: CommitFacts,
        names: tuple[str, ...],
        snapshot: Snapshot | None,
        resolution: Resolution,
        options: Options,
    ) -> CommitFacts:
        """`commit` with these small files read as well."""
        if not names:
            return commit
        folder = await self._folder(resolution, snapshot, names, options)
        read = await self._off_loop(lambda: {name: read_small_file(folder / name) for name in names})
        return CommitFacts(filenames=commit.filenames, files={**commit.files, **read})

    async def _folder(
        self, resolution: Resolution, snapshot: Snapshot | None, names: tuple[str, ...], options: Options
    ) -> Path:
        """The folder that holds the model, with the files of these `names` in it."""
        if snapshot is None:
            return _local_folder(resolution) / options.subfolder
        in_repo = [f"{options.subfolder}/{name}" if options.subfolder else name for name in names]
        return await self._off_loop(snapshot.fetch, in_repo) / options.subfolder

    def _plan_with_what_is_there(
        self,
        resolution: Resolution,
        commit: CommitFacts,
        snapshot: Snapshot | None,
        options: Options,
        as_class: ClassRef | None,
        error: OfflineError,
    ) -> LoadPlan:
        """A plan with the files that another program left in the cache: pickled weights where there is nothing else."""
        prefix = f"{options.subfolder}/" if options.subfolder else ""
        present = set(snapshot.present_files()) if snapshot is not None else set()
        names = tuple(name for name in commit.filenames if prefix + name in present)
        there = CommitFacts(filenames=names, files=commit.files)
        try:
            return plan_load(resolution, there, options, self._registry, as_class=as_class)
        except NotLoadableError:
            raise error from None

    def _decided_anew(self, resolution: Resolution, facts: RepoFacts, task: str | None, options: Options) -> Resolution:
        """The resolution of the model that is in the subfolder."""
        try:
            decision = decide(facts, self._registry, task, library=options.library)
        except ContradictionError as error:
            raise TaskMismatchError(str(error)) from error
        return replace(resolution, decision=decision)

    async def _prepare_base(self, resolution: Resolution, commit: CommitFacts, options: Options) -> Prepared:
        """The base model of an adapter, at the commit that its revision stands at."""
        config = commit.mapping(ADAPTER_CONFIG) or {}
        name, revision = config.get("base_model_name_or_path"), config.get("revision")
        if not isinstance(name, str) or not name or is_local_path(name):
            why = f"its base model was at {name} on the author's disk" if name else "it names none"
            raise NotLoadableError(f"{resolution.repo_id} is an adapter without its base: {why}", resolution=resolution)
        base = await self._resolve(name, revision if isinstance(revision, str) else None)
        as_class = base_class_of_adapter(resolution.decision, config, self._registry)
        return await self.prepare(base, dataclasses.replace(options, subfolder="", library=None), as_class=as_class)


def _local_folder(resolution: Resolution) -> Path:
    return Path(os.path.expanduser(resolution.repo_id))  # noqa: PTH111 (leaves an unknown user's "~" as it is)


def load_prepared(prepared: Prepared) -> tuple[Any, Size, float]:
    """As `Loader.instantiate`, in the thread that calls it."""
    started_s = time.monotonic()
    base = None
    if prepared.base is not None:
        inner = prepared.base
        base = instantiate(inner.plan, inner.folder, inner.options, inner.resolution)
    model = instantiate(prepared.plan, prepared.folder, prepared.options, prepared.resolution, base=base)
    return model, measure(model), time.monotonic() - started_s
