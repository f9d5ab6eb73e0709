"""Finds the class that loads a repo, and the releases of its library that have it, from its decision. Pure.

`Decision.model_class` is a name for readers; the result here is a reference that can be imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.class_ref import ClassRef, parse_class_ref
from registry.decision import Decision
from registry.errors import ContradictionError
from registry.queries.find_class import find_class
from registry.registry import Registry
from registry.rules.model_class import find_releases, is_derived
from registry.rules.nemo import find_nemo_class

DEFAULT_GGUF_TASK = "text-generation"
_MULTIMODAL_TASKS = (
    "image-text-to-text",
    "image-to-text",
    "any-to-any",
    "visual-question-answering",
    "audio-text-to-text",
)


def find_load_class(decision: Decision, registry: Registry, config: Mapping[str, Any]) -> ClassRef | None:
    """The class or function that loads the repo; None where none is known.

    `config` is the repo's `config.json`: its `auto_map` gives the auto class for the repo's own code.
    """
    name = decision.model_class
    match decision.library:
        case "transformers" | "transformers_js":
            if decision.requires_remote_code:
                name = _find_auto_class(name, config)
            elif is_derived(decision, registry):
                return None
            if name is None:
                return None
            own = registry.class_refs.get(name)
            return parse_class_ref(own) if own is not None else ClassRef("transformers", name)
        case "gguf":
            return _find_gguf_class(decision, registry)
        case "diffusers" | "sentence_transformers" | "peft":
            return ClassRef(decision.library, name) if name is not None else None
        case "nemo":
            return find_nemo_class(name)
        case None:
            return None
        case library:
            row = registry.libraries.get(library)
            if row is None or row.module is None or row.model_class is None:
                return None
            return ClassRef(row.module, row.model_class)


def find_own_class(decision: Decision, registry: Registry) -> ClassRef | None:
    """The architecture's own class in transformers; None where transformers has no such class.

    It is used where the auto class does not accept the configuration: transformers 5.23 maps the configuration of one
    model type (Evolla) under another name than the model.
    """
    name = decision.architecture
    if decision.library != "transformers" or decision.requires_remote_code or name is None:
        return None
    return ClassRef("transformers", name) if name in registry.served_tasks else None


def _find_auto_class(remote_class: str | None, config: Mapping[str, Any]) -> str | None:
    """The first auto class of transformers that `auto_map` maps to `remote_class`; None where none does."""
    auto_map = config.get("auto_map")
    if not isinstance(auto_map, dict):
        return None
    return next((name for name, value in auto_map.items() if remote_class in _list_names(value)), None)


def _list_names(value: object) -> tuple[object, ...]:
    """The class names in a value of `auto_map`: one, or the slow and the fast class of a tokenizer."""
    return tuple(value) if isinstance(value, list) else (value,)


def _find_gguf_class(decision: Decision, registry: Registry) -> ClassRef | None:
    """The class of transformers that loads a GGUF file for its task; the file itself names no class."""
    # transformers loads the language model alone, without the projector that makes the repo multimodal.
    task = None if decision.task in _MULTIMODAL_TASKS else decision.task
    try:
        return find_class(task or DEFAULT_GGUF_TASK, registry)
    except ContradictionError:
        return None


def find_adapter_base_class(
    decision: Decision, adapter_config: Mapping[str, Any], registry: Registry
) -> ClassRef | None:
    """The class that loads an adapter's base model; None: the class that the base model's own decision gives.

    It follows from the adapter's task type, else from the class in its `auto_mapping`, where that class is in a library
    that peft supports.
    """
    name = decision.model_class or ""
    if name.startswith("AutoPeftModelFor"):
        auto_class = name.replace("AutoPeftModel", "AutoModel")
        # For feature extraction peft has a class of its own; transformers loads the trunk.
        return ClassRef("transformers", "AutoModel" if auto_class.endswith("FeatureExtraction") else auto_class)
    mapping = adapter_config.get("auto_mapping")
    if isinstance(mapping, dict) and isinstance(mapping.get("base_model_class"), str):
        parent = str(mapping.get("parent_library", ""))
        if parent.partition(".")[0] in ("transformers", "diffusers"):
            return ClassRef(parent, mapping["base_model_class"])
    return None


def find_required_releases(decision: Decision, registry: Registry) -> tuple[str | None, str | None]:
    """The first and the last release of transformers that has the architecture; None where there is no such bound."""
    if decision.library != "transformers" or decision.architecture is None or decision.requires_remote_code:
        return None, None
    return find_releases(decision.architecture, registry)
