"""`--where`, `--sort`, `--columns` and durations, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
import pytest
from msgspec.structs import replace

from resolver.cli.durations import DURATION
from resolver.cli.selection import SelectionError, parse_selection
from resolver.cli.summary import MAX_DISTINCT, WIDTH, Summary
from tests.resolver.test_rows import BASE, FAILED, FULL, LOCAL

pytestmark = pytest.mark.pure

SIZED = replace(BASE, parameters=900_000_000, weight_bytes=3_600_000_000)
COUNTED = replace(FULL, parameters=70_000_000_000)
ROWS: tuple[Mapping[str, Any], ...] = tuple(answer.to_dict() for answer in (SIZED, COUNTED, LOCAL, FAILED))
NAMES = [row["repo_id"] for row in ROWS]
BERT, X, FOLDER, NONE = NAMES


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ((), NAMES),
        (("library=transformers",), [BERT]),
        (("library=",), [X, FOLDER, NONE]),
        (("library!=transformers",), [X, FOLDER, NONE]),
        (("weights=tf",), [BERT]),
        (("weights!=tf",), [X, FOLDER, NONE]),
        (("conflict",), [X]),
        (("conflict=true",), [X]),
        (("conflict=False",), [BERT, FOLDER]),
        (("conflict!=TRUE",), [BERT, FOLDER, NONE]),
        (("error",), [NONE]),
        (("error=repo_not_found",), [NONE]),
        (("error=gated",), []),
        (("error=",), [BERT, X, FOLDER]),
        (("candidates=fill-mask",), [X]),
        (("partial=files", "stale"), [X]),
        (("task=fill-mask", "library=diffusers"), []),
        (("repo_id=acme/x@v1",), [X]),
        (("parameters<7e9",), [BERT]),
        (("parameters<=900000000",), [BERT]),
        (("parameters>900000000",), [X]),
        (("parameters>=1e8", "parameters<1e10"), [BERT]),
        (("parameters=900000000",), [BERT]),
        (("weight_bytes>0",), [BERT]),
        (("weight_bytes",), [BERT]),
    ],
    ids=str,
)
def test_a_row_is_written_where_all_conditions_hold(where: tuple[str, ...], expected: list[str]) -> None:
    selection = parse_selection(where)
    assert [row["repo_id"] for row in ROWS if selection.accepts(row)] == expected


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (None, NAMES),
        ("repo_id", [FOLDER, BERT, NONE, X]),
        ("-repo_id", [X, NONE, BERT, FOLDER]),
        ("task", [BERT, X, FOLDER, NONE]),
        ("-task", [X, BERT, FOLDER, NONE]),
        ("error", [NONE, BERT, X, FOLDER]),
        ("parameters", [BERT, X, FOLDER, NONE]),
        ("-parameters", [X, BERT, FOLDER, NONE]),
    ],
)
def test_rows_are_sorted_and_those_without_a_value_come_last(sort: str | None, expected: list[str]) -> None:
    assert [row["repo_id"] for row in parse_selection(sort=sort).sort_rows(list(ROWS))] == expected


def test_columns_are_chosen_in_the_given_order() -> None:
    selection = parse_selection(columns="task, repo_id")
    assert list(selection.choose_columns(ROWS[0]).items()) == [("task", "fill-mask"), ("repo_id", BERT)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"where": ["libary=x"]}, "did you mean 'library'"),
        ({"where": ["=x"]}, "not a condition"),
        ({"where": ["library = x"]}, "not a condition"),
        ({"where": [""]}, "not a condition"),
        ({"where": ["parameters<7B"]}, "'7B' is not a number such as"),
        ({"where": ["parameters>nan"]}, "'nan' is not a number"),
        ({"where": ["task<x"]}, "only parameters and weight_bytes are numbers that < can compare, not task"),
        ({"sort": "size"}, "no key 'size'"),
        ({"columns": "repo_id,,task"}, "no key ''"),
        ({"columns": "xyzzy"}, "there are repo_id"),
    ],
    ids=str,
)
def test_a_wrong_option_is_explained(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SelectionError, match=message):
        parse_selection(**options)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1.5h", 5400), ("15m", 900), ("12h", 43_200), ("1d", 86_400), ("2w", 1_209_600), (" 7s ", 7)],
)
def test_durations(text: str, seconds: float) -> None:
    assert DURATION.convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "d", "-1", "1y", "1 d", "nan", "1e3", "9" * 13])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="not a duration"):
        DURATION.convert(text, None, None)


def test_a_summary_counts_what_came_out_and_fits_80_columns() -> None:
    summary = Summary()
    for row in ROWS * 3:
        summary.add(row)
    text = summary.render()
    assert (summary.total, summary.failed) == (12, 3)
    assert "task         fill-mask 3, text-generation 3\n" in text
    assert "library      unknown 6, transformers 3\n" in text
    assert "errors       repo_not_found 3\n" in text
    assert "undecided    3: <script>" in text
    assert "marked       conflict 3, needs remote code 3, partial 3, stale 3\n" in text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_a_summary_of_many_different_values_is_bounded() -> None:
    summary = Summary()
    for number in range(3 * MAX_DISTINCT):
        summary.add({**ROWS[0], "model_class": f"Class{number}"})
    assert len(summary.classes) == MAX_DISTINCT + 1 and summary.classes.total() == 3 * MAX_DISTINCT
    assert f"and {MAX_DISTINCT + 1 - 12:,} more" in " ".join(summary.render().split())
    assert f"others {2 * MAX_DISTINCT:,}" in " ".join(summary.render(shows_all=True).split())
