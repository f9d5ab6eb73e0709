"""Fetch the files of a commit into the local Hugging Face cache, with huggingface_hub. Blocking: call it in a thread.

A snapshot that already holds all that is wanted is found by a look at the disk, without a request.
"""

from __future__ import annotations

import glob
import logging
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from resolver.errors import (
    GatedRepoError,
    HubError,
    HubUnavailableError,
    OfflineError,
    RateLimitedError,
    RepositoryNotFoundError,
    ResolveError,
    RevisionNotFoundError,
    UnauthorizedError,
)
from resolver.local.folder import list_files

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A commit of a repo, and where it is to be had from. `other_id` is the id it was asked for by, under which other
    programs may have put it into the cache. `ref` is the branch or tag that stood at the commit when the Hub was asked;
    `is_ref_fresh` says that this was just now.
    """

    repo_id: str
    commit_hash: str
    endpoint: str
    other_id: str | None = None
    ref: str | None = None
    is_ref_fresh: bool = False
    cache_dir: str | Path | None = None
    token: str | Literal[False] = False
    offline: bool = False

    def find(self, filenames: Iterable[str]) -> Path | None:
        """The folder in the cache that holds all of `filenames`; None where one is missing."""
        filenames = tuple(filenames)
        for repo_id in dict.fromkeys((self.repo_id, self.other_id or self.repo_id)):
            folder = self._folder(repo_id)
            if filenames and all((folder / name).is_file() for name in filenames):
                return folder
        return None

    def _folder(self, repo_id: str) -> Path:
        from huggingface_hub.file_download import repo_folder_name

        name = repo_folder_name(repo_id=repo_id, repo_type="model")
        return _cache(self.cache_dir) / name / "snapshots" / self.commit_hash

    def fetch(self, filenames: Iterable[str]) -> Path:
        """The folder that holds all of `filenames`, once they are there.

        Raises:
            ResolveError: the Hub says no or cannot be reached, or may not be asked and the cache lacks a file.
        """
        filenames = tuple(filenames)
        found = self.find(filenames)
        if found is not None:
            return found
        if self.offline:
            raise OfflineError(self._what(self._missing(filenames)) + "may not be asked for while offline")
        from huggingface_hub import snapshot_download

        try:
            folder = snapshot_download(
                self.repo_id,
                revision=self.commit_hash,
                cache_dir=self.cache_dir,
                endpoint=self.endpoint,
                token=self.token,
                allow_patterns=[glob.escape(name) for name in filenames],
                library_name="hubresolve",
            )
        except Exception as error:  # many kinds of several libraries
            raise _translated(error, self) from error
        missing = self._missing(filenames)
        if missing:
            raise HubUnavailableError(
                self._what(missing) + "could not be had from the Hub",
                repo_id=self.repo_id,
                revision=self.commit_hash,
            )
        self._note_ref()
        return Path(folder)

    def _note_ref(self) -> None:
        """Write down what the branch stood at, as huggingface_hub does where it is asked for a branch: other programs
        find the files by it. What it wrote later itself is left alone.
        """
        if self.ref is None or self.ref == self.commit_hash:
            return
        path = self._folder(self.repo_id).parent.parent / "refs" / self.ref
        try:
            if self.is_ref_fresh or not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                unfinished = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
                unfinished.write_text(self.commit_hash, encoding="ascii")
                unfinished.replace(path)
        except OSError as error:
            logger.debug("the ref %s of %s cannot be written: %s", self.ref, self.repo_id, error)

    def present_files(self) -> tuple[str, ...]:
        """The paths that are in the cache, under either id; may be empty."""
        ids = dict.fromkeys((self.repo_id, self.other_id or self.repo_id))
        return next(filter(None, (list_files(self._folder(repo_id)) for repo_id in ids)), ())

    def _missing(self, filenames: Iterable[str]) -> list[str]:
        folder = self._folder(self.repo_id)
        return [name for name in filenames if not (folder / name).is_file()]

    def _what(self, missing: list[str]) -> str:
        some = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        return f"{self.repo_id}@{self.commit_hash}: not in the local Hugging Face cache, and {some} "


def _cache(cache_dir: str | Path | None) -> Path:
    from huggingface_hub import constants

    return Path(cache_dir or os.environ.get("HF_HUB_CACHE") or constants.HF_HUB_CACHE).expanduser()


def _translated(error: Exception, snapshot: Snapshot) -> ResolveError:
    """The error of this package for one of huggingface_hub, or of what it is built on."""
    from huggingface_hub import errors

    what = f"{snapshot.repo_id}@{snapshot.commit_hash}: its files could not be fetched: {_first_line(error)}"
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if isinstance(error, (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError)) and _is_switched_off():
        return OfflineError(what)
    kind: type[HubError]
    match error:
        case errors.GatedRepoError():
            kind = GatedRepoError
        case errors.RepositoryNotFoundError():
            kind = RepositoryNotFoundError
        case errors.RevisionNotFoundError():
            kind = RevisionNotFoundError
        case _ if status == 429:
            kind = RateLimitedError
        case _ if status in (401, 403):
            kind = UnauthorizedError
        case _:
            kind = HubUnavailableError
    return kind(what, repo_id=snapshot.repo_id, revision=snapshot.commit_hash, status=status)


def _is_switched_off() -> bool:
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
