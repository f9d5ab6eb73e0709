"""Decides the library of a repo by rules on its files, in order; the first that matches counts. Pure."""

from __future__ import annotations

from registry.decision import Evidence
from registry.facts import CONFIG
from registry.library_names import derive_library_name
from registry.registry import Registry
from registry.rules.framework import find_framework, find_weight_formats
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
from registry.tables.library_signs import TOOLS
from registry.tables.weights import CONVERTED, FORMAT_TAGS, RUNTIME_LIBRARIES, UNNAMED

_MANIFEST_LIBRARIES = ("setfit", "gliner", "bagel_mot", "sentence_transformers")
_WRAPPER_LIBRARY = "sentence_transformers"
"""The library that wraps any transformers model, and so is recognised by `library_name` alone."""
_SPEECHBRAIN_FILES = ("hyperparams.yaml", ".ckpt")
"""SpeechBrain's file and the suffix of its weights; beside them there may be the `config.json` of an encoder."""
_PEFT_KEYS = frozenset({"peft_type", "base_model_name_or_path"})
"""Keys of an adapter's config that PEFT writes, and the Adapters library does not."""
_ADAPTERS_WEIGHTS = "pytorch_adapter.bin"
_ADAPTERS_FILES = frozenset({_ADAPTERS_WEIGHTS, "pytorch_model_head.bin"})
"""Weights that the Adapters library writes; a `config.json` beside them alone is that of the base."""
_CONVERTED_WITH_CONFIG = frozenset({"onnx", "openvino"})
"""Formats that optimum converts a transformers model to: it stays a transformers repo, unless it is named otherwise."""
_FORMAT_TAGS = frozenset(FORMAT_TAGS)


def decide_library(observed: Observed, registry: Registry) -> tuple[str | None, Evidence]:
    """The library, and the rule that matched; None where no rule matches."""
    for rule in _RULES:
        found = rule(observed, registry)
        if found is not None:
            library, saw = found
            return library, Evidence(rule=f"library{rule.__name__.replace('_', ' ')}", saw=saw, said=library)
    return None, Evidence(rule="library", saw=_explain_no_library(observed), said="no library")


def _explain_no_library(observed: Observed) -> str:
    return "no file or tag that a library is known by" if observed.has_all_names else "no files"


def _by_pipeline(observed: Observed, registry: Registry) -> tuple[str, str] | None:
    """The manifests of a whole pipeline."""
    found = next((name for name in (MODEL_INDEX, MODULAR_MODEL_INDEX, MODULAR_CONFIG) if name in observed.names), None)
    return ("diffusers", found) if found is not None else None


def _by_conversion(observed: Observed, registry: Registry) -> tuple[str, str] | None:
    """Weights that a program converted; it keeps the other files of the model, manifests included."""
    if is_mlx(observed):
        return "mlx", "config.json of an MLX repo"
    if not observed.has_all_names:
        # Tags say which formats there are, but not that there is nothing else.
        return None
    formats = [name for name in observed.weights if name != UNNAMED]
    library = CONVERTED.get(formats[0]) if len(formats) == 1 else None
    if library is None:
        return None
    return _find_running_library(observed, registry) or (library, observed.weights[formats[0]])


def _find_running_library(observed: Observed, registry: Registry) -> tuple[str, str] | None:
    """The library of the Hub's list that the author names for converted weights, where it has no format of its own."""
    named = observed.named
    library = registry.library_names.get(named.name.lower()) if named is not None else None
    if named is None or library is None or not registry.libraries[library].is_name_only or library in TOOLS:
        return None
    return library, named.source


def _by_manifest(observed: Observed, registry: Registry) -> tuple[str, str] | None:
    """Files that a single library writes; they count more than `config.json`, which many libraries write."""
    for library in _MANIFEST_LIBRARIES:
        row = registry.libraries[library]
        for name in row.files:
            if name in observed.names:
                return _find_writing_library(observed, registry) or library, name
        if row.together and observed.names.issuperset(row.together):
            return library, " and ".join(row.together)
    if isinstance(observed.config.get("sentence_transformers"), dict):
        return "sentence_transformers", "config.json: sentence_transformers"
    named = observed.named
    if named is not None and observed.has_config and registry.library_names.get(named.name.lower()) == _WRAPPER_LIBRARY:
        return _WRAPPER_LIBRARY, named.source
    speechbrain, checkpoint = _SPEECHBRAIN_FILES
    if speechbrain in observed.names and any(name.endswith(checkpoint) for name in observed.names):
        return "speechbrain", f"{speechbrain} and *{checkpoint}"
    return None


def _find_writing_library(observed: Observed, registry: Registry) -> str | None:
    """The other library that wrote sentence-transformers' files, by `library_name` or model type; None if none did."""
    if observed.hints.library_name in ("span-marker", "setfit", "PyLate", "pylate", "model2vec"):
        return registry.library_names.get(observed.hints.library_name.lower())
    return find_library_of_model_type(observed, registry)


