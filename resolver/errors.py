"""The errors a caller of the resolver can meet, grouped by what can be done about them."""

from __future__ import annotations

from typing import ClassVar


class ResolveError(Exception):
    """A repo could not be resolved. `code` is one of the fixed error codes of the output."""

    code: ClassVar[str] = "bad_response"


class SettingsError(ResolveError, ValueError):
    """A setting has a value that cannot be used."""

    code = "invalid_settings"


class InvalidRequestError(ResolveError, ValueError):
    """The call itself is wrong; asking again the same way fails the same way."""

    code = "invalid_repo_id"


class InvalidRepoIdError(InvalidRequestError):
    """Not a repo id, nor a local folder."""


class NotAModelError(InvalidRequestError):
    """The id is a dataset or a Space, or the folder holds no model."""

    code = "not_a_model"


class UnknownAskedError(InvalidRequestError):
    """A task or library that the registry does not know."""

    code = "task_mismatch"


class TaskMismatchError(InvalidRequestError):
    """The task or library asked for contradicts what the repo holds."""

    code = "task_mismatch"


class HubError(ResolveError):
    """The Hub answered, or failed to answer, for this repo.

    `status` is the HTTP status, None where there was no answer.
    """

    def __init__(
        self, message: str, *, repo_id: str | None = None, revision: str | None = None, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.repo_id = repo_id
        self.revision = revision
        self.status = status


class RepositoryNotFoundError(HubError):
    """The repo is missing, or hidden from this token; the Hub does not tell which."""

    code = "repo_not_found"


class RevisionNotFoundError(HubError):
    """The repo is there, but has no such branch, tag or commit."""

    code = "revision_not_found"


class GatedRepoError(HubError):
    """The repo's owner has not granted this token access."""

    code = "gated"


class DisabledRepoError(HubError):
    """The Hub has disabled the repo."""

    code = "disabled"


class UnauthorizedError(HubError):
    """The token was refused: invalid, expired, or without the right needed."""

    code = "unauthorized"


class RateLimitedError(HubError):
    """The Hub's quota is used up. `retry_after_s` says for how long, where the Hub said so."""

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
    """The Hub could not be reached, stalled, or failed; it has been asked again `attempts` times."""

    code = "hub_unavailable"
    attempts: int = 1


class HubResponseError(HubError):
    """The answer cannot be what a Hub says: it does not parse, or contradicts itself."""

    code = "bad_response"


class OfflineError(ResolveError):
    """Offline, and neither the store nor the local Hugging Face cache knows the repo."""

    code = "offline_miss"
