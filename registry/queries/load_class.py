"""Which class or function loads a repo that was decided about, and which releases of its library have it. Pure.

`Decision.model_class` names the class as a reader wants it; here it becomes something that can be imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.class_ref import ClassRef, parse_class_ref
from registry.decision import Decision
from registry.errors import ContradictionError
from registry.queries.find_class import find_class
from registry.registry import Registry
from registry.rules.model_class import releases_of

DEFAULT_GGUF_TASK = "text-generation"
_SEEING_TASKS = ("image-text-to-text", "image-to-text", "any-to-any", "visual-question-answering", "audio-text-to-text")


def loading_class(decision: Decision, registry: Registry, config: Mapping[str, Any]) -> ClassRef | None:
    """The class or function to load the repo with; None where none is known.

    `config` is the repo's `config.json`: its `auto_map` tells which auto class leads to code of the repo's own.
    """
    name = decision.model_class
    match decision.library:
        case "transformers" | "transformers_js":
            if decision.requires_remote_code:
                name = _auto_class_to(name, config)
            if name is None:
                return None
            own = registry.class_refs.get(name)
            return parse_class_ref(own) if own is not None else ClassRef("transformers", name)
        case "gguf":
            return _of_gguf(decision, registry)
        case "diffusers" | "sentence_transformers" | "peft":
            return ClassRef(decision.library, name) if name is not None else None
        case None:
            return None
        case library:
            row = registry.libraries.get(library)
            if row is None or row.module is None or row.model_class is None:
                return None
            return ClassRef(row.module, row.model_class)


def own_class(decision: Decision, registry: Registry) -> ClassRef | None:
    """The architecture's own class in transformers, for where the auto class does not know its configuration; None
    where transformers has no such class.

    Of one model type transformers 5.23 maps the configuration by another name than the model (Evolla).
    """
    name = decision.architecture
    if decision.library != "transformers" or decision.requires_remote_code or name is None:
        return None
    return ClassRef("transformers", name) if name in registry.rows else None


def _auto_class_to(remote_class: str | None, config: Mapping[str, Any]) -> str | None:
    """An auto class of transformers that the config maps to this class; any of several leads to it."""
    auto_map = config.get("auto_map")
    if not isinstance(auto_map, dict):
        return None
    return next((name for name, value in auto_map.items() if remote_class in _names(value)), None)


def _names(value: object) -> tuple[object, ...]:
    """What `auto_map` maps to: a name, or the slow and the fast one of a tokenizer."""
    return tuple(value) if isinstance(value, list) else (value,)


def _of_gguf(decision: Decision, registry: Registry) -> ClassRef | None:
    """What transformers loads a GGUF file with: the file names no class of its own."""
    # A projector beside it makes the repo see; transformers reads the language model alone.
    task = None if decision.task in _SEEING_TASKS else decision.task
    try:
        return find_class(task or DEFAULT_GGUF_TASK, registry)
    except ContradictionError:
        return None


def base_class_of_adapter(decision: Decision, adapter_config: Mapping[str, Any], registry: Registry) -> ClassRef | None:
    """The class that an adapter's base model is to be loaded with; None: whichever the base itself is for.

    By the adapter's task type, else by the class that its `auto_mapping` names, where that is one of a library that
    adapters are made for (as peft's own list has it).
    """
    name = decision.model_class or ""
    if name.startswith("AutoPeftModelFor"):
        auto_class = name.replace("AutoPeftModel", "AutoModel")
        # peft calls feature extraction a task of its own; transformers loads it with the trunk.
        return ClassRef("transformers", "AutoModel" if auto_class.endswith("FeatureExtraction") else auto_class)
    mapping = adapter_config.get("auto_mapping")
    if isinstance(mapping, dict) and isinstance(mapping.get("base_model_class"), str):
        parent = str(mapping.get("parent_library", ""))
        if parent.partition(".")[0] in ("transformers", "diffusers"):
            return ClassRef(parent, mapping["base_model_class"])
    return None


def releases_needed(decision: Decision, registry: Registry) -> tuple[str | None, str | None]:
    """The first and the last release of transformers that has the architecture; None where there is no such bound."""
    if decision.library != "transformers" or decision.architecture is None or decision.requires_remote_code:
        return None, None
    return releases_of(decision.architecture, registry)
