"""What the methods of `TasksManager` share: settings, registry, export configurations, and the resolver's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from huggingface_hub.constants import HUGGINGFACE_HUB_CACHE

from registry.defaults import default_registry
from registry.errors import UnknownNameError
from registry.export.defaults import shipped_export_registry
from registry.export.export_registry import ExportRegistry
from registry.registry import Registry
from resolver.settings import Settings
from resolver.tasks_manager.errors import NotKnownError
from resolver.tasks_manager.repo_queries import RepoQueries

if TYPE_CHECKING:
    from resolver.blocking import BackgroundResolver


class SharedState:
    """What each part needs is imported and made when that part is first used."""

    def __init__(self) -> None:
        self._background: BackgroundResolver | None = None
        self.settings = Settings()
        self._exports: ExportRegistry | None = None
        self._lock = threading.Lock()

    def configure(self, settings: Settings | None, exports: ExportRegistry | None) -> None:
        """Use these from now on; `exports` is copied, so that what is registered here is not in it."""
        with self._lock:
            self.settings = settings if settings is not None else self.settings
            self._exports = exports.copy() if exports is not None else self._exports

    @property
    def background(self) -> BackgroundResolver:
        with self._lock:
            if self._background is None:
                from resolver.blocking import BackgroundResolver

                self._background = BackgroundResolver()
            return self._background

    def close(self) -> None:
        """End the thread, if there is one."""
        if self._background is not None:
            self._background.close()

    @property
    def registry(self) -> Registry:
        return self.settings.registry or default_registry()

    @property
    def exports(self) -> ExportRegistry:
        with self._lock:
            if self._exports is None:
                self._exports = shipped_export_registry(self.registry)
            return self._exports

    def create_register(self, backend: str, overwrite_existing: bool) -> Callable[..., Callable[[Any], Any]]:
        """A decorator that registers with the export configurations in use when it decorates."""

        def register(
            model_type: str, *supported_tasks: str, library_name: str = "transformers"
        ) -> Callable[[Any], Any]:
            def decorate(config_cls: Any) -> Any:
                add = self.exports.create_register(backend, overwrite_existing)
                library = self.library_name(library_name) or library_name
                return add(model_type, *supported_tasks, library_name=library)(config_cls)

            return decorate

        return register

    def library_name(self, name: str | None) -> str | None:
        """The canonical name of a library; None for None.

        Raises:
            NotKnownError: no library is called so.
        """
        if name is None:
            return None
        try:
            return self.registry.canonical_library(name)
        except UnknownNameError as error:
            raise NotKnownError(str(error)) from error

    def answers(self, cache_dir: object, token: bool | str | None) -> RepoQueries:
        """The resolver, as optimum's parameters want it.

        `token` True or None: as huggingface_hub finds it. `cache_dir` at its default: where it is by now, which may
        be elsewhere than when the default was read.
        """
        settings = self.settings
        if token is not None and token is not True:
            settings = replace(settings, token=token)
        if cache_dir is not None and str(cache_dir) != str(HUGGINGFACE_HUB_CACHE):
            settings = replace(settings, cache_dir=str(cache_dir))
        return RepoQueries(self.background, settings)


STATE = SharedState()
