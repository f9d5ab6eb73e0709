"""Builds the Hub's extract of a repo's config files, the `config` property of model info. Pure.

Source of the keys: huggingface.js `packages/tasks/src/model-data.ts`; of the empty extract for GGUF repos: recorded
responses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

_CONFIG_KEYS: Final = ("architectures", "model_type", "auto_map")
_QUANTIZATION_KEYS: Final = ("bits", "load_in_4bit", "load_in_8bit", "quant_method")
_ADAPTER_KEYS: Final = ("base_model_name_or_path", "task_type")


def build_extract(files: Mapping[str, bytes]) -> dict[str, Any]:
    """The extract of a commit's files; empty where no config file has a key of it."""
    extract: dict[str, Any] = {}
    config = _read_object(files, "config.json")
    if config.get("model_type") or config.get("architectures"):
        extract.update({key: config[key] for key in _CONFIG_KEYS if config.get(key)})
        quantization = config.get("quantization_config")
        if isinstance(quantization, dict):
            extract["quantization_config"] = {k: quantization[k] for k in _QUANTIZATION_KEYS if k in quantization}
        extract["tokenizer_config"] = {}
    model_index = _read_object(files, "model_index.json")
    if "_class_name" in model_index:
        extract["diffusers"] = {"_class_name": model_index["_class_name"]}
    adapter = _read_object(files, "adapter_config.json")
    if "peft_type" in adapter:
        extract["peft"] = {key: adapter[key] for key in _ADAPTER_KEYS if adapter.get(key)}
    return extract


def _read_object(files: Mapping[str, bytes], path: str) -> Mapping[str, Any]:
    if path not in files:
        return {}
    try:
        content = msgspec.json.decode(files[path])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
