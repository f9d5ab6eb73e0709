"""The repos that the local Hub serves, and the changes a test makes to them. Pure; reading is left to `readers`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from resolver.local_hub.catalog.contents import to_bytes, tree_sha1
from resolver.local_hub.errors import CatalogError, UnknownRepoError

EPOCH: Final = datetime(2022, 3, 2, 23, 29, 4, tzinfo=UTC)
"""The creation time that the Hub gives to its oldest repos."""

MAIN: Final = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubRepo:
    """One repo with all its commits.

    `commits`: commit hash → path → content, oldest first. `branches` and `git_tags`: name → commit hash; a name such as
    `refs/pr/1` is kept whole among the branches. `extract` is the API's `config`; None means derived from the files of
    the commit asked for. `transformers_info`, `gguf`, `safetensors` and `card` are served as given, absent where None.
    `object_id` is the API's `_id`, kept through renames; empty means derived from the id.
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
        """The author as given, else the namespace of the id; None for a one-part id."""
        return self.author or (self.id.partition("/")[0] if "/" in self.id else None)

    @property
    def head(self) -> str:
        """The commit hash of the default branch: `main` where there is one, else the first branch."""
        return self.branches.get(MAIN) or next(iter(self.branches.values()))

    def commit_hash(self, revision: str) -> str | None:
        """The commit that a branch, tag, `HEAD`, full or short commit hash (7 digits at least) means, or None."""
        if (found := self.branches.get(revision) or self.git_tags.get(revision)) is not None:
            return found
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
    """A mutable set of repos, looked up by canonical id, by former id, or in the wrong letter case."""

    def __init__(self, repos: Iterable[HubRepo] = ()) -> None:
        self._repos: dict[str, HubRepo] = {}
        self._aliases: dict[str, str] = {}
        self._by_lower: dict[str, str] = {}
        self._sorted: tuple[str, ...] | None = None
        self._by_author: dict[str, tuple[str, ...]] | None = None
        for repo in repos:
            self.add(repo)

    def __len__(self) -> int:
        return len(self._repos)

    def __iter__(self) -> Iterator[HubRepo]:
        return iter(self._repos.values())

    def __contains__(self, repo_id: object) -> bool:
        return repo_id in self._repos

    def add(self, repo: HubRepo) -> None:
        """Put a repo, in place of the one of the same id.

        Raises:
            CatalogError: the repo has no branch, or a branch or tag points at a commit it does not hold.
        """
        if not repo.branches:
            raise CatalogError(f"{repo.id}: a repo needs at least one branch")
        for name, commit_hash in (*repo.branches.items(), *repo.git_tags.items()):
            if commit_hash not in repo.commits:
                raise CatalogError(f"{repo.id}: {name} points at {commit_hash}, which is not among its commits")
        known = self._repos.get(repo.id)
        if known is None or known.owner != repo.owner:
            self._forget_order()
        self._repos[repo.id] = repo
        if (lower := repo.id.lower()) != repo.id:
            self._by_lower.setdefault(lower, repo.id)

    def get(self, repo_id: str) -> HubRepo | None:
        """The repo of exactly this canonical id, or None."""
        return self._repos.get(repo_id)

    def canonical_id(self, repo_id: str) -> str | None:
        """The id to ask instead: after renames and case folding. None where there is nothing to be found."""
        if repo_id in self._repos:
            return repo_id
        lower = repo_id.lower()
        found = self._aliases.get(lower) or self._by_lower.get(lower, lower)
        return found if found in self._repos else None

    def rename(self, old_id: str, new_id: str) -> None:
        """Move a repo to another id (another owner too); the old id answers with a redirect from now on."""
        repo = self._known(old_id)
        self.delete(old_id)
        object_id = repo.object_id or default_object_id(repo.id)
        self.add(dataclasses.replace(repo, id=new_id, author=None, object_id=object_id))
        self.alias(old_id, new_id)

    def alias(self, other_id: str, canonical_id: str) -> None:
        """Redirect another id (a legacy `name` or a former one) to a repo."""
        self._known(canonical_id)
        for key, target in self._aliases.items():
            if target == other_id:
                self._aliases[key] = canonical_id
        self._aliases[other_id.lower()] = canonical_id

    def delete(self, repo_id: str) -> None:
        """Take a repo away; aliases to it answer as missing."""
        self._known(repo_id)
        del self._repos[repo_id]
        if self._by_lower.get(repo_id.lower()) == repo_id:
            del self._by_lower[repo_id.lower()]
        self._forget_order()

    def change(self, repo_id: str, **changes: Any) -> HubRepo:
        """Replace fields of a repo (`pipeline_tag=`, `gated=`, `private=`, `branches=`…); returns the new repo."""
        repo = dataclasses.replace(self._known(repo_id), **changes)
        if repo.id != repo_id:
            raise CatalogError(f"{repo_id}: use rename() to change an id")
        self.add(repo)
        return repo

    def push(self, repo_id: str, files: Mapping[str, object], branch: str = MAIN) -> str:
        """Commit changed files on a branch (made from the default branch where new) and return the commit hash.

        `files`: path → bytes, text or a JSON value; None deletes the path. Other files stay.
        """
        repo = self._known(repo_id)
        parent = repo.branches.get(branch, repo.head)
        content = dict(repo.commits[parent])
        for path, new in files.items():
            if new is None:
                content.pop(path, None)
            else:
                content[path] = to_bytes(new)
        commit_hash = tree_sha1(repo_id, content, f"{parent}{len(repo.commits)}")
        commits = {**repo.commits, commit_hash: content}
        self.change(repo_id, commits=commits, branches={**repo.branches, branch: commit_hash})
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

    def _known(self, repo_id: str) -> HubRepo:
        repo = self._repos.get(repo_id)
        if repo is None:
            raise UnknownRepoError(f"no repo {repo_id!r} in this catalog")
        return repo

    def _forget_order(self) -> None:
        self._sorted = None
        self._by_author = None


def default_object_id(repo_id: str) -> str:
    """A stable stand-in for the Hub's `_id`: 24 hex digits."""
    return tree_sha1(repo_id, {})[:24]
