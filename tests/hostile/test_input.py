"""Whatever a line of input, a folder or a model card holds: one row each, in bounded memory, and nothing is run."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from registry.facts import HubHints
from resolver.answer import Failure
from resolver.cli.input.formats import MAX_ID_BYTES
from resolver.cli.input.ids import read_ids
from resolver.local.model_card import MAX_TAGS, read_card_hints
from resolver.lookup.request import UnusableRequest
from resolver.resolution import Resolution
from tests.hostile.damage import ROUNDS
from tests.hostile.measured import COMMAND, MAX_MEMORY_BYTES, run_measured
from tests.resolver.support import BERT, answers, command, run, settings_for

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
    "too long by one": b"z" * (MAX_ID_BYTES + 1),
    "the longest": b"z" * MAX_ID_BYTES,
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
    for count in (20_000, 300_000 * ROUNDS):
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


def card(header: str) -> str:
    return f"---\n{header}\n---\n# A model\n"


REST = "pipeline_tag: fill-mask\nlibrary_name: timm\ntags: [one, two]\n"
HEADERS: dict[str, tuple[str, HubHints]] = {
    "ordinary": (REST, HubHints(pipeline_tag="fill-mask", library_name="timm", tags=("one", "two"))),
    "sexagesimal": ("x: " + "1:" * 300_000 + "1\n" + REST,
                    HubHints(pipeline_tag="fill-mask", library_name="timm", tags=("one", "two"))),
    "240,000 tags": ("library_name: timm\ntags:\n" + "- t\n" * 240_000,
                     HubHints(library_name="timm", tags=("t",) * MAX_TAGS)),
    "a tag too long": (f"tags: [{'x' * 5_000}, y]", HubHints(tags=("y",))),
    "aliases of aliases": (
        "k0: &k0 [x, x, x]\n" + "".join(f"k{n}: &k{n} [{f'*k{n - 1}, ' * 9}]\n" for n in range(1, 30))
        + "tags: [*k29, last]\n", HubHints(tags=("last",))),
    "nested deep": ("library_name: timm\nx: " + "[" * 300_000, HubHints(library_name="timm")),
    "an object": ("pipeline_tag: !!python/object/apply:os.abort []\nlibrary_name: timm", HubHints(library_name="timm")),
    "other types": ("pipeline_tag: 1:30\nlibrary_name: 2020-01-01\ntags: [yes, null, 7, 0x1f, 'no', x, {a: b}]",
                    HubHints(tags=("no", "x"))),
    "text on demand": ("pipeline_tag: !!str 7\nlibrary_name: '8'", HubHints(pipeline_tag="7", library_name="8")),
    "the last counts": ("tags: [a]\npipeline_tag: x\ntags: [b]\npipeline_tag: y",
                        HubHints(pipeline_tag="y", tags=("b",))),
    "not YAML": (REST + "x: [", HubHints()),
    "a list": ("- pipeline_tag", HubHints()),
    "nothing": ("", HubHints()),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(HEADERS))
def test_a_model_card_is_read_in_bounded_time_and_never_becomes_values(tmp_path: Path, name: str) -> None:
    header, hints = HEADERS[name]
    (tmp_path / "README.md").write_text(card(header))
    assert read_card_hints(tmp_path / "README.md") == hints


@pytest.mark.parametrize(
    "content",
    [b"", b"---", b"\n" * 2_000_000 + b"---\nlibrary_name: x\n---", b"---\n" + b"\n" * 2_000_000, b"# no header\n---\n",
     b"---\nlibrary_name: \xff\n---\n", b"---\nlibrary_name: x\n", b"\xef\xbb\xbf---\nlibrary_name: x\n---\n"],
    ids=["empty", "half", "after 2 MB", "of 2 MB", "no header", "not UTF-8", "no end", "a mark before it"],
)  # fmt: skip
def test_a_card_without_a_header_has_no_hints(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "README.md").write_bytes(content)
    assert read_card_hints(tmp_path / "README.md") == HubHints()


def test_a_card_that_is_long_or_no_text_after_its_header_is_read(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_bytes(b"\r\n---\r\nlibrary_name: timm\r\n---\r\n" + b"\xff" * 3_000_000)
    assert read_card_hints(path) == HubHints(library_name="timm")


async def test_the_loop_runs_on_while_a_hostile_folder_is_read(tmp_path: Path, store: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "README.md").write_text(card(HEADERS["240,000 tags"][0]))
    (folder / "config.json").write_text(json.dumps({"x": [[]] * 200_000}))
    (folder / "model.safetensors").touch()
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    taking = asyncio.create_task(take_turns())
    (found,) = await answers(settings_for(NOWHERE, store, offline=True), [str(folder)])
    taking.cancel()
    assert isinstance(found, Resolution) and turns > 10


def test_a_run_that_reads_hostile_cards_ends_at_an_interrupt(tmp_path: Path, store: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "README.md").write_text(card(HEADERS["240,000 tags"][0]))
    (folder / "model.safetensors").touch()
    (tmp_path / "ids").write_text(f"{folder}\n" * 20_000)
    line, env = command("resolve", "--file", tmp_path / "ids", "--offline", "--store", store, "--format", "jsonl")
    with subprocess.Popen(line, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate()
    assert process.returncode == 130 and b"interrupted" in said
    assert rest.count(b"\n") < 10_000


def test_file_names_that_are_not_utf_8_are_shown_as_text(tmp_path: Path, store: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(BERT))
    try:
        (folder / os.fsdecode(b"\xff\x9b\n.safetensors")).touch()
    except OSError:
        pytest.skip("this file system has no such names")
    for name in ("resolve", "explain"):
        done = run(name, folder, "--offline", "--store", store)
        assert done.returncode == 0 and re.sub(r"[\n\t]", "", done.stdout + done.stderr).isprintable(), done.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
async def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path: Path, store: Path) -> None:
    folder, cache = tmp_path / "model", tmp_path / "cache"
    refs = cache / "models--acme--x" / "refs"
    for made in (folder, refs):
        made.mkdir(parents=True)
    for pipe in (folder / "config.json", folder / "README.md", refs / "main"):
        os.mkfifo(pipe)
    (folder / "model.safetensors").touch()
    ids = [str(folder), "acme/x"]
    found = await answers(settings_for(NOWHERE, store, offline=True, cache_dir=cache), ids)
    assert isinstance(found[0], Resolution) and isinstance(found[1], Failure)
    assert found[1].error.code == "offline_miss"
