"""Which refs are about a repo, under this name or another: the condition that queries share. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, func, literal, or_

from store.tables import TAIL, refs, repo_tail


def is_about(names: Sequence[str]) -> ColumnElement[bool]:
    """True of the refs to repos that are asked for, or called by the Hub, as one of `names`."""
    tails = [func.substr(literal(name), TAIL) for name in names]
    return or_(and_(repo_tail.in_(tails), refs.c.repo_id.in_(names)), refs.c.canonical_id.in_(names))
