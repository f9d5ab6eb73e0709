"""Parses and checks repo ids: "org/name" or "org/name@revision", before any I/O. Pure."""

from __future__ import annotations

import re

from msgspec import Struct

from registry.repo_names import is_commit_hash as is_commit_hash, is_repo_name as is_repo_name, is_revision
from resolver.errors import InvalidRepoIdError, NotAModelError

DEFAULT_REVISION = "main"

# huggingface_hub 2.4, utils/_validators.py: each part 1 to 96 of these, beginning and ending with a word character.
_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_REPO_ID = re.compile(rf"(?:{_PART}/)?{_PART}", re.ASCII)
_OTHER_KINDS = ("datasets/", "spaces/", "dataset/", "space/")
_RESERVED = ("datasets/", "spaces/")
"""Paths that the Hub reserves: no user or organisation has such a name."""


class RepoRevision(Struct, frozen=True, gc=False):
    """A repo at a revision, as requested and well-formed."""

    repo_id: str
    revision: str = DEFAULT_REVISION

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is a full commit hash, which never moves."""
        return is_commit_hash(self.revision)


def is_plain_id(text: str) -> bool:
    """Whether `text` is the id of a repo that can exist, without a revision."""
    return (
        _REPO_ID.fullmatch(text) is not None
        and "--" not in text
        and ".." not in text
        and not text.endswith(".git")
        and not text.startswith(_RESERVED)
    )


def split_revision(text: str) -> tuple[str, str | None]:
    """The parts of "ID@REVISION"; the revision is None where there is no "@"."""
    repo_id, at, revision = text.partition("@")
    return repo_id, revision if at else None


def parse_repo_id(repo_id: str, revision: str | None = None) -> RepoRevision:
    """The repo and revision; a revision inside `repo_id` ("org/name@rev") counts where `revision` is None.

    Raises:
        NotAModelError: the id is one of a dataset or a Space.
        InvalidRepoIdError: no Hub repo or revision can have this name.
    """
    if not isinstance(repo_id, str):
        raise InvalidRepoIdError(
            f"a repo id is a string such as 'org/name', not a value of type {type(repo_id).__name__}"
        )
    if revision is None and is_plain_id(repo_id):
        return RepoRevision(repo_id)
    name, inner_revision = split_revision(repo_id)
    if inner_revision is not None and revision is None:
        revision = inner_revision
    elif inner_revision is not None and inner_revision != revision:
        raise InvalidRepoIdError(f"{_quote(repo_id)} names a revision, and {_quote(str(revision))} was given as well")
    if not is_plain_id(name):
        raise _build_refusal(name)
    if revision is None:
        return RepoRevision(name)
    if not isinstance(revision, str) or not is_revision(revision):
        raise InvalidRepoIdError(f"{_quote(str(revision))} cannot be a revision: give a branch, a tag or a commit hash")
    return RepoRevision(name, revision)


def _build_refusal(name: str) -> InvalidRepoIdError | NotAModelError:
    if name.startswith(_OTHER_KINDS) and _REPO_ID.fullmatch(name.partition("/")[2]):
        return NotAModelError(f"{_quote(name)} is the id of a {name.partition('/')[0].rstrip('s')}, not of a model")
    if not name:
        return InvalidRepoIdError("the repo id is empty; give an id such as 'org/name'")
    if "://" in name:
        return InvalidRepoIdError(f"{_quote(name)} is a URL; give the id alone, such as 'org/name'")
    if name != name.strip():
        return InvalidRepoIdError(f"{_quote(name)} has white space around the id")
    return InvalidRepoIdError(
        f"{_quote(name)} is neither a repo id nor a local folder: an id is 'org/name' or 'name', each part up to 96 of "
        "A-Z a-z 0-9 _ . - without '--' or '..', beginning and ending with a letter, digit or '_'"
    )


def _quote(text: str) -> str:
    return repr(text) if len(text) <= 120 else f"{text[:117] + '...'!r} ({len(text):,} characters)"
