"""Computes the keys that rows are found by: 64-bit hashes of what a row is about. Pure.

64-bit hashes can collide: readers compare the columns that a key was made of, and ignore a row of another key.
"""

from __future__ import annotations

import hashlib
import struct

from msgspec import Struct

PUBLIC = ""
"""The scope of rows that every caller may see."""

ANONYMOUS = "anonymous"
"""The scope of rows fetched without a token that may be different with one: a missing or a gated repo."""

TOMBSTONE = "withdrawn"
"""The problem of a public ref whose repo is not public now: never recalled, and never replaced by an earlier check."""

REPO_WIDE = "*"
"""The revision of the tombstone that stands for all revisions and spellings of a repo id; no revision has this name."""

NOTHING_ASKED = "/"
"""`DecisionKey.asked` where neither a task nor a library was requested."""

_empty_hash = hashlib.blake2b(digest_size=8)
"""A copy of it is made faster than a new one, whose options are parsed."""

_INTEGER = struct.Struct(">q")


def hash_texts(*texts: str) -> int:
    """A signed 64-bit integer; equal for equal texts on every machine."""
    return hash_bytes("\0".join(texts).encode("utf-8", "surrogatepass"))


def hash_bytes(body: bytes) -> int:
    """A signed 64-bit integer; equal for equal bytes on every machine."""
    state = _empty_hash.copy()
    state.update(body)
    (number,) = _INTEGER.unpack(state.digest())
    return int(number)


def derive_scope(token: str | None) -> str:
    """The scope of a token: a keyed hash of 32 hex digits, which does not reveal the token; `ANONYMOUS` without one."""
    if not token:
        return ANONYMOUS
    return hashlib.blake2b(token.encode(), key=b"hubresolve scope 1", digest_size=16).hexdigest()


def derive_quota_owner(token: str | None, machine: str) -> str:
    """Whose quota of the Hub a request counts for: the token's scope; without a token the address of the machine."""
    return derive_scope(token) if token else f"{ANONYMOUS}@{machine}"


def compute_ref_key(endpoint: str, scope: str, repo_id: str, revision: str) -> int:
    """The same as `RefKey.key`, without building a `RefKey`."""
    return hash_texts("ref", endpoint, repo_id, revision, scope)


class RefKey(Struct, frozen=True, gc=False):
    """Identifies a ref: a repo id and a revision as requested, at an endpoint, as seen by one scope."""

    endpoint: str
    repo_id: str
    revision: str
    scope: str = PUBLIC

    @property
    def key(self) -> int:
        return compute_ref_key(self.endpoint, self.scope, self.repo_id, self.revision)


class FactsKey(Struct, frozen=True, gc=False):
    """Identifies facts: a commit of a repo under its canonical id, as seen by one scope."""

    endpoint: str
    canonical_id: str
    commit_hash: str
    scope: str = PUBLIC

    @property
    def key(self) -> int:
        return hash_texts("facts", self.endpoint, self.canonical_id, self.commit_hash, self.scope)


class DecisionKey(Struct, frozen=True, gc=False):
    """Identifies decisions on given facts and hints: the registry digest, and the requested task and library."""

    registry_digest: str
    task: str | None = None
    library: str | None = None

    @property
    def rules_id(self) -> int:
        """A hash of the registry digest: the value of the column `registry_digest`."""
        return hash_texts(self.registry_digest)

    @property
    def decided_by(self) -> str:
        """The same number as 16 hex digits: the value of the column `decided_by` of the view `answers`."""
        return f"{self.rules_id & 2**64 - 1:016x}"

    @property
    def asked(self) -> str:
        """Requested task and library as "task/library", either empty: the value of the column `asked`."""
        return f"{self.task or ''}/{self.library or ''}"
