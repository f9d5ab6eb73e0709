"""`BucketChoice`: chooses for each repo between a request for model info and requests for files, by what is left of the
Hub's two quotas.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from resolver.hub.response import Bucket
from resolver.lookup.by_files import FILES_PER_REPO

if TYPE_CHECKING:
    from resolver.hub.client import HubClient

MAX_LOOK_WAIT_S = 0.25
"""While nothing is left of either quota, they are looked at again after so long at most."""

MAX_PACED = 2
"""Requests for model info that may wait while the pacer spreads the rest of a window."""


class BucketChoice:
    """Counts the repos on either way, so that no more are sent on one than its quota has left."""

    def __init__(self) -> None:
        self.waiting_for_info = 0
        """Repos whose model info is requested, or waits for the quota."""
        self._reading_files = 0
        self._turn = asyncio.Lock()

    async def is_for_files(self, client: HubClient) -> bool:
        """Whether the next repo is to be read from files. Waits while neither quota has anything left."""
        # One at a time: hundreds may wait, and what the first one finds is what the others would find.
        async with self._turn:
            while True:
                info_room, info_wait_s = client.find_room(Bucket.API)
                max_waiting = info_room if info_wait_s <= 0 or info_room is None else min(info_room, MAX_PACED)
                if max_waiting is None or self.waiting_for_info < max_waiting:
                    return False
                file_room, files_wait_s = client.find_room(Bucket.RESOLVERS)
                if file_room is None or FILES_PER_REPO * (self._reading_files + 1) <= file_room:
                    return True
                wait_s = min(info_wait_s, files_wait_s) if files_wait_s > 0 else info_wait_s
                await asyncio.sleep(min(max(wait_s, MAX_LOOK_WAIT_S / 10), MAX_LOOK_WAIT_S))

    @contextmanager
    def reading_files(self) -> Iterator[None]:
        """A repo is read from files inside the block."""
        self._reading_files += 1
        try:
            yield
        finally:
            self._reading_files -= 1

    @contextmanager
    def requesting_info(self) -> Iterator[None]:
        """The model info of a repo is requested inside the block."""
        self.waiting_for_info += 1
        try:
            yield
        finally:
            self.waiting_for_info -= 1
