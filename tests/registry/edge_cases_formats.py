"""What repos of the many libraries and formats must come to. Data only, as `edge_cases`."""

from __future__ import annotations

from tests.registry.edge_cases import MODULES, ST, ST_FILES, TF, Row, answer
from tests.registry.given import PT, repo

CLIP_MODULES = [{"idx": 0, "name": "0", "path": "0_CLIPModel", "type": "sentence_transformers.models.CLIPModel"}]
STATIC_MODULES = [
    {"idx": 0, "name": "0", "path": "0_StaticEmbedding", "type": "sentence_transformers.models.StaticEmbedding"}
]


def _kind(kind: str, task: str, tag: str | None) -> Row:
    return Row(
        section="formats",
        id=f"sentence-transformers kind {kind}, tag {tag}",
        given=repo(
            "BertModel",
            "bert",
            tag=tag,
            files={"modules.json": MODULES, "config_sentence_transformers.json": {"model_type": kind}},
        ),
        expected=answer(ST, task, kind, framework="pt"),
    )


SENTENCE_TRANSFORMERS = (
    Row(
        section="formats",
        id="sentence-transformers/all-MiniLM-L6-v2",
        given=repo("BertModel", "bert", tag="sentence-similarity", files=ST_FILES),
        expected=answer(ST, "sentence-similarity", "SentenceTransformer", architecture="BertModel"),
    ),
    Row(
        section="formats",
        id="BAAI/bge-small-zh-v1.5",
        given=repo("BertModel", "bert", tag="feature-extraction", files=ST_FILES),
        expected=answer(ST, "feature-extraction", "SentenceTransformer"),
    ),
    Row(
        section="formats",
        id="BAAI/bge-small-zh-v1.5 asked for with transformers",
        given=repo("BertModel", "bert", tag="feature-extraction", files=ST_FILES),
        expected=answer(TF, "feature-extraction", "AutoModel"),
        asked={"library": "transformers"},
    ),
    Row(
        section="formats",
        id="google-bert/bert-base-uncased asked for with sentence-transformers",
        given=repo("BertModel", "bert"),
        expected=answer(ST, "sentence-similarity", "SentenceTransformer"),
        asked={"library": "sentence_transformers"},
    ),
    Row(
        section="formats",
        id="sentence-transformers/clip-ViT-B-32: no config at the top",
        given=repo(
            tag="sentence-similarity",
            library_name="sentence-transformers",
            names=("0_CLIPModel/pytorch_model.bin",),
            files={
                "modules.json": CLIP_MODULES,
                "0_CLIPModel/config.json": {"architectures": ["CLIPModel"], "model_type": "clip"},
            },
        ),
        expected=answer(ST, "sentence-similarity", "SentenceTransformer", model_type="clip", architecture="CLIPModel"),
    ),
    Row(
        section="formats",
        id="sentence-transformers/static-similarity-mrl-multilingual-v1: no config at all",
        given=repo(
            tag="sentence-similarity",
            names=("0_StaticEmbedding/model.safetensors",),
            files={"modules.json": STATIC_MODULES},
        ),
        expected=answer(ST, "sentence-similarity", "SentenceTransformer", framework="pt"),
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
        given=repo(
            "BertForMaskedLM",
            "bert",
            files={
                "modules.json": [
                    {"idx": 0, "path": "", "type": "sentence_transformers.sparse_encoder.models.MLMTransformer"}
                ]
            },
        ),
        expected=answer(ST, "feature-extraction", "SparseEncoder"),
    ),
    Row(
        section="formats",
        id="CrossEncoder of before 6.0, tagged text-classification",
        given=repo(
            "RobertaForSequenceClassification",
            "roberta",
            tag="text-classification",
            config={"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity", "version": "4.1.0"}},
        ),
        expected=answer(ST, "text-classification", "CrossEncoder"),
    ),
    *(
        Row(
            section="formats",
            id=f"an old layout with sentence_{kind}_config.json",
            given=repo(f"{name}Model", model_type, files={f"sentence_{kind}_config.json": {"max_seq_length": 128}}),
            expected=answer(ST, "sentence-similarity", "SentenceTransformer"),
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
        given=repo("BertModel", "bert", names=(PT, "sentence_splitter_config.json")),
        expected=answer(TF, "feature-extraction", "AutoModel"),
    ),
    Row(
        section="formats",
        id="setfit",
        given=repo(
            "MPNetModel",
            "mpnet",
            tag="text-classification",
            library_name="setfit",
            names=(PT, "config_setfit.json", "model_head.pkl", "1_Pooling/config.json"),
            files=ST_FILES,
        ),
        expected=answer("setfit", "text-classification", "SetFitModel"),
    ),
    Row(
        section="formats",
        id="setfit of before its config: a head beside sentence-transformers' files",
        given=repo("MPNetModel", "mpnet", names=(PT, "model_head.pkl"), files=ST_FILES),
        expected=answer("setfit", "text-classification", "SetFitModel"),
    ),
    Row(
        section="formats",
        id="span-marker",
        given=repo("SpanMarkerModel", "span-marker", tag="token-classification", library_name="span-marker"),
        expected=answer("span_marker", "token-classification", "SpanMarkerModel"),
    ),
    Row(
        section="formats",
        id="gliner",
        given=repo(tag="token-classification", names=("pytorch_model.bin", "gliner_config.json")),
        expected=answer("gliner", "token-classification", "GLiNER", framework="pt"),
    ),
    Row(
        section="formats",
        id="minishlab/potion-base-8M: model2vec",
        given=repo("StaticModel", "model2vec", library_name="model2vec", files={"modules.json": STATIC_MODULES}),
        expected=answer("model2vec", "feature-extraction", "StaticModel"),
    ),
    Row(
        section="formats",
        id="colbert-ir/colbertv2.0",
        given=repo("HF_ColBERT", "bert", files={"modules.json": MODULES}),
        expected=answer(ST, "feature-extraction", "MultiVectorEncoder"),
    ),
)

