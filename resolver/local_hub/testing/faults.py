"""Misbehaviour on demand: what to do wrong, to which requests, how often. Pure; carrying it out is left to `app`.

A fault is one of six small actions; the functions below them name the ones that tests ask for.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final, Literal

import msgspec

from resolver.local_hub.protocol.response import HTML, JSON, TEXT, RouteResponse

RATE_LIMIT_HEADERS: Final = ("RateLimit", "RateLimit-Policy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Answer this instead of the real answer. `drop` names headers that every answer has otherwise."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Give the real answer with other headers; where it is a success, with another content type or a changed body."""

    headers: Mapping[str, str] = field(default_factory=dict)
    drop: Collection[str] = ()
    content_type: str | None = None
    change_body: Callable[[bytes], bytes] | None = None

    def apply(self, answer: RouteResponse) -> RouteResponse:
        """The edited answer."""
        headers = {name: value for name, value in answer.headers.items() if name not in self.drop}
        headers.update(self.headers)
        if answer.status != 200:
            return RouteResponse(answer.status, answer.body, answer.content_type, headers)
        body = answer.body if self.change_body is None else self.change_body(answer.body)
        return RouteResponse(answer.status, body, self.content_type or answer.content_type, headers)


@dataclass(frozen=True, slots=True)
class ServeInstead:
    """Give the real answer of another path, as if it were the one asked for. The query stays."""

    path: str


@dataclass(frozen=True, slots=True)
class Stall:
    """Wait before the headers, or in the middle of the body, then go on."""

    seconds: float
    where: Literal["headers", "body"] = "headers"


@dataclass(frozen=True, slots=True)
class Cut:
    """Announce the whole body, send this much of it, and reset the connection."""

    after_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """Call something first (push a commit, move a branch), then give the real answer."""

    call: Callable[[], object]


Action = Reply | Edit | ServeInstead | Stall | Cut | Run


@dataclass(slots=True)
class Armed:
    """A fault in waiting. `times` left is None where it never wears off; `hits` counts the requests it met."""

    action: Action
    matches: Callable[[str], bool]
    method: str | None
    skip: int
    times: int | None
    hits: int = 0


class FaultPlan:
    """The faults in waiting, tried in the order they were added; the first that matches is used."""

    def __init__(self) -> None:
        self._armed: list[Armed] = []

    def __len__(self) -> int:
        return len(self._armed)

    def add(
        self,
        action: Action,
        path: str | Callable[[str], bool] = "*",
        *,
        times: int | None = 1,
        skip: int = 0,
        method: str | None = None,
    ) -> Armed:
        """Arm a fault for requests whose raw path (no query) matches a glob or a predicate.

        The first `skip` matching requests are left alone, the next `times` meet it (all where None). Reading a small
        file is two requests: `*/resolve/*` and, after the redirect, `/api/resolve-cache/*`.
        """
        matches = (lambda raw_path: fnmatchcase(raw_path, path)) if isinstance(path, str) else path
        armed = Armed(action, matches, method, skip, times)
        self._armed.append(armed)
        return armed

    def clear(self) -> None:
        """Behave from now on."""
        self._armed.clear()

    def take(self, method: str, raw_path: str) -> Action | None:
        """The action for this request, used up by it; None where no fault matches."""
        for armed in self._armed:
            if armed.method not in (None, method) or not armed.matches(raw_path):
                continue
            if armed.skip > 0:
                armed.skip -= 1
                continue
            armed.hits += 1
            if armed.times is not None:
                armed.times -= 1
                if armed.times <= 0:
                    self._armed.remove(armed)
            return armed.action
        return None


def failing(status: int, code: str | None = None, message: str = "Something went wrong") -> Reply:
    """An error answer with a JSON body, with or without `X-Error-Code`."""
    headers = {"X-Error-Message": message, **({"X-Error-Code": code} if code is not None else {})}
    return Reply(status=status, body=msgspec.json.encode({"error": message}), headers=headers)


def html_page(status: int = 503) -> Reply:
    """What a proxy says when the server behind it is away."""
    page = b"<!DOCTYPE html><html><head><title>Service Unavailable</title></head><body><h1>503</h1></body></html>"
    return Reply(status=status, body=page, content_type=HTML, drop=RATE_LIMIT_HEADERS)


def rate_limited(
    *, remaining: int | None = 0, reset_s: int = 5, retry_after_s: int | None = None, bucket: str = "api"
) -> Reply:
    """A 429. `remaining` above zero is another, finer limit; None sends no `RateLimit` headers at all."""
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    if remaining is not None:
        headers["RateLimit"] = f'"{bucket}";r={remaining};t={reset_s}'
        headers["RateLimit-Policy"] = f'"fixed window";"{bucket}";q=500;w=300'
    body = msgspec.json.encode({"error": "You have been rate limited."})
    return Reply(status=429, body=body, headers=headers, drop=RATE_LIMIT_HEADERS)


def truncated(keep: float = 0.5) -> Edit:
    """A complete HTTP answer whose body ends early."""
    return Edit(change_body=lambda body: body[: int(len(body) * keep)])


def wrong_commit(commit_hash: str) -> Edit:
    """A file answer that claims another commit."""
    return Edit(headers={"X-Repo-Commit": commit_hash})


def no_commit() -> Edit:
    """A file answer that does not say its commit, as of some mirrors."""
    return Edit(drop=("X-Repo-Commit",))


def wrong_sha(commit_hash: str) -> Edit:
    """A model info answer that claims another commit."""

    def change(body: bytes) -> bytes:
        return msgspec.json.encode({**msgspec.json.decode(body), "sha": commit_hash})

    return Edit(change_body=change)


def wrong_content_type(content_type: str) -> Edit:
    """The right body under another content type."""
    return Edit(content_type=content_type)


def redirect_to(url: str, status: int = 307) -> Reply:
    """A redirect to anywhere, another origin for one."""
    return Reply(status=status, content_type=TEXT, headers={"Location": url})


def redirect_loop() -> Reply:
    """A redirect to the same path; arm it with `times=None`."""
    return Reply(status=307, content_type=TEXT, headers={"Location": "?again=1"})


def gzip_bomb(unpacked_bytes: int = 200 << 20) -> Reply:
    """A small gzip body that unpacks to this much JSON text (one long string)."""
    body = gzip.compress(b'{"a":"' + b"0" * unpacked_bytes + b'"}', compresslevel=1, mtime=0)
    return Reply(body=body, headers={"Content-Encoding": "gzip"})


def huge_config(size_bytes: int = 50 << 20) -> Edit:
    """A valid `config.json` of this size in place of the real one."""
    head, tail = b'{"architectures":["BertModel"],"model_type":"bert","padding":"', b'"}'
    body = head + b"0" * (size_bytes - len(head) - len(tail)) + tail
    return Edit(change_body=lambda _: body)
