"""`find_class`: the class for a task and a kind of model, as rows; and the errors where there is none."""

from __future__ import annotations

from typing import Any

import pytest

from registry.class_ref import ClassRef, parse_class_ref
from registry.defaults import default_registry
from registry.errors import ContradictionError, MalformedReferenceError, UnknownNameError
from registry.queries.find_class import find_class
from registry.queries.supported_tasks import list_library_tasks, list_model_type_tasks

pytestmark = pytest.mark.pure

TRANSFORMERS: tuple[tuple[str, dict[str, Any], str], ...] = (
    # (task, keyword arguments, class); "optimum" marks rows of TasksManager 2.3, exporters/tasks.py.
    ("text-generation", {}, "AutoModelForCausalLM"),
    ("causal-lm-with-past", {}, "AutoModelForCausalLM"),  # optimum
    ("default", {"model_type": "bert"}, "AutoModel"),  # optimum
    ("feature-extraction", {"architecture": "BertForMaskedLM"}, "AutoModel"),
    ("translation", {"model_type": "marian"}, "AutoModelForSeq2SeqLM"),
    ("translation", {}, "AutoModelForSeq2SeqLM"),
    ("text-ranking", {"model_type": "bert"}, "AutoModelForSequenceClassification"),
    (
        "zero-shot-classification",
        {"architecture": "BartForSequenceClassification"},
        "AutoModelForSequenceClassification",
    ),
    ("image-classification", {"architecture": "DeiTForImageClassification"}, "AutoModelForImageClassification"),
    (
        "image-classification",
        {"architecture": "DeiTForImageClassificationWithTeacher", "model_type": "deit"},
        "AutoModelForImageClassification",
    ),
    ("image-classification", {"model_type": "levit"}, "AutoModelForImageClassification"),
    ("automatic-speech-recognition", {"model_type": "whisper"}, "AutoModelForSpeechSeq2Seq"),
    ("automatic-speech-recognition", {"model_type": "wav2vec2"}, "AutoModelForCTC"),
    ("automatic-speech-recognition", {"model_type": "parakeet_tdt"}, "AutoModelForTDT"),
    ("automatic-speech-recognition", {"model_type": "parakeet_rnnt"}, "AutoModelForRNNT"),
    ("audio-ctc", {"architecture": "Wav2Vec2ForCTC"}, "AutoModelForCTC"),  # optimum
    ("image-segmentation", {"model_type": "detr"}, "AutoModelForImageSegmentation"),
    ("image-segmentation", {"model_type": "segformer"}, "AutoModelForSemanticSegmentation"),
    ("image-segmentation", {"model_type": "mask2former"}, "AutoModelForUniversalSegmentation"),
    (
        "image-segmentation",
        {"architecture": "MaskFormerForInstanceSegmentation"},
        "AutoModelForInstanceSegmentation",
    ),
    ("semantic-segmentation", {"model_type": "segformer"}, "AutoModelForSemanticSegmentation"),  # optimum
    ("text-to-audio", {"model_type": "speecht5"}, "AutoModelForTextToSpectrogram"),
    ("text-to-speech", {"model_type": "vits"}, "AutoModelForTextToWaveform"),
    ("document-question-answering", {"model_type": "vision-encoder-decoder"}, "VisionEncoderDecoderModel"),  # optimum
    ("image-to-text", {"model_type": "pix2struct"}, "Pix2StructForConditionalGeneration"),  # optimum
    ("visual-question-answering", {"model_type": "pix2struct"}, "Pix2StructForConditionalGeneration"),  # optimum
    ("question-answering", {"model_type": "visual_bert"}, "VisualBertForQuestionAnswering"),  # optimum
    ("time-series-forecasting", {"model_type": "patchtst"}, "PatchTSTForPrediction"),  # optimum
    ("time-series-forecasting", {"model_type": "patchtsmixer"}, "PatchTSMixerForPrediction"),  # optimum
    ("keypoint-detection", {"model_type": "vitpose"}, "AutoModelForPoseEstimation"),
    ("visual-document-retrieval", {"model_type": "colpali"}, "ColPaliForRetrieval"),
    ("image-text-to-text", {"model_type": "llava"}, "AutoModelForImageTextToText"),
    ("image-text-to-text", {"model_type": "gemma3"}, "AutoModelForImageTextToText"),
    ("text-generation", {"architecture": "mptforcausallm"}, "AutoModelForCausalLM"),
    ("text-generation", {"architecture": "TransfoXLLMHeadModel"}, "AutoModelForCausalLM"),
    ("feature-extraction", {"architecture": "BarkSemanticModel"}, "BarkSemanticModel"),
    (
        "text-generation",
        {"architecture": "ChatGLMModel", "model_type": "chatglm", "auto_map": {"AutoModelForCausalLM": "m.ChatGLM"}},
        "AutoModelForCausalLM",
    ),
    (
        "summarization",
        {"auto_map": {"AutoModelForSeq2SeqLM": "m.Mine", "AutoModel": "m.Trunk"}},
        "AutoModelForSeq2SeqLM",
    ),
    ("fill-mask", {"framework": "tf"}, "TFAutoModelForMaskedLM"),
    ("fill-mask", {"framework": "tf", "model_type": "bert"}, "TFAutoModelForMaskedLM"),
    ("fill-mask", {"framework": "tensorflow", "architecture": "BertForMaskedLM"}, "TFAutoModelForMaskedLM"),
    (
        "text2text-generation",
        {"framework": "tf", "architecture": "TFT5ForConditionalGeneration"},
        "TFAutoModelForSeq2SeqLM",
    ),
    ("fill-mask", {"framework": "flax", "model_type": "roberta"}, "FlaxAutoModelForMaskedLM"),
)

