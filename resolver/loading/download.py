"""`Snapshot`: finds and fetches the files of a commit in the local Hugging Face cache, with huggingface_hub.

Blocking: call it in a thread. Where the cache holds all requested files, no request is sent.
"""

from __future__ import annotations

import functools
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
from resolver.loading.damage import DamagedFile, find_damaged_files
from resolver.loading.guard import guard_load
from resolver.local.folder import list_files
from resolver.local.hf_cache import find_cache_dir, read_tree_sizes

logger = logging.getLogger(__name__)

SMALL_SUFFIXES = (".json", ".txt", ".model")
"""The ends of the names of files that are read before any weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A commit of a repo in the cache. `repo_id` is the canonical id, `requested_id` the one that the user wrote: other
    programs may have cached the repo under it. `ref` is the branch or tag that pointed to the commit when the Hub was
    asked; `is_ref_fresh` is true where that was just now. `token` False: send none.
    """

    repo_id: str
    commit_hash: str
    endpoint: str
    requested_id: str | None = None
    ref: str | None = None
    is_ref_fresh: bool = False
    cache_dir: str | Path | None = None
    token: str | Literal[False] = False
    offline: bool = False

    def find(self, filenames: Iterable[str]) -> Path | None:
        """The cached folder that holds all of `filenames`; None where one is missing, or none are given."""
        filenames = tuple(filenames)
        for repo_id in self._list_ids():
            folder = self._build_path(repo_id)
            if filenames and all((folder / name).is_file() for name in filenames):
                return folder
        return None

    def fetch(self, filenames: Iterable[str]) -> Path:
        """The cached folder that holds all of `filenames`; missing ones are downloaded first.

        Raises:
            OfflineError: the cache lacks a file, and the Hub must not be asked.
            HubError: the Hub refuses, or cannot be reached.
        """
        filenames = tuple(filenames)
        found = self.find(filenames)
        if found is not None:
            return found
        if self.offline:
            missing = self._describe_missing(self._find_missing(filenames))
            raise OfflineError(f"{missing}, and the Hub must not be asked while offline: load the model once online")
        from huggingface_hub import snapshot_download

        _find_agent_without_request()
        try:
            folder = snapshot_download(
                self.repo_id,
                revision=self.commit_hash,
                cache_dir=find_cache_dir(self.cache_dir),
                endpoint=self.endpoint,
                token=self.token,
                allow_patterns=[glob.escape(name) for name in filenames],
                library_name="hubresolve",
            )
        except Exception as error:  # huggingface_hub raises errors of several libraries
            raise _translate_error(error, self, self._describe_missing(self._find_missing(filenames))) from error
        still_missing = self._find_missing(filenames)
        if still_missing:
            raise HubUnavailableError(
                f"{self._describe_missing(still_missing)}, and the download from the Hub did not add them",
                repo_id=self.repo_id,
                revision=self.commit_hash,
            )
        self._write_ref()
        return Path(folder)

    def measure(self, filenames: Iterable[str]) -> dict[str, int]:
        """The size in bytes of each of `filenames`: in the cache where it holds them all, else as the Hub says.

        Raises:
            OfflineError: the cache lacks a file, and the Hub must not be asked.
            HubError: the Hub refuses, or cannot be reached.
        """
        filenames = tuple(filenames)
        if (found := self.find(filenames)) is not None:
            return {name: (found / name).stat().st_size for name in filenames}
        if self.offline:
            raise OfflineError(self._describe_missing(self._find_missing(filenames)))
        from huggingface_hub import HfApi

        _find_agent_without_request()
        api = HfApi(endpoint=self.endpoint, token=self.token, library_name="hubresolve")
        try:
            found_paths = api.get_paths_info(self.repo_id, list(filenames), revision=self.commit_hash)
        except Exception as error:  # huggingface_hub raises errors of several libraries
            raise _translate_error(error, self, self._describe_missing(self._find_missing(filenames))) from error
        return {info.path: info.size for info in found_paths if hasattr(info, "size")}

    def list_cached_files(self) -> tuple[str, ...]:
        """The paths of the commit that are in the cache, under either id; may be empty."""
        return next(filter(None, (list_files(self._build_path(repo_id)) for repo_id in self._list_ids())), ())

    def find_damaged(self, folder: Path, filenames: Iterable[str], *, reads_all: bool = False) -> list[DamagedFile]:
        """The damaged ones of the files of a cached folder of this commit. `reads_all`: read large ones as a whole."""
        sizes = read_tree_sizes(self.repo_id, self.commit_hash, find_cache_dir(self.cache_dir))
        return find_damaged_files(folder, filenames, sizes, reads_all=reads_all)

    def find_damaged_small_files(self) -> list[DamagedFile]:
        """The damaged ones of the commit's cached files that are no weights."""
        for repo_id in self._list_ids():
            folder = self._build_path(repo_id)
            names = [name for name in list_files(folder) if (folder / name).suffix in SMALL_SUFFIXES]
            if names:
                return self.find_damaged(folder, names)
        return []

    def _list_ids(self) -> Iterable[str]:
        return dict.fromkeys((self.repo_id, self.requested_id or self.repo_id))

    def _build_path(self, repo_id: str) -> Path:
        """The folder of the commit in the cache, which need not exist."""
        from huggingface_hub.file_download import repo_folder_name

        name = repo_folder_name(repo_id=repo_id, repo_type="model")
        return find_cache_dir(self.cache_dir) / name / "snapshots" / self.commit_hash

    def _write_ref(self) -> None:
        """Write the commit into the cache's file for the ref, as huggingface_hub does when it downloads a branch.

        Other programs find the files by it. A ref that is not fresh does not replace one in the cache.
        """
        if self.ref is None or self.ref == self.commit_hash:
            return
        path = self._build_path(self.repo_id).parent.parent / "refs" / self.ref
        try:
            if self.is_ref_fresh or not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
                temporary.write_text(self.commit_hash, encoding="ascii")
                temporary.replace(path)
        except OSError as error:
            logger.debug("the ref %s of %s cannot be written: %s", self.ref, self.repo_id, error)

    def _find_missing(self, filenames: Iterable[str]) -> list[str]:
        folder = self._build_path(self.repo_id)
        return [name for name in filenames if not (folder / name).is_file()]

    def _describe_missing(self, missing: list[str]) -> str:
        names = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        return f"{self.repo_id}@{self.commit_hash}: the local Hugging Face cache lacks {names}"


