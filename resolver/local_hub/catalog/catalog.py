"""`Catalog` and `HubRepo`: the repos that the local Hub serves, and changes of them. Pure; `readers` reads the disk."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from resolver.local_hub.catalog.contents import encode_content, hash_commit
from resolver.local_hub.errors import CatalogError, UnknownRepoError

EPOCH: Final = datetime(2022, 3, 2, 23, 29, 4, tzinfo=UTC)
"""The creation time that the Hub gives to its oldest repos."""

MAIN: Final = "main"
"""The default branch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubRepo:
    """One repo with all its commits.

    `commits`: commit hash → path → content, oldest first. `branches` and `git_tags`: name → commit hash; branches may
    have a full ref name such as `refs/pr/1`. `extract` is the API's `config`; where it is None, it is built from the
    files of the requested commit. `transformers_info`, `gguf`, `safetensors` and `card` are served unchanged and left
    out where they are None. `object_id` is the API's `_id`, kept through renames; empty means derived from the id.
    """

    id: str
    commits: Mapping[str, Mapping[str, bytes]]
    branches: Mapping[str, str]
    git_tags: Mapping[str, str] = field(default_factory=dict)
    repo_type: Literal["model", "dataset", "space"] = "model"
    author: str | None = None
    pipeline_tag: str | None = None
    library_name: str | None = None
    tags: tuple[str, ...] = ()
    extract: Mapping[str, Any] | None = None
    transformers_info: Mapping[str, Any] | None = None
    gguf: Mapping[str, Any] | None = None
    safetensors: Mapping[str, Any] | None = None
    card: Mapping[str, Any] | None = None
    gated: Literal["auto", "manual"] | None = None
    private: bool = False
    disabled: bool = False
    created_at: datetime = EPOCH
    modified_at: datetime = EPOCH
    object_id: str = ""

    @property
    def owner(self) -> str | None:
        """The `author` field, else the namespace of the id; None for a one-part id."""
        return self.author or (self.id.partition("/")[0] if "/" in self.id else None)

    @property
    def head(self) -> str:
        """The commit hash of the default branch: `main` where there is one, else the first branch."""
        return self.branches.get(MAIN) or next(iter(self.branches.values()))

    def find_commit(self, revision: str) -> str | None:
        """The commit hash of a branch, a tag, `HEAD`, or a full or short commit hash (7 digits at least); else None."""
        if (commit_hash := self.branches.get(revision) or self.git_tags.get(revision)) is not None:
            return commit_hash
        if revision in self.commits:
            return revision
        if revision == "HEAD":
            return self.head
        for prefix, names in (("refs/heads/", self.branches), ("refs/tags/", self.git_tags)):
            if revision.startswith(prefix):
                return names.get(revision.removeprefix(prefix))
        if 7 <= len(revision) < 40:
            matches = [commit for commit in self.commits if commit.startswith(revision)]
            return matches[0] if len(matches) == 1 else None
        return None


