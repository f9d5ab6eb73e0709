"""Tells whether the Hub's extract of `config.json` settles the decision, so that the file need not be fetched. Pure."""

from __future__ import annotations

from registry.facts import HubHints
from registry.registry import Registry
from registry.rules.model_class import find_served_tasks, is_native, list_related_tasks
from registry.rules.observed import parse_architectures
from registry.rules.task import find_granted_task
from registry.tables.library_signs import LIBRARY_BY_KEYS

_MLX_FILES = frozenset({"model.safetensors", "model.safetensors.index.json"})
"""Files that MLX writes beside each other; transformers writes an index of shards only."""

_QUANTIZATION_TAGS = frozenset({"2-bit", "3-bit", "4-bit", "6-bit", "8-bit"})

_TRANSFORMERS = "transformers"
_WITH_KEYS = frozenset(library for _, library in LIBRARY_BY_KEYS)


def is_settled_by_extract(names: frozenset[str], hints: HubHints, registry: Registry) -> bool:
    """Whether the extract has everything that the decision reads from `config.json`.

    The extract has architectures, model type and `auto_map`. The rest of the config matters where transformers lacks
    the class, where another library may have written the file, where a part may have code of its own, and where the
    tag asks for tied embeddings.
    """
    extract = hints.extract
    architectures, model_type = parse_architectures(extract.get("architectures")), extract.get("model_type")
    if not architectures or not isinstance(model_type, str):
        return False
    if has_python_files(names):
        # A part of the model may be the repo's own code.
        return False
    known = [name for name in architectures if find_served_tasks(name, registry)]
    if not known or (extract.get("auto_map") and not is_native(known[0], model_type, registry)):
        return False
    return not _may_be_of_other_library(names, hints, registry) and not any(
        _needs_tied_embeddings(name, model_type, hints, registry) for name in known
    )


def has_python_files(names: frozenset[str]) -> bool:
    """Whether a file is code of Python. Most repos have none, which one search of all names shows."""
    return ".py" in "\n".join(names) and any(name.endswith(".py") for name in names)


def _may_be_of_other_library(names: frozenset[str], hints: HubHints, registry: Registry) -> bool:
    named = registry.library_names.get((hints.library_name or "").lower())
    if named in _WITH_KEYS or (hints.library_name is None and _TRANSFORMERS not in hints.tags):
        return True
    if "sentence-transformers" in hints.tags and named == _TRANSFORMERS:
        return True
    return "mlx" not in hints.tags and (names >= _MLX_FILES or _is_unnamed_quantization(hints))


def _is_unnamed_quantization(hints: HubHints) -> bool:
    """Whether the quantisation, in the extract or in a tag that the Hub makes of it, does not say its method, as MLX's
    does not.
    """
    quantization = hints.extract.get("quantization_config")
    if not isinstance(quantization, dict):
        return not _QUANTIZATION_TAGS.isdisjoint(hints.tags)
    return "bits" in quantization and "quant_method" not in quantization


def _needs_tied_embeddings(architecture: str, model_type: str, hints: HubHints, registry: Registry) -> bool:
    """Whether the tag's task is served only where the embeddings of input and output are the same."""
    task = registry.find_task(hints.pipeline_tag or "")
    if task is None or any(registry.can_serve(row.task, task) for row in find_served_tasks(architecture, registry)):
        return False
    tied, untied = (
        find_granted_task(
            task, list_related_tasks(architecture, model_type, is_tied=is_tied, registry=registry), registry
        )
        for is_tied in (True, False)
    )
    return tied != untied
