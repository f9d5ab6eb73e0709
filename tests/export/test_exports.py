"""Tiny models are really exported by their configurations, and run. `HUBRESOLVE_EXPORTS=K/N` checks that part of all
pairs in place of a few."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from registry.export.support_table import ROWS
from tests.export.pairs import (
    CHECKED,
    SAMPLE,
    TABLE,
    Pair,
    checked_pairs,
    outcome_of,
    part_of,
    read_outcomes,
    render_table,
)

OUTCOMES = read_outcomes()
PAIRS = part_of(checked_pairs(OUTCOMES), os.environ.get("HUBRESOLVE_EXPORTS"))


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_the_exported_graph_gives_what_the_model_does_for_another_batch(pair: Pair, tmp_path: Path) -> None:
    from tests.export.checking import check

    assert check(*pair, tmp_path).count > 0


@pytest.mark.slow
def test_a_program_of_torch_export_takes_another_batch_too() -> None:
    from tests.export.checking import check_program

    assert check_program("transformers", "distilbert", "feature-extraction").count > 0


def test_the_page_says_what_the_last_run_found() -> None:
    assert TABLE.read_text("utf-8") == render_table(OUTCOMES)


def test_enough_pairs_are_checked_and_every_family_has_some() -> None:
    checked = checked_pairs(OUTCOMES)
    places = {(library, row[0]): row[1].partition(":")[0] for library, rows in ROWS.items() for row in rows}

    assert len(checked) >= 200
    assert set(SAMPLE) <= set(checked)
    assert {places[library, model_type] for library, model_type, _ in checked} == {*places.values()}


def test_the_parts_are_all_pairs_and_no_pair_twice() -> None:
    checked = checked_pairs(OUTCOMES)
    parts = [pair for number in range(7) for pair in part_of(checked, f"{number}/7")]

    assert sorted(parts) == sorted(checked)
    assert {outcome_of(pair, OUTCOMES) for pair in parts} == {CHECKED}
