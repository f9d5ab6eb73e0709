"""`Loader`: prepares and loads one model: plans, fetches the files, and calls the library in a thread."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace

from registry.class_ref import ClassRef
from registry.facts import CommitFacts, RepoFacts
from registry.queries.load_class import find_adapter_base_class
from registry.registry import Registry
from registry.rules.named_code.find import choose_naming_files
from registry.rules.peft import is_local_path
from registry.rules.required_files import ADAPTER_CONFIG
from resolver.errors import (
    LibraryNotInstalledError,
    ModelLoadError,
    NotLoadableError,
    OfflineError,
    ResolveError,
    add_context,
)
from resolver.hub.connection import Connection
from resolver.loading.check_names import check_names
from resolver.loading.damage import DamagedFile, explain_damage, remove_damaged_file
from resolver.loading.download import Snapshot
from resolver.loading.download_quota import DownloadWatch
from resolver.loading.loaded import ModelSize
from resolver.loading.memory_estimate import estimate_weight_bytes
from resolver.loading.options import LoadOptions
from resolver.loading.plan import LoadPlan, check_loadable, find_missing_manifests, plan_load
from resolver.loading.prepared import PreparedModel, find_damaged, load_prepared
from resolver.loading.requirements import check_installed
from resolver.local.folder import read_small_file
from resolver.lookup.decide import decide_facts
from resolver.resolution import Resolution, Source
from resolver.settings import FilledSettings

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_CONCURRENT_FETCHES = 8
"""Repos whose files are fetched at once; huggingface_hub fetches several files of each in parallel."""

Resolve = Callable[[str, str | None], Awaitable[Resolution]]
"""(repo id, revision; None: the default) -> the resolution."""

GetFacts = Callable[[Resolution, str], Awaitable[RepoFacts]]
"""(resolution, subfolder; "": the whole repo) -> the facts."""


class Loader:
    """Loads one model at a time, in a thread of its own; fetches files in other threads. `close` ends the threads."""

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
        # A pool of its own: asyncio's default pool has few threads on a machine with few processors.
        self._fetch_threads = ThreadPoolExecutor(MAX_CONCURRENT_FETCHES, thread_name_prefix="hubresolve-fetch")
        self._downloads: DownloadWatch | None = None

    async def close(self) -> None:
        """Wait for running fetches and loads, and end the threads."""
        for threads in (self._load_thread, self._fetch_threads):
            await asyncio.to_thread(threads.shutdown)
        if self._downloads is not None:
            self._downloads.stop()

    async def prepare(
        self,
        resolution: Resolution,
        options: LoadOptions,
        *,
        as_class: ClassRef | None = None,
        task: str | None = None,
        adapters: tuple[Resolution, ...] = (),
    ) -> PreparedModel:
        """Check that the model can be loaded, and fetch its files. A refusal comes before weights are fetched.

        `adapters` are those that change it, the outermost first.

        Raises:
            ModelLoadError: it cannot be loaded in this environment or with these options.
            ResolveError: its files cannot be fetched.
        """
        try:
            return await self._prepare(resolution, options, as_class=as_class, task=task, adapters=adapters)
        except LibraryNotInstalledError:
            raise
        except ModelLoadError as error:
            # A config that was cut off leads to errors of many kinds.
            snapshot = await self._build_snapshot(resolution, options)
            damaged = await self._run_in_fetch_thread(snapshot.find_damaged_small_files) if snapshot is not None else []
            if not damaged:
                raise
            await self._remove_damaged(resolution, damaged, error)
        return await self._prepare(resolution, options, as_class=as_class, task=task, adapters=adapters)

    async def _prepare(
        self,
        resolution: Resolution,
        options: LoadOptions,
        *,
        as_class: ClassRef | None,
        task: str | None,
        adapters: tuple[Resolution, ...],
    ) -> PreparedModel:
        snapshot = await self._build_snapshot(resolution, options)
        resolution, commit, plan = await self._plan(resolution, snapshot, options, as_class=as_class, task=task)
        check_installed(resolution, plan.library, self._registry)
        base = await self._prepare_base(resolution, commit, options, adapters) if plan.library == "peft" else None
        try:
            folder = await self._fetch_checked(resolution, snapshot, plan, options)
        except OfflineError as error:
            plan = self._plan_from_cached_files(resolution, commit, snapshot, options, as_class, error)
            folder = await self._fetch_checked(resolution, snapshot, plan, options)
        return PreparedModel(
            resolution=resolution, plan=plan, folder=folder, options=options, base=base, snapshot=snapshot
        )

    async def measure_weights(self, resolution: Resolution, options: LoadOptions, *, task: str | None = None) -> int:
        """About the bytes that the model's weights would take in memory, without those of an adapter's base: as the
        answer tells them, else the size of the files; one request, where they are not in the Hugging Face cache.

        Raises:
            ModelLoadError: it cannot be loaded with these options.
            ResolveError: the Hub does not tell.
        """
        snapshot = await self._build_snapshot(resolution, options)
        resolution, _, plan = await self._plan(resolution, snapshot, options, task=task)
        if (known_bytes := estimate_weight_bytes(resolution, plan, options)) is not None:
            return known_bytes
        names = [f"{options.subfolder}/{name}" if options.subfolder else name for name in plan.filenames]
        if snapshot is None:
            folder = _get_local_folder(resolution)
            return await self._run_in_fetch_thread(lambda: sum((folder / name).stat().st_size for name in names))
        return sum((await self._run_in_fetch_thread(snapshot.measure, names)).values())

    async def _plan(
        self,
        resolution: Resolution,
        snapshot: Snapshot | None,
        options: LoadOptions,
        *,
        as_class: ClassRef | None = None,
        task: str | None = None,
    ) -> tuple[Resolution, CommitFacts, LoadPlan]:
        """The resolution of the model itself, what is known of its commit, and how it is loaded."""
        facts = await self._get_facts(resolution, options.subfolder)
        commit = facts.commit
        if options.subfolder:
            resolution = self._decide_subfolder(resolution, facts, task, options)
        check_loadable(resolution, options)
        manifests = find_missing_manifests(resolution.decision, commit)
        commit = await self._add_small_files(commit, manifests, snapshot, resolution, options)
        return resolution, commit, plan_load(resolution, commit, options, self._registry, as_class=as_class)

    async def instantiate(self, prepared: PreparedModel) -> tuple[Any, ModelSize, float]:
        """The model, its size, and the seconds it took to load.

        Files in the cache that turn out to be damaged are fetched anew, where the settings ask for a refresh.

        Raises:
            ModelLoadError: its library could not load it; a damaged file is named.
        """
        try:
            return await self._instantiate(prepared)
        except LibraryNotInstalledError:
            raise
        except ModelLoadError as error:
            damaged = await self._run_in_fetch_thread(find_damaged, prepared, self._settings.refresh)
            if not damaged:
                raise
            await self._remove_damaged(prepared.resolution, damaged, error)
        for part in prepared.parts:
            await self._fetch_files(part.resolution, part.snapshot, part.plan.filenames, part.options)
        return await self._instantiate(prepared)

    async def _remove_damaged(
        self, resolution: Resolution, damaged: Sequence[DamagedFile], error: ModelLoadError
    ) -> None:
        """Remove damaged files from the cache, so that they are fetched anew, where the settings ask for a refresh.

        Raises:
            ModelLoadError: `error`, with the names of the files: they do not, or the cache cannot be written.
        """
        said = explain_damage(resolution.repo_id, damaged)
        if self._settings.offline or not self._settings.refresh:
            raise add_context(error, said) from error
        logger.warning("%s", said)
        try:
            for file in damaged:
                await self._run_in_fetch_thread(remove_damaged_file, file)
        except OSError as problem:
            raise add_context(error, f"{said}, but it could not be removed ({problem.strerror})") from error

    async def _instantiate(self, prepared: PreparedModel) -> tuple[Any, ModelSize, float]:
        loaded: list[tuple[Any, ModelSize, float]] = []

        def load() -> None:
            # The thread may keep the result of its last call for a while: it must not be the model.
            loaded.append(load_prepared(prepared))

        await asyncio.get_running_loop().run_in_executor(self._load_thread, load)
        return loaded.pop()

    async def _run_in_fetch_thread(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._fetch_threads, partial(call, *arguments))

    async def _build_snapshot(self, resolution: Resolution, options: LoadOptions) -> Snapshot | None:
        """The commit in the Hugging Face cache; None for a local folder."""
        if resolution.commit_hash is None:
            return None
        return Snapshot(
            repo_id=resolution.canonical_id or resolution.repo_id,
            commit_hash=resolution.commit_hash,
            endpoint=self._settings.endpoint,
            requested_id=resolution.repo_id,
            ref=resolution.revision,
            is_ref_fresh=resolution.source is Source.HUB,
            cache_dir=options.cache_dir or self._settings.cache_dir,
            token=await self._connection.find_token() or False,
            offline=self._settings.offline,
        )

    async def _add_small_files(
        self,
        commit: CommitFacts,
        names: tuple[str, ...],
        snapshot: Snapshot | None,
        resolution: Resolution,
        options: LoadOptions,
    ) -> CommitFacts:
        """`commit` with the small files `names`, which are fetched."""
        if not names:
            return commit
        folder = await self._fetch_files(resolution, snapshot, names, options)
        small_files = await self._run_in_fetch_thread(lambda: {name: read_small_file(folder / name) for name in names})
        return CommitFacts(filenames=commit.filenames, files={**commit.files, **small_files})

    async def _fetch_checked(
        self, resolution: Resolution, snapshot: Snapshot | None, plan: LoadPlan, options: LoadOptions
    ) -> Path:
        """The model's folder with all files of the plan; what its small files name is checked before the rest comes."""
        naming_files = choose_naming_files(plan.library, plan.filenames)
        is_offline = snapshot is not None and snapshot.offline
        folder = await self._fetch_files(resolution, snapshot, plan.filenames if is_offline else naming_files, options)
        await self._run_in_fetch_thread(check_names, plan.library, folder, resolution, options, self._registry)
        return await self._fetch_files(resolution, snapshot, plan.filenames, options)

    async def _fetch_files(
        self, resolution: Resolution, snapshot: Snapshot | None, names: tuple[str, ...], options: LoadOptions
    ) -> Path:
        """The model's folder, with the files `names` in it: the cached one, or the user's own."""
        if snapshot is None:
            return _get_local_folder(resolution) / options.subfolder
        paths = [f"{options.subfolder}/{name}" if options.subfolder else name for name in names]
        if self._downloads is None:
            self._downloads = self._watch_downloads()
        return await self._run_in_fetch_thread(_fetch_watched, snapshot, paths, self._downloads) / options.subfolder

    def _watch_downloads(self) -> DownloadWatch:
        loop = asyncio.get_running_loop()

        def record(headers: Mapping[str, str]) -> None:
            loop.call_soon_threadsafe(self._connection.record_download, headers)

        return DownloadWatch(self._settings.endpoint, record)

    def _plan_from_cached_files(
        self,
        resolution: Resolution,
        commit: CommitFacts,
        snapshot: Snapshot | None,
        options: LoadOptions,
        as_class: ClassRef | None,
        error: OfflineError,
    ) -> LoadPlan:
        """A plan that reads only files in the cache, such as pickled weights without the safetensors of the repo.

        Raises:
            OfflineError: `error`, where the cache has no weights that can be loaded.
        """
        prefix = f"{options.subfolder}/" if options.subfolder else ""
        cached = set(snapshot.list_cached_files()) if snapshot is not None else set()
        names = tuple(name for name in commit.filenames if prefix + name in cached)
        cached_commit = CommitFacts(filenames=names, files=commit.files)
        try:
            return plan_load(resolution, cached_commit, options, self._registry, as_class=as_class)
        except NotLoadableError:
            raise error from None

    def _decide_subfolder(
        self, resolution: Resolution, facts: RepoFacts, task: str | None, options: LoadOptions
    ) -> Resolution:
        """The resolution with the decision about the model in the subfolder."""
        return replace(resolution, decision=decide_facts(facts, self._registry, task, options.library))

    async def _prepare_base(
        self, resolution: Resolution, commit: CommitFacts, options: LoadOptions, adapters: tuple[Resolution, ...]
    ) -> PreparedModel:
        """The base model of an adapter, at the revision that the adapter names."""
        config = commit.mapping(ADAPTER_CONFIG) or {}
        name, revision = config.get("base_model_name_or_path"), config.get("revision")
        if not isinstance(name, str) or not name or is_local_path(name):
            reason = f"its base model was at {name} on the author's disk" if name else "adapter_config.json names none"
            raise NotLoadableError(
                f"{resolution.repo_id} is an adapter without a base model: {reason}", resolution=resolution
            )
        with _name_base(name, resolution):
            base = await self._resolve(name, revision if isinstance(revision, str) else None)
        adapters = (*adapters, resolution)
        if any(_is_same_commit(base, adapter) for adapter in adapters):
            ring = " → ".join(item.repo_id for item in (*adapters, base))
            raise NotLoadableError(f"{resolution.repo_id} is an adapter on itself: {ring}", resolution=resolution)
        as_class = find_adapter_base_class(resolution.decision, config, self._registry)
        base_options = dataclasses.replace(options, subfolder="", library=None)
        with _name_base(name, resolution):
            return await self.prepare(base, base_options, as_class=as_class, adapters=adapters)


@contextmanager
def _name_base(name: str, adapter: Resolution) -> Iterator[None]:
    """Says in an error that it is about the base model of an adapter."""
    try:
        yield
    except ResolveError as error:
        raise add_context(error, f"the base model {name} of the adapter {adapter.repo_id}") from error


def _is_same_commit(one: Resolution, other: Resolution) -> bool:
    if one.commit_hash is None or other.commit_hash is None:
        return one.repo_id == other.repo_id
    return (one.canonical_id or one.repo_id, one.commit_hash) == (
        other.canonical_id or other.repo_id,
        other.commit_hash,
    )


def _fetch_watched(snapshot: Snapshot, filenames: Sequence[str], downloads: DownloadWatch) -> Path:
    if not snapshot.offline and snapshot.find(filenames) is None:
        downloads.start()
    return snapshot.fetch(filenames)


def _get_local_folder(resolution: Resolution) -> Path:
    return Path(os.path.expanduser(resolution.repo_id))  # noqa: PTH111 (leaves an unknown user's "~" as it is)
