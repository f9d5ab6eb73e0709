"""Lists unusual repos with the expected parts of their decisions; `test_edge_cases` runs them. Data only.

The repos are public ones, with shortened configs and file lists; those named `synthetic/...` are invented.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from registry.facts import RepoFacts
from tests.registry.repo_facts import PT, inaccessible, repo, unreadable


@dataclass(frozen=True, kw_only=True)
class Row:
    """One case: facts, the requested task or library, and the expected decision.

    `expected` are fields of the decision. `candidates` must be among the decision's, each of `notes` part of one of its
    notes, and `undecided` part of its reason. Each of `rules` is a rule in the evidence. `section` groups the rows.
    """

    section: str
    id: str
    facts: RepoFacts
    expected: Mapping[str, Any]
    candidates: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    undecided: str | None = None
    rules: tuple[str, ...] = ()
    requested: Mapping[str, str] = field(default_factory=dict)


def expect(library: str | None, task: str | None, model_class: str | None, **more: Any) -> dict[str, Any]:
    return {"library": library, "task": task, "model_class": model_class, **more}


TF = "transformers"
ST = "sentence_transformers"
MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
]
ST_FILES = {"modules.json": MODULES, "config_sentence_transformers.json": {"__version__": {}}}

CONFIG_ODDITIES = (
    Row(
        section="config",
        id="prajjwal1/bert-tiny: a model type without architecture is a trunk",
        facts=repo(None, "bert", names=("pytorch_model.bin",)),
        expected=expect(TF, "feature-extraction", "AutoModel", framework="pt", architecture=None),
    ),
    Row(
        section="config",
        id="a model type without architecture keeps its tag",
        facts=repo(None, "bert", tag="fill-mask"),
        expected=expect(TF, "fill-mask", "AutoModelForMaskedLM"),
    ),
    Row(
        section="config",
        id="audeering/wav2vec2-large-robust-24-ft-age-gender: a generic architecture loads through nothing known",
        facts=repo("Model", "wav2vec2", tag="audio-classification"),
        expected=expect(TF, "audio-classification", None, architecture="Model", conflict=False),
    ),
    Row(
        section="config",
        id="a generic architecture without a tag is undecided",
        facts=repo("Model", "wav2vec2"),
        expected=expect(TF, None, None),
        undecided="Model",
    ),
    Row(
        section="config",
        id="myshell-ai/OpenVoice: another program's config.json is not transformers'",
        facts=repo(
            config={"data": {"sampling_rate": 22050}, "model": {}}, names=("checkpoint.pth",), tag="text-to-speech"
        ),
        expected=expect(None, "text-to-audio", None),
    ),
    Row(
        section="config",
        id="another program's config.json without a tag is undecided",
        facts=repo(config={"data": {}, "model": {}}, names=("checkpoint.pth",)),
        expected=expect(None, None, None),
        undecided="no rule",
    ),
    Row(
        section="config",
        id="facebook/bart-large (older): of several architectures the one that serves the tag",
        facts=repo(["BartModel", "BartForMaskedLM", "BartForSequenceClassification"], "bart", tag="feature-extraction"),
        expected=expect(TF, "feature-extraction", "AutoModel", architecture="BartModel", ambiguous=True),
        candidates=("text-classification",),
    ),
    Row(
        section="config",
        id="of several architectures without a tag the first",
        facts=repo(["BartModel", "BartForConditionalGeneration", "BartForSequenceClassification"], "bart"),
        expected=expect(TF, "feature-extraction", "AutoModel", ambiguous=True),
        candidates=("text2text-generation", "text-classification"),
        notes=("BartForSequenceClassification",),
    ),
    Row(
        section="config",
        id="synthetic/null: architectures null is no architecture",
        facts=repo(config={"architectures": None, "model_type": "bert"}),
        expected=expect(TF, "feature-extraction", "AutoModel"),
    ),
    Row(
        section="config",
        id="synthetic/string: an architecture that is no list is one",
        facts=repo(config={"architectures": "BertForMaskedLM", "model_type": "bert"}),
        expected=expect(TF, "fill-mask", "AutoModelForMaskedLM", ambiguous=False),
    ),
    Row(
        section="config",
        id="synthetic/empty: an empty list is no architecture",
        facts=repo(config={"architectures": [], "model_type": "bert"}),
        expected=expect(TF, "feature-extraction", "AutoModel"),
    ),
    Row(
        section="config",
        id="synthetic/numbers: what is no text is no architecture",
        facts=repo(config={"architectures": [1, None, {}], "model_type": "bert"}),
        expected=expect(TF, "feature-extraction", "AutoModel"),
    ),
    Row(
        section="config",
        id="Alibaba-NLP/gte-multilingual-base: modules.json counts before a left-over head",
        facts=repo(
            "NewForTokenClassification",
            "new",
            tag="sentence-similarity",
            library_name="sentence-transformers",
            names=(PT, "1_Pooling/config.json"),
            files={"modules.json": MODULES},
            auto_map={"AutoModel": "Alibaba-NLP/new-impl--modeling.NewModel"},
        ),
        expected=expect(ST, "sentence-similarity", "SentenceTransformer"),
    ),
    Row(
        section="config",
        id="a nested config does not decide",
        facts=repo(
            "VisionEncoderDecoderModel",
            "vision-encoder-decoder",
            config={
                "encoder": {"model_type": "vit"},
                "decoder": {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]},
            },
        ),
        expected=expect(TF, "image-text-to-text", "AutoModelForImageTextToText", model_type="vision-encoder-decoder"),
    ),
    Row(
        section="config",
        id="OrdalieTech/Solon-embeddings-large-0.1: without model_type the manifests speak",
        facts=repo("XLMRobertaModel", files=ST_FILES, tag="feature-extraction"),
        expected=expect(ST, "feature-extraction", "SentenceTransformer"),
    ),
    Row(
        section="config",
        id="without model_type the architecture decides",
        facts=repo("XLMRobertaModel"),
        expected=expect(TF, "feature-extraction", "XLMRobertaModel"),
    ),
    Row(
        section="config",
        id="neither model_type nor a known architecture is undecided with the reason",
        facts=repo("NoSuchModelEver"),
        expected=expect(TF, None, None),
        undecided="NoSuchModelEver",
        notes=("unknown to transformers",),
    ),
    Row(
        section="config",
        id="DeepGlint-AI/mlcd-vit-bigG-patch14-336: saved and declared model types differ",
        facts=repo("MLCDVisionModel", "mlcd"),
        expected=expect(TF, "image-feature-extraction", "AutoModel"),
    ),
    Row(
        section="config",
        id="mosaicml/mpt-7b: a remote spelling is matched without regard to case and flagged",
        facts=repo("MPTForCausalLM", "mpt", auto_map={"AutoModelForCausalLM": "modeling_mpt.MPTForCausalLM"}),
        expected=expect(TF, "text-generation", "AutoModelForCausalLM", requires_remote_code=False),
        notes=("MptForCausalLM", "its own code"),
    ),
    Row(
        section="config",
        id="a config that is no JSON leaves the tag to speak",
        facts=repo(config=unreadable("line 1: not JSON"), tag="fill-mask", library_name="transformers"),
        expected=expect(TF, "fill-mask", None),
        notes=("not JSON",),
    ),
    Row(
        section="config",
        id="a config that is no JSON and no tag is undecided with the reason",
        facts=repo(config=unreadable("line 1: not JSON")),
        expected=expect(TF, None, None),
        undecided="not JSON",
    ),
    Row(
        section="config",
        id="a config in subfolders only: the places found are listed",
        facts=repo(
            names=("checkpoints/base/config.json", "checkpoints/converter/config.json", "checkpoints/base/a.pth")
        ),
        expected=expect(None, None, None),
        undecided="checkpoints/base/config.json",
    ),
)

TASK_AGAINST_ARCHITECTURE = (
    Row(
        section="task",
        id="facebook/bart-large-cnn",
        facts=repo("BartForConditionalGeneration", "bart", tag="summarization"),
        expected=expect(TF, "summarization", "AutoModelForSeq2SeqLM", conflict=False),
        candidates=("text2text-generation",),
    ),
    Row(
        section="task",
        id="facebook/bart-large-cnn without its tag",
        facts=repo("BartForConditionalGeneration", "bart"),
        expected=expect(TF, "text2text-generation", "AutoModelForSeq2SeqLM"),
    ),
    Row(
        section="task",
        id="facebook/bart-large-mnli",
        facts=repo("BartForSequenceClassification", "bart", tag="zero-shot-classification"),
        expected=expect(TF, "zero-shot-classification", "AutoModelForSequenceClassification"),
        candidates=("text-classification",),
    ),
    Row(
        section="task",
        id="facebook/bart-base",
        facts=repo("BartModel", "bart", tag="feature-extraction"),
        expected=expect(TF, "feature-extraction", "AutoModel"),
    ),
    Row(
        section="task",
        id="Helsinki-NLP/opus-mt-en-de",
        facts=repo("MarianMTModel", "marian", tag="translation", names=("pytorch_model.bin", "tf_model.h5")),
        expected=expect(TF, "translation", "AutoModelForSeq2SeqLM", framework="pt", weights=("pt", "tf")),
        candidates=("text2text-generation",),
    ),
    Row(
        section="task",
        id="Qwen/Qwen3-Embedding-0.6B",
        facts=repo(
            "Qwen3ForCausalLM", "qwen3", tag="feature-extraction", files=ST_FILES, names=(PT, "1_Pooling/config.json")
        ),
        expected=expect(ST, "feature-extraction", "SentenceTransformer"),
    ),
    Row(
        section="task",
        id="an embedder whose only sign is its pooling",
        facts=repo("Qwen2ForCausalLM", "qwen2", tag="sentence-similarity", names=(PT, "1_Pooling/config.json")),
        expected=expect(ST, "sentence-similarity", "SentenceTransformer"),
    ),
    Row(
        section="task",
        id="intfloat/e5-mistral-7b-instruct without its manifests",
        facts=repo("MistralModel", "mistral"),
        expected=expect(TF, "feature-extraction", "AutoModel"),
    ),
    Row(
        section="task",
        id="cross-encoder/ms-marco-MiniLM-L6-v2",
        facts=repo(
            "BertForSequenceClassification",
            "bert",
            tag="text-ranking",
            library_name="sentence-transformers",
            config={
                "sentence_transformers": {"activation_fn": "torch.nn.Identity", "version": "4.0"},
                "id2label": {"0": "LABEL_0"},
            },
        ),
        expected=expect(ST, "text-ranking", "CrossEncoder", conflict=False),
    ),
    Row(
        section="task",
        id="a cross-encoder of before 4.0: one label and the ranking tag",
        facts=repo("BertForSequenceClassification", "bert", tag="text-ranking", config={"id2label": {"0": "LABEL_0"}}),
        expected=expect(TF, "text-ranking", "AutoModelForSequenceClassification", conflict=False),
        candidates=("text-classification",),
    ),
    Row(
        section="task",
        id="Qwen/Qwen3-Reranker-0.6B",
        facts=repo("Qwen3ForCausalLM", "qwen3", tag="text-ranking"),
        expected=expect(TF, "text-ranking", "AutoModelForCausalLM", conflict=False),
        candidates=("text-generation",),
    ),
    Row(
        section="task",
        id="tomaarsen/Qwen3-Reranker-0.6B-seq-cls",
        facts=repo("Qwen3ForSequenceClassification", "qwen3", tag="text-ranking"),
        expected=expect(TF, "text-ranking", "AutoModelForSequenceClassification"),
    ),
    Row(
        section="task",
        id="Skywork/Skywork-Reward-Llama-3.1-8B",
        facts=repo(
            "LlamaForSequenceClassification", "llama", tag="text-classification", config={"id2label": {"0": "LABEL_0"}}
        ),
        expected=expect(TF, "text-classification", "AutoModelForSequenceClassification"),
    ),
    Row(
        section="task",
        id="Qwen/Qwen2.5-Math-RM-72B: a reward head of the repo's own",
        facts=repo("Qwen2ForRewardModel", "qwen2", auto_map={"AutoModel": "modeling_qwen2_rm.Qwen2ForRewardModel"}),
        expected=expect(TF, "text-classification", "modeling_qwen2_rm.Qwen2ForRewardModel", requires_remote_code=True),
        notes=("reward",),
    ),
    Row(
        section="task",
        id="naver/splade-v3",
        facts=repo(
            "BertForMaskedLM",
            "bert",
            tag="feature-extraction",
            files={"modules.json": MODULES, "config_sentence_transformers.json": {"model_type": "SparseEncoder"}},
        ),
        expected=expect(ST, "feature-extraction", "SparseEncoder"),
    ),
    Row(
        section="task",
        id="naver/splade-v3 known by its tags alone",
        facts=repo(
            "BertForMaskedLM",
            "bert",
            tag="feature-extraction",
            library_name="sentence-transformers",
            tags=("sentence-transformers", "sparse-encoder", "splade"),
        ),
        expected=expect(ST, "feature-extraction", "SparseEncoder", conflict=False),
    ),
    Row(
        section="task",
        id="lightonai/GTE-ModernColBERT-v1",
        facts=repo(
            "ModernBertModel",
            "modernbert",
            tag="sentence-similarity",
            library_name="PyLate",
            files={"modules.json": [{"idx": 0, "path": "", "type": "pylate.models.Dense.Dense"}]},
        ),
        expected=expect("pylate", "sentence-similarity", "ColBERT"),
    ),
    Row(
        section="task",
        id="vidore/colpali-v1.2-hf",
        facts=repo("ColPaliForRetrieval", "colpali", tag="visual-document-retrieval"),
        expected=expect(TF, "visual-document-retrieval", "ColPaliForRetrieval"),
    ),
    Row(
        section="task",
        id="openai/whisper-small",
        facts=repo("WhisperForConditionalGeneration", "whisper", tag="automatic-speech-recognition"),
        expected=expect(TF, "automatic-speech-recognition", "AutoModelForSpeechSeq2Seq"),
    ),
    Row(
        section="task",
        id="jonatasgrosman/wav2vec2-large-xlsr-53-russian",
        facts=repo("Wav2Vec2ForCTC", "wav2vec2", tag="automatic-speech-recognition"),
        expected=expect(TF, "automatic-speech-recognition", "AutoModelForCTC"),
    ),
    *(
        Row(
            section="task",
            id=f"nvidia/parakeet with {name}",
            facts=repo(name, model_type, tag="automatic-speech-recognition"),
            expected=expect(TF, "automatic-speech-recognition", auto_class),
        )
        for name, model_type, auto_class in (
            ("ParakeetForCTC", "parakeet_ctc", "AutoModelForCTC"),
            ("ParakeetForTDT", "parakeet_tdt", "AutoModelForTDT"),
            ("ParakeetForRNNT", "parakeet_rnnt", "AutoModelForRNNT"),
        )
    ),
    Row(
        section="task",
        id="nvidia/parakeet as a NeMo archive only",
        facts=repo(tag="automatic-speech-recognition", library_name="nemo", names=("parakeet-tdt-0.6b-v2.nemo",)),
        expected=expect("nemo", "automatic-speech-recognition", "ASRModel"),
    ),
    Row(
        section="task",
        id="suno/bark-small",
        facts=repo("BarkModel", "bark", tag="text-to-speech"),
        expected=expect(TF, "text-to-audio", "AutoModelForTextToWaveform"),
    ),
    Row(
        section="task",
        id="facebook/mms-tts-eng without its tag",
        facts=repo("VitsModel", "vits"),
        expected=expect(TF, "text-to-audio", "AutoModelForTextToWaveform"),
        candidates=("feature-extraction",),
    ),
    Row(
        section="task",
        id="microsoft/speecht5_tts",
        facts=repo("SpeechT5ForTextToSpeech", "speecht5"),
        expected=expect(TF, "text-to-audio", "AutoModelForTextToSpectrogram"),
    ),
    Row(
        section="task",
        id="openai/clip-vit-base-patch32",
        facts=repo("CLIPModel", "clip", tag="zero-shot-image-classification"),
        expected=expect(TF, "zero-shot-image-classification", "AutoModelForZeroShotImageClassification"),
    ),
    Row(
        section="task",
        id="facebook/dinov2-small",
        facts=repo("Dinov2Model", "dinov2"),
        expected=expect(TF, "image-feature-extraction", "AutoModel"),
    ),
    Row(
        section="task",
        id="facebook/sam-vit-huge",
        facts=repo("SamModel", "sam"),
        expected=expect(TF, "mask-generation", "AutoModelForMaskGeneration"),
    ),
    *(
        Row(
            section="task",
            id=f"segmentation: {name}",
            facts=repo(name, model_type, tag="image-segmentation"),
            expected=expect(TF, "image-segmentation", auto_class),
        )
        for name, model_type, auto_class in (
            ("DetrForSegmentation", "detr", "AutoModelForImageSegmentation"),
            ("SegformerForSemanticSegmentation", "segformer", "AutoModelForSemanticSegmentation"),
            ("Mask2FormerForUniversalSegmentation", "mask2former", "AutoModelForUniversalSegmentation"),
            ("MaskFormerForInstanceSegmentation", "maskformer", "AutoModelForInstanceSegmentation"),
            ("OneFormerForUniversalSegmentation", "oneformer", "AutoModelForUniversalSegmentation"),
        )
    ),
    *(
        Row(
            section="task",
            id=f"one type, two classes: {name}",
            facts=repo(name, model_type),
            expected=expect(TF, "image-classification", "AutoModelForImageClassification"),
        )
        for name, model_type in (
            ("DeiTForImageClassification", "deit"),
            ("DeiTForImageClassificationWithTeacher", "deit"),
            ("LevitForImageClassification", "levit"),
            ("LevitForImageClassificationWithTeacher", "levit"),
        )
    ),
    *(
        Row(
            section="task",
            id=name,
            facts=repo(
                architecture, model_type, tag=tag, config={"text_config": {"model_type": "llama"}, "vision_config": {}}
            ),
            expected=expect(TF, "image-text-to-text", "AutoModelForImageTextToText", conflict=False),
        )
        for name, architecture, model_type, tag in (
            ("llava-hf/llava-1.5-7b-hf", "LlavaForConditionalGeneration", "llava", "image-text-to-text"),
            ("llava-hf/llava-1.5-7b-hf without its tag", "LlavaForConditionalGeneration", "llava", None),
            ("google/gemma-3-4b-it", "Gemma3ForConditionalGeneration", "gemma3", "image-text-to-text"),
            ("google/gemma-3-4b-it without its tag", "Gemma3ForConditionalGeneration", "gemma3", None),
            ("google/gemma-3n-E4B-it", "Gemma3nForConditionalGeneration", "gemma3n", "image-text-to-text"),
        )
    ),
    Row(
        section="task",
        id="google/gemma-3-1b-it",
        facts=repo("Gemma3ForCausalLM", "gemma3_text", tag="text-generation"),
        expected=expect(TF, "text-generation", "AutoModelForCausalLM"),
    ),
    Row(
        section="task",
        id="Qwen/Qwen2.5-Omni-7B: the name of a family without a head",
        facts=repo("Qwen2_5OmniModel", "qwen2_5_omni", tag="any-to-any"),
        expected=expect(TF, "any-to-any", "AutoModelForMultimodalLM", conflict=False),
    ),
    Row(
        section="task",
        id="Qwen/Qwen2.5-Omni-7B without its tag is not text-to-audio",
        facts=repo("Qwen2_5OmniForConditionalGeneration", "qwen2_5_omni"),
        expected=expect(TF, "any-to-any", "AutoModelForMultimodalLM"),
        candidates=("text-to-audio",),
    ),
    Row(
        section="task",
        id="Qwen/Qwen2-Audio-7B-Instruct",
        facts=repo("Qwen2AudioForConditionalGeneration", "qwen2_audio", tag="audio-text-to-text"),
        expected=expect(TF, "audio-text-to-text", "AutoModelForSeq2SeqLM", conflict=False),
    ),
    Row(
        section="task",
        id="mistralai/Voxtral-Mini-3B-2507",
        facts=repo("VoxtralForConditionalGeneration", "voxtral", tag="audio-text-to-text"),
        expected=expect(TF, "audio-text-to-text", "AutoModelForSpeechSeq2Seq", conflict=False),
    ),
    Row(
        section="task",
        id="microsoft/Phi-4-multimodal-instruct: a tag narrower than the model",
        facts=repo(
            "Phi4MMForCausalLM",
            "phi4mm",
            tag="automatic-speech-recognition",
            auto_map={"AutoConfig": "c.Phi4MMConfig", "AutoModelForCausalLM": "modeling_phi4mm.Phi4MMForCausalLM"},
            config={"vision_lora": {}, "img_processor": None, "audio_processor": {"name": "cascades"}},
        ),
        expected=expect(
            TF,
            "automatic-speech-recognition",
            "modeling_phi4mm.Phi4MMForCausalLM",
            requires_remote_code=True,
            conflict=True,
        ),
        candidates=("image-text-to-text",),
    ),
    Row(
        section="task",
        id="microsoft/trocr-base-printed",
        facts=repo("VisionEncoderDecoderModel", "vision-encoder-decoder", tag="image-to-text"),
        expected=expect(TF, "image-to-text", "VisionEncoderDecoderModel", conflict=False),
        candidates=("image-text-to-text",),
    ),
    Row(
        section="task",
        id="naver-clova-ix/donut-base-finetuned-docvqa",
        facts=repo("VisionEncoderDecoderModel", "vision-encoder-decoder", tag="document-question-answering"),
        expected=expect(TF, "document-question-answering", "VisionEncoderDecoderModel", conflict=False),
    ),
    Row(
        section="task",
        id="impira/layoutlm-document-qa",
        facts=repo("LayoutLMv3ForQuestionAnswering", "layoutlmv3", tag="document-question-answering"),
        expected=expect(TF, "document-question-answering", "AutoModelForDocumentQuestionAnswering"),
        candidates=("question-answering",),
    ),
    Row(
        section="task",
        id="mistralai/Mistral-7B-Instruct-v0.3: no tag at all",
        facts=repo("MistralForCausalLM", "mistral"),
        expected=expect(TF, "text-generation", "AutoModelForCausalLM"),
    ),
    Row(
        section="task",
        id="a tag that is not known is passed on",
        facts=repo("LlamaForCausalLM", "llama", tag="text-to-smell"),
        expected=expect(TF, "text-to-smell", "AutoModelForCausalLM", conflict=False),
        candidates=("text-generation",),
    ),
    Row(
        section="task",
        id="a robotics tag on a language model",
        facts=repo("LlamaForCausalLM", "llama", tag="robotics"),
        expected=expect(TF, "robotics", "AutoModelForCausalLM", conflict=False),
    ),
    Row(
        section="task",
        id="microsoft/DialoGPT-medium: a retired tag",
        facts=repo("GPT2LMHeadModel", "gpt2", tag="conversational"),
        expected=expect(TF, "text-generation", "AutoModelForCausalLM", conflict=False),
    ),
    Row(
        section="task",
        id="google/flan-t5-base: a retired tag that is still a task of export",
        facts=repo("T5ForConditionalGeneration", "t5", tag="text2text-generation"),
        expected=expect(TF, "text2text-generation", "AutoModelForSeq2SeqLM", conflict=False),
    ),
    Row(
        section="task",
        id="a tag that the architecture cannot serve",
        facts=repo("BertForMaskedLM", "bert", tag="text-to-image"),
        expected=expect(TF, "fill-mask", "AutoModelForMaskedLM", conflict=True),
    ),
)

CODE_AND_VERSIONS = (
    Row(
        section="code",
        id="OpenGVLab/InternVL3-1B: remote code for images and words, without a tag",
        facts=repo(
            "InternVLChatModel",
            "internvl_chat",
            auto_map={
                "AutoModel": "modeling_internvl_chat.InternVLChatModel",
                "AutoModelForCausalLM": "modeling_internvl_chat.InternVLChatModel",
            },
            config={"vision_config": {}, "llm_config": {}},
        ),
        expected=expect(
            TF, "image-text-to-text", "modeling_internvl_chat.InternVLChatModel", requires_remote_code=True
        ),
        candidates=("text-generation",),
    ),
    Row(
        section="code",
        id="facebook/seamless-m4t-v2-large: one model for all",
        facts=repo("SeamlessM4Tv2Model", "seamless_m4t_v2", tag="automatic-speech-recognition"),
        expected=expect(TF, "automatic-speech-recognition", "SeamlessM4Tv2Model", conflict=False),
    ),
    Row(
        section="code",
        id="THUDM/chatglm3-6b",
        facts=repo(
            "ChatGLMModel",
            "chatglm",
            auto_map={
                "AutoConfig": "configuration_chatglm.ChatGLMConfig",
                "AutoModel": "modeling_chatglm.ChatGLMForConditionalGeneration",
                "AutoModelForCausalLM": "modeling_chatglm.ChatGLMForConditionalGeneration",
                "AutoModelForSeq2SeqLM": "modeling_chatglm.ChatGLMForConditionalGeneration",
                "AutoModelForSequenceClassification": "modeling_chatglm.ChatGLMForSequenceClassification",
            },
        ),
        expected=expect(
            TF, "text-generation", "modeling_chatglm.ChatGLMForConditionalGeneration", requires_remote_code=True
        ),
    ),
    Row(
        section="code",
        id="codesage/codesage-large",
        facts=repo(
            "CodeSage",
            "codesage",
            auto_map={
                "AutoModel": "modeling_codesage.CodeSageModel",
                "AutoModelForMaskedLM": "modeling_codesage.CodeSageForMaskedLM",
                "AutoModelForSequenceClassification": "modeling_codesage.CodeSageForSequenceClassification",
            },
        ),
        expected=expect(TF, "feature-extraction", "modeling_codesage.CodeSageModel", requires_remote_code=True),
        candidates=("fill-mask", "text-classification"),
    ),
    Row(
        section="code",
        id="code in another repo",
        facts=repo("Foo", "foo", auto_map={"AutoModelForCausalLM": "other/repo--file.FooForCausalLM"}),
        expected=expect(TF, "text-generation", "other/repo--file.FooForCausalLM", requires_remote_code=True),
    ),
    Row(
        section="code",
        id="MiniMaxAI/MiniMax-M3: native and remote are both listed",
        facts=repo(
            "MiniMaxM2ForCausalLM", "minimax_m2", auto_map={"AutoModelForCausalLM": "modeling.MiniMaxM2ForCausalLM"}
        ),
        expected=expect(TF, "text-generation", "AutoModelForCausalLM", requires_remote_code=False),
        notes=("its own code: modeling.MiniMaxM2ForCausalLM",),
    ),
    Row(
        section="code",
        id="allenai/Olmo-Hybrid-Instruct-SFT-7B: newer than older releases",
        facts=repo("OlmoHybridForCausalLM", "olmo_hybrid"),
        expected=expect(TF, "text-generation", "AutoModelForCausalLM"),
        notes=("needs transformers >= 5.",),
    ),
    Row(
        section="code",
        id="newer than every known release",
        facts=repo("ZzyzxForCausalLM", "zzyzx", config={"transformers_version": "5.99.0"}),
        expected=expect(TF, "text-generation", "AutoModelForCausalLM"),
        notes=("unknown to transformers", "written with transformers 5.99.0", "derived from the class name"),
    ),
    Row(
        section="code",
        id="an architecture removed since",
        facts=repo("TransfoXLLMHeadModel", "transfo-xl"),
        expected=expect(TF, "text-generation", "AutoModelForCausalLM"),
        notes=("until 4.57.6",),
    ),
    Row(
        section="code",
        id="meta-llama/Llama-3.1-8B: gated, decided from the API response",
        facts=repo(
            config=inaccessible(),
            tag="text-generation",
            library_name="transformers",
            gated="manual",
            extract={"architectures": ["LlamaForCausalLM"], "model_type": "llama"},
        ),
        expected=expect(TF, "text-generation", "AutoModelForCausalLM", framework="pt"),
        notes=("gated",),
    ),
    Row(
        section="code",
        id="black-forest-labs/FLUX.1-dev: gated, its index not to be read",
        facts=repo(
            tag="text-to-image",
            library_name="diffusers",
            files={"model_index.json": inaccessible()},
            gated="auto",
            extract={"diffusers": {"_class_name": "FluxPipeline"}},
        ),
        expected=expect("diffusers", "text-to-image", "AutoPipelineForText2Image"),
    ),
    Row(
        section="code",
        id="an empty repo",
        facts=repo(names=(".gitattributes",)),
        expected=expect(None, None, None, framework=None),
        undecided="empty",
    ),
)
