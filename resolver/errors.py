"""The errors a caller can meet, grouped by what the caller can do about them.

    HubresolveError                     every error of this distribution (`registry.errors`)
    ├─ ResolveError                     a repo was not resolved, or not loaded; `.code` goes into the output
    │  ├─ SettingsError                 correct the setting or environment variable (also ValueError)
    │  ├─ InvalidRequestError           correct the call (also ValueError)
    │  │  ├─ InvalidRepoIdError         neither a repo id nor a local folder
    │  │  ├─ NotAModelError             a dataset, a Space, or a folder without a model
    │  │  ├─ UnknownTaskError           the registry knows no such task or library
    │  │  └─ TaskMismatchError          the repo cannot serve the task or library
    │  ├─ HubError                      `.repo_id` `.revision` `.status`
    │  │  ├─ RepositoryNotFoundError    missing, or hidden from this token
    │  │  ├─ RevisionNotFoundError      no such branch, tag or commit
    │  │  ├─ GatedRepoError             ask the owner for access
    │  │  ├─ DisabledRepoError          the Hub has disabled the repo
    │  │  ├─ UnauthorizedError          the Hub refused the token
    │  │  ├─ RateLimitedError           wait `.retry_after_s`
    │  │  ├─ HubUnavailableError        try later; it was tried `.attempts` times
    │  │  └─ HubResponseError           the Hub's response cannot be used
    │  ├─ OfflineError                  go online once, or import a bundle
    │  ├─ ModelLoadError                the library could not load it; `.resolution`
    │  │  ├─ LibraryNotInstalledError   install what the message names (also ImportError)
    │  │  ├─ NotLoadableError           no supported library or weight format
    │  │  ├─ RemoteCodeError            read the code, then pass trust_remote_code=True
    │  │  ├─ MemoryBudgetError          release a model, or raise max_resident_bytes
    │  │  ├─ FunctionError              the function that was called with the model failed
    │  │  └─ WorkerLostError            the worker died each time that it had the model
    │  └─ InternalError                 a defect of hubresolve: report it
    ├─ ExportError                      a model was not exported as requested; nothing was written
    │  ├─ UnknownArgumentError          the export has no such argument or size (also TypeError)
    │  ├─ WrongHeadError                the configuration is for another task than the model's (also ValueError)
    │  ├─ MissingFolderError            the folder to write to does not exist (also FileNotFoundError)
    │  ├─ FixedAxisError                an axis that should be dynamic came out fixed (also ValueError)
    │  └─ OpsetError                    the opset does not exist, or was not honoured (also ValueError)
    ├─ ResolverNotOpenError             open a resolver here, with `async with` (also RuntimeError)
    ├─ StoreError                       `store.errors`
    └─ RegistryError                    `registry.errors`

Not in the tree: `resolver.local_hub.LocalHubError`, of a server that imports nothing else of this distribution.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from registry.errors import HubresolveError as HubresolveError, RegistryError as RegistryError
from resolver.redaction import hide_secrets
from store.errors import StoreError as StoreError

if TYPE_CHECKING:
    from resolver.resolution import Resolution


class ResolveError(HubresolveError):
    """A repo could not be resolved or loaded. `code` is one of the fixed error codes of the output.

    No message holds a secret, whatever text of a Hub or of another library it quotes.
    """

    code: ClassVar[str] = "internal_error"

    def __init__(self, *args: object) -> None:
        super().__init__(*(hide_secrets(text) if isinstance(text, str) else text for text in args))


def add_context(error: ResolveError, context: str) -> ResolveError:
    """A copy of `error`, which others may have too, whose message begins with `context`."""
    copied = type(error)(f"{context}: {error}")
    copied.__dict__.update(error.__dict__)
    return copied


class InternalError(ResolveError):
    """A defect of hubresolve, met at one repo; the repo and the Hub are not to blame. The log holds the traceback."""

    code = "internal_error"


class SettingsError(ResolveError, ValueError):
    """A setting has a value that cannot be used."""

    code = "invalid_settings"


class InvalidRequestError(ResolveError, ValueError):
    """The call itself is wrong; the same call fails in the same way again."""

    code = "invalid_repo_id"


class InvalidRepoIdError(InvalidRequestError):
    """Neither a repo id nor a local folder."""


class NotAModelError(InvalidRequestError):
    """The id is a dataset or a Space, or the folder holds no model."""

    code = "not_a_model"


class UnknownTaskError(InvalidRequestError):
    """The registry does not know the task or library."""

    code = "task_mismatch"


class TaskMismatchError(InvalidRequestError):
    """The repo cannot serve the requested task or library."""

    code = "task_mismatch"


class HubError(ResolveError):
    """The Hub refused, or failed to answer. `status` is the HTTP status, None where there was no response.

    `is_hub_answer`: the Hub itself said that the repo or revision is missing, private or gated; a proxy, a mirror or a
    wrong token says other things. `server_message`: the server's own words, in one line; may be empty.
    """

    is_hub_answer: bool = False
    server_message: str = ""

    def __init__(
        self, message: str, *, repo_id: str | None = None, revision: str | None = None, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.repo_id = repo_id
        self.revision = revision
        self.status = status


class RepositoryNotFoundError(HubError):
    """The repo is missing, or hidden from this token; the Hub does not say which."""

    code = "repo_not_found"


class RevisionNotFoundError(HubError):
    """The repo exists, but has no such branch, tag or commit."""

    code = "revision_not_found"


class GatedRepoError(HubError):
    """The repo's owner has not given this token access."""

    code = "gated"


