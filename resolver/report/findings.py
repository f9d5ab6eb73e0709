"""Counts the rows of a report, and collects those that need attention. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from resolver.row import parse_time

Row = Mapping[str, Any]

COUNTED_KEYS = ("library", "task", "framework", "architecture")
"""The keys whose values are counted, each in a picture of its own."""

MARKS = {"conflict": "conflicts", "undecided": "undecided", "requires_remote_code": "need remote code"}
"""Key -> the name of rows in which it is set."""

_AGES = (
    (3_600, "an hour or less"),
    (86_400, "a day or less"),
    (7 * 86_400, "a week or less"),
    (30 * 86_400, "30 days or less"),
    (365 * 86_400, "a year or less"),
)
_OLDER, NEVER_CHECKED = "more than a year", "never checked"
AGES = (*(name for _, name in _AGES), _OLDER, NEVER_CHECKED)
"""The names of the spans of time since a check, the shortest first."""

MAX_LISTED = 200
"""Failures, and conflicts, that the page lists; the table has all."""


@dataclass(slots=True)
class Findings:
    """What a report says about its rows. `counts` has one counter for each of `COUNTED_KEYS` that a row has; "" counts
    the answers without a value. Errors are in `errors` alone.
    """

    total: int = 0
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    ages: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    """Why answers have no task."""
    failures: list[Row] = field(default_factory=list)
    conflicts: list[int] = field(default_factory=list)
    """The places of the first of them among all rows."""

    @property
    def failed(self) -> int:
        """How many rows are errors."""
        return self.errors.total()

    def add(self, row: Row, now_s: float) -> None:
        """Count one row; `now_s` is in seconds since 1970, UTC."""
        place = self.total
        self.total += 1
        if (error := row.get("error")) is not None:
            self.errors[error["code"]] += 1
            if len(self.failures) < MAX_LISTED:
                self.failures.append(row)
            return
        for key in COUNTED_KEYS:
            if key in row:
                self.counts.setdefault(key, Counter())[row[key] or ""] += 1
        if "checked_at" in row:
            self.ages[name_age(row["checked_at"], now_s)] += 1
        for key in MARKS:
            if row.get(key):
                self.marks[key] += 1
        if row.get("undecided"):
            self.reasons[row["undecided"]] += 1
        if row.get("conflict") and len(self.conflicts) < MAX_LISTED:
            self.conflicts.append(place)


def find(rows: Iterable[Row], now_s: float) -> Findings:
    """The findings in `rows`; `now_s` is in seconds since 1970, UTC."""
    findings = Findings()
    for row in rows:
        findings.add(row, now_s)
    return findings


def name_age(checked_at: str | None, now_s: float) -> str:
    """The span of time since a check; a time that cannot be read counts as none."""
    try:
        checked_at_s = parse_time(checked_at)
    except ValueError:
        checked_at_s = None
    if checked_at_s is None:
        return NEVER_CHECKED
    return next((name for limit_s, name in _AGES if now_s - checked_at_s <= limit_s), _OLDER)
