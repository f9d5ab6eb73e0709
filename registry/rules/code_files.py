"""Finds the code, of this repo or of another one, that loading a model would run, as far as the facts show it. Pure.

By it `decide` tells whether a repo requires remote code, and loading asks before files are fetched: some libraries run
the code in a local folder without a question, and loading always reads from a local folder. Loading repeats
`find_named_code` on all small files, before a library sees them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from registry.decision import Decision
from registry.registry import Registry
from registry.rules.diffusers import parse_components
from registry.rules.library_signs import knows_model_type
from registry.rules.model_class import is_native
from registry.rules.named_code.find import choose_naming_files, find_named_code
from registry.rules.named_code.findings import NO_NAMED_CODE, NamedCode, parse_class_path
from registry.rules.observed import Observed, parse_architectures
from registry.rules.required_files import (
    ADAPTER_CONFIG,
    MODEL_INDEX,
    MODULAR_CONFIG,
    MODULAR_MODEL_INDEX,
    MODULES,
)

MAX_NESTING = 3
"""Configs inside configs that are searched for an `auto_map`."""

_MODULE_LIBRARIES = ("sentence_transformers", "setfit", "pylate")
_REMOTE_MODULES = "transformers_modules."
"""Where transformers imports the code of repos from; peft writes it as the module of an adapter's base."""


def find_remote_code(decision: Decision, observed: Observed, registry: Registry) -> NamedCode:
    """What would be run, each as "path", or "path of org/name" in another repo; and other repos and paths."""
    named, commit = NO_NAMED_CODE, observed.facts.commit
    if commit.files:
        library = decision.library or ""
        files = {name: commit.files[name] for name in choose_naming_files(library, commit.files)}
        named = find_named_code(library, files, commit.filenames, registry)
    code = (*_find_code_files(decision, observed, registry), *named.code)
    if not code and not named.elsewhere:
        return NO_NAMED_CODE
    return NamedCode(code=tuple(dict.fromkeys(code)), elsewhere=named.elsewhere)


def _find_code_files(decision: Decision, observed: Observed, registry: Registry) -> Iterable[str]:
    match decision.library:
        case "transformers" | "transformers_js":
            found = _find_transformers_code(decision, observed, registry)
        case "diffusers":
            found = _find_pipeline_code(observed)
        case "peft":
            found = _find_base_code(observed)
        case "mlx":
            # mlx-lm: the file of the repo that defines the model.
            found = [name for name in (observed.config.get("model_file"),) if isinstance(name, str) and name]
        case library if library in _MODULE_LIBRARIES:
            found = [*_find_module_code(observed, registry), *_find_trunk_code(decision, observed, registry)]
        case _ if decision.requires_remote_code:
            found = [parse_class_path(decision.model_class or "")]
        case _:
            found = []
    return found


def _find_transformers_code(decision: Decision, observed: Observed, registry: Registry) -> list[str]:
    """The file of the remote class; else that of a config class, or of a part's, that transformers lacks."""
    if decision.requires_remote_code and "." in (decision.model_class or ""):
        return [parse_class_path(decision.model_class or "")]
    config_class = observed.auto_map.get("AutoConfig")
    has_own_config = config_class is not None and not knows_model_type(observed.model_type, registry)
    own = [parse_class_path(config_class)] if config_class is not None and has_own_config else []
    return [*own, *_find_nested_code(observed.config, registry)]


def _find_nested_code(config: Mapping[str, Any], registry: Registry, depth: int = 1) -> Iterator[str]:
    """The files of parts of a model, such as its text decoder, whose own config names code that transformers lacks."""
    for part in config.values():
        if isinstance(part, dict) and depth <= MAX_NESTING:
            auto_map = part.get("auto_map")
            if isinstance(auto_map, dict) and not _is_native_config(part, registry):
                yield from _list_class_paths(auto_map)
            yield from _find_nested_code(part, registry, depth + 1)


def _is_native_config(config: Mapping[str, Any], registry: Registry) -> bool:
    architectures = parse_architectures(config.get("architectures"))
    model_type = config.get("model_type")
    if not isinstance(model_type, str):
        return False
    if not architectures:
        return knows_model_type(model_type, registry)
    return is_native(architectures[0], model_type, registry)


def _find_trunk_code(decision: Decision, observed: Observed, registry: Registry) -> list[str]:
    """The files of the transformers model inside a sentence-transformers model."""
    nested = list(_find_nested_code(observed.config, registry))
    if is_native(decision.architecture or "", observed.model_type, registry):
        return nested
    return [*_list_class_paths(observed.auto_map), *nested]


def _find_module_code(observed: Observed, registry: Registry) -> list[str]:
    """The files of modules that sentence-transformers itself does not have."""
    modules = observed.facts.commit.files.get(MODULES)
    content = modules.content if modules is not None and isinstance(modules.content, list) else []
    types = [module.get("type") for module in content if isinstance(module, dict)]
    own = ("sentence_transformers.", "model2vec.", *registry.sentence_namespaces)
    return [parse_class_path(name) for name in types if isinstance(name, str) and not name.startswith(own)]


def _find_pipeline_code(observed: Observed) -> list[str]:
    """The file of a custom pipeline class, those of custom components, and those of modular blocks."""
    index = observed.get_manifest(MODEL_INDEX)
    class_name = index.get("_class_name")
    if class_name is None and isinstance(observed.extract.get("diffusers"), dict):
        class_name = observed.extract["diffusers"].get("_class_name")
    pipeline = [f"{class_name[0]}.py"] if isinstance(class_name, list) and class_name else []
    components = (f"{name}/{library}.py" for name, (library, _) in parse_components(index).items())
    manifests = (observed.get_manifest(name) for name in (MODULAR_CONFIG, MODULAR_MODEL_INDEX, MODEL_INDEX))
    auto_maps = [config.get("auto_map") for config in (*manifests, observed.config)]
    mapped = [path for auto_map in auto_maps if isinstance(auto_map, dict) for path in _list_class_paths(auto_map)]
    return [*pipeline, *(path for path in components if path in observed.names), *mapped]


def _find_base_code(observed: Observed) -> list[str]:
    """The file of an adapter's base class, where that class was code of a repo when the adapter was saved."""
    mapping = observed.get_manifest(ADAPTER_CONFIG).get("auto_mapping")
    module = mapping.get("parent_library") if isinstance(mapping, dict) else None
    if not isinstance(module, str) or not module.startswith(_REMOTE_MODULES):
        return []
    base = observed.get_manifest(ADAPTER_CONFIG).get("base_model_name_or_path")
    file = f"{module.rpartition('.')[2]}.py"
    return [f"{file} of {base}" if isinstance(base, str) and base else file]


def _list_class_paths(auto_map: Mapping[str, Any]) -> list[str]:
    """The files of all classes in an `auto_map`; a value may be a list: the slow and the fast class of a tokenizer."""
    values = (item for value in auto_map.values() for item in (value if isinstance(value, list) else [value]))
    return [parse_class_path(value) for value in values if isinstance(value, str) and value]
