"""`RouteResponse` and `RouteError`: what a route returns, independent of the HTTP library. Pure.

Source of the error shapes: recorded responses and `hf_raise_for_status` of huggingface_hub 2.4.
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
    """Status, body and headers. `headers` does not hold the content type."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteError:
    """An error of the Hub. `code` is sent as `X-Error-Code`, `message` as `X-Error-Message` and in the body."""

    status: int
    message: str
    code: str | None = None
    commit_hash: str | None = None

    def build_response(self, *, as_json: bool) -> RouteResponse:
        """The response, with a JSON body (for API routes) or a text body (for the others)."""
        headers = {"X-Error-Message": "".join(c if c.isprintable() and c.isascii() else "?" for c in self.message)}
        if self.code is not None:
            headers["X-Error-Code"] = self.code
        if self.commit_hash is not None:
            headers["X-Repo-Commit"] = self.commit_hash
        if self.status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="Authentication required", charset="UTF-8"'
        body = msgspec.json.encode({"error": self.message}) if as_json else self.message.encode()
        return RouteResponse(self.status, body, JSON if as_json else TEXT, headers)


RouteResult = RouteResponse | RouteError

INVALID_TOKEN: Final = RouteError(status=401, message="Invalid credentials in Authorization header")
REPO_NOT_FOUND: Final = RouteError(status=404, message="Repository not found", code="RepoNotFound")
REPO_DISABLED: Final = RouteError(status=403, message="Access to this resource is disabled.")
UNKNOWN_ROUTE: Final = RouteError(status=404, message="Sorry, we can't find the page you are looking for.")
METHOD_NOT_ALLOWED: Final = RouteError(status=405, message="Method not allowed")
TOO_MANY_REQUESTS: Final = RouteError(status=429, message="You have exceeded your rate limit for this window.")


def build_revision_not_found(revision: str) -> RouteError:
    """The error for a missing branch, tag or commit of a repo that exists."""
    return RouteError(status=404, message=f"Invalid rev id: {revision}", code="RevisionNotFound")


def build_entry_not_found(commit_hash: str) -> RouteError:
    """The error for a missing file of a commit that exists; it names the commit."""
    return RouteError(status=404, message="Entry not found", code="EntryNotFound", commit_hash=commit_hash)


def build_bad_request(message: str) -> RouteError:
    """The error for an invalid parameter."""
    return RouteError(status=400, message=message)


def build_redirect(location: str, headers: Mapping[str, str] | None = None, status: int = 307) -> RouteResponse:
    """A redirect with a short text body."""
    return RouteResponse(
        status,
        f"Temporary Redirect. Redirecting to {location}".encode(),
        TEXT,
        {"Location": location, **(headers or {})},
    )
