"""Clients that take too much, too long or go away: they harm nobody else."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from resolver.local_hub import HubOptions, LocalHub, faults
from resolver.serving.limits import ServeLimits
from tests.resolver.serving.support import Client, serving
from tests.resolver.support import bert_row, catalog_of, wait_until

COUNT = 100
TIMES = 200
"""So often is each id asked for: more rows than the sockets hold."""


class Gate:
    """Holds requests until it is opened, and counts them."""

    def __init__(self) -> None:
        self.arrived = 0
        self._opened = asyncio.Event()

    async def wait(self) -> None:
        self.arrived += 1
        await self._opened.wait()

    def open(self) -> None:
        self._opened.set()


IDS = [f"acme/r{number:04}" for number in range(COUNT)]


@asynccontextmanager
async def connect(
    client: Client, sent: bytes, receive_bytes: int | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection that has sent `sent`, with a small buffer for what it receives."""
    url = URL(client.url)
    bare = socket.socket()
    if receive_bytes is not None:
        bare.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    bare.setblocking(False)
    await asyncio.get_running_loop().sock_connect(bare, (url.host, url.port))
    reader, writer = await asyncio.open_connection(sock=bare, limit=receive_bytes or 65_536)
    try:
        writer.write(sent)
        await writer.drain()
        yield reader, writer
    finally:
        writer.close()


def post(*ids: str, of: int | None = None) -> bytes:
    """A request for ids; `of`: how many bytes of the body it promises."""
    body = "\n".join(ids).encode()
    length = len(body) if of is None else of
    return b"POST /v1/resolve HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (length, body)


async def read_to_end(reader: asyncio.StreamReader) -> bytes:
    """What comes until the connection is closed, or reset."""
    received = b""
    try:
        while chunk := await reader.read(65_536):
            received += chunk
    except ConnectionError:
        pass
    return received


async def known(hub: LocalHub, store: Path) -> None:
    """Make the service know all of `IDS`."""
    async with serving(hub, store) as client:
        assert len((await client.resolve(*IDS)).rows) == COUNT


@pytest.fixture
def big_hub() -> LocalHub:
    """Not open yet."""
    return LocalHub(catalog_of(*(bert_row(repo_id) for repo_id in IDS)), HubOptions())


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /v1/models/acme/bert HTTP/1.1\r\nHost: x\r\nX-Slow:",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /h",
    ],
    ids=["nothing", "half a head", "half a second head"],
)
async def test_a_client_that_is_slow_with_its_headers_is_closed(hub: LocalHub, store: Path, sent: bytes) -> None:
    async with serving(hub, store, ServeLimits(requests_per_s=0, head_s=0.3)) as client:
        async with connect(client, sent) as (reader, _):
            assert (await client.get_model("acme/bert")).status == 200
            received = await read_to_end(reader)
            assert (b"200 OK" in received) == sent.startswith(b"GET /healthz")


