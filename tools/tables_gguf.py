"""Reads the GGUF table from its sources: architecture name -> transformers model type and task.

Read from gguf 0.19, `constants.py` (`MODEL_ARCH_NAMES`, `MODEL_TENSORS`) and transformers 5.24, `integrations/ggml.py`
(`GGUF_CONFIG_MAPPING`) and `modeling_gguf_pytorch_utils.py` (how names are matched). Names that only image and video
tools write are from of ComfyUI-GGUF, `loader.py` (`IMG_ARCH_LIST`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from registry.releases.sources import Source
from registry.releases.transformers import read_config_tables

_MODEL_TYPES = {
    "command-r": "cohere",
    "gemma-embedding": "gemma3_text",
    "gemma3": "gemma3_text",
    "gemma4": "gemma4_text",
    "glm-dsa": "glm_moe_dsa",
    "granitehybrid": "granitemoehybrid",
    "hunyuan-dense": "hunyuan_v1_dense",
    "hunyuan-moe": "hunyuan_v1_moe",
    "jina-bert-v3": "jina_embeddings_v3",
    "llama-embed": "llama",
    "nemotron_h_moe": "nemotron_h",
    "paddleocr": "paddleocr_vl",
    "phi2": "phi",
    "starcoder": "gpt_bigcode",
    "step35": "step3p5",
    "t5encoder": "t5",
}
"""Architecture name -> a model type of another name. A name of several model types, as `deepseek2`, has none."""

_NO_MODEL_TYPE = {"clip"}
"""Names that are a model type of another kind in transformers: in GGUF, `clip` is any multimodal projector."""

_FEATURES, _TEXT, _TEXT_TO_TEXT = "feature-extraction", "text-generation", "text2text-generation"
_IMAGE_TEXT, _TEXT_TO_IMAGE, _TEXT_TO_VIDEO = "image-text-to-text", "text-to-image", "text-to-video"
_TASKS = {
    **dict.fromkeys(("bert", "modern-bert", "nomic-bert", "nomic-bert-moe", "neo-bert", "eurobert"), _FEATURES),
    **dict.fromkeys(("jina-bert-v2", "jina-bert-v3", "gemma-embedding", "llama-embed", "t5encoder"), _FEATURES),
    **dict.fromkeys(("t5", "umt5"), _TEXT_TO_TEXT),
    **dict.fromkeys(("clip", "qwen2vl", "qwen3vl", "qwen3vlmoe", "cogvlm", "hunyuan_vl"), _IMAGE_TEXT),
    **dict.fromkeys(("paddleocr", "deepseek2-ocr"), _IMAGE_TEXT),
    **dict.fromkeys(("gemma", "gemma2", "command-r", "cohere2", "seed_oss", "openelm", "bitnet"), _TEXT),
    **dict.fromkeys(("falcon-h1", "lfm2moe"), _TEXT),
    "wavtokenizer-dec": "text-to-audio",
}
"""Reviewed tasks. Any other architecture generates text if it has an output layer; else its task is unknown."""

_IMAGE_TOOLS = {
    **dict.fromkeys(("aura", "flux", "hidream", "lumina2", "qwen_image", "sd1", "sd3", "sdxl"), _TEXT_TO_IMAGE),
    **dict.fromkeys(("cosmos", "hyvid", "ltxv", "wan"), _TEXT_TO_VIDEO),
}


def gguf_table(transformers: Source, gguf: Source) -> dict[str, object]:
    """The table for `gguf.json`.

    `loads` is true if transformers reads such a file; `model_type` is that of the config it is converted to, or of the
    same model, or None.
    """
    configs = read_config_tables(transformers)[0]
    constants = ast.parse(gguf.read("constants.py"))
    names = {key: str(ast.literal_eval(value)) for key, value in _read_table(constants, "MODEL_ARCH_NAMES").items()}
    tensors = _read_table(constants, "MODEL_TENSORS")
    with_output = {names[key] for key, value in tensors.items() if "MODEL_TENSOR.OUTPUT" in _find_attributes(value)}
    readable = _read_readable_names(transformers)
    loaded = {_strip_separators(name) for name in readable} | {"t5encoder"}
    rows: dict[str, dict[str, object]] = {}
    for name in sorted({*names.values(), *readable, *_IMAGE_TOOLS}):
        generates = name in with_output or (name in readable and name not in names.values())
        task = _TASKS.get(name) or _IMAGE_TOOLS.get(name) or (_TEXT if generates else None)
        rows[name] = {
            "model_type": _find_model_type(name, configs),
            "task": task,
            "loads": _strip_separators(name) in loaded,
        }
    return {"version": gguf.version, "transformers_version": transformers.version, "architectures": rows}


def _find_model_type(name: str, configs: Mapping[str, str]) -> str | None:
    if name in _NO_MODEL_TYPE or name in _IMAGE_TOOLS:
        return None
    if name in _MODEL_TYPES:
        if _MODEL_TYPES[name] not in configs:
            raise ValueError(f"transformers has no model type {_MODEL_TYPES[name]}, which {name} is mapped to")
        return _MODEL_TYPES[name]
    return next((key for key in configs if key == name), None) or next(
        (key for key in configs if _strip_separators(key) == _strip_separators(name)), None
    )


def _read_readable_names(transformers: Source) -> set[str]:
    """The architecture names whose GGUF config transformers reads, in its own spelling."""
    for node in ast.parse(transformers.read("integrations/ggml.py")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="GGUF_CONFIG_MAPPING")], value=ast.Dict() as table):
                keys = {str(ast.literal_eval(key)) for key in table.keys if key is not None}
                return keys - {"general", "tokenizer"}
    raise ValueError("integrations/ggml.py: GGUF_CONFIG_MAPPING was not found")


def _read_table(module: ast.Module, name: str) -> dict[str, ast.expr]:
    """A table with enum members as keys: member name -> value, not evaluated."""
    for node in module.body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=found), value=ast.Dict() as table) if found == name:
                keys = [key.attr for key in table.keys if isinstance(key, ast.Attribute)]
                if len(keys) == len(table.values):
                    return dict(zip(keys, table.values, strict=True))
    raise ValueError(f"gguf constants.py: {name} was not found, or is not keyed by enum members")


def _find_attributes(node: ast.expr) -> set[str]:
    return {ast.unparse(child) for child in ast.walk(node) if isinstance(child, ast.Attribute)}


def _strip_separators(name: str) -> str:
    return re.sub(r"[-_.]", "", name)