def _by_adapter(observed: Observed, registry: Registry) -> tuple[str, str] | None:
    """An adapter without a full model; beside one, it is only noted."""
    if ADAPTER_CONFIG not in observed.names:
        return None
    weights = {name.rpartition("/")[2] for name in observed.names if find_framework(name) is not None}
    if _ADAPTERS_WEIGHTS in weights and weights <= _ADAPTERS_FILES:
        return "adapter_transformers", f"{ADAPTER_CONFIG}, {_ADAPTERS_WEIGHTS}"
    if not is_adapter_alone(observed.names):
        return None
    adapter = observed.get_manifest(ADAPTER_CONFIG)
    if "mlx" in observed.hints.tags or observed.hints.library_name == "mlx" or "adapters.safetensors" in observed.names:
        return "mlx", ADAPTER_CONFIG
    if adapter and not (_PEFT_KEYS & adapter.keys()) and observed.hints.library_name != "peft":
        return "adapter_transformers", f"{ADAPTER_CONFIG} without peft_type"
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
    if _is_gguf(observed):
        return "gguf", observed.weights["gguf"]
    runtime = _find_runtime(observed, registry)
    if runtime is not None:
        return runtime
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
    if not config and observed.hints.library_name is None and _by_tag(observed, registry) is None:
        # config.json is unreadable or empty: most files of this name are written by transformers.
        return "transformers", CONFIG
    return None


def _find_runtime(observed: Observed, registry: Registry) -> tuple[str, str] | None:
    """The runtime of a model that was converted and keeps its `config.json`: by its name, or by formats of its own."""
    formats = [name for name in observed.weights if name != UNNAMED]
    if not formats or not RUNTIME_LIBRARIES.keys() >= set(formats):
        return None
    named = registry.library_names.get(observed.named.name.lower()) if observed.named is not None else None
    if observed.named is not None and named is not None and registry.libraries[named].framework in formats:
        return named, f"{observed.named.source}, and only {', '.join(formats)} weights"
    if _CONVERTED_WITH_CONFIG.isdisjoint(formats):
        return RUNTIME_LIBRARIES[formats[0]], observed.weights[formats[0]]
    return None


def _is_gguf(observed: Observed) -> bool:
    """Whether the weights are GGUF: all of them, or those that are not in a folder."""
    if "gguf" not in observed.weights:
        return False
    if observed.weights.keys() - {UNNAMED} <= {"gguf"}:
        return True
    at_top = tuple(name for name in observed.facts.commit.filenames if "/" not in name)
    return find_weight_formats(at_top).keys() - {UNNAMED} == {"gguf"}


def _by_weights(observed: Observed, registry: Registry) -> tuple[str, str] | None:
    """Weight files that belong to a single library."""
    # Tags say which formats there are, but not that there is nothing else: the name of a library counts more.
    if _is_gguf(observed) and (observed.has_all_names or observed.named is None):
        return "gguf", observed.weights["gguf"]
    if "open_clip_config.json" in observed.names:
        return "open_clip", "open_clip_config.json"
    part = find_pipeline_part(observed)
    if part is not None and part.is_of_diffusers and observed.has_all_names:
        return "diffusers", part.saw
    adapter = next((name for name in sorted(observed.names) if "/" not in name and is_adapter_weights(name)), None)
    if adapter is not None and not observed.has_config:
        return "peft", adapter
    return None


def _by_name(observed: Observed, registry: Registry) -> tuple[str, str] | None:
    """`library_name` of the Hub, or the tag that stands for it."""
    named = observed.named
    if named is None:
        return None
    # A library that no table has gets the name that the author wrote.
    return registry.library_names.get(named.name.lower()) or derive_library_name(named.name), named.source


def _by_tag(observed: Observed, registry: Registry) -> tuple[str, str] | None:
    """The Hub's tags."""
    for tag in observed.hints.tags:
        # The Hub also tags file formats, some by the name of a library: such a tag does not name the library.
        library = registry.library_names.get(tag.lower()) if tag not in _FORMAT_TAGS else None
        if library is None or registry.libraries[library].is_name_only:
            continue
        if library != "transformers" or observed.has_config:
            return library, f"tag {tag}"
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


def _by_format(observed: Observed, registry: Registry) -> tuple[str, str] | None:
    """The only format of the weights, where a runtime loads it without another library."""
    formats = [name for name in observed.weights if name != UNNAMED]
    if formats and RUNTIME_LIBRARIES.keys() >= set(formats):
        return RUNTIME_LIBRARIES[formats[0]], observed.weights[formats[0]]
    first = observed.hints.tags[0] if observed.hints.tags and not observed.has_all_names else None
    if first in _FORMAT_TAGS and first != "safetensors":
        # With a library, its tag would be the first.
        return first, f"first tag {first}"
    return None


def _by_engine(observed: Observed, registry: Registry) -> tuple[str, str] | None:
    """The program that `library_name` says to run the model with, where nothing tells the library."""
    name = observed.facts.hints.library_name
    return (derive_library_name(name), f"library_name {name}") if name is not None else None


# The name of a rule's function is stored in the evidence: renaming one changes decisions.
_RULES = (
    _by_pipeline,
    _by_conversion,
    _by_manifest,
    _by_adapter,
    _by_config,
    _by_weights,
    _by_name,
    _by_tag,
    _by_key_file,
    _by_format,
    _by_engine,
)
