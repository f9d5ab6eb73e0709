"""Facts of a repo in the local Hugging Face cache. Opens no socket. Blocking: call it in a thread."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from registry.facts import CONFIG, CommitFacts, FileState, RepoFacts, SmallFile
from resolver.local.folder import card_hints, list_files, read_files
from resolver.repo_id import RepoRevision, is_commit_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedRepo:
    """A snapshot found in the cache."""

    repo_id: str
    commit_hash: str
    facts: RepoFacts


def find_cached(
    wanted: RepoRevision, cache_dir: str | Path | None = None, *, subfolder: str = "", other_ids: Iterable[str] = ()
) -> CachedRepo | None:
    """What the cache holds of `wanted`, or of a subfolder of it, under its id or one of `other_ids` (a renamed repo's
    folder keeps the id that was typed); None where it holds no file that tells anything.

    `cache_dir` is where the cache lies (default: where huggingface_hub has it).
    """
    for repo_id in (wanted.repo_id, *other_ids):
        found = _find(repo_id, wanted, cache_dir, subfolder)
        if found is not None:
            return found
    return None


def _find(repo_id: str, wanted: RepoRevision, cache_dir: str | Path | None, subfolder: str) -> CachedRepo | None:
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    cache = Path(cache_dir or os.environ.get("HF_HUB_CACHE") or constants.HF_HUB_CACHE).expanduser()
    repo = cache / repo_folder_name(repo_id=repo_id, repo_type="model")
    commit_hash = wanted.revision if wanted.is_pinned else _read_ref(repo / "refs", wanted.revision)
    if commit_hash is None:
        return None
    snapshot = repo / "snapshots" / commit_hash
    start = f"{subfolder}/" if subfolder else ""
    here = snapshot / subfolder
    present = list_files(here) if here.is_dir() else ()
    in_tree = (name.removeprefix(start) for name in _tree(repo_id, commit_hash, cache) if name.startswith(start))
    filenames = tuple(sorted({*present, *in_tree}))
    known_absent = repo / ".no_exist" / commit_hash / subfolder
    if not filenames and not (known_absent / CONFIG).is_file():
        return None
    hints = card_hints(here / "README.md")
    commit = read_files(filenames, hints, lambda name: here / name)
    commit = CommitFacts(filenames=filenames, files={**commit.files, **_not_downloaded(commit, present)})
    return CachedRepo(repo_id=repo_id, commit_hash=commit_hash, facts=RepoFacts(commit=commit, hints=hints))


def _read_ref(refs: Path, revision: str) -> str | None:
    """The commit a branch or tag was last seen at."""
    try:
        commit_hash = (refs / revision).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return commit_hash if is_commit_hash(commit_hash) else None


def _tree(repo_id: str, commit_hash: str, cache: Path) -> tuple[str, ...]:
    """All paths of the commit, where `snapshot_download` wrote them down; else nothing."""
    try:
        from huggingface_hub import get_cached_repo_tree
        from huggingface_hub.errors import CachedRepoTreeNotFoundError
    except ImportError:
        # Before 2.0 it wrote no trees down.
        return ()
    try:
        tree = get_cached_repo_tree(repo_id, revision=commit_hash, cache_dir=cache)
    except CachedRepoTreeNotFoundError:
        return ()
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        # The library trusts what it finds in the file; one that was damaged says nothing.
        return ()
    return tuple(entry.path for entry in tree)


def _not_downloaded(commit: CommitFacts, present: tuple[str, ...]) -> dict[str, SmallFile]:
    """Files that the commit has but the cache does not: not absent, only out of reach."""
    problem = SmallFile(state=FileState.INACCESSIBLE, problem="not in the local cache")
    return {
        name: problem
        for name, small_file in commit.files.items()
        if small_file.state is FileState.ABSENT and name in commit.filenames and name not in present
    }
