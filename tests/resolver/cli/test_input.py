"""The files that the command reads repos from: every format that it writes, what others write, and broken ones."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pyarrow
import pyarrow.parquet
import pytest

from resolver.cli.input.formats import MAX_ROW_BYTES, parse_repos
from resolver.cli.input.ids import count_repos
from resolver.local_hub import Catalog, LocalHub
from resolver.lookup.request import UnusableRequest
from tests.resolver.cli.test_command import parse_rows, run_in_thread
from tests.resolver.support import command


def read(content: bytes, *, only_failed: bool = False) -> list[Any]:
    """The requests of a file; of one that is unusable, its problem in brackets."""
    found = parse_repos(io.BytesIO(content), only_failed=only_failed)
    return [[item.problem] if isinstance(item, UnusableRequest) else item for item in found]


URLS = (
    ("https://huggingface.co/org/name", "org/name"),
    ("https://huggingface.co/org/name/tree/v1", "org/name@v1"),
    ("https://huggingface.co/org/name/blob/main/config.json", "org/name@main"),
    ("hf://org/name", "org/name"),
    ("hf://org/name@refs/pr/3", "org/name@refs/pr/3"),
    ("hf://datasets/org/name", "datasets/org/name"),
    ("https://huggingface.co/spaces/org/name", "spaces/org/name"),
)
ROWS: tuple[tuple[bytes, list[Any]], ...] = (
    # content, requests
    (b"org/a\norg/b@v1\n", ["org/a", "org/b@v1"]),
    (b"\xef\xbb\xbf# ours\r\n\r\norg/a  \r\n", ["org/a"]),
    (b"", []),
    (b"id\n", ["id"]),
    (b"repo_id\norg/a\n", ["org/a"]),
    (b"repo_id,revision,task\norg/a,v1,x\norg/b,,y\n", [("org/a", "v1"), "org/b"]),
    (b"\xef\xbb\xbfname;id;revision\nx;org/a;\n\nx;org/b;v2\n", ["org/a", ("org/b", "v2")]),
    (b'modelId\tdownloads\n"org/a"\t7\n', ["org/a"]),
    (b'"id","likes"\n"org/a","1"\n', ["org/a"]),
    (b'id,notes\norg/a,"two, words"\n', ["org/a"]),
    (b'{"id": "org/a", "sha": "x"}\n\n{"modelId": "org/b"}\n', ["org/a", "org/b"]),
    (b'{"repo_id": "org/a", "revision": "v1", "id": "other"}', [("org/a", "v1")]),
    (b'{"repo_id": "org/a"}\nnonsense\n{"repo_id": 7}\n{"x": 1}\n', [
        "org/a", ["line 2 is not a JSON object"], ["the row has no repo id"], ["the row has no repo id"]]),
    (b'{"id": "org/a"}\n' + b'{"id": "' + b"x" * MAX_ROW_BYTES + b'"}\n{"id": "org/b"}', [
        "org/a", ["line 2 is too long for a row"], "org/b"]),
    (b'{"id": "' + b"x" * 5_000 + b'"}', [["the id has 5,000 characters; an id or a folder has at most 4,096 bytes"]]),
    (b'{"id": ' + b"[" * 100_000 + b"\n" + b'{"id": "org/a"}', [["line 1 is not a JSON object"], "org/a"]),
    (b"id,x\norg/a\norg/b,1,2,3\n\xff\xfe,1\n", ["org/a", "org/b", "��"]),
    ("\n".join(url for url, _ in URLS).encode(), [repo_id for _, repo_id in URLS]),
    (b"hf://org/name/sub\nhttps://huggingface.co/org/name/tree/main/sub\nhttps://hf.co/org/name/raw/v1/a.json", [
        ["'hf://org/name/sub' names a folder of a repo: give the repo, and --subfolder"],
        ["'https://huggingface.co/org/name/tree/main/sub' names a folder of a repo: give the repo, and --subfolder"],
        "org/name@v1"]),
    (b"repo_id,revision\nhttps://huggingface.co/org/name/tree/v1,v2\n", ["org/name@v1"]),
    (b"Repo_ID\norg/a\n", ["org/a"]),
    (b"Name,ID,Revision\nx,org/a,v1\n", [("org/a", "v1")]),
    (b"MODELID;x\norg/a;\n", ["org/a"]),
)  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), ROWS, ids=[str(row[0][:40]) for row in ROWS])
def test_repos_are_read_from_what_a_file_holds(content: bytes, expected: list[Any]) -> None:
    assert read(content) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("is_compressed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    "content", ["org/\u00e4\r\norg/b\r\n", "repo_id,x\norg/\u00e4,1\norg/b,2\n"], ids=["lines", "csv"]
)
def test_the_encodings_of_other_programs_are_read(encoding: str, is_compressed: bool, content: str) -> None:
    body = ("\ufeff" if encoding == "utf-16-be" else "") + content
    encoded = body.encode(encoding)
    # gzip may be of several parts.
    middle = len(encoded) // 2
    file = gzip.compress(encoded[:middle]) + gzip.compress(encoded[middle:]) if is_compressed else encoded
    assert read(file) == ["org/\u00e4", "org/b"]


@pytest.mark.parametrize(
    "damage", [lambda file: file[:-9], lambda file: file[:-9] + b"\xff" * 9], ids=["short", "changed"]
)
def test_what_comes_before_damage_in_a_compressed_file_is_read(damage: Callable[[bytes], bytes]) -> None:
    ids = [f"org/{random.Random(number).random()}" for number in range(30_000)]
    found = parse_repos(io.BytesIO(damage(gzip.compress("\n".join(ids).encode()))))
    repos: list[Any] = []
    with pytest.raises(click.UsageError, match="compressed by gzip, and"):
        repos.extend(found)
    assert len(repos) > 20_000 and repos == ids[: len(repos)]


def test_urls_of_the_endpoint_are_read_too() -> None:
    file = io.BytesIO(b"http://127.0.0.1:9/hub/org/name/tree/v1")
    assert list(parse_repos(file, "http://127.0.0.1:9/hub")) == ["org/name@v1"]


@pytest.mark.parametrize("url", ["hf://", "hf://name", "https://huggingface.co/", "https://elsewhere.test/org/name"])
def test_a_url_of_no_repo_is_an_error_of_its_own(url: str) -> None:
    ((problem,), other) = read(f"{url}\norg/a\n".encode())
    assert "not the URL of a repo" in problem and other == "org/a"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name,task\na,b\n", "names no column of ids"),
        (b'[{"id": "org/a"}]', "is a JSON array"),
        (b'[\n  "org/a"\n]', "is a JSON array"),
        (b"PAR1nonsense", "cannot be read"),
        (b"PAR1", "cannot be read"),
        (b"PK\x03\x04rest", "a ZIP or Excel file"),
        (b"\x28\xb5\x2f\xfdrest", "compressed by zstd"),
        (b"\x1f\x8bnonsense", "compressed by gzip, and damaged"),
    ],
)
def test_a_table_without_ids_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(click.UsageError, match=message):
        read(content)


def test_parquet_is_read_by_column() -> None:
    buffer = io.BytesIO()
    table = pyarrow.table({"other": [1, 2, 3], "id": ["org/a", "org/b", None], "revision": [None, "v1", None]})
    pyarrow.parquet.write_table(table, buffer)
    assert read(buffer.getvalue()) == ["org/a", ("org/b", "v1"), ["the row has no repo id"]]
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"other": [1]}), buffer)
    with pytest.raises(click.UsageError, match="no column of ids"):
        read(buffer.getvalue())


def test_only_failed_rows_are_read_for_another_try() -> None:
    rows = [{"repo_id": "org/a", "error": None}, {"repo_id": "org/b", "revision": "v1", "error": {"code": "gated"}}]
    assert read(b"\n".join(json.dumps(row).encode() for row in rows), only_failed=True) == [("org/b", "v1")]
    assert read(b"repo_id,error_code\norg/a,\norg/b,gated\n", only_failed=True) == ["org/b"]
    with pytest.raises(click.UsageError, match="--retry-failed needs rows"):
        read(b"org/a\norg/b\n", only_failed=True)


def test_a_progress_bar_knows_about_how_many_repos_there_are(tmp_path: Path) -> None:
    file = tmp_path / "ids"
    for text in (b"org/a\norg/b\norg/c", b"org/a\norg/b\norg/c\n"):
        file.write_bytes(text)
        assert count_repos(str(file)) == 3
    pyarrow.parquet.write_table(pyarrow.table({"id": ["a", "b"]}), file)
    assert count_repos(str(file)) == 2
    file.write_bytes(gzip.compress(b"org/a"))
    assert count_repos(str(file)) is None
    assert count_repos("-") is None and count_repos(str(tmp_path / "none")) is None


IDS = ["acme/bert", "acme/none", "acme/sd@main", "acme/bert@v7", "legacy"]


@pytest.mark.parametrize("format_", ["jsonl", "csv", "parquet", "table"])
async def test_every_format_can_be_read_again(catalog: Catalog, store: Path, tmp_path: Path, format_: str) -> None:
    async with LocalHub(catalog) as hub:
        common = ("--endpoint", hub.endpoint, "--store", store, "--quiet")
        first = await run_in_thread("resolve", *IDS, "--format", format_, "--output", tmp_path / "first", *common)
        again = await run_in_thread("resolve", "--file", tmp_path / "first", "--format", "jsonl", *common)
        expected = await run_in_thread("resolve", *IDS, "--format", "jsonl", *common)
        assert (first.returncode, again.returncode) == (1, 1), first.stderr + again.stderr
        keys = ("canonical_id", "commit_hash", "task")
        found = [[row[key] for key in keys] for row in parse_rows(again.stdout)]
        assert found == [[row[key] for key in keys] for row in parse_rows(expected.stdout)]
        if format_ == "table":
            return
        retried = await run_in_thread("resolve", "--retry-failed", tmp_path / "first", "--format", "jsonl", *common)
        assert [row["repo_id"] for row in parse_rows(retried.stdout)] == ["acme/none", "acme/bert"]


async def test_parquet_can_be_piped_in(catalog: Catalog, store: Path, tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"modelId": ["acme/bert", "acme/sd"]}), tmp_path / "in")
    async with LocalHub(catalog) as hub:
        line, env = command("resolve", "--file", "-", "--format", "jsonl", "--endpoint", hub.endpoint, "--store", store)
        with (tmp_path / "in").open("rb") as file:
            process = await asyncio.create_subprocess_exec(*line, env=env, stdin=file, stdout=subprocess.PIPE)
            out, _ = await process.communicate()
    assert [row["repo_id"] for row in parse_rows(out.decode())] == ["acme/bert", "acme/sd"]


@pytest.mark.parametrize(
    ("option", "content", "message"),
    [
        ("--file", "", "names no repo: nothing to resolve"),
        ("--file", "# only a comment\n\n", "names no repo: nothing to resolve"),
        ("--retry-failed", '{"repo_id": "org/a", "error": null}\n', "names no repo that failed: nothing to resolve"),
    ],
)
async def test_a_file_without_work_is_said(
    store: Path, tmp_path: Path, option: str, content: str, message: str
) -> None:
    file = tmp_path / "ids.txt"
    file.write_text(content)
    done = await run_in_thread("resolve", option, file, "--offline", "--store", store)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"hubresolve: {file} {message}\n")
