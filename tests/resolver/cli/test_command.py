"""The command in a separate process: output, exit codes, interruption, and stores that it must not change."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
import pytest_asyncio

from resolver.local_hub import Catalog, LocalHub, faults, start_process
from tests.resolver.support import READER, bert_row, catalog_of, command, run, wait_until

ROOT = Path(__file__).parents[3]

KEYS = [
    *("repo_id", "canonical_id", "revision", "commit_hash", "library", "task", "framework", "weights", "model_type"),
    *("architecture", "model_class", "pipeline_tag", "library_name", "requires_remote_code", "conflict", "undecided"),
    *("source", "error"),
]
SIX = ["acme/bert", "acme/none", "acme/sd", "acme/gguf", "a--b", "acme/st"]


@pytest_asyncio.fixture
async def endpoint(catalog: Catalog) -> AsyncIterator[str]:
    """The URL of a local Hub that serves the catalog."""
    async with LocalHub(catalog) as hub:
        yield hub.endpoint


async def run_in_thread(*arguments: str | Path, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a thread, because the local Hub runs in this event loop."""
    return await asyncio.to_thread(run, *arguments, stdin=stdin, **env)


def parse_rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


async def test_json_lines_have_the_keys_of_the_contract_in_input_order(endpoint: str, store: Path) -> None:
    done = await run_in_thread("resolve", *SIX, "--format", "jsonl", "--endpoint", endpoint, "--store", store)
    assert done.returncode == 1
    found = parse_rows(done.stdout)
    assert [row["repo_id"] for row in found] == SIX
    assert all(list(row)[: len(KEYS)] == KEYS for row in found)
    assert [(row["error"] or {}).get("code") for row in found] == [
        *(None, "repo_not_found", None, None, "invalid_repo_id", None)
    ]
    assert all(set(row["error"]) == {"code", "message"} for row in found if row["error"])
    assert found[0] | {"revision": "main", "source": "hub", "weights": ["pt"], "conflict": False} == found[0]
    assert "6 repos" in done.stderr and "2 failed" in done.stderr


async def test_all_answered_is_exit_code_zero_and_quiet_writes_only_the_answers(endpoint: str, store: Path) -> None:
    done = await run_in_thread("resolve", "acme/bert", "acme/sd", "--quiet", "--endpoint", endpoint, "--store", store)
    assert (done.returncode, done.stderr) == (0, "")
    assert "acme/bert" in done.stdout and "AutoPipelineForText2Image" in done.stdout


async def test_csv_can_be_parsed(endpoint: str, store: Path) -> None:
    done = await run_in_thread("resolve", *SIX, "--format", "csv", "--endpoint", endpoint, "--store", store)
    found = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["repo_id"] for row in found] == SIX
    assert list(found[0])[: len(KEYS) + 1] == [*KEYS[:-1], "error_code", "error_message"]
    assert (found[0]["weights"], found[0]["conflict"], found[1]["error_code"]) == ("pt", "false", "repo_not_found")


