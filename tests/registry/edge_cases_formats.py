"""Lists repos of various libraries and formats with the expected parts of their decisions, as `edge_cases`."""

from __future__ import annotations

from tests.registry.edge_cases import MODULES, ST, ST_FILES, TF, Row, expect
from tests.registry.repo_facts import PT, repo

CLIP_MODULES = [{"idx": 0, "name": "0", "path": "0_CLIPModel", "type": "sentence_transformers.models.CLIPModel"}]
STATIC_MODULES = [
    {"idx": 0, "name": "0", "path": "0_StaticEmbedding", "type": "sentence_transformers.models.StaticEmbedding"}
]


def _kind(kind: str, task: str, tag: str | None) -> Row:
    return Row(
        section="formats",
        id=f"sentence-transformers kind {kind}, tag {tag}",
        facts=repo(
            "BertModel",
            "bert",
            tag=tag,
            files={"modules.json": MODULES, "config_sentence_transformers.json": {"model_type": kind}},
        ),
        expected=expect(ST, task, kind, framework="pt"),
    )


SENTENCE_TRANSFORMERS = (
    Row(
        section="formats",
        id="sentence-transformers/all-MiniLM-L6-v2",
        facts=repo("BertModel", "bert", tag="sentence-similarity", files=ST_FILES),
        expected=expect(ST, "sentence-similarity", "SentenceTransformer", architecture="BertModel"),
    ),
    Row(
        section="formats",
        id="BAAI/bge-small-zh-v1.5",
        facts=repo("BertModel", "bert", tag="feature-extraction", files=ST_FILES),
        expected=expect(ST, "feature-extraction", "SentenceTransformer"),
    ),
    Row(
        section="formats",
        id="BAAI/bge-small-zh-v1.5 requested with transformers",
        facts=repo("BertModel", "bert", tag="feature-extraction", files=ST_FILES),
        expected=expect(TF, "feature-extraction", "AutoModel"),
        requested={"library": "transformers"},
    ),
    Row(
        section="formats",
        id="google-bert/bert-base-uncased requested with sentence-transformers",
        facts=repo("BertModel", "bert"),
        expected=expect(ST, "sentence-similarity", "SentenceTransformer"),
        requested={"library": "sentence_transformers"},
    ),
    Row(
        section="formats",
        id="sentence-transformers/clip-ViT-B-32: no config at the top",
        facts=repo(
            tag="sentence-similarity",
            library_name="sentence-transformers",
            names=("0_CLIPModel/pytorch_model.bin",),
            files={
                "modules.json": CLIP_MODULES,
                "0_CLIPModel/config.json": {"architectures": ["CLIPModel"], "model_type": "clip"},
            },
        ),
        expected=expect(ST, "sentence-similarity", "SentenceTransformer", model_type="clip", architecture="CLIPModel"),
    ),
    Row(
        section="formats",
        id="sentence-transformers/static-similarity-mrl-multilingual-v1: no config at all",
        facts=repo(
            tag="sentence-similarity",
            names=("0_StaticEmbedding/model.safetensors",),
            files={"modules.json": STATIC_MODULES},
        ),
        expected=expect(ST, "sentence-similarity", "SentenceTransformer", framework="pt"),
    ),
    _kind("SentenceTransformer", "sentence-similarity", None),
    _kind("SparseEncoder", "feature-extraction", "feature-extraction"),
    _kind("CrossEncoder", "text-ranking", None),
    _kind("CrossEncoder", "text-ranking", "text-ranking"),
    _kind("CrossEncoder", "text-classification", "text-classification"),
    _kind("MultiVectorEncoder", "feature-extraction", "feature-extraction"),
    Row(
        section="formats",
        id="the kind by the namespace of its modules",
        facts=repo(
            "BertForMaskedLM",
            "bert",
            files={
                "modules.json": [
                    {"idx": 0, "path": "", "type": "sentence_transformers.sparse_encoder.models.MLMTransformer"}
                ]
            },
        ),
        expected=expect(ST, "feature-extraction", "SparseEncoder"),
    ),
    Row(
        section="formats",
        id="CrossEncoder of before 6.0, tagged text-classification",
        facts=repo(
            "RobertaForSequenceClassification",
            "roberta",
            tag="text-classification",
            config={"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity", "version": "4.1.0"}},
        ),
        expected=expect(ST, "text-classification", "CrossEncoder"),
    ),
    *(
        Row(
            section="formats",
            id=f"an old layout with sentence_{kind}_config.json",
            facts=repo(f"{name}Model", model_type, files={f"sentence_{kind}_config.json": {"max_seq_length": 128}}),
            expected=expect(ST, "sentence-similarity", "SentenceTransformer"),
        )
        for kind, name, model_type in (
            ("bert", "Bert", "bert"),
            ("roberta", "Roberta", "roberta"),
            ("distilbert", "DistilBert", "distilbert"),
            ("camembert", "Camembert", "camembert"),
            ("albert", "Albert", "albert"),
            ("xlm-roberta", "XLMRoberta", "xlm-roberta"),
            ("xlnet", "XLNet", "xlnet"),
        )
    ),
    Row(
        section="formats",
        id="a file that only begins as an old layout's does",
        facts=repo("BertModel", "bert", names=(PT, "sentence_splitter_config.json")),
        expected=expect(TF, "feature-extraction", "AutoModel"),
    ),
    Row(
        section="formats",
        id="setfit",
        facts=repo(
            "MPNetModel",
            "mpnet",
            tag="text-classification",
            library_name="setfit",
            names=(PT, "config_setfit.json", "model_head.pkl", "1_Pooling/config.json"),
            files=ST_FILES,
        ),
        expected=expect("setfit", "text-classification", "SetFitModel"),
    ),
    Row(
        section="formats",
        id="setfit of before its config: a head beside sentence-transformers' files",
        facts=repo("MPNetModel", "mpnet", names=(PT, "model_head.pkl"), files=ST_FILES),
        expected=expect("setfit", "text-classification", "SetFitModel"),
    ),
    Row(
        section="formats",
        id="span-marker",
        facts=repo("SpanMarkerModel", "span-marker", tag="token-classification", library_name="span-marker"),
        expected=expect("span_marker", "token-classification", "SpanMarkerModel"),
    ),
    Row(
        section="formats",
        id="gliner",
        facts=repo(tag="token-classification", names=("pytorch_model.bin", "gliner_config.json")),
        expected=expect("gliner", "token-classification", "GLiNER", framework="pt"),
    ),
    Row(
        section="formats",
        id="minishlab/potion-base-8M: model2vec",
        facts=repo("StaticModel", "model2vec", library_name="model2vec", files={"modules.json": STATIC_MODULES}),
        expected=expect("model2vec", "feature-extraction", "StaticModel"),
    ),
    Row(
        section="formats",
        id="colbert-ir/colbertv2.0",
        facts=repo("HF_ColBERT", "bert", files={"modules.json": MODULES}),
        expected=expect(ST, "feature-extraction", "MultiVectorEncoder"),
    ),
)

