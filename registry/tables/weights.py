"""Weight formats by file name. Data only.

Sources: file names of transformers 5.23 (`utils/__init__.py`), diffusers 0.42 (`utils/constants.py`), peft, timm,
optimum, and hub-docs on the model formats that the Hub knows.
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
"""In the order of preference where a repo holds several."""

BY_NAME: dict[str, str] = {
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
"""Exact file names, looked at first; an empty string: not weights."""

INDEX = ".index.json"
"""Ends the name of a list of shards, which is called as the weights in one file would be."""

BY_PREFIX: tuple[tuple[str, str, str], ...] = (
    ("tf_model-", ".h5", "tf"),
    ("flax_model-", ".msgpack", "flax"),
    ("openvino_", ".xml", "openvino"),
    ("openvino_", ".bin", "openvino"),
    ("rng_state", ".pth", ""),
    ("onnx_", ".bin", ""),
)
"""(beginning, ending, framework) of a file name."""

BY_SUFFIX: dict[str, str] = {
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

TAGS: dict[str, str] = {
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
"""The Hub's file format tags, for repos whose file names are not known."""
