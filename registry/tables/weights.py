"""Lists weight formats by file name. Pure data.

Sources: file names of transformers 5.23 (`utils/__init__.py`), diffusers 0.42 (`utils/constants.py`), peft, timm,
optimum, and hub-docs on the model formats of the Hub.
"""

from __future__ import annotations

FRAMEWORKS: tuple[str, ...] = (
    "pt",
    "tf",
    "flax",
    "onnx",
    "openvino",
    "gguf",
    "mlx",
    "keras",
    "coreml",
    "tflite",
    "executorch",
    "paddle",
    "rust",
    "spacy",
    "sklearn",
    "fasttext",
    "mlc",
    "rkllm",
)
"""Frameworks, the preferred first where a repo has several."""

FRAMEWORK_BY_NAME: dict[str, str] = {
    "tf_model.h5": "tf",
    "saved_model.pb": "tf",
    "flax_model.msgpack": "flax",
    "diffusion_flax_model.msgpack": "flax",
    "rust_model.ot": "rust",
    "openvino_model.xml": "openvino",
    "openvino_model.bin": "openvino",
    "model.weights.h5": "keras",
    "training_args.bin": "",
    "scheduler.bin": "",
    "optimizer.bin": "",
    "optimizer.pt": "",
    "scheduler.pt": "",
    "scaler.pt": "",
    "rng_state.pth": "",
}
"""File name -> framework, tried first; an empty string: not weights."""

SHARD_INDEX_SUFFIX = ".index.json"
"""Suffix of an index of shards; without it, its name is that of the weights in one file."""

FRAMEWORK_BY_AFFIXES: tuple[tuple[str, str, str], ...] = (
    ("tf_model-", ".h5", "tf"),
    ("flax_model-", ".msgpack", "flax"),
    ("openvino_", ".xml", "openvino"),
    ("openvino_", ".bin", "openvino"),
    ("rng_state", ".pth", ""),
    ("onnx_", ".bin", ""),
)
"""(prefix, suffix, framework) of a file name; an empty framework: not weights."""

FRAMEWORK_BY_EXTENSION: dict[str, str] = {
    "safetensors": "pt",
    "bin": "pt",
    "pt": "pt",
    "pth": "pt",
    "ckpt": "pt",
    "nemo": "pt",
    "h5": "tf",
    "msgpack": "flax",
    "onnx": "onnx",
    "gguf": "gguf",
    "keras": "keras",
    "mlmodel": "coreml",
    "mlpackage": "coreml",
    "tflite": "tflite",
    "litertlm": "tflite",
    "pte": "executorch",
    "pdparams": "paddle",
    "pdiparams": "paddle",
    "whl": "spacy",
    "joblib": "sklearn",
    "skops": "sklearn",
    "rkllm": "rkllm",
}

RUNTIME_LIBRARIES: dict[str, str] = {
    "onnx": "onnx",
    "openvino": "openvino",
    "coreml": "coreml",
    "tflite": "litert",
    "executorch": "executorch",
    "rkllm": "rkllm",
}
"""Weight format -> the runtime that loads it, without the library that the model was trained with."""

FORMAT_TAGS: dict[str, str] = {
    "pytorch": "pt",
    "safetensors": "pt",
    "tf": "tf",
    "jax": "flax",
    "onnx": "onnx",
    "openvino": "openvino",
    "gguf": "gguf",
    "coreml": "coreml",
    "tflite": "tflite",
    "rust": "rust",
    "mlx": "mlx",
}
"""The Hub's tag of a file format -> framework, for repos whose file names are not known."""
