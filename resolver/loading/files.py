"""Which files of a repo a library reads to load a model. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from registry.rules.framework import framework_of_file
from registry.rules.required_files import MODEL_INDEX
from resolver.loading.weights import (
    ADAPTER_KINDS,
    DIFFUSERS_KINDS,
    TRANSFORMERS_KINDS,
    WeightSet,
    choose_weights,
)

_TRANSFORMERS_FILES = ("config.json", "config.*.json", "generation_config.json", "quant*.json")
"""Config files for releases of their own (`config.4.0.0.json`), and what GPTQ wrote before it wrote into the config."""

_SMALL_FILES = (".json", ".txt", ".model", ".jinja", ".vocab", ".tiktoken")
_OTHER_FOLDERS = ("onnx", "openvino", "coreml", "tflite")
_TOKENIZER_FILES = ("tokenizer*", "vocab*", "merges.txt", "special_tokens_map.json", "added_tokens.json", "*.model")
_TIMM_WEIGHTS = (
    "model.safetensors",
    "pytorch_model.bin",
    "pytorch_model.pth",
    "model.pth",
    "open_clip_pytorch_model.bin",
)

Files = tuple[tuple[str, ...], WeightSet | None]
"""All files to have, weights included; and the weights among them, None where there are none that can be read."""


def transformers_files(names: Iterable[str], variant: str | None) -> Files:
    """Of a model of transformers."""
    root = [name for name in names if "/" not in name]
    weights = choose_weights(root, TRANSFORMERS_KINDS, variant)
    return _with(weights, _matching(root, _TRANSFORMERS_FILES)), weights


def component_files(names: Iterable[str], variant: str | None) -> Files:
    """Of one component of a pipeline, or a single model of diffusers."""
    root = [name for name in names if "/" not in name]
    weights = choose_weights(root, DIFFUSERS_KINDS, variant)
    return _with(weights, [name for name in root if _is_small(name)]), weights


def pipeline_files(names: Iterable[str], index: Mapping[str, Any], variant: str | None) -> Files:
    """Of a pipeline of diffusers: of each component in its index; plain weights where one has no such variant."""
    names = tuple(names)
    wanted, chosen = [MODEL_INDEX], list[WeightSet]()
    for component in components_of(index):
        inside = [name.removeprefix(f"{component}/") for name in names if name.startswith(f"{component}/")]
        files, weights = component_files(inside, variant)
        if weights is None and variant is not None:
            files, weights = component_files(inside, None)
        wanted += [f"{component}/{name}" for name in files]
        chosen += [weights] if weights is not None else []
    if not chosen:
        return tuple(wanted), None
    endings = {item.ending for item in chosen}
    ending = "safetensors" if endings == {"safetensors"} else "bin"
    variants = {item.variant for item in chosen} - {None}
    return tuple(wanted), WeightSet(filenames=(), ending=ending, variant=next(iter(variants), None))


def components_of(index: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """The components of a pipeline that are there: name -> (library, class)."""
    return {
        name: (str(value[0]), str(value[1]))
        for name, value in index.items()
        if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], str)
        if not name.startswith("_")
    }


def sentence_files(names: Iterable[str]) -> Files:
    """Of a model of sentence-transformers: what its modules, each in a folder, and its tokenizer consist of."""
    folders: dict[str, list[str]] = {}
    for name in names:
        folder, _, file = name.rpartition("/")
        if folder.partition("/")[0] not in _OTHER_FOLDERS:
            folders.setdefault(folder, []).append(file)
    wanted, trunk = list[str](), None
    for folder, files in folders.items():
        weights = choose_weights(files, TRANSFORMERS_KINDS)
        prefix = f"{folder}/" if folder else ""
        trunk = trunk or weights
        wanted += [f"{prefix}{file}" for file in _with(weights, [file for file in files if _is_small(file)])]
    return tuple(wanted), trunk


def timm_files(names: Iterable[str]) -> Files:
    """Of a model of timm, in the order in which timm itself looks for weights."""
    root = {name for name in names if "/" not in name}
    found = [name for name in _TIMM_WEIGHTS if name in root] or sorted(
        name for name in root if name.endswith((".safetensors", ".bin", ".pth", ".pt"))
    )
    weights = WeightSet(filenames=(found[0],), ending=found[0].rpartition(".")[2]) if found else None
    return _with(weights, ["config.json"]), weights


def adapter_files(names: Iterable[str]) -> Files:
    """Of an adapter; its tokenizer, which may have more tokens than that of the base model, included."""
    root = [name for name in names if "/" not in name]
    weights = choose_weights(root, ADAPTER_KINDS)
    return _with(weights, ["adapter_config.json", *_matching(root, _TOKENIZER_FILES)]), weights


def gguf_files(names: Iterable[str]) -> tuple[str, ...]:
    """The GGUF files that hold a model by themselves: no projector, no part of one, no matrix of importances."""
    return tuple(
        name
        for name in names
        if name.endswith(".gguf")
        and not name.rpartition("/")[2].startswith("mmproj")
        and "imatrix" not in name
        and "-of-" not in name
    )


def code_files(names: Iterable[str]) -> tuple[str, ...]:
    """Python files, which only a caller who trusts the repo has any use for."""
    return tuple(name for name in names if name.endswith(".py"))


def _matching(names: Iterable[str], patterns: Iterable[str]) -> list[str]:
    patterns = tuple(patterns)
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]


def _is_small(name: str) -> bool:
    """Whether a file may be one of those that go with weights: configs, vocabularies; no weights, no list of them."""
    return name.endswith(_SMALL_FILES) and not name.endswith(".index.json") and framework_of_file(name) is None


def _with(weights: WeightSet | None, others: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*others, *(weights.filenames if weights is not None else ()))))
