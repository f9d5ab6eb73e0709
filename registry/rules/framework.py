"""Finds the weight formats of a repo by its file names or tags. Pure."""

from __future__ import annotations

import functools

from registry.facts import RepoFacts
from registry.tables.weights import (
    FORMAT_TAGS,
    FRAMEWORK_BY_AFFIXES,
    FRAMEWORK_BY_EXTENSION,
    FRAMEWORK_BY_NAME,
    FRAMEWORKS,
    SHARD_INDEX_SUFFIX,
)

_RANK = {framework: rank for rank, framework in enumerate(FRAMEWORKS)}


def find_weight_formats(filenames: tuple[str, ...]) -> dict[str, str]:
    """Weight format -> the first of `filenames` that has it; the preferred format first."""
    found: dict[str, str] = {}
    for path in filenames:
        framework = find_framework(path)
        if framework and framework not in found:
            found[framework] = path
    return dict(sorted(found.items(), key=lambda item: _RANK.get(item[0], len(_RANK))))


@functools.lru_cache(maxsize=16_384)
def find_framework(path: str) -> str | None:
    """The framework of the weights in the file at `path`, by its name; None where it holds no weights."""
    if ".mlpackage/" in path:
        return "coreml"
    path = path.removesuffix(SHARD_INDEX_SUFFIX)
    suffix = path.rpartition(".")[2]
    name = path.rpartition("/")[2]
    if name in FRAMEWORK_BY_NAME:
        return FRAMEWORK_BY_NAME[name] or None
    for beginning, ending, special in FRAMEWORK_BY_AFFIXES:
        if name.startswith(beginning) and name.endswith(ending):
            return special or None
    return FRAMEWORK_BY_EXTENSION.get(suffix)


def find_tagged_formats(facts: RepoFacts) -> dict[str, str]:
    """Weight format -> the Hub's tag that names it, for repos whose file names are not known; the preferred first."""
    found = {FORMAT_TAGS[tag]: f"tag {tag}" for tag in facts.hints.tags if tag in FORMAT_TAGS}
    return dict(sorted(found.items(), key=lambda item: _RANK.get(item[0], len(_RANK))))
