"""Chooses the files of a repo that a library reads to load a model. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from registry.rules.diffusers import parse_components
from registry.rules.framework import find_framework
from registry.rules.gguf import is_projector
from registry.rules.required_files import MODEL_INDEX
from resolver.loading.weights import (
    ADAPTER_WEIGHTS,
    DIFFUSERS_WEIGHTS,
    TRANSFORMERS_WEIGHTS,
    WeightSet,
    choose_weights,
    find_weight_sets,
)

_TRANSFORMERS_FILES = ("config.json", "config.*.json", "generation_config.json", "quant*.json")
"""`config.4.0.0.json` is a config for one release; GPTQ kept its settings in `quantize_config.json` before the config
had a place for them."""

_SMALL_FILES = (".json", ".txt", ".model", ".jinja", ".vocab", ".tiktoken")
_OTHER_FORMAT_FOLDERS = ("onnx", "openvino", "coreml", "tflite")
_TOKENIZER_FILES = ("tokenizer*", "vocab*", "merges.txt", "special_tokens_map.json", "added_tokens.json", "*.model")
_TIMM_WEIGHTS = (
    "model.safetensors",
    "pytorch_model.bin",
    "pytorch_model.pth",
    "model.pth",
    "open_clip_pytorch_model.bin",
)

ModelFiles = tuple[tuple[str, ...], WeightSet | None]
"""All files to fetch, weights included; and the weights among them, None where PyTorch can read none."""


def choose_transformers_files(filenames: Iterable[str], variant: str | None) -> ModelFiles:
    """The files of a transformers model."""
    root = [name for name in filenames if "/" not in name]
    weights = choose_weights(root, TRANSFORMERS_WEIGHTS, variant)
    return _add_weights(_match_patterns(root, _TRANSFORMERS_FILES), weights), weights


def choose_component_files(filenames: Iterable[str], variant: str | None) -> ModelFiles:
    """The files of one component of a diffusers pipeline, or of a single diffusers model."""
    root = [name for name in filenames if "/" not in name]
    weights = choose_weights(root, DIFFUSERS_WEIGHTS, variant)
    return _add_weights([name for name in root if _is_small(name)], weights), weights


def choose_pipeline_files(filenames: Iterable[str], index: Mapping[str, Any], variant: str | None) -> ModelFiles:
    """The files of a diffusers pipeline: those of each component in `index`.

    A component without weights of `variant` has its weights without a variant, where another component has them.
    """
    filenames = tuple(filenames)
    chosen, weight_sets = [MODEL_INDEX], list[WeightSet]()
    for component in parse_components(index):
        inside = [name.removeprefix(f"{component}/") for name in filenames if name.startswith(f"{component}/")]
        files, weights = choose_component_files(inside, variant)
        if weights is None and variant is not None:
            files, weights = choose_component_files(inside, None)
        chosen += [f"{component}/{name}" for name in files]
        weight_sets += [weights] if weights is not None else []
    if not weight_sets:
        return tuple(chosen), None
    if variant is not None and all(item.variant != variant for item in weight_sets):
        return tuple(chosen), None
    extensions = {item.extension for item in weight_sets}
    extension = "safetensors" if extensions == {"safetensors"} else "bin"
    variants = {item.variant for item in weight_sets} - {None}
    return tuple(chosen), WeightSet(filenames=(), extension=extension, variant=next(iter(variants), None))


def choose_sentence_transformers_files(filenames: Iterable[str]) -> ModelFiles:
    """The files of a sentence-transformers model: of its modules, each in a folder of its own, and its tokenizer."""
    folders: dict[str, list[str]] = {}
    for path in filenames:
        folder, _, name = path.rpartition("/")
        if folder.partition("/")[0] not in _OTHER_FORMAT_FOLDERS:
            folders.setdefault(folder, []).append(name)
    chosen, first_weights = list[str](), None
    for folder, names in folders.items():
        weights = choose_weights(names, TRANSFORMERS_WEIGHTS)
        prefix = f"{folder}/" if folder else ""
        first_weights = first_weights or weights
        small_files = [name for name in names if _is_small(name)]
        chosen += [f"{prefix}{name}" for name in _add_weights(small_files, weights)]
    return tuple(chosen), first_weights


def choose_timm_files(filenames: Iterable[str]) -> ModelFiles:
    """The files of a timm model; weights are tried in timm's own order."""
    root = {name for name in filenames if "/" not in name}
    found = [name for name in _TIMM_WEIGHTS if name in root] or sorted(
        name for name in root if name.endswith((".safetensors", ".bin", ".pth", ".pt"))
    )
    weights = WeightSet(filenames=(found[0],), extension=found[0].rpartition(".")[2]) if found else None
    return _add_weights(["config.json"], weights), weights


def choose_adapter_files(filenames: Iterable[str]) -> ModelFiles:
    """The files of an adapter, with its tokenizer: that may have more tokens than the base model's."""
    root = [name for name in filenames if "/" not in name]
    weights = choose_weights(root, ADAPTER_WEIGHTS)
    return _add_weights(["adapter_config.json", *_match_patterns(root, _TOKENIZER_FILES)], weights), weights


def list_variants(filenames: Iterable[str]) -> list[str]:
    """The variants that weights of any component have, sorted."""
    folders: dict[str, list[str]] = {}
    for path in filenames:
        folder, _, name = path.rpartition("/")
        folders.setdefault(folder, []).append(name)
    sets = (item for names in folders.values() for item in find_weight_sets(names, DIFFUSERS_WEIGHTS))
    return sorted({item.variant for item in sets if item.variant is not None})


def find_gguf_files(filenames: Iterable[str]) -> tuple[str, ...]:
    """The GGUF files that hold a whole model: no vision projectors, parts of split files or importance matrices."""
    return tuple(
        name
        for name in filenames
        if name.endswith(".gguf") and not is_projector(name) and "imatrix" not in name and "-of-" not in name
    )


def find_python_files(filenames: Iterable[str]) -> tuple[str, ...]:
    """The Python files; they are fetched only where the caller trusts the repo."""
    return tuple(name for name in filenames if name.endswith(".py"))


def _match_patterns(filenames: Iterable[str], patterns: Iterable[str]) -> list[str]:
    patterns = tuple(patterns)
    return [name for name in filenames if any(fnmatchcase(name, pattern) for pattern in patterns)]


def _is_small(name: str) -> bool:
    """Whether a file may go with weights, as configs and vocabularies do; false for weights and their indexes."""
    return name.endswith(_SMALL_FILES) and not name.endswith(".index.json") and find_framework(name) is None


def _add_weights(filenames: Iterable[str], weights: WeightSet | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*filenames, *(weights.filenames if weights is not None else ()))))
