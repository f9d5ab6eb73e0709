"""`RefReader`: turns recalled rows into refs, and leaves out damaged ones. Pure.

Every row that is read is compared with its digest. That is a large part of the work of an answer from the store: the
digests of `rows` are computed in line here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from zlib import crc32

import msgspec

from registry.repo_names import is_commit_hash, is_repo_name
from store.keys import DecisionKey, FactsKey
from store.records import StoredRef
from store.rows import is_digest

_encode = msgspec.msgpack.Encoder().encode

_TEXT_OR_NONE = (str, type(None))

RecalledRow = Sequence[Any]
"""The fields of `StoredRef`, then the key of the facts, the hints of the ref, its digest, and that of the decision."""


class RefReader:
    """Reads the rows of one recall. `damaged` are the keys of refs that are damaged, `damaged_decisions` those of refs
    whose decision is.
    """

    def __init__(self, endpoint: str, scope: str, decision_key: DecisionKey) -> None:
        self._endpoint = endpoint
        self._scope = scope
        self._rules_id = decision_key.rules_id
        self._asked = decision_key.asked
        self.damaged: set[int] = set()
        self.damaged_decisions: set[int] = set()

    def read(self, rows: Iterable[RecalledRow]) -> Iterator[StoredRef]:
        """The refs of `rows`, without those that are damaged; a ref whose decision is damaged comes without it."""
        endpoint, scope, rules_id, asked = self._endpoint, self._scope, self._rules_id, self._asked
        encode = _encode
        for row in rows:
            (key, name, revision, other, commit, problem, tag, library, checked_at, hints_id, parameters, weight_bytes,
             body, facts_key, hints, digest, decision_digest) = row  # fmt: skip
            try:
                if facts_key is None and commit is not None:
                    # The facts were removed. The key of others that are there instead does not match the digest.
                    facts_key = FactsKey(endpoint, other or name, commit, scope).key
                known: tuple[object, ...] = (
                    key, endpoint, name, revision, scope, facts_key, other, commit, problem,
                    hints_id, tag, library, hints, checked_at,
                )  # fmt: skip
                if parameters is not None or weight_bytes is not None:
                    known = (*known, parameters, weight_bytes)
                values = encode(known)
                is_valid = crc32(values) == digest or is_digest(values, digest)
                if is_valid and body is not None:
                    values = encode((facts_key, hints_id, rules_id, asked, body))
                    is_valid_body = crc32(values) == decision_digest or is_digest(values, decision_digest)
                    if not is_valid_body or type(body) is not bytes:
                        self.damaged_decisions.add(key)
                        body = None
            except (TypeError, ValueError, OverflowError):
                is_valid = False
            if (
                is_valid
                and _can_be_used(revision, other, commit, problem, tag, library, checked_at)
                and (parameters is None or (type(parameters) is int and parameters >= 0))
                and (weight_bytes is None or (type(weight_bytes) is int and weight_bytes >= 0))
            ):
                yield StoredRef(
                    key, name, revision, other, commit, problem, tag, library, checked_at, hints_id,
                    parameters, weight_bytes, body,
                )  # fmt: skip
            else:
                self.damaged.add(key)


def _can_be_used(
    revision: str, other_id: Any, commit_hash: Any, problem: Any, tag: Any, library: Any, checked_at_s: Any
) -> bool:
    """Whether a row that matches its digest has values that its columns can have: anyone can compute a digest.

    The repo id and the revision are those that were requested.
    """
    if type(checked_at_s) is not int or type(tag) not in _TEXT_OR_NONE or type(library) not in _TEXT_OR_NONE:
        return False
    if commit_hash is None:
        return type(problem) is str and other_id is None
    if problem is not None or type(commit_hash) is not str or not is_commit_hash(commit_hash):
        return False
    if other_id is not None and not (type(other_id) is str and is_repo_name(other_id)):
        return False
    # A pinned revision is its own commit.
    return len(revision) != 40 or revision == commit_hash or not is_commit_hash(revision)
