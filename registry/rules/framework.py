"""Which weight formats a repo holds, from its file names. Pure."""

from __future__ import annotations

import functools

from registry.facts import RepoFacts
from registry.tables.weights import BY_NAME, BY_PREFIX, BY_SUFFIX, FRAMEWORKS, INDEX, TAGS

_RANK = {framework: rank for rank, framework in enumerate(FRAMEWORKS)}


def weights_of(filenames: tuple[str, ...]) -> dict[str, str]:
    """The weight formats among `filenames`, each with the first file that shows it, the preferred format first."""
    found: dict[str, str] = {}
    for path in filenames:
        framework = framework_of_file(path)
        if framework and framework not in found:
            found[framework] = path
    return dict(sorted(found.items(), key=lambda item: _RANK.get(item[0], len(_RANK))))


@functools.lru_cache(maxsize=16_384)
def framework_of_file(path: str) -> str | None:
    """The framework whose weights a file of this name holds; None where it holds none."""
    if ".mlpackage/" in path:
        return "coreml"
    path = path.removesuffix(INDEX)
    suffix = path.rpartition(".")[2]
    name = path.rpartition("/")[2]
    if name in BY_NAME:
        return BY_NAME[name] or None
    for beginning, ending, special in BY_PREFIX:
        if name.startswith(beginning) and name.endswith(ending):
            return special or None
    return BY_SUFFIX.get(suffix)


def frameworks_of_tags(facts: RepoFacts) -> dict[str, str]:
    """The weight formats that the Hub's tags name, for repos whose file names are not known."""
    found = {TAGS[tag]: f"tag {tag}" for tag in facts.hints.tags if tag in TAGS}
    return dict(sorted(found.items(), key=lambda item: _RANK.get(item[0], len(_RANK))))
