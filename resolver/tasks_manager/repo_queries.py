"""What the resolver says of a repo or folder, in optimum's words and with the errors that its users expect."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from resolver.errors import ResolveError
from resolver.resolution import Resolution
from resolver.settings import Settings
from resolver.tasks_manager.errors import (
    FrameworkNotInferredError,
    LibraryNotInferredError,
    TaskNotInferredError,
    as_upstream,
)

if TYPE_CHECKING:
    from resolver.blocking import BackgroundResolver
    from resolver.resolver import Resolver

T = TypeVar("T")

FRAMEWORK = "pt"
"""The only one that is exported from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepoLocation:
    """A repo, or a folder, as optimum's parameters name it."""

    name: str
    subfolder: str
    revision: str | None

    def __str__(self) -> str:
        return f"{self.name}/{self.subfolder}" if self.subfolder else self.name


def place_of(model_name_or_path: str | Path, subfolder: str, revision: str | None) -> RepoLocation:
    """A folder of this name counts before a repo, whatever it holds."""
    folder = os.path.join(model_name_or_path, subfolder)
    if os.path.isdir(folder):
        return RepoLocation(name=str(Path(folder).absolute()), subfolder="", revision=None)
    return RepoLocation(name=str(model_name_or_path), subfolder=subfolder, revision=revision)


class RepoQueries:
    """Asks the resolver with these settings, and waits for it."""

    def __init__(self, background: BackgroundResolver, settings: Settings) -> None:
        self._background = background
        self._settings = settings

    def offline(self) -> RepoQueries:
        """The same, without asking the Hub."""
        return RepoQueries(self._background, replace(self._settings, offline=True))

    def ask(self, work: Callable[[Resolver], Awaitable[T]]) -> T:
        """What `work` gives.

        Raises:
            ResolveError: of a kind that optimum's users expect too.
        """
        try:
            return self._background.run(self._settings, work)
        except ResolveError as error:
            expected = as_upstream(error)
            if expected is error:
                raise
            raise expected from error

    def resolve(self, place: RepoLocation, library: str | None = None) -> Resolution:
        """Raises: as `ask`."""
        return self.ask(
            lambda resolver: resolver.resolve(place.name, place.revision, library=library, subfolder=place.subfolder)
        )

    def list_files(self, place: RepoLocation) -> list[str]:
        """Raises: as `ask`."""
        if os.path.isdir(place.name):
            from resolver.local.folder import list_files

            return list(list_files(Path(place.name)))
        return list(
            self.ask(lambda resolver: resolver.list_files(place.name, place.revision, subfolder=place.subfolder))
        )

    def framework(self, place: RepoLocation) -> str:
        """Raises: as `ask`.
        FrameworkNotInferredError: it holds no weights that PyTorch reads.
        """
        try:
            found = self.resolve(place)
        except LibraryNotInferredError as error:
            raise FrameworkNotInferredError(f"no framework can be told of {place}: {error}") from error
        if FRAMEWORK not in found.weights:
            there = f"only weights of {', '.join(found.weights)}" if found.weights else "no weights at all"
            raise FrameworkNotInferredError(f"{place} has no weights that PyTorch reads: there are {there}")
        return FRAMEWORK

    def library(self, place: RepoLocation) -> str:
        """Raises: as `ask`.
        LibraryNotInferredError: nothing in it tells.
        """
        found = self.resolve(place)
        if found.library is None:
            raise LibraryNotInferredError(
                f"no library can be told of {place}: neither its files nor its model card name one; pass library_name"
            )
        return found.library

    def task(self, place: RepoLocation, library: str | None) -> tuple[str, str | None]:
        """What it is for, and its model type. Raises: as `ask`.
        TaskNotInferredError: nothing tells, and the message says why.
        """
        found = self.resolve(place, library)
        if found.task is None:
            raise TaskNotInferredError(f"no task can be told of {place}: {found.undecided or 'nothing names one'}")
        return found.task, found.model_type
