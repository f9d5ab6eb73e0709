"""Directives of the documentation site that read the program itself: its public names, and the keys of a row.

An extension of Sphinx; `docs/conf.py` names it.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, get_type_hints

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

from resolver.row import Row

ROOT = Path(__file__).resolve().parent.parent

_HEADING = re.compile(r"# (.+)")
_NAME = re.compile(r"(?:^| )([A-Za-z_]\w*) as \1\b")


class Section(NamedTuple):
    """Public names under one heading of an `__init__.pyi`."""

    heading: str
    names: tuple[str, ...]


def read_public_names(package: str) -> list[Section]:
    """The sections of a package's `__init__.pyi`, in order. The first comment of the file is not a heading."""
    lines = (ROOT / package.replace(".", "/") / "__init__.pyi").read_text("utf-8").splitlines()[1:]
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        if heading := _HEADING.match(line):
            found.append((heading.group(1), []))
        elif names := _NAME.findall(line):
            found[-1][1].extend(names)
    return [Section(heading, tuple(names)) for heading, names in found]


class PublicNames(SphinxDirective):
    """`{public-names} PACKAGE...`: the docstring of each public name, under the headings of each `__init__.pyi`.

    A name of several packages is described at the first of them.
    """

    required_arguments: ClassVar[int] = 1
    optional_arguments: ClassVar[int] = 100

    def run(self) -> list[nodes.Node]:
        described: dict[int, str] = {}
        lines: list[str] = []
        for package in self.arguments:
            lines += [f"## {package}", ""]
            for section in read_public_names(package):
                lines += _describe_section(package, section, described)
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


def _describe_section(package: str, section: Section, described: dict[int, str]) -> list[str]:
    """The lines of a section. `described`: the id of each object that has a description -> the package that has it."""
    module = importlib.import_module(package)
    lines = [f"### {section.heading}", "", "```{eval-rst}"]
    for name in section.names:
        value = getattr(module, name)
        first = described.setdefault(id(value), package)
        if first != package:
            lines += [f"`{name}` is that of `{first}`, described there.", ""]
        elif isinstance(value, type):
            lines += [f".. autoclass:: {package}.{name}", "   :members:", "   :show-inheritance:", ""]
        elif callable(value):
            lines += [f".. autofunction:: {package}.{name}", ""]
        else:
            lines += [f".. autodata:: {package}.{name}", "   :no-value:", ""]
    return [*lines, "```", ""]


class RowKeys(SphinxDirective):
    """`{row-keys}`: a table of the keys of a row, with type and meaning."""

    def run(self) -> list[nodes.Node]:
        lines = ["| key | type | meaning |", "|---|---|---|"]
        lines += [f"| `{key}` | {kind} | {meaning} |" for key, kind, meaning in list_row_keys()]
        return self.parse_text_to_nodes("\n".join(lines))


_TYPES = {str: "text", bool: "true or false", list: "list"}


def list_row_keys() -> Iterator[tuple[str, str, str]]:
    """Key, type and meaning, in the order of a row."""
    for key, hint in get_type_hints(Row, include_extras=True).items():
        meanings = [item.description for item in getattr(hint, "__metadata__", ())]
        value = hint.__origin__ if meanings else hint
        kinds = [kind for kind in getattr(value, "__args__", (value,)) if kind is not type(None)]
        yield key, ", ".join(map(_name_type, kinds)), "; ".join(meanings) or "why there is no answer: `code`, `message`"


def _name_type(kind: Any) -> str:
    origin = getattr(kind, "__origin__", kind)
    return _TYPES.get(origin, "object")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Called by Sphinx."""
    app.add_directive("public-names", PublicNames)
    app.add_directive("row-keys", RowKeys)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
