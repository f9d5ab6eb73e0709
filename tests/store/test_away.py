"""PostgreSQL that cannot be reached for a while: answers are given, and stored when it is back."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from resolver.answer import Failure
from resolver.blocking import BackgroundResolver
from resolver.cache.write_behind import WriteBehindLimits
from resolver.local_hub import LocalHub
from resolver.resolver import Resolver
from store.errors import StoreAwayError
from store.store import MetadataStore
from tests.resolver.support import LIMITS, bert_row, catalog_of, settings_for
from tests.store import postgres
from tests.store.support import make_record, recall_one

IDS = [f"org{number}/m" for number in range(12)]
PATIENT = replace(LIMITS, write_behind=WriteBehindLimits(away_pause_s=0.05, close_wait_s=600))
HASTY = replace(LIMITS, write_behind=WriteBehindLimits(away_pause_s=0.05, close_wait_s=0.1))


class Road:
    """The way to a server, which can be closed and opened: connections end, and new ones are refused."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None and parts.port is not None
        self._host, self._port = parts.hostname, parts.port
        self._url = url
        self._own_port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return self._url.replace(f":{self._port}/", f":{self._own_port}/")

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self._own_port)
        self._own_port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(self._host, self._port)
        self._writers |= {writer, there_writer}
        for source, target in ((reader, there_writer), (there_reader, writer)):
            task = asyncio.create_task(_copy(source, target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    target.close()


async def count_failures(resolver: Resolver) -> int:
    return sum([isinstance(answer, Failure) async for answer in resolver.resolve_many(IDS)])


@pytest.mark.parametrize("is_away_first", [True, False], ids=["when it is opened", "later"])
async def test_answers_are_stored_when_the_database_is_back(postgres_server: str, is_away_first: bool) -> None:
    async with postgres.create_database(postgres_server) as url, LocalHub(catalog_of(*map(bert_row, IDS))) as hub:
        async with MetadataStore(url):
            pass
        road = Road(url)
        await road.open()
        if is_away_first:
            await road.close()
        async with Resolver(settings_for(hub, road.url, lean=True), limits=PATIENT) as resolver:
            if not is_away_first:
                await road.close()
            assert await count_failures(resolver) == 0
            await road.open()
        async with MetadataStore(url) as store:
            assert (await store.get_info()).refs == len(IDS)
        await road.close()


async def test_calls_without_await_store_their_answers_when_the_database_is_back(postgres_server: str) -> None:
    async with postgres.create_database(postgres_server) as url, LocalHub(catalog_of(*map(bert_row, IDS))) as hub:
        async with MetadataStore(url):
            pass
        road = Road(url)
        await road.open()
        await road.close()
        settings, background = settings_for(hub, road.url, lean=True), BackgroundResolver()
        assert await asyncio.to_thread(background.run, settings, count_failures) == 0
        await road.open()
        await asyncio.to_thread(background.close)
        async with MetadataStore(url) as store:
            assert (await store.get_info()).refs == len(IDS)
        await road.close()


async def test_a_database_that_stays_away_is_said_and_hangs_nothing(
    postgres_server: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with postgres.create_database(postgres_server) as url, LocalHub(catalog_of(*map(bert_row, IDS))) as hub:
        road = Road(url)
        await road.open()
        async with Resolver(settings_for(hub, road.url, lean=True), limits=HASTY) as resolver:
            await road.close()
            assert await count_failures(resolver) == 0
    assert f"{len(IDS)} answers are not stored" in caplog.text


async def test_a_store_tells_that_its_database_is_away(postgres_server: str) -> None:
    async with postgres.create_database(postgres_server) as url:
        road = Road(url)
        await road.open()
        async with MetadataStore(road.url) as store:
            await road.close()
            with pytest.raises(StoreAwayError, match="cannot be reached"):
                await store.put([make_record("org/a")])
            await road.open()
            await store.put([make_record("org/a")])
            assert await recall_one(store, "org/a") is not None
        await road.close()
