"""Checks the rows that are made of other rows: what refs were before, and the columns of decisions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.checks import find_ref_problem
from store.decision_columns import ColumnsRow, has_columns
from store.keys import NOTHING_ASKED
from store.maintenance.quoting import quote
from store.maintenance.verify_report import VerifyReport
from store.rows import build_ref_row
from store.tables import decision_columns, decisions, latest_decisions, ref_history, refs

ROWS_PER_PAGE = 500
"""Rows that are read at once."""

_OF_REF = ("endpoint", "repo_id", "revision", "scope", "problem")
"""Columns that a row of history has from its ref; a row with a problem is not kept."""


async def check_history(connection: AsyncConnection, report: VerifyReport) -> None:
    """Compare each row with its digest, and its times with each other."""
    names = (refs.c[name].label(f"ref_{name}") for name in _OF_REF)
    query = select(ref_history, *names).outerjoin(refs, refs.c.key == ref_history.c.key)
    async with connection.stream(query) as rows:
        async for page in rows.mappings().partitions(ROWS_PER_PAGE):
            for row in page:
                columns = {**row, **{name: row[f"ref_{name}"] for name in _OF_REF}, "problem": None}
                if (problem := _find_history_problem(columns)) is not None:
                    report.bad_history.add(row["id"])
                    report.problems.append(f"an earlier row of ref {quote(columns['repo_id'])} {problem}")


def _find_history_problem(columns: Any) -> str | None:
    if columns["repo_id"] is None:
        return "is of no ref"
    if (problem := find_ref_problem(build_ref_row(columns))) is not None:
        return problem
    times = tuple(columns[name] for name in ("changed_at", "checked_at", "replaced_at"))
    has_order = all(type(time) is int for time in times) and 0 <= times[0] <= times[1] <= times[2]
    return None if has_order else "has times that are none, or not in order"


async def check_columns(connection: AsyncConnection, report: VerifyReport) -> None:
    """Compare the columns of decisions with the decisions."""
    is_decision = and_(
        decisions.c.facts_id == latest_decisions.c.facts_id,
        decisions.c.hints_id == latest_decisions.c.hints_id,
        decisions.c.registry_digest == latest_decisions.c.registry_digest,
        decisions.c.asked == NOTHING_ASKED,
    )
    query = select(
        latest_decisions.c.facts_id, decisions.c.body, *(decision_columns.c[name] for name in ColumnsRow._fields)
    ).select_from(
        latest_decisions.outerjoin(decisions, is_decision).outerjoin(
            decision_columns, decision_columns.c.id == latest_decisions.c.columns_id
        )
    )
    async with connection.stream(query) as rows:
        async for page in rows.partitions(ROWS_PER_PAGE):
            for facts_id, body, *values in page:
                if type(body) is not bytes or not has_columns(body, tuple(values)):
                    report.problems.append(f"the columns of the decision on facts {quote(facts_id)} say something else")
