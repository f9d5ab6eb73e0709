"""Finds the weight formats of a repo by its file names or tags. Pure."""

from __future__ import annotations

import functools
import re

from registry.facts import RepoFacts
from registry.tables.weights import (
    COMPANIONS,
    CTRANSLATE2_FILES,
    FORMAT_TAGS,
    FRAMEWORK_BY_AFFIXES,
    FRAMEWORK_BY_EXTENSION,
    FRAMEWORK_BY_FOLDER,
    FRAMEWORK_BY_NAME,
    FRAMEWORK_BY_PATTERN,
    FRAMEWORKS,
    SHARD_INDEX_SUFFIX,
    UNNAMED,
)

_RANK = {framework: rank for rank, framework in enumerate(FRAMEWORKS)}
_PATTERNS = tuple((re.compile(pattern), framework) for pattern, framework in FRAMEWORK_BY_PATTERN)


def find_weight_formats(filenames: tuple[str, ...]) -> dict[str, str]:
    """Weight format -> the first of `filenames` that has it; the preferred format first, `UNNAMED` last."""
    found: dict[str, str] = {}
    names: frozenset[str] | None = None
    for path in filenames:
        framework = find_framework(path)
        if framework == UNNAMED:
            names = names or frozenset(filenames)
            framework = _find_by_companion(path, names)
        if framework and framework not in found:
            found[framework] = path
    return _sort_by_rank(found)


def _sort_by_rank(found: dict[str, str]) -> dict[str, str]:
    if len(found) < 2:
        return found
    return dict(sorted(found.items(), key=lambda item: _RANK.get(item[0], len(_RANK))))


@functools.lru_cache(maxsize=16_384)
def find_framework(path: str) -> str | None:
    """The framework of the weights in the file at `path`, by its name; None where it holds no weights.

    `UNNAMED` for a `.bin` whose name does not tell who wrote it.
    """
    for folder, special in FRAMEWORK_BY_FOLDER:
        if folder in f"/{path}":
            return special or None
    path = path.removesuffix(SHARD_INDEX_SUFFIX)
    suffix = path.rpartition(".")[2]
    name = path.rpartition("/")[2]
    if name in FRAMEWORK_BY_NAME:
        return FRAMEWORK_BY_NAME[name] or None
    for beginning, ending, special in FRAMEWORK_BY_AFFIXES:
        if name.startswith(beginning) and name.endswith(ending):
            return special or None
    for pattern, special in _PATTERNS:
        if suffix == "bin" and pattern.fullmatch(name):
            return special or None
    return FRAMEWORK_BY_EXTENSION.get(suffix)


def _find_by_companion(path: str, names: frozenset[str]) -> str:
    """The framework of a `.bin` by the files that lie beside it; `UNNAMED` where they do not tell."""
    stem = path.removesuffix(SHARD_INDEX_SUFFIX).removesuffix(".bin")
    folder, separator, name = stem.rpartition("/")
    for suffix, framework in COMPANIONS:
        if stem + suffix in names:
            return framework
    if name == "model" and any(folder + separator + file in names for file in CTRANSLATE2_FILES):
        return "ctranslate2"
    return UNNAMED


def find_tagged_formats(facts: RepoFacts) -> dict[str, str]:
    """Weight format -> the Hub's tag that names it, for repos whose file names are not known; the preferred first."""
    found = {FORMAT_TAGS[tag]: f"tag {tag}" for tag in facts.hints.tags if tag in FORMAT_TAGS}
    return _sort_by_rank(found)
