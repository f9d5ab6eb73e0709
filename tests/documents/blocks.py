"""Finds the code blocks of a page, and what the page says about each: run it, save it, or leave it, and why. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

LANGUAGES = ("python", "pycon", "sh", "console", "toml", "yaml", "json", "text")
"""What a block may be. A `text` block is a drawing, or the output of the Python before it."""

_FENCE = re.compile(r"(?P<indent> *)(?P<ticks>`{3,})(?P<language>[^`]*)$")
_SAVED = re.compile(r"as `(?P<name>[\w./-]+)`[^`]*:$")
_LEFT = re.compile(r"<!-- not run: (?P<reason>.+) -->$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block. `line` is that of its fence.

    `saved_as`: the page says to save it as this file. `left`: why it is not run. `is_output`: the page says that the
    Python before it prints this.
    """

    language: str
    text: str
    line: int
    saved_as: str | None = None
    left: str | None = None
    is_output: bool = False


def find_blocks(page: str) -> list[Block]:
    """The blocks of a page, in order; those of Sphinx's directives, such as `{toctree}`, are left out."""
    found: list[Block] = []
    lines = page.splitlines()
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence is None:
            at += 1
            continue
        end = next(later for later in range(at + 1, len(lines)) if lines[later].strip() == fence["ticks"])
        if not fence["language"].startswith("{"):
            inside = lines[at + 1 : end]
            text = "".join(f"{line.removeprefix(fence['indent'])}\n" for line in inside)
            found.append(_describe(fence["language"].strip(), text, at, lines[:at]))
        at = end + 1
    return found


def _describe(language: str, text: str, at: int, above: list[str]) -> Block:
    said = next((line.strip() for line in reversed(above) if line.strip()), "")
    left, saved = _LEFT.match(said), _SAVED.search(said)
    return Block(
        language=language or "text",
        text=text,
        line=at + 1,
        saved_as=saved["name"] if saved else None,
        left=left["reason"] if left else None,
        is_output=language == "text" and said.endswith("prints:"),
    )


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a `console` block, and the output that the page shows, "" for none."""

    text: str
    output: str


def split_console(text: str) -> list[Command]:
    """The commands of a `console` block: lines that begin with `$`, each with the lines below it."""
    commands: list[Command] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            commands.append(Command(line[2:], ""))
        else:
            last = commands.pop()
            commands.append(Command(last.text, f"{last.output}{line}\n"))
    return commands


def matches(shown: str, printed: str) -> bool:
    """Whether a program printed what a page shows. `…` stands for any text, and spaces at line ends do not count."""
    parts = [re.escape(part) for part in _strip_lines(shown).split("…")]
    return re.fullmatch(".*?".join(parts), _strip_lines(printed), re.DOTALL) is not None


def _strip_lines(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
