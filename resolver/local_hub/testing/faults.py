"""Defines faults: wrong responses, the requests that get them, and how often. Pure; `server.app` applies them.

A fault is one of seven small actions; the functions below build those that tests need most.
"""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final, Literal

import msgspec

from resolver.local_hub.protocol.response import HTML, JSON, TEXT, RouteResponse

RATE_LIMIT_HEADERS: Final = ("RateLimit", "RateLimit-Policy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Send this in place of the correct response. `drop` names common headers that are left out."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Send the correct response with changed headers and, if its status is 200, a changed content type or body."""

    headers: Mapping[str, str] = field(default_factory=dict)
    drop: Collection[str] = ()
    content_type: str | None = None
    change_body: Callable[[bytes], bytes] | None = None

    def apply(self, response: RouteResponse) -> RouteResponse:
        """The changed response."""
        headers = {name: value for name, value in response.headers.items() if name not in self.drop}
        headers.update(self.headers)
        if response.status != 200:
            return RouteResponse(response.status, response.body, response.content_type, headers)
        body = response.body if self.change_body is None else self.change_body(response.body)
        return RouteResponse(response.status, body, self.content_type or response.content_type, headers)


@dataclass(frozen=True, slots=True)
class ServeInstead:
    """Send the correct response of another path in place of the requested one. The query stays."""

    path: str


@dataclass(frozen=True, slots=True)
class Stall:
    """Wait before the headers, or in the middle of the body, then continue."""

    seconds: float
    where: Literal["headers", "body"] = "headers"


@dataclass(frozen=True, slots=True)
class Hold:
    """Wait before the headers until `wait()` returns, such as `asyncio.Event().wait`, then continue."""

    wait: Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Cut:
    """Send the headers of the whole body, then `after_bytes` of it, and reset the connection."""

    after_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """Call a function (push a commit, move a branch), then send the correct response."""

    call: Callable[[], object]


Action = Reply | Edit | ServeInstead | Stall | Hold | Cut | Run


@dataclass(slots=True)
class ArmedFault:
    """A fault of a plan. `times` counts the requests still to hit, None for all; `hits` those that it has hit."""

    action: Action
    matches: Callable[[str], bool]
    method: str | None
    skip: int
    times: int | None
    hits: int = 0


class FaultPlan:
    """The faults of the next requests; of those that match a request, the one added first is used."""

    def __init__(self) -> None:
        self._faults: list[ArmedFault] = []

    def __len__(self) -> int:
        return len(self._faults)

    @property
    def hits(self) -> int:
        """The requests that the faults of the plan have hit."""
        return sum(fault.hits for fault in self._faults)

    def add(
        self,
        action: Action,
        path: str | Callable[[str], bool] = "*",
        *,
        times: int | None = 1,
        skip: int = 0,
        method: str | None = None,
    ) -> ArmedFault:
        """The added fault, for requests whose raw path (without query) matches a glob or a predicate.

        The first `skip` matching requests are served correctly, the next `times` (None for all) get the fault. A small
        file takes two requests: `*/resolve/*` and, after the redirect, `/api/resolve-cache/*`.
        """
        matches = (lambda raw_path: fnmatchcase(raw_path, path)) if isinstance(path, str) else path
        fault = ArmedFault(action, matches, method, skip, times)
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def take(self, method: str, raw_path: str) -> Action | None:
        """The action for this request, which counts as a hit; None where no fault matches."""
        for fault in self._faults:
            if fault.method not in (None, method) or not fault.matches(raw_path):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.hits += 1
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._faults.remove(fault)
            return fault.action
        return None


def failing(status: int, code: str | None = None, message: str = "Something went wrong") -> Reply:
    """An error response with a JSON body, with or without `X-Error-Code`."""
    headers = {"X-Error-Message": message, **({"X-Error-Code": code} if code is not None else {})}
    return Reply(status=status, body=msgspec.json.encode({"error": message}), headers=headers)


def html_page(status: int = 503) -> Reply:
    """The error page of a proxy whose server is down."""
    page = b"<!DOCTYPE html><html><head><title>Service Unavailable</title></head><body><h1>503</h1></body></html>"
    return Reply(status=status, body=page, content_type=HTML, drop=RATE_LIMIT_HEADERS)


def rate_limited(
    *, remaining: int | None = 0, reset_s: int = 5, retry_after_s: int | None = None, bucket: str = "api"
) -> Reply:
    """A 429 response. `remaining` above zero stands for another, finer limit; None sends no `RateLimit` headers."""
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    if remaining is not None:
        headers["RateLimit"] = f'"{bucket}";r={remaining};t={reset_s}'
        headers["RateLimit-Policy"] = f'"fixed window";"{bucket}";q=500;w=300'
    body = msgspec.json.encode({"error": "You have been rate limited."})
    return Reply(status=429, body=body, headers=headers, drop=RATE_LIMIT_HEADERS)


def truncated(keep: float = 0.5) -> Edit:
    """A complete HTTP response whose body is cut to a part of its length."""
    return Edit(change_body=lambda body: body[: int(len(body) * keep)])


def wrong_commit(commit_hash: str) -> Edit:
    """A file response with another commit in its header."""
    return Edit(headers={"X-Repo-Commit": commit_hash})


def no_commit() -> Edit:
    """A file response without a commit in its headers, as from some mirrors."""
    return Edit(drop=("X-Repo-Commit",))


def wrong_sha(commit_hash: str) -> Edit:
    """A model info response with another commit."""

    def change(body: bytes) -> bytes:
        return msgspec.json.encode({**msgspec.json.decode(body), "sha": commit_hash})

    return Edit(change_body=change)


def wrong_content_type(content_type: str) -> Edit:
    """The correct body with another content type."""
    return Edit(content_type=content_type)


def redirect_to(url: str, status: int = 307) -> Reply:
    """A redirect to any URL, for example of another origin."""
    return Reply(status=status, content_type=TEXT, headers={"Location": url})


def redirect_loop() -> Reply:
    """A redirect to the same path; add it with `times=None`."""
    return Reply(status=307, content_type=TEXT, headers={"Location": "?again=1"})


def gzip_bomb(unpacked_bytes: int = 200 << 20) -> Reply:
    """A small gzip body that unpacks to this many bytes of JSON (one long string)."""
    body = gzip.compress(b'{"a":"' + b"0" * unpacked_bytes + b'"}', compresslevel=1, mtime=0)
    return Reply(body=body, headers={"Content-Encoding": "gzip"})


def huge_config(size_bytes: int = 50 << 20) -> Edit:
    """A valid `config.json` of this size in place of the correct one."""
    head, tail = b'{"architectures":["BertModel"],"model_type":"bert","padding":"', b'"}'
    body = head + b"0" * (size_bytes - len(head) - len(tail)) + tail
    return Edit(change_body=lambda _: body)
