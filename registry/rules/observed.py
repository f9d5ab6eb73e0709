"""What the rules look at, taken once from the facts of a repo. Pure.

`config.json` counts; where it was not fetched or cannot be read, the Hub's extract of it stands in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from registry.facts import CONFIG, CommitFacts, FileState, RepoFacts
from registry.rules.framework import frameworks_of_tags, weights_of
from registry.rules.required_files import trunk_configs


class Observed:
    """The facts, under the names that the rules use."""

    __slots__ = ("architectures", "config", "facts", "has_config", "hints", "model_type", "names", "weights")

    def __init__(self, facts: RepoFacts) -> None:
        commit = facts.commit
        self.facts: Final = facts
        self.hints: Final = facts.hints
        self.names: Final = frozenset(commit.filenames)
        self.config: Final = _config(facts, self.names)
        """`config.json`, else the Hub's extract; of a sentence-transformers repo without one, its first module's."""
        self.has_config: Final = _has_config(commit, self.names)
        """Whether the repo has a `config.json`, read or not."""
        self.architectures: Final = _architectures(self.config.get("architectures"))
        """The architectures that the config names; a string counts as one, anything else as none."""
        self.model_type: Final = text(self.config.get("model_type"))
        self.weights: Final[Mapping[str, str]] = (
            weights_of(commit.filenames) if commit.filenames else frameworks_of_tags(facts)
        )
        """Weight format -> the first file (or tag) that shows it, the preferred one first."""

    @property
    def extract(self) -> Mapping[str, Any]:
        return self.hints.extract

    @property
    def config_problem(self) -> str | None:
        """Why `config.json` is there but says nothing."""
        small_file = self.facts.commit.files.get(CONFIG)
        return small_file.problem if small_file is not None else None

    @property
    def auto_map(self) -> Mapping[str, str]:
        """Auto class -> remote class, where the repo brings its own code."""
        value = self.config.get("auto_map")
        if not isinstance(value, dict):
            return {}
        classes = {key: item[0] if isinstance(item, list) and item else item for key, item in value.items()}
        return {key: item for key, item in classes.items() if isinstance(item, str) and item}

    def manifest(self, path: str) -> Mapping[str, Any]:
        """A small file as an object; empty where it was not read."""
        return self.facts.commit.mapping(path) or {}


def _config(facts: RepoFacts, names: frozenset[str]) -> Mapping[str, Any]:
    config, extract = facts.commit.config, facts.hints.extract
    if config is not None:
        return config
    if extract.get("architectures") or extract.get("model_type"):
        return extract
    trunks = (facts.commit.mapping(path) for path in trunk_configs(names))
    return next((trunk for trunk in trunks if trunk is not None), {})


def _has_config(commit: CommitFacts, names: frozenset[str]) -> bool:
    small_file = commit.files.get(CONFIG)
    if small_file is not None and small_file.state is FileState.ABSENT:
        return False
    return CONFIG in names or small_file is not None


def _architectures(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return ()
    return tuple(dict.fromkeys(name for name in value if isinstance(name, str) and name))


def text(value: Any) -> str | None:
    """`value` where it is a string with something in it."""
    return value if isinstance(value, str) and value else None
