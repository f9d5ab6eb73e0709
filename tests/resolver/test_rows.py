"""Answers as rows: plain dictionaries, JSON, tables of other libraries, notebooks; and back again."""

from __future__ import annotations

import csv
import io
import json
from html.parser import HTMLParser
from typing import Any

import jsonschema
import pandas
import polars
import pytest

from registry.decision import Candidate, Decision
from resolver import errors
from resolver.answer import Answer, Failure, parse_row
from resolver.errors import HubError, InternalError, ResolveError, build_error
from resolver.frames import to_arrow, to_pandas, to_polars
from resolver.render import render_csv_header, render_csv_line
from resolver.resolution import Resolution, Source
from resolver.row import ROW_KEYS, format_time, parse_time
from tools.make_row_schema import SCHEMA, render_schema

BASE = Resolution(
    repo_id="acme/bert",
    canonical_id="acme/bert",
    revision="main",
    commit_hash="a" * 40,
    pipeline_tag="fill-mask",
    library_name=None,
    source=Source.HUB,
    decision=Decision(library="transformers", task="fill-mask", framework="pt", weights=("pt", "tf")),
    checked_at_s=1_800_000_000,
)
HOSTILE = "<script>alert(1)</script>\x1b[31m;\n\"'&"
FULL = Resolution(
    repo_id="acme/x@v1",
    canonical_id="acme/x",
    revision="v1",
    commit_hash="b" * 40,
    pipeline_tag=HOSTILE,
    library_name=HOSTILE,
    source=Source.STORE,
    decision=Decision(
        task="text-generation",
        requires_remote_code=True,
        conflict=True,
        ambiguous=True,
        undecided=HOSTILE,
        candidates=(Candidate(task="fill-mask", model_class="AutoModelForMaskedLM"), Candidate(task="other")),
        base_models=("org/a", "org/b"),
        notes=("one; two", HOSTILE),
        partial=("files",),
    ),
    partial=("files",),
    stale=True,
)
LOCAL = Resolution(
    repo_id="./model",
    canonical_id=None,
    revision=None,
    commit_hash=None,
    pipeline_tag=None,
    library_name=None,
    source=Source.LOCAL,
    decision=Decision(),
)
FAILED = Failure(repo_id="acme/none", revision=None, error=errors.RepositoryNotFoundError("there is none"))
ANSWERS: tuple[Answer, ...] = (BASE, FULL, LOCAL, FAILED)
IDS = ["ordinary", "every field", "a folder", "an error"]


@pytest.mark.parametrize("answer", ANSWERS, ids=IDS)
def test_a_row_has_all_keys_and_gives_the_same_row_again(answer: Answer) -> None:
    row = answer.to_dict()
    assert tuple(row) == ROW_KEYS
    again = parse_row(row)
    assert again.to_dict() == row and type(again) is type(answer)
    if isinstance(answer, Resolution):
        assert again == answer
        assert Resolution.from_json(answer.to_json()) == answer and "\n" not in answer.to_json()


@pytest.mark.parametrize("answer", ANSWERS, ids=IDS)
def test_a_row_fits_the_schema_of_the_docs(answer: Answer) -> None:
    jsonschema.validate(json.loads(json.dumps(answer.to_dict())), json.loads(SCHEMA.read_text()))


def test_the_schema_of_the_docs_is_that_of_the_code() -> None:
    assert SCHEMA.read_text() == render_schema()


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"repo_id": 7},
        {"repo_id": "a/b"},
        {"repo_id": "a/b", "source": "elsewhere"},
        {"repo_id": "a/b", "source": "hub", "weights": "pt"},
        {"repo_id": "a/b", "source": "hub", "candidates": [{"model_class": "x"}]},
        {"repo_id": "a/b", "source": "hub", "checked_at": "yesterday"},
        {"repo_id": 7, "error": {"code": "gated", "message": ""}},
        {"repo_id": "a/b", "error": "gated"},
    ],
    ids=str,
)
def test_what_is_not_a_row_is_an_error(row: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="row of"):
        parse_row(row)


