"""`HttpResponse`: an HTTP response as a value that pure modules can read."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from msgspec import Struct, field


class Bucket(enum.StrEnum):
    """The Hub's quotas: one for its API routes, one for its file routes (hub-docs, rate-limits.md)."""

    API = "api"
    RESOLVERS = "resolvers"

    @property
    def noun(self) -> str:
        """What messages call its requests: "API requests", "file requests"."""
        return "API" if self is Bucket.API else "file"

    # That of an enumeration is a function of Python, and a request looks up several things by its bucket.
    __hash__ = str.__hash__


class HttpResponse(Struct, frozen=True, kw_only=True, gc=False):
    """One HTTP response, redirects followed. Header names are matched without regard to case.

    `is_truncated`: the body is longer than was wanted, and only its first bytes were kept. `received_at_s`: Unix time
    on this machine.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_truncated: bool = False
    received_at_s: float | None = None
