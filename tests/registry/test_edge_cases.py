"""Decisions about unusual repos: the rows of `edge_cases`, `edge_cases_formats` and `edge_cases_tags`."""

from __future__ import annotations

import pytest

from registry.defaults import default_registry
from registry.rules.decide import decide
from tests.registry.edge_cases import CODE_AND_VERSIONS, CONFIG_ODDITIES, TASK_AGAINST_ARCHITECTURE, Row
from tests.registry.edge_cases_formats import LIBRARIES_AND_FORMATS
from tests.registry.edge_cases_tags import LIBRARY_BY_TAGS, LIBRARY_IN_SPITE_OF_TAGS, TASK_BY_TAGS

pytestmark = pytest.mark.pure

ROWS = (
    *CONFIG_ODDITIES,
    *TASK_AGAINST_ARCHITECTURE,
    *LIBRARIES_AND_FORMATS,
    *CODE_AND_VERSIONS,
    *LIBRARY_BY_TAGS,
    *LIBRARY_IN_SPITE_OF_TAGS,
    *TASK_BY_TAGS,
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.section}: {row.id}")
def test_an_unusual_repo_gets_the_expected_decision(row: Row) -> None:
    decision = decide(row.facts, default_registry(), row.requested.get("task"), library=row.requested.get("library"))

    assert {name: getattr(decision, name) for name in row.expected} == dict(row.expected)
    assert set(row.candidates) <= {candidate.task for candidate in decision.candidates}
    for note in row.notes:
        assert any(note in text for text in decision.notes), (note, decision.notes)
    assert set(row.rules) <= {item.rule for item in decision.evidence}
    if row.undecided is not None:
        assert decision.undecided is not None
        assert row.undecided in decision.undecided
    else:
        assert (decision.undecided is None) == (decision.task is not None)


def test_no_row_is_there_twice() -> None:
    names = [(row.section, row.id) for row in ROWS]

    assert len(names) == len(set(names)) > 100


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.section}: {row.id}")
def test_every_decision_has_evidence(row: Row) -> None:
    decision = decide(row.facts, default_registry())

    assert [item.rule for item in decision.evidence][-1] == "framework"
    assert len(decision.evidence) >= 3
    assert all(item.rule and item.saw and item.said for item in decision.evidence)
