"""Reads the source files of a library from an installed distribution or a wheel, without importing it.

The modules named after a library read its tables from these files.
"""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Source(Protocol):
    """The files of one release of one package.

    - `read` returns the text of a file by its path inside the package, or raises `FileNotFoundError` with the path.
    - `paths` returns the path of every Python file inside the package, sorted.
    """

    @property
    def version(self) -> str: ...
    def read(self, path: str) -> str: ...
    def paths(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class InstalledSource:
    """An installed package."""

    version: str
    folder: Path

    def read(self, path: str) -> str:
        return (self.folder / path).read_text(encoding="utf-8")

    def paths(self) -> list[str]:
        return sorted(file.relative_to(self.folder).as_posix() for file in self.folder.rglob("*.py"))


@dataclass(frozen=True, slots=True)
class WheelSource:
    """A package inside a wheel file; the wheel is not unpacked."""

    version: str
    archive: zipfile.ZipFile
    package: str

    def read(self, path: str) -> str:
        try:
            return self.archive.read(f"{self.package}/{path}").decode("utf-8")
        except KeyError as error:
            raise FileNotFoundError(f"{path} is not in {self.archive.filename}") from error

    def paths(self) -> list[str]:
        prefix = f"{self.package}/"
        names = self.archive.namelist()
        return sorted(name[len(prefix) :] for name in names if name.startswith(prefix) and name.endswith(".py"))


def find_source(distribution: str, package: str, wheels: Path | None) -> Source | None:
    """The installed release of a package, else the newest release among the wheels, else None."""
    spec = importlib.util.find_spec(package)
    if spec is not None and spec.submodule_search_locations:
        folder = Path(next(iter(spec.submodule_search_locations)))
        return InstalledSource(importlib.metadata.version(distribution), folder)
    return max(find_wheels(package, wheels), key=lambda source: parse_version(source.version), default=None)


def find_wheels(package: str, wheels: Path | None) -> list[WheelSource]:
    """Every wheel of a package in a folder, oldest release first."""
    if wheels is None:
        return []
    found = [
        WheelSource(path.name.split("-")[1], zipfile.ZipFile(path), package) for path in wheels.glob(f"{package}-*.whl")
    ]
    return sorted(found, key=lambda source: parse_version(source.version))


def parse_version(version: str) -> tuple[int, ...]:
    """The numbers of a release, to sort by; suffixes are ignored."""
    return tuple(int(part) for part in re.match(r"[\d.]*", version).group().strip(".").split("."))  # type: ignore[union-attr]


def parse_file(source: Source, path: str) -> ast.Module:
    """The syntax tree of one file, with every check for an optional library taken as true."""
    return _InlineAvailabilityChecks().visit(ast.parse(source.read(path), filename=path))  # type: ignore[no-any-return]


def find_classes(source: Source, path: str) -> Iterator[ast.ClassDef]:
    """The classes at the top level of a file, in order."""
    return (node for node in parse_file(source, path).body if isinstance(node, ast.ClassDef))


class _InlineAvailabilityChecks(ast.NodeTransformer):
    """Replaces `x if is_y_available() else z` by `x`, and `if is_y_available():` by its body."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        return node.body if _is_availability_check(node.test) else node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        return node.body if _is_availability_check(node.test) else node


def _is_availability_check(test: ast.expr) -> bool:
    return isinstance(test, ast.Call) and re.fullmatch(r"is_\w+_available", ast.unparse(test.func)) is not None
