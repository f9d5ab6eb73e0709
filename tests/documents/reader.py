"""`Reader`: follows a page as a user would, block by block, in a folder and a shell of its own."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import doctest
import fcntl
import inspect
import io
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

from tests.documents.blocks import Block, matches, split_console
from tests.resolver.support import ROOT

COLUMNS = 110
"""Width of the terminal that the pages show."""

_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_MAY_FAIL = ("hubresolve resolve", "hubresolve diff", "hubresolve load", "hubresolve store query", "hubresolve watch")
"""Commands whose exit code 1 says something about repos."""


class Reader:
    """Runs the blocks of one page. Variables of the shell and names of Python last from block to block.

    `replacements`: text in the page → what is used instead: a port that is free, a database that exists.
    """

    def __init__(self, folder: Path, names: dict[str, Any], replacements: dict[str, str]) -> None:
        self._folder = folder
        self._environment = dict(os.environ)
        self._names = names
        self._replacements = replacements
        self._printed = ""
        self._groups: list[int] = []

    def follow(self, block: Block) -> None:
        """Do what the page says with this block. Raises AssertionError where something else comes out."""
        if block.left is not None:
            return
        text = self._replace(block.text)
        if block.saved_as is not None:
            path = self._folder / block.saved_as
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        elif block.is_output:
            assert matches(text, self._printed), f"the page shows\n{text}\nand the program prints\n{self._printed}"
        elif block.language == "python":
            self._run_python(text)
        elif block.language == "pycon":
            self._run_pycon(text)
        elif block.language == "sh":
            printed, code = self.run_shell(text)
            assert code == 0, f"exit code {code}\n{printed}"
        elif block.language == "console":
            self._run_console(text)
        else:
            _parse_data(block)

    def close(self) -> None:
        """End the programs that the page has left running."""
        for group in self._groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGTERM)

    def _replace(self, text: str) -> str:
        for shown, used in self._replacements.items():
            text = text.replace(shown, used)
        return text

    def _run_python(self, source: str) -> None:
        code = compile(source, "<page>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), _module(self._names), patch.dict(os.environ, self._environment):
            if code.co_flags & inspect.CO_COROUTINE:
                asyncio.run(eval(code, self._names))
            else:
                exec(code, self._names)
        self._printed = printed.getvalue()

    def _run_pycon(self, text: str) -> None:
        example = doctest.DocTestParser().get_doctest(text, self._names, "page", None, 0)
        said = io.StringIO()
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        assert runner.run(example, out=said.write, clear_globs=False).failed == 0, said.getvalue()

    def _run_console(self, text: str) -> None:
        for command in split_console(text):
            printed, code = self.run_shell(command.text)
            may_fail = any(name in command.text for name in _MAY_FAIL)
            assert code == 0 or (may_fail and code == 1), f"$ {command.text}\n{printed}\nexit code {code}"
            if command.output:
                assert matches(command.output, printed), f"the page shows\n{command.output}\nand prints\n{printed}"

    def run_shell(self, text: str) -> tuple[str, int]:
        """Run shell commands; what they print, errors last, and the exit code. Their output is a terminal."""
        variables = self._folder.parent / "variables"
        script = f'set -eo pipefail\n{text}\nenv -0 > "{variables}"\n'
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
        errors = self._folder.parent / "errors.txt"
        with errors.open("wb") as file:
            process = subprocess.Popen(
                ["bash", "-c", script],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=theirs,
                stderr=file,
                start_new_session=True,
            )
        os.close(theirs)
        printed = _read_terminal(ours, process)
        printed += errors.read_text("utf-8", "replace")
        if _is_group_alive(process.pid):
            self._groups.append(process.pid)
        assert "Traceback (most recent" not in printed, printed
        if process.returncode == 0:
            lines = variables.read_text("utf-8").split("\0")
            self._environment = dict(line.split("=", 1) for line in lines if "=" in line)
        return _STYLE.sub("", printed), process.returncode


def _is_group_alive(group: int) -> bool:
    """Whether a shell has left programs running."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _read_terminal(terminal: int, process: subprocess.Popen[bytes]) -> str:
    """All that was printed until the shell ended; a program in the background may keep the terminal open."""
    pieces: list[bytes] = []
    os.set_blocking(terminal, False)
    ended = False
    while True:
        try:
            piece = os.read(terminal, 1 << 16)
        except BlockingIOError:
            if ended:
                break
            try:
                process.wait(0.01)
                ended = True  # what it printed last is read once more
            except subprocess.TimeoutExpired:
                pass
            continue
        except OSError:  # how Linux tells that nobody has the terminal open any more
            break
        if not piece:
            break
        pieces.append(piece)
    process.wait()
    os.close(terminal)
    return b"".join(pieces).decode("utf-8", "replace").replace("\r\n", "\n")


@contextlib.contextmanager
def _module(names: dict[str, Any]) -> Iterator[None]:
    """Python's `import` finds the files that the page has saved in the current folder."""
    names.setdefault("__name__", "__main__")
    before = list(sys.path)
    sys.path.insert(0, str(Path.cwd()))
    try:
        yield
    finally:
        sys.path[:] = before


def _parse_data(block: Block) -> None:
    if block.language == "json":
        json.loads(block.text)
    elif block.language == "toml":
        tomllib.loads(block.text)
    elif block.language == "yaml":
        yaml.safe_load(block.text)


def list_pages() -> list[Path]:
    """The README and every page of the site, as paths below the root of the project."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page.relative_to(ROOT) for page in pages]
