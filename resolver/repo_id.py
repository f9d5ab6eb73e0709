"""Parse what a user calls a repo: "org/name" or "org/name@revision", checked before any I/O. Pure."""

from __future__ import annotations

import re

from msgspec import Struct

from resolver.errors import InvalidRepoIdError, NotAModelError

DEFAULT_REVISION = "main"
MAX_REVISION_LENGTH = 250

# huggingface_hub 2.4, utils/_validators.py: each part 1 to 96 of these, beginning and ending with a word character.
_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_REPO_ID = re.compile(rf"(?:{_PART}/)?{_PART}", re.ASCII)
_CANONICAL_ID = re.compile(r"(?:\w[\w.-]{0,95}/)?\w[\w.-]{0,95}", re.ASCII)
_COMMIT_HASH = re.compile(r"[0-9a-f]{40}", re.ASCII)
# A revision is a git ref: no white space, control or glob characters, nor ".." or "@{" (git-check-ref-format).
_REVISION = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]+")
_OTHER_KINDS = ("datasets/", "spaces/", "dataset/", "space/")
_RESERVED = ("datasets/", "spaces/")
"""Paths of the Hub's own, which no user or organisation can be called."""


class RepoRevision(Struct, frozen=True, gc=False):
    """A repo at a revision, as asked for and well-formed."""

    repo_id: str
    revision: str = DEFAULT_REVISION

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is a full commit hash, which can never mean another commit later."""
        return is_commit_hash(self.revision)


def is_commit_hash(text: str) -> bool:
    """Whether `text` is 40 lower-case hex digits."""
    return len(text) == 40 and _COMMIT_HASH.fullmatch(text) is not None


def is_repo_name(text: str) -> bool:
    """Whether `text` can be what a Hub calls one of its repos: more freely formed than what may be asked for, but
    nothing that would lead elsewhere as a part of a URL."""
    return _CANONICAL_ID.fullmatch(text) is not None


def split_revision(text: str) -> tuple[str, str | None]:
    """The parts of "ID@REVISION"; the revision is None where there is no "@"."""
    repo_id, at, revision = text.partition("@")
    return repo_id, revision if at else None


def parse_repo_id(repo_id: str, revision: str | None = None) -> RepoRevision:
    """The repo and revision meant; a revision inside `repo_id` ("org/name@rev") counts when `revision` is None.

    Raises:
        NotAModelError: the id has the form of a dataset's or a Space's.
        InvalidRepoIdError: anything else that no Hub repo or revision can be called.
    """
    if not isinstance(repo_id, str):
        raise InvalidRepoIdError(f"a repo id is a string such as 'org/name', not {type(repo_id).__name__}")
    name, inner_revision = split_revision(repo_id)
    if inner_revision is not None and revision is None:
        revision = inner_revision
    elif inner_revision is not None and inner_revision != revision:
        raise InvalidRepoIdError(
            f"{_shown(repo_id)} names a revision, and {_shown(str(revision))} was asked for beside it"
        )
    if _REPO_ID.fullmatch(name) is None or "--" in name or ".." in name or name.endswith(".git"):
        raise _refusal(name)
    if name.startswith(_RESERVED):
        raise _refusal(name)
    if revision is None:
        return RepoRevision(name)
    if not isinstance(revision, str) or not _is_revision(revision):
        raise InvalidRepoIdError(
            f"{_shown(str(revision))} cannot be a revision: a branch, a tag or a commit hash is wanted"
        )
    return RepoRevision(name, revision)


def _is_revision(revision: str) -> bool:
    return (
        len(revision) <= MAX_REVISION_LENGTH
        and _REVISION.fullmatch(revision) is not None
        and ".." not in revision
        and "@{" not in revision
        and "//" not in revision
        and not revision.startswith(("/", "-"))
        and not revision.endswith(("/", ".", ".lock"))
    )


def _refusal(name: str) -> InvalidRepoIdError | NotAModelError:
    if name.startswith(_OTHER_KINDS) and _REPO_ID.fullmatch(name.partition("/")[2]):
        return NotAModelError(f"{_shown(name)} is the id of a {name.partition('/')[0].rstrip('s')}, not of a model")
    if not name:
        return InvalidRepoIdError("the repo id is empty; an id such as 'org/name' is wanted")
    if "://" in name:
        return InvalidRepoIdError(f"{_shown(name)} is a URL; give the id alone, such as 'org/name'")
    if name != name.strip():
        return InvalidRepoIdError(f"{_shown(name)} has white space around the id")
    return InvalidRepoIdError(
        f"{_shown(name)} is neither a repo id nor a local folder: an id is 'org/name' or 'name', each part up to 96 of "
        "A-Z a-z 0-9 _ . - without '--' or '..', beginning and ending with a letter, digit or '_'"
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 120 else text[:117] + "...")
