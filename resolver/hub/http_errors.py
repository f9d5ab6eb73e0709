"""Maps an unsuccessful HTTP response to the error that it means. Pure.

The order of the tests is that of huggingface_hub (2.4, utils/_http.hf_raise_for_status): `X-Error-Code` first, then the
one message that means a disabled repo, then the status.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from resolver.errors import (
    DisabledRepoError,
    GatedRepoError,
    HubError,
    HubResponseError,
    HubUnavailableError,
    RateLimitedError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    UnauthorizedError,
)
from resolver.hub.lenient_json import UnusableJsonError, parse_json
from resolver.hub.pacing.quota_headers import parse_retry_after_s, retry_after_s
from resolver.hub.response import HttpResponse
from resolver.redaction import hide_secrets
from resolver.repo_id import RepoRevision

INVALID_TOKEN = "invalid credentials in authorization header"
MISSING_OR_PRIVATE = "invalid username or password."
HIDING_CODES = frozenset({"RepoNotFound", "RevisionNotFound", "GatedRepo"})
DISABLED = "access to this resource is disabled."
_TRANSIENT = {408, 425, 500, 502, 503, 504}
MAX_MESSAGE_LENGTH = 300


def is_entry_missing(response: HttpResponse) -> bool:
    """Whether the repo and revision exist, but not the requested file."""
    return response.headers.get("x-error-code") == "EntryNotFound"


def is_success(response: HttpResponse) -> bool:
    """Whether the status is 2xx."""
    return 200 <= response.status < 300


def describe(target: RepoRevision | None) -> str:
    """How messages name what was requested: "org/name@revision"; None is a listing."""
    return f"{target.repo_id}@{target.revision}" if target is not None else "the listing"


def error_from_response(response: HttpResponse, target: RepoRevision | None, *, has_token: bool) -> HubError:
    """The error that an unsuccessful `response` about `target` (None: a listing) means."""
    code, message, status = response.headers.get("x-error-code"), parse_message(response), response.status
    about = describe(target)
    repo_id = target.repo_id if target is not None else about
    quoted = f' (the Hub says: "{message}")' if message else ""
    kind: type[HubError]
    if code == "RevisionNotFound":
        revision = target.revision if target is not None else None
        kind, text = RevisionNotFoundError, f"{repo_id} has no revision {revision!r}"
    elif code == "GatedRepo":
        kind, text = (
            GatedRepoError,
            f"{about} is gated: ask for access on its page and pass a token that has it{quoted}",
        )
    elif message.lower() == DISABLED:
        kind, text = DisabledRepoError, f"{about} has been disabled by the Hub"
    elif code == "RepoNotFound":
        kind, text = RepositoryNotFoundError, f"{repo_id} does not exist, or is hidden from this token"
    elif status == HTTPStatus.UNAUTHORIZED and message.lower() == INVALID_TOKEN:
        kind, text = UnauthorizedError, f"the Hub refuses the token for {about}: it is invalid or has expired"
    elif status == HTTPStatus.UNAUTHORIZED and not has_token:
        kind, text = RepositoryNotFoundError, f"{repo_id} does not exist, or is private and needs a token"
    elif status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        kind, text = UnauthorizedError, f"the token may not read {about}{quoted}"
    elif status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimitedError(
            f"the Hub's quota was used up before {about} was answered{quoted}",
            repo_id=target.repo_id if target is not None else None,
            revision=target.revision if target is not None else None,
            status=status,
            retry_after_s=retry_after_s(response),
        )
    elif status in _TRANSIENT or status >= 500:
        kind, text = HubUnavailableError, f"the Hub failed with status {status} on {about}{quoted}"
    else:
        kind, text = HubResponseError, f"the Hub answered {about} with an unexpected status {status}{quoted}"
    error = kind(
        text,
        repo_id=target.repo_id if target is not None else None,
        revision=target.revision if target is not None else None,
        status=status,
    )
    if isinstance(error, HubUnavailableError):
        error.retry_after_s = parse_retry_after_s(response)
    error.is_hub_answer = is_hub_answer(code, status, message, has_token=has_token)
    error.server_message = hide_secrets(message)
    return error


def is_plain_refusal(response: HttpResponse) -> bool:
    """Whether a server that does not use the Hub's words says that it has no such thing: most mirrors do so."""
    is_refusal = response.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)
    return is_refusal and "x-error-code" not in response.headers and parse_message(response).lower() != DISABLED


def is_mirror_refusal(error: RepositoryNotFoundError) -> bool:
    """Whether `error` came from a plain refusal, and not from the Hub's own words."""
    return not error.is_hub_answer and error.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)


def error_from_plain_refusal(response: HttpResponse, target: RepoRevision) -> RepositoryNotFoundError:
    """The error of a plain refusal of model info."""
    message = parse_message(response)
    said = f'says: "{message}"' if message else f"answers with status {response.status}"
    error = RepositoryNotFoundError(
        f"{target.repo_id} does not exist on this server, or is hidden from this token (it {said})",
        repo_id=target.repo_id,
        revision=target.revision,
        status=response.status,
    )
    error.server_message = hide_secrets(message)
    return error


def build_missing_revision(target: RepoRevision, refusal: RepositoryNotFoundError) -> RevisionNotFoundError:
    """The error where the server that refused a revision of a repo has the repo itself."""
    quoted = f' (the server says: "{refusal.server_message}")' if refusal.server_message else ""
    error = RevisionNotFoundError(
        f"{target.repo_id} has no revision {target.revision!r}{quoted}",
        repo_id=target.repo_id,
        revision=target.revision,
        status=refusal.status,
    )
    error.server_message = refusal.server_message
    return error


def is_hub_answer(code: str | None, status: int, message: str, *, has_token: bool) -> bool:
    """Whether the Hub itself says that a repo or revision is missing, private or gated: by its code, or without a token
    by the message of a 401, as it was recorded in 2026. Anything else may be the refusal of a proxy or a mirror.
    """
    if code is not None:
        return code in HIDING_CODES and status in (401, 403, 404)
    return status == HTTPStatus.UNAUTHORIZED and not has_token and message.lower() == MISSING_OR_PRIVATE


def parse_message(response: HttpResponse) -> str:
    """The server's message, in one line of at most 300 characters; empty where it has none that is readable."""
    text = response.headers.get("x-error-message") or _parse_body_message(response)
    printable = "".join(char if char.isprintable() else " " for char in text)
    return re.sub(r"\s+", " ", printable).strip()[:MAX_MESSAGE_LENGTH]


def _parse_body_message(response: HttpResponse) -> str:
    content_type = response.headers.get("content-type", "")
    if "json" not in content_type:
        is_text = content_type.startswith("text/plain")
        return response.body[:MAX_MESSAGE_LENGTH].decode("utf-8", "replace") if is_text else ""
    try:
        payload = parse_json(response.body)
    except UnusableJsonError:
        return ""
    message = _find_message(payload)
    if isinstance(message, list):
        message = "; ".join(str(item) for item in message)
    return message if isinstance(message, str) else ""


def _find_message(payload: object) -> object:
    """The message in a JSON body: the Hub's own, or in a form that mirrors and gateways use."""
    for name in ("error", "message", "detail"):
        if isinstance(payload, dict) and payload.get(name):
            return payload[name]
    errors = payload.get("errors") if isinstance(payload, dict) else None
    return _find_message(errors[0]) if isinstance(errors, list) and errors and isinstance(errors[0], dict) else None
