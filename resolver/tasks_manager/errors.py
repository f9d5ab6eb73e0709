"""Errors that are both this package's and of the kinds that optimum's TasksManager raises for the same trouble.

Code written for optimum catches KeyError, ValueError, RuntimeError, OSError or huggingface_hub's errors: it goes on to
work. Code written for hubresolve catches ResolveError.
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


class NotKnownError(RegistryError, KeyError):
    """A task or library that is not known; the message names the nearest ones."""

    # KeyError would show the message as a quoted key.
    __str__ = Exception.__str__


class NoClassError(RegistryError, ValueError):
    """The names are known, but nothing serves them together."""


class TaskNotInferredError(ResolveError, KeyError, ValueError):
    """Nothing tells what the repo, model or class is for; the message says what was looked at."""

    code = "task_mismatch"
    # KeyError would show the message as a quoted key.
    __str__ = Exception.__str__


class LibraryNotInferredError(ResolveError, ValueError):
    """Nothing tells which library the repo, model or class is of."""

    code = "not_a_model"


class FrameworkNotInferredError(ResolveError, FileNotFoundError):
    """There are no weights that PyTorch reads; the message says which there are."""

    code = "not_a_model"


class CannotLoadError(ModelLoadError, OSError, ValueError):
    """Nothing here loads such a repo, or not without code of its own; the message says what is in the way."""

    __str__ = Exception.__str__


class NotReachableError(OfflineError, HubError, RuntimeError, ConnectionError, FileNotFoundError):
    """The Hub may not or cannot be asked, and neither the store nor the local Hugging Face cache knows the repo."""

    code = "offline_miss"


_HUB_ERRORS: dict[type[HubError], str] = {
    # Ours -> that of huggingface_hub 0.34 to 2.4, errors.py.
    RepositoryNotFoundError: "RepositoryNotFoundError",
    RevisionNotFoundError: "RevisionNotFoundError",
    GatedRepoError: "GatedRepoError",
    DisabledRepoError: "DisabledRepoError",
}


def as_upstream(error: ResolveError) -> ResolveError:
    """An error that says the same and is, besides, what optimum would have raised; `error` itself where it is that."""
    if isinstance(error, OfflineError | HubUnavailableError):
        return NotReachableError(str(error))
    if isinstance(error, NotAModelError):
        return LibraryNotInferredError(str(error))
    if isinstance(error, HubError):
        kind: Any = type(error)
        twin: ResolveError = _twin(kind)(error)
        return twin
    return error


@functools.cache
def _twin(ours: Any) -> Any:
    """A class that is `ours`, a HubError, and huggingface_hub's for the same trouble, made from an error of ours."""
    import huggingface_hub.errors

    theirs = getattr(huggingface_hub.errors, _HUB_ERRORS.get(ours, "HfHubHTTPError"))

    def take_over(self: Any, error: HubError) -> None:
        # Theirs wants the response of its own HTTP library, which there is not.
        Exception.__init__(self, str(error))
        self.__dict__.update(error.__dict__)
        self.response = self.request_id = self.server_message = None

    members = {
        "__init__": take_over,
        "__str__": Exception.__str__,
        "__module__": __name__,
        "__doc__": ours.__doc__,
        "__reduce_ex__": lambda self, protocol: (as_upstream, (_plain(ours, self),)),
    }
    return type(ours.__name__, (ours, theirs), members)


def _plain(ours: type[HubError], error: Any) -> HubError:
    plain = ours(str(error), repo_id=error.repo_id, revision=error.revision, status=error.status)
    plain.__dict__.update({name: value for name, value in error.__dict__.items() if name in plain.__dict__})
    return plain
