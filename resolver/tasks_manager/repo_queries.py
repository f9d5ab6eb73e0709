"""`RepoQueries`: answers optimum's questions about a repo or folder with the resolver, and translates its errors."""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from resolver.errors import ResolveError
from resolver.resolution import Resolution
from resolver.settings import Settings
from resolver.tasks_manager.errors import (
    FrameworkNotInferredError,
    LibraryNotInferredError,
    NotReachableError,
    TaskNotInferredError,
    to_optimum_error,
)

if TYPE_CHECKING:
    from resolver.blocking import BackgroundResolver
    from resolver.resolver import Resolver

T = TypeVar("T")

MODEL_TYPE_RULE = "task by model type"
"""The rule of the evidence where only the model type gave the task: that of a trunk, a guess."""

FRAMEWORK_PACKAGES = {"pt": "torch", "tf": "tensorflow"}
"""Framework -> its package; the first one is preferred."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoLocation:
    """A repo or a local folder, as optimum's parameters name it: `name` is a repo id or an absolute path."""

    name: str
    subfolder: str
    revision: str | None

    def __str__(self) -> str:
        return f"{self.name}/{self.subfolder}" if self.subfolder else self.name


def locate(model_name_or_path: str | Path, subfolder: str, revision: str | None) -> RepoLocation:
    """The local folder of this name, if there is one; otherwise the repo.

    This is optimum's rule: any existing folder is taken before a repo of the same name, even if it holds no model.
    """
    folder = os.path.join(model_name_or_path, subfolder)
    if os.path.isdir(folder):
        return RepoLocation(name=str(Path(folder).absolute()), subfolder="", revision=None)
    return RepoLocation(name=str(model_name_or_path), subfolder=subfolder, revision=revision)


class RepoQueries:
    """Queries of one call: runs them on the background resolver with the given settings, and blocks until done."""

    def __init__(self, background: BackgroundResolver, settings: Settings) -> None:
        self._background = background
        self._settings = settings

    def as_offline(self) -> RepoQueries:
        """The same queries in offline mode."""
        return RepoQueries(self._background, replace(self._settings, offline=True))

    def build_download_arguments(self) -> dict[str, Any]:
        """The settings of these queries, as arguments of the loading functions of transformers."""
        settings = self._settings.fill()
        return {"cache_dir": settings.cache_dir, "token": settings.token, "local_files_only": settings.offline}

    def run(self, work: Callable[[Resolver], Awaitable[T]]) -> T:
        """The result of `work`, which is called with the resolver on its thread.

        Raises:
            ResolveError: also of the type that optimum raises for the same failure.
        """
        try:
            return self._background.run(self._settings, work)
        except ResolveError as error:
            translated = to_optimum_error(error)
            if translated is error:
                raise
            raise translated from error

    def resolve(self, location: RepoLocation, library: str | None = None) -> Resolution:
        """The resolution of a repo or folder. Raises the same errors as `run`."""
        return self.run(
            lambda resolver: resolver.resolve(
                location.name, location.revision, library=library, subfolder=location.subfolder
            )
        )

    def list_files(self, location: RepoLocation) -> list[str]:
        """Paths of the files, relative to the subfolder. Raises the same errors as `run`."""
        if os.path.isdir(location.name):
            from resolver.local.folder import list_files

            return list(list_files(Path(location.name)))
        return list(
            self.run(
                lambda resolver: resolver.list_files(location.name, location.revision, subfolder=location.subfolder)
            )
        )

    def infer_framework(self, location: RepoLocation) -> str:
        """ "pt" or "tf", by the weights; "pt" where there are both. Where nothing can be seen: an installed framework.

        Raises:
            ResolveError: the same errors as `run`, but for an unreachable Hub.
            FrameworkNotInferredError: the repo has no weights that PyTorch or TensorFlow reads.
        """
        try:
            weights = self._read_weights(location)
        except LibraryNotInferredError as error:
            raise FrameworkNotInferredError(f"the framework of {location} cannot be inferred: {error}") from error
        except NotReachableError as error:
            framework = find_installed_framework()
            if framework is None:
                raise
            logger.info("%s cannot be seen (%s): %s is used, which is installed", location, error, framework)
            return framework
        found = next((name for name in FRAMEWORK_PACKAGES if name in weights), None)
        if found is None:
            formats = f"only weights of {', '.join(weights)}" if weights else "no weights at all"
            raise FrameworkNotInferredError(
                f"{location} has no weights that PyTorch reads, nor those of TensorFlow: it has {formats}"
            )
        return found

    def _read_weights(self, location: RepoLocation) -> tuple[str, ...]:
        """The weight formats of a folder; of a repo those that are stored or cached, else those on the Hub."""
        if not os.path.isdir(location.name):
            try:
                weights = self.as_offline().resolve(location).weights
            except ResolveError:
                weights = ()
            if any(name in weights for name in FRAMEWORK_PACKAGES):
                return weights
        return self.resolve(location).weights

    def infer_library(self, location: RepoLocation) -> str:
        """The library of a repo or folder.

        Raises:
            ResolveError: the same errors as `run`.
            LibraryNotInferredError: neither the files nor the model card name a library.
        """
        resolution = self.resolve(location)
        if resolution.library is None:
            raise LibraryNotInferredError(
                f"the library of {location} cannot be inferred: neither its files nor its model card name one; "
                "pass library_name"
            )
        return resolution.library


def find_installed_framework() -> str | None:
    """ "pt" or "tf", PyTorch first; None if neither is installed."""
    installed = (name for name, package in FRAMEWORK_PACKAGES.items() if importlib.util.find_spec(package) is not None)
    return next(installed, None)


def require_task(resolution: Resolution, location: RepoLocation) -> str:
    """The task of a resolution, if its architecture, its tag or its library gives one; a model type alone does not.

    Raises:
        TaskNotInferredError: the resolution is undecided, or its task is only that of the model type's trunk.
    """
    reason = resolution.undecided or "neither its files nor its tags name a task"
    task = resolution.task
    if resolution.architecture is None and any(item.rule == MODEL_TYPE_RULE for item in resolution.evidence):
        task = None
        reason = (
            f"its config.json names no architecture, only the model type {resolution.model_type}, and it has no tag"
        )
    if task is None:
        raise TaskNotInferredError(f"the task of {location} cannot be inferred: {reason}; pass the task")
    return task
