"""Why a resolved repo was not loaded. Each has the resolution it happened to, and a code for the output."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from registry.errors import RegistryError

if TYPE_CHECKING:
    from resolver.resolution import Resolution


class ModelLoadError(RegistryError):
    """The library could not load the repo. `resolution` is what was decided about it."""

    code: ClassVar[str] = "load_failed"

    def __init__(self, message: str, *, resolution: Resolution | None = None) -> None:
        super().__init__(message)
        self.resolution = resolution


class LibraryNotInstalledError(ModelLoadError, ImportError):
    """A library that loading needs is not installed, or too old for the repo; the message says what to install."""

    code = "library_missing"

    def __init__(self, message: str, *, resolution: Resolution | None = None, name: str | None = None) -> None:
        ModelLoadError.__init__(self, message, resolution=resolution)
        self.name = name
        self.msg = message


class NotLoadableError(ModelLoadError):
    """Nothing here loads such a repo: its library, its weight format, or nothing that says which class."""

    code = "not_loadable"


class RemoteCodeError(ModelLoadError):
    """Loading would run code of the repo's own, and the caller did not say that it may."""

    code = "remote_code"


class MemoryBudgetError(ModelLoadError):
    """There is no room for the model under `max_resident_bytes`, and none can be made by waiting."""

    code = "memory_budget"