async def test_parquet_holds_the_same_rows_as_json_lines(endpoint: str, store: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.parquet"
    hub_and_store = ("--endpoint", endpoint, "--store", store)
    await run_in_thread("resolve", *SIX, "--quiet", *hub_and_store)
    as_json = await run_in_thread("resolve", *SIX, "--format", "jsonl", *hub_and_store)
    done = await run_in_thread("resolve", *SIX, "--format", "parquet", "--output", output, *hub_and_store)
    assert (done.returncode, done.stdout) == (1, "")
    assert pyarrow.parquet.read_table(output).to_pylist() == parse_rows(as_json.stdout)


async def test_parquet_can_be_piped(endpoint: str, store: Path) -> None:
    line, env = command("resolve", "acme/bert", "--format", "parquet", "--endpoint", endpoint, "--store", store)
    process = await asyncio.create_subprocess_exec(*line, env=env, stdout=asyncio.subprocess.PIPE)
    piped, _ = await process.communicate()
    table = pyarrow.parquet.read_table(io.BytesIO(piped))
    assert table.column("weights").to_pylist() == [["pt"]] and table.column("error").to_pylist() == [None]


async def test_parquet_without_pyarrow_does_not_change_the_file(endpoint: str, store: Path, tmp_path: Path) -> None:
    (tmp_path / "pyarrow").mkdir()
    (tmp_path / "pyarrow" / "__init__.py").write_text("raise ImportError('not installed')")
    output = tmp_path / "out.parquet"
    output.write_text("an earlier file")
    arguments = ("--format", "parquet", "--output", output, "--endpoint", endpoint, "--store", store)
    done = await run_in_thread("resolve", "acme/bert", *arguments, PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert done.returncode == 2 and "hubresolve[parquet]" in done.stderr
    assert output.read_text() == "an earlier file"


async def test_results_go_to_the_file_that_was_named(endpoint: str, store: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    arguments = ("--format", "jsonl", "--output", output, "--endpoint", endpoint, "--store", store)
    done = await run_in_thread("resolve", "acme/bert", *arguments)
    assert (done.returncode, done.stdout) == (0, "")
    assert parse_rows(output.read_text())[0]["task"] == "fill-mask"


async def test_ids_come_from_a_file_with_comments_and_blank_lines(endpoint: str, store: Path, tmp_path: Path) -> None:
    file = tmp_path / "ids"
    file.write_bytes(b"\xef\xbb\xbf# ours\r\n\r\nacme/bert@main\r\n  acme/sd  \n\xff\xfe\nacme/gguf")
    done = await run_in_thread(
        "resolve", "acme/st", "--file", file, "--format", "jsonl", "--endpoint", endpoint, "--store", store
    )
    found = parse_rows(done.stdout)
    assert [row["repo_id"] for row in found][:3] == ["acme/st", "acme/bert", "acme/sd"]
    assert [bool(row["error"]) for row in found] == [False, False, False, True, False]


@pytest.mark.parametrize("text", ["acme/bert\nacme/sd\n", "", "# nothing\n\n", "acme/bert"])
async def test_ids_come_from_standard_input(endpoint: str, store: Path, text: str) -> None:
    arguments = ("resolve", "--file", "-", "--format", "jsonl", "--endpoint", endpoint, "--store", store)
    done = await run_in_thread(*arguments, stdin=text)
    assert done.returncode == 0
    assert [row["repo_id"] for row in parse_rows(done.stdout)] == [line for line in text.split() if "/" in line]


@pytest.mark.parametrize("order", [(), ("--unordered",)], ids=["ordered", "unordered"])
async def test_ids_are_resolved_while_standard_input_is_still_open(
    endpoint: str, store: Path, order: tuple[str, ...]
) -> None:
    line, env = command("resolve", "--file", "-", *order, "--format", "jsonl", "--endpoint", endpoint, "--store", store)
    # The ref in the store shows that the id was resolved while the input is still open.
    process = subprocess.Popen(line, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"acme/bert\n")
    process.stdin.flush()
    await wait_until(lambda: bool(read_ref_ids(store)) or process.poll() is not None)
    assert read_ref_ids(store) == ["acme/bert"] and process.poll() is None
    out, error = await asyncio.to_thread(process.communicate, b"acme/sd\n")
    assert (process.returncode, len(out.splitlines())) == (0, 2), error


def read_ref_ids(store: Path) -> list[str]:
    """The repo ids in a store, read while another process writes to it."""
    try:
        with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as connection:
            found = [row[0] for row in connection.execute("SELECT repo_id FROM refs ORDER BY repo_id")]
    except sqlite3.OperationalError:
        return []
    connection.close()
    return found


async def test_an_answer_from_the_store_is_the_same_but_for_its_source(endpoint: str, store: Path) -> None:
    ids = ["acme/bert", "acme/sd", "acme/gguf", "acme/st", "legacy"]
    online = await run_in_thread("resolve", *ids, "--format", "jsonl", "--endpoint", endpoint, "--store", store)
    for more in ((), ("--offline",)):
        again = await run_in_thread(
            "resolve", *ids, "--format", "jsonl", "--endpoint", endpoint, "--store", store, *more
        )
        first, second = parse_rows(online.stdout), parse_rows(again.stdout)
        assert [{**row, "source": 0, "checked_at": 0} for row in second] == [
            {**row, "source": 0, "checked_at": 0} for row in first
        ]
        # "legacy" is an old name of acme/bert: asking for it checks acme/bert once more, maybe a second later.
        assert all(before["checked_at"] <= after["checked_at"] for before, after in zip(first, second, strict=True))
        assert {row["source"] for row in second} == {"store"}


async def test_settings_come_from_the_environment(endpoint: str, store: Path) -> None:
    env = {"HF_ENDPOINT": endpoint, "HUBRESOLVE_STORE": str(store), "HF_TOKEN": READER}
    done = await run_in_thread("resolve", "acme/sd", "--format", "jsonl", **{**env, "HF_TOKEN": ""})
    assert done.returncode == 0 and store.exists()
    offline = await run_in_thread("resolve", "acme/sd", "--format", "jsonl", **env, HF_HUB_OFFLINE="1")
    assert parse_rows(offline.stdout)[0]["source"] == "store"


WRONG_USAGE = (
    ("an unknown command", ["nonsense"]),
    ("nothing to resolve", ["resolve"]),
    ("an unknown option", ["resolve", "a/b", "--nonsense"]),
    ("an unknown format", ["resolve", "a/b", "--format", "xml"]),
    ("a value that is not a number", ["resolve", "a/b", "--concurrency", "many"]),
    ("a concurrency of zero", ["resolve", "a/b", "--concurrency", "0"]),
    ("a negative age", ["resolve", "a/b", "--max-age", "-1"]),
    ("an age that is not a number", ["resolve", "a/b", "--max-age", "nan"]),
    ("an endpoint without a scheme", ["resolve", "a/b", "--endpoint", "huggingface.co"]),
    ("an endpoint with a password", ["resolve", "a/b", "--endpoint", "https://me:secret@huggingface.co"]),
    ("an unknown task", ["resolve", "a/b", "--task", "no-such-task"]),
    ("an unknown library", ["resolve", "a/b", "--library", "no-such-library"]),
    ("a missing file", ["resolve", "--file", "/nowhere/ids"]),
    ("a folder instead of a file", ["resolve", "--file", "/"]),
    ("an output in a missing folder", ["resolve", "a/b", "--output", "/nowhere/out"]),
    ("a store of another kind", ["resolve", "a/b", "--store", "mysql://host/db"]),
    ("a store below a file", ["resolve", "a/b", "--store", "/dev/null/store"]),
    ("store info without a store", ["store", "info", "--store", "/dev/null/store"]),
    ("explain without an id", ["explain"]),
)


@pytest.mark.parametrize("arguments", [row[1] for row in WRONG_USAGE], ids=[row[0] for row in WRONG_USAGE])
def test_wrong_usage_is_exit_code_two_and_one_clear_line(arguments: list[str], tmp_path: Path) -> None:
    done = run(*arguments, HUBRESOLVE_STORE=str(tmp_path / "s"), HF_ENDPOINT="http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.strip() and "secret" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"), [("HUBRESOLVE_CONCURRENCY", "x"), ("HUBRESOLVE_MAX_AGE", "x"), ("HF_ENDPOINT", "x")]
)
def test_a_wrong_setting_in_the_environment_is_named(name: str, value: str, store: Path) -> None:
    done = run("resolve", "a/b", "--store", store, **{name: value})
    assert done.returncode == 2 and "'x'" in done.stderr


def make_text(path: Path) -> None:
    path.write_text("this is not a database, but it is somebody's text\n" * 200)


def make_foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
        connection.execute("INSERT INTO theirs VALUES (1)")
    connection.close()


def make_newer(path: Path) -> None:
    run("resolve", "acme/bert", "--offline", "--store", path)
    with sqlite3.connect(path) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.execute(f"PRAGMA user_version={version + 1}")
    connection.close()


@pytest.mark.parametrize("make", [make_text, make_foreign, make_newer])
@pytest.mark.parametrize("arguments", [("resolve", "acme/bert"), ("store", "info")], ids=["resolve", "store info"])
def test_a_file_that_is_not_a_store_is_refused_and_not_changed(
    store: Path, make: Any, arguments: tuple[str, ...]
) -> None:
    make(store)
    before = store.read_bytes()
    done = run(*arguments, "--store", store, HF_ENDPOINT="http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (2, "") and str(store) in done.stderr
    assert store.read_bytes() == before


def test_without_a_writable_store_repos_are_answered_and_one_warning_is_logged(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    ids = [f"org{number}/m" for number in range(30)]
    rows.write_text("\n".join(json.dumps(bert_row(repo_id)) for repo_id in ids))
    with start_process(jsonl=rows) as hub:
        done = run("resolve", *ids, "--quiet", "--endpoint", hub.endpoint, "--store", "/proc/store.sqlite3")
    assert (done.returncode, done.stderr.count("without a store")) == (0, 1)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
async def test_an_interrupted_run_stores_its_answers_and_the_same_command_continues(
    signal_: signal.Signals, store: Path, tmp_path: Path
) -> None:
    ids = [f"org{number:03}/m" for number in range(120)]
    file = tmp_path / "ids"
    file.write_text("\n".join(ids))
    async with LocalHub(catalog_of(*map(bert_row, ids))) as hub:
        # From the 40th repo on the Hub gives no answer until the run is interrupted.
        for repo_id in ids[40:]:
            hub.faults.add(faults.Stall(600.0), f"/api/models/{repo_id}/*", times=None)
        arguments = ("resolve", "--file", file, "--format", "jsonl", "--endpoint", hub.endpoint, "--store", store)
        line, env = command(*arguments, "--concurrency", "4")
        process = subprocess.Popen(line, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        await wait_until(lambda: len(read_ref_ids(store)) >= 12 or process.poll() is not None)
        process.send_signal(signal_)
        _, error = await asyncio.to_thread(process.communicate)
        assert process.returncode == 130, error
        assert "Traceback" not in error and "interrupted" in error
        finished = set(read_ref_ids(store))
        assert 12 <= len(finished) <= 40
        hub.faults.clear()
        hub.reset_counts()
        done = await run_in_thread(*arguments)
        assert done.returncode == 0
        found = parse_rows(done.stdout)
        assert [row["repo_id"] for row in found] == ids
        assert {row["repo_id"] for row in found if row["source"] == "store"} == finished
        assert hub.count.kind["model_info"] == 120 - len(finished)


async def test_a_second_interrupt_ends_the_run_at_once(store: Path, tmp_path: Path) -> None:
    ids = [f"org{number:03}/m" for number in range(50)]
    async with LocalHub(catalog_of(*map(bert_row, ids))) as hub:
        for repo_id in ids:
            hub.faults.add(faults.Stall(600.0), f"/api/models/{repo_id}/*", times=None)
        line, env = command("resolve", *ids, "--quiet", "--endpoint", hub.endpoint, "--store", store)
        process = subprocess.Popen(line, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        await wait_until(lambda: hub.faults.hits >= 1)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        _, error = await asyncio.to_thread(process.communicate)
    assert process.returncode == 130 and "Traceback" not in error, error
    assert "interrupted" in error or "ended at once" in error


async def test_a_file_has_the_format_that_its_name_ends_with(endpoint: str, store: Path, tmp_path: Path) -> None:
    common = ("--quiet", "--endpoint", endpoint, "--store", store)
    for name, begin in (("a.csv", b"repo_id,"), ("a.jsonl", b"{"), ("a.parquet", b"PAR1"), ("a.txt", b"repo_id\t")):
        await run_in_thread("resolve", "acme/bert", "--output", tmp_path / name, *common)
        assert (tmp_path / name).read_bytes().startswith(begin)
    await run_in_thread("resolve", "acme/bert", "--format", "jsonl", "--output", tmp_path / "a.csv", *common)
    assert (tmp_path / "a.csv").read_bytes().startswith(b"{")


async def test_a_closed_output_pipe_ends_the_run(store: Path, tmp_path: Path) -> None:
    ids = [f"org{number:04}/m" for number in range(600)]
    async with LocalHub(catalog_of(*(bert_row(repo_id) for repo_id in ids))) as hub:
        file = tmp_path / "ids"
        file.write_text("\n".join(ids))
        line, env = command(
            "resolve", "--file", file, "--format", "jsonl", "--endpoint", hub.endpoint, "--store", store
        )
        process = subprocess.Popen(line, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None and process.stderr is not None
        await asyncio.to_thread(process.stdout.readline)
        process.stdout.close()
        code = await asyncio.to_thread(process.wait)
        error = process.stderr.read().decode()
        process.stderr.close()
    assert code in (0, 1) and "Traceback" not in error and "Exception" not in error, error


async def test_explain_shows_the_evidence_and_the_rules(endpoint: str, store: Path) -> None:
    done = await run_in_thread("explain", "acme/bert", "--endpoint", endpoint, "--store", store)
    assert done.returncode == 0
    for part in ("acme/bert", "fill-mask", "AutoModelForMaskedLM", "BertForMaskedLM", "why", "model.safetensors"):
        assert part in done.stdout
    missing = await run_in_thread("explain", "acme/none", "--endpoint", endpoint, "--store", store)
    assert (missing.returncode, missing.stdout) == (1, "") and "repo_not_found" in missing.stderr


async def test_store_info_counts_refs_and_missing_repos(endpoint: str, store: Path) -> None:
    await run_in_thread("resolve", "acme/bert", "acme/none", "--quiet", "--endpoint", endpoint, "--store", store)
    done = await run_in_thread("store", "info", "--store", store)
    assert done.returncode == 0 and "1 known to be missing" in done.stdout and endpoint in done.stdout


def test_the_demo_answers_everything_twice() -> None:
    done = run("demo")
    assert done.returncode == 0, done.stderr
    assert "offline" in done.stdout and "with 0 requests" in done.stdout
