"""An answer that is not a success, to the error it means. Pure.

The order of the tests is huggingface_hub's (2.4, utils/_http.hf_raise_for_status): `X-Error-Code` first, then the one
message that stands for a disabled repo, then the status.
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
from resolver.hub.answer import Answer
from resolver.hub.parse import UnusableJsonError, parse_json
from resolver.hub.quota import retry_after_s
from resolver.repo_id import Wanted

INVALID_TOKEN = "invalid credentials in authorization header"
DISABLED = "access to this resource is disabled."
_TRANSIENT = {408, 425, 500, 502, 503, 504}


def is_entry_missing(answer: Answer) -> bool:
    """Whether the repo and revision are there, but not the file asked for."""
    return answer.headers.get("x-error-code") == "EntryNotFound"


def is_success(answer: Answer) -> bool:
    return 200 <= answer.status < 300


def error_of(answer: Answer, wanted: Wanted, *, has_token: bool) -> HubError:
    """The error that an unsuccessful `answer` about `wanted` means."""
    code, message, status = answer.headers.get("x-error-code"), message_of(answer), answer.status
    about = f"{wanted.repo_id}@{wanted.revision}"
    told = f' (the Hub says: "{message}")' if message else ""
    kind: type[HubError]
    if code == "RevisionNotFound":
        kind, text = RevisionNotFoundError, f"{wanted.repo_id} has no revision {wanted.revision!r}"
    elif code == "GatedRepo":
        kind, text = GatedRepoError, f"{about} is gated: ask for access on its page and pass a token that has it{told}"
    elif message.lower() == DISABLED:
        kind, text = DisabledRepoError, f"{about} has been disabled by the Hub"
    elif code == "RepoNotFound":
        kind, text = RepositoryNotFoundError, f"{wanted.repo_id} does not exist, or is hidden from this token"
    elif status == HTTPStatus.UNAUTHORIZED and message.lower() == INVALID_TOKEN:
        kind, text = UnauthorizedError, f"the Hub refuses the token for {about}: it is invalid or has expired"
    elif status == HTTPStatus.UNAUTHORIZED and not has_token:
        kind, text = RepositoryNotFoundError, f"{wanted.repo_id} does not exist, or is private and needs a token"
    elif status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        kind, text = UnauthorizedError, f"the token may not read {about}{told}"
    elif status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimitedError(
            f"the Hub's quota was used up before {about} was answered{told}",
            repo_id=wanted.repo_id,
            revision=wanted.revision,
            status=status,
            retry_after_s=retry_after_s(answer),
        )
    elif status in _TRANSIENT or status >= 500:
        kind, text = HubUnavailableError, f"the Hub failed with status {status} on {about}{told}"
    else:
        kind, text = HubResponseError, f"the Hub answered {about} with an unexpected status {status}{told}"
    return kind(text, repo_id=wanted.repo_id, revision=wanted.revision, status=status)


def message_of(answer: Answer) -> str:
    """What the server said, in one line of at most 300 characters; empty where it said nothing readable."""
    text = answer.headers.get("x-error-message") or _body_message(answer)
    return re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in text)).strip()[:300]


def _body_message(answer: Answer) -> str:
    kind = answer.headers.get("content-type", "")
    if "json" not in kind:
        return answer.body[:300].decode("utf-8", "replace") if kind.startswith("text/plain") else ""
    try:
        payload = parse_json(answer.body)
    except UnusableJsonError:
        return ""
    said = payload.get("error") if isinstance(payload, dict) else None
    if isinstance(said, list):
        said = "; ".join(str(item) for item in said)
    return said if isinstance(said, str) else ""