@functools.cache
def _find_agent_without_request() -> None:
    """Let huggingface_hub find out for its user agent whether an agent runs this process, but without a request.

    From release 2 on it asks the Hub of the environment for a list of agents, with the user's token, whatever endpoint
    and token a download has. It asks once in a process, and takes a refusal for an empty list.
    """
    from huggingface_hub import utils

    detect_agent = getattr(utils, "detect_agent", None)
    if detect_agent is not None:
        with guard_load("huggingface_hub", (), allow_code=False):
            detect_agent()


def _translate_error(error: Exception, snapshot: Snapshot, missing: str) -> ResolveError:
    """The `ResolveError` for an error of huggingface_hub or a library of its; `missing` says what is missing."""
    from huggingface_hub import errors

    message = f"{missing}, and its files could not be fetched: {_format_first_line(error)}"
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if isinstance(error, (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError)) and _is_offline_mode():
        return OfflineError(message)
    error_class: type[HubError]
    match error:
        case errors.GatedRepoError():
            error_class = GatedRepoError
        case errors.RepositoryNotFoundError():
            error_class = RepositoryNotFoundError
        case errors.RevisionNotFoundError():
            error_class = RevisionNotFoundError
        case _ if status == 429:
            error_class = RateLimitedError
        case _ if status in (401, 403):
            error_class = UnauthorizedError
        case _:
            error_class = HubUnavailableError
    return error_class(message, repo_id=snapshot.repo_id, revision=snapshot.commit_hash, status=status)


def _is_offline_mode() -> bool:
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def _format_first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
