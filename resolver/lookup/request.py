"""Parses what a caller requests: a repo id, an id with a revision, or a local folder. Looks for folders on disk.

A text that could name both is a folder where a folder of that name holds a model, as for `from_pretrained`.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Collection, Iterable
from pathlib import Path, PurePosixPath

from msgspec import Struct

from registry.facts import CommitFacts
from resolver.errors import InvalidRepoIdError
from resolver.local.folder import find_local_folder
from resolver.repo_id import RepoRevision, is_plain_id, parse_repo_id

Request = str | Path | tuple[str, str | None]
"""A repo id, with or without "@revision"; a local folder; or an id with its revision (None: the default)."""

RequestStream = Iterable[Request] | AsyncIterable[Request]


class LocalFolder(Struct, frozen=True):
    """A folder on disk; `repo_id` is the text that named it."""

    repo_id: str
    path: Path


Target = RepoRevision | LocalFolder
"""What a request turned out to be about."""


def parse_request(
    request: Request, *, revision: str | None = None, names_here: Collection[str] | None = None
) -> Target:
    """The target of `request`. A revision inside the request counts before `revision`.

    `names_here` are the names in the current folder, where they are known: one listing serves many requests.

    Raises:
        InvalidRequestError: the request is not well-formed; the kind says why.
    """
    if type(request) is str and revision is None and names_here is not None and is_plain_id(request):
        # Nearly every line of a long list: an id, and no folder here begins like it.
        if request.partition("/")[0] not in names_here:
            return RepoRevision(request)
    repo_id, own_revision = request if isinstance(request, tuple) else (request, None)
    repo_id = str(repo_id) if isinstance(repo_id, Path) else repo_id
    if isinstance(repo_id, str) and own_revision is None:
        folder = find_local_folder(repo_id, names_here)
        if folder is not None:
            return LocalFolder(repo_id, folder)
    has_own_revision = own_revision is not None or (isinstance(repo_id, str) and "@" in repo_id)
    return parse_repo_id(repo_id, own_revision if has_own_revision else revision)


def get_request_names(request: Request, revision: str | None) -> tuple[str, str | None]:
    """How an answer names a request that could not be parsed: its id and its revision."""
    repo_id, own_revision = request if isinstance(request, tuple) else (request, None)
    return str(repo_id), own_revision or revision


def parse_subfolder(subfolder: str) -> str:
    """`subfolder` as "a/b"; empty for the whole repo.

    Raises:
        InvalidRepoIdError: it is not a path inside a repo.
    """
    path = PurePosixPath(str(subfolder).replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in str(subfolder):
        raise InvalidRepoIdError(f"{subfolder!r} is not a subfolder of a repo: give a relative path without '..'")
    return "" if path == PurePosixPath(".") else path.as_posix()


def select_subfolder(commit: CommitFacts, subfolder: str) -> CommitFacts:
    """The facts of the files in `subfolder` alone, by paths relative to it."""
    if not subfolder:
        return commit
    prefix = f"{subfolder}/"
    return CommitFacts(
        filenames=tuple(name.removeprefix(prefix) for name in commit.filenames if name.startswith(prefix)),
        files={path.removeprefix(prefix): small for path, small in commit.files.items() if path.startswith(prefix)},
    )
