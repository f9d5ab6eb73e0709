"""`RepoFacts`: file names, small files and Hub hints of a repo, the input of a decision. Pure data."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping
from typing import Any, NewType

from msgspec import Struct, field

CommitHash = NewType("CommitHash", str)
"""Forty lower-case hex digits."""

CONFIG = "config.json"

ALL_FILES = "files"
"""In `CommitFacts.unseen`: the list of files, and with it the weights."""

TAGS = "tags"
"""In `CommitFacts.unseen`: the Hub's tags."""

COMMIT = "commit"
"""In `CommitFacts.unseen`: which commit the facts are of. `derive_unknown_commit` gives a hash in its place."""

_UNKNOWN_START = "a74aaff03f417cb9a027"
"""No commit has a hash that begins so (80 bits of chance), so that any commit that is seen later is another one."""


def derive_unknown_commit(content: bytes) -> CommitHash:
    """A hash for facts of a commit that is not known; equal for equal content."""
    return CommitHash(_UNKNOWN_START + hashlib.blake2b(content, digest_size=10).hexdigest())


def is_unknown_commit(commit_hash: str | None) -> bool:
    """Whether a commit hash is one that `derive_unknown_commit` made."""
    return commit_hash is not None and commit_hash.startswith(_UNKNOWN_START)


class FileState(enum.StrEnum):
    """The outcome of fetching a small file."""

    READ = "read"
    ABSENT = "absent"
    UNREADABLE = "unreadable"
    INACCESSIBLE = "inaccessible"


class SmallFile(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One JSON file of a repo at a commit.

    `content` is the parsed file, present only when `state` is `READ`; NaN and infinities are read as null.
    `problem` is the reason why an unreadable or inaccessible file has no content, in a few words.
    """

    state: FileState
    content: Any = None
    problem: str | None = None


ABSENT_FILE = SmallFile(state=FileState.ABSENT)


class CommitFacts(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The content of a commit, as far as it is known. It never changes, but more of it can become known.

    `filenames` are all paths in the repo, sorted. `files` has one entry for each small file that was fetched, by path:
    a path without an entry was not fetched (for example `config.json` in lean mode).

    `unseen` names what a decision should have read and could not: `ALL_FILES` where the list of files is not known
    (`filenames` are then those that were read), `TAGS`, `COMMIT`, and paths of small files. Empty where nothing is
    missing.
    """

    filenames: tuple[str, ...] = ()
    files: Mapping[str, SmallFile] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()

    @property
    def has_all_names(self) -> bool:
        """Whether `filenames` are all files of the commit."""
        return bool(self.filenames) and ALL_FILES not in self.unseen

    @property
    def config(self) -> Mapping[str, Any] | None:
        """`config.json` as an object; None where it is absent, unreadable, or not fetched."""
        return self.mapping(CONFIG)

    def mapping(self, path: str) -> Mapping[str, Any] | None:
        """The small file at `path` if it was read and is a JSON object, else None."""
        small_file = self.files.get(path)
        content = small_file.content if small_file is not None else None
        return content if isinstance(content, dict) else None


class HubHints(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The Hub's metadata of a repo, beside its files. It can change without a new commit.

    `extract` is the Hub's own small extract of the config files (`config` in its responses, hub-docs
    `tasks/src/model-data.ts`). `auto_model` and `auto_task` are its `transformersInfo`. `gated` is `auto`, `manual`
    or None. `private` is None where the response does not have it.
    """

    pipeline_tag: str | None = None
    library_name: str | None = None
    tags: tuple[str, ...] = ()
    gated: str | None = None
    private: bool | None = None
    disabled: bool = False
    extract: Mapping[str, Any] = field(default_factory=dict)
    auto_model: str | None = None
    auto_task: str | None = None
    gguf_architecture: str | None = None


NO_HINTS = HubHints()


class RepoFacts(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Everything that a decision reads: the commit's facts, and the Hub's hints where they were fetched."""

    commit: CommitFacts
    hints: HubHints = NO_HINTS
