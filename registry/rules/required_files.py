"""Finds the small files that a decision still needs. Pure."""

from __future__ import annotations

from registry.facts import CONFIG, CommitFacts, HubHints
from registry.rules.framework import find_framework

MODEL_INDEX = "model_index.json"
MODULAR_MODEL_INDEX = "modular_model_index.json"
MODULAR_CONFIG = "modular_config.json"
ADAPTER_CONFIG = "adapter_config.json"
SENTENCE_TRANSFORMERS_CONFIG = "config_sentence_transformers.json"
MODULES = "modules.json"

MODEL_FORMATS = ("pt", "tf", "flax", "onnx", "gguf", "openvino")
"""Formats of weights that make a repo more than an adapter."""

_KIND_TAGS = {"cross-encoder", "sparse-encoder", "multi-vector"}
"""Tags of the kinds of sentence-transformers models (6.2, model_card.py of each kind)."""


def find_required_files(commit: CommitFacts, hints: HubHints, *, lean: bool = False) -> tuple[str, ...]:
    """Paths of the JSON files that `decide` reads and that were not fetched yet, in a fixed order; may be empty.

    With `lean`, `config.json` is required only where the Hub's extract does not settle the decision.
    """
    return tuple(
        path
        for path in _list_decision_files(frozenset(commit.filenames), commit, hints, lean)
        if path not in commit.files
    )


def _list_decision_files(names: frozenset[str], commit: CommitFacts, hints: HubHints, lean: bool) -> list[str]:
    paths = []
    # A server that lists no files may still have a config.json.
    if (CONFIG in names or not names) and not (lean and is_settled_by_extract(names, hints)):
        paths.append(CONFIG)
    # A custom component has a Python file in its folder, and only the index says which files are components.
    has_code = any(name.endswith(".py") for name in names)
    if MODEL_INDEX in names and (has_code or not _has_extract_key(hints, "diffusers", "_class_name")):
        paths.append(MODEL_INDEX)
    if MODULAR_MODEL_INDEX in names and MODEL_INDEX not in names:
        paths.append(MODULAR_MODEL_INDEX)
    if MODULAR_CONFIG in names:
        paths.append(MODULAR_CONFIG)
    if is_adapter_alone(names) and not _is_adapter_in_extract(hints):
        paths.append(ADAPTER_CONFIG)
    if SENTENCE_TRANSFORMERS_CONFIG in names and not (lean and _is_kind_tagged(hints)):
        paths.append(SENTENCE_TRANSFORMERS_CONFIG)
    if MODULES in names:
        # Its modules tell the kind of model where no other file does, and whether they are code of a repo's own.
        may_have_code = has_code or "custom_code" in hints.tags or bool(hints.extract.get("auto_map"))
        if SENTENCE_TRANSFORMERS_CONFIG not in names or may_have_code or not lean:
            paths.append(MODULES)
        if CONFIG not in names:
            paths.extend(find_module_configs(names)[:1])
    return paths


def _is_kind_tagged(hints: HubHints) -> bool:
    """Whether the tags of a sentence-transformers repo give its kind.

    The model card of every kind has a tag for it, except that of the default kind: it has the library and a task.
    """
    if _KIND_TAGS & set(hints.tags):
        return True
    return hints.library_name == "sentence-transformers" and hints.pipeline_tag is not None


def find_module_configs(names: frozenset[str]) -> list[str]:
    """Paths of configs of a sentence-transformers repo's first module, in a folder such as "0_Transformer"; sorted."""
    return sorted(
        name for name in names if name.startswith("0_") and name.endswith("/config.json") and name.count("/") == 1
    )


def is_settled_by_extract(names: frozenset[str], hints: HubHints) -> bool:
    """Whether the Hub's extract has everything that the decision reads from `config.json`."""
    if MODEL_INDEX in names and _has_extract_key(hints, "diffusers", "_class_name"):
        return True
    extract = hints.extract
    return bool(extract.get("architectures")) and isinstance(extract.get("model_type"), str)


def is_adapter_alone(names: frozenset[str]) -> bool:
    """Whether the repo is an adapter without a full model: a `config.json` without weights is only its base's."""
    if ADAPTER_CONFIG not in names:
        return False
    if CONFIG not in names:
        return True
    at_top = [name for name in names if "/" not in name]
    return any(map(is_adapter_weights, at_top)) and not any(
        find_framework(name) in MODEL_FORMATS and not is_adapter_weights(name) for name in at_top
    )


def is_adapter_weights(path: str) -> bool:
    """Whether the file holds the weights of an adapter, by its name."""
    return path.rpartition("/")[2].startswith(("adapter_model.", "adapters.", "pytorch_adapter.", "adapter_model-"))


def _is_adapter_in_extract(hints: HubHints) -> bool:
    """Whether the Hub's extract has what the decision reads of an adapter: without a task type, its base's class."""
    return _has_extract_key(hints, "peft", "base_model_name_or_path") and _has_extract_key(hints, "peft", "task_type")


def _has_extract_key(hints: HubHints, library: str, key: str) -> bool:
    inner = hints.extract.get(library)
    return isinstance(inner, dict) and bool(inner.get(key))
