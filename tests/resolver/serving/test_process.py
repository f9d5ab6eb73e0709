"""`hubresolve serve` as a process: many clients at once, and its end."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import msgspec
import pytest

from resolver.local_hub import HubOptions, LocalHub, faults
from tests.resolver.serving.support import process
from tests.resolver.serving.test_bounds import Gate
from tests.resolver.support import bert_row, catalog_of, run, wait_until

CLIENTS = 64


class Row(msgspec.Struct):
    """What is looked at of a row. 64 clients share this process: it has to be quick."""

    repo_id: str
    error: dict[str, str] | None


decode_row = msgspec.json.Decoder(Row).decode


async def stream(url: str, number: int, ids: Sequence[str], stop_after: int | None = None) -> list[str]:
    """The ids of the rows that a client with an address of its own gets, without errors; `stop_after` so many it is
    killed, and its connection reset.
    """
    connector = aiohttp.TCPConnector(local_addr=(f"127.0.1.{number + 1}", 0))
    got: list[str] = []
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as session:
        async with session.post(f"{url}/v1/resolve", data="\n".join(ids)) as response:
            assert response.status == 200
            async for line in response.content:
                row = decode_row(line)
                assert row.error is None, line
                got.append(row.repo_id)
                if len(got) == stop_after:
                    assert response.connection is not None and response.connection.transport is not None
                    response.connection.transport.abort()
                    return got
    return got


async def check_load(store: Path, count: int) -> None:
    """`CLIENTS` stream the same `count` ids at once, each from another place on; one of them is killed."""
    ids = [f"org{number % 7}/r{number:05}" for number in range(count)]
    async with LocalHub(catalog_of(*(bert_row(repo_id) for repo_id in ids)), HubOptions()) as hub:
        async with process("--store", store, "--endpoint", hub.endpoint) as (_, url):
            turned = [ids[start:] + ids[:start] for start in range(0, count, max(1, count // CLIENTS))][:CLIENTS]
            killed = asyncio.create_task(stream(url, 0, turned[0], stop_after=count // 3))
            others = [asyncio.create_task(stream(url, number, turned[number])) for number in range(1, CLIENTS)]
            is_starved = True
            # Single requests are answered meanwhile.
            async with aiohttp.ClientSession() as session:
                while not all(task.done() for task in others):
                    async with session.get(f"{url}/v1/models/{ids[0]}") as response:
                        assert response.status == 200
                    is_starved = False
                    await asyncio.sleep(0.1)
            assert await killed == turned[0][: count // 3] and not is_starved
            for number, task in enumerate(others, start=1):
                assert await task == turned[number]
        # Whoever asks for a repo first, the others wait for the same request.
        assert 0 < hub.count.total <= 3 * count


has_addresses = pytest.mark.skipif(sys.platform != "linux", reason="loopback has one address only")
"""Each client has an address of its own."""


@has_addresses
async def test_many_clients_at_once_lose_nothing_and_starve_nobody(store: Path) -> None:
    await check_load(store, 256)


@pytest.mark.slow
@has_addresses
async def test_many_clients_with_10_000_ids_lose_nothing_and_starve_nobody(store: Path) -> None:
    await check_load(store, 10_000)


async def test_the_signal_to_stop_lets_running_answers_end(hub: LocalHub, store: Path) -> None:
    gate = Gate()
    hub.faults.add(faults.Hold(gate.wait), "/api/models/acme/sd/*", times=None)
    async with process("--store", store, "--endpoint", hub.endpoint) as (running, url):
        async with aiohttp.ClientSession() as session:
            listed = asyncio.create_task(_read(session.post(f"{url}/v1/resolve", data="acme/bert\nacme/sd\nacme/st")))
            single = asyncio.create_task(_read(session.get(f"{url}/v1/models/acme/sd")))
            await wait_until(lambda: gate.arrived >= 1)
            await asyncio.sleep(0.2)
            running.send_signal(signal.SIGTERM)
            assert running.stderr is not None
            assert "2 answers may take 30 s more" in (await running.stderr.readline()).decode()
            with pytest.raises(aiohttp.ClientConnectionError):
                await _read(session.get(f"{url}/healthz"))
            gate.open()
            assert [json.loads(line)["error"] for line in (await listed).splitlines()] == [None] * 3
            assert json.loads(await single)["repo_id"] == "acme/sd"
        _, rest = await running.communicate()
        assert (running.returncode, rest) == (0, b"")


async def test_answers_that_outlast_the_time_to_stop_are_seen_to_be_incomplete(hub: LocalHub, store: Path) -> None:
    gate = Gate()
    hub.faults.add(faults.Hold(gate.wait), "/api/models/acme/sd/*", times=None)
    async with process("--store", store, "--endpoint", hub.endpoint, "--grace", "0.1") as (running, url):
        async with aiohttp.ClientSession() as session:
            listed = asyncio.create_task(_read(session.post(f"{url}/v1/resolve", data="acme/bert\nacme/sd")))
            await wait_until(lambda: gate.arrived >= 1)
            running.send_signal(signal.SIGTERM)
            with pytest.raises(aiohttp.ClientError):
                await listed
        _, rest = await running.communicate()
        assert running.returncode == 0 and b"are cut" in rest and b"Traceback" not in rest
        gate.open()
    # What was answered is stored.
    assert run("resolve", "acme/bert", "--offline", "--store", store, "--endpoint", hub.endpoint).returncode == 0


async def _read(request: aiohttp.client._RequestContextManager) -> bytes:
    async with request as response:
        return await response.read()


async def test_it_says_when_other_machines_can_ask(hub: LocalHub, store: Path) -> None:
    async with process("--host", "0.0.0.0", "--store", store, "--endpoint", hub.endpoint) as (running, _):
        assert running.stderr is not None
        assert b"every machine" in await running.stderr.readline()


def test_wrong_usage_is_one_line(store: Path) -> None:
    for wrong, said in (
        (("--host", "192.0.2.1", "--port", "0"), "cannot listen at 192.0.2.1 port 0"),
        (("--port", "99999"), "--port"),
        (("--endpoint", "ftp://x", "--port", "0"), "endpoint"),
    ):
        done = run("serve", "--store", store, *wrong)
        assert done.returncode == 2 and said in done.stderr
