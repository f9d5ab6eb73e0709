"""Finds the small files that a decision still needs. Pure."""

from __future__ import annotations

import re

from registry.facts import CONFIG, CommitFacts, HubHints
from registry.registry import Registry
from registry.rules.extract import has_python_files, is_settled_by_extract
from registry.rules.framework import find_framework
from registry.rules.observed import find_module_configs

MODEL_INDEX = "model_index.json"
MODULAR_MODEL_INDEX = "modular_model_index.json"
MODULAR_CONFIG = "modular_config.json"
ADAPTER_CONFIG = "adapter_config.json"
SENTENCE_TRANSFORMERS_CONFIG = "config_sentence_transformers.json"
MODULES = "modules.json"

_KIND_TASKS = ("sentence-similarity", "text-ranking")
"""Tasks that a single kind of sentence-transformers models serves."""

_POOLED_TASK = "feature-extraction"
_POOLING_FOLDER = re.compile(r"\d+_Pooling/config\.json").fullmatch
_MODULE_FOLDER = re.compile(r"\d+_(?!Transformer/|Pooling/|Normalize/)").match
"""The folder of a module that the other kinds of sentence-transformers models may have: sparse encoders add a
`SparseAutoEncoder` to the pooling, cross-encoders a `Dense` (6.2, base/model.py names folders by position and class).
"""

MODEL_FORMATS = ("pt", "tf", "flax", "onnx", "gguf", "openvino")
"""Formats of weights that make a repo more than an adapter."""

_KIND_TAGS = frozenset({"cross-encoder", "sparse-encoder", "multi-vector"})
"""Tags of the kinds of sentence-transformers models (6.2, model_card.py of each kind)."""


def find_required_files(commit: CommitFacts, hints: HubHints, *, lean: Registry | None = None) -> tuple[str, ...]:
    """Paths of the JSON files that `decide` reads and that were not fetched yet, in a fixed order; may be empty.

    With `lean`, the registry that will decide, `config.json` is required only where the Hub's extract does not settle
    the decision.
    """
    return tuple(
        path
        for path in _list_decision_files(frozenset(commit.filenames), commit, hints, lean)
        if path not in commit.files
    )


def _list_decision_files(
    names: frozenset[str], commit: CommitFacts, hints: HubHints, lean: Registry | None
) -> list[str]:
    paths = []
    is_pipeline = MODEL_INDEX in names and _has_extract_key(hints, "diffusers", "_class_name")
    # A server that lists no files may still have a config.json.
    is_settled = lean is not None and (is_pipeline or is_settled_by_extract(names, hints, lean))
    if (CONFIG in names or not names) and not is_settled:
        paths.append(CONFIG)
    # A custom component has a Python file in its folder, and only the index says which files are components.
    if MODEL_INDEX in names and (not is_pipeline or has_python_files(names)):
        paths.append(MODEL_INDEX)
    if MODULAR_MODEL_INDEX in names and MODEL_INDEX not in names:
        paths.append(MODULAR_MODEL_INDEX)
    if MODULAR_CONFIG in names:
        paths.append(MODULAR_CONFIG)
    if is_adapter_alone(names) and not _is_adapter_in_extract(hints):
        paths.append(ADAPTER_CONFIG)
    if SENTENCE_TRANSFORMERS_CONFIG in names and (lean is None or not _is_kind_known(names, hints)):
        paths.append(SENTENCE_TRANSFORMERS_CONFIG)
    if MODULES in names:
        # Its modules tell the kind of model where no other file does, and whether they are code of a repo's own.
        may_have_code = has_python_files(names) or "custom_code" in hints.tags or bool(hints.extract.get("auto_map"))
        if SENTENCE_TRANSFORMERS_CONFIG not in names or may_have_code or lean is None:
            paths.append(MODULES)
        if CONFIG not in names:
            paths.extend(find_module_configs(names)[:1])
    return paths


def _is_kind_known(names: frozenset[str], hints: HubHints) -> bool:
    """Whether the kind of a sentence-transformers repo is known without its files: a tag or the task gives it, or the
    model gives features and pools them, with no module that another kind would have.
    """
    if not _KIND_TAGS.isdisjoint(hints.tags):
        return True
    if hints.library_name != "sentence-transformers":
        return False
    if hints.pipeline_tag == _POOLED_TASK:
        return any(map(_POOLING_FOLDER, names)) and not any(map(_MODULE_FOLDER, names))
    return hints.pipeline_tag in _KIND_TASKS


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