OTHERS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("text-to-image", {"library": "diffusers"}, "diffusers:AutoPipelineForText2Image"),
    ("stable-diffusion", {"library": "diffusers"}, "diffusers:AutoPipelineForText2Image"),
    ("inpainting", {"library": "diffusers"}, "diffusers:AutoPipelineForInpainting"),
    (
        "image-to-video",
        {"library": "diffusers", "architecture": "StableVideoDiffusionPipeline"},
        "diffusers:StableVideoDiffusionPipeline",
    ),
    ("text-to-image", {"library": "diffusers", "model_type": "flux"}, "diffusers:AutoPipelineForText2Image"),
    ("text-to-3d", {"library": "diffusers"}, "diffusers:DiffusionPipeline"),
    ("feature-extraction", {"library": "sentence-transformers"}, "sentence_transformers:SentenceTransformer"),
    (
        "sentence-similarity",
        {"library": "sentence_transformers", "model_type": "bert"},
        "sentence_transformers:SentenceTransformer",
    ),
    (
        "feature-extraction",
        {"library": "sentence_transformers", "architecture": "SparseEncoder"},
        "sentence_transformers:SparseEncoder",
    ),
    ("text-ranking", {"library": "sentence_transformers"}, "sentence_transformers:CrossEncoder"),
    ("image-classification", {"library": "timm"}, "timm:create_model"),
    ("text-generation", {"library": "peft"}, "peft:AutoPeftModelForCausalLM"),
    ("automatic-speech-recognition", {"library": "peft"}, "peft:AutoPeftModel"),
    ("zero-shot-image-classification", {"library": "open_clip"}, "open_clip:create_model_from_pretrained"),
    ("automatic-speech-recognition", {"library": "nemo"}, "nemo.collections.asr.models:ASRModel"),
)


@pytest.mark.parametrize(("task", "known", "expected"), TRANSFORMERS)
def test_transformers_loads_it_with(task: str, known: dict[str, Any], expected: str) -> None:
    assert find_class(task, default_registry(), **known) == ClassRef("transformers", expected)


@pytest.mark.parametrize(("task", "known", "expected"), OTHERS)
def test_other_libraries_load_it_with(task: str, known: dict[str, Any], expected: str) -> None:
    assert str(find_class(task, default_registry(), **known)) == expected


