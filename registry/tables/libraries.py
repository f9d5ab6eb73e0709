"""Lists libraries and the files that they are recognised by, in the order in which they are tried. Pure data.

The other libraries of the Hub's own list have only a name: they stand in `hub_libraries.json`.

Sources: huggingface.js `tasks/src/model-libraries.ts` (August 2026) for names, snippets and download rules; each
library's own saving code for the key files.
"""

from __future__ import annotations

from registry.table_rows import Library

LIBRARIES: dict[str, Library] = {
    "transformers": Library(names=("transformers",)),
    "diffusers": Library(
        names=("diffusers",), files=("model_index.json", "modular_model_index.json", "modular_config.json")
    ),
    "diffusion_single_file": Library(names=("diffusion-single-file",), framework="pt"),
    # Before sentence_transformers, because these repos also have its files.
    "setfit": Library(
        names=("setfit",),
        files=("config_setfit.json",),
        together=("modules.json", "model_head.pkl"),
        tasks=("text-classification",),
        framework="pt",
        module="setfit",
        model_class="SetFitModel",
    ),
    "span_marker": Library(
        names=("span-marker",),
        model_types=("span-marker",),
        tasks=("token-classification",),
        framework="pt",
        module="span_marker",
        model_class="SpanMarkerModel",
    ),
    "gliner": Library(
        names=("gliner",),
        files=("gliner_config.json",),
        tasks=("token-classification",),
        framework="pt",
        module="gliner",
        model_class="GLiNER",
    ),
    "pylate": Library(names=("PyLate", "pylate"), framework="pt", module="pylate.models", model_class="ColBERT"),
    "model2vec": Library(
        names=("model2vec",),
        model_types=("model2vec",),
        tasks=("feature-extraction", "sentence-similarity"),
        module="model2vec",
        model_class="StaticModel",
    ),
    "sentence_transformers": Library(
        names=("sentence-transformers", "sentence_transformers"),
        files=(
            "modules.json",
            "config_sentence_transformers.json",
            "sentence_bert_config.json",
            "sentence_roberta_config.json",
            "sentence_distilbert_config.json",
            "sentence_camembert_config.json",
            "sentence_albert_config.json",
            "sentence_xlm-roberta_config.json",
            "sentence_xlnet_config.json",
            "1_Pooling/config.json",
        ),
        framework="pt",
    ),
    "peft": Library(names=("peft",), framework="pt"),
    "adapter_transformers": Library(
        names=("adapter-transformers", "adapters"), framework="pt", module="adapters", model_class="AutoAdapterModel"
    ),
    "timm": Library(
        names=("timm",),
        framework="pt",
        tasks=(
            "image-classification",
            "image-feature-extraction",
            "zero-shot-image-classification",
            "image-segmentation",
            "object-detection",
        ),
        module="timm",
        model_class="create_model",
    ),
    "open_clip": Library(
        names=("open_clip", "open-clip"),
        files=("open_clip_config.json",),
        suffixes=("open_clip_pytorch_model.bin", "open_clip_model.safetensors", "open_clip_pytorch_model.safetensors"),
        framework="pt",
        tasks=("zero-shot-image-classification", "image-feature-extraction", "feature-extraction"),
        module="open_clip",
        model_class="create_model_from_pretrained",
    ),
    "gguf": Library(names=("gguf", "ggml"), framework="gguf"),
    "llama_cpp": Library(names=("llama.cpp", "llama-cpp"), framework="gguf"),
    "mlx": Library(
        names=("mlx", "mlx-lm", "mlx-vlm", "mlx-audio"),
        framework="mlx",
        module="mlx_lm",
        model_class="load",
    ),
    "keras_hub": Library(
        names=("keras-hub", "keras-nlp"), files=("task.json",), framework="keras", model_class="from_preset"
    ),
    "keras": Library(
        names=("keras",),
        together=("config.json", "metadata.json", "model.weights.h5"),
        suffixes=(".keras", "keras_metadata.pb"),
        framework="keras",
        module="keras.saving",
        model_class="load_model",
    ),
    "tf_keras": Library(names=("tf-keras",), framework="keras"),
    "nemo": Library(
        names=("nemo",),
        suffixes=(".nemo",),
        framework="pt",
        module="nemo.collections.asr.models",
        model_class="ASRModel",
    ),
    "spacy": Library(
        names=("spacy",),
        together=("meta.json", "config.cfg"),
        suffixes=(".whl",),
        framework="spacy",
        tasks=("token-classification", "text-classification", "feature-extraction"),
        module="spacy",
        model_class="load",
    ),
    "stanza": Library(
        names=("stanza",),
        files=("models/default.zip",),
        framework="pt",
        tasks=("token-classification",),
        module="stanza",
        model_class="Pipeline",
    ),
    "speechbrain": Library(
        names=("speechbrain",), files=("hyperparams.yaml",), framework="pt", model_class="from_hparams"
    ),
    "espnet": Library(names=("espnet",), files=("meta.yaml",), framework="pt", model_class="from_pretrained"),
    "sklearn": Library(
        names=("sklearn", "scikit-learn"),
        files=("sklearn_model.joblib",),
        suffixes=(".joblib", ".skops"),
        framework="sklearn",
        tasks=("tabular-classification", "tabular-regression", "text-classification"),
        module="skops.io",
        model_class="load",
    ),
    "fastai": Library(
        names=("fastai",),
        files=("model.pkl",),
        together=("model.pkl", "pyproject.toml"),
        framework="pt",
        ambiguous=True,
        module="huggingface_hub",
        model_class="from_pretrained_fastai",
    ),
    "pyannote_audio": Library(
        names=("pyannote-audio", "pyannote.audio"), framework="pt", model_class="from_pretrained"
    ),
    "mistral_common": Library(
        names=("mistral-common",), files=("params.json", "tekken.json"), framework="pt", ambiguous=True
    ),
    "mlc_llm": Library(names=("mlc-llm",), files=("mlc-chat-config.json",), framework="mlc"),
    "flair": Library(
        names=("flair",), framework="pt", tasks=("token-classification", "text-classification"), model_class="load"
    ),
    "tensorflowtts": Library(names=("tensorflowtts",), framework="tf", tasks=("text-to-audio",)),
    "asteroid": Library(names=("asteroid",), framework="pt", tasks=("audio-to-audio",), model_class="from_pretrained"),
    # Names that the Hub's list had until 2023: a repo with its own pipeline.py, and the models of the SUPERB benchmark.
    "generic": Library(names=("generic",)),
    "superb": Library(names=("superb",), framework="pt"),
    "allennlp": Library(names=("allennlp",), framework="pt"),
    "fairseq": Library(names=("fairseq",), framework="pt"),
    "fasttext": Library(
        names=("fasttext",),
        framework="fasttext",
        tasks=("feature-extraction", "text-classification"),
        module="fasttext",
        model_class="load_model",
    ),
    "stable_baselines3": Library(
        names=("stable-baselines3",), framework="pt", tasks=("reinforcement-learning",), model_class="load"
    ),
    "ml_agents": Library(names=("ml-agents",), framework="onnx", tasks=("reinforcement-learning",)),
    "sample_factory": Library(names=("sample-factory",), framework="pt", tasks=("reinforcement-learning",)),
    "bertopic": Library(names=("bertopic",), framework="pt", module="bertopic", model_class="BERTopic"),
    "paddlenlp": Library(
        names=("paddlenlp",), suffixes=("model_state.pdparams",), framework="paddle", model_class="from_pretrained"
    ),
    "paddleocr": Library(names=("PaddleOCR", "paddleocr"), files=("inference.pdiparams",), framework="paddle"),
    "transformers_js": Library(names=("transformers.js",), framework="onnx"),
    "doctr": Library(names=("doctr",), framework="pt"),
    "litert": Library(names=("litert", "tflite"), suffixes=(".tflite", ".litertlm"), framework="tflite"),
    "coreml": Library(
        names=("coreml",),
        suffixes=(".mlmodel", ".mlpackage/Manifest.json", ".mlmodelc/coremldata.bin"),
        framework="coreml",
    ),
    "executorch": Library(names=("executorch",), suffixes=(".pte",), framework="executorch"),
    "rkllm": Library(names=("rkllm",), suffixes=(".rkllm",), framework="rkllm"),
    "multimolecule": Library(names=("multimolecule",), framework="pt"),
    "ultralytics": Library(
        names=("ultralytics", "yolov5", "yolov8", "yolov11"),
        framework="pt",
        module="ultralytics",
        model_class="YOLO",
    ),
    "yolov10": Library(names=("yolov10",), framework="pt"),
    "unity_sentis": Library(names=("unity-sentis",), suffixes=(".sentis",), framework="onnx"),
    "k2": Library(names=("k2",), framework="pt", tasks=("automatic-speech-recognition",)),
    "bagel_mot": Library(
        names=("bagel-mot",),
        together=("llm_config.json", "vit_config.json"),
        framework="pt",
        tasks=("any-to-any",),
    ),
    "chronos_forecasting": Library(
        names=("chronos-forecasting",),
        framework="pt",
        tasks=("time-series-forecasting",),
        module="chronos",
        model_class="BaseChronosPipeline",
    ),
    "ctranslate2": Library(
        names=("ctranslate2",),
        framework="ctranslate2",
        tasks=("translation", "text-generation", "automatic-speech-recognition", "feature-extraction"),
    ),
    "gliner2": Library(names=("gliner2",), framework="pt", module="gliner2", model_class="GLiNER2"),
    "granite_tsfm": Library(names=("granite-tsfm",), framework="pt", tasks=("time-series-forecasting",)),
    "kokoro": Library(
        names=("kokoro",), framework="pt", tasks=("text-to-audio",), module="kokoro", model_class="KPipeline"
    ),
    "lerobot": Library(names=("lerobot",), files=("policy_preprocessor.json",), framework="pt", tasks=("robotics",)),
    "mamba_ssm": Library(
        names=("mamba-ssm",),
        framework="pt",
        tasks=("text-generation",),
        module="mamba_ssm",
        model_class="MambaLMHeadModel",
    ),
    # Its audio codec has one checkpoint, of this name.
    "moshi": Library(names=("moshi",), suffixes=("tokenizer-e351c8d8-checkpoint125.safetensors",), framework="pt"),
    "univa": Library(names=("univa",), framework="pt"),
    "onnx": Library(names=("onnx",), framework="onnx"),
    "openvino": Library(names=("openvino",), files=("openvino_model.xml",), framework="openvino"),
}
"""Canonical name (as in `Decision.library`) -> library."""
