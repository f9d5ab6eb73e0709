"""Builds the JSON of a repo's files and history: tree, paths-info, refs and commits. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from resolver.local_hub.catalog.catalog import HubRepo
from resolver.local_hub.catalog.contents import build_lfs_pointer, hash_git_blob, hash_sha256, is_lfs
from resolver.local_hub.protocol.payloads import format_time

_PULL_REQUEST_PREFIX: Final = "refs/pr/"
_CONVERT_PREFIX: Final = "refs/convert/"


def build_file_entry(path: str, content: bytes, lfs_threshold_bytes: int) -> dict[str, Any]:
    """The entry of a file in a tree; the `oid` of an LFS file is the git id of its pointer."""
    if not is_lfs(path, len(content), lfs_threshold_bytes):
        return {"type": "file", "oid": hash_git_blob(content), "size": len(content), "path": path}
    pointer = build_lfs_pointer(content)
    lfs = {"oid": hash_sha256(content), "size": len(content), "pointerSize": len(pointer)}
    return {"type": "file", "oid": hash_git_blob(pointer), "size": len(content), "lfs": lfs, "path": path}


def build_folder_entry(path: str) -> dict[str, Any]:
    """The entry of a folder in a tree."""
    oid = hashlib.sha1(f"tree {path}".encode(), usedforsecurity=False).hexdigest()
    return {"type": "directory", "oid": oid, "size": 0, "path": path}


def list_tree(paths: Iterable[str], folder: str, *, recursive: bool) -> list[tuple[str, bool]]:
    """The paths in a folder (empty for the whole repo), each with whether it is a folder; folders first, sorted.

    The list is empty where there is no such folder.
    """
    prefix = f"{folder}/" if folder else ""
    folders: set[str] = set()
    files: list[str] = []
    for path in paths:
        if not path.startswith(prefix):
            continue
        parts = path[len(prefix) :].split("/")
        steps = range(1, len(parts)) if recursive else range(1, min(2, len(parts)))
        folders.update(prefix + "/".join(parts[:step]) for step in steps)
        if recursive or len(parts) == 1:
            files.append(path)
    return [*((name, True) for name in sorted(folders)), *((name, False) for name in sorted(files))]


def build_paths_info(
    files: Mapping[str, bytes], paths: Iterable[str], lfs_threshold_bytes: int
) -> list[dict[str, Any]]:
    """The entries of the paths that exist; missing paths are left out."""
    entries = []
    for path in paths:
        if path in files:
            entries.append(build_file_entry(path, files[path], lfs_threshold_bytes))
        elif any(file.startswith(f"{path}/") for file in files):
            entries.append(build_folder_entry(path))
    return entries


def build_last_commit(repo: HubRepo, commit_hash: str) -> dict[str, Any]:
    """The `lastCommit` that `expand=true` adds to an entry."""
    return {"id": commit_hash, "title": "Update", "date": format_time(repo.modified_at)}


def build_refs(repo: HubRepo, *, with_pull_requests: bool) -> dict[str, Any]:
    """The branches, tags, conversions and, if requested, pull requests of a repo."""
    branches = {name: commit for name, commit in repo.branches.items() if not name.startswith("refs/")}
    body: dict[str, Any] = {
        "branches": [_build_ref(name, f"refs/heads/{name}", commit) for name, commit in branches.items()],
        "tags": [_build_ref(name, f"refs/tags/{name}", commit) for name, commit in repo.git_tags.items()],
        "converts": _build_special_refs(repo, _CONVERT_PREFIX),
    }
    if with_pull_requests:
        body["pullRequests"] = _build_special_refs(repo, _PULL_REQUEST_PREFIX)
    return body


def build_commits(repo: HubRepo, commit_hash: str) -> list[dict[str, Any]]:
    """The history up to a commit, newest first."""
    hashes = list(repo.commits)
    return [
        {
            "id": ancestor,
            "title": "Update",
            "message": "",
            "authors": [{"user": repo.owner or "local", "avatar": ""}],
            "date": format_time(repo.modified_at),
        }
        for ancestor in reversed(hashes[: hashes.index(commit_hash) + 1])
    ]


def _build_special_refs(repo: HubRepo, prefix: str) -> list[dict[str, str]]:
    return [
        _build_ref(name.removeprefix(prefix), name, commit)
        for name, commit in repo.branches.items()
        if name.startswith(prefix)
    ]


def _build_ref(name: str, ref: str, commit_hash: str) -> dict[str, str]:
    return {"name": name, "ref": ref, "targetCommit": commit_hash}
