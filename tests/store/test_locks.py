"""Advisory locks: of many workers on one PostgreSQL database, one at a time fetches a repo."""

from __future__ import annotations

import asyncio
import sys

import pytest

from resolver.local_hub import LocalHub
from resolver.resolution import Source
from resolver.resolver import Resolver
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
            async with one.acquire_lock(HUB, "a/b", "main") as has_waited:
                assert not has_waited

                async def wait() -> None:
                    async with other.acquire_lock(HUB, "a/b", "main") as has_waited:
                        order.append(("other", has_waited))

                waiting = asyncio.create_task(wait())
                async with other.acquire_lock(HUB, "a/c", "main") as has_waited:
                    assert not has_waited
                await asyncio.sleep(0.1)
                order.append(("one", False))
            await waiting
        assert order == [("one", False), ("other", True)]


HOLD_LOCK = """
import asyncio, sys
sys.path.insert(0, {root!r})
from store.store import MetadataStore

async def main():
    async with MetadataStore({url!r}) as store:
        async with store.acquire_lock("https://hub.test", "a/b", "main"):
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
            async with store.acquire_lock(HUB, "a/b", "main"):
                pass


@pytest.mark.parametrize("failed", [True, False])
async def test_a_cancelled_or_failed_holder_releases_its_lock(postgres_server: str, failed: bool) -> None:
    async with postgres.create_database(postgres_server) as url:
        async with MetadataStore(url) as one, MetadataStore(url) as other:
            started = asyncio.Event()

            async def hold() -> None:
                async with one.acquire_lock(HUB, "a/b", "main"):
                    started.set()
                    if failed:
                        raise ValueError
                    await asyncio.sleep(600)

            holding = asyncio.create_task(hold())
            await started.wait()
            holding.cancel()
            await asyncio.gather(holding, return_exceptions=True)
            async with other.acquire_lock(HUB, "a/b", "main") as has_waited:
                assert not has_waited
