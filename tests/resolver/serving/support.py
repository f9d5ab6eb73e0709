"""A client of the service that checks each response against the service's own description."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
from yarl import URL

from resolver.local_hub import LocalHub
from resolver.serving.limits import ServeLimits
from resolver.serving.openapi import build_description
from resolver.serving.service import ServeOptions, open_service
from resolver.version import __version__
from tests.resolver.support import LIMITS, READER, command, settings_for

DESCRIPTION = build_description(__version__)

UNLIMITED = ServeLimits(requests_per_s=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A response that is as described."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The code of the error; None for an answer."""
        error = self.json.get("error")
        return error["code"] if error is not None else None

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of a stream."""
        return [json.loads(line) for line in self.body.splitlines()]


class Client:
    """Sends requests to the service at `url`, whose paths are not changed."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.url = url

    async def send(self, method: str, path: str, data: bytes | None = None, **headers: str) -> Reply:
        """The response, checked. An "_" in the name of a header stands for "-"."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._session.request(method, URL(self.url + path, encoded=True), data=data, headers=named) as got:
            reply = Reply(status=got.status, headers=got.headers, body=await got.read())
        check(method, path, reply)
        return reply

    async def get(self, path: str, **headers: str) -> Reply:
        return await self.send("GET", path, None, **headers)

    async def get_model(self, repo_id: str, query: str = "", **headers: str) -> Reply:
        return await self.get(f"/v1/models/{repo_id}{query}", **headers)

    async def resolve(self, *ids: str, query: str = "", **headers: str) -> Reply:
        return await self.send("POST", f"/v1/resolve{query}", "\n".join(ids).encode(), **headers)


def check(method: str, path: str, reply: Reply) -> None:
    """Whether a response is one that the description has. Unknown routes and methods are not described."""
    path = path.partition("?")[0]
    described = DESCRIPTION["paths"].get("/v1/models/{id}" if path.startswith("/v1/models/") else path, {})
    operation = described.get(method.lower())
    if operation is None:
        assert reply.status in (404, 405)
        return
    assert str(reply.status) in operation["responses"], (method, path, reply)
    content = operation["responses"][str(reply.status)].get("content")
    if content is None:
        assert reply.body == b""
        return
    (content_type, media), *_ = content.items()
    assert reply.headers["Content-Type"].partition(";")[0] == content_type
    if content_type == "application/json":
        validate(reply.json, media["schema"])
    elif content_type == "application/x-ndjson":
        for row in reply.rows:
            validate(row, media["schema"])


def validate(value: object, schema: Mapping[str, Any]) -> None:
    jsonschema.validate(value, {**schema, "components": DESCRIPTION["components"]}, cls=jsonschema.Draft202012Validator)


@asynccontextmanager
async def serving(
    hub: LocalHub | str, store: Path, limits: ServeLimits = UNLIMITED, **more: Any
) -> AsyncIterator[Client]:
    """The service in this process, over real sockets; the operator's token sees everything."""
    settings = settings_for(hub, store, **{"token": READER, **more})
    options = ServeOptions(settings=settings, port=0, limits=limits, resolver_limits=LIMITS)
    async with open_service(options) as (urls, _, _), aiohttp.ClientSession() as session:
        yield Client(session, urls[0])


@asynccontextmanager
async def process(*arguments: str | Path, **environment: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """`hubresolve serve` in a process of its own, and its URL; it is stopped at the end, if it has not ended."""
    line, env = command("serve", "--port", "0", *arguments, **environment)
    running = await asyncio.create_subprocess_exec(*line, env=env, stderr=asyncio.subprocess.PIPE)
    try:
        yield running, await read_url(running)
    finally:
        if running.returncode is None:
            running.send_signal(signal.SIGTERM)
        await running.communicate()


async def read_url(running: asyncio.subprocess.Process) -> str:
    """The URL that the process says to listen at."""
    assert running.stderr is not None
    first = (await running.stderr.readline()).decode()
    assert "listening at http://" in first, first + (await running.stderr.read()).decode()
    return next(word.rstrip(",;") for word in first.split() if word.startswith("http://"))
