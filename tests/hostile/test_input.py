"""Whatever a line of input, a folder or a model card holds: one row each, in bounded memory, and nothing is run."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from resolver.answer import Failure
from resolver.cli.ids import MAX_LINE_BYTES, read_ids
from resolver.lookup.request import UnusableRequest
from tests.hostile.measured import COMMAND, MAX_MEMORY_BYTES, run_measured
from tests.resolver.support import answers, run, settings_for


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where the store is to be."""
    return tmp_path / "store.sqlite3"


NOWHERE = "http://127.0.0.1:9"

LINES: dict[str, bytes] = {
    "a NUL in a user name": b"~\0x",
    "a NUL in a path": b"./x\0y",
    "NULs": b"\0\0\0",
    "a megabyte": b"x" * (1 << 20),
    "a megabyte of a path": b"/" + b"x" * (1 << 20),
    "a megabyte of a home folder": b"~" + b"x" * (1 << 20),
    "a megabyte of a revision": b"acme/x@" + b"v" * (1 << 20),
    "as long as a chunk of the reader": b"y" * 65_536,
    "too long by one": b"z" * (MAX_LINE_BYTES + 1),
    "the longest": b"z" * MAX_LINE_BYTES,
    "not UTF-8": b"\xff\xfe\xfd",
    "half a character": b"\xed\xa0\x80",
    "a UTF-16 mark": "acme/x".encode("utf-16"),
    "all bytes": bytes(set(range(256)) - {10, 13}),
    "a program": b"\x7fELF\x02\x01\x01" + b"\0" * 40,
    "escapes": b"\x1b]0;owned\x07\x1b[2J",
    "C1 escapes": "\x9b2J\x85".encode(),
    "a line separator": "a\u2028b".encode(),
    "right to left": "\u202egpj.exe".encode(),
    "at signs": b"@" * 300,
    "a URL with a password": b"https://me:swordfish@example.org/acme/x",
    "a formula": b"=cmd|' /C calc'!A0",
    "JSON": b'{"repo_id": "acme/x"}',
    "unknown user": b"~nobody-of-this-name/x",
}


def test_one_line_is_one_row_that_repeats_at_most_200_characters(tmp_path: Path, store: Path) -> None:
    (tmp_path / "ids").write_bytes(b"\n".join(LINES.values()) + b"\n")
    done = run("resolve", "--file", tmp_path / "ids", "--offline", "--store", store, "--format", "jsonl")
    rows = [json.loads(line) for line in done.stdout.split("\n")[:-1]]
    assert done.returncode == 1 and len(rows) == len(LINES), done.stderr
    for (name, line), row in zip(LINES.items(), rows, strict=True):
        assert row["error"]["code"] in ("invalid_repo_id", "offline_miss"), (name, row)
        text = line.decode("utf-8", "replace")
        assert row["repo_id"] == text.strip()[:200], name
        if len(text) > 200:
            assert f"{len(text):,}" in row["error"]["message"] or len(text) <= 2_000, (name, row)
        assert len(json.dumps(row)) < 8_000, name


@pytest.mark.parametrize("as_stdin", [False, True])
def test_a_line_of_200_megabytes_is_a_row_and_takes_no_memory(tmp_path: Path, store: Path, as_stdin: bool) -> None:
    ids = tmp_path / "ids"
    with ids.open("wb") as file:
        file.write(b"acme/first\n")
        for _ in range(200):
            file.write(b"x" * 1_000_000)
        file.write(b"\n")
        for _ in range(20):
            file.write(random.Random(1).randbytes(1_000_000).replace(b"\n", b" ").replace(b"\r", b" "))
        file.write(b"\nacme/last")
    done = run_measured(
        COMMAND, "resolve", "--file", "-" if as_stdin else ids, "--offline", "--store", store, "--format", "jsonl",
        stdin=ids if as_stdin else b"",
    )  # fmt: skip
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["repo_id"][:5] for row in rows] == ["acme/", "xxxxx", rows[2]["repo_id"][:5], "acme/"]
    assert rows[1]["repo_id"] == "x" * 200 and "200,000,000" in rows[1]["error"]["message"]
    assert rows[-1]["repo_id"] == "acme/last"
    assert done.peak_bytes < MAX_MEMORY_BYTES


@pytest.mark.slow
def test_millions_of_bad_lines_take_no_more_memory_than_thousands(tmp_path: Path, store: Path) -> None:
    ids, peaks = tmp_path / "ids", list[int]()
    for count in (20_000, 300_000):
        with ids.open("wb") as file:
            file.writelines(b"~\0%d\n" % number for number in range(count))
        out = tmp_path / "rows"
        done = run_measured(
            COMMAND, "resolve", "--file", ids, "--offline", "--store", store, "--format", "jsonl", "--output", out
        )
        with out.open("rb") as rows:
            assert sum(1 for _ in rows) == count
        peaks.append(done.peak_bytes)
    assert peaks[1] < peaks[0] + 50_000_000 and peaks[1] < MAX_MEMORY_BYTES


def test_lines_are_read_as_before_whatever_ends_them(tmp_path: Path) -> None:
    ids = tmp_path / "ids"
    ids.write_bytes(b"\xef\xbb\xbfa/b\r\n\r\n # a comment\nc/d\re/f \n\n" + b"#" * 99_999 + b"\ng/h")
    read = read_ids((), str(ids))
    assert not hasattr(read, "__aiter__") and list(read) == ["a/b", "c/d", "e/f", "g/h"]


async def test_whatever_is_passed_for_a_request_is_an_answer(store: Path) -> None:
    odd: list[Any] = [
        "~\0x", "x" * 1_000_000, "\ud800", "./\ud800", "~\ud800", ("a/b", "r" * 1_000_000), (), ("a", "b", "c"),
        None, 7, 1.5, b"a/b", ["a/b"], {}, object(), ("a/b", 7), (7, None), Path("\0"),
        UnusableRequest("shown", "the problem"), "acme/ok",
    ]  # fmt: skip
    found = await answers(settings_for(NOWHERE, store, offline=True), odd)
    assert len(found) == len(odd)
    for request, item in zip(odd, found, strict=True):
        assert isinstance(item, Failure), request
        assert item.error.code in ("invalid_repo_id", "offline_miss"), (request, item)
        assert len(item.repo_id) <= 200 and len(item.revision or "") <= 250
        json.dumps([item.repo_id, item.revision, str(item.error)], ensure_ascii=False).encode()


@pytest.mark.parametrize("command", ["resolve", "explain", "load"])
@pytest.mark.parametrize("option", ["--task", "--library"])
def test_a_task_or_library_that_nobody_knows_is_wrong_usage(store: Path, command: str, option: str) -> None:
    done = run(command, "acme/x", option, "nobody-knows", "--offline", "--store", store)
    assert done.returncode == 2 and "nobody-knows" in done.stderr
