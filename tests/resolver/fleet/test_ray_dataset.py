"""`resolve_dataset` on a real Ray: every row once, few requests, and an actor that is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from resolver import Resolution, Settings
from resolver.errors import SettingsError
from resolver.fleet import cluster, resolve_dataset
from resolver.local_hub import Catalog, HubProcess, LocalHub, repos_from_rows, start_process, synthetic
from resolver.local_hub.testing import faults
from store.store import MetadataStore
from tests.resolver.support import answers, wait_until
from tests.store import postgres

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("ray_cluster")]

COUNT = 2_000


def find_actors(name: str = "MapWorker") -> list[int]:
    """The process ids of Ray's actors of a class."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(f"ray::{name}(".encode()):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@contextmanager
def kill_one_actor(hub: HubProcess, after: int) -> Iterator[list[int]]:
    """Kill one of Ray's actors when the Hub has answered so many requests; yields the list of what was killed."""
    killed: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set() and not killed:
            if hub.counts()["total"] >= after and (actors := find_actors()):
                os.kill(actors[0], signal.SIGKILL)
                killed.append(actors[0])
            time.sleep(0.02)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join()


def resolve(settings: Settings, ids: list[str], batch_size: int = 200) -> list[dict[str, Any]]:
    pool = ray.data.ActorPoolStrategy(size=2)
    dataset = ray.data.from_items([{"repo_id": repo_id, "n": n} for n, repo_id in enumerate(ids)])
    rows: list[dict[str, Any]] = resolve_dataset(dataset, settings, compute=pool, batch_size=batch_size).take_all()
    return rows


async def test_rows_are_complete_and_unique_though_an_actor_is_killed(postgres_server: str) -> None:
    ids = [row["id"] for row in synthetic(COUNT)]
    async with postgres.create_database(postgres_server) as store:
        with start_process(synthetic=COUNT, latency_ms=20) as hub, kill_one_actor(hub, after=150) as killed:
            settings = Settings(endpoint=hub.endpoint, store=store, token=False)
            rows = resolve(settings, [*ids, "not//an id"])
            first = hub.counts()["bucket"]["api"]
            again = resolve(settings, ids)
            assert hub.counts()["bucket"]["api"] == first
    assert len(killed) == 1
    assert sorted(row["n"] for row in rows) == [*range(COUNT + 1)]
    assert [row["repo_id"] for row in rows if row["error"]] == ["not//an id"]
    assert {row["repo_id"] for row in rows} == {*ids, "not//an id"}
    assert {row["source"] for row in again} == {"store"} and len(again) == COUNT


async def test_two_actors_send_as_many_requests_as_one_resolver(postgres_server: str, tmp_path: Path) -> None:
    # Forty authors with a listing that is worth it, and as many repos whose authors have no other.
    listed = synthetic(COUNT // 2, 40)
    single = ({**row, "id": f"single-{row['id']}"} for row in synthetic(COUNT // 2, COUNT // 2, seed=1))
    rows = sorted((*listed, *single), key=lambda row: row["id"])
    ids = [row["id"] for row in rows]
    catalog = tmp_path / "repos.jsonl"
    catalog.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))

    async def count_requests(by_actors: bool) -> dict[str, int]:
        async with postgres.create_database(postgres_server) as store:
            with start_process(jsonl=catalog, latency_ms=20) as hub:
                settings = Settings(endpoint=hub.endpoint, store=store, token=False)
                if by_actors:
                    assert len(resolve(settings, ids, batch_size=1_000)) == COUNT
                else:
                    assert {type(item) for item in await answers(settings, ids)} == {Resolution}
                counts: dict[str, int] = hub.counts()["bucket"]
                return counts

    one, two = await count_requests(by_actors=False), await count_requests(by_actors=True)
    assert one.keys() == {"api", "resolvers"}
    # Where a listing is slow, the first repo of a batch is asked for alone: one more request for each of a few batches.
    assert two == pytest.approx(one, rel=0.02)


async def test_rows_are_complete_though_the_database_is_restarted() -> None:
    served, made_alone = 200, 400
    count = COUNT // 4
    rows = list(synthetic(count, count))
    ids = [row["id"] for row in rows]
    is_down = asyncio.Event()
    postgres.skip_without_binaries()
    with postgres.run_restartable_server() as server:
        async with postgres.create_database(server.url) as store, LocalHub(Catalog(repos_from_rows(rows))) as hub:
            # However long the Hub holds an answer.
            settings = Settings(endpoint=hub.endpoint, store=store, token=False, timeout_s=3_600)
            hub.faults.add(faults.Hold(is_down.wait), skip=served, times=None)
            resolving = asyncio.create_task(asyncio.to_thread(resolve, settings, ids, batch_size=50))
            await wait_until(lambda: hub.faults.hits > 0)
            await asyncio.to_thread(server.stop)
            is_down.set()
            await wait_until(lambda: hub.count.total >= served + made_alone)
            await asyncio.to_thread(server.start)
            answered = await resolving
            async with MetadataStore(store) as opened:
                # What was answered meanwhile is stored before the actors end, which Ray does not wait for.
                while (await opened.get_info()).refs < count:
                    await asyncio.sleep(0.1)
    assert sorted(row["n"] for row in answered) == [*range(count)]
    assert [row["error"] for row in answered if row["error"]] == []


def test_a_column_that_is_missing_is_named() -> None:
    dataset = ray.data.from_items([{"name": "acme/bert"}])
    with pytest.raises(ValueError, match="no column 'repo_id'; it has 'name'"):
        resolve_dataset(dataset, Settings(token=False))


def test_a_sqlite_store_is_refused_on_several_machines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(store=tmp_path / "store.sqlite3", token=False)
    cluster.check_shared_store(settings)
    monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": True}, {"Alive": True}, {"Alive": False}])
    with pytest.raises(SettingsError, match=r"has 2 machines, and a SQLite store .* is a file of one machine"):
        cluster.check_shared_store(settings)
    cluster.check_shared_store(Settings(store="postgresql://user@host/name", token=False))