@pytest.mark.parametrize(
    ("task", "known", "nearest"),
    [
        ("text-generaton", {}, "'text-generation'"),
        ("fill-mask-with-past", {}, "fill-mask-with-past"),
        ("text-generation", {"library": "transfomers"}, "'transformers'"),
        ("text-generation", {"framework": "tff"}, "'tf'"),
        ("text-generation", {"model_type": "lama"}, "'llama'"),
        ("text-generation", {"architecture": "LlamaForCausalML"}, "'LlamaForCausalLM'"),
        ("text-to-image", {"library": "diffusers", "architecture": "FluxPipelin"}, "'FluxPipeline'"),
        ("text-to-image", {"library": "diffusers", "model_type": "fluxx"}, "'flux'"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(task: str, known: dict[str, Any], nearest: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        find_class(task, default_registry(), **known)

    assert nearest in str(caught.value)


@pytest.mark.parametrize(
    ("task", "known", "reason"),
    [
        ("text-to-image", {"architecture": "BertForMaskedLM"}, "it serves fill-mask"),
        ("image-segmentation", {"model_type": "bert"}, "bert has no class for image-segmentation; it serves"),
        ("text-to-3d", {}, "no auto class for text-to-3d"),
        ("fill-mask", {"framework": "onnx"}, "weights of pt, tf, flax, not of onnx"),
        ("fill-mask", {"framework": "tf", "model_type": "modernbert"}, "no tf class"),
        ("fill-mask", {"auto_map": {"AutoModelForCausalLM": "m.C"}}, "it serves text-generation"),
        ("fill-mask", {"library": "diffusers", "architecture": "FluxPipeline"}, "it serves text-to-image"),
        ("fill-mask", {"library": "sentence_transformers"}, "it serves"),
        ("text-ranking", {"library": "sentence_transformers", "architecture": "SparseEncoder"}, "SparseEncoder cannot"),
        ("fill-mask", {"library": "timm"}, "timm has no class for fill-mask"),
        ("text-generation", {"library": "gguf"}, "no class is known"),
    ],
)
def test_a_task_that_no_class_serves_is_refused_with_the_reason(task: str, known: dict[str, Any], reason: str) -> None:
    with pytest.raises(ContradictionError) as caught:
        find_class(task, default_registry(), **known)

    assert reason in str(caught.value)


def test_the_class_of_every_mapped_architecture_is_found_for_every_task_it_serves() -> None:
    registry = default_registry()
    for architecture, rows in registry.served_tasks.items():
        if rows[-1].until is not None or architecture in registry.custom_classes:
            continue
        for row in rows:
            for model_type in row.model_types:
                found = find_class(row.task, registry, architecture=architecture, model_type=model_type)
                loads = registry.auto_class_models.get(found.name, {}).get(model_type, (found.name,))
                assert architecture in loads, (architecture, row.task, found)


def test_the_tasks_of_a_model_type_are_given_with_their_classes() -> None:
    tasks = list_model_type_tasks("bert", default_registry())

    assert tasks["fill-mask"] == ("AutoModelForMaskedLM",)
    assert tasks["feature-extraction"] == ("AutoModel", "AutoModelForTextEncoding")
    assert {"text-classification", "token-classification", "question-answering", "multiple-choice"} <= set(tasks)
    assert list_model_type_tasks("nothing", default_registry()) == {}


def test_a_class_reference_is_parsed_as_it_is_printed() -> None:
    ref = parse_class_ref("nemo.collections.asr.models:ASRModel.from_pretrained")

    assert (ref.package, ref.module, ref.name) == ("nemo", "nemo.collections.asr.models", "ASRModel.from_pretrained")
    assert parse_class_ref(str(ref)) == ref


@pytest.mark.parametrize(
    "text", ["", "transformers", "transformers.AutoModel", ":AutoModel", "a:", "a b:C", "a:C d", "1:C"]
)
def test_a_malformed_class_reference_is_refused(text: str) -> None:
    with pytest.raises(MalformedReferenceError):
        parse_class_ref(text)


@pytest.mark.parametrize(
    ("library", "task", "classes"),
    [
        ("transformers", "automatic-speech-recognition", ("AutoModelForSpeechSeq2Seq", "AutoModelForTDT")),
        ("transformers", "audio-to-audio", ()),
        ("diffusers", "text-to-image", ("AutoPipelineForText2Image",)),
        ("diffusers", "text-to-3d", ("ShapEPipeline",)),
        ("sentence_transformers", "text-ranking", ("CrossEncoder",)),
        ("peft", "text-generation", ("AutoPeftModelForCausalLM",)),
        ("timm", "image-classification", ("create_model",)),
    ],
)
def test_the_tasks_of_a_library_are_given_with_their_classes(library: str, task: str, classes: tuple[str, ...]) -> None:
    assert set(classes) <= set(list_library_tasks(library, default_registry())[task])


def test_the_tasks_of_every_library_are_known() -> None:
    registry = default_registry()

    for library in registry.libraries:
        assert list_library_tasks(library, registry).keys() <= registry.tasks.keys()
