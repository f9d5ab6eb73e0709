"""A repository manager as companies have it: under a path of its server, with few of the Hub's parameters and words."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import msgspec
from aiohttp import web

PREFIX = "/artifactory/api/huggingfaceml/models"
NOT_HERE = "No such model in repository 'models'"


@dataclass
class RunningMirror:
    """`asked`: path and query of each request, the prefix left out."""

    endpoint: str = ""
    asked: list[str] = field(default_factory=list)


@contextlib.asynccontextmanager
async def serve_mirror(
    hub_endpoint: str, *, expand_status: int | None, missing_status: int
) -> AsyncIterator[RunningMirror]:
    """Serves what the Hub has; refuses `expand` (None: does not), and answers its errors in words of its own."""
    running = RunningMirror()

    def refuse(status: int, message: str) -> web.Response:
        body = msgspec.json.encode({"errors": [{"status": status, "message": message}]})
        return web.Response(status=status, body=body, content_type="application/json")

    async with aiohttp.ClientSession() as client:

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            path = request.raw_path.removeprefix(PREFIX)
            assert path != request.raw_path
            running.asked.append(path)
            if "expand" in request.query and expand_status is not None:
                return refuse(expand_status, "Unknown parameter")
            async with client.request(request.method, hub_endpoint + path) as response:
                if response.status >= 400:
                    return refuse(missing_status, NOT_HERE)
                kept = {name: value for name, value in response.headers.items() if name in ("ETag", "X-Repo-Commit")}
                kind = response.headers["Content-Type"]
                return web.Response(body=await response.read(), headers={**kept, "Content-Type": kind})

        runner = web.ServerRunner(web.Server(handle, access_log=None))
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            running.endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}{PREFIX}"
            yield running
        finally:
            await runner.cleanup()
