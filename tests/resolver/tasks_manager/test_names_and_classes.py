"""Task names in both directions, and the class for a task, compared with optimum 2.3."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from registry.class_ref import ClassRef
from registry.defaults import default_registry
from registry.export.support_table import SUPPORT_ROWS
from registry.table_rows import AutoMapping
from registry.tables.tasks import WITH_PAST
from resolver.tasks_manager import TasksManager, classes
from resolver.tasks_manager.classes import find_model_class
from resolver.tasks_manager.errors import NoClassError

UPSTREAM_SYNONYMS = {
    # optimum 2.3, exporters/tasks.py.
    "audio-ctc": "automatic-speech-recognition",
    "causal-lm": "text-generation",
    "causal-lm-with-past": "text-generation-with-past",
    "default": "feature-extraction",
    "default-with-past": "feature-extraction-with-past",
    "masked-lm": "fill-mask",
    "mask-generation": "feature-extraction",
    "sentence-similarity": "feature-extraction",
    "seq2seq-lm": "text2text-generation",
    "seq2seq-lm-with-past": "text2text-generation-with-past",
    "sequence-classification": "text-classification",
    "speech2seq-lm": "automatic-speech-recognition",
    "speech2seq-lm-with-past": "automatic-speech-recognition-with-past",
    "summarization": "text2text-generation",
    "text-to-speech": "text-to-audio",
    "translation": "text2text-generation",
    "vision2seq-lm": "image-to-text",
    "zero-shot-classification": "text-classification",
    "image-feature-extraction": "feature-extraction",
    "pretraining": "feature-extraction",
    "stable-diffusion": "text-to-image",
    "stable-diffusion-xl": "text-to-image",
    "latent-consistency": "text-to-image",
}

UPSTREAM_CLASSES = {
    # optimum 2.3 with transformers 5.23; for tasks with several classes, the first.
    "audio-classification": "AutoModelForAudioClassification",
    "audio-frame-classification": "AutoModelForAudioFrameClassification",
    "audio-xvector": "AutoModelForAudioXVector",
    "automatic-speech-recognition": "AutoModelForSpeechSeq2Seq",
    "depth-estimation": "AutoModelForDepthEstimation",
    "feature-extraction": "AutoModel",
    "fill-mask": "AutoModelForMaskedLM",
    "image-classification": "AutoModelForImageClassification",
    "image-segmentation": "AutoModelForImageSegmentation",
    "image-to-image": "AutoModelForImageToImage",
    "image-to-text": "AutoModelForImageTextToText",
    "image-text-to-text": "AutoModelForImageTextToText",
    "masked-im": "AutoModelForMaskedImageModeling",
    "multiple-choice": "AutoModelForMultipleChoice",
    "object-detection": "AutoModelForObjectDetection",
    "question-answering": "AutoModelForQuestionAnswering",
    "reinforcement-learning": "AutoModel",
    "semantic-segmentation": "AutoModelForSemanticSegmentation",
    "text-generation": "AutoModelForCausalLM",
    "text2text-generation": "AutoModelForSeq2SeqLM",
    "text-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
    "visual-question-answering": "AutoModelForVisualQuestionAnswering",
    "zero-shot-image-classification": "AutoModelForZeroShotImageClassification",
    "zero-shot-object-detection": "AutoModelForZeroShotObjectDetection",
}

DIFFERENCES = {
    # Tasks for which optimum has another class or none.
    "mask-generation": "AutoModelForMaskGeneration",
    "text-to-audio": "AutoModelForTextToWaveform",
}


@pytest.mark.parametrize(("synonym", "task"), UPSTREAM_SYNONYMS.items())
def test_synonyms_lead_where_optimums_do(synonym: str, task: str) -> None:
    assert TasksManager.map_from_synonym(synonym) == task
    assert synonym in TasksManager.synonyms_for_task(task)
    assert task in TasksManager.synonyms_for_task(synonym)
    assert synonym not in TasksManager.synonyms_for_task(synonym)


@pytest.mark.parametrize("name", ["image-to-text", "semantic-segmentation", "text-generation", "no-such-task", "auto"])
def test_a_name_that_is_no_synonym_is_not_changed(name: str) -> None:
    assert TasksManager.map_from_synonym(name) == name


def test_a_synonym_leads_to_its_task_in_one_hop() -> None:
    for task in (*default_registry().tasks, *default_registry().task_aliases):
        mapped = TasksManager.map_from_synonym(task)
        assert TasksManager.map_from_synonym(mapped) == mapped


def test_all_tasks_of_optimum_are_there() -> None:
    tasks = TasksManager.get_all_tasks()
    custom = {"time-series-forecasting", "document-question-answering", "keypoint-detection", "inpainting"}
    assert {*UPSTREAM_CLASSES, *UPSTREAM_SYNONYMS.values(), *custom} - {
        name for name in UPSTREAM_SYNONYMS.values() if name.endswith(WITH_PAST)
    } <= set(tasks)
    assert len(tasks) == len(set(tasks))


@pytest.mark.parametrize(("task", "name"), [*UPSTREAM_CLASSES.items(), *DIFFERENCES.items()])
def test_the_class_of_a_task(task: str, name: str) -> None:
    for name_of_task in (task, f"{task}{WITH_PAST}"):
        assert find_model_class(name_of_task, default_registry(), library="transformers").name == name


@pytest.mark.parametrize(
    ("task", "model_type", "name"),
    [
        ("automatic-speech-recognition", "wav2vec2", "AutoModelForCTC"),
        ("automatic-speech-recognition", "whisper", "AutoModelForSpeechSeq2Seq"),
        ("image-segmentation", "detr", "AutoModelForImageSegmentation"),
        ("semantic-segmentation", "segformer", "AutoModelForSemanticSegmentation"),
        ("text-to-audio", "speecht5", "AutoModelForTextToSpectrogram"),
        ("document-question-answering", "vision-encoder-decoder", "VisionEncoderDecoderModel"),
        # The auto class that maps the type, which has a `from_config`; not the architecture itself.
        ("image-to-text", "vision-encoder-decoder", "AutoModelForImageTextToText"),
        ("image-to-text-with-past", "vision-encoder-decoder", "AutoModelForImageTextToText"),
        ("image-to-text", "pix2struct", "Pix2StructForConditionalGeneration"),
        # Of several auto classes that map the type, the one named after the same head.
        ("image-segmentation", "maskformer", "AutoModelForInstanceSegmentation"),
        ("image-segmentation", "mask2former", "AutoModelForUniversalSegmentation"),
        ("feature-extraction", "maskformer", "AutoModel"),
        ("keypoint-detection", "vitpose", "AutoModelForPoseEstimation"),
        ("time-series-forecasting", "patchtst", "PatchTSTForPrediction"),
        # The user registered it with transformers, or the code of a repo defines it.
        ("text-generation", "of-my-own", "AutoModelForCausalLM"),
    ],
)
def test_the_class_for_a_model_type(task: str, model_type: str, name: str) -> None:
    assert find_model_class(task, default_registry(), library="transformers", model_type=model_type).name == name


@pytest.mark.parametrize(
    ("library", "task", "name"),
    [
        ("diffusers", "text-to-image", "AutoPipelineForText2Image"),
        ("diffusers", "inpainting", "AutoPipelineForInpainting"),
        ("sentence_transformers", "feature-extraction", "SentenceTransformer"),
        ("timm", "image-classification", "create_model"),
    ],
)
def test_the_class_of_other_libraries(library: str, task: str, name: str) -> None:
    assert find_model_class(task, default_registry(), library=library).name == name


def test_every_exported_model_type_has_a_class_for_each_of_its_tasks() -> None:
    without = []
    for model_type, _, tasks in SUPPORT_ROWS["transformers"]:
        if model_type == "trocr":
            # The decoder alone; transformers has no class for the base model.
            continue
        for task in tasks:
            try:
                find_model_class(task, default_registry(), library="transformers", model_type=model_type)
            except NoClassError as error:
                without.append(f"{model_type} {task}: {error}")
    assert not without


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"task": "no-such-task"}, KeyError),
        ({"task": "fill-mask", "library": "no-such-library"}, KeyError),
        ({"task": "fill-mask", "framework": "tf"}, ValueError),
        ({"task": "fill-mask", "framework": "no-such-framework"}, ValueError),
        ({"task": "automatic-speech-recognition", "model_type": "bert"}, ValueError),
    ],
)
def test_what_has_no_class_is_the_error_that_optimum_raises(
    arguments: dict[str, Any], kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classes, "TORCH", "json")
    with pytest.raises(kind):
        TasksManager.get_model_class_for_task(**arguments)


def test_without_pytorch_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classes, "TORCH", "no_such_package")
    with pytest.raises(RuntimeError, match="pip install"):
        TasksManager.get_model_class_for_task("fill-mask")


def test_a_release_without_the_auto_class_gives_the_class_it_maps_to() -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("torch")
    registry = replace(
        default_registry(),
        mappings=(
            *default_registry().mappings,
            AutoMapping(
                name="later", task="fill-mask", auto_class="AutoModelOfLater", models={"bert": ("BertForMaskedLM",)}
            ),
        ),
    )
    later = ClassRef("transformers", "AutoModelOfLater")
    assert classes.import_model_class(later, registry, "bert") is transformers.BertForMaskedLM
    with pytest.raises(AttributeError):
        classes.import_model_class(later, registry, "gpt2")


def test_the_imported_class_is_returned() -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("torch")
    by_model_type = TasksManager.get_model_class_for_task("text-generation", model_type="gpt2")
    assert by_model_type is transformers.AutoModelForCausalLM
    by_name = TasksManager.get_model_class_for_task("automatic-speech-recognition", model_class_name="Wav2Vec2ForCTC")
    assert by_name is transformers.Wav2Vec2ForCTC
    with pytest.raises(AttributeError):
        TasksManager.get_model_class_for_task("fill-mask", model_class_name="NoSuchClass")


@pytest.mark.parametrize(
    ("architecture", "model_type", "task"),
    [
        ("VisionEncoderDecoderModel", "vision-encoder-decoder", "image-to-text"),
        ("Pix2StructForConditionalGeneration", "pix2struct", "image-to-text"),
        ("LayoutLMv3ForQuestionAnswering", "layoutlmv3", "question-answering"),
        ("ColPaliForRetrieval", "colpali", "feature-extraction"),
        # An auto class has the task of its own row, whatever is registered for the model types that it loads.
        ("AutoModelForImageTextToText", None, "image-text-to-text"),
        ("AutoModelForVision2Seq", None, "image-to-text"),
        ("AutoModelForDocumentQuestionAnswering", None, "document-question-answering"),
        ("AutoModelForMaskGeneration", None, "mask-generation"),
        ("TFAutoModelForCausalLM", None, "text-generation"),
        ("MaskFormerForInstanceSegmentation", "maskformer", "image-segmentation"),
        ("MaskFormerModel", "maskformer", "feature-extraction"),
        ("LlavaForConditionalGeneration", "llava", "image-text-to-text"),
        ("BartForConditionalGeneration", "bart", "text2text-generation"),
    ],
)
def test_a_model_gets_the_task_name_that_its_type_is_registered_for(
    architecture: str, model_type: str | None, task: str
) -> None:
    config = type("Config", (), {"model_type": model_type})
    model = type(architecture, (), {"__module__": "transformers.models.stand_in", "config_class": config})
    assert TasksManager.infer_task_from_model(model) == task
