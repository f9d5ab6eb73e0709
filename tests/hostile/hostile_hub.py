"""A Hub that answers each request correctly, or with one of many faults, as a seed decides.

It writes bytes to sockets by itself: most faults are no HTTP that a server library would send.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from tests.resolver.support import BERT

SHA = "c" * 40
TOKEN = "hf_OnlyTheHubMaySeeThisToken"
CONTROLS = "\x1b]0;x\x07\x9b2J\u202e"
NOISE = random.Random(7).randbytes(3_000)


@dataclass(frozen=True)
class Request:
    """One request: whether it is about model info or a file, of which repo, and whether it came with the token."""

    path: str
    repo_id: str
    is_info: bool


def info(repo_id: str, **more: Any) -> bytes:
    """The correct model info, with changes."""
    names = ("README.md", "config.json", "model.safetensors")
    return json.dumps({
        "_id": "0" * 24, "id": repo_id, "sha": SHA, "private": False, "gated": False, "tags": ["transformers", "bert"],
        "pipeline_tag": "fill-mask", "library_name": "transformers",
        "siblings": [{"rfilename": name} for name in names],
        "config": {"architectures": ["BertForMaskedLM"], "model_type": "bert"}, **more,
    }).encode()  # fmt: skip


GOOD_CONFIG = json.dumps(BERT).encode()


def reply(body: bytes = b"", status: int = 200, *headers: str, length: int | None = None) -> bytes:
    """A response that ends the connection."""
    lines = (
        f"HTTP/1.1 {status} X", "Connection: close", f"Content-Length: {len(body) if length is None else length}",
        "Content-Type: application/json", f"X-Repo-Commit: {SHA}", *headers,
    )  # fmt: skip
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def good(request: Request) -> bytes:
    """The correct response."""
    return reply(info(request.repo_id) if request.is_info else GOOD_CONFIG)


def limited(*headers: str) -> bytes:
    return reply(b'{"error": "too many"}', 429, *headers)


def error(status: int, code: str = "", message: str = "no") -> bytes:
    more = (f"X-Error-Code: {code}",) if code else ()
    return reply(json.dumps({"error": message}).encode(), status, f"X-Error-Message: {message}", *more)


def changed(**more: Any) -> Callable[[Request], bytes]:
    """Model info with wrong values; a file with the same values."""
    return lambda request: reply(info(request.repo_id, **more) if request.is_info else json.dumps(more).encode())


def text(body: bytes, *headers: str) -> Callable[[Request], bytes]:
    return lambda _: reply(body, 200, *headers)


DENSE_INFO = b'{"id":"a/b","sha":"%s","x":[%s0]}' % (SHA.encode(), b"[]," * 3_000_000)
HUGE_INFO = b'{"id":"a/b","sha":"%s","siblings":[%s{}]}' % (SHA.encode(), b'{"rfilename":"a"},' * 2_300_000)
LONG_CONFIG = b'{"architectures":["BertForMaskedLM"],"model_type":"bert","x":"%s"}' % (b"y" * 9_000_000)
DENSE_CONFIG = b'{"architectures":["BertForMaskedLM"],"model_type":"bert","x":[%s0]}' % (b"{}," * 80_000)
BOMB = gzip.compress(b" " * 100_000_000, compresslevel=1)

FAULTS: dict[str, Callable[[Request], bytes]] = {
    "400": lambda _: error(400),
    "401 of a token": lambda _: error(401, message="Invalid credentials in Authorization header"),
    "403 that repeats the token": lambda _: error(403, message=f"Bearer {TOKEN} may not"),
    "404 without a code": lambda _: error(404),
    "404 of a repo": lambda _: error(404, "RepoNotFound"),
    "404 of a revision": lambda _: error(404, "RevisionNotFound"),
    "404 of a file": lambda _: error(404, "EntryNotFound"),
    "gated": lambda _: error(403, "GatedRepo", CONTROLS.encode("ascii", "replace").decode()),
    "418 that repeats the token": lambda _: reply(TOKEN.encode(), 418, f"X-Error-Message: {TOKEN}"),
    "429 for a moment": lambda _: limited('RateLimit: "api";r=0;t=0', 'RateLimit-Policy: "x";"api";q=500;w=300'),
    "429 for days": lambda _: limited('RateLimit: "api";r=0;t=999999', 'RateLimit-Policy: "x";"api";q=500;w=300'),
    "429 for a long window": lambda _: limited(
        'RateLimit: "resolvers";r=0;t=99999', 'RateLimit-Policy: "x";"resolvers";q=500;w=999999'),
    "429 and retry in days": lambda _: limited("Retry-After: 999999"),
    "429 and retry at a date": lambda _: limited("Retry-After: Fri, 31 Dec 2100 23:59:59 GMT"),
    "429 without a word": lambda _: limited(),
    "success with a used up quota": lambda request: reply(
        info(request.repo_id) if request.is_info else GOOD_CONFIG, 200, 'RateLimit: "api";r=0;t=888888'),
    "500": lambda _: error(500, message=f"token={TOKEN}"),
    "502 of a proxy": lambda _: reply(b"<html><h1>Bad gateway</h1></html>", 502, "Content-Type: text/html"),
    "503 and retry later": lambda _: reply(b"", 503, "Retry-After: 999999"),
    "599": lambda _: reply(b"", 599),
    "204": lambda _: reply(b"", 204),
    "206": lambda request: reply(info(request.repo_id)[:40], 206),
    "304": lambda _: reply(b"", 304),
    "a redirect to itself": lambda request: reply(b"", 307, f"Location: {request.path}"),
    "a redirect to a file": lambda _: reply(b"", 302, "Location: file:///etc/passwd"),
    "a redirect with a password": lambda _: reply(b"", 302, f"Location: http://me:{TOKEN}@127.0.0.1:9/"),
    "a redirect to nowhere": lambda _: reply(b"", 301, "Location: http://[::1"),
    "a redirect without a place": lambda _: reply(b"", 308),
    "nothing at all": lambda _: b"",
    "noise": lambda _: NOISE,
    "no HTTP": lambda _: b"SSH-2.0-OpenSSH_9.9\r\n",
    "a header of 100 kB": lambda request: reply(info(request.repo_id), 200, "X-Long: " + "y" * 100_000),
    "9,000 headers": lambda request: reply(info(request.repo_id), 200, *(f"X-{n}: y" for n in range(9_000))),
    "a body cut short": lambda request: reply(info(request.repo_id)[:50], length=5_000),
    "a negative length": lambda request: reply(info(request.repo_id), length=-5),
    "a chunk of no size": lambda _: b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "gzip that is none": lambda request: reply(info(request.repo_id), 200, "Content-Encoding: gzip"),
    "an unknown encoding": lambda request: reply(info(request.repo_id), 200, "Content-Encoding: rot13"),
    "a bomb": text(BOMB, "Content-Encoding: gzip"),
    "an empty body": text(b""),
    "NULs": text(b"\0" * 5_000),
    "null": text(b"null"),
    "a list": text(b"[1, 2, 3]"),
    "a page": text(b"<!DOCTYPE html><html></html>"),
    "half a body": lambda request: reply(info(request.repo_id)[:-9]),
    "UTF-16": lambda request: reply(info(request.repo_id).decode().encode("utf-16")),
    "half a character": text(b'{"id": "a/b", "sha": "\\ud800"}'),
    "100,000 lists in each other": text(b"[" * 100_000),
    "another repo": changed(id="evil/other"),
    "a repo above": changed(id="../../etc"),
    "no commit": changed(sha=None),
    "a commit that is a path": changed(sha="../" * 13 + "x"),
    "file names of all kinds": changed(siblings=[1, None, {"rfilename": []}, {"rfilename": "/etc/passwd"}, "x"]),
    "names that steer a terminal": changed(tags=[CONTROLS], pipeline_tag=CONTROLS, library_name=CONTROLS),
    "values of other types": changed(tags=7, pipeline_tag=[], config=[[]], gated=[], private="x", cardData=1),
    "disabled": changed(disabled=True),
    "private": changed(private=True),
    "9 MB of values": text(DENSE_INFO),
    "42 MB of file names": text(HUGE_INFO),
    "9 MB of one text": text(LONG_CONFIG),
    "80,000 values": text(DENSE_CONFIG),
}  # fmt: skip
"""Faults that are one piece of bytes."""


async def send_slowly(writer: asyncio.StreamWriter, body: bytes) -> None:
    """One byte in a while, for as long as anybody listens."""
    for at in range(len(body)):
        writer.write(body[at : at + 1])
        await writer.drain()
        await asyncio.sleep(0.2)


async def send_endlessly(writer: asyncio.StreamWriter, _: Request) -> None:
    writer.write(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"10000\r\n" + b" " * 65_536 + b"\r\n")
        await writer.drain()


async def say_nothing(_writer: asyncio.StreamWriter, _: Request) -> None:
    await asyncio.sleep(60)


async def reset(writer: asyncio.StreamWriter, request: Request) -> None:
    writer.write(good(request)[:100])
    await writer.drain()
    writer.transport.abort()


SLOW_FAULTS: dict[str, Callable[[asyncio.StreamWriter, Request], Awaitable[None]]] = {
    "headers a byte at a time": lambda writer, request: send_slowly(writer, good(request)),
    "a body a byte at a time": lambda writer, _: send_slowly(writer, reply(length=5_000) + b" " * 5_000),
    "a body without an end": send_endlessly,
    "silence": say_nothing,
    "a reset": reset,
}


SLOW_SHARE = 0.01
"""The share of slow faults among the faults."""


@dataclass
class HostileHub:
    """Serves any repo. Those of `clean_authors` get no faults; of the other requests `share` do."""

    seed: int = 1
    share: float = 0.85
    clean_author: str = "clean"
    kinds: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    fixed: str | None = None
    """The fault of every request, where it is set."""
    port: int = 0

    async def __aenter__(self) -> Self:
        self._connections: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            await self._answer(head.split(b" ", 2)[1].decode(), writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # The client has gone, or the test is over.
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, path: str, writer: asyncio.StreamWriter) -> None:
        self.requests[path] += 1
        is_info = path.startswith("/api/")
        parts = path.removeprefix("/api/models").removeprefix("/api/datasets").split("/")
        request = Request(path, "/".join(parts[1:3]), is_info)
        kind = self._choose(request, self.requests[path])
        self.kinds[kind] += 1
        if kind in SLOW_FAULTS:
            await SLOW_FAULTS[kind](writer, request)
        else:
            writer.write(FAULTS[kind](request) if kind in FAULTS else good(request))

    def _choose(self, request: Request, number: int) -> str:
        """The same for the same request in every run, in whatever order requests come."""
        if request.repo_id.startswith(self.clean_author):
            return "none"
        if self.fixed is not None:
            return self.fixed
        generator = random.Random(f"{self.seed}/{request.path}/{number}")
        if generator.random() > self.share:
            return "none"
        # Slow faults are slow, so there are fewer of them.
        return generator.choice([*SLOW_FAULTS] if generator.random() < SLOW_SHARE else [*FAULTS])
