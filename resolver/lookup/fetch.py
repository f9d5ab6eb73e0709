"""Ask the Hub for all that a decision about one repo needs, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from registry.facts import CONFIG, CommitFacts, FileState, HubHints, SmallFile
from registry.rules.required_files import files_wanted
from resolver.errors import DisabledRepoError, NotAModelError, RepositoryNotFoundError, ResolveError
from resolver.hub.client import FetchedFile, HubClient
from resolver.hub.payloads import ModelInfo
from resolver.repo_id import RepoRevision
from store.records import StoredRef


class FetchedRepo(Struct, frozen=True, kw_only=True, gc=False):
    """What asking the Hub brought; `commit` is None where commit and hints are those stored with the decision known."""

    canonical_id: str
    commit_hash: str
    hints: HubHints
    commit: CommitFacts | None


StoredFacts = Callable[[StoredRef], Awaitable[CommitFacts | None]]
"""The facts that a stored ref leads to, None where there are none (any more)."""


async def learn(
    client: HubClient, wanted: RepoRevision, *, lean: bool, known: StoredRef | None, stored_facts: StoredFacts
) -> FetchedRepo:
    """The facts and hints of `wanted` as the Hub has them now.

    With nothing `known`, model info and `config.json` are asked for at the same time (lean: model info alone). With
    facts known of an earlier commit, model info comes first, and files only where the commit is another; stored facts
    are read only where the decision known does not hold any more.

    Raises:
        ResolveError: the Hub says no, or cannot be asked.
    """
    config: asyncio.Task[FetchedFile] | None = None
    if known is None and not lean:
        config = asyncio.create_task(client.fetch_file(wanted, CONFIG))
    try:
        try:
            info = await client.fetch_model_info(wanted)
        except RepositoryNotFoundError as error:
            if await client.is_dataset(wanted.repo_id):
                raise NotAModelError(f"{wanted.repo_id} is a dataset, not a model") from error
            raise
        if info.hints.disabled:
            raise DisabledRepoError(
                f"{wanted.repo_id} has been disabled by the Hub", repo_id=wanted.repo_id, revision=wanted.revision
            )
        commit = None
        if known is not None and (known.canonical_id, known.commit_hash) == (info.canonical_id, info.commit_hash):
            # A gated repo may look otherwise by now, its hints being the same: the token may have been given access.
            if known.decision_body is not None and info.hints.gated is None and known.has_hints(info.hints):
                return learned_of(info, None)
            commit = _within_reach(await stored_facts(known))
        if commit is None:
            commit = CommitFacts(filenames=info.filenames)
        pinned = RepoRevision(info.canonical_id, info.commit_hash)
        if config is not None and (CONFIG in info.filenames or not info.filenames):
            commit = with_file(commit, CONFIG, await _same_commit(client, pinned, await config))
        elif config is not None:
            # What the list does not hold cannot fail the repo. Cancelling would cost the connection.
            await asyncio.wait([config])
    finally:
        if config is not None and not config.done():
            config.cancel()
            await asyncio.gather(config, return_exceptions=True)
        elif config is not None and not config.cancelled():
            # Looked at even when model info failed first, so that its own failure is not reported as forgotten.
            config.exception()
    if files_wanted(commit, info.hints, lean=lean):
        return await complete(client, info, commit, lean=lean)
    return learned_of(info, commit)


async def complete(client: HubClient, info: ModelInfo, commit: CommitFacts, *, lean: bool) -> FetchedRepo:
    """What model info told, with the files that are still wanted read at its commit.

    Raises:
        ResolveError: one of them cannot be had.
    """
    pinned = RepoRevision(info.canonical_id, info.commit_hash)
    while wanted_paths := files_wanted(commit, info.hints, lean=lean):
        commit = await _read(client, pinned, commit, wanted_paths)
    return learned_of(info, commit)


def learned_of(info: ModelInfo, commit: CommitFacts | None) -> FetchedRepo:
    """What model info told, with the facts of its commit."""
    return FetchedRepo(canonical_id=info.canonical_id, commit_hash=info.commit_hash, hints=info.hints, commit=commit)


async def _same_commit(client: HubClient, pinned: RepoRevision, fetched: FetchedFile) -> SmallFile:
    """The file at the commit that model info told of, asked for again where it may be of another commit."""
    if fetched.small_file.state is FileState.INACCESSIBLE or fetched.commit_hash == pinned.revision:
        return fetched.small_file
    return (await client.fetch_file(pinned, CONFIG)).small_file


async def _read(client: HubClient, pinned: RepoRevision, commit: CommitFacts, paths: Sequence[str]) -> CommitFacts:
    if len(paths) == 1:
        # Nearly always; a group of one costs as much as the request.
        return with_file(commit, paths[0], await _read_one(client, pinned, paths[0]))
    try:
        async with asyncio.TaskGroup() as group:
            tasks = {path: group.create_task(_read_one(client, pinned, path)) for path in paths}
    except* ResolveError as failures:
        raise failures.exceptions[0] from None
    for path, task in tasks.items():
        commit = with_file(commit, path, task.result())
    return commit


async def _read_one(client: HubClient, pinned: RepoRevision, path: str) -> SmallFile:
    return (await client.fetch_file(pinned, path)).small_file


def _within_reach(commit: CommitFacts | None) -> CommitFacts | None:
    """The stored facts without the files that this token could not read then: it may have been given access."""
    if commit is None:
        return None
    files = {path: small for path, small in commit.files.items() if small.state is not FileState.INACCESSIBLE}
    return commit if len(files) == len(commit.files) else CommitFacts(filenames=commit.filenames, files=files)


def with_file(commit: CommitFacts, path: str, small_file: SmallFile) -> CommitFacts:
    """`commit` with what asking for one of its files came to."""
    if small_file.state is FileState.ABSENT and path in commit.filenames:
        # Listed, yet not there: what the list says is the commit's own word.
        small_file = SmallFile(state=FileState.UNREADABLE, problem="listed, but the Hub has no such file")
    return CommitFacts(filenames=commit.filenames, files={**commit.files, path: small_file})
