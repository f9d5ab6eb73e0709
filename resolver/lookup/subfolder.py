"""What lies in a subfolder of a repo: its facts, as if it were a repo of its own.

The repo is resolved first, as always; the commit and the list of files are then known, and only the small files of the
subfolder are missing. They are remembered with the commit's other facts. Listing what a repo holds is done here too.
"""

from __future__ import annotations

import asyncio
from pathlib import Path, PurePosixPath

from registry.facts import NO_HINTS, CommitFacts, RepoFacts
from registry.rules.required_files import files_wanted
from resolver.cache.write_behind import WriteBehind
from resolver.concurrency.single_flight import SingleFlight
from resolver.errors import InvalidRepoIdError, OfflineError
from resolver.hub.connection import Connection
from resolver.local.folder import folder_meant_by, read_folder
from resolver.repo_id import RepoRevision
from resolver.resolution import Resolution, Source
from resolver.settings import FilledSettings
from store.keys import ANONYMOUS, PUBLIC, FactsKey, scope_of_token
from store.records import Record
from store.store import MetadataStore


def parse_subfolder(subfolder: str) -> str:
    """`subfolder` as "a/b"; empty for the repo itself. Pure.

    Raises:
        InvalidRepoIdError: it is no path inside a repo.
    """
    path = PurePosixPath(str(subfolder).replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in str(subfolder):
        raise InvalidRepoIdError(f"{subfolder!r} is no subfolder of a repo: a relative path without '..' is wanted")
    return "" if path == PurePosixPath(".") else path.as_posix()


def facts_below(commit: CommitFacts, subfolder: str) -> CommitFacts:
    """The facts of what lies in `subfolder` alone, by paths relative to it. Pure."""
    if not subfolder:
        return commit
    start = f"{subfolder}/"
    return CommitFacts(
        filenames=tuple(name.removeprefix(start) for name in commit.filenames if name.startswith(start)),
        files={path.removeprefix(start): small for path, small in commit.files.items() if path.startswith(start)},
    )


class SubfolderFacts:
    """Gives the facts of subfolders of repos that are resolved already."""

    def __init__(
        self, settings: FilledSettings, store: MetadataStore, connection: Connection, recorder: WriteBehind
    ) -> None:
        self._settings = settings
        self._store = store
        self._connection = connection
        self._recorder = recorder
        self._flights: SingleFlight[tuple[str, str], CommitFacts] = SingleFlight()

    async def get_facts(self, root: Resolution, subfolder: str) -> RepoFacts:
        """The facts of `subfolder` ("": the repo itself) of the repo that `root` is the answer for.

        What the Hub says of the repo it does not say of a part of it: the hints are those of a folder's own model card.

        Raises:
            InvalidRepoIdError: there is no such subfolder.
            OfflineError: its files were never asked for, and may not be now.
            HubError: the Hub cannot be asked for them.
        """
        if root.source is Source.LOCAL:
            return await asyncio.to_thread(_read_folder, root.repo_id, subfolder)
        if root.source is Source.HF_CACHE:
            return await self._in_hf_cache(root, subfolder)
        _, commit = await self._stored(root)
        below = facts_below(commit, subfolder)
        if not below.filenames and commit.filenames:
            raise InvalidRepoIdError(f"{root.repo_id} has no subfolder {subfolder!r} at {root.commit_hash}")
        if not files_wanted(below, NO_HINTS):
            return RepoFacts(commit=below)
        if self._settings.offline:
            return await self._in_hf_cache(root, subfolder)

        async def read() -> CommitFacts:
            # What an earlier flight has read meanwhile is stored by now.
            return await self._read(root, *await self._stored(root), subfolder)

        read_commit = await self._flights.run((str(root.commit_hash), subfolder), read)
        return RepoFacts(commit=facts_below(read_commit, subfolder))

    async def list_files(self, root: Resolution, subfolder: str) -> tuple[str, ...]:
        """Paths of all files in `subfolder` relative to it, sorted; empty where there is no such subfolder.

        From the local Hugging Face cache alone it may be that not all are known.
        """
        if root.source is Source.LOCAL or root.source is Source.HF_CACHE:
            return (await self.get_facts(root, subfolder)).commit.filenames
        _, commit = await self._stored(root)
        return facts_below(commit, subfolder).filenames

    async def _stored(self, root: Resolution) -> tuple[FactsKey | None, CommitFacts]:
        """The facts of the commit and where they are stored; asked for again where they could not be stored."""
        token = await self._connection.find_token()
        for scope in dict.fromkeys((PUBLIC, scope_of_token(token), ANONYMOUS)):
            key = FactsKey(self._settings.endpoint, str(root.canonical_id), str(root.commit_hash), scope)
            commit = await self._store.get_commit_facts(key)
            if commit is not None:
                return key, commit
        if self._settings.offline:
            raise OfflineError(f"the files of {root.repo_id} are not known, and the Hub may not be asked while offline")
        client = await self._connection.open_client()
        info = await client.fetch_model_info(_pinned(root))
        return None, CommitFacts(filenames=info.filenames)

    async def _read(self, root: Resolution, key: FactsKey | None, commit: CommitFacts, subfolder: str) -> CommitFacts:
        client = await self._connection.open_client()
        from resolver.lookup.fetch import with_file

        while wanted := files_wanted(facts_below(commit, subfolder), NO_HINTS):
            for name in wanted:
                path = f"{subfolder}/{name}" if subfolder else name
                fetched = await client.fetch_file(_pinned(root), path)
                commit = with_file(commit, path, fetched.small_file)
        if key is not None:
            record = Record(
                ref_keys=(), hints=NO_HINTS, checked_at_s=root.checked_at_s or 0, facts_key=key, facts=commit
            )
            await self._recorder.record(record)
        return commit

    async def _in_hf_cache(self, root: Resolution, subfolder: str) -> RepoFacts:
        from resolver.local.hf_cache import find_cached

        cached = await asyncio.to_thread(find_cached, _pinned(root), self._settings.cache_dir, subfolder=subfolder)
        if cached is None:
            raise OfflineError(
                f"the files in {subfolder!r} of {root.repo_id} are neither in the store nor in the local Hugging Face "
                "cache, and the Hub may not be asked while offline: resolve the subfolder once online"
            )
        return cached.facts


def _read_folder(repo_id: str, subfolder: str) -> RepoFacts:
    return read_folder((folder_meant_by(repo_id) or Path(repo_id)) / subfolder)


def _pinned(root: Resolution) -> RepoRevision:
    """The commit of the answer, whatever the branch points at by now."""
    return RepoRevision(str(root.canonical_id), str(root.commit_hash))