class Catalog:
    """A mutable set of repos, found by canonical id, by a former id, or by an id in another letter case."""

    def __init__(self, repos: Iterable[HubRepo] = ()) -> None:
        self._repos: dict[str, HubRepo] = {}
        self._aliases: dict[str, str] = {}
        self._by_lower: dict[str, str] = {}
        self._sorted: tuple[str, ...] | None = None
        self._by_author: dict[str, tuple[str, ...]] | None = None
        self._orders: dict[tuple[str, str | None], list[tuple[int, str]]] = {}
        for repo in repos:
            self.add(repo)

    def __len__(self) -> int:
        return len(self._repos)

    def __iter__(self) -> Iterator[HubRepo]:
        return iter(self._repos.values())

    def __contains__(self, repo_id: object) -> bool:
        return repo_id in self._repos

    def add(self, repo: HubRepo) -> None:
        """Add a repo; it replaces a repo of the same id.

        Raises:
            CatalogError: the repo has no branch, or a branch or tag points at a commit that it does not hold.
        """
        if not repo.branches:
            raise CatalogError(f"{repo.id}: a repo needs at least one branch")
        for name, commit_hash in (*repo.branches.items(), *repo.git_tags.items()):
            if commit_hash not in repo.commits:
                raise CatalogError(f"{repo.id}: {name} points at commit {commit_hash}, which is not among its commits")
        previous = self._repos.get(repo.id)
        if previous is None or previous.owner != repo.owner:
            self._clear_indexes()
        self._repos[repo.id] = repo
        self._orders.clear()
        if (lower := repo.id.lower()) != repo.id:
            self._by_lower.setdefault(lower, repo.id)

    def get(self, repo_id: str) -> HubRepo | None:
        """The repo of exactly this canonical id, or None."""
        return self._repos.get(repo_id)

    def find_canonical_id(self, repo_id: str) -> str | None:
        """The canonical id of a repo, after renames and case folding; None where there is no such repo."""
        if repo_id in self._repos:
            return repo_id
        lower = repo_id.lower()
        found = self._aliases.get(lower) or self._by_lower.get(lower, lower)
        return found if found in self._repos else None

    def rename(self, old_id: str, new_id: str) -> None:
        """Move a repo to another id, perhaps of another owner; requests for the old id are redirected."""
        repo = self._get_existing(old_id)
        self.delete(old_id)
        object_id = repo.object_id or derive_object_id(repo.id)
        self.add(dataclasses.replace(repo, id=new_id, author=None, object_id=object_id))
        self.alias(old_id, new_id)

    def alias(self, former_id: str, canonical_id: str) -> None:
        """Redirect a former id (or a legacy one-part id) to a repo."""
        self._get_existing(canonical_id)
        for key, target in self._aliases.items():
            if target == former_id:
                self._aliases[key] = canonical_id
        self._aliases[former_id.lower()] = canonical_id

    def delete(self, repo_id: str) -> None:
        """Remove a repo; requests for its aliases get the response for a missing repo."""
        self._get_existing(repo_id)
        del self._repos[repo_id]
        if self._by_lower.get(repo_id.lower()) == repo_id:
            del self._by_lower[repo_id.lower()]
        self._clear_indexes()

    def change(self, repo_id: str, **changes: Any) -> HubRepo:
        """The repo with some fields replaced (`pipeline_tag=`, `gated=`, `private=`, `branches=`…)."""
        repo = dataclasses.replace(self._get_existing(repo_id), **changes)
        if repo.id != repo_id:
            raise CatalogError(f"{repo_id}: change() cannot change the id; use rename()")
        self.add(repo)
        return repo

    def push(
        self,
        repo_id: str,
        files: Mapping[str, object],
        branch: str = MAIN,
        *,
        modified_at: datetime | None = None,
    ) -> str:
        """The hash of a new commit on a branch; a new branch starts at the head of the default branch.

        `modified_at` is the repo's new time of the last change; None leaves it.

        `files`: path → bytes, text or a JSON value; None deletes the path. Other files stay unchanged.
        """
        repo = self._get_existing(repo_id)
        parent = repo.branches.get(branch, repo.head)
        content = dict(repo.commits[parent])
        for path, new_content in files.items():
            if new_content is None:
                content.pop(path, None)
            else:
                content[path] = encode_content(new_content)
        commit_hash = hash_commit(repo_id, content, f"{parent}{len(repo.commits)}")
        commits = {**repo.commits, commit_hash: content}
        branches = {**repo.branches, branch: commit_hash}
        self.change(repo_id, commits=commits, branches=branches, modified_at=modified_at or repo.modified_at)
        return commit_hash

    def ids(self) -> tuple[str, ...]:
        """All canonical ids, sorted."""
        if self._sorted is None:
            self._sorted = tuple(sorted(self._repos))
        return self._sorted

    def ids_of_author(self, author: str) -> tuple[str, ...]:
        """The canonical ids of one owner, sorted; may be empty."""
        if self._by_author is None:
            groups: dict[str, list[str]] = {}
            for repo_id in self.ids():
                groups.setdefault(self._repos[repo_id].owner or "", []).append(repo_id)
            self._by_author = {owner: tuple(ids) for owner, ids in groups.items()}
        return self._by_author.get(author, ())

    def list_in_order(
        self, order: str, author: str | None, get_value: Callable[[HubRepo], int]
    ) -> list[tuple[int, str]]:
        """The (-value, id) of all repos, or of those of one owner, sorted. Kept by `order`, the name of `get_value`."""
        found = self._orders.get((order, author))
        if found is None:
            ids = self.ids() if author is None else self.ids_of_author(author)
            found = self._orders[order, author] = sorted((-get_value(self._repos[name]), name) for name in ids)
        return found

    def _get_existing(self, repo_id: str) -> HubRepo:
        repo = self._repos.get(repo_id)
        if repo is None:
            raise UnknownRepoError(f"the catalog has no repo {repo_id!r}")
        return repo

    def _clear_indexes(self) -> None:
        self._sorted = None
        self._by_author = None
        self._orders.clear()


def derive_object_id(repo_id: str) -> str:
    """A stable replacement for the Hub's `_id`: 24 hex digits."""
    return hash_commit(repo_id, {})[:24]
