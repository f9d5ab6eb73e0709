"""Bodies about the files and the history of a repo: tree, paths-info, refs and commits. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from resolver.local_hub.catalog.catalog import HubRepo
from resolver.local_hub.catalog.contents import git_sha1, is_lfs, lfs_pointer, sha256
from resolver.local_hub.protocol.payloads import format_time

_PULL_REQUEST: Final = "refs/pr/"
_CONVERT: Final = "refs/convert/"


def file_entry(path: str, content: bytes, lfs_threshold_bytes: int) -> dict[str, Any]:
    """A file as the tree route shows it; for an LFS file `oid` is the git id of its pointer."""
    if not is_lfs(path, len(content), lfs_threshold_bytes):
        return {"type": "file", "oid": git_sha1(content), "size": len(content), "path": path}
    pointer = lfs_pointer(content)
    lfs = {"oid": sha256(content), "size": len(content), "pointerSize": len(pointer)}
    return {"type": "file", "oid": git_sha1(pointer), "size": len(content), "lfs": lfs, "path": path}


def folder_entry(path: str) -> dict[str, Any]:
    """A folder as the tree route shows it."""
    oid = hashlib.sha1(f"tree {path}".encode(), usedforsecurity=False).hexdigest()
    return {"type": "directory", "oid": oid, "size": 0, "path": path}


def tree_paths(paths: Iterable[str], folder: str, *, recursive: bool) -> list[tuple[str, bool]]:
    """The paths in a folder (the whole repo where empty), each with whether it is a folder; folders first, sorted.

    Empty where there is no such folder.
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


def paths_info(files: Mapping[str, bytes], paths: Iterable[str], lfs_threshold_bytes: int) -> list[dict[str, Any]]:
    """Entries of the paths that exist; the others are left out silently."""
    entries = []
    for path in paths:
        if path in files:
            entries.append(file_entry(path, files[path], lfs_threshold_bytes))
        elif any(other.startswith(f"{path}/") for other in files):
            entries.append(folder_entry(path))
    return entries


def last_commit(repo: HubRepo, commit_hash: str) -> dict[str, Any]:
    """The `lastCommit` that `expand=true` adds to an entry."""
    return {"id": commit_hash, "title": "Update", "date": format_time(repo.modified_at)}


def refs(repo: HubRepo, *, with_pull_requests: bool) -> dict[str, Any]:
    """Branches, tags, conversions and, where asked for, pull requests."""
    plain = {name: commit for name, commit in repo.branches.items() if not name.startswith("refs/")}
    body: dict[str, Any] = {
        "branches": [_ref(name, f"refs/heads/{name}", commit) for name, commit in plain.items()],
        "tags": [_ref(name, f"refs/tags/{name}", commit) for name, commit in repo.git_tags.items()],
        "converts": _special_refs(repo, _CONVERT),
    }
    if with_pull_requests:
        body["pullRequests"] = _special_refs(repo, _PULL_REQUEST)
    return body


def commits(repo: HubRepo, commit_hash: str) -> list[dict[str, Any]]:
    """The history up to a commit, newest first."""
    hashes = list(repo.commits)
    return [
        {
            "id": each,
            "title": "Update",
            "message": "",
            "authors": [{"user": repo.owner or "local", "avatar": ""}],
            "date": format_time(repo.modified_at),
        }
        for each in reversed(hashes[: hashes.index(commit_hash) + 1])
    ]


def _special_refs(repo: HubRepo, prefix: str) -> list[dict[str, str]]:
    return [
        _ref(name.removeprefix(prefix), name, commit)
        for name, commit in repo.branches.items()
        if name.startswith(prefix)
    ]


def _ref(name: str, ref: str, commit_hash: str) -> dict[str, str]:
    return {"name": name, "ref": ref, "targetCommit": commit_hash}
