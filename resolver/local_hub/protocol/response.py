"""What a route answers, before it becomes an HTTP response; and the Hub's ways of saying no. Pure.

Source of the error shapes: recorded answers and `hf_raise_for_status` of huggingface_hub 2.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

JSON: Final = "application/json; charset=utf-8"
TEXT: Final = "text/plain; charset=utf-8"
HTML: Final = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class RouteResponse:
    """Status, body and headers. `content_type` is kept apart from the other headers."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error of the Hub. `code` goes into `X-Error-Code`, `message` into `X-Error-Message` and the body."""

    status: int
    message: str
    code: str | None = None
    commit_hash: str | None = None

    def answer(self, *, as_json: bool) -> RouteResponse:
        """The answer, with a JSON body on API routes and a text body elsewhere."""
        headers = {"X-Error-Message": "".join(c if c.isprintable() and c.isascii() else "?" for c in self.message)}
        if self.code is not None:
            headers["X-Error-Code"] = self.code
        if self.commit_hash is not None:
            headers["X-Repo-Commit"] = self.commit_hash
        if self.status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="Authentication required", charset="UTF-8"'
        body = msgspec.json.encode({"error": self.message}) if as_json else self.message.encode()
        return RouteResponse(self.status, body, JSON if as_json else TEXT, headers)


INVALID_TOKEN: Final = Refusal(status=401, message="Invalid credentials in Authorization header")
REPO_NOT_FOUND: Final = Refusal(status=404, message="Repository not found", code="RepoNotFound")
DISABLED: Final = Refusal(status=403, message="Access to this resource is disabled.")
UNKNOWN_ROUTE: Final = Refusal(status=404, message="Sorry, we can't find the page you are looking for.")
NO_METHOD: Final = Refusal(status=405, message="Method not allowed")
TOO_MANY_REQUESTS: Final = Refusal(status=429, message="You have exceeded your rate limit for this window.")


def revision_not_found(revision: str) -> Refusal:
    """The repo is there, the branch, tag or commit is not."""
    return Refusal(status=404, message=f"Invalid rev id: {revision}", code="RevisionNotFound")


def entry_not_found(commit_hash: str) -> Refusal:
    """The commit is there, the file is not; the commit is still told."""
    return Refusal(status=404, message="Entry not found", code="EntryNotFound", commit_hash=commit_hash)


def bad_request(message: str) -> Refusal:
    """A parameter that the Hub does not take."""
    return Refusal(status=400, message=message)


def redirect(location: str, headers: Mapping[str, str] | None = None, status: int = 307) -> RouteResponse:
    """A redirect with a short text body, as the Hub sends it."""
    return RouteResponse(
        status,
        f"Temporary Redirect. Redirecting to {location}".encode(),
        TEXT,
        {"Location": location, **(headers or {})},
    )
