"""Which library a repo is for: ordered rules over its files, the first that holds counts. Pure."""

from __future__ import annotations

from registry.decision import Evidence
from registry.facts import CONFIG
from registry.registry import Registry
from registry.rules.observed import Observed
from registry.rules.required_files import ADAPTER_CONFIG, MODEL_INDEX, MODULAR_MODEL_INDEX
from registry.tables.weights import TAGS

_MANIFEST_LIBRARIES = ("setfit", "gliner", "sentence_transformers")
WRAPPER = "sentence_transformers"
_FORMAT_TAGS = frozenset(TAGS)


def decide_library(seen: Observed, registry: Registry) -> tuple[str | None, Evidence]:
    """The library, and the rule that named it; None where no rule holds."""
    for rule in (_by_manifest, _by_adapter, _by_config, _by_weights, _by_name, _by_tag, _by_key_file):
        found = rule(seen, registry)
        if found is not None:
            library, saw = found
            return library, Evidence(rule=f"library{rule.__name__.replace('_', ' ')}", saw=saw, said=library)
    return None, Evidence(rule="library", saw=_nothing_seen(seen), said="no library")


def _nothing_seen(seen: Observed) -> str:
    return "no file or tag that a library is known by" if seen.names else "no files"


def _by_manifest(seen: Observed, registry: Registry) -> tuple[str, str] | None:
    """Files that one library alone writes count before `config.json`, which many write."""
    for name in (MODEL_INDEX, MODULAR_MODEL_INDEX, "modular_config.json"):
        if name in seen.names:
            return "diffusers", name
    for library in _MANIFEST_LIBRARIES:
        row = registry.libraries[library]
        for name in row.files:
            if name in seen.names:
                return _module_library(seen, registry) or library, name
        if row.together and seen.names.issuperset(row.together):
            return library, " and ".join(row.together)
    if isinstance(seen.config.get("sentence_transformers"), dict):
        return "sentence_transformers", "config.json: sentence_transformers"
    if seen.has_config and registry.library_names.get((seen.hints.library_name or "").lower()) == WRAPPER:
        # It wraps any transformers model, and the author says that it is meant to here.
        return WRAPPER, f"library_name {seen.hints.library_name}"
    return None


def _module_library(seen: Observed, registry: Registry) -> str | None:
    """Another library that writes sentence-transformers' files and names itself."""
    if seen.hints.library_name in ("span-marker", "setfit", "PyLate", "pylate", "model2vec"):
        return registry.library_names.get(seen.hints.library_name.lower())
    return _own_model_type(seen, registry)


def _own_model_type(seen: Observed, registry: Registry) -> str | None:
    """The library that alone uses the config's model type."""
    if seen.model_type is None or seen.model_type in registry.model_types:
        return None
    return next((name for name, row in registry.libraries.items() if seen.model_type in row.model_types), None)


def _by_adapter(seen: Observed, registry: Registry) -> tuple[str, str] | None:
    """An adapter alone; beside a full model it is only noted."""
    if ADAPTER_CONFIG in seen.names and not seen.has_config:
        adapter = seen.manifest(ADAPTER_CONFIG)
        if "mlx" in seen.hints.tags or seen.hints.library_name == "mlx" or "adapters.safetensors" in seen.names:
            return "mlx", ADAPTER_CONFIG
        if adapter and "peft_type" not in adapter and seen.hints.library_name in ("adapter-transformers", "adapters"):
            return "adapters", ADAPTER_CONFIG
        return "peft", ADAPTER_CONFIG
    return None


def _by_config(seen: Observed, registry: Registry) -> tuple[str, str] | None:
    """What `config.json` itself shows."""
    config = seen.config
    if not seen.has_config or not (config or seen.names):
        return None
    if _is_mlx(seen):
        return "mlx", "config.json of an MLX repo"
    if seen.model_type is None and not seen.architectures:
        if isinstance(config.get("architecture"), str) and ("pretrained_cfg" in config or "num_classes" in config):
            return "timm", "config.json: architecture, pretrained_cfg"
        if isinstance(config.get("pretrained_cfg"), dict):
            return "timm", "config.json: pretrained_cfg"
        if isinstance(config.get("_class_name"), str) or "_diffusers_version" in config:
            return "diffusers", "config.json: _class_name"
        if isinstance(config.get("class_name"), str) and "module" in config:
            hub = "task.json" in seen.names or str(config["module"]).startswith(("keras_hub", "keras_nlp"))
            return ("keras_hub" if hub else "keras"), "config.json: module, class_name"
    open_clip = "open_clip_config.json"
    if open_clip in seen.names and seen.hints.library_name != "transformers":
        return "open_clip", open_clip
    only = set(seen.weights)
    if only == {"gguf"}:
        return "gguf", seen.weights["gguf"]
    own = _own_model_type(seen, registry)
    if own is not None:
        return own, f"config.json: model_type {seen.model_type}"
    if seen.model_type is not None or seen.architectures:
        said = [name for name in ("model_type", "architectures") if config.get(name)]
        return "transformers", f"config.json: {', '.join(said)}"
    if not config and seen.hints.library_name is None:
        # There, but not to be read: what wrote it is most likely what most files of this name come from.
        return "transformers", CONFIG
    return None


def _is_mlx(seen: Observed) -> bool:
    if seen.hints.library_name is not None and seen.hints.library_name.lower().startswith("mlx"):
        return True
    quantization = seen.config.get("quantization")
    is_quantized = isinstance(quantization, dict) and {"group_size", "bits"} <= quantization.keys()
    return seen.hints.library_name is None and ("mlx" in seen.hints.tags or is_quantized)


def _by_weights(seen: Observed, registry: Registry) -> tuple[str, str] | None:
    """Weights of a kind that is a library's own, where nothing but them is there."""
    if set(seen.weights) == {"gguf"}:
        return "gguf", seen.weights["gguf"]
    if "open_clip_config.json" in seen.names:
        return "open_clip", "open_clip_config.json"
    for name in ("pytorch_lora_weights.safetensors", "pytorch_lora_weights.bin"):
        if name in seen.names:
            return "diffusers", name
    return None


def _by_name(seen: Observed, registry: Registry) -> tuple[str, str] | None:
    name = seen.hints.library_name
    if name is None:
        return None
    known = registry.library_names.get(name.lower())
    # A library we have no row for is still an answer: the author says what the repo is for.
    return known or name.lower().replace("-", "_"), f"library_name {name}"


def _by_tag(seen: Observed, registry: Registry) -> tuple[str, str] | None:
    for tag in seen.hints.tags:
        # The Hub tags file formats too, some of them by a library's name; those say nothing of the library.
        library = registry.library_names.get(tag.lower()) if tag not in _FORMAT_TAGS else None
        if library is not None and (library != "transformers" or seen.has_config):
            return library, f"tag {tag}"
    if "diffusion-single-file" in seen.hints.tags:
        return "diffusers", "tag diffusion-single-file"
    return None


def _by_key_file(seen: Observed, registry: Registry) -> tuple[str, str] | None:
    """Files that a library is known by, the unambiguous ones first."""
    for ambiguous in (False, True):
        for library, row in registry.libraries.items():
            if row.ambiguous is not ambiguous:
                continue
            for name in row.files:
                if name in seen.names:
                    return library, name
            if row.together and seen.names.issuperset(row.together):
                return library, " and ".join(row.together)
            if row.suffixes:
                for name in seen.facts.commit.filenames:
                    if name.endswith(row.suffixes):
                        return library, name
    return None
