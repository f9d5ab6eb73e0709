"""Advisory locks: of many workers on one PostgreSQL database, one at a time fetches a repo."""

from __future__ import annotations

import asyncio
import sys

from resolver.local_hub import LocalHub
from resolver.resolution import Source
from resolver.resolver import Resolver
from store.database.locks import MAX_HELD
from store.store import MetadataStore
from tests.resolver.support import bert_row, catalog_of, settings_for
from tests.store import postgres
from tests.store.support import HUB, ROOT


async def test_workers_that_request_the_same_repo_at_once_fetch_it_once(postgres_server: str) -> None:
    ids = [f"org{number}/m" for number in range(20)]
    hub = LocalHub(catalog_of(*map(bert_row, ids)))
    async with postgres.create_database(postgres_server) as url, hub:
        settings = settings_for(hub, url)
        async with Resolver(settings) as one, Resolver(settings) as other, Resolver(settings) as third:
            workers = (one, other, third)
            found = await asyncio.gather(*(worker.resolve(repo_id) for repo_id in ids for worker in workers))
        assert [item.canonical_id for item in found] == [repo_id for repo_id in ids for _ in workers]
        # One API request for a repo, and the two hops of its config.
        assert hub.count.total == 3 * len(ids)
        assert sum(item.source is Source.HUB for item in found) == len(ids)


async def test_a_lock_is_waited_for_and_ends_with_its_holder(postgres_server: str) -> None:
    order = []
    async with postgres.create_database(postgres_server) as url:
        async with MetadataStore(url) as one, MetadataStore(url) as other:
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


async def test_a_killed_worker_holds_no_lock(postgres_server: str) -> None:
    async with postgres.create_database(postgres_server) as url:
        script = HOLD_LOCK.format(root=str(ROOT), url=url)
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None and await process.stdout.readline() == b"held\n"
        async with MetadataStore(url) as store:
            process.kill()
            await process.wait()
            assert await store.acquire_lock(HUB, "a/b", "main") is not None


async def test_who_is_cancelled_while_waiting_for_a_lock_does_not_keep_it(postgres_server: str) -> None:
    async with postgres.create_database(postgres_server) as url:
        async with MetadataStore(url) as one, MetadataStore(url) as other:
            held = await one.acquire_lock(HUB, "a/b", "main")
            assert held is not None
            waiting = asyncio.create_task(other.acquire_lock(HUB, "a/b", "main"))
            await asyncio.sleep(0.05)
            waiting.cancel()
            held.release()
            await asyncio.gather(waiting, return_exceptions=True)
            again = await one.acquire_lock(HUB, "a/b", "main")
            assert again is not None


async def test_a_worker_holds_a_bounded_number_of_locks(postgres_server: str) -> None:
    async with postgres.create_database(postgres_server) as url, MetadataStore(url) as store:
        held = [await store.acquire_lock(HUB, f"a/{number}", "main") for number in range(MAX_HELD)]
        more = asyncio.create_task(store.acquire_lock(HUB, "a/more", "main"))
        await asyncio.sleep(0.05)
        assert not more.done()
        for lock in held:
            assert lock is not None
            lock.release()
        assert await more is not None