class DisabledRepoError(HubError):
    """The Hub has disabled the repo."""

    code = "disabled"


class UnauthorizedError(HubError):
    """The Hub refused the token: invalid, expired, or without the right that is needed."""

    code = "unauthorized"


class RateLimitedError(HubError):
    """The Hub's quota is used up, for `retry_after_s` seconds; None where the Hub did not say."""

    code = "rate_limited"

    def __init__(
        self,
        message: str,
        *,
        repo_id: str | None = None,
        revision: str | None = None,
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, repo_id=repo_id, revision=revision, status=status)
        self.retry_after_s = retry_after_s


class HubUnavailableError(HubError):
    """The Hub could not be reached, timed out, or failed. The request was sent `attempts` times.

    `retry_after_s`: the wait that the server asked for with its last refusal; None where it did not.
    """

    code = "hub_unavailable"
    attempts: int = 1
    retry_after_s: float | None = None
    is_final: bool = False
    """Whether another attempt would end in the same way, until something on this side is changed."""


class HubResponseError(HubError):
    """The Hub's response cannot be used: it does not parse, or contradicts itself."""

    code = "bad_response"
    is_final: bool = False
    """Whether another attempt would end in the same way."""


class OfflineError(ResolveError):
    """Offline, and neither the store nor the local Hugging Face cache knows the repo."""

    code = "offline_miss"


class ModelLoadError(ResolveError):
    """The library could not load the repo. `resolution` is what was decided about it, None where unknown."""

    code = "load_failed"

    def __init__(self, message: str, *, resolution: Resolution | None = None) -> None:
        super().__init__(message)
        self.resolution = resolution


class LibraryNotInstalledError(ModelLoadError, ImportError):
    """A library that loading needs is not installed, or too old for the repo; the message says what to install."""

    code = "library_missing"

    def __init__(self, message: str, *, resolution: Resolution | None = None, name: str | None = None) -> None:
        ModelLoadError.__init__(self, message, resolution=resolution)
        self.name = name
        self.msg = str(self.args[0])


class NotLoadableError(ModelLoadError):
    """No supported library loads such a repo: its library, its weight format, or no class is known."""

    code = "not_loadable"


class RemoteCodeError(ModelLoadError):
    """Loading would run the repo's own code, and the caller did not pass `trust_remote_code=True`."""

    code = "remote_code"


class MemoryBudgetError(ModelLoadError):
    """The model does not fit into `max_resident_bytes`, and waiting would not make room."""

    code = "memory_budget"


class FunctionError(ModelLoadError):
    """The caller's function failed with a model (`resolver.fleet.ModelPool`)."""

    code = "function_failed"


class WorkerLostError(ModelLoadError):
    """The worker of a pool died each time that it was given this model (`resolver.fleet.ModelPool`)."""

    code = "worker_lost"


class ResolverNotOpenError(HubresolveError, RuntimeError):
    """The resolver is not open, or belongs to another process or event loop."""


class ExportError(HubresolveError):
    """A model was not exported, because the graph would not be the requested one."""


class UnknownArgumentError(ExportError, TypeError):
    """The export has no argument, and its inputs no size, of this name."""


class WrongHeadError(ExportError, ValueError):
    """The configuration is for a task that the model's head does not serve."""


class MissingFolderError(ExportError, FileNotFoundError):
    """The folder that the graph should be written to does not exist."""


class FixedAxisError(ExportError, ValueError):
    """An axis that the configuration names as dynamic has one size in the graph."""


class OpsetError(ExportError, ValueError):
    """The opset does not exist, or the graph could not be converted to it."""


_CODES_OF_TWO: dict[str, type[ResolveError]] = {
    InvalidRepoIdError.code: InvalidRepoIdError,
    TaskMismatchError.code: TaskMismatchError,
}
"""Codes that several errors have -> the most usual one."""


def build_error(code: object, message: str) -> ResolveError:
    """The error that a row names by its code; an `InternalError` for a code that is not known."""
    kind = _CODES_OF_TWO.get(code) if isinstance(code, str) else None
    kinds = [ResolveError]
    while kind is None and kinds:
        kinds = [below for above in kinds for below in above.__subclasses__()]
        kind = next((found for found in kinds if found.code == code and found.__module__ == __name__), None)
    return (kind or InternalError)(message)
