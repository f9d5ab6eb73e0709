"""`SharedState`: holds what the methods of `TasksManager` share.

That is the settings, the registry, the export configurations and the background resolver. Each is created, and its
module imported, when it is first used.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Hashable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huggingface_hub.constants import HUGGINGFACE_HUB_CACHE

from registry.defaults import default_registry
from registry.errors import UnknownNameError, UnsupportedTaskError
from registry.export.defaults import shipped_export_registry
from registry.export.export_registry import ExportRegistry
from registry.registry import Registry
from registry.tables.tasks import WITH_PAST
from resolver.settings import Settings, read_environment
from resolver.tasks_manager.errors import UnknownTaskOrLibraryError
from resolver.tasks_manager.model_tables import ModelTables
from resolver.tasks_manager.repo_queries import RepoQueries

if TYPE_CHECKING:
    from resolver.blocking import BackgroundResolver


class SharedState:
    """Settings, registry, export configurations and background resolver of this process. Thread-safe."""

    def __init__(self) -> None:
        self._background: BackgroundResolver | None = None
        self.settings = Settings()
        self._exports: ExportRegistry | None = None
        self._registry: tuple[Hashable, Registry] | None = None
        self.tables = ModelTables(lambda: self.registry)
        self._lock = threading.Lock()

    def configure(self, settings: Settings | None, exports: ExportRegistry | None) -> None:
        """Replace the settings and export configurations; None keeps the current ones. `exports` is copied, so that
        later registrations do not change the caller's."""
        with self._lock:
            self.settings = settings if settings is not None else self.settings
            self._exports = exports.copy() if exports is not None else self._exports

    @property
    def background(self) -> BackgroundResolver:
        """The resolver that runs on a thread of its own."""
        with self._lock:
            if self._background is None:
                from resolver.blocking import BackgroundResolver

                self._background = BackgroundResolver()
            return self._background

    def close(self) -> None:
        """Close the background resolver, if there is one, and end its thread."""
        if self._background is not None:
            self._background.close()

    @property
    def registry(self) -> Registry:
        """The registry of the settings, or the default one, with the updates of the store. They are read once: a later
        update counts for the next process.
        """
        settings = self.settings
        key = (settings, read_environment(settings))
        if self._registry is None or self._registry[0] != key:
            self._registry = (key, _find_registry(settings))
        return self._registry[1]

    @property
    def exports(self) -> ExportRegistry:
        """The export configurations in use."""
        with self._lock:
            if self._exports is None:
                self._exports = shipped_export_registry(self.registry)
            return self._exports

    def create_register(self, backend: str, overwrite_existing: bool) -> Callable[..., Callable[[Any], Any]]:
        """A decorator that registers with the export configurations in use at the time when it decorates."""

        def register(
            model_type: str, *supported_tasks: str, library_name: str = "transformers"
        ) -> Callable[[Any], Any]:
            def decorate(config_cls: Any) -> Any:
                written = self.tables.list_written_tasks()
                self._check_tasks(supported_tasks, written)
                register_current = self.exports.create_register(backend, overwrite_existing, extra_tasks=written)
                library = self.canonical_library(library_name) or library_name
                return register_current(model_type, *supported_tasks, library_name=library)(config_cls)

            return decorate

        return register

    def list_tasks(self) -> list[str]:
        """All tasks, those that were written to the tables too."""
        return list(dict.fromkeys((*self.registry.tasks, *self.tables.list_written_tasks())))

    def _check_tasks(self, tasks: Iterable[str], written: Collection[str]) -> None:
        for task in tasks:
            name = task.removesuffix(WITH_PAST)
            if self.registry.find_task(name) is None and name not in written:
                # optimum's sentence: its tests and its users' look for it.
                raise UnsupportedTaskError(
                    f'The TasksManager does not know the task called "{name}", known tasks: '
                    f"{', '.join(self.list_tasks())}."
                )

    def canonical_library(self, name: str | None) -> str | None:
        """The canonical name of a library, or the name under which a caller added one to a table; None for None.

        Raises:
            UnknownTaskOrLibraryError: no library has this name.
        """
        if name is None or name in self.exports.list_libraries() or name in self.tables.loaders.list_written():
            return name
        try:
            return self.registry.normalize_library(name)
        except UnknownNameError as error:
            raise UnknownTaskOrLibraryError(str(error)) from error

    def build_queries(self, cache_dir: object, token: bool | str | None) -> RepoQueries:
        """Queries that use the `cache_dir` and `token` of one call before those of the settings.

        `token` None or True: the token of the settings or of huggingface_hub. `cache_dir` at optimum's default: the
        cache of the settings or the environment, which may have changed since the default was read.
        """
        settings = self.settings
        if token is not None and token is not True:
            settings = replace(settings, token=token)
        if cache_dir is not None and str(cache_dir) != str(HUGGINGFACE_HUB_CACHE):
            settings = replace(settings, cache_dir=str(cache_dir))
        return RepoQueries(self.background, settings)


def _find_registry(settings: Settings) -> Registry:
    location = str(settings.fill().store)
    if "://" not in location and not Path(location).exists():
        # The usual case of a program that asks for tables only; it imports no database.
        return settings.registry or default_registry()
    # On a thread of its own: the caller may be in an event loop.
    from resolver.registry_in_force import find_registry

    with ThreadPoolExecutor(1, thread_name_prefix="hubresolve") as executor:
        return executor.submit(asyncio.run, find_registry(settings)).result()


STATE = SharedState()
"""The state of this process: `TasksManager` is used without instances."""
