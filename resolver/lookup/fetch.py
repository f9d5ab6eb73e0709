"""Fetches everything that a decision about one repo needs from the Hub, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from registry.facts import CONFIG, CommitFacts, FileState, HubHints, SmallFile
from registry.registry import Registry
from registry.rules.required_files import find_required_files
from resolver.errors import DisabledRepoError, NotAModelError, RepositoryNotFoundError, ResolveError
from resolver.hub.payloads import ModelInfo
from resolver.lookup.request import select_subfolder
from resolver.lookup.same_commit import keep_weight_size, reuse_files
from resolver.repo_id import RepoRevision
from store.records import StoredRef

if TYPE_CHECKING:
    from resolver.hub.client import FetchedFile, RepoClient


class FetchedRepo(Struct, frozen=True, kw_only=True, gc=False):
    """What was fetched. `commit` is None where commit and hints are those of the stored decision, which still holds.
    `parameters` and `weight_bytes` are the size of the weights, None where it is not known.
    """

    canonical_id: str
    commit_hash: str
    hints: HubHints
    commit: CommitFacts | None
    parameters: int | None = None
    weight_bytes: int | None = None


GetStoredFacts = Callable[[StoredRef], Awaitable[CommitFacts | None]]
"""Reads the facts of a stored ref; None where there are none."""


async def fetch_repo(
    client: RepoClient,
    target: RepoRevision,
    *,
    lean: Registry | None,
    known: StoredRef | None,
    needs_facts: bool,
    get_stored_facts: GetStoredFacts,
) -> FetchedRepo:
    """The facts and hints of `target` as the Hub has them now.

    With nothing `known`, model info and `config.json` are requested at the same time; with `lean`, the registry that
    will decide, model info alone. With a commit known, model info comes first, and files only where the commit is
    another. `needs_facts`: there is no decision for this request yet, so that facts are needed even where nothing has
    changed.

    Raises:
        ResolveError: the Hub refuses, or cannot be reached.
    """
    config: asyncio.Task[FetchedFile] | None = None
    if known is None and lean is None:
        config = asyncio.create_task(client.fetch_file(target, CONFIG))
    try:
        info = await _fetch_model_info(client, target)
        commit = None
        if known is not None and (known.canonical_id, known.commit_hash) == (info.canonical_id, info.commit_hash):
            info = keep_weight_size(info, known)
            # A gated repo may have other facts with the same hints: the token may have been given access.
            if not needs_facts and info.hints.gated is None and known.has_hints(info.hints):
                return build_fetched_repo(info, None)
            commit = reuse_files(info, await get_stored_facts(known))
        if commit is None:
            commit = CommitFacts(filenames=info.filenames)
        if config is not None and (CONFIG in info.filenames or not info.filenames):
            pinned = RepoRevision(info.canonical_id, info.commit_hash)
            commit = add_file(commit, CONFIG, await _at_same_commit(client, pinned, await config))
        elif config is not None:
            # A file that is not listed cannot fail the repo. Cancelling would cost the connection.
            await asyncio.wait([config])
    finally:
        if config is not None and not config.done():
            config.cancel()
            await asyncio.gather(config, return_exceptions=True)
        elif config is not None and not config.cancelled():
            # Retrieve the exception also when model info failed first: asyncio logs it as never retrieved otherwise.
            config.exception()
    if find_required_files(commit, info.hints, lean=lean):
        return await complete_repo(client, info, commit, lean=lean)
    return build_fetched_repo(info, commit)


async def complete_repo(
    client: RepoClient, info: ModelInfo, commit: CommitFacts, *, lean: Registry | None
) -> FetchedRepo:
    """Model info, with the files that a decision still needs, at its commit.

    Raises:
        ResolveError: a file cannot be fetched.
    """
    pinned = RepoRevision(info.canonical_id, info.commit_hash)
    return build_fetched_repo(info, await fetch_required_files(client, pinned, commit, info.hints, lean=lean))


async def fetch_required_files(
    client: RepoClient,
    pinned: RepoRevision,
    commit: CommitFacts,
    hints: HubHints,
    *,
    lean: Registry | None,
    subfolder: str = "",
) -> CommitFacts:
    """`commit` with every small file that a decision on it, or on its `subfolder`, needs.

    Raises:
        ResolveError: a file cannot be fetched.
    """
    prefix = f"{subfolder}/" if subfolder else ""
    while names := find_required_files(select_subfolder(commit, subfolder), hints, lean=lean):
        commit = await _fetch_files(client, pinned, commit, [prefix + name for name in names])
    return commit


def build_fetched_repo(info: ModelInfo, commit: CommitFacts | None) -> FetchedRepo:
    """Model info with the facts of its commit."""
    return FetchedRepo(
        canonical_id=info.canonical_id,
        commit_hash=info.commit_hash,
        hints=info.hints,
        commit=commit,
        parameters=info.parameters,
        weight_bytes=info.weight_bytes,
    )


async def _fetch_model_info(client: RepoClient, target: RepoRevision) -> ModelInfo:
    try:
        info = await client.fetch_model_info(target)
    except RepositoryNotFoundError as error:
        if await client.is_dataset(target.repo_id):
            raise NotAModelError(f"{target.repo_id} is a dataset, not a model") from error
        raise
    if info.hints.disabled:
        raise DisabledRepoError(
            f"{target.repo_id} has been disabled by the Hub", repo_id=target.repo_id, revision=target.revision
        )
    return info


async def _at_same_commit(client: RepoClient, pinned: RepoRevision, fetched: FetchedFile) -> SmallFile:
    """The file at the commit of model info; fetched again where it may belong to another commit."""
    if fetched.small_file.state is FileState.INACCESSIBLE or fetched.commit_hash == pinned.revision:
        return fetched.small_file
    return (await client.fetch_file(pinned, CONFIG)).small_file


async def _fetch_files(
    client: RepoClient, pinned: RepoRevision, commit: CommitFacts, paths: Sequence[str]
) -> CommitFacts:
    if len(paths) == 1:
        # The usual case; a task group of one costs as much as the request.
        return add_file(commit, paths[0], (await client.fetch_file(pinned, paths[0])).small_file)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = {path: group.create_task(client.fetch_file(pinned, path)) for path in paths}
    except* ResolveError as failures:
        raise failures.exceptions[0] from None
    for path, task in tasks.items():
        commit = add_file(commit, path, task.result().small_file)
    return commit


def add_file(commit: CommitFacts, path: str, small_file: SmallFile) -> CommitFacts:
    """`commit` with one of its files."""
    if small_file.state is FileState.ABSENT and path in commit.filenames:
        # Listed, but not there: the list belongs to the commit itself, so the file exists and cannot be read.
        small_file = SmallFile(state=FileState.UNREADABLE, problem="listed, but the Hub has no such file")
    return CommitFacts(filenames=commit.filenames, files={**commit.files, path: small_file})
