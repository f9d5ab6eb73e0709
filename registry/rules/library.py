"""Decides the library of a repo by rules on its files, in order; the first that matches counts. Pure."""

from __future__ import annotations

from registry.decision import Evidence
from registry.facts import CONFIG
from registry.registry import Registry
from registry.rules.library_signs import (
    find_library_of_model_type,
    find_other_library,
    is_mlx,
    knows_model,
)
from registry.rules.observed import Observed
from registry.rules.pipeline_parts import find_pipeline_part
from registry.rules.required_files import (
    ADAPTER_CONFIG,
    MODEL_INDEX,
    MODULAR_CONFIG,
    MODULAR_MODEL_INDEX,
    is_adapter_alone,
    is_adapter_weights,
)
from registry.tables.weights import CONVERTED, FORMAT_TAGS, UNNAMED

_MANIFEST_LIBRARIES = ("setfit", "gliner", "bagel_mot", "sentence_transformers")
_WRAPPER_LIBRARY = "sentence_transformers"
"""The library that wraps any transformers model, and so is recognised by `library_name` alone."""
_FORMAT_TAGS = frozenset(FORMAT_TAGS)


def decide_library(observed: Observed, registry: Registry) -> tuple[str | None, Evidence]:
    """The library, and the rule that matched; None where no rule matches."""
    # The name of a rule's function is stored in the evidence: renaming one changes decisions.
    for rule in (_by_manifest, _by_adapter, _by_config, _by_weights, _by_name, _by_tag, _by_key_file):
        found = rule(observed, registry)
        if found is not None:
            library, saw = found
            return library, Evidence(rule=f"library{rule.__name__.replace('_', ' ')}", saw=saw, said=library)
    return None, Evidence(rule="library", saw=_explain_no_library(observed), said="no library")


def _explain_no_library(observed: Observed) -> str:
    return "no file or tag that a library is known by" if observed.names else "no files"


def _by_manifest(observed: Observed, registry: Registry) -> tuple[str, str] | None:
    """Files that a single library writes; they count more than `config.json`, which many libraries write."""
    for name in (MODEL_INDEX, MODULAR_MODEL_INDEX, MODULAR_CONFIG):
        if name in observed.names:
            return "diffusers", name
    # MLX and llama.cpp keep the other files of the model that they convert.
    if is_mlx(observed):
        return "mlx", "config.json of an MLX repo"
    only = observed.weights.keys() - {UNNAMED}
    for framework, library in CONVERTED.items():
        if only == {framework}:
            return library, observed.weights[framework]
    for library in _MANIFEST_LIBRARIES:
        row = registry.libraries[library]
        for name in row.files:
            if name in observed.names:
                return _find_writing_library(observed, registry) or library, name
        if row.together and observed.names.issuperset(row.together):
            return library, " and ".join(row.together)
    if isinstance(observed.config.get("sentence_transformers"), dict):
        return "sentence_transformers", "config.json: sentence_transformers"
    if (
        observed.has_config
        and registry.library_names.get((observed.hints.library_name or "").lower()) == _WRAPPER_LIBRARY
    ):
        return _WRAPPER_LIBRARY, f"library_name {observed.hints.library_name}"
    return None


def _find_writing_library(observed: Observed, registry: Registry) -> str | None:
    """The other library that wrote sentence-transformers' files, by `library_name` or model type; None if none did."""
    if observed.hints.library_name in ("span-marker", "setfit", "PyLate", "pylate", "model2vec"):
        return registry.library_names.get(observed.hints.library_name.lower())
    return find_library_of_model_type(observed, registry)


def _by_adapter(observed: Observed, registry: Registry) -> tuple[str, str] | None:
    """An adapter without a full model; beside one, it is only noted."""
    if not is_adapter_alone(observed.names):
        return None
    adapter = observed.get_manifest(ADAPTER_CONFIG)
    if "mlx" in observed.hints.tags or observed.hints.library_name == "mlx" or "adapters.safetensors" in observed.names:
        return "mlx", ADAPTER_CONFIG
    if adapter and "peft_type" not in adapter and observed.hints.library_name in ("adapter-transformers", "adapters"):
        return "adapters", ADAPTER_CONFIG
    return "peft", ADAPTER_CONFIG


