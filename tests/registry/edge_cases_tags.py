"""Lists repos whose library or task is known by the Hub's tags, or in spite of them. Data only.

The tags are in the order of real answers of the Hub; names of people and models are invented.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from registry.facts import ABSENT_FILE, CommitFacts, HubHints, RepoFacts
from tests.registry.edge_cases import ST, TF, Row
from tests.registry.repo_facts import PT, inaccessible, repo

BIN = "pytorch_model.bin"
ADAPTER_FILES = ("pytorch_adapter.bin", "head_config.json")
ADAPTER = {"model_name": "bert-base-uncased", "model_class": "BertModelWithHeads"}


def tags_alone(*tags: str, tag: str | None = None, library_name: str | None = None) -> RepoFacts:
    """A repo of which the server lists no file, and has no `config.json`."""
    hints = HubHints(tags=tags, pipeline_tag=tag, library_name=library_name)
    return RepoFacts(commit=CommitFacts(files={"config.json": ABSENT_FILE}), hints=hints)


def library(name: str, facts: RepoFacts, expected: str | None, rule: str, **more: Any) -> Row:
    """A row that names the library, and the rule in the evidence that says it."""
    return Row(section="tags", id=name, facts=facts, expected={"library": expected, **more}, rules=(rule,))


def task(name: str, facts: RepoFacts, expected: str | None, *, undecided: str | None = None, **more: Any) -> Row:
    return Row(section="tags", id=name, facts=facts, expected={"task": expected, **more}, undecided=undecided)


FIRST_TAGS: Mapping[tuple[str, ...], str | None] = {
    ("transformers", "safetensors", "qwen3", "text-generation", "en"): TF,
    ("transformers", "gguf", "multimodal", "en"): TF,
    ("diffusers", "safetensors", "text-to-image"): "diffusers",
    ("lerobot", "safetensors", "robotics", "act"): "lerobot",
    ("mlx", "safetensors", "qwen3_5_moe"): "mlx",
    ("nanovlm-x", "safetensors", "vision"): "nanovlm_x",
    ("comfyui", "gguf", "flow-matching"): "comfyui",
    ("vllm", "safetensors", "qwen3_5_moe", "trellis"): "vllm",
    ("vllm", "mistral-common", "fp8"): "vllm",
    ("llama.cpp", "gguf", "chat"): "llama_cpp",
    ("transformers.js", "onnx", "bert"): "transformers_js",
    ("PaddleOCR", "ocr"): "paddleocr",
    ("diffusion-single-file", "comfyui"): "diffusion_single_file",
    ("adapter-transformers", "bert"): "adapter_transformers",
    ("tf-keras", "tflite", "coreml"): "tf_keras",
    ("gguf", "quantized", "llama.cpp"): "gguf",
    ("onnx", "tflite", "onnxruntime"): "onnx",
    ("coreml", "siglip2"): "coreml",
    ("pytorch", "research", "en"): "pytorch",
    # A tag that is the name of no library, or that stands before no format, is any tag.
    ("safetensors", "japanese"): None,
    ("text-to-video", "safetensors", "lora"): None,
    ("license:mit", "safetensors"): None,
    ("lora", "video"): None,
    ("video", "wan2.2", "ltx"): None,
    # Authors write their own tags in any letter case, libraries have one.
    ("LTX", "comfyui"): None,
    (): None,
}
"""The tags of a repo without `library_name` and files -> its library."""

NAMES_ALONE: Mapping[str, str] = {
    "transformers": TF,
    "tf-keras": "tf_keras",
    "llama-cpp": "llama_cpp",
    "vllm": "vllm",
    "scikit-learn": "sklearn",
    "f5-tts": "f5_tts",
    "my.own-lib": "my_own_lib",
}
"""`library_name` of a repo with the tag `gguf` and no files -> its library."""

TASK_TAGS: Mapping[tuple[str | None, str | None, Sequence[str]], str | None] = {
    # An architecture, a model type and the tags, without a pipeline tag -> the task.
    ("T5ForConditionalGeneration", "t5", ("text2text-generation", "summarization")): "summarization",
    ("T5ForConditionalGeneration", "t5", ("text2text-generation",)): "text2text-generation",
    ("T5ForConditionalGeneration", "t5", ("summarization", "translation")): "text2text-generation",
    ("BartForSequenceClassification", "bart", ("text-classification", "zero-shot-classification")): (
        "zero-shot-classification"
    ),
    ("BertForMaskedLM", "bert", ("fill-mask", "object-detection")): "fill-mask",
    ("BertForMaskedLM", "bert", ("en", "license:mit")): "fill-mask",
    ("ViTModel", "vit", ("feature-extraction",)): "feature-extraction",
    (None, "bert", ("fill-mask",)): "fill-mask",
    (None, "bert", ("fill-mask", "text-classification")): "feature-extraction",
    ("CustomBartForConditionalGeneration", "bart", ("text2text-generation",)): "text2text-generation",
}

LIBRARY_BY_TAGS = (
    *(
        Row(
            section="tags",
            id=f"tags alone: {', '.join(tags) or 'none'}",
            facts=tags_alone(*tags, tag="text-to-image"),
            expected={"library": expected, "task": "text-to-image"},
        )
        for tags, expected in FIRST_TAGS.items()
    ),
    *(
        Row(
            section="tags",
            id=f"library_name alone: {name}",
            facts=tags_alone(name, "gguf", library_name=name, tag="text-generation"),
            expected={"library": expected, "task": "text-generation"},
        )
        for name, expected in NAMES_ALONE.items()
    ),
    library("the first tag counts as library_name does", repo(tags=("stable-baselines3", "x"), names=("a.zip",)),
            "stable_baselines3", "library by name"),
    library("a library's name among the other tags", repo(tags=("ko", "tensorflowtts", "audio"), names=("model.h5",)),
            "tensorflowtts", "library by tag"),
    library("a single file of a diffusion model, told by a tag among others",
            repo(tags=("text-to-image", "diffusion-single-file"), names=("v1-5.safetensors",)),
            "diffusion_single_file", "library by tag", model_class="DiffusionPipeline", task="text-to-image"),
    library("only the first tag may be a name of which nothing else is known",
            repo(tags=("video", "wan2.2"), names=("lora.safetensors",)), None, "library"),
    library("an unreadable config.json is its author's library's",
            repo(config=inaccessible(), tags=("pytorch", "timm", "image-classification"), names=(BIN,)),
            "timm", "library by tag"),
    library("the tag sentence-transformers counts wherever it stands",
            repo("BertModel", "bert", names=(BIN,), tags=("pytorch", "bert", "sentence-transformers", "transformers")),
            ST, "library by manifest", task="sentence-similarity"),
    library("the tag sentence-transformers counts less than another library's name",
            repo("BertModel", "bert", tags=("transformers", "safetensors", "bert", "sentence-transformers")),
            TF, "library by config"),
    library("vllm is no library over transformers' files",
            repo("MistralForCausalLM", "mistral", library_name="vllm", tags=("vllm", "safetensors", "mistral")),
            TF, "library by config"),
    library("vllm is no library over an unreadable config.json",
            repo(config=inaccessible(), library_name="vllm", tags=("vllm", "safetensors")), TF, "library by config"),
    library("vllm is no library over Mistral's own files",
            repo(names=("params.json", "tekken.json", "consolidated.safetensors"), library_name="vllm", tags=("vllm",)),
            "mistral_common", "library by key file"),
    library("vllm stands where nothing tells the library", repo(library_name="vllm", tags=("vllm",)),
            "vllm", "library by engine"),
)  # fmt: skip

LIBRARY_IN_SPITE_OF_TAGS = (
    library("an adapter's config without peft_type", repo(files={"adapter_config.json": ADAPTER}, names=ADAPTER_FILES),
            "adapter_transformers", "library by adapter", model_class="AutoAdapterModel", framework="pt"),
    library("an adapter of the Adapters library beside the config of its base",
            repo("RobertaModelWithHeads", "roberta", files={"adapter_config.json": ADAPTER},
                 names=(*ADAPTER_FILES, "pytorch_model_head.bin")), "adapter_transformers", "library by adapter"),
    library("an adapter of the Adapters library beside the whole model",
            repo("RobertaForMaskedLM", "roberta", files={"adapter_config.json": ADAPTER}, names=(*ADAPTER_FILES, BIN)),
            TF, "library by config"),
    library("an adapter's config with peft_type",
            repo(files={"adapter_config.json": {"peft_type": "LORA"}}, names=("adapter_model.bin",)),
            "peft", "library by adapter"),
    library("an old adapter of PEFT, which names its base",
            repo(files={"adapter_config.json": {"base_model_name_or_path": "a/b"}}, names=("adapter_model.bin",)),
            "peft", "library by adapter"),
    library("SpeechBrain beside the config of its encoder",
            repo("Wav2Vec2Model", "wav2vec2", names=("hyperparams.yaml", "asr.ckpt", "wav2vec2.ckpt"),
                 tags=("wav2vec2", "feature-extraction", "speechbrain", "automatic-speech-recognition")),
            "speechbrain", "library by manifest", task="automatic-speech-recognition"),
    library("hyperparams.yaml beside a transformers model",
            repo("Wav2Vec2ForCTC", "wav2vec2", names=("hyperparams.yaml", PT)), TF, "library by config"),
    library("GGUF at the top, one other file in a folder",
            repo(names=("wan-Q2_K.gguf", "wan-Q4_K.gguf", "VAE/vae.safetensors"), tags=("gguf", "text-to-video")),
            "gguf", "library by weights", task="text-to-video", framework="gguf"),
    library("GGUF in a folder of a transformers model",
            repo("LlamaForCausalLM", "llama", names=(PT, "gguf/model.gguf")), TF, "library by config"),
    library("GGUF files are GGUF's, whatever program they are tagged for",
            repo(names=("a-Q4_K_M.gguf",), library_name="llama.cpp", tags=("llama.cpp", "gguf")),
            "gguf", "library by conversion"),
    library("ONNX alone", repo(names=("model.onnx", "tokenizer.json"), tags=("onnx", "en")),
            "onnx", "library by format", framework="onnx"),
    library("ONNX with the config of the model that it was made from",
            repo("BertForMaskedLM", "bert", names=("onnx/model.onnx",)), TF, "library by config", framework="onnx"),
    library("ONNX for Transformers.js",
            repo("BertForMaskedLM", "bert", names=("onnx/model.onnx",), tags=("transformers.js", "onnx", "bert")),
            "transformers_js", "library by config", framework="onnx", task="fill-mask"),
    library("RKLLM with the config of the model that it was made from",
            repo("LlamaForCausalLM", "llama", names=("llama-rk3588.rkllm",), tags=("transformers", "llama")),
            "rkllm", "library by config", framework="rkllm", task="text-generation"),
)  # fmt: skip

TASK_BY_TAGS = (
    *(
        task(
            f"{architecture} of {model_type}: {', '.join(tags)}",
            repo(architecture, model_type, names=(BIN,), tags=("pytorch", *tags)),
            expected,
            conflict=False,
        )
        for (architecture, model_type, tags), expected in TASK_TAGS.items()
    ),
    task("the pipeline tag counts more than all other tags",
         repo("T5ForConditionalGeneration", "t5", tag="translation", tags=("t5", "summarization")), "translation"),
    task("the only task among the tags of a library", repo(names=("asr.pth",), tags=("espnet", "text-to-speech", "ja")),
         "text-to-audio", library="espnet"),
    task("the tags count more than the library's default",
         repo(names=("meta.json", "config.cfg"), tags=("en", "spacy", "text-classification")), "text-classification"),
    task("several tasks among the tags leave it open", repo(names=("model.h5",), tags=("summarization", "translation")),
         None, undecided="no rule"),
    task("'other' is no task", repo(names=("model.h5",), tags=("other",)), None, undecided="no rule"),
    task("an alias is no tag of a task", repo(names=("model.h5",), tags=("default", "ner")), None, undecided="no rule"),
    task("the tag of an adapter",
         repo(files={"adapter_config.json": ADAPTER}, names=ADAPTER_FILES,
              tags=("bert", "adapter-transformers", "question-answering")), "question-answering"),
    task("the tag of a GGUF file", repo(names=("a.gguf",), tags=("gguf", "tts", "text-to-speech")), "text-to-audio"),
    task("the tag of a sentence-transformers model",
         repo("BertModel", "bert", names=(BIN,), tags=("bert", "sentence-transformers", "feature-extraction")),
         "feature-extraction", library=ST),
    task("the tags of a sentence-transformers model, one of them its architecture's",
         repo("BertModel", "bert", names=(BIN,),
              tags=("bert", "feature-extraction", "sentence-transformers", "sentence-similarity")),
         "sentence-similarity", library=ST),
    task("a chat model without a config that can be read",
         repo(config=inaccessible(), names=("merges.txt",), tags=("conversational",)), "text-generation"),
)  # fmt: skip
