"""Parses what a caller requests: a repo id, an id with a revision, or a local folder. Looks for folders on disk.

A text that could name both is a folder where a folder of that name holds a whole model, as for `from_pretrained`, and
no revision is requested.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Collection, Iterable
from pathlib import Path, PurePosixPath

from msgspec import Struct

from registry.facts import CommitFacts
from resolver.errors import InvalidRepoIdError
from resolver.local.folder import find_local_folder
from resolver.repo_id import RepoRevision, is_plain_id, is_repo_name, parse_repo_id


class UnusableRequest(Struct, frozen=True, gc=False):
    """A request that its reader already found to be none: the beginning of its text, and what is wrong with it."""

    repo_id: str
    problem: str


Request = str | Path | tuple[str, str | None] | UnusableRequest
"""A repo id, with or without "@revision"; a local folder; or an id with its revision (None: the default)."""

RequestStream = Iterable[Request] | AsyncIterable[Request]


class LocalFolder(Struct, frozen=True):
    """A folder on disk; `repo_id` is the text that named it."""

    repo_id: str
    path: Path


Target = RepoRevision | LocalFolder
"""The parsed form of a request: a repo at a revision, or a local folder."""


def parse_request(
    request: Request,
    *,
    revision: str | None = None,
    names_here: Collection[str] | None = None,
    ids_only: bool = False,
) -> Target:
    """The target of `request`. A revision inside the request counts before `revision`; with a revision, a text that
    could name both is a repo, since a folder has none.

    `names_here` are the names in the current folder, where they are known: one listing serves many requests. With
    `ids_only` nothing is looked for on disk, and a path is refused.

    Raises:
        InvalidRequestError: the request is not well-formed; the kind says why.
    """
    if type(request) is str and revision is None and names_here is not None and is_plain_id(request):
        # Nearly every line of a long list: an id, and no folder here begins like it.
        if request.partition("/")[0] not in names_here:
            return RepoRevision(request)
    if isinstance(request, UnusableRequest):
        raise InvalidRepoIdError(request.problem)
    if isinstance(request, tuple) and not _is_pair(request):
        raise InvalidRepoIdError(f"{request!r:.200} is no request: give a repo id, or (repo id, revision)")
    repo_id, own_revision = request if isinstance(request, tuple) else (request, None)
    if ids_only and isinstance(repo_id, Path):
        raise InvalidRepoIdError("a path was requested, and only ids of repos are answered")
    repo_id = str(repo_id) if isinstance(repo_id, Path) else repo_id
    if isinstance(repo_id, str) and not ids_only:
        folder = find_local_folder(repo_id, names_here)
        requested = own_revision or revision
        if folder is not None and requested is None:
            return LocalFolder(repo_id, folder)
        if folder is not None and not is_repo_name(repo_id):
            raise InvalidRepoIdError(
                f"{repo_id!r} is a local folder, which has no revision {requested!r}: request it without a revision"
            )
    has_own_revision = own_revision is not None or (isinstance(repo_id, str) and "@" in repo_id)
    return parse_repo_id(repo_id, own_revision if has_own_revision else revision)


def get_request_names(request: Request, revision: str | None) -> tuple[str, str | None]:
    """How an answer names a request that could not be parsed: its id and its revision."""
    if isinstance(request, UnusableRequest):
        return request.repo_id, revision
    if isinstance(request, tuple) and not _is_pair(request):
        return repr(request), revision
    repo_id, own_revision = request if isinstance(request, tuple) else (request, None)
    return str(repo_id), own_revision or revision


def _is_pair(request: tuple[object, ...]) -> bool:
    return len(request) == 2 and isinstance(request[1], str | None)


def check_stream(ids: RequestStream) -> None:
    """Refuse a single request where many are wanted: the letters of a text are no repo ids.

    Raises:
        TypeError: `ids` is a text, a path, or cannot be iterated.
    """
    if isinstance(ids, (str, bytes, Path)) or not isinstance(ids, (Iterable, AsyncIterable)):
        raise TypeError(f"ids must be a list or another iterable of repo ids, not {ids!r:.100}; for one repo use [id]")


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