async def test_a_client_that_is_slow_with_its_body_is_told_so(hub: LocalHub, store: Path) -> None:
    async with serving(hub, store, ServeLimits(requests_per_s=0, body_s=0.2, max_streams_per_client=1)) as client:
        async with connect(client, post("acme/bert", of=500)) as (reader, _):
            received = await read_to_end(reader)
        assert b"408" in received and b'"timeout"' in received
        assert (await client.resolve("acme/bert")).status == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 9_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
    ids=["long path", "long header", "many headers", "TLS"],
)
async def test_heads_are_bounded_and_not_logged(client: Client, sent: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with connect(client, sent) as (reader, _):
        assert b" 400 " in await reader.readline()
    assert caplog.records == []
    assert (await client.get("/healthz")).status == 200


async def test_a_client_that_takes_nothing_is_cut_off_and_holds_little(big_hub: LocalHub, store: Path) -> None:
    async with big_hub as hub:
        await known(hub, store)
        limits = ServeLimits(requests_per_s=0, write_s=0.3, max_streams_per_client=1)
        async with serving(hub, store, limits) as client:
            sent = post(*IDS * TIMES)
            async with connect(client, sent, receive_bytes=65_536) as (reader, writer):
                writer.transport.pause_reading()  # type: ignore[attr-defined]
                await asyncio.sleep(0.05)
                # Others are answered meanwhile.
                assert (await client.get_model("acme/r0001")).status == 200
                # Its place is free once it was cut off.
                while (reply := await client.resolve("acme/r0002")).status == 429:
                    await asyncio.sleep(0.02)
                assert reply.status == 200
                writer.transport.resume_reading()  # type: ignore[attr-defined]
                received = await read_to_end(reader)
            assert not received.endswith(b"0\r\n\r\n") and received.count(b"\n{") < COUNT * TIMES


async def test_a_client_that_goes_away_ends_its_own_work_only(big_hub: LocalHub, store: Path) -> None:
    gate = Gate()
    async with big_hub as hub, serving(hub, store, concurrency=4) as client:
        hub.faults.add(faults.Hold(gate.wait), "*", times=None)
        async with connect(client, post(*(f"x{number}/one" for number in range(500)), "acme/r0001")):
            await wait_until(lambda: gate.arrived >= 4)
            staying = asyncio.create_task(client.resolve("acme/r0001", "acme/r0002"))
            await asyncio.sleep(0.05)
        gate.open()
        assert [row["error"] for row in (await staying).rows] == [None, None]
        # Of the 500 ids only those in flight were requested.
        assert gate.arrived < 100


async def test_rows_come_as_they_are_known(big_hub: LocalHub, store: Path) -> None:
    gate = Gate()
    async with big_hub as hub, serving(hub, store) as client, aiohttp.ClientSession() as session:
        hub.faults.add(faults.Hold(gate.wait), "/api/models/acme/r0002/*", times=None)
        ids = "acme/r0000\nacme/r0001\nacme/r0002\nacme/r0003"
        async with session.post(f"{client.url}/v1/resolve", data=ids) as response:
            lines = [json.loads(await response.content.readline())["repo_id"] for _ in range(2)]
            assert lines == ["acme/r0000", "acme/r0001"] and not response.content.at_eof()
            gate.open()
            rest = (await response.read()).splitlines()
            assert [json.loads(line)["repo_id"] for line in rest] == ["acme/r0002", "acme/r0003"]


async def test_too_many_requests_are_refused_with_a_time(hub: LocalHub, store: Path) -> None:
    async with serving(hub, store, ServeLimits(requests_per_s=0.001, burst=3)) as client:
        replies = [await client.get_model("acme/bert") for _ in range(5)]
        assert [reply.status for reply in replies] == [200] * 3 + [429] * 2
        assert replies[-1].code == "too_many_requests" and int(replies[-1].headers["Retry-After"]) > 1
        assert (await client.get("/healthz")).status == (await client.get("/metrics")).status == 200


async def test_requests_in_progress_are_bounded_for_a_client_and_in_all(hub: LocalHub, store: Path) -> None:
    gate = Gate()
    hub.faults.add(faults.Hold(gate.wait), "*", times=None)
    limits = ServeLimits(requests_per_s=0, max_requests=1, max_requests_per_client=5, max_streams_per_client=1)
    async with serving(hub, store, limits) as client:
        held = [asyncio.create_task(client.get_model("acme/bert")), asyncio.create_task(client.resolve("acme/sd"))]
        await wait_until(lambda: gate.arrived >= 2)
        in_all, of_client = await client.get_model("acme/st"), await client.resolve("acme/st")
        assert (in_all.status, in_all.code) == (503, "busy") and in_all.headers["Retry-After"] == "1"
        assert (of_client.status, of_client.code) == (429, "too_many_requests")
        assert (await client.get("/healthz")).status == 200
        gate.open()
        assert [(await task).status for task in held] == [200, 200]
        assert (await client.get_model("acme/st")).status == 200


async def test_connections_are_bounded(hub: LocalHub, store: Path) -> None:
    async with serving(hub, store, ServeLimits(requests_per_s=0, max_connections_per_client=3)) as client:
        async with connect(client, b"") as _, connect(client, b"") as (_, leaving), connect(client, b"") as _:
            async with connect(client, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") as (reader, _):
                assert await read_to_end(reader) == b""
            leaving.close()
            while True:
                async with connect(client, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") as (reader, _):
                    try:
                        if await reader.readline() == b"HTTP/1.1 200 OK\r\n":
                            break
                    except ConnectionError:
                        continue
