"""`hubresolve diff`: files in every format, every event, and what is no difference."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from resolver.answer import Answer, build_failure
from resolver.cli.comparing import COMPARED_KEYS, ComparedRun, compare
from resolver.cli.input.answers import parse_answer
from resolver.errors import GatedRepoError, RepositoryNotFoundError
from resolver.frames import to_arrow
from resolver.local_hub import Catalog, LocalHub
from resolver.render import render_csv_header, render_csv_line, render_json_line
from tests.resolver.cli.test_command import run_in_thread
from tests.resolver.support import bert_row, catalog_of, run
from tests.resolver.test_rows import BASE, FAILED, FULL, LOCAL

ANSWERS: tuple[Answer, ...] = (BASE, FULL, LOCAL, FAILED)


def gated(message: str) -> Mapping[str, Any]:
    return build_failure("acme/bert", "main", GatedRepoError(message, repo_id="acme/bert")).to_dict()


def row(**changes: Any) -> dict[str, Any]:
    return {**BASE.to_dict(), **changes}


OTHER = "b" * 40
GONE = build_failure("acme/bert", "main", RepositoryNotFoundError("none", repo_id="acme/bert")).to_dict()

Rows = Sequence[Mapping[str, Any]]
Expected = tuple[str, dict[str, Any]] | None

CHANGES: tuple[tuple[str, Rows, Rows, Expected], ...] = (
    ("same", [row()], [row()], None),
    ("checked later", [row()], [row(checked_at="2030-01-01T00:00:00Z", source="store", stale=True)], None),
    ("moved", [row()], [row(commit_hash=OTHER)], ("moved", {"commit_hash": ("a" * 40, OTHER)})),
    ("changed", [row()], [row(task="x")], ("changed", {"task": ("fill-mask", "x")})),
    (
        "moved and changed",
        [row()],
        [row(commit_hash=OTHER, library="timm")],
        ("changed", {"commit_hash": ("a" * 40, OTHER), "library": ("transformers", "timm")}),
    ),
    ("undecided now", [row()], [row(task=None)], ("changed", {"task": ("fill-mask", None)})),
    ("another message of the same error", [gated("one")], [gated("two")], None),
    ("another error", [gated("one")], [GONE], ("changed", {"error": (gated("one")["error"], GONE["error"])})),
    ("the last row of a repo counts", [row(task="x"), row()], [row()], None),
    ("another revision", [row()], [row(), row(revision="v1", commit_hash=None, error=None, library=None, task=None,
      framework=None)], ("new", {})),
    ("fewer keys", [{"repo_id": "acme/bert", "task": "x"}], [row()], ("changed", {"task": ("x", "fill-mask")})),
    ("no revision is main", [{"repo_id": "acme/bert", "task": "fill-mask"}], [row()], None),
)  # fmt: skip


@pytest.mark.pure
@pytest.mark.parametrize(("old", "new", "expected"), [item[1:] for item in CHANGES], ids=[item[0] for item in CHANGES])
def test_changes(
    old: list[dict[str, Any]], new: list[dict[str, Any]], expected: tuple[str, dict[str, Any]] | None
) -> None:
    found = [(change.event.value, dict(change.values)) for change in compare(ComparedRun(old), ComparedRun(new))]
    assert found == ([expected] if expected is not None else [])


@pytest.mark.pure
def test_both_values_are_told_where_an_error_comes_and_goes_and_a_repo_is_new_or_gone() -> None:
    for old, new, event, back in (
        ([row()], [gated("no")], "failed", "recovered"),
        ([row()], [], "gone", "new"),
    ):
        (change,) = compare(ComparedRun(old), ComparedRun(new))
        (reverse,) = compare(ComparedRun(new), ComparedRun(old))
        assert (change.event, reverse.event) == (event, back)
        assert change.values["task"] == ("fill-mask", None)
        assert change.values["commit_hash"] == ("a" * 40, None)
        assert dict(reverse.values) == {key: (after, before) for key, (before, after) in change.values.items()}
        assert ("error" in change.values) is (event == "failed")


@pytest.mark.pure
def test_other_keys_are_compared_where_they_are_chosen() -> None:
    keys = ("requires_remote_code", "notes")
    old, new = [row()], [row(requires_remote_code=True, task="x", notes=["a; b"])]
    (change,) = compare(ComparedRun(old, keys), ComparedRun(new, keys), keys)
    assert dict(change.values) == {"requires_remote_code": (False, True), "notes": ([], ["a; b"])}


def write_as(path: Path, answers: Sequence[Answer]) -> Path:
    """The answers as the command writes them; the suffix of the path is the format."""
    rows = [answer.to_dict() for answer in answers]
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(to_arrow(answers), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(f"{render_json_line(item)}\n" for item in rows))
    else:
        is_safe = path.suffix == ".safe"
        lines = (render_csv_line(item, is_safe=is_safe) for item in rows)
        path.write_text(render_csv_header() + "".join(lines), newline="")
    return path


@pytest.mark.parametrize("old", ["jsonl", "csv", "safe", "parquet"])
@pytest.mark.parametrize("new", ["jsonl", "csv", "safe", "parquet"])
@pytest.mark.independent
def test_the_same_answers_are_the_same_in_every_format(tmp_path: Path, old: str, new: str) -> None:
    from resolver.cli.diffing import DiffOutput, diff_files

    before, after = (str(write_as(tmp_path / f"{place}.{name}", ANSWERS)) for place, name in enumerate((old, new)))
    keys = [*COMPARED_KEYS, "weights", "requires_remote_code", "conflict", "base_models", "canonical_id", "partial"]
    assert diff_files(before, after, DiffOutput(columns=keys, as_json=True, quiet=True)) == 0


@pytest.mark.pure
@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"id": "a/b", "conflict": "true", "weights": "pt;tf"}, {"conflict": True, "weights": ["pt", "tf"]}),
        ({"id": "a/b", "error_code": "", "error_message": ""}, {"error": None}),
        ({"id": "a/b", "error_code": "gated", "error_message": "m"}, {"error": {"code": "gated", "message": "m"}}),
        ({"id": "a/b", "error": "gated: m: n"}, {"error": {"code": "gated", "message": "m: n"}}),
        (
            {"id": "a/b", "candidates": "fill-mask=AutoX;other="},
            {
                "candidates": [
                    {"task": "fill-mask", "model_class": "AutoX"},
                    {"task": "other", "model_class": None},
                ]
            },
        ),
        ({"id": "a/b", "library_name": "'=1+1", "task": ""}, {"library_name": "=1+1", "task": None}),
    ],
    ids=str,
)
def test_the_cells_of_csv_become_values(cells: dict[str, str], expected: dict[str, Any]) -> None:
    assert parse_answer(cells) == {"repo_id": "a/b", **expected}


async def test_what_happened_to_repos_between_two_runs(store: Path, tmp_path: Path) -> None:
    names = [f"acme/r{number}" for number in range(50)]
    catalog = catalog_of(*(bert_row(name) for name in names))
    paths = [tmp_path / "old.jsonl", tmp_path / "new.csv"]
    before = after = head_of(catalog, "acme/r3")
    (tmp_path / "ids").write_text("\n".join(names))
    async with LocalHub(catalog) as hub:
        for path in paths:
            await run_in_thread(
                *("resolve", "--file", tmp_path / "ids", "--quiet", "--refresh", "--format", path.suffix[1:]),
                *("--output", path, "--store", store, "--endpoint", hub.endpoint),
            )
            if path is paths[0]:
                change_four(catalog)
                after = head_of(catalog, "acme/r3")
    done = run("diff", *paths, "--format", "jsonl")
    assert done.returncode == 1
    found = {item["repo_id"]: item for item in map(json.loads, done.stdout.splitlines())}
    assert {name: item["event"] for name, item in found.items()} == {
        "acme/r3": "moved",
        "acme/r7": "changed",
        "acme/r11": "failed",
        "acme/r13": "failed",
    }
    assert found["acme/r3"]["changes"]["commit_hash"] == {"old": before, "new": after}
    assert found["acme/r7"]["changes"]["task"] == {"old": "fill-mask", "new": "text-classification"}
    error = found["acme/r11"]["changes"]["error"]
    assert error["old"] is None and error["new"]["code"] == "repo_not_found"
    assert done.stderr == "4 of 50 repos are different: 2 failed, 1 moved, 1 changed\n"
    table = run("diff", *paths)
    lines = [line.split("\t") for line in table.stdout.splitlines()]
    assert lines[0] == ["repo", "revision", "event", "key", "old", "new"]
    assert ["acme/r7", "main", "changed", "task", "fill-mask", "text-classification"] in lines
    assert all(len(line) == 6 for line in lines) and table.returncode == 1
    same = run("diff", paths[0], paths[0])
    assert (same.returncode, same.stdout, same.stderr) == (0, "", "0 of 50 repos are different\n")
    output = tmp_path / "changes.jsonl"
    assert run("diff", "-", paths[1], "--format", "jsonl", "--output", output, stdin=paths[0].read_text()).returncode
    assert output.read_text() == done.stdout


def head_of(catalog: Catalog, repo_id: str) -> str:
    repo = catalog.get(repo_id)
    assert repo is not None
    return repo.head


def change_four(catalog: Catalog) -> None:
    """Two repos get another commit, one of them another task; one becomes private, and one vanishes."""
    classifier = {"architectures": ["BertForSequenceClassification"], "model_type": "bert"}
    catalog.push("acme/r3", {"README.md": "more"})
    catalog.push("acme/r7", {"config.json": classifier})
    catalog.change("acme/r11", private=True)
    catalog.delete("acme/r13")


WRONG_FILES = (
    ("a missing file", None, "there is no such file"),
    ("lines of ids", b"acme/bert\nacme/sd\n", "has no rows"),
    ("no column of ids", b"name,task\na,b\n", "no column of ids"),
    ("a broken line", b'{"repo_id": "a/b"}\n{"repo_id": \n', "line 2 is not a JSON object"),
    ("a row without an id", b'{"task": "x"}\n', "row 1: it has no repo id"),
    ("a value of another type", b'{"repo_id": "a/b", "task": 7}\n', "task is 7"),
    ("a broken Parquet file", b"PAR1 and no more", "cannot be read"),
    ("none of the keys", b'{"repo_id": "a/b", "notes": []}\n', "share none of the keys"),
    ("an empty file", b"", "has no rows"),
)


@pytest.mark.parametrize(("content", "message"), [item[1:] for item in WRONG_FILES], ids=[i[0] for i in WRONG_FILES])
def test_a_file_that_cannot_be_compared_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    good, bad = write_as(tmp_path / "good.jsonl", ANSWERS), tmp_path / "bad"
    if content is not None:
        bad.write_bytes(content)
    done = run("diff", good, bad)
    assert (done.returncode, done.stdout) == (2, "") and message in " ".join(done.stderr.split())


def test_a_column_that_does_not_exist_and_twice_standard_input_are_refused(tmp_path: Path) -> None:
    good = write_as(tmp_path / "good.jsonl", ANSWERS)
    assert run("diff", good, good, "--columns", "tsak").returncode == 2
    assert run("diff", "-", "-").returncode == 2


def test_a_terminal_shows_a_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from resolver.cli.diffing import DiffOutput, diff_files

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", "160")
    old, new = write_as(tmp_path / "old.jsonl", [BASE, FULL]), write_as(tmp_path / "new.jsonl", [FULL, LOCAL])
    assert diff_files(str(old), str(new), DiffOutput(quiet=True)) == 1
    text = terminal.getvalue()
    assert "acme/bert" in text and "gone" in text and "a" * 11 not in text and "\x1b[31m;" not in text
