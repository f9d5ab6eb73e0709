"""Checks names of repos, revisions and commits before they become part of a URL, a path or a key. Pure."""

from __future__ import annotations

import re

MAX_REVISION_LENGTH = 250

_CANONICAL_ID = re.compile(r"(?:\w[\w.-]{0,95}/)?\w[\w.-]{0,95}", re.ASCII)
_COMMIT_HASH = re.compile(r"[0-9a-f]{40}", re.ASCII)
# A revision is a git ref: no white space, control or glob characters, nor ".." or "@{" (git-check-ref-format).
_REVISION = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]+")


def is_commit_hash(text: str) -> bool:
    """Whether `text` is 40 lower-case hex digits."""
    return len(text) == 40 and _COMMIT_HASH.fullmatch(text) is not None


def is_repo_name(text: str) -> bool:
    """Whether `text` can be a canonical id: the rules are wider than for requested ids, but nothing is allowed that
    would lead elsewhere as a part of a URL.
    """
    return _CANONICAL_ID.fullmatch(text) is not None


def is_revision(text: str) -> bool:
    """Whether `text` can be a branch, a tag or a commit hash."""
    return (
        len(text) <= MAX_REVISION_LENGTH
        and _REVISION.fullmatch(text) is not None
        and ".." not in text
        and "@{" not in text
        and "//" not in text
        and not text.startswith(("/", "-"))
        and not text.endswith(("/", ".", ".lock"))
    )