VISION_AND_DIFFUSION = (
    Row(
        section="formats",
        id="timm/resnet50.a1_in1k",
        given=repo(
            config={"architecture": "resnet50", "num_classes": 1000, "pretrained_cfg": {"num_classes": 1000}},
            tag="image-classification",
            library_name="timm",
        ),
        expected=answer("timm", "image-classification", "create_model", architecture="resnet50"),
    ),
    Row(
        section="formats",
        id="timm without its tag and name",
        given=repo(config={"architecture": "resnet50", "num_classes": 1000}),
        expected=answer("timm", "image-classification", "create_model"),
    ),
    Row(
        section="formats",
        id="timm without classes gives features",
        given=repo(config={"architecture": "vit_base_patch14_dinov2", "num_classes": 0, "pretrained_cfg": {}}),
        expected=answer("timm", "image-feature-extraction", "create_model"),
    ),
    Row(
        section="formats",
        id="a Llama config with the key architecture",
        given=repo("LlamaForCausalLM", "llama", config={"architecture": "llama"}),
        expected=answer(TF, "text-generation", "AutoModelForCausalLM"),
    ),
    Row(
        section="formats",
        id="laion/CLIP-ViT-B-32-laion2B-s34B-b79K: both kinds of files",
        given=repo(
            "CLIPModel",
            "clip",
            tag="zero-shot-image-classification",
            library_name="open_clip",
            names=(PT, "open_clip_config.json", "open_clip_pytorch_model.bin"),
        ),
        expected=answer("open_clip", "zero-shot-image-classification", "create_model_from_pretrained"),
        notes=("transformers",),
    ),
    Row(
        section="formats",
        id="both kinds of files, and the author says transformers",
        given=repo(
            "CLIPModel",
            "clip",
            tag="zero-shot-image-classification",
            library_name="transformers",
            names=(PT, "open_clip_config.json"),
        ),
        expected=answer(TF, "zero-shot-image-classification", "AutoModelForZeroShotImageClassification"),
        notes=("open_clip",),
    ),
    Row(
        section="formats",
        id="open_clip files only",
        given=repo(names=("open_clip_config.json", "open_clip_model.safetensors")),
        expected=answer("open_clip", "zero-shot-image-classification", "create_model_from_pretrained", framework="pt"),
    ),
    Row(
        section="formats",
        id="stabilityai/stable-diffusion-xl-base-1.0",
        given=repo(
            tag="text-to-image",
            names=("unet/diffusion_pytorch_model.safetensors",),
            files={"model_index.json": {"_class_name": "StableDiffusionXLPipeline", "_diffusers_version": "0.19.0"}},
        ),
        expected=answer("diffusers", "text-to-image", "AutoPipelineForText2Image", framework="pt"),
    ),
    Row(
        section="formats",
        id="a pipeline in no auto mapping, without a tag",
        given=repo(files={"model_index.json": {"_class_name": "StableVideoDiffusionPipeline"}}),
        expected=answer("diffusers", "image-to-video", "StableVideoDiffusionPipeline"),
    ),
    Row(
        section="formats",
        id="stabilityai/sd-vae-ft-mse: one component",
        given=repo(
            config={"_class_name": "AutoencoderKL", "_diffusers_version": "0.4.2"},
            library_name="diffusers",
            tag="text-to-image",
            names=("diffusion_pytorch_model.safetensors",),
        ),
        expected=answer("diffusers", None, "AutoencoderKL"),
        undecided="component",
    ),
    Row(
        section="formats",
        id="a modular pipeline",
        given=repo(
            files={
                "modular_model_index.json": {
                    "_class_name": "FluxModularPipeline",
                    "_blocks_class_name": "FluxAutoBlocks",
                }
            }
        ),
        expected=answer("diffusers", "text-to-image", "FluxModularPipeline"),
        notes=("modular",),
    ),
    Row(
        section="formats",
        id="a custom pipeline",
        given=repo(files={"model_index.json": {"_class_name": ["pipeline_mine", "MyPipeline"]}}, tag="text-to-image"),
        expected=answer("diffusers", "text-to-image", "MyPipeline", requires_remote_code=True),
    ),
    Row(
        section="formats",
        id="a single file of a diffusion model",
        given=repo(names=("v1-5-pruned.safetensors",), tags=("diffusion-single-file",), tag="text-to-image"),
        expected=answer("diffusers", "text-to-image", "DiffusionPipeline"),
        notes=("single file",),
    ),
    Row(
        section="formats",
        id="LoRA weights of diffusers",
        given=repo(
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
        expected=answer(
            "diffusers",
            "text-to-image",
            "DiffusionPipeline",
            base_models=("black-forest-labs/FLUX.1-dev", "stabilityai/sdxl-turbo"),
        ),
        notes=("LoRA",),
    ),
)

ADAPTERS_AND_FORMATS = (
    Row(
        section="formats",
        id="ybelkada/opt-350m-lora",
        given=repo(
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
        expected=answer("peft", "text-generation", "AutoPeftModelForCausalLM", base_models=("facebook/opt-350m",)),
        notes=("abc123",),
    ),
    Row(
        section="formats",
        id="an adapter without a task type whose base is a local folder",
        given=repo(
            names=("adapter_model.safetensors",),
            files={
                "adapter_config.json": {
                    "peft_type": "LORA",
                    "task_type": None,
                    "base_model_name_or_path": "/data/llama",
                }
            },
        ),
        expected=answer("peft", None, "AutoPeftModel"),
        undecided="task_type",
        notes=("/data/llama",),
    ),
    Row(
        section="formats",
        id="an adapter whose own record names its base's class",
        given=repo(
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
        expected=answer("peft", "automatic-speech-recognition", "AutoPeftModel"),
    ),
    Row(
        section="formats",
        id="vidore/colpali-v1.2: an adapter with a tag",
        given=repo(
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
        expected=answer("peft", "visual-document-retrieval", "AutoPeftModelForFeatureExtraction", conflict=False),
    ),
    Row(
        section="formats",
        id="an adapter inside a full model",
        given=repo("LlamaForCausalLM", "llama", names=(PT, "adapter_config.json", "adapter_model.safetensors")),
        expected=answer(TF, "text-generation", "AutoModelForCausalLM"),
        notes=("adapter",),
    ),
    Row(
        section="formats",
        id="Qwen/Qwen3-Embedding-8B-GGUF",
        given=repo(names=("Qwen3-Embedding-8B-Q4_K_M.gguf",), gguf_architecture="qwen3", tag="feature-extraction"),
        expected=answer("gguf", "feature-extraction", None, framework="gguf", conflict=False),
    ),
    Row(
        section="formats",
        id="microsoft/Phi-3-mini-4k-instruct-gguf without its tag",
        given=repo(names=("Phi-3-mini-4k-instruct-q4.gguf",), gguf_architecture="phi3"),
        expected=answer("gguf", "text-generation", None, framework="gguf"),
    ),
    *(
        Row(
            section="formats",
            id=f"GGUF architecture {name}",
            given=repo(names=("a.gguf",), gguf_architecture=name),
            expected=answer("gguf", "text-generation", None),
        )
        for name in ("qwen3moe", "qwen3_moe", "llama", "gemma3")
    ),
    Row(
        section="formats",
        id="GGUF with a projector",
        given=repo(names=("model-Q4_K_M.gguf", "mmproj-model-f16.gguf"), gguf_architecture="gemma3"),
        expected=answer("gguf", "image-text-to-text", None, framework="gguf"),
        candidates=("text-generation",),
    ),
    Row(
        section="formats",
        id="Xenova/bert-base-uncased: ONNX only",
        given=repo(
            "BertForMaskedLM", "bert", library_name="transformers.js", names=("onnx/model.onnx",), tag="fill-mask"
        ),
        expected={"task": "fill-mask", "framework": "onnx", "weights": ("onnx",)},
    ),
    Row(
        section="formats",
        id="OpenVINO/Phi-3-mini-4k-instruct-int4-ov",
        given=repo("Phi3ForCausalLM", "phi3", names=("openvino_model.xml", "openvino_model.bin")),
        expected={"task": "text-generation", "framework": "openvino", "weights": ("openvino",)},
    ),
    Row(
        section="formats",
        id="Core ML only",
        given=repo(
            names=("Model.mlpackage/Data/com.apple.CoreML/weights/weight.bin",),
            library_name="coreml",
            tag="text-generation",
        ),
        expected={"task": "text-generation", "framework": "coreml"},
    ),
    Row(
        section="formats",
        id="TensorFlow only",
        given=repo("TFBertForSequenceClassification", "bert", names=("tf_model.h5",)),
        expected=answer(TF, "text-classification", "TFAutoModelForSequenceClassification", framework="tf"),
        notes=("until 4.57.6",),
    ),
    Row(
        section="formats",
        id="TensorFlow weights of a class named without TF",
        given=repo("BertForSequenceClassification", "bert", names=("tf_model.h5",)),
        expected=answer(TF, "text-classification", "TFAutoModelForSequenceClassification", framework="tf"),
        notes=("transformers < 5",),
    ),
    Row(
        section="formats",
        id="flax-community/roberta-base-thai",
        given=repo("RobertaForMaskedLM", "roberta", names=("flax_model.msgpack",), tag="fill-mask"),
        expected=answer(TF, "fill-mask", "FlaxAutoModelForMaskedLM", framework="flax"),
        notes=("transformers < 5",),
    ),
    Row(
        section="formats",
        id="Keras",
        given=repo(
            config={"module": "keras.src.models.functional", "class_name": "Functional", "config": {}},
            names=("metadata.json", "model.weights.h5"),
        ),
        expected=answer("keras", None, "load_model", framework="keras"),
        undecided="keras",
    ),
    Row(
        section="formats",
        id="KerasHub",
        given=repo(
            config={"module": "keras_hub.src.models.bert.bert_backbone", "class_name": "BertBackbone"},
            names=("task.json", "model.weights.h5"),
            tag="text-classification",
        ),
        expected=answer("keras_hub", "text-classification", "from_preset", framework="keras"),
    ),
    Row(
        section="formats",
        id="mlx-community: looks like transformers",
        given=repo("LlamaForCausalLM", "llama", config={"quantization": {"group_size": 64, "bits": 4}}),
        expected=answer("mlx", "text-generation", "load", framework="mlx"),
    ),
    Row(
        section="formats",
        id="TheBloke/CodeLlama-7B-Python-AWQ",
        given=repo("LlamaForCausalLM", "llama", config={"quantization_config": {"quant_method": "awq", "bits": 4}}),
        expected=answer(TF, "text-generation", "AutoModelForCausalLM"),
        notes=("awq",),
    ),
    *(
        Row(
            section="formats",
            id=f"quantised with {method}",
            given=repo("LlamaForCausalLM", "llama", config={"quantization_config": content}),
            expected=answer(TF, "text-generation", "AutoModelForCausalLM"),
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
        given=repo(names=("params.json", "consolidated.safetensors", "tekken.json"), tag="image-text-to-text"),
        expected=answer("mistral_common", "image-text-to-text", None, framework="pt"),
    ),
    Row(
        section="formats",
        id="Mistral's own format beside a config.json",
        given=repo("MistralForCausalLM", "mistral", names=("params.json", "consolidated.safetensors", PT)),
        expected=answer(TF, "text-generation", "AutoModelForCausalLM"),
    ),
    *(
        Row(
            section="formats",
            id=f"{library} by its files {', '.join(names)}",
            given=repo(names=names, tag=tag),
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
            given=repo(names=("pytorch_model.bin",), library_name=name, tag=tag),
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
        given=repo(
            names=("pytorch_model.bin",), tags=("flair", "pytorch", "sequence-tagger-model"), tag="token-classification"
        ),
        expected=answer("flair", "token-classification", "load", framework="pt"),
    ),
    *(
        Row(
            section="formats",
            id=f"weights: {name}",
            given=repo("LlamaForCausalLM", "llama", names=(name,)),
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
