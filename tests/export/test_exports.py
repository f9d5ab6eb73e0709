"""Tiny models are really exported by their configurations, and run. `HUBRESOLVE_EXPORTS=K/N` checks that part of all
pairs in place of one of each family."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.export.pairs import (
    CHECKED,
    SAMPLE,
    TABLE,
    Pair,
    all_pairs,
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
@pytest.mark.parametrize("model_type", ["distilbert", "gpt2"])
def test_a_program_of_torch_export_takes_another_batch_too(model_type: str) -> None:
    from tests.export.checking import check_program

    assert check_program("transformers", model_type, "feature-extraction").count > 0


def test_every_pair_has_an_outcome_and_the_page_says_it() -> None:
    missing = [pair for pair in all_pairs() if outcome_of(pair, OUTCOMES) is None]

    assert missing == []
    assert TABLE.read_text("utf-8") == render_table(OUTCOMES)


def test_enough_pairs_are_checked_and_one_of_each_family_among_them() -> None:
    checked = checked_pairs(OUTCOMES)

    assert len(checked) >= 200
    assert set(SAMPLE) <= set(checked)


def test_the_parts_are_all_pairs_and_no_pair_twice() -> None:
    checked = checked_pairs(OUTCOMES)
    parts = [pair for number in range(7) for pair in part_of(checked, f"{number}/7")]

    assert sorted(parts) == sorted(checked)
    assert {outcome_of(pair, OUTCOMES) for pair in parts} == {CHECKED}
