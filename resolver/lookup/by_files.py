"""Fetches what the model card and one file of its library tell of a repo: requests for files alone.

The Hub counts requests for model info and for files apart, and allows five times as many for files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from registry.facts import ALL_FILES, CONFIG, CommitFacts, FileState, SmallFile
from registry.registry import Registry
from registry.rules.by_files import is_settled_by_files, list_telling_files
from resolver.errors import ResolveError
from resolver.local.model_card import CARD, parse_card
from resolver.lookup.fetch import FetchedRepo
from resolver.repo_id import RepoRevision

if TYPE_CHECKING:
    from resolver.hub.client import RepoClient

FILES_PER_REPO = 2
"""Requests for files that a repo takes, at least."""


async def fetch_by_files(client: RepoClient, target: RepoRevision, registry: Registry) -> FetchedRepo | None:
    """The facts that files tell, which lack the list of files; None where they do not settle the decision.

    The card comes first: it says which file to read then, at the commit that its headers name, and a repo whose card
    tells nothing costs one request. Such a repo is left to model info, as is one that cannot be read: that tells why.
    """
    try:
        card, commit_hash = await client.fetch_text(target, CARD)
        if card is None or commit_hash is None:
            return None
        hints = parse_card(card)
        pinned = RepoRevision(target.repo_id, commit_hash)
        files: dict[str, SmallFile] = {}
        for path in list_telling_files(hints, registry):
            files[path] = (await client.fetch_file(pinned, path)).small_file
            if files[path].state is not FileState.ABSENT:
                break
    except ResolveError:
        return None
    commit = build_commit(files)
    if not is_settled_by_files(commit, hints, registry):
        return None
    return FetchedRepo(canonical_id=target.repo_id, commit_hash=commit_hash, hints=hints, commit=commit)


def build_commit(files: Mapping[str, SmallFile]) -> CommitFacts:
    """The facts of the files that were requested beside the card; their names are those that are there. Pure."""
    names = [path for path, small_file in files.items() if small_file.state is FileState.READ]
    unseen = (ALL_FILES,) if CONFIG in files else (ALL_FILES, CONFIG)
    return CommitFacts(filenames=tuple(sorted((*names, CARD))), files=files, unseen=unseen)
