"""`docs/how-it-works.md` names everything that a process keeps between calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "how-it-works.md").read_text("utf-8")
KEEPERS = {
    *("dict", "list", "set", "OrderedDict", "defaultdict", "deque", "Rows"),
    *("SingleFlight", "LeaderSingleFlight", "Batcher", "ListingEntryCache", "QuotaPacer"),
}
ON_THE_PATH = ("resolver/lookup/", "resolver/cache/", "resolver/concurrency/", "resolver/resolver.py")


def find_names() -> Iterator[str]:
    """`module.function` for cached functions, `Class` for classes with cached properties, and `Class._attribute` for
    attributes that hold several things, of the classes on the path of a request.
    """
    for package in ("registry", "store", "resolver"):
        for file in (ROOT / package).rglob("*.py"):
            if "local_hub" in file.parts:
                continue
            is_on_path = file.relative_to(ROOT).as_posix().startswith(ON_THE_PATH)
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.FunctionDef) and is_cached(node):
                    yield f"{file.stem}.{node.name}"
                elif isinstance(node, ast.Assign) and "lru_cache(" in ast.unparse(node.value):
                    yield f"{file.stem}.{ast.unparse(node.targets[0])}"
                elif isinstance(node, ast.ClassDef):
                    if any("cached_property" in ast.unparse(item) for item in node.body):
                        yield node.name
                    if is_on_path:
                        yield from (f"{node.name}.{name}" for name in find_collections(node))


def is_cached(node: ast.FunctionDef) -> bool:
    decorators = [ast.unparse(item).partition("(")[0] for item in node.decorator_list]
    return bool({"functools.cache", "functools.lru_cache"}.intersection(decorators))


def find_collections(node: ast.ClassDef) -> Iterator[str]:
    """Attributes that `__init__` sets to an empty collection, or to a tool that holds several things."""
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            for line in item.body:
                value = getattr(line, "value", None)
                target = line.target if isinstance(line, ast.AnnAssign) else getattr(line, "targets", [None])[0]
                if not isinstance(target, ast.Attribute) or value is None:
                    continue
                is_literal = isinstance(value, ast.Dict | ast.List)
                called = ast.unparse(value.func).partition("[")[0] if isinstance(value, ast.Call) else ""
                if is_literal or called in KEEPERS:
                    yield target.attr


def test_the_page_of_caches_names_every_cache() -> None:
    names = set(find_names())
    assert len(names) > 20, "the search finds nothing"
    assert {name for name in names if f"`{name}`" not in PAGE} == set()


def test_the_page_of_caches_names_no_cache_that_is_gone() -> None:
    names = set(find_names())
    rows = PAGE[PAGE.index("## Caches in the process") :]
    named = {word for word in rows.split("`")[1::2] if "." in word and "/" not in word and not word.endswith(".py")}
    assert named - names == {"sys.path"}
