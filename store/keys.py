"""The keys that rows are found by: 64-bit hashes of what the row is about. Pure.

A hash of 64 bits can collide; readers compare the columns it was made of, and a row that belongs to another key
counts as missing.
"""

from __future__ import annotations

import hashlib

from msgspec import Struct

PUBLIC = ""
"""The scope of what anybody may see."""


WITHDRAWN = "withdrawn"
"""The problem of a public ref whose repo is public no more: it answers nobody, whatever is merged into the store."""


def hash64(*parts: str) -> int:
    """A signed 64-bit integer; the same for the same parts on every machine."""
    digest = hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big", signed=True)


def hash64_of(body: bytes) -> int:
    """A signed 64-bit integer; the same for the same bytes on every machine."""
    return int.from_bytes(hashlib.blake2b(body, digest_size=8).digest(), "big", signed=True)


ANONYMOUS = "anonymous"
"""The scope of what was seen without a token, and may look otherwise with one: a missing or a gated repo."""


def scope_of_token(token: str | None) -> str:
    """The visibility scope of a token: 32 hex digits that do not lead back to it; `ANONYMOUS` without one."""
    if not token:
        return ANONYMOUS
    return hashlib.blake2b(token.encode(), key=b"hubresolve scope 1", digest_size=16).hexdigest()


def ref_key(endpoint: str, scope: str, repo_id: str, revision: str) -> int:
    """The key of the ref with these parts: `RefKey.key`, without making a `RefKey`."""
    return hash64("ref", endpoint, repo_id, revision, scope)


class RefKey(Struct, frozen=True, gc=False):
    """What a ref is found by: a repo and revision as asked, at an endpoint, as seen by one scope."""

    endpoint: str
    repo_id: str
    revision: str
    scope: str = PUBLIC

    @property
    def key(self) -> int:
        return ref_key(self.endpoint, self.scope, self.repo_id, self.revision)


class FactsKey(Struct, frozen=True, gc=False):
    """What facts are found by: a commit of a repo under its canonical id, as seen by one scope."""

    endpoint: str
    canonical_id: str
    commit_hash: str
    scope: str = PUBLIC

    @property
    def key(self) -> int:
        return hash64("facts", self.endpoint, self.canonical_id, self.commit_hash, self.scope)


class DecisionKey(Struct, frozen=True, gc=False):
    """What decisions are recalled by: the rules in force, and the task and library the caller asked for."""

    registry_digest: str
    task: str | None = None
    library: str | None = None

    @property
    def rules_id(self) -> int:
        return hash64(self.registry_digest)

    @property
    def asked(self) -> str:
        return f"{self.task or ''}/{self.library or ''}"