VISION_AND_DIFFUSION = (
    Row(
        section="formats",
        id="timm/resnet50.a1_in1k",
        facts=repo(
            config={"architecture": "resnet50", "num_classes": 1000, "pretrained_cfg": {"num_classes": 1000}},
            tag="image-classification",
            library_name="timm",
        ),
        expected=expect("timm", "image-classification", "create_model", architecture="resnet50"),
    ),
    Row(
        section="formats",
        id="timm without its tag and name",
        facts=repo(config={"architecture": "resnet50", "num_classes": 1000}),
        expected=expect("timm", "image-classification", "create_model"),
    ),
    Row(
        section="formats",
        id="timm without classes gives features",
        facts=repo(config={"architecture": "vit_base_patch14_dinov2", "num_classes": 0, "pretrained_cfg": {}}),
        expected=expect("timm", "image-feature-extraction", "create_model"),
    ),
    Row(
        section="formats",
        id="a Llama config with the key architecture",
        facts=repo("LlamaForCausalLM", "llama", config={"architecture": "llama"}),
        expected=expect(TF, "text-generation", "AutoModelForCausalLM"),
    ),
    Row(
        section="formats",
        id="laion/CLIP-ViT-B-32-laion2B-s34B-b79K: both kinds of files",
        facts=repo(
            "CLIPModel",
            "clip",
            tag="zero-shot-image-classification",
            library_name="open_clip",
            names=(PT, "open_clip_config.json", "open_clip_pytorch_model.bin"),
        ),
        expected=expect("open_clip", "zero-shot-image-classification", "create_model_from_pretrained"),
        notes=("transformers",),
    ),
    Row(
        section="formats",
        id="both kinds of files, and library_name is transformers",
        facts=repo(
            "CLIPModel",
            "clip",
            tag="zero-shot-image-classification",
            library_name="transformers",
            names=(PT, "open_clip_config.json"),
        ),
        expected=expect(TF, "zero-shot-image-classification", "AutoModelForZeroShotImageClassification"),
        notes=("open_clip",),
    ),
    Row(
        section="formats",
        id="open_clip files only",
        facts=repo(names=("open_clip_config.json", "open_clip_model.safetensors")),
        expected=expect("open_clip", "zero-shot-image-classification", "create_model_from_pretrained", framework="pt"),
    ),
    Row(
        section="formats",
        id="stabilityai/stable-diffusion-xl-base-1.0",
        facts=repo(
            tag="text-to-image",
            names=("unet/diffusion_pytorch_model.safetensors",),
            files={"model_index.json": {"_class_name": "StableDiffusionXLPipeline", "_diffusers_version": "0.19.0"}},
        ),
        expected=expect("diffusers", "text-to-image", "AutoPipelineForText2Image", framework="pt"),
    ),
    Row(
        section="formats",
        id="a pipeline in no auto mapping, without a tag",
        facts=repo(files={"model_index.json": {"_class_name": "StableVideoDiffusionPipeline"}}),
        expected=expect("diffusers", "image-to-video", "StableVideoDiffusionPipeline"),
    ),
    Row(
        section="formats",
        id="stabilityai/sd-vae-ft-mse: one component",
        facts=repo(
            config={"_class_name": "AutoencoderKL", "_diffusers_version": "0.4.2"},
            library_name="diffusers",
            tag="text-to-image",
            names=("diffusion_pytorch_model.safetensors",),
        ),
        expected=expect("diffusers", None, "AutoencoderKL"),
        undecided="component",
    ),
    Row(
        section="formats",
        id="a modular pipeline",
        facts=repo(
            files={
                "modular_model_index.json": {
                    "_class_name": "FluxModularPipeline",
                    "_blocks_class_name": "FluxAutoBlocks",
                }
            }
        ),
        expected=expect("diffusers", "text-to-image", "FluxModularPipeline"),
        notes=("modular",),
    ),
    Row(
        section="formats",
        id="a custom pipeline",
        facts=repo(files={"model_index.json": {"_class_name": ["pipeline_mine", "MyPipeline"]}}, tag="text-to-image"),
        expected=expect("diffusers", "text-to-image", "MyPipeline", requires_remote_code=True),
    ),
    Row(
        section="formats",
        id="a single file of a diffusion model",
        facts=repo(names=("v1-5-pruned.safetensors",), tags=("diffusion-single-file",), tag="text-to-image"),
        expected=expect("diffusion_single_file", "text-to-image", "DiffusionPipeline"),
        notes=("single file",),
    ),
    Row(
        section="formats",
        id="LoRA weights of diffusers",
        facts=repo(
            names=("pytorch_lora_weights.safetensors",),
            tags=(
                "diffusers",
                "lora",
                "base_model:black-forest-labs/FLUX.1-dev",
                "base_model:adapter:black-forest-labs/FLUX.1-dev",
                "base_model:stabilityai/sdxl-turbo",
            ),
            tag="text-to-image",
        ),
        expected=expect(
            "diffusers",
            "text-to-image",
            None,
            base_models=("black-forest-labs/FLUX.1-dev", "stabilityai/sdxl-turbo"),
        ),
        notes=("LoRA",),
    ),
)

