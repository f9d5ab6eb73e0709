"""`find_named_code`: reads the small files that a library would read, and says what they name. Pure.

Only names on a list of the libraries' own pass. Each library is stricter or laxer with them from release to release;
these rules do not depend on it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from registry.facts import CONFIG, FileState, SmallFile
from registry.registry import Registry
from registry.rules.named_code.components import find_component_code
from registry.rules.named_code.findings import NamedCode, join_findings
from registry.rules.named_code.keys import KnowsClass, find_keyed_code
from registry.rules.named_code.modules import find_module_code, find_module_config_code
from registry.rules.required_files import ADAPTER_CONFIG, MODEL_INDEX, MODULES

_ALL_CONFIGS = ("*config*.json", MODULES, MODEL_INDEX, "*.index.json", "*.index.*.json", "quant*.json")
_MODEL_CONFIGS = (
    CONFIG,
    "config.*.json",
    "generation_config.json",
    ADAPTER_CONFIG,
    "*.index.json",
    "*.index.*.json",
    "quant*.json",
)
_CONFIGS = {"sentence_transformers": _ALL_CONFIGS, "diffusers": _ALL_CONFIGS, "peft": _ALL_CONFIGS, "timm": (CONFIG,)}
"""Library -> the names of the JSON files in which it may find names; others read what a model of transformers has."""

_TIMM_ARGUMENTS = ("cache_dir", "checkpoint_path", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay")
"""Arguments of `create_model` that say where weights come from."""


def choose_naming_files(library: str, filenames: Iterable[str]) -> tuple[str, ...]:
    """The small files that a library reads names from. Names count without their case, as some disks take them."""
    patterns = _CONFIGS.get(library, _MODEL_CONFIGS)
    chosen = []
    for path in filenames:
        folder, _, name = path.rpartition("/")
        is_read = not folder or library == "sentence_transformers" or (library == "diffusers" and "/" not in folder)
        if is_read and any(fnmatchcase(name.lower(), pattern) for pattern in patterns):
            chosen.append(path)
    return tuple(chosen)


def find_named_code(
    library: str,
    files: Mapping[str, SmallFile],
    filenames: Collection[str],
    registry: Registry,
    knows_class: KnowsClass = lambda name: False,
) -> NamedCode:
    """What `files` (path -> content) name, as `library` reads them, in a repo with the files `filenames`.

    The root's `auto_map` of a transformers model is left out: the decision says what it means for the model's class.
    """
    return join_findings(_find_all(library, files, frozenset(filenames), registry, knows_class))


def _find_all(
    library: str,
    files: Mapping[str, SmallFile],
    filenames: frozenset[str],
    registry: Registry,
    knows_class: KnowsClass,
) -> Iterator[NamedCode]:
    for path, small_file in files.items():
        if small_file.state is FileState.ABSENT:
            continue
        if small_file.state is not FileState.READ:
            yield NamedCode(unreadable=(f"{path} ({small_file.problem})",))
            continue
        content = small_file.content
        is_decided = library not in ("sentence_transformers", "diffusers") and path.lower() == CONFIG
        yield find_keyed_code(path, content, registry, knows_class, is_decided=is_decided)
        yield from _find_own(library, path, content, filenames, registry)


def _find_own(
    library: str, path: str, content: Any, filenames: frozenset[str], registry: Registry
) -> Iterator[NamedCode]:
    """What only this library reads names from."""
    if library == "sentence_transformers":
        yield (
            find_module_code(content, registry)
            if path.lower() == MODULES
            else find_module_config_code(path, content, registry)
        )
    elif library == "diffusers" and path.lower() == MODEL_INDEX:
        yield find_component_code(content if isinstance(content, dict) else {}, filenames)
    elif library == "timm" and isinstance(content, dict):
        yield _find_timm_places(path, content)
    if library in ("transformers", "sentence_transformers") and path.rpartition("/")[2].lower() == ADAPTER_CONFIG:
        base = content.get("base_model_name_or_path") if isinstance(content, dict) else None
        yield NamedCode(elsewhere=(f"{base} ({path})",))


def _find_timm_places(path: str, content: Mapping[str, Any]) -> NamedCode:
    """Places of weights among the arguments of a timm model, and an architecture that is a place."""
    arguments, architecture = content.get("model_args"), content.get("architecture")
    found = [key for key in _TIMM_ARGUMENTS if isinstance(arguments, dict) and key in arguments]
    elsewhere = [f"{arguments[key]} ({path}: model_args)" for key in found] if isinstance(arguments, dict) else []
    if isinstance(architecture, str) and ("/" in architecture or ":" in architecture):
        elsewhere.append(f"{architecture} ({path}: architecture)")
    return NamedCode(elsewhere=tuple(elsewhere))
