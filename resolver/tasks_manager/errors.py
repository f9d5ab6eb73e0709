"""Defines errors that belong to both families: those of this package, and those that optimum's TasksManager raises.

Code written for optimum catches KeyError, ValueError, RuntimeError, OSError or huggingface_hub's errors and keeps
working. Code written for hubresolve catches ResolveError or RegistryError.
"""

from __future__ import annotations

import functools
from typing import Any

from registry.errors import RegistryError
from resolver.errors import (
    DisabledRepoError,
    GatedRepoError,
    HubError,
    HubUnavailableError,
    ModelLoadError,
    NotAModelError,
    OfflineError,
    RepositoryNotFoundError,
    ResolveError,
    RevisionNotFoundError,
)


class UnknownTaskOrLibraryError(RegistryError, KeyError):
    """The registry does not know the task or library; the message names the nearest known ones."""

    # KeyError would show the message as a quoted key.
    __str__ = Exception.__str__


class NoClassError(RegistryError, ValueError):
    """The names are known, but no class serves them together."""


class MissingTFClassError(NoClassError, ImportError):
    """The class is known, but the installed transformers does not have it; the message says which one has it."""


class TaskNotInferredError(ResolveError, KeyError, ValueError):
    """The task of the repo, model or class cannot be inferred; the message lists what was checked."""

    code = "task_mismatch"
    # KeyError would show the message as a quoted key.
    __str__ = Exception.__str__


class LibraryNotInferredError(ResolveError, ValueError):
    """The library of the repo, model or class cannot be inferred."""

    code = "not_a_model"


class FrameworkNotInferredError(ResolveError, FileNotFoundError):
    """The repo has no weights that PyTorch reads; the message names the formats that it has."""

    code = "not_a_model"


class CannotLoadError(ModelLoadError, OSError, ValueError):
    """No supported library loads the repo, or only by running the repo's own code; the message gives the reason."""

    __str__ = Exception.__str__


class NotReachableError(OfflineError, HubError, RuntimeError, ConnectionError, FileNotFoundError):
    """The Hub is unreachable or offline mode is on, and neither the store nor the Hugging Face cache has the repo."""

    code = "offline_miss"


_UPSTREAM_ERROR_NAMES: dict[type[HubError], str] = {
    # Error of this package -> error of huggingface_hub 0.34 to 2.4, errors.py. All others: HfHubHTTPError.
    RepositoryNotFoundError: "RepositoryNotFoundError",
    RevisionNotFoundError: "RevisionNotFoundError",
    GatedRepoError: "GatedRepoError",
    DisabledRepoError: "DisabledRepoError",
}


def to_optimum_error(error: ResolveError) -> ResolveError:
    """An error with the same message that is also of the type that optimum raises; `error` itself if it already is."""
    if isinstance(error, OfflineError | HubUnavailableError):
        return NotReachableError(str(error))
    if isinstance(error, NotAModelError):
        return LibraryNotInferredError(str(error))
    if isinstance(error, HubError):
        error_class: Any = type(error)
        combined: ResolveError = build_combined_error_class(error_class)(error)
        return combined
    return error


@functools.cache
def build_combined_error_class(error_class: Any) -> Any:
    """A class that inherits from `error_class`, a HubError, and from huggingface_hub's error for the same failure.

    It is built when it is first needed, so that huggingface_hub.errors is imported only then. Its constructor takes an
    error of `error_class` and copies its message and attributes. Pickle cannot find a class that is built at run time:
    an instance is pickled as a plain `error_class` error, and `to_optimum_error` combines it again when it is loaded.
    """
    import huggingface_hub.errors

    upstream_class = getattr(huggingface_hub.errors, _UPSTREAM_ERROR_NAMES.get(error_class, "HfHubHTTPError"))

    def copy_from(self: Any, error: HubError) -> None:
        # Exception.__init__, because huggingface_hub's __init__ requires a response of its own HTTP library.
        Exception.__init__(self, str(error))
        self.__dict__.update(error.__dict__)
        self.response = self.request_id = self.server_message = None

    members = {
        "__init__": copy_from,
        "__str__": Exception.__str__,
        "__module__": __name__,
        "__doc__": error_class.__doc__,
        "__reduce_ex__": lambda self, protocol: (to_optimum_error, (build_plain_error(error_class, self),)),
    }
    return type(error_class.__name__, (error_class, upstream_class), members)


def build_plain_error(error_class: type[HubError], combined: Any) -> HubError:
    """An error of `error_class` alone, with the message and attributes of a combined error; pickle can store it."""
    plain = error_class(str(combined), repo_id=combined.repo_id, revision=combined.revision, status=combined.status)
    plain.__dict__.update({name: value for name, value in combined.__dict__.items() if name in plain.__dict__})
    return plain
