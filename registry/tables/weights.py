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
    "ctranslate2",
    "ggml",
    "tfjs",
    "ncnn",
    "mnn",
    "tensorrt",
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
    "learned_embeds.bin": "pt",
    "tokenizer.bin": "",
    "vocab.bin": "",
    "voices.bin": "",
}
"""File name -> framework, tried first; an empty string: not weights."""

FRAMEWORK_BY_FOLDER: tuple[tuple[str, str], ...] = (
    (".mlpackage/", "coreml"),
    (".mlmodelc/", "coreml"),
    # Speaker embeddings that lie beside the weights of a speech model.
    ("/voices/", ""),
)
"""(part of a path, with a "/" before it, framework of all files below it); an empty framework: not weights."""

SHARD_INDEX_SUFFIX = ".index.json"
"""Suffix of an index of shards; without it, its name is that of the weights in one file."""

FRAMEWORK_BY_AFFIXES: tuple[tuple[str, str, str], ...] = (
    ("tf_model-", ".h5", "tf"),
    ("flax_model-", ".msgpack", "flax"),
    ("openvino_", ".xml", "openvino"),
    ("openvino_", ".bin", "openvino"),
    ("rng_state", ".pth", ""),
    ("onnx_", ".bin", ""),
    ("voices-", ".bin", ""),
    ("params_shard_", ".bin", "mlc"),
    # whisper.cpp and llama.cpp of before GGUF.
    ("ggml-", ".bin", "ggml"),
    ("ggml_", ".bin", "ggml"),
    # The published models of fastText: language identification, and word vectors such as cc.en.300.bin.
    ("lid.", ".bin", "fasttext"),
    ("cc.", ".bin", "fasttext"),
    ("adapter_model.", ".bin", "pt"),
    ("consolidated.", ".bin", "pt"),
    ("ip-adapter", ".bin", "pt"),
    ("llm.mnn", ".weight", "mnn"),
)
"""(prefix, suffix, framework) of a file name; an empty framework: not weights."""

FRAMEWORK_BY_PATTERN: tuple[tuple[str, str], ...] = (
    # Shards of TensorFlow.js, vocabularies of llama2.c, shards of transformers whatever stands before the number.
    (r"group\d+-shard\d+of\d+\.bin", "tfjs"),
    (r"tok\d+\.bin", ""),
    (r".*-\d{5}-of-\d{5}\.bin", "pt"),
    (r".*pytorch.*\.bin", "pt"),
)
"""(regular expression for a whole file name, framework); an empty framework: not weights."""

COMPANIONS: tuple[tuple[str, str], ...] = (
    # The description of the graph, of the same name as the weights.
    (".xml", "openvino"),
    (".param", "ncnn"),
)
"""(suffix, framework): a `.bin` with a file of the same name but this suffix beside it has weights of the framework."""

CTRANSLATE2_FILES = (
    "vocabulary.json",
    "vocabulary.txt",
    "shared_vocabulary.json",
    "shared_vocabulary.txt",
    "source_vocabulary.json",
    "source_vocabulary.txt",
)
"""Files of which CTranslate2 writes one beside its `model.bin` (CTranslate2 4, `specs/model_spec.py`)."""

UNNAMED = "bin"
"""The format of a `.bin` whose name does not tell who wrote it: PyTorch's where the library is one of PyTorch."""

CONVERTED: dict[str, str] = {
    "gguf": "gguf",
    "ctranslate2": "ctranslate2",
    "mlc": "mlc_llm",
    "coreml": "coreml",
}
"""Format that models are converted to, with the rest of their files kept -> the library that alone reads it."""

KEPT_FRAMEWORKS = frozenset({"spacy", "sklearn", "fasttext", "mlc", "keras", "paddle", "ctranslate2", "coreml"})
"""Frameworks of a library of the same name, whose repos may hold files of other frameworks beside."""

QUANTIZATION_FILES: dict[str, str] = {
    "hf_quant_config.json": "modelopt",
    "quantize_config.json": "gptq",
    "quant_config.json": "awq",
}
"""Files in which a quantiser keeps its settings outside `config.json` -> its name."""

FRAMEWORK_BY_EXTENSION: dict[str, str] = {
    "safetensors": "pt",
    "bin": UNNAMED,
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
    "mlmodelc": "coreml",
    "ftz": "fasttext",
    "ggml": "ggml",
    "ort": "onnx",
    "mnn": "mnn",
    "engine": "tensorrt",
    "task": "tflite",
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
