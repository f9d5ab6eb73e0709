"""Lists repos that only look like those of another library, with the expected parts of their answers. Data only.

`test_lookalikes` asks for each by id, with `lean`, in a listing, as a folder and from the Hugging Face cache. The repos
are invented, after kinds that users have reported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Lookalike:
    """One repo, as a row of the local Hub's catalog, and what is expected.

    `expected` are fields of the answer; each of `notes` must be in one of its notes, and none of `not_notes`.
    """

    id: str
    row: Mapping[str, Any]
    expected: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    not_notes: tuple[str, ...] = ()


def _repo(
    name: str,
    *weights: str,
    expected: Mapping[str, Any],
    config: Mapping[str, Any] | None = None,
    adapter: Mapping[str, Any] | None = None,
    files: Mapping[str, Any] | None = None,
    tag: str | None = None,
    library: str | None = None,
    tags: Sequence[str] = (),
    notes: tuple[str, ...] = (),
    not_notes: tuple[str, ...] = (),
) -> Lookalike:
    row: dict[str, Any] = {
        "id": f"kinds/{name}",
        "sha": hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest(),
        "siblings": [".gitattributes", "README.md", *weights],
        "files": {**(files or {}), **({"adapter_config.json": adapter} if adapter is not None else {})},
        "tags": list(tags),
        "pipeline_tag": tag,
        "library_name": library,
    }
    if config is not None:
        row["config"] = config
    return Lookalike(id=name, row=row, expected=expected, notes=notes, not_notes=not_notes)


def _config(architecture: str | None = None, model_type: str | None = None, **more: Any) -> dict[str, Any]:
    config: dict[str, Any] = dict(more)
    if architecture is not None:
        config["architectures"] = [architecture]
    if model_type is not None:
        config["model_type"] = model_type
    return config


ST = "model.safetensors"
MODULES = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
CUSTOM_MODULES = [{"idx": 0, "name": "0", "path": "", "type": "custom_st.Transformer"}]
MLX = {"quantization": {"group_size": 64, "bits": 4}}
REMOTE_BERT = {"AutoConfig": "acme/impl--configuration.Config", "AutoModel": "acme/impl--modeling.Bert"}

REMOTE_CODE = (
    _repo("st-trunk-of-another-repo", ST, files={"modules.json": MODULES}, library="sentence-transformers",
          config=_config("AcmeBertModel", "bert", auto_map=REMOTE_BERT), tag="feature-extraction",
          expected={"library": "sentence_transformers", "requires_remote_code": True}),
    _repo("st-own-module", ST, "custom_st.py", files={"modules.json": CUSTOM_MODULES}, tag="sentence-similarity",
          config=_config("BertModel", "bert"), library="sentence-transformers",
          expected={"library": "sentence_transformers", "requires_remote_code": True}),
    _repo("st-plain", ST, files={"modules.json": MODULES}, config=_config("BertModel", "bert"),
          library="sentence-transformers", tag="sentence-similarity",
          expected={"model_class": "SentenceTransformer", "requires_remote_code": False}),
    _repo("modular-blocks", "modular_blocks.py", library="diffusers",
          files={"modular_config.json": {"_class_name": "AcmeBlocks",
                                         "auto_map": {"ModularPipelineBlocks": "modular_blocks.AcmeBlocks"}}},
          expected={"library": "diffusers", "requires_remote_code": True, "model_class": "ModularPipelineBlocks"},
          notes=("modular",)),
    _repo("custom-component", "unet/acme_unet.py", "unet/diffusion_pytorch_model.safetensors", library="diffusers",
          files={"model_index.json": {"_class_name": "StableDiffusionPipeline", "unet": ["acme_unet", "AcmeUNet"]}},
          expected={"library": "diffusers", "requires_remote_code": True, "task": "text-to-image"}),
    _repo("code-of-a-part", ST, "modeling_acme.py", library="transformers",
          config=_config("LlavaForConditionalGeneration", "llava",
                         text_config={"model_type": "acme", "auto_map": {"AutoConfig": "modeling_acme.Config"}}),
          expected={"model_class": "AutoModelForImageTextToText", "requires_remote_code": True}),
    _repo("own-config-class", ST, config=_config(None, "acme", auto_map={"AutoConfig": "configuration.AcmeConfig"}),
          library="transformers", expected={"library": "transformers", "requires_remote_code": True}),
    _repo("remote-segmentation", ST, "briarmbg.py", library="transformers", tag="image-segmentation",
          config=_config("Acme", "SegformerForSemanticSegmentation",
                         auto_map={"AutoModelForImageSegmentation": "acme.Acme"}),
          expected={"library": "transformers", "model_class": "acme.Acme", "requires_remote_code": True}),
    _repo("adapter-of-remote-code", "adapter_model.safetensors", library="peft",
          adapter={"peft_type": "LORA", "base_model_name_or_path": "acme/base", "task_type": None,
                   "auto_mapping": {"base_model_class": "Acme", "parent_library": "transformers_modules.a.b.m"}},
          expected={"library": "peft", "model_class": "AutoPeftModel", "requires_remote_code": True}),
)  # fmt: skip

CT2 = {"bos_token": "<s>", "eos_token": "</s>", "layer_norm_epsilon": None, "multi_query_attention": True,
       "unk_token": "<unk>"}  # fmt: skip

WEIGHTS = (
    _repo("ctranslate2", "model.bin", "vocabulary.json", config=CT2, library="transformers", tag="text-generation",
          expected={"library": "ctranslate2", "framework": "ctranslate2", "task": "text-generation"}),
    _repo("ctranslate2-whisper", "model.bin", "vocabulary.json", library="ctranslate2",
          config={"alignment_heads": [], "lang_ids": [], "suppress_ids": []}, tag="automatic-speech-recognition",
          expected={"library": "ctranslate2", "framework": "ctranslate2", "task": "automatic-speech-recognition"}),
    _repo("ctranslate2-bare", "model.bin", "shared_vocabulary.txt",
          expected={"library": "ctranslate2", "framework": "ctranslate2"}),
    _repo("mlc", "params_shard_0.bin", "ndarray-cache.json", files={"mlc-chat-config.json": {}}, library="mlc-llm",
          expected={"library": "mlc_llm", "framework": "mlc", "weights": ("mlc",)}),
    _repo("coreml-compiled", "Encoder.mlmodelc/coremldata.bin", "Encoder.mlmodelc/weights/weight.bin",
          expected={"library": "coreml", "framework": "coreml"}),
    _repo("coreml-package", "M.mlpackage/Manifest.json", "M.mlpackage/Data/com.apple.CoreML/weights/weight.bin",
          expected={"library": "coreml", "framework": "coreml"}),
    _repo("fasttext", "model.bin", library="fasttext", tag="text-classification",
          expected={"library": "fasttext", "framework": "fasttext"}),
    _repo("fasttext-vectors", "cc.en.300.bin", tag="feature-extraction", expected={"framework": "fasttext"}),
    _repo("whisper-cpp", "ggml-base.bin", "ggml-tiny.bin", tag="automatic-speech-recognition",
          expected={"framework": "ggml", "task": "automatic-speech-recognition"}),
    _repo("tfjs", "model.json", "group1-shard1of2.bin", "group1-shard2of2.bin", tag="image-classification",
          expected={"framework": "tfjs"}),
    _repo("voices", "onnx/model.onnx", "voices/af.bin", library="transformers.js", tag="text-to-speech",
          config=_config(None, "style_text_to_speech_2"),
          expected={"framework": "onnx", "weights": ("onnx",), "task": "text-to-audio"}),
    _repo("llama2-c", "stories15M.bin", "tokenizer.bin", tag="text-generation", expected={"framework": None}),
    _repo("openvino-zoo", "face.xml", "face.bin", tag="object-detection", expected={"framework": "openvino"}),
    _repo("odd-name", "weights.bin", config=_config("BertModel", "bert"), library="transformers",
          expected={"framework": "pt", "library": "transformers"}),
    _repo("keras-h5", "model.h5", library="keras", tag="image-classification",
          expected={"library": "keras", "framework": "keras"}),
)  # fmt: skip

NOT_TRANSFORMERS = (
    _repo("mlx-of-transformers", ST, config=_config("LlamaForCausalLM", "llama", **MLX), tags=("transformers", "mlx"),
          library="transformers", tag="text-generation",
          expected={"library": "mlx", "framework": "mlx", "task": "text-generation"}),
    _repo("mlx-untold", ST, "model.safetensors.index.json", config=_config("Qwen3VLForConditionalGeneration",
                                                                         "qwen3_vl", **MLX),
          library="transformers", expected={"library": "mlx", "framework": "mlx", "task": "image-text-to-text"}),
    _repo("mlx-whisper", ST, config=_config(None, "whisper", **MLX), library="mlx",
          expected={"library": "mlx", "task": "automatic-speech-recognition"}),
    _repo("gguf-embedder", "model-q8_0.gguf", config=_config("BertModel", "bert"), files={"modules.json": MODULES},
          library="sentence-transformers", tag="sentence-similarity",
          expected={"library": "gguf", "framework": "gguf", "task": "sentence-similarity"}),
    _repo("gguf-projector", "m.Q4_K_M.gguf", "m.mmproj-f16.gguf", library="transformers", tags=("gguf",),
          expected={"library": "gguf", "task": "image-text-to-text"}),
    _repo("gliner", "pytorch_model.bin", config=_config(None, "gliner", span_mode="markerV0", max_width=12),
          expected={"library": "gliner", "task": "token-classification", "model_class": "GLiNER"}),
    _repo("chronos", ST, config=_config("ChronosBoltModelForForecasting", "t5", chronos_config={}),
          library="chronos-forecasting", tag="time-series-forecasting",
          expected={"library": "chronos_forecasting", "task": "time-series-forecasting"}),
    _repo("chronos-untold", ST, config=_config("T5ForConditionalGeneration", "t5", chronos_config={}),
          expected={"library": "chronos_forecasting", "task": "time-series-forecasting"}),
    _repo("tiny-time-mixer", ST, config=_config("TinyTimeMixerForPrediction", "tinytimemixer"),
          expected={"library": "granite_tsfm", "task": "time-series-forecasting"}),
    _repo("moshi", ST, config=_config(None, "moshi", mimi_name="mimi.safetensors", moshi_name="model.safetensors"),
          tag="audio-to-audio", expected={"library": "moshi", "task": "audio-to-audio"}),
    _repo("lerobot", ST, config={"type": "act", "input_features": {}, "output_features": {}},
          expected={"library": "lerobot", "task": "robotics"}),
    _repo("bagel", "ema.safetensors", config=_config("BagelForConditionalGeneration", "bagel"),
          expected={"library": "bagel_mot", "task": "any-to-any"}),
    _repo("bagel-over-qwen", "ema.safetensors", files={"llm_config.json": {}, "vit_config.json": {}}, tag="any-to-any",
          config=_config("Qwen2ForCausalLM", "qwen2"), expected={"library": "bagel_mot", "task": "any-to-any"}),
    _repo("multimolecule", ST, config=_config("RnaFmForMaskedLM", "rnafm"), tags=("multimolecule",), tag="fill-mask",
          expected={"library": "multimolecule", "task": "fill-mask"}),
    _repo("original-diffusers", "diffusion_pytorch_model.safetensors", tag="text-to-video",
          config=_config(None, "t2v", _class_name="AcmeVideoModel", _diffusers_version="0.30.0"),
          expected={"library": "diffusers", "task": "text-to-video", "model_class": None}),
    _repo("skops", "model.pkl", config={"sklearn": {"model": {"file": "model.pkl"}, "task": "tabular-regression"}},
          expected={"library": "sklearn", "framework": "sklearn", "task": "tabular-regression"}),
    _repo("named-library", ST, config=_config("AcmeModel", "acme"), library="acme-vision", tag="object-detection",
          expected={"library": "acme_vision", "task": "object-detection"}),
    _repo("tool-is-no-library", ST, config=_config("Qwen3MoeForCausalLM", "qwen3_moe"), tag="text-generation",
          files={"hf_quant_config.json": {"quantization": {"quant_algo": "NVFP4"}}}, library="Model Optimizer",
          expected={"library": "transformers", "model_class": "AutoModelForCausalLM"}, notes=("quantised: modelopt",)),
    _repo("unknown-to-all", ST, config=_config(None, "acme_vl"), library="transformers", tag="image-text-to-text",
          expected={"library": "transformers", "task": "image-text-to-text", "model_class": None}),
)  # fmt: skip


def _adapter(task_type: str | None, base: str | None = "acme/base", **more: Any) -> dict[str, Any]:
    return {"peft_type": "LORA", "task_type": task_type, "base_model_name_or_path": base, **more}


WHISPER = {"base_model_class": "WhisperForConditionalGeneration",
           "parent_library": "transformers.models.whisper.modeling_whisper"}  # fmt: skip

ADAPTERS = (
    _repo("adapter-beside-config", "adapter_model.bin", "checkpoint-5/optimizer.pt", library="peft",
          config=_config("LlamaForCausalLM", "llama"), adapter=_adapter("CAUSAL_LM"),
          expected={"library": "peft", "model_class": "AutoPeftModelForCausalLM", "task": "text-generation"}),
    _repo("adapter-in-a-model", ST, "adapter_model.safetensors", library="transformers",
          config=_config("LlamaForCausalLM", "llama"), adapter=_adapter("CAUSAL_LM"),
          expected={"library": "transformers", "model_class": "AutoModelForCausalLM"}, notes=("adapter",)),
    _repo("adapter-that-hears", "adapter_model.safetensors", library="peft", tag="automatic-speech-recognition",
          adapter=_adapter("SEQ_2_SEQ_LM", "acme/asr-base"),
          expected={"library": "peft", "task": "automatic-speech-recognition", "model_class": "PeftModel"}),
    _repo("adapter-of-a-hearing-family", "adapter_model.safetensors", library="peft",
          adapter=_adapter("SEQ_2_SEQ_LM", "acme/whisper-small-nl"),
          expected={"library": "peft", "task": "automatic-speech-recognition", "model_class": "PeftModel"}),
    _repo("adapter-that-sees", "adapter_model.safetensors", library="peft", tag="image-text-to-text",
          adapter=_adapter("CAUSAL_LM"),
          expected={"library": "peft", "task": "image-text-to-text", "model_class": "PeftModel", "conflict": False}),
    _repo("adapter-mapped", "adapter_model.bin", library="peft", adapter=_adapter(None, auto_mapping=WHISPER),
          expected={"library": "peft", "task": "automatic-speech-recognition", "model_class": "AutoPeftModel"}),
    _repo("adapter-mlx", "adapters.safetensors", adapter={"fine_tune_type": "lora"}, library="mlx",
          expected={"library": "mlx", "framework": "mlx"}),
    _repo("lora-by-tag", "acme.safetensors", library="diffusers", tag="text-to-image",
          tags=("lora", "base_model:acme/flux", "base_model:adapter:acme/flux"),
          expected={"library": "diffusers", "task": "text-to-image", "model_class": None},
          notes=("LoRA", "load_lora_weights"), not_notes=("from_single_file",)),
    _repo("lora-without-library", "acme_lora.safetensors", tag="text-to-image", tags=("stable-diffusion",),
          expected={"library": "diffusers", "model_class": None}, notes=("LoRA",), not_notes=("from_single_file",)),
    _repo("textual-inversion", "learned_embeds.safetensors", library="diffusers", tag="text-to-image",
          expected={"library": "diffusers", "model_class": None}, notes=("textual inversion",),
          not_notes=("from_single_file",)),
    _repo("ip-adapter", "models/ip-adapter_sd15.bin", "models/image_encoder/model.safetensors", library="diffusers",
          tag="text-to-image", expected={"library": "diffusers", "model_class": None}, notes=("IP-Adapter",),
          not_notes=("from_single_file",)),
)  # fmt: skip


def _tagged(name: str, architecture: str, model_type: str, tag: str, model_class: str, **more: Any) -> Lookalike:
    """A transformers repo with a tag that its model can serve."""
    extra = more.pop("config", {})
    expected = {"library": "transformers", "task": more.pop("task", tag), "model_class": model_class, "conflict": False}
    return _repo(name, *more.pop("weights", (ST,)), config=_config(architecture, model_type, **extra), tag=tag,
                 library=more.pop("library", "transformers"), expected={**expected, **more})  # fmt: skip


TAGS = (
    _tagged("speech-of-a-language-model", "LlamaForCausalLM", "llama", "text-to-speech", "AutoModelForCausalLM",
            task="text-to-audio"),
    _tagged("ranking-llm", "Qwen3ForCausalLM", "qwen3", "text-ranking", "AutoModelForCausalLM"),
    _tagged("ranking-vlm", "Qwen2VLForConditionalGeneration", "qwen2_vl", "text-ranking",
            "AutoModelForImageTextToText"),
    _tagged("embedding-vlm", "Qwen2VLForConditionalGeneration", "qwen2_vl", "feature-extraction", "AutoModel"),
    _tagged("embedding-masked", "BertForMaskedLM", "bert", "feature-extraction", "AutoModel"),
    _tagged("similarity-masked", "BertForMaskedLM", "bert", "sentence-similarity", "AutoModel"),
    _tagged("embedding-onnx", "Qwen3ForCausalLM", "qwen3", "feature-extraction", "AutoModel", framework="onnx",
            weights=("onnx/model.onnx",)),
    _tagged("talking-vlm", "LlavaForConditionalGeneration", "llava", "text-generation", "AutoModelForImageTextToText"),
    _tagged("pretrained-fills", "BertForPreTraining", "bert", "fill-mask", "AutoModelForMaskedLM"),
    _tagged("pretrained-embeds", "BertForPreTraining", "bert", "feature-extraction", "AutoModel"),
    _tagged("tied-trunk-translates", "T5Model", "t5", "translation", "AutoModelForSeq2SeqLM"),
    _tagged("tied-trunk-writes", "GPT2Model", "gpt2", "text-generation", "AutoModelForCausalLM"),
    _repo("untied-trunk", ST, config=_config("LlamaModel", "llama", tie_word_embeddings=False), tag="text-generation",
          library="transformers", expected={"task": "feature-extraction", "conflict": True}),
    _repo("no-such-task", ST, config=_config("LlamaForCausalLM", "llama"), tag="image-classification",
          library="transformers", expected={"task": "text-generation", "conflict": True}),
    _repo("action-model", ST, "modeling.py", tag="image-text-to-text", library="transformers", tags=("custom_code",),
          config=_config("AcmeForActionPrediction", "acme_vla",
                         auto_map={"AutoModelForVision2Seq": "modeling.AcmeForActionPrediction"}),
          expected={"task": "image-text-to-text", "conflict": False, "requires_remote_code": True}),
    _repo("ranking-st", ST, config=_config("Qwen3ForCausalLM", "qwen3"), files={"modules.json": MODULES},
          library="sentence-transformers", tag="text-ranking",
          expected={"library": "sentence_transformers", "task": "text-ranking", "model_class": "CrossEncoder"}),
    _repo("sparse-st", ST, config=_config("BertForMaskedLM", "bert"), library="sentence-transformers",
          files={"modules.json": MODULES, "config_sentence_transformers.json": {"model_type": "SparseEncoder"}},
          tag="feature-extraction", expected={"model_class": "SparseEncoder"}),
)  # fmt: skip

CLASSES = (
    _repo("wrapped", ST, config=_config("FSDPGemma3ForConditionalGeneration", "gemma3"), library="transformers",
          expected={"task": "image-text-to-text", "model_class": "AutoModelForImageTextToText"},
          notes=("Gemma3ForConditionalGeneration",)),
    _repo("own-head", ST, config=_config("Wav2Vec2ForSpeechClassification", "wav2vec2"), library="transformers",
          tag="audio-classification", expected={"model_class": "AutoModelForAudioClassification"}),
    _repo("with-lm-head", ST, config=_config("T5WithLMHeadModel", "t5"), library="transformers",
          expected={"task": "text2text-generation", "model_class": "AutoModelForSeq2SeqLM"}),
    _repo("first-of-several", ST, library="transformers",
          config={"architectures": ["BartModel", "BartForSequenceClassification"], "model_type": "bart"},
          expected={"task": "feature-extraction", "ambiguous": True}),
    _repo("tagged-of-several", ST, library="transformers", tag="text-classification",
          config={"architectures": ["BartModel", "BartForSequenceClassification"], "model_type": "bart"},
          expected={"task": "text-classification", "model_class": "AutoModelForSequenceClassification"}),
    _repo("translator", ST, config=_config("MarianMTModel", "marian"), library="transformers",
          expected={"task": "translation", "model_class": "AutoModelForSeq2SeqLM"}),
    _repo("nemo-tts", "tts_en_fastpitch_align.nemo", library="nemo", tag="text-to-speech",
          expected={"library": "nemo", "task": "text-to-audio", "model_class": "FastPitchModel"}),
    _repo("nemo-speaker", "titanet-l.nemo", library="nemo",
          expected={"library": "nemo", "task": "audio-classification", "model_class": "EncDecSpeakerLabelModel"}),
    _repo("nemo-asr", "stt_en_conformer.nemo", library="nemo", tag="automatic-speech-recognition",
          expected={"library": "nemo", "model_class": "ASRModel"}),
    _repo("nemo-untold", "acme.nemo", library="nemo", tag="text-to-speech",
          expected={"library": "nemo", "task": "text-to-audio", "model_class": "ModelPT"}),
)  # fmt: skip

FOLDERS = (
    _repo("pyannote", "config.yaml", library="pyannote-audio", tag="automatic-speech-recognition",
          expected={"library": "pyannote_audio", "task": "automatic-speech-recognition"}),
    _repo("spacy", "config.cfg", "ner/model", files={"meta.json": {}}, expected={"library": "spacy"}),
    _repo("speechbrain", "hyperparams.yaml", "embedding_model.ckpt", expected={"library": "speechbrain"}),
    _repo("saved-model", "saved_model.pb", "variables/variables.index", tag="image-classification",
          expected={"framework": "tf", "task": "image-classification"}),
    _repo("joblib", "sklearn_model.joblib", tag="tabular-classification", expected={"library": "sklearn"}),
    _repo("tflite", "model.tflite", tag="object-detection", expected={"library": "litert", "framework": "tflite"}),
)  # fmt: skip

LOOKALIKES = (*REMOTE_CODE, *WEIGHTS, *NOT_TRANSFORMERS, *ADAPTERS, *TAGS, *CLASSES, *FOLDERS)
