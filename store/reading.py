"""`RefReader`: turns recalled rows into refs, and leaves out damaged ones. Pure.

Every row that is read is compared with its digest. That is a large part of the work of an answer from the store, so
that the digests of `rows` and the keys of `keys` are computed in line here.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from registry.repo_names import is_commit_hash, is_repo_name
from store.keys import DecisionKey
from store.records import StoredRef

_encode = msgspec.msgpack.Encoder().encode
_empty_hash = blake2b(digest_size=8)

RecalledRow = Sequence[Any]
"""The fields of `StoredRef`, then the hints of the ref, its digest, and the digest of the decision."""


class RefReader:
    """Reads the rows of one recall. `damaged` are the keys of refs that are damaged, `damaged_decisions` those of refs
    whose decision is.
    """

    def __init__(self, endpoint: str, scope: str, decision_key: DecisionKey) -> None:
        self._endpoint = endpoint
        self._scope = scope
        self._rules_id = decision_key.rules_id
        self._asked = decision_key.asked
        self._facts_prefix = f"facts\0{endpoint}\0"
        self._facts_suffix = f"\0{scope}"
        self.damaged: set[int] = set()
        self.damaged_decisions: set[int] = set()

    def read(self, row: RecalledRow) -> StoredRef | None:
        """The ref of a row, without a damaged decision; None where the ref is damaged."""
        key, repo_id, revision, other_id, commit_hash, problem, tag, library, checked_at_s, hints_id, body, *more = row
        hints, digest, decision_digest = more
        try:
            facts_key = None
            if commit_hash is not None:
                names = f"{self._facts_prefix}{other_id or repo_id}\0{commit_hash}{self._facts_suffix}"
                facts_key = _hash(names.encode())
            before = (key, self._endpoint, repo_id, revision, self._scope, facts_key, other_id, commit_hash, problem)
            content = (hints_id, tag, library, hints, checked_at_s)
            is_valid = _hash(_encode(before + content)) == digest and _can_be_used(
                revision, other_id, commit_hash, problem, tag, library, checked_at_s
            )
            if is_valid and body is not None:
                decision = (facts_key, hints_id, self._rules_id, self._asked, body)
                if _hash(_encode(decision)) != decision_digest or type(body) is not bytes:
                    self.damaged_decisions.add(key)
                    body = None
        except (TypeError, ValueError, OverflowError):
            is_valid = False
        if not is_valid:
            self.damaged.add(key)
            return None
        return StoredRef(
            key, repo_id, revision, other_id, commit_hash, problem, tag, library, checked_at_s, hints_id, body
        )


def _hash(data: bytes) -> int:
    state = _empty_hash.copy()
    state.update(data)
    return int.from_bytes(state.digest(), "big", signed=True)


def _can_be_used(
    revision: str, other_id: Any, commit_hash: Any, problem: Any, tag: Any, library: Any, checked_at_s: Any
) -> bool:
    """Whether a row that matches its digest has values that its columns can have: anyone can compute a digest.

    The repo id and the revision are those that were requested.
    """
    if commit_hash is None:
        names_commit = type(problem) is str and other_id is None
    else:
        # A pinned revision is its own commit.
        names_commit = (
            problem is None
            and type(commit_hash) is str
            and is_commit_hash(commit_hash)
            and (len(revision) != 40 or revision == commit_hash or not is_commit_hash(revision))
            and (other_id is None or (type(other_id) is str and is_repo_name(other_id)))
        )
    return (
        names_commit
        and type(checked_at_s) is int
        and (tag is None or type(tag) is str)
        and (library is None or type(library) is str)
    )
