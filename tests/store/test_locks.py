"""Advisory locks: of many workers on one store, one at a time fetches a repo."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from resolver.local_hub import LocalHub
from resolver.resolution import Source
from resolver.resolver import Resolver
from store.database.file_locks import SUFFIX
from store.database.locks import MAX_HELD
from store.store import MetadataStore
from tests.resolver.support import bert_row, catalog_of, settings_for
from tests.store.support import HUB, ROOT


async def test_workers_that_request_the_same_repo_at_once_fetch_it_once(location: str) -> None:
    ids = [f"org{number}/m" for number in range(20)]
    hub = LocalHub(catalog_of(*map(bert_row, ids)))
    async with hub:
        settings = settings_for(hub, location)
        async with Resolver(settings) as one, Resolver(settings) as other, Resolver(settings) as third:
            workers = (one, other, third)
            found = await asyncio.gather(*(worker.resolve(repo_id) for repo_id in ids for worker in workers))
        assert [item.canonical_id for item in found] == [repo_id for repo_id in ids for _ in workers]
        # One API request for a repo, and the two hops of its config.
        assert hub.count.total == 3 * len(ids)
        assert sum(item.source is Source.HUB for item in found) == len(ids)


async def test_a_lock_is_waited_for_and_ends_with_its_holder(location: str) -> None:
    order = []
    async with MetadataStore(location) as one, MetadataStore(location) as other:
        held = await one.acquire_lock(HUB, "a/b", "main")
        assert held is not None

        async def wait() -> None:
            lock = await other.acquire_lock(HUB, "a/b", "main")
            assert lock is not None
            order.append("other")
            lock.release()

        waiting = asyncio.create_task(wait())
        free = await other.acquire_lock(HUB, "a/c", "main")
        assert free is not None
        free.release()
        await asyncio.sleep(0.1)
        order.append("one")
        held.release()
        await waiting
    assert order == ["one", "other"]


HOLD_LOCK = """
import asyncio, sys
sys.path.insert(0, {root!r})
from store.database.locks import MAX_HELD
from store.store import MetadataStore

async def main():
    async with MetadataStore({url!r}) as store:
        await store.acquire_lock("https://hub.test", "a/b", "main")
        print("held", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_a_killed_worker_holds_no_lock(location: str) -> None:
    script = HOLD_LOCK.format(root=str(ROOT), url=location)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None and await process.stdout.readline() == b"held\n"
    async with MetadataStore(location) as store:
        process.kill()
        await process.wait()
        assert await store.acquire_lock(HUB, "a/b", "main") is not None


async def test_who_is_cancelled_while_waiting_for_a_lock_does_not_keep_it(location: str) -> None:
    async with MetadataStore(location) as one, MetadataStore(location) as other:
        held = await one.acquire_lock(HUB, "a/b", "main")
        assert held is not None
        waiting = asyncio.create_task(other.acquire_lock(HUB, "a/b", "main"))
        await asyncio.sleep(0.05)
        waiting.cancel()
        held.release()
        await asyncio.gather(waiting, return_exceptions=True)
        again = await one.acquire_lock(HUB, "a/b", "main")
        assert again is not None


async def test_a_worker_holds_a_bounded_number_of_locks(location: str) -> None:
    async with MetadataStore(location) as store:
        held = [await store.acquire_lock(HUB, f"a/{number}", "main") for number in range(MAX_HELD)]
        more = asyncio.create_task(store.acquire_lock(HUB, "a/more", "main"))
        await asyncio.sleep(0.05)
        assert not more.done()
        for lock in held:
            assert lock is not None
            lock.release()
        assert await more is not None


async def test_a_sqlite_file_that_one_worker_has_open_is_not_looked_into_again(tmp_path: Path) -> None:
    path, locks = tmp_path / "store.sqlite3", tmp_path / f"store.sqlite3{SUFFIX}"
    async with MetadataStore(path) as one:
        alone = await one.acquire_lock(HUB, "a/b", "main")
        assert alone is not None and not alone.may_be_stored and not one.has_other_workers
        async with MetadataStore(path) as other:
            assert one.has_other_workers and other.has_other_workers
            alone.release()
            shared = await other.acquire_lock(HUB, "a/b", "main")
            assert shared is not None and shared.may_be_stored
        assert not one.has_other_workers and locks.exists()
    assert not locks.exists()


async def test_a_worker_of_another_process_is_noticed_until_it_ends(tmp_path: Path) -> None:
    path = str(tmp_path / "store.sqlite3")
    script = HOLD_LOCK.format(root=str(ROOT), url=path)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None and await process.stdout.readline() == b"held\n"
    async with MetadataStore(path) as store:
        assert store.has_other_workers
        waiting = asyncio.create_task(store.acquire_lock(HUB, "a/b", "main"))
        free = await store.acquire_lock(HUB, "a/c", "main")
        assert free is not None and free.may_be_stored and not waiting.done()
        process.kill()
        await process.wait()
        lock = await waiting
        assert lock is not None and lock.may_be_stored
        while store.has_other_workers:
            await asyncio.sleep(0.01)
    assert [item.name for item in tmp_path.iterdir()] == ["store.sqlite3"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with names")
@pytest.mark.parametrize("kind", ["pipe", "folder", "link"])
async def test_what_is_no_file_in_the_place_of_the_locks_is_left_alone(tmp_path: Path, kind: str) -> None:
    path, place = tmp_path / "store.sqlite3", tmp_path / f"store.sqlite3{SUFFIX}"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    else:
        place.symlink_to(tmp_path / "elsewhere")
    async with MetadataStore(path) as store:
        assert await store.acquire_lock(HUB, "a/b", "main") is None and not store.has_other_workers
    assert os.path.lexists(place) and not (tmp_path / "elsewhere").exists()


async def test_whoever_may_use_the_store_may_use_its_locks(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    async with MetadataStore(path):
        pass
    path.chmod(0o660)
    if os.geteuid() == 0:
        os.chown(path, 12_345, 23_456)
    async with MetadataStore(path):
        ours, locks = path.stat(), Path(f"{path}{SUFFIX}").stat()
        assert (locks.st_uid, locks.st_gid, locks.st_mode) == (ours.st_uid, ours.st_gid, ours.st_mode)


async def test_a_lock_that_outlives_its_store_is_free(location: str) -> None:
    async with MetadataStore(location) as one:
        async with MetadataStore(location) as other:
            kept = await other.acquire_lock(HUB, "a/b", "main")
            assert kept is not None
        again = await one.acquire_lock(HUB, "a/b", "main")
        kept.release()
        assert again is not None
        waiting = asyncio.create_task(one.acquire_lock(HUB, "a/c", "main"))
        assert await waiting is not None