ADAPTERS_AND_FORMATS = (
    Row(
        section="formats",
        id="ybelkada/opt-350m-lora",
        facts=repo(
            names=("adapter_model.safetensors",),
            files={
                "adapter_config.json": {
                    "peft_type": "LORA",
                    "task_type": "CAUSAL_LM",
                    "base_model_name_or_path": "facebook/opt-350m",
                    "revision": "abc123",
                }
            },
        ),
        expected=expect("peft", "text-generation", "AutoPeftModelForCausalLM", base_models=("facebook/opt-350m",)),
        notes=("abc123",),
    ),
    Row(
        section="formats",
        id="an adapter without a task type whose base is a local folder",
        facts=repo(
            names=("adapter_model.safetensors",),
            files={
                "adapter_config.json": {
                    "peft_type": "LORA",
                    "task_type": None,
                    "base_model_name_or_path": "/data/llama",
                }
            },
        ),
        expected=expect("peft", None, "AutoPeftModel"),
        undecided="task_type",
        notes=("/data/llama",),
    ),
    Row(
        section="formats",
        id="an adapter whose own record names its base's class",
        facts=repo(
            names=("adapter_model.safetensors",),
            files={
                "adapter_config.json": {
                    "peft_type": "LORA",
                    "task_type": None,
                    "auto_mapping": {
                        "base_model_class": "WhisperForConditionalGeneration",
                        "parent_library": "transformers.models.whisper.modeling_whisper",
                    },
                    "base_model_name_or_path": "openai/whisper-small",
                }
            },
        ),
        expected=expect("peft", "automatic-speech-recognition", "AutoPeftModel"),
    ),
    Row(
        section="formats",
        id="vidore/colpali-v1.2: an adapter with a tag",
        facts=repo(
            tag="visual-document-retrieval",
            library_name="colpali",
            names=("adapter_model.safetensors",),
            files={
                "adapter_config.json": {
                    "peft_type": "LORA",
                    "task_type": "FEATURE_EXTRACTION",
                    "base_model_name_or_path": "vidore/colpaligemma-3b-pt-448-base",
                }
            },
        ),
        expected=expect("peft", "visual-document-retrieval", "AutoPeftModelForFeatureExtraction", conflict=False),
    ),
    Row(
        section="formats",
        id="an adapter inside a full model",
        facts=repo("LlamaForCausalLM", "llama", names=(PT, "adapter_config.json", "adapter_model.safetensors")),
        expected=expect(TF, "text-generation", "AutoModelForCausalLM"),
        notes=("adapter",),
    ),
    Row(
        section="formats",
        id="Qwen/Qwen3-Embedding-8B-GGUF",
        facts=repo(names=("Qwen3-Embedding-8B-Q4_K_M.gguf",), gguf_architecture="qwen3", tag="feature-extraction"),
        expected=expect("gguf", "feature-extraction", None, framework="gguf", conflict=False),
    ),
    Row(
        section="formats",
        id="microsoft/Phi-3-mini-4k-instruct-gguf without its tag",
        facts=repo(names=("Phi-3-mini-4k-instruct-q4.gguf",), gguf_architecture="phi3"),
        expected=expect("gguf", "text-generation", None, framework="gguf"),
    ),
    *(
        Row(
            section="formats",
            id=f"GGUF architecture {name}",
            facts=repo(names=("a.gguf",), gguf_architecture=name),
            expected=expect("gguf", "text-generation", None),
        )
        for name in ("qwen3moe", "qwen3_moe", "llama", "gemma3")
    ),
    Row(
        section="formats",
        id="GGUF with a projector",
        facts=repo(names=("model-Q4_K_M.gguf", "mmproj-model-f16.gguf"), gguf_architecture="gemma3"),
        expected=expect("gguf", "image-text-to-text", None, framework="gguf"),
        candidates=("text-generation",),
    ),
    Row(
        section="formats",
        id="Xenova/bert-base-uncased: ONNX only",
        facts=repo(
            "BertForMaskedLM", "bert", library_name="transformers.js", names=("onnx/model.onnx",), tag="fill-mask"
        ),
        expected={"task": "fill-mask", "framework": "onnx", "weights": ("onnx",)},
    ),
    Row(
        section="formats",
        id="OpenVINO/Phi-3-mini-4k-instruct-int4-ov",
        facts=repo("Phi3ForCausalLM", "phi3", names=("openvino_model.xml", "openvino_model.bin")),
        expected={"task": "text-generation", "framework": "openvino", "weights": ("openvino",)},
    ),
    Row(
        section="formats",
        id="Core ML only",
        facts=repo(
            names=("Model.mlpackage/Data/com.apple.CoreML/weights/weight.bin",),
            library_name="coreml",
            tag="text-generation",
        ),
        expected={"task": "text-generation", "framework": "coreml"},
    ),
    Row(
        section="formats",
        id="TensorFlow only",
        facts=repo("TFBertForSequenceClassification", "bert", names=("tf_model.h5",)),
        expected=expect(TF, "text-classification", "TFAutoModelForSequenceClassification", framework="tf"),
        notes=("until 4.57.6",),
    ),
    Row(
        section="formats",
        id="TensorFlow weights of a class named without TF",
        facts=repo("BertForSequenceClassification", "bert", names=("tf_model.h5",)),
        expected=expect(TF, "text-classification", "TFAutoModelForSequenceClassification", framework="tf"),
        notes=("transformers < 5",),
    ),
    Row(
        section="formats",
        id="flax-community/roberta-base-thai",
        facts=repo("RobertaForMaskedLM", "roberta", names=("flax_model.msgpack",), tag="fill-mask"),
        expected=expect(TF, "fill-mask", "FlaxAutoModelForMaskedLM", framework="flax"),
        notes=("transformers < 5",),
    ),
    Row(
        section="formats",
        id="Keras",
        facts=repo(
            config={"module": "keras.src.models.functional", "class_name": "Functional", "config": {}},
            names=("metadata.json", "model.weights.h5"),
        ),
        expected=expect("keras", None, "load_model", framework="keras"),
        undecided="keras",
    ),
    Row(
        section="formats",
        id="KerasHub",
        facts=repo(
            config={"module": "keras_hub.src.models.bert.bert_backbone", "class_name": "BertBackbone"},
            names=("task.json", "model.weights.h5"),
            tag="text-classification",
        ),
        expected=expect("keras_hub", "text-classification", "from_preset", framework="keras"),
    ),
    Row(
        section="formats",
        id="mlx-community: looks like transformers",
        facts=repo("LlamaForCausalLM", "llama", config={"quantization": {"group_size": 64, "bits": 4}}),
        expected=expect("mlx", "text-generation", "load", framework="mlx"),
    ),
    Row(
        section="formats",
        id="TheBloke/CodeLlama-7B-Python-AWQ",
        facts=repo("LlamaForCausalLM", "llama", config={"quantization_config": {"quant_method": "awq", "bits": 4}}),
        expected=expect(TF, "text-generation", "AutoModelForCausalLM"),
        notes=("awq",),
    ),
    *(
        Row(
            section="formats",
            id=f"quantised with {method}",
            facts=repo("LlamaForCausalLM", "llama", config={"quantization_config": content}),
            expected=expect(TF, "text-generation", "AutoModelForCausalLM"),
            notes=(method,),
        )
        for method, content in (
            ("gptq", {"quant_method": "gptq"}),
            ("bitsandbytes", {"load_in_4bit": True}),
            ("fp8", {"quant_method": "fp8"}),
            ("compressed-tensors", {"quant_method": "compressed-tensors"}),
        )
    ),
    Row(
        section="formats",
        id="mistralai/Pixtral-12B-2409: Mistral's own format",
        facts=repo(names=("params.json", "consolidated.safetensors", "tekken.json"), tag="image-text-to-text"),
        expected=expect("mistral_common", "image-text-to-text", None, framework="pt"),
    ),
    Row(
        section="formats",
        id="Mistral's own format beside a config.json",
        facts=repo("MistralForCausalLM", "mistral", names=("params.json", "consolidated.safetensors", PT)),
        expected=expect(TF, "text-generation", "AutoModelForCausalLM"),
    ),
    *(
        Row(
            section="formats",
            id=f"{library} by its files {', '.join(names)}",
            facts=repo(names=names, tag=tag),
            expected={"library": library, "task": tag},
        )
        for library, names, tag in (
            ("spacy", ("meta.json", "config.cfg", "en_core_web_sm-any-py3-none-any.whl"), "token-classification"),
            ("spacy", ("meta.json", "config.cfg", "ner/model"), "token-classification"),
            ("nemo", ("stt_en_conformer.nemo",), "automatic-speech-recognition"),
            ("speechbrain", ("hyperparams.yaml", "embedding_model.ckpt"), "audio-classification"),
            ("stanza", ("models/default.zip", "models/pos/ewt.pt"), "token-classification"),
            ("sklearn", ("sklearn_model.joblib",), "tabular-classification"),
            ("sklearn", ("model.skops",), "tabular-regression"),
            ("keras", ("model.keras",), "image-classification"),
        )
    ),
    *(
        Row(
            section="formats",
            id=f"{library} by its name {name}",
            facts=repo(names=("pytorch_model.bin",), library_name=name, tag=tag),
            expected={"library": library, "task": tag},
        )
        for library, name, tag in (
            ("flair", "flair", "token-classification"),
            ("fastai", "fastai", "image-classification"),
            ("pyannote_audio", "pyannote-audio", "voice-activity-detection"),
            ("paddleocr", "PaddleOCR", "image-to-text"),
            ("stable_baselines3", "stable-baselines3", "reinforcement-learning"),
            ("some_new_library", "some-new-library", "robotics"),
        )
    ),
    Row(
        section="formats",
        id="flair/ner-english by its tag alone",
        facts=repo(
            names=("pytorch_model.bin",), tags=("flair", "pytorch", "sequence-tagger-model"), tag="token-classification"
        ),
        expected=expect("flair", "token-classification", "load", framework="pt"),
    ),
    *(
        Row(
            section="formats",
            id=f"weights: {name}",
            facts=repo("LlamaForCausalLM", "llama", names=(name,)),
            expected={"framework": framework},
        )
        for name, framework in (
            ("model-00001-of-00004.safetensors", "pt"),
            ("model.safetensors.index.json", "pt"),
            ("model.fp16.safetensors", "pt"),
            ("pytorch_model-00001-of-00002.bin", "pt"),
            ("pytorch_model.bin.index.json", "pt"),
            ("tf_model-00001-of-00002.h5", "tf"),
            ("flax_model-00001-of-00002.msgpack", "flax"),
        )
    ),
)

LIBRARIES_AND_FORMATS = (*SENTENCE_TRANSFORMERS, *VISION_AND_DIFFUSION, *ADAPTERS_AND_FORMATS)
