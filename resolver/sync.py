"""`resolve`: one repo for callers without an event loop, or inside one that they cannot await in."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from resolver.resolution import Resolution
from resolver.resolver import Resolver
from resolver.settings import Settings


def resolve(
    repo_id: str,
    revision: str | None = None,
    task: str | None = None,
    *,
    library: str | None = None,
    subfolder: str = "",
    settings: Settings | None = None,
) -> Resolution:
    """The answer for one repo or local folder, as `Resolver.resolve` gives it; blocks until it is there.

    Inside a running event loop it uses a thread with a loop of its own, and blocks the caller's loop meanwhile.

    Raises:
        ResolveError: of the kind that says what can be done about it.
        StoreError: the store cannot be opened, or is not one of ours.
    """

    async def work() -> Resolution:
        async with Resolver(settings) as resolver:
            return await resolver.resolve(repo_id, revision, task, library=library, subfolder=subfolder)

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work())
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="hubresolve") as executor:
        return executor.submit(asyncio.run, work()).result()
