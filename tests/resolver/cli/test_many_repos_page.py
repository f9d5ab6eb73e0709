"""The commands and the example of docs/many-repos.md, run against the local Hub."""

from __future__ import annotations

import asyncio
import re
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from resolver.local_hub import Catalog, LocalHub
from tests.resolver.cli.test_command import run_in_thread
from tests.resolver.support import ROOT, bert_row, catalog_of, environment

PAGE = (ROOT / "docs" / "many-repos.md").read_text("utf-8")
COMMANDS = [shlex.split(line) for line in re.findall(r"^\$ hubresolve (.*)$", PAGE, re.MULTILINE)]
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


async def test_the_page_answers_its_questions(
    catalog: Catalog, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, failed, code, sheet, again, newer, diff, later_run, since, _, _, report, *_ = COMMANDS
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ids.txt").write_text("acme/bert\nacme/sd\nacme/later\nacme/st\n")
    async with LocalHub(catalog) as hub:
        common = {"HF_ENDPOINT": hub.endpoint, "HUBRESOLVE_STORE": str(store), "HUBRESOLVE_MAX_AGE": "0"}
        counted = await run_in_thread(*count, **common)
        assert "library      diffusers 1\n" in counted.stdout and "4 repos in" in counted.stdout
        assert "sentence" not in counted.stdout
        listed = await run_in_thread(*failed, **common)
        heading, row = listed.stdout.splitlines()
        assert heading == "repo_id\terror" and row.startswith("acme/later\trepo_not_found: ")
        coded = await run_in_thread(*code, **common)
        assert coded.stdout == "" and coded.returncode == 1
        assert (await run_in_thread(*sheet, **common)).returncode == 1
        assert len((tmp_path / "answers.csv").read_text().splitlines()) == 5
        (later,) = catalog_of(bert_row("acme/later"))
        catalog.add(later)
        retried = await run_in_thread(*again, **common)
        assert retried.returncode == 0 and retried.stdout.splitlines()[1].startswith("acme/later\t")
        assert len(retried.stdout.splitlines()) == 2
        assert (await run_in_thread(*newer, **common)).returncode == 0
        assert (await run_in_thread(*later_run, **common)).returncode == 0
        moved = await run_in_thread(*since, **common)
        assert moved.returncode == 1 and moved.stdout.splitlines()[1].startswith("acme/")
    assert (await run_in_thread(*report)).returncode == 0
    assert "acme/later" in (tmp_path / "report.html").read_text("utf-8")
    compared = await run_in_thread(*diff)
    assert compared.returncode == 1
    assert [line.split("\t")[:4] for line in compared.stdout.splitlines()[1:]] == [
        ["acme/later", "main", "recovered", "error"]
    ]


async def test_the_example_makes_a_table(catalog: Catalog, store: Path) -> None:
    source = EXAMPLE.replace("openai/whisper-small", "acme/bert").replace("stabilityai/sdxl-turbo", "acme/sd")
    async with LocalHub(catalog) as hub:
        ran = await run_python(source, HF_ENDPOINT=hub.endpoint, HUBRESOLVE_STORE=str(store))
    assert ran == "library\ndiffusers       1\ntransformers    1\ndtype: int64\n"


async def run_python(source: str, **variables: str) -> str:
    """What a program prints."""

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", source, env=environment(**variables), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


async def test_the_page_reads_a_whole_hub(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every, rest, changed, sweep, snapshot, partial = COMMANDS[12:]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ids.txt").write_text("acme/bert\nacme/odd\n")
    (odd,) = catalog_of(bert_row("acme/odd", extract={}))
    catalog.add(odd)
    infos = [{"id": "acme/new", "sha": "9" * 40, "siblings": [{"rfilename": "config.json"}], "tags": ["transformers"]}]
    parquet.write_table(pyarrow.Table.from_pylist(infos), tmp_path / "models.parquet")
    async with LocalHub(catalog) as hub:
        common = {"HF_ENDPOINT": hub.endpoint, "HUBRESOLVE_STORE": str(tmp_path / "store.sqlite3")}
        assert (await run_in_thread(*every, **common)).returncode == 1
        names = (tmp_path / "all.jsonl").read_text("utf-8")
        assert "acme/bert" in names and "acme/private" not in names
        assert (await run_in_thread(*rest, **common)).returncode == 1
        moved = catalog.push("acme/sd", {"new.txt": "x"}, modified_at=datetime.now(UTC))
        assert (await run_in_thread(*changed, **common)).returncode == 0
        (line,) = (tmp_path / "changed.jsonl").read_text("utf-8").splitlines()
        assert f'"commit_hash":"{moved}"' in line
        await asyncio.sleep(1.1)
        catalog.delete("acme/st")
        swept = await run_in_thread(*sweep, **common)
        assert "acme/st\trepo_not_found" in swept.stdout and swept.returncode == 1
        imported = await run_in_thread(*snapshot, **common)
        assert imported.returncode == 0 and "1 stored, 1 of them partial" in imported.stderr
        shown = await run_in_thread(*partial, **common)
        assert shown.returncode == 3 and "none of the 2 repos has the values of --where" in shown.stderr
