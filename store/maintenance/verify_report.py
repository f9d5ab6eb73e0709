"""`VerifyReport`: what `verify` found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, kw_only=True)
class VerifyReport:
    """Counts of the rows that were checked, and a line for each problem.

    `decided` counts stored decisions that equal what the rules in force decide now; `outdated` those made by other
    rules, which are not used and are made again at the next request. `bad_*` are the primary keys of the rows with
    problems, with values of any type. `is_file_damaged`: the database itself finds problems in its file.
    """

    facts: int = 0
    refs: int = 0
    decisions: int = 0
    decided: int = 0
    outdated: int = 0
    problems: list[str] = field(default_factory=list)
    bad_facts: set[int] = field(default_factory=set)
    bad_refs: set[int] = field(default_factory=set)
    bad_history: set[int] = field(default_factory=set)
    bad_decisions: set[tuple[Any, ...]] = field(default_factory=set)
    bad_lookups: set[int] = field(default_factory=set)
    bad_updates: dict[Any, str] = field(default_factory=dict)
    bad_listings: int = 0
    has_bad_version: bool = False
    is_file_damaged: bool = False
