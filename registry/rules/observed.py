"""`Observed`: the facts of a repo, prepared for the rules. Pure.

Where `config.json` was not fetched or cannot be read, the Hub's extract of it is used. Where the Hub gives no
`library_name`, the library that the tags name is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from registry.facts import CONFIG, CommitFacts, FileState, HubHints, RepoFacts
from registry.rules.framework import find_tagged_formats, find_weight_formats
from registry.rules.named_library import NamedLibrary


class Observed:
    """The facts of a repo, under the names that the rules use."""

    __slots__ = (
        "architectures",
        "config",
        "facts",
        "has_all_names",
        "has_config",
        "hints",
        "model_type",
        "named",
        "names",
        "weights",
    )

    def __init__(self, facts: RepoFacts, named: NamedLibrary | None) -> None:
        commit = facts.commit
        self.facts: Final = facts
        self.named: Final = named
        """The library that the Hub or the tags name."""
        self.hints: Final = _name_library(facts.hints, named)
        """The Hub's hints; their `library_name` is that of `named`, which may come from the tags."""
        self.names: Final = frozenset(commit.filenames)
        self.has_all_names: Final = commit.has_all_names
        """Whether `names` are all files; else tags tell the weights, and a name that is missing says nothing."""
        self.config: Final = _choose_config(facts, self.names)
        """`config.json`, else the Hub's extract of it, else the config of sentence-transformers' first module."""
        self.has_config: Final = _has_config(commit, self.names)
        """Whether the repo has a `config.json`, read or not."""
        self.architectures: Final = parse_architectures(self.config.get("architectures"))
        """The architectures in the config; a string counts as one, any other type as none."""
        self.model_type: Final = as_text(self.config.get("model_type"))
        self.weights: Final[Mapping[str, str]] = (
            find_weight_formats(commit.filenames) if self.has_all_names else find_tagged_formats(facts)
        )
        """Weight format -> the first file (or tag) that has it; the preferred format first."""

    @property
    def extract(self) -> Mapping[str, Any]:
        """The Hub's extract of the config files."""
        return self.hints.extract

    @property
    def config_problem(self) -> str | None:
        """Why `config.json` exists but has no content; None otherwise."""
        small_file = self.facts.commit.files.get(CONFIG)
        return small_file.problem if small_file is not None else None

    @property
    def auto_map(self) -> Mapping[str, str]:
        """Auto class -> remote class, from `auto_map` of the config; empty where the repo has no code of its own."""
        value = self.config.get("auto_map")
        if not isinstance(value, dict):
            return {}
        classes = {key: item[0] if isinstance(item, list) and item else item for key, item in value.items()}
        return {key: item for key, item in classes.items() if isinstance(item, str) and item}

    def get_manifest(self, path: str) -> Mapping[str, Any]:
        """A small file as a JSON object; empty where it was not read."""
        return self.facts.commit.mapping(path) or {}


def _name_library(hints: HubHints, named: NamedLibrary | None) -> HubHints:
    name = named.name if named is not None else None
    return hints if hints.library_name == name else replace(hints, library_name=name)


def _choose_config(facts: RepoFacts, names: frozenset[str]) -> Mapping[str, Any]:
    config, extract = facts.commit.config, facts.hints.extract
    if config is not None:
        return config
    if extract.get("architectures") or extract.get("model_type"):
        return extract
    trunks = (facts.commit.mapping(path) for path in find_module_configs(names))
    return next((trunk for trunk in trunks if trunk is not None), {})


def find_module_configs(names: frozenset[str]) -> list[str]:
    """Paths of configs of a sentence-transformers repo's first module, in a folder such as "0_Transformer"; sorted."""
    return sorted(
        name for name in names if name.startswith("0_") and name.endswith("/config.json") and name.count("/") == 1
    )


def _has_config(commit: CommitFacts, names: frozenset[str]) -> bool:
    small_file = commit.files.get(CONFIG)
    if small_file is not None and small_file.state is FileState.ABSENT:
        return False
    return CONFIG in names or small_file is not None


def parse_architectures(value: Any) -> tuple[str, ...]:
    """The class names in `architectures` of a config; a string counts as one, any other type as none."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return ()
    return tuple(dict.fromkeys(name for name in value if isinstance(name, str) and name))


def as_text(value: Any) -> str | None:
    """`value` if it is a non-empty string, else None."""
    return value if isinstance(value, str) and value else None
