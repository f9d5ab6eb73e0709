"""What came back over HTTP, as a value the pure modules can read."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from msgspec import Struct, field


class Bucket(enum.StrEnum):
    """The Hub meters its API routes and its file routes apart (hub-docs, rate-limits.md)."""

    API = "api"
    RESOLVERS = "resolvers"


class Answer(Struct, frozen=True, kw_only=True, gc=False):
    """One HTTP answer, redirects followed. Header names are in lower case.

    `is_cut` says that the body is longer than was wanted and only its beginning was read.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_cut: bool = False
