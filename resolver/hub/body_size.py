"""Tells how much memory the body of a response takes, parsed. Pure."""

from __future__ import annotations

SMALL_BODY_BYTES = 256 * 1024
"""Longest body that is read and parsed at once, beside any number of others."""

SMALL_PARSED_BYTES = 1024 * 1024
"""Most memory that the parsed content of such a body is expected to take."""

_BYTES_PER_VALUE = 64
"""About what a JSON value takes in Python."""


def count_values(body: bytes) -> int:
    """How many values the JSON text in `body` has, at most."""
    return body.count(b",") + body.count(b"[") + body.count(b"{")


def is_large(body: bytes) -> bool:
    """Whether a body, or what it holds when it is parsed, takes much memory."""
    if len(body) > SMALL_BODY_BYTES:
        return True
    # Two bytes are the shortest value.
    return len(body) * _BYTES_PER_VALUE // 2 > SMALL_PARSED_BYTES and (
        len(body) + count_values(body) * _BYTES_PER_VALUE > SMALL_PARSED_BYTES
    )
