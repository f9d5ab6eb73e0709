"""Checks rows that were read from a store or a bundle: types, names, keys and digests. Pure.

A digest only detects damage: whoever writes a row can compute it. What becomes a part of a URL, a path or a key is
therefore checked as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from registry.decision import Decision
from registry.facts import CommitFacts, HubHints
from registry.repo_names import is_commit_hash, is_repo_name, is_revision
from store.codec import UnreadableBodyError, decode
from store.keys import REPO_WIDE, TOMBSTONE, FactsKey, RefKey, hash_bytes
from store.rows import DecisionRow, FactsRow, RefRow, Row, has_valid_digest, rank_facts

MAX_TEXT_LENGTH = 2**20
"""The longest text in a column: what the Hub sends may be long, but real endpoints, tags and names are far shorter."""

_INTEGER, _TEXT, _BODY = (int,), (str,), (bytes,)
_OPTIONAL_INTEGER, _OPTIONAL_TEXT = (int, type(None)), (str, type(None))

_TYPES: dict[type[Row], tuple[tuple[type, ...], ...]] = {
    FactsRow: (_INTEGER, _TEXT, _TEXT, _TEXT, _TEXT, _INTEGER, _BODY, _INTEGER),
    RefRow: (
        *(_INTEGER, _TEXT, _TEXT, _TEXT, _TEXT, _OPTIONAL_INTEGER, _OPTIONAL_TEXT, _OPTIONAL_TEXT, _OPTIONAL_TEXT),
        *(_INTEGER, _OPTIONAL_TEXT, _OPTIONAL_TEXT, _BODY, _INTEGER, _OPTIONAL_INTEGER, _OPTIONAL_INTEGER, _INTEGER),
    ),
    DecisionRow: (_INTEGER, _INTEGER, _INTEGER, _TEXT, _BODY, _INTEGER),
}

NOT_MATCHING = "does not match its digest"


def decode_facts(row: FactsRow) -> CommitFacts:
    """The facts of a row.

    Raises:
        UnreadableBodyError: the row is damaged.
    """
    problem = None
    if not _has_column_types(row):
        problem = "has a value of a wrong type"
    elif not has_valid_digest(row):
        problem = NOT_MATCHING
    elif not is_repo_name(row.canonical_id) or not is_commit_hash(row.commit_hash):
        problem = "names no repo or no commit"
    elif row.key != FactsKey(row.endpoint, row.canonical_id, row.commit_hash, row.scope).key:
        problem = "has the key of another commit"
    if problem is not None:
        raise UnreadableBodyError(f"the row {problem}")
    commit = decode(CommitFacts, row.body)
    # Of two rows on one commit the one that says to know more is kept.
    if rank_facts(commit) != row.files_asked:
        raise UnreadableBodyError("the row has another number of files than it says")
    return commit


def find_facts_problem(row: FactsRow) -> str | None:
    """Why the row cannot be used; None where it can."""
    try:
        decode_facts(row)
    except UnreadableBodyError as error:
        return f"cannot be read: {error}"
    return None


def find_ref_problem(row: RefRow) -> str | None:
    """Why the row cannot be used; None where it can."""
    if not _has_column_types(row):
        return "has a value of a wrong type"
    if not has_valid_digest(row):
        return NOT_MATCHING
    if not has_valid_names(row.repo_id, row.revision, row.canonical_id, row.commit_hash, row.problem):
        return "names no repo, revision or commit"
    if row.key != RefKey(row.endpoint, row.repo_id, row.revision, row.scope).key:
        return "has the key of another ref"
    if row.hints_id != hash_bytes(row.hints):
        return "has the key of other hints"
    if row.checked_at < 0:
        return "was checked before 1970"
    if min(row.parameters or 0, row.weight_bytes or 0) < 0:
        return "has a negative size"
    try:
        hints = decode(HubHints, row.hints)
    except UnreadableBodyError as error:
        return f"cannot be read: {error}"
    if (hints.pipeline_tag, hints.library_name) != (row.pipeline_tag, row.library_name):
        return "contradicts its hints"
    return None


def find_decision_problem(row: DecisionRow) -> str | None:
    """Why the row cannot be used; None where it can."""
    if not _has_column_types(row):
        return "has a value of a wrong type"
    if not has_valid_digest(row):
        return NOT_MATCHING
    try:
        decode(Decision, row.body)
    except UnreadableBodyError as error:
        return f"cannot be read: {error}"
    return None


def has_valid_names(
    repo_id: str, revision: str, canonical_id: str | None, commit_hash: str | None, problem: str | None
) -> bool:
    """Whether a ref's names can be those of a repo, a revision and a commit. A pinned revision is its own commit."""
    if commit_hash is None:
        is_repo_wide = revision == REPO_WIDE and problem == TOMBSTONE
        return (
            problem is not None
            and canonical_id is None
            and is_repo_name(repo_id)
            and (is_repo_wide or is_revision(revision))
        )
    return (
        problem is None
        and is_commit_hash(commit_hash)
        and is_repo_name(repo_id)
        and (canonical_id is None or is_repo_name(canonical_id))
        and is_revision(revision)
        and (revision == commit_hash or not is_commit_hash(revision))
    )


def _has_column_types(row: Row) -> bool:
    """Whether each value has the type and size of its column: SQLite does not enforce them."""
    for value, types in zip(row, _TYPES[type(row)], strict=True):
        if type(value) not in types or not _CAN_BE_STORED[type(value)](value):
            return False
    return True


_CAN_BE_STORED: dict[type, Callable[[Any], bool]] = {
    int: lambda value: -(2**63) <= value < 2**63,
    str: lambda value: len(value) <= MAX_TEXT_LENGTH and "\0" not in value,
    bytes: lambda value: True,
    type(None): lambda value: True,
}
