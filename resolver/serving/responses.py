"""Chooses status, headers and content of responses. Pure."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import msgspec

from resolver.answer import Answer, Failure
from resolver.errors import HubUnavailableError, RateLimitedError, ResolveError
from resolver.render import render_json_line

STATUSES: Mapping[str, int] = {
    "invalid_repo_id": 400,
    "not_a_model": 404,
    "repo_not_found": 404,
    "revision_not_found": 404,
    "gated": 403,
    "disabled": 403,
    "unauthorized": 401,
    "task_mismatch": 422,
    "rate_limited": 429,
    "bad_response": 502,
    "hub_unavailable": 503,
    "offline_miss": 504,
    "internal_error": 500,
    "invalid_settings": 500,
}
"""Error code of a row -> status of the response that is this row. 504 for `offline_miss` is from RFC 9111, 5.2.1.7."""

_GENERAL_TEXTS: Mapping[str, str] = {
    "hub_unavailable": "the Hub cannot be reached, or does not answer; ask again later",
    "internal_error": "a defect of the service, or of its store; its log says more",
    "invalid_settings": "the service is not set up correctly; its log says more",
}
"""Errors whose own text may name proxies, addresses or files of the operator."""

RETRY_AFTER_S = 30
MAX_RETRY_AFTER_S = 3_600

CHANGING_KEYS = ("source", "checked_at", "stale")
"""Keys of a row that differ from one request to the next for the same answer."""


def build_row(answer: Answer, *, has_own_token: bool) -> dict[str, Any]:
    """The row that is sent to a caller."""
    row: dict[str, Any] = dict(answer.to_dict())
    if isinstance(answer, Failure):
        code = answer.error.code
        text = _GENERAL_TEXTS.get(code)
        if code == "unauthorized" and not has_own_token:
            text = "the Hub asks for a token; send one of your own: 'Authorization: Bearer TOKEN'"
        if text is not None:
            row["error"] = {"code": code, "message": f"{answer.repo_id}: {text}"}
    return row


def get_status(error: ResolveError) -> int:
    """The status for a row that is an error."""
    return STATUSES.get(error.code, 500)


def build_error_headers(error: ResolveError) -> dict[str, str]:
    """The headers for a row that is an error."""
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, (RateLimitedError, HubUnavailableError)):
        headers["Retry-After"] = format_wait(error.retry_after_s)
    if error.code == "unauthorized":
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def format_wait(seconds: float | None) -> str:
    """The value of `Retry-After`, in whole seconds."""
    wait_s = RETRY_AFTER_S if seconds is None else math.ceil(seconds)
    return str(max(1, min(wait_s, MAX_RETRY_AFTER_S)))


def build_error_body(code: str, message: str) -> bytes:
    """The content of a response that is about the request and not about a repo."""
    return render_json_line({"error": {"code": code, "message": message}}).encode() + b"\n"


def encode_row(row: Mapping[str, Any]) -> bytes:
    """A row as one line of JSON."""
    return render_json_line(row).encode() + b"\n"


def compute_tag(row: Mapping[str, Any], registry_digest: str) -> str:
    """The opaque part of the weak ETag of an answer: a hash of its commit, of the rules, and of its other values.

    The Hub's tags may change an answer without a new commit; when and from where it was checked does not.
    """
    content = {key: value for key, value in row.items() if key not in CHANGING_KEYS}
    return hashlib.blake2b(msgspec.json.encode([registry_digest, content]), digest_size=16).hexdigest()
