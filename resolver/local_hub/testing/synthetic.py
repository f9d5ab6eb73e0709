"""Generates rows of synthetic repos, for benchmarks. Pure: the same arguments give the same rows."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from typing import Any, Final

_COMMON: Final = (".gitattributes", "README.md")
_TRANSFORMERS: Final = (
    # model_type, architecture, auto class, task
    ("bert", "BertForMaskedLM", "AutoModelForMaskedLM", "fill-mask"),
    ("bert", "BertForSequenceClassification", "AutoModelForSequenceClassification", "text-classification"),
    ("bert", "BertForTokenClassification", "AutoModelForTokenClassification", "token-classification"),
    ("roberta", "RobertaForQuestionAnswering", "AutoModelForQuestionAnswering", "question-answering"),
    ("distilbert", "DistilBertForSequenceClassification", "AutoModelForSequenceClassification", "text-classification"),
    ("llama", "LlamaForCausalLM", "AutoModelForCausalLM", "text-generation"),
    ("mistral", "MistralForCausalLM", "AutoModelForCausalLM", "text-generation"),
    ("qwen2", "Qwen2ForCausalLM", "AutoModelForCausalLM", "text-generation"),
    ("qwen3", "Qwen3ForCausalLM", "AutoModelForCausalLM", "text-generation"),
    ("gpt2", "GPT2LMHeadModel", "AutoModelForCausalLM", "text-generation"),
    ("t5", "T5ForConditionalGeneration", "AutoModelForSeq2SeqLM", "translation"),
    ("bart", "BartForConditionalGeneration", "AutoModelForSeq2SeqLM", "summarization"),
    ("vit", "ViTForImageClassification", "AutoModelForImageClassification", "image-classification"),
    ("detr", "DetrForObjectDetection", "AutoModelForObjectDetection", "object-detection"),
    ("whisper", "WhisperForConditionalGeneration", "AutoModelForSpeechSeq2Seq", "automatic-speech-recognition"),
    ("wav2vec2", "Wav2Vec2ForCTC", "AutoModelForCTC", "automatic-speech-recognition"),
    ("clip", "CLIPModel", "AutoModelForZeroShotImageClassification", "zero-shot-image-classification"),
)
_PIPELINES: Final = (
    ("StableDiffusionPipeline", "text-to-image"),
    ("StableDiffusionXLPipeline", "text-to-image"),
    ("FluxPipeline", "text-to-image"),
    ("StableDiffusionImg2ImgPipeline", "image-to-image"),
)
_TIMM: Final = ("resnet50", "vit_base_patch16_224", "mobilenetv3_small_100", "convnext_tiny", "efficientnet_b0")
_SIZES: Final = ("tiny", "small", "base", "large", "xl")


def synthetic(count: int, authors: int = 100, seed: int = 0) -> Iterator[dict[str, Any]]:
    """`count` rows of repos of `authors` owners, in the shape of `catalog.jsonl.RepoRow`.

    Of ten rows about six are of transformers (a quarter of them without `pipeline_tag`), two of
    sentence-transformers, one of diffusers, one of timm.
    """
    rng = random.Random(seed)
    for number in range(count):
        author = f"author-{number % max(authors, 1):04d}"
        suffix = f"{rng.choice(_SIZES)}-{number:06d}"
        kind = rng.randrange(10)
        if kind < 6:
            row = _build_transformers_row(rng, suffix)
        elif kind < 8:
            row = _build_sentence_transformers_row(rng, suffix)
        elif kind < 9:
            row = _build_diffusers_row(rng, suffix)
        else:
            row = _build_timm_row(rng, suffix)
        row["id"] = f"{author}/{row['id']}"
        row["sha"] = hashlib.sha1(f"{seed}:{row['id']}".encode(), usedforsecurity=False).hexdigest()
        yield row


def _build_transformers_row(rng: random.Random, suffix: str) -> dict[str, Any]:
    model_type, architecture, auto_model, task = rng.choice(_TRANSFORMERS)
    hidden_size = rng.choice((128, 384, 768, 1024, 4096))
    config: dict[str, Any] = {
        "architectures": [architecture],
        "model_type": model_type,
        "hidden_size": hidden_size,
        "num_attention_heads": hidden_size // 64,
        "num_hidden_layers": rng.choice((2, 12, 24, 32)),
        "torch_dtype": rng.choice(("float32", "bfloat16")),
        "vocab_size": rng.choice((30522, 32000, 50257, 151936)),
    }
    parameters = 12 * config["num_hidden_layers"] * hidden_size**2 + config["vocab_size"] * hidden_size
    weights = (
        ("model.safetensors",)
        if hidden_size < 4096
        else ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json")
    )
    return {
        "id": f"{model_type}-{suffix}",
        "config": config,
        "siblings": [*_COMMON, "config.json", *weights, "tokenizer.json", "tokenizer_config.json"],
        "library_name": "transformers",
        "pipeline_tag": None if rng.randrange(4) == 0 else task,
        "tags": ["transformers", "safetensors", model_type, task],
        "safetensors": _build_size({"BF16" if hidden_size == 4096 else "F32": parameters}),
        "hub": {"transformersInfo": {"auto_model": auto_model, "pipeline_tag": task}},
    }


def _build_sentence_transformers_row(rng: random.Random, suffix: str) -> dict[str, Any]:
    model_type, architecture = rng.choice((("bert", "BertModel"), ("mpnet", "MPNetModel"), ("qwen3", "Qwen3Model")))
    task = rng.choice(("sentence-similarity", "feature-extraction"))
    return {
        "id": f"{model_type}-embedding-{suffix}",
        "config": {"architectures": [architecture], "model_type": model_type, "hidden_size": 384},
        "siblings": [
            *_COMMON,
            "1_Pooling/config.json",
            "config.json",
            "config_sentence_transformers.json",
            "model.safetensors",
            "modules.json",
            "sentence_bert_config.json",
            "tokenizer.json",
        ],
        "library_name": "sentence-transformers",
        "pipeline_tag": task,
        "tags": ["sentence-transformers", "safetensors", model_type, task],
        "safetensors": _build_size({"F32": 33_360_000, "I64": 512}),
        "hub": {"transformersInfo": {"auto_model": "AutoModel", "pipeline_tag": "feature-extraction"}},
    }


def _build_diffusers_row(rng: random.Random, suffix: str) -> dict[str, Any]:
    pipeline, task = rng.choice(_PIPELINES)
    return {
        "id": f"{pipeline.removesuffix('Pipeline').lower()}-{suffix}",
        "config": None,
        "model_index": {
            "_class_name": pipeline,
            "_diffusers_version": "0.42.0",
            "scheduler": ["diffusers", "EulerDiscreteScheduler"],
            "text_encoder": ["transformers", "CLIPTextModel"],
            "vae": ["diffusers", "AutoencoderKL"],
        },
        "siblings": [
            *_COMMON,
            "model_index.json",
            "scheduler/scheduler_config.json",
            "text_encoder/config.json",
            "text_encoder/model.safetensors",
            "vae/config.json",
            "vae/diffusion_pytorch_model.safetensors",
        ],
        "library_name": "diffusers",
        "pipeline_tag": task,
        "tags": ["diffusers", "safetensors", f"diffusers:{pipeline}", task],
    }


def _build_timm_row(rng: random.Random, suffix: str) -> dict[str, Any]:
    architecture = rng.choice(_TIMM)
    num_classes = rng.choice((0, 1000, 21841))
    pretrained = {"architecture": architecture, "input_size": [3, 224, 224], "num_classes": num_classes}
    return {
        "id": f"{architecture}.{suffix}",
        "config": {"architecture": architecture, "num_classes": num_classes, "pretrained_cfg": pretrained},
        "siblings": [*_COMMON, "config.json", "model.safetensors", "pytorch_model.bin"],
        "library_name": "timm",
        "pipeline_tag": "image-classification" if num_classes else "image-feature-extraction",
        "tags": ["timm", "pytorch", "safetensors", "image-classification"],
        "safetensors": _build_size({"F32": 11_000_000 + 512 * num_classes}),
    }


def _build_size(parameters: dict[str, int]) -> dict[str, Any]:
    """The Hub's count of the parameters, by type."""
    return {"parameters": parameters, "total": sum(parameters.values())}
