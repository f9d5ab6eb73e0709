"""Parses and checks repo ids: "org/name" or "org/name@revision", before any I/O. Pure."""

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
"""Paths that the Hub reserves: no user or organisation has such a name."""


class RepoRevision(Struct, frozen=True, gc=False):
    """A repo at a revision, as requested and well-formed."""

    repo_id: str
    revision: str = DEFAULT_REVISION

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is a full commit hash, which never moves."""
        return is_commit_hash(self.revision)


def is_commit_hash(text: str) -> bool:
    """Whether `text` is 40 lower-case hex digits."""
    return len(text) == 40 and _COMMIT_HASH.fullmatch(text) is not None


def is_repo_name(text: str) -> bool:
    """Whether `text` can be a canonical id: the rules are wider than for requested ids, but nothing is allowed that
    would lead elsewhere as a part of a URL.
    """
    return _CANONICAL_ID.fullmatch(text) is not None


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
    name, inner_revision = split_revision(repo_id)
    if inner_revision is not None and revision is None:
        revision = inner_revision
    elif inner_revision is not None and inner_revision != revision:
        raise InvalidRepoIdError(f"{_quote(repo_id)} names a revision, and {_quote(str(revision))} was given as well")
    if _REPO_ID.fullmatch(name) is None or "--" in name or ".." in name or name.endswith(".git"):
        raise _build_refusal(name)
    if name.startswith(_RESERVED):
        raise _build_refusal(name)
    if revision is None:
        return RepoRevision(name)
    if not isinstance(revision, str) or not _is_revision(revision):
        raise InvalidRepoIdError(f"{_quote(str(revision))} cannot be a revision: give a branch, a tag or a commit hash")
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
