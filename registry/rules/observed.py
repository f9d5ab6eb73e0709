"""What the rules look at, taken once from the facts of a repo. Pure.

`config.json` counts; where it was not fetched or cannot be read, the Hub's extract of it stands in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from registry.facts import CONFIG, FileState, HubHints, RepoFacts
from registry.needs import trunk_configs
from registry.rules.framework import frameworks_of_tags, weights_of


@dataclass(frozen=True)
class Observed:
    """The facts, under the names that the rules use."""

    facts: RepoFacts

    @property
    def hints(self) -> HubHints:
        return self.facts.hints

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(self.facts.commit.filenames)

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """`config.json`, else the Hub's extract; of a sentence-transformers repo without one, its first module's."""
        config = self.facts.commit.config
        if config is not None:
            return config
        if self.extract.get("architectures") or self.extract.get("model_type"):
            return self.extract
        for path in trunk_configs(self.names):
            trunk = self.facts.commit.mapping(path)
            if trunk is not None:
                return trunk
        return {}

    @property
    def extract(self) -> Mapping[str, Any]:
        return self.hints.extract

    @cached_property
    def has_config(self) -> bool:
        """Whether the repo has a `config.json`, read or not."""
        small_file = self.facts.commit.files.get(CONFIG)
        if small_file is not None and small_file.state is FileState.ABSENT:
            return False
        return CONFIG in self.names or small_file is not None

    @property
    def config_problem(self) -> str | None:
        """Why `config.json` is there but says nothing."""
        small_file = self.facts.commit.files.get(CONFIG)
        return small_file.problem if small_file is not None else None

    @cached_property
    def architectures(self) -> tuple[str, ...]:
        """The architectures that the config names; a string counts as one, anything else as none."""
        value = self.config.get("architectures")
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list):
            return ()
        return tuple(dict.fromkeys(name for name in value if isinstance(name, str) and name))

    @cached_property
    def model_type(self) -> str | None:
        return text(self.config.get("model_type"))

    @cached_property
    def auto_map(self) -> Mapping[str, str]:
        """Auto class -> remote class, where the repo brings its own code."""
        value = self.config.get("auto_map")
        if not isinstance(value, dict):
            return {}
        classes = {key: item[0] if isinstance(item, list) and item else item for key, item in value.items()}
        return {key: item for key, item in classes.items() if isinstance(item, str) and item}

    @cached_property
    def weights(self) -> Mapping[str, str]:
        """Weight format -> the first file (or tag) that shows it, the preferred one first."""
        return weights_of(self.facts.commit.filenames) or (frameworks_of_tags(self.facts) if not self.names else {})

    def manifest(self, path: str) -> Mapping[str, Any]:
        """A small file as an object; empty where it was not read."""
        return self.facts.commit.mapping(path) or {}


def text(value: Any) -> str | None:
    """`value` where it is a string with something in it."""
    return value if isinstance(value, str) and value else None
