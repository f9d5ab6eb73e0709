"""Builds the SQL condition for refs to certain repos."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, func, literal, or_

from store.tables import TAIL, refs, repo_tail


def build_repo_filter(repo_ids: Sequence[str]) -> ColumnElement[bool]:
    """True for refs whose requested id or canonical id is one of `repo_ids`; uses the indexes of both."""
    tails = [func.substr(literal(repo_id), TAIL) for repo_id in repo_ids]
    return or_(and_(repo_tail.in_(tails), refs.c.repo_id.in_(repo_ids)), refs.c.canonical_id.in_(repo_ids))
