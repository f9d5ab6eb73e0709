"""`SubfolderFacts`: the facts of a folder inside a repo that is resolved already, as if it were a repo of its own.

The commit and its file names are known then; only the small files of the subfolder are fetched, and stored with the
other facts of the commit.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from pathlib import Path

from registry.facts import ALL_FILES, NO_HINTS, CommitFacts, RepoFacts
from registry.rules.required_files import find_required_files
from resolver.cache.write_behind import WriteBehind
from resolver.concurrency.single_flight import SingleFlight
from resolver.errors import HubUnavailableError, InvalidRepoIdError, OfflineError
from resolver.local.folder import find_local_folder, read_folder
from resolver.local.hf_cache import UnreadableCacheError, find_cached_repo
from resolver.lookup.context import LookupContext
from resolver.lookup.fetch import fetch_required_files
from resolver.lookup.request import select_subfolder
from resolver.lookup.scopes import list_own_scopes
from resolver.repo_id import RepoRevision
from resolver.resolution import Resolution, Source
from store.keys import PUBLIC, FactsKey
from store.records import Record


class SubfolderFacts:
    """Reads and fetches the facts of subfolders."""

    def __init__(self, context: LookupContext, write_behind: WriteBehind) -> None:
        self._settings = context.settings
        self._store = context.store
        self._connection = context.connection
        self._write_behind = write_behind
        self._flights: SingleFlight[tuple[str, str], CommitFacts] = SingleFlight()

    async def get_facts(self, root: Resolution, subfolder: str) -> RepoFacts:
        """The facts of `subfolder` ("": the whole repo) of the repo that `root` is the answer for.

        The Hub's hints are about the repo as a whole; a subfolder has those of its own model card, if any.

        Raises:
            InvalidRepoIdError: there is no such subfolder.
            OfflineError: its files were never fetched, and must not be now.
            HubError: its files cannot be fetched.
        """
        if root.source is Source.LOCAL:
            return await asyncio.to_thread(_read_local_folder, root.repo_id, subfolder)
        if root.source is Source.HF_CACHE:
            return await self._find_in_hf_cache(root, subfolder)
        try:
            return await self._get_hub_facts(root, subfolder)
        except HubUnavailableError as error:
            with suppress(OfflineError):
                return await self._find_in_hf_cache(root, subfolder)
            raise error from None

    async def _get_hub_facts(self, root: Resolution, subfolder: str) -> RepoFacts:
        _, commit = await self._get_commit(root)
        inside = select_subfolder(commit, subfolder)
        if not inside.filenames and commit.filenames:
            raise InvalidRepoIdError(f"{root.repo_id} has no subfolder {subfolder!r} at {root.commit_hash}")
        if not find_required_files(inside, NO_HINTS):
            return RepoFacts(commit=inside)
        if self._settings.offline:
            return await self._find_in_hf_cache(root, subfolder)
        key = (str(root.commit_hash), subfolder)
        commit = await self._flights.run(key, partial(self._fetch, root, subfolder))
        return RepoFacts(commit=select_subfolder(commit, subfolder))

    async def list_files(self, root: Resolution, subfolder: str) -> tuple[str, ...]:
        """Paths of all files in `subfolder` relative to it, sorted; empty where there is no such subfolder.

        From the local Hugging Face cache the list may be incomplete.
        """
        if root.source is Source.LOCAL or root.source is Source.HF_CACHE:
            return (await self.get_facts(root, subfolder)).commit.filenames
        _, commit = await self._get_commit(root)
        return select_subfolder(commit, subfolder).filenames

    async def _get_commit(self, root: Resolution) -> tuple[FactsKey | None, CommitFacts]:
        """The facts of the commit, and their key in the store; fetched again (key None) where the store has none."""
        token = await self._connection.find_token()
        for scope in (PUBLIC, *list_own_scopes(token, offline=True)):
            key = FactsKey(self._settings.endpoint, str(root.canonical_id), str(root.commit_hash), scope)
            commit = await self._store.get_commit_facts(key)
            if commit is not None and ALL_FILES not in commit.unseen:
                return key, commit
        if self._settings.offline:
            raise OfflineError(
                f"the files of {root.repo_id} are not known, and the Hub must not be asked while offline"
            )
        client = await self._connection.open_client()
        with client.begin_repo() as repo:
            info = await repo.fetch_model_info(_get_pinned(root))
        return None, CommitFacts(filenames=info.filenames)

    async def _fetch(self, root: Resolution, subfolder: str) -> CommitFacts:
        """The facts of the commit with the small files of `subfolder`, which are then stored."""
        # Read again: an earlier flight may have stored files since.
        key, commit = await self._get_commit(root)
        client = await self._connection.open_client()
        with client.begin_repo() as repo:
            commit = await fetch_required_files(
                repo, _get_pinned(root), commit, NO_HINTS, lean=None, subfolder=subfolder
            )
            if key is not None:
                checked_at_s = root.checked_at_s or 0
                record = Record(ref_keys=(), hints=NO_HINTS, checked_at_s=checked_at_s, facts_key=key, facts=commit)
                await self._write_behind.put_all(record)
        return commit

    async def _find_in_hf_cache(self, root: Resolution, subfolder: str) -> RepoFacts:
        cache_dir, cached = self._settings.cache_dir, None
        try:
            if not self._settings.ids_only:
                cached = await asyncio.to_thread(find_cached_repo, _get_pinned(root), cache_dir, subfolder=subfolder)
        except UnreadableCacheError as error:
            raise OfflineError(f"the local Hugging Face cache cannot be read: {error}") from None
        if cached is None:
            raise OfflineError(
                f"the files in {subfolder!r} of {root.repo_id} are neither in the store nor in the local Hugging Face "
                "cache, and the Hub must not be asked while offline: resolve the subfolder once online"
            )
        return cached.facts


def _read_local_folder(repo_id: str, subfolder: str) -> RepoFacts:
    return read_folder((find_local_folder(repo_id) or Path(repo_id)) / subfolder)


def _get_pinned(root: Resolution) -> RepoRevision:
    """The commit of the answer, wherever the branch points by now."""
    return RepoRevision(str(root.canonical_id), str(root.commit_hash))
