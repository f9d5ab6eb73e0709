"""Parses what callers send: query, token, ids. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from resolver.lookup.request import Request, UnusableRequest

MAX_SHOWN = 100
"""Characters of a wrong value that an error repeats."""

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,512}")
"""A bearer token (RFC 6750) long enough that it cannot be found in ordinary text, from which it is hidden."""

_AUTHOR = re.compile(r"[A-Za-z0-9_.-]{1,96}")


class BadRequestError(Exception):
    """The request cannot be used; the message says why. `code` and `status` are those of the response."""

    def __init__(self, message: str, *, code: str = "bad_request", status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def parse_query(items: Iterable[tuple[str, str]], known: tuple[str, ...]) -> dict[str, str]:
    """The parameters of a query, without the empty ones.

    Raises:
        BadRequestError: one is unknown, or is there twice.
    """
    found: dict[str, str] = {}
    for name, value in items:
        if name not in known:
            expected = f"known are {', '.join(known)}" if known else "there is none"
            raise BadRequestError(f"unknown query parameter {name[:MAX_SHOWN]!r}: {expected}")
        if name in found:
            raise BadRequestError(f"the query parameter {name!r} is there twice")
        found[name] = value
    return {name: value for name, value in found.items() if value}


def parse_author(query: Mapping[str, str]) -> str | None:
    """The user or organisation that the page is about; None for all.

    Raises:
        BadRequestError: nobody has such a name.
    """
    author = query.get("author")
    if author is not None and _AUTHOR.fullmatch(author) is None:
        raise BadRequestError(f"{author[:MAX_SHOWN]!r} is not the name of a user or organisation")
    return author


def parse_token(values: list[str]) -> str | None:
    """The caller's own token from the `Authorization` headers; None without one.

    Raises:
        BadRequestError: the header is not "Bearer TOKEN", or no Hub has such a token. The message does not repeat it.
    """
    if not values:
        return None
    scheme, _, token = values[0].strip().partition(" ")
    token = token.strip()
    if len(values) > 1 or scheme.lower() != "bearer" or _TOKEN.fullmatch(token) is None:
        raise BadRequestError(
            "the header Authorization must be 'Bearer TOKEN', with a token of the Hub", code="unauthorized", status=401
        )
    return token


def count_lines(body: bytes) -> int:
    """How many lines `body` has at most."""
    return body.count(b"\n") + body.count(b"\r") + 1


def read_ids(body: bytes, max_line_bytes: int) -> Iterator[Request]:
    """The ids of a body, one a line; blank lines and lines that begin with "#" are skipped. A line that is no text, or
    too long, is a request that is refused in its place.
    """
    start = 0
    while start < len(body):
        end = body.find(b"\n", start)
        end = len(body) if end < 0 else end
        line = body[start:end].strip()
        start = end + 1
        if not line or line.startswith(b"#"):
            continue
        yield _read_id(line, max_line_bytes)


def _read_id(line: bytes, max_line_bytes: int) -> Request:
    beginning = line[:MAX_SHOWN].decode("utf-8", "replace")
    if len(line) > max_line_bytes:
        return UnusableRequest(beginning, f"the line has {len(line):,} bytes; an id has at most {max_line_bytes:,}")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return UnusableRequest(beginning, "the line is not text in UTF-8")