def _by_config(observed: Observed, registry: Registry) -> tuple[str, str] | None:
    """The keys of `config.json`. They speak for transformers only where transformers knows the model."""
    config = observed.config
    if not observed.has_config or not (config or observed.names):
        return None
    if observed.model_type is None and not observed.architectures:
        if isinstance(config.get("architecture"), str) and ("pretrained_cfg" in config or "num_classes" in config):
            return "timm", "config.json: architecture, pretrained_cfg"
        if isinstance(config.get("pretrained_cfg"), dict):
            return "timm", "config.json: pretrained_cfg"
        if isinstance(config.get("class_name"), str) and "module" in config:
            hub = "task.json" in observed.names or str(config["module"]).startswith(("keras_hub", "keras_nlp"))
            return ("keras_hub" if hub else "keras"), "config.json: module, class_name"
    open_clip = "open_clip_config.json"
    if open_clip in observed.names and observed.hints.library_name != "transformers":
        return "open_clip", open_clip
    is_known = knows_model(observed, registry)
    other = find_other_library(observed, registry, is_known=is_known)
    if other is not None:
        return other
    if observed.model_type is not None or observed.architectures:
        named = (observed.hints.library_name or "").lower()
        is_theirs = is_known or observed.auto_map or named == "transformers"
        said = [name for name in ("model_type", "architectures") if config.get(name)]
        tagged = _by_tag(observed, registry) if not is_theirs else None
        return tagged or ("transformers", f"config.json: {', '.join(said)}")
    if not config and observed.hints.library_name is None:
        # config.json is unreadable or empty: most files of this name are written by transformers.
        return "transformers", CONFIG
    return None


def _by_weights(observed: Observed, registry: Registry) -> tuple[str, str] | None:
    """Weight files that belong to a single library."""
    if "open_clip_config.json" in observed.names:
        return "open_clip", "open_clip_config.json"
    part = find_pipeline_part(observed)
    if part is not None and part.is_of_diffusers:
        return "diffusers", part.saw
    adapter = next((name for name in sorted(observed.names) if "/" not in name and is_adapter_weights(name)), None)
    if adapter is not None and not observed.has_config:
        return "peft", adapter
    return None


def _by_name(observed: Observed, registry: Registry) -> tuple[str, str] | None:
    """`library_name` of the Hub."""
    name = observed.hints.library_name
    if name is None:
        return None
    known = registry.library_names.get(name.lower())
    # A library without a row in the tables is returned as the author wrote it.
    return known or name.lower().replace("-", "_"), f"library_name {name}"


def _by_tag(observed: Observed, registry: Registry) -> tuple[str, str] | None:
    """The Hub's tags."""
    for tag in observed.hints.tags:
        # The Hub also tags file formats, some by the name of a library: such a tag does not name the library.
        library = registry.library_names.get(tag.lower()) if tag not in _FORMAT_TAGS else None
        if library is not None and (library != "transformers" or observed.has_config):
            return library, f"tag {tag}"
    if "diffusion-single-file" in observed.hints.tags:
        return "diffusers", "tag diffusion-single-file"
    return None


def _by_key_file(observed: Observed, registry: Registry) -> tuple[str, str] | None:
    """Files that a library is recognised by; files that several libraries use are tried last."""
    for ambiguous in (False, True):
        for library, row in registry.libraries.items():
            if row.ambiguous is not ambiguous:
                continue
            for name in row.files:
                if name in observed.names:
                    return library, name
            if row.together and observed.names.issuperset(row.together):
                return library, " and ".join(row.together)
            if row.suffixes:
                for name in observed.facts.commit.filenames:
                    if name.endswith(row.suffixes):
                        return library, name
    return None
