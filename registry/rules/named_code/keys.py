"""Finds code and other repos by the keys that the libraries give a meaning, at any depth of a JSON file. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from registry.registry import Registry
from registry.rules.named_code.findings import NamedCode, is_plain_path, parse_class_path
from registry.tables.named_code import ADAPTER_PARENTS, ATTENTION, MEGATRON_CORE, UNIMPORTED_PARENTS

KnowsClass = Callable[[str], bool]
"""Whether the installed transformers has a tokenizer or processor class of this name."""

_CLASS_KEYS = (
    "tokenizer_class",
    "processor_class",
    "image_processor_type",
    "image_processor_class",
    "feature_extractor_type",
    "feature_extractor_class",
    "video_processor_type",
)
"""Keys that name the class of a tokenizer or processor in its own config."""


def find_keyed_code(
    path: str, content: Any, registry: Registry, knows_class: KnowsClass, *, is_decided: bool = False
) -> NamedCode:
    """What the objects in a file name. `is_decided`: the root's own `auto_map` was judged by the decision."""
    code, elsewhere = [], []
    for item in _list_objects(content):
        is_root = item is content
        if not (is_root and is_decided) and not _is_native(item, registry, knows_class):
            code += [*_list_classes(item.get("auto_map"), path)]
        if item.get("trust_remote_code") and not is_root:
            code.append(f"trust_remote_code ({path})")
        if item.get("weights_only", True) is not True:
            code.append(f"pickles as whole objects, by weights_only ({path})")
        code += [f"{name} ({path}: {key})" for key, name in _list_kernels(item)]
        code += [f"{name} ({path})" for name in _list_adapter_modules(item)]
        elsewhere += [f"{name} ({path}: {key})" for key, name in _list_places(item)]
    return NamedCode(code=tuple(code), elsewhere=tuple(elsewhere))


def _list_objects(content: Any) -> Iterator[dict[str, Any]]:
    pending = [content]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            yield item
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)


def _is_native(item: dict[str, Any], registry: Registry, knows_class: KnowsClass) -> bool:
    """Whether transformers has a class of its own for what the object configures, and takes that without trust."""
    if not item.get("auto_map"):
        return True
    named = [item[key] for key in _CLASS_KEYS if isinstance(item.get(key), str)]
    if any(knows_class(name) or knows_class(f"{name}Fast") for name in named):
        return True
    model_type = item.get("model_type")
    if not isinstance(model_type, str):
        return False
    architectures = item.get("architectures")
    names = [name for name in architectures if isinstance(name, str)] if isinstance(architectures, list) else []
    is_known_type = registry.model_type_aliases.get(model_type, model_type) in registry.model_types
    return is_known_type and (not names or any(name in registry.served_tasks for name in names))


def _list_classes(auto_map: Any, path: str) -> list[str]:
    """The files of the classes in an `auto_map`; a value may be a class, or the slow and the fast one."""
    values = list(auto_map.values()) if isinstance(auto_map, dict) else [auto_map]
    names = [name for value in values for name in (value if isinstance(value, list) else [value])]
    return [parse_class_path(name) for name in names if isinstance(name, str)] or [f"auto_map ({path})"]


def _list_kernels(item: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in item.items():
        if "attn_implementation" in key or "experts_implementation" in key:
            for name in value.values() if isinstance(value, dict) else [value]:
                if isinstance(name, str) and ATTENTION.fullmatch(name) is None:
                    yield key, name


def _list_adapter_modules(item: dict[str, Any]) -> Iterator[str]:
    mapping = item.get("auto_mapping")
    if isinstance(mapping, dict):
        parent, name = mapping.get("parent_library"), mapping.get("base_model_class")
        root = parent.partition(".")[0] if isinstance(parent, str) else parent
        is_class = name is None or (isinstance(name, str) and name.isidentifier())
        if root not in (None, *UNIMPORTED_PARENTS) and (root not in ADAPTER_PARENTS or not is_class):
            yield f"{parent}.{name}"
    megatron = item.get("megatron_core")
    if megatron not in (None, "", MEGATRON_CORE):
        yield str(megatron)


def _list_places(item: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Names of other repos, and of files that are not beside the one that names them."""
    audio_tokenizer = item.get("audio_tokenizer_name_or_path")
    if isinstance(audio_tokenizer, str):
        yield "audio_tokenizer_name_or_path", audio_tokenizer
    weight_map = item.get("weight_map")
    lists = {
        "weight_map": weight_map.values() if isinstance(weight_map, dict) else (),
        "configuration_files": item.get("configuration_files") or (),
        "fast_tokenizer_files": item.get("fast_tokenizer_files") or (),
    }
    for key, names in lists.items():
        for name in dict.fromkeys(name for name in names if isinstance(name, str)):
            if "/" in name or not is_plain_path(name):
                yield key, name
