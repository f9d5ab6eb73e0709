"""The table in real terminals: it fits, breaks no word, and keeps one set of column widths."""

from __future__ import annotations

import asyncio
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import termios
import time
from pathlib import Path

import pytest

from resolver.cli.answer_table import AnswerTable
from resolver.local_hub import LocalHub
from resolver.row import format_time
from tests.resolver.support import bert_row, catalog_of, command
from tests.resolver.test_rows import BASE, FULL

LONG = f"acme/{'long-name-' * 5}model"
IDS = ["acme/bert", LONG, "acme/none", "acme/new"]
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def run_in_terminal(columns: int, line: list[str], env: dict[str, str]) -> list[str]:
    """What the command writes to a terminal of this width, without colours."""
    terminal, its_end = pty.openpty()
    fcntl.ioctl(its_end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(line, env=env, stdin=its_end, stdout=its_end, stderr=subprocess.DEVNULL)
    os.close(its_end)
    output = b""
    while True:
        try:
            part = os.read(terminal, 65_536)
        except OSError:
            # The program has closed the terminal.
            break
        if not part:
            break
        output += part
    process.wait()
    os.close(terminal)
    return _ESCAPES.sub("", output.decode()).splitlines()


@pytest.mark.parametrize("columns", [40, 80, 200])
async def test_a_table_fits_the_terminal(store: Path, columns: int) -> None:
    new = bert_row("acme/new", config={"architectures": ["NewModelForNothing"], "model_type": "new"})
    async with LocalHub(catalog_of(bert_row("acme/bert"), bert_row(LONG), new)) as hub:
        line, env = command("resolve", *IDS, "--quiet", "--endpoint", hub.endpoint, "--store", store)
        env = {name: value for name, value in env.items() if name not in ("COLUMNS", "LINES")}
        lines = await asyncio.to_thread(run_in_terminal, columns, line, env)
    heading, *others = lines
    assert heading.split()[:2] == ["repo", "task"] if columns < 200 else heading.split()[1:3] == ["commit", "library"]
    rows = [line for line in others if not line.startswith("    ")]
    assert [row.split()[0] for row in rows] == ["acme/bert", LONG, "acme/none@main", "acme/new"]
    task = heading.index("task")
    assert [row[task:].split()[0] for row in rows] == ["fill-mask", "fill-mask", "-", "-"]
    # A line is longer only where a single id does not leave room for its task.
    assert all(len(line) <= columns for line in lines if columns >= 80)
    remarks = " ".join(line.strip() for line in others if line.startswith("    "))
    assert "repo_not_found: acme/none does not exist, or is private and needs a token" in remarks
    assert "undecided:" in remarks


async def test_a_pipe_gets_tabs_and_no_padding(store: Path) -> None:
    async with LocalHub(catalog_of(bert_row("acme/bert"))) as hub:
        line, env = command("resolve", *IDS[:3:2], "--quiet", "--endpoint", hub.endpoint, "--store", store)
        process = await asyncio.create_subprocess_exec(*line, env=env, stdout=subprocess.PIPE)
        out, _ = await process.communicate()
    heading, bert, none = out.decode().splitlines()
    assert heading.split("\t")[0] == "repo_id" and heading.split("\t")[-1] == "error"
    assert bert.split("\t")[2:5] == ["transformers", "fill-mask", "AutoModelForMaskedLM"]
    assert none.split("\t")[1:6] == [""] * 5 and none.split("\t")[6].startswith("repo_not_found: ")


def test_a_value_stays_in_its_cell() -> None:
    file = io.StringIO()
    row = {**FULL.to_dict(), "task": "one\ntwo\tthree\x1b[31m"}
    with AnswerTable(file) as table:
        table.write(row)
    heading, line = file.getvalue().splitlines()
    assert line.count("\t") == heading.count("\t") == 6
    assert line.split("\t")[3] == r"one\ntwo\tthree\x1b[31m"


@pytest.mark.parametrize(
    ("stale", "age_s", "remark"),
    [(False, 60, ""), (True, 60, "stale: checked 1 minute ago"), (False, 7_200, "checked 2 hours ago")],
)
def test_a_table_says_when_an_answer_was_checked_where_that_matters(stale: bool, age_s: int, remark: str) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    file = Terminal()
    row = {**BASE.to_dict(), "stale": stale, "checked_at": format_time(time.time() - age_s)}
    with AnswerTable(file) as table:
        table.write(row)
    lines = _ESCAPES.sub("", file.getvalue()).splitlines()[2:]
    assert "".join(lines).strip() == remark
