"""Reads the facts of a repo in the local Hugging Face cache. Opens no socket. Blocking: call it in a thread."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from registry.facts import CONFIG, CommitFacts, FileState, RepoFacts, SmallFile
from resolver.environment import read_cache_dir
from resolver.local.folder import list_files, read_commit_facts
from resolver.local.model_card import CARD, read_card_hints
from resolver.repo_id import RepoRevision, is_commit_hash

MAX_REF_BYTES = 1_024


class UnreadableCacheError(Exception):
    """The cache, or what it has of a repo, cannot be read; the text says what, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedRepo:
    """The facts of a repo at a commit in the cache. `repo_id` is the id that its folder is named after.

    `ref_at_s`: when the branch or tag last got another commit here, in seconds since 1970, UTC; None where the commit
    itself was requested. `has_card`: whether its model card is there, from which the hints come.
    """

    repo_id: str
    commit_hash: str
    facts: RepoFacts
    ref_at_s: float | None
    has_card: bool


def find_cache_dir(cache_dir: str | Path | None) -> Path:
    """The folder of the Hugging Face cache: `cache_dir`, or huggingface_hub's own where it is None.

    The environment is read at each call, huggingface_hub reads it once, when it is imported.
    """
    from huggingface_hub import constants

    return Path(cache_dir or read_cache_dir(os.environ) or constants.HF_HUB_CACHE).expanduser()


def find_cached_repo(
    target: RepoRevision, cache_dir: str | Path | None = None, *, subfolder: str = "", other_ids: Iterable[str] = ()
) -> CachedRepo | None:
    """The facts of `target`, or of a subfolder of it, in the cache; None where the cache has no useful file of it.

    The ids are tried in order, `other_ids` last: the folder of a renamed repo keeps the id that it was requested by.
    `cache_dir` is the cache's folder, None for huggingface_hub's own.

    Raises:
        UnreadableCacheError: nothing was found, and something could not be read.
    """
    problem: UnreadableCacheError | None = None
    for repo_id in (target.repo_id, *other_ids):
        try:
            found = _find_by_id(repo_id, target, cache_dir, subfolder)
        except UnreadableCacheError as error:
            problem = problem or error
        except OSError as error:
            problem = problem or UnreadableCacheError(f"{error.filename}: {error.strerror}")
        else:
            if found is not None:
                return found
    if problem is not None:
        raise problem
    return None


def list_cached_commits(repo_id: str, cache_dir: str | Path | None = None) -> list[str]:
    """The commits of a repo that have a snapshot in the cache, the latest first; empty where they cannot be listed."""
    from huggingface_hub.file_download import repo_folder_name

    folder = find_cache_dir(cache_dir) / repo_folder_name(repo_id=repo_id, repo_type="model") / "snapshots"
    try:
        with os.scandir(folder) as entries:
            commits = [(entry.stat().st_mtime, entry.name) for entry in entries if is_commit_hash(entry.name)]
    except OSError:
        return []
    return [name for _, name in sorted(commits, reverse=True)]


def _find_by_id(repo_id: str, target: RepoRevision, cache_dir: str | Path | None, subfolder: str) -> CachedRepo | None:
    from huggingface_hub.file_download import repo_folder_name

    cache = find_cache_dir(cache_dir)
    repo = cache / repo_folder_name(repo_id=repo_id, repo_type="model")
    if not (_is_folder(cache) and _is_folder(repo)):
        return None
    commit_hash, ref_at_s = (target.revision, None) if target.is_pinned else _read_ref(repo / "refs", target.revision)
    if commit_hash is None:
        return None
    prefix = f"{subfolder}/" if subfolder else ""
    folder = repo / "snapshots" / commit_hash / subfolder
    present = list_files(folder) if _is_folder(folder) else ()
    tree = read_tree_sizes(repo_id, commit_hash, cache)
    in_tree = (name.removeprefix(prefix) for name in tree if name.startswith(prefix))
    filenames = tuple(sorted({*present, *in_tree}))
    known_absent = repo / ".no_exist" / commit_hash / subfolder
    if not filenames and not (known_absent / CONFIG).is_file():
        return None
    hints = read_card_hints(folder / CARD)
    commit = read_commit_facts(filenames, hints, lambda name: folder / name)
    commit = CommitFacts(filenames=filenames, files={**commit.files, **_mark_not_downloaded(commit, present)})
    return CachedRepo(
        repo_id=repo_id,
        commit_hash=commit_hash,
        facts=RepoFacts(commit=commit, hints=hints),
        ref_at_s=ref_at_s,
        has_card=CARD in present,
    )


def _read_ref(refs: Path, revision: str) -> tuple[str | None, float | None]:
    """The commit that a branch or tag pointed to when it was last downloaded, and when the ref was written; None where
    the cache has no such ref.
    """
    path = refs / revision
    try:
        found = path.stat()
        # A folder has the refs whose names begin so. A pipe in its place would never end.
        if not stat.S_ISREG(found.st_mode):
            return None, None
        with path.open("rb") as file:
            commit_hash = file.read(MAX_REF_BYTES).decode("latin-1").strip()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        # ValueError: a NUL, or a character that no name on this system has.
        return None, None
    if not is_commit_hash(commit_hash):
        raise UnreadableCacheError(f"{path} is damaged: it holds no commit")
    return commit_hash, found.st_mtime


def _is_folder(path: Path) -> bool:
    """Whether there is a folder, which can be read.

    Raises:
        OSError: there is something that cannot be read.
    """
    try:
        os.scandir(path).close()
    except FileNotFoundError:
        if not os.path.lexists(path):
            return False
        raise
    return True


def read_tree_sizes(repo_id: str, commit_hash: str, cache: Path) -> dict[str, int]:
    """All paths of the commit with their sizes in bytes, where `snapshot_download` stored them in the cache."""
    try:
        from huggingface_hub import get_cached_repo_tree
        from huggingface_hub.errors import CachedRepoTreeNotFoundError
    except ImportError:
        # huggingface_hub < 2.0 stores no trees.
        return {}
    try:
        tree = get_cached_repo_tree(repo_id, revision=commit_hash, cache_dir=cache)
    except CachedRepoTreeNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        # huggingface_hub does not check the file's content; a damaged file counts as none.
        return {}
    return {entry.path: entry.size for entry in tree}


def _mark_not_downloaded(commit: CommitFacts, present: tuple[str, ...]) -> dict[str, SmallFile]:
    """The small files that the commit has but the cache lacks, as inaccessible instead of absent."""
    inaccessible = SmallFile(state=FileState.INACCESSIBLE, problem="not in the local cache")
    return {
        name: inaccessible
        for name, small_file in commit.files.items()
        if small_file.state is FileState.ABSENT and name in commit.filenames and name not in present
    }