def test_keys_that_are_missing_count_as_null_and_others_are_ignored() -> None:
    found = parse_row({"repo_id": "a/b", "source": "hub", "task": "fill-mask", "more": 1})
    assert isinstance(found, Resolution) and found.task == "fill-mask" and found.commit_hash is None


def list_errors(kind: type[ResolveError] = ResolveError) -> list[type[ResolveError]]:
    found = [below for kind_ in kind.__subclasses__() for below in (kind_, *list_errors(kind_))]
    return sorted((item for item in set(found) if item.__module__ == "resolver.errors"), key=lambda item: item.__name__)


@pytest.mark.parametrize("kind", list_errors(), ids=lambda kind: kind.__name__)
def test_the_code_of_a_row_gives_an_error_of_the_same_code(kind: type[ResolveError]) -> None:
    if kind is HubError:
        return
    built = build_error(kind.code, "why")
    assert (built.code, str(built)) == (kind.code, "why") and type(built) is not ResolveError


@pytest.mark.parametrize("code", ["no_such_code", None, 7, []], ids=str)
def test_a_code_that_is_not_known_is_an_internal_error(code: object) -> None:
    assert type(build_error(code, "why")) is InternalError


def test_times_are_iso_8601_in_utc() -> None:
    assert format_time(1_800_000_000) == "2027-01-15T08:00:00Z" and format_time(None) is None
    assert parse_time("2027-01-15T08:00:00Z") == 1_800_000_000 == parse_time("2027-01-15T09:00:00+01:00")
    assert parse_time("2027-01-15T08:00:00") == 1_800_000_000


def test_arrow_pandas_and_polars_hold_the_same_rows() -> None:
    rows = [answer.to_dict() for answer in ANSWERS]
    assert to_arrow(ANSWERS).to_pylist() == rows
    assert to_polars(ANSWERS).to_dicts() == rows
    frame = to_pandas(iter(ANSWERS))
    assert isinstance(frame, pandas.DataFrame) and isinstance(to_polars([]), polars.DataFrame)
    assert list(frame.columns) == list(ROW_KEYS) and list(frame["repo_id"]) == [row["repo_id"] for row in rows]
    assert to_arrow([]).schema == to_arrow(ANSWERS).schema


def test_csv_has_the_same_keys_and_lists_joined() -> None:
    text = render_csv_header() + "".join(render_csv_line(answer.to_dict()) for answer in ANSWERS)
    first, full, _, failed = csv.DictReader(io.StringIO(text))
    keys = [name for key in ROW_KEYS for name in ((f"{key}_code", f"{key}_message") if key == "error" else (key,))]
    assert list(first) == keys
    assert (first["weights"], first["stale"], first["checked_at"]) == ("pt;tf", "false", "2027-01-15T08:00:00Z")
    assert (full["candidates"], full["partial"]) == ("fill-mask=AutoModelForMaskedLM;other=", "files")
    assert (failed["error_code"], failed["error_message"], failed["stale"]) == ("repo_not_found", "there is none", "")


def test_a_short_repr_names_what_matters() -> None:
    assert repr(BASE) == "<Resolution acme/bert@aaaaaaaaaaaa: transformers, fill-mask, pt>"
    assert repr(LOCAL) == "<Resolution ./model: no task>"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("answer", [BASE, FULL, LOCAL], ids=IDS[:3])
def test_a_notebook_shows_a_table_in_which_every_value_is_escaped(answer: Resolution) -> None:
    parser = Tags()
    parser.feed(answer._repr_html_())
    assert parser.tags == {"table", "tr", "th", "td"}
    assert answer.repo_id in parser.text
    if answer is FULL:
        assert "alert(1)" in parser.text and "fill-mask: AutoModelForMaskedLM, other" in parser.text
