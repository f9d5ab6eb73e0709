"""The tables and calls of the three ages of optimum's manual of its TasksManager; each row names its age.

Old: the first manual, with names such as `causal-lm`. Middle: names of the Hub, PyTorch and TensorFlow. New: optimum 2.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from registry.defaults import default_registry
from registry.queries.find_class import find_class
from resolver.errors import ResolveError
from resolver.tasks_manager import (
    ExportConfigConstructor,
    TasksManager,
    make_backend_config_constructor_for_task,
    repo_queries,
)
from resolver.tasks_manager.classes import find_model_class
from resolver.tasks_manager.errors import NoClassError
from tests.resolver.tasks_manager.conftest import HubAndStore

PAST = "-with-past"

Manager: Any = TasksManager
"""TasksManager, for calls of older forms, which type checkers do not know."""

OLD_CLASSES = {
    # The old manual's table for PyTorch.
    "causal-lm": "AutoModelForCausalLM",
    "causal-lm-with-past": "AutoModelForCausalLM",
    "default": "AutoModel",
    "default-with-past": "AutoModel",
    "masked-lm": "AutoModelForMaskedLM",
    "question-answering": "AutoModelForQuestionAnswering",
    "seq2seq-lm": "AutoModelForSeq2SeqLM",
    "seq2seq-lm-with-past": "AutoModelForSeq2SeqLM",
    "sequence-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
    "multiple-choice": "AutoModelForMultipleChoice",
    "image-classification": "AutoModelForImageClassification",
    "object-detection": "AutoModelForObjectDetection",
    "image-segmentation": "AutoModelForImageSegmentation",
    "masked-im": "AutoModelForMaskedImageModeling",
    "semantic-segmentation": "AutoModelForSemanticSegmentation",
    "speech2seq-lm": "AutoModelForSpeechSeq2Seq",
}

TF_CLASSES = {
    # (the old manual's name, the middle one's) -> the class of TensorFlow.
    ("causal-lm", "text-generation"): "TFAutoModelForCausalLM",
    ("causal-lm-with-past", "text-generation-with-past"): "TFAutoModelForCausalLM",
    ("default", "feature-extraction"): "TFAutoModel",
    ("default-with-past", "feature-extraction-with-past"): "TFAutoModel",
    ("masked-lm", "fill-mask"): "TFAutoModelForMaskedLM",
    ("question-answering", "question-answering"): "TFAutoModelForQuestionAnswering",
    ("seq2seq-lm", "text2text-generation"): "TFAutoModelForSeq2SeqLM",
    ("seq2seq-lm-with-past", "text2text-generation-with-past"): "TFAutoModelForSeq2SeqLM",
    ("sequence-classification", "text-classification"): "TFAutoModelForSequenceClassification",
    ("token-classification", "token-classification"): "TFAutoModelForTokenClassification",
    ("multiple-choice", "multiple-choice"): "TFAutoModelForMultipleChoice",
    ("semantic-segmentation", "semantic-segmentation"): "TFAutoModelForSemanticSegmentation",
}

NEW_CLASSES = {
    # The new manual's table for transformers; of several classes, the one that is used without a model type.
    "audio-classification": "AutoModelForAudioClassification",
    "audio-frame-classification": "AutoModelForAudioFrameClassification",
    "audio-xvector": "AutoModelForAudioXVector",
    "automatic-speech-recognition": "AutoModelForSpeechSeq2Seq",
    "depth-estimation": "AutoModelForDepthEstimation",
    "feature-extraction": "AutoModel",
    "fill-mask": "AutoModelForMaskedLM",
    "image-classification": "AutoModelForImageClassification",
    "image-to-image": "AutoModelForImageToImage",
    # The manual has AutoModelForVision2Seq, which transformers 5 removed.
    "image-to-text": "AutoModelForImageTextToText",
    "image-text-to-text": "AutoModelForImageTextToText",
    # The manual has AutoModel, from before transformers had a class for it.
    "mask-generation": "AutoModelForMaskGeneration",
    "masked-im": "AutoModelForMaskedImageModeling",
    "multiple-choice": "AutoModelForMultipleChoice",
    "object-detection": "AutoModelForObjectDetection",
    "question-answering": "AutoModelForQuestionAnswering",
    "reinforcement-learning": "AutoModel",
    "semantic-segmentation": "AutoModelForSemanticSegmentation",
    # The manual has AutoModelForTextToSpectrogram first, whose models need a vocoder to give audio.
    "text-to-audio": "AutoModelForTextToWaveform",
    "text-generation": "AutoModelForCausalLM",
    "text2text-generation": "AutoModelForSeq2SeqLM",
    "text-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
    "visual-question-answering": "AutoModelForVisualQuestionAnswering",
    "zero-shot-image-classification": "AutoModelForZeroShotImageClassification",
    "zero-shot-object-detection": "AutoModelForZeroShotObjectDetection",
}

SECOND_CLASSES = [
    # (task, model type, class): the second class of a row of the new manual, chosen by the model type.
    ("automatic-speech-recognition", "wav2vec2", "AutoModelForCTC"),
    ("text-to-audio", "speecht5", "AutoModelForTextToSpectrogram"),
    ("text-to-audio", "vits", "AutoModelForTextToWaveform"),
]

OTHER_LIBRARIES = [
    # (library, task, class): the new manual's tables for diffusers and sentence-transformers.
    ("diffusers", "text-to-image", "AutoPipelineForText2Image"),
    ("diffusers", "image-to-image", "AutoPipelineForImage2Image"),
    ("diffusers", "inpainting", "AutoPipelineForInpainting"),
    ("sentence_transformers", "feature-extraction", "SentenceTransformer"),
    ("sentence_transformers", "sentence-similarity", "SentenceTransformer"),
]

DISTILBERT_TASKS = {
    # What `list(get_supported_tasks_for_model_type("distilbert", "onnx").keys())` printed.
    "old": ("default", "masked-lm", "sequence-classification", "token-classification", "question-answering"),
    "new": (
        "default",
        "fill-mask",
        "text-classification",
        "multiple-choice",
        "token-classification",
        "question-answering",
    ),
}


@pytest.mark.parametrize(
    ("age", "task", "name"),
    [
        *(("old", task, name) for task, name in OLD_CLASSES.items()),
        *(("new", task, name) for task, name in NEW_CLASSES.items()),
    ],
)
def test_the_class_of_a_task(age: str, task: str, name: str) -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("torch")
    assert TasksManager.get_model_class_for_task(task) is getattr(transformers, name)
    assert TasksManager.get_model_class_for_task(task, "pt") is getattr(transformers, name)


@pytest.mark.parametrize(("task", "model_type", "name"), SECOND_CLASSES)
def test_the_class_of_a_task_and_a_model_type_new(task: str, model_type: str, name: str) -> None:
    assert find_model_class(task, default_registry(), library="transformers", model_type=model_type).name == name


@pytest.mark.parametrize(("library", "task", "name"), OTHER_LIBRARIES)
def test_the_class_of_another_library_new(library: str, task: str, name: str) -> None:
    assert find_model_class(task, default_registry(), library=library).name == name


@pytest.mark.parametrize(
    ("age", "task", "name"),
    [
        (age, task, name)
        for tasks, name in TF_CLASSES.items()
        for age, task in zip(("old", "middle"), tasks, strict=True)
    ],
)
def test_the_class_of_tensorflow(age: str, task: str, name: str) -> None:
    assert find_class(task, default_registry(), framework="tf").name == name
    assert find_model_class(task, default_registry(), library="transformers", framework="tf").name == name
    transformers = pytest.importorskip("transformers")
    if hasattr(transformers, name):
        assert TasksManager.get_model_class_for_task(task, framework="tf") is getattr(transformers, name)
    else:
        for kind in (ValueError, ImportError):
            with pytest.raises(kind, match=rf"{name} .*'transformers<5'"):
                TasksManager.get_model_class_for_task(task, framework="tf")


@pytest.mark.parametrize(("age", "tasks"), DISTILBERT_TASKS.items())
def test_the_tasks_of_distilbert(age: str, tasks: tuple[str, ...]) -> None:
    found = TasksManager.get_supported_tasks_for_model_type("distilbert", "onnx")
    for task in tasks:
        assert found.get(task)
    # Older names are found, but neither iterated nor counted: each task is there once.
    assert "default" not in list(found) and "default" not in found.keys() | set()
    assert len(found) == len(list(found)) == 6
    assert found["default"] == found["feature-extraction"] == found.get("default")
    # The old manual's list has causal-lm too, for which transformers has no class of DistilBERT.
    assert "causal-lm" not in found and found.get("causal-lm") is None
    with pytest.raises(KeyError):
        found["causal-lm"]


@pytest.mark.parametrize("name", ["default-with-past", "causal-lm", "causal-lm-with-past"])
def test_the_older_names_of_tasks_with_past_are_found_old(name: str) -> None:
    found = TasksManager.get_supported_tasks_for_model_type("gpt2", "onnx", library_name="transformers")
    assert name in found
    assert found[name].keywords.get("use_past", False) is name.endswith(PAST)


CONSTRUCTOR_CALLS = [
    # (age, positional arguments, keywords) that give the constructor of BERT's default task.
    ("old", ("bert", "onnx"), {}),
    ("old", ("bert", "onnx", "default"), {}),
    ("old", ("bert", "onnx", "default", "my-bert"), {}),
    ("old", ("bert",), {"exporter": "onnx", "task": "default"}),
    ("old", (), {"model_type": "bert", "exporter": "onnx", "task": "default", "model_name": "my-bert"}),
    ("middle", (), {"exporter": "onnx", "model_type": "bert", "task": "default"}),
    ("new", ("onnx", None, "feature-extraction", "bert"), {"library_name": "transformers"}),
    ("new", ("onnx",), {"model": SimpleNamespace(config=SimpleNamespace(model_type="bert"))}),
]


@pytest.mark.parametrize(("age", "args", "keywords"), CONSTRUCTOR_CALLS)
def test_a_constructor_is_found_by_each_call(age: str, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    constructor: ExportConfigConstructor = Manager.get_exporter_config_constructor(*args, **keywords)
    assert isinstance(constructor, functools.partial)
    assert (constructor.func.__name__, constructor.keywords) == ("BertConfig", {"task": "feature-extraction"})


@pytest.mark.parametrize(
    ("age", "arguments"),
    [
        ("old", ("bert", "onnx", "image-classification", "my-bert")),
        ("new", ("onnx", None, "image-classification", "bert", "my-bert")),
    ],
)
def test_a_message_about_a_constructor_names_the_model(age: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"bert \(my-bert\)"):
        TasksManager.get_exporter_config_constructor(*arguments)


@pytest.mark.parametrize(("age", "task"), [("old", "no-such-type"), ("new", "no-such-type")])
def test_a_message_about_a_model_type_names_the_model(age: str, task: str) -> None:
    with pytest.raises(KeyError, match=r"no-such-type \(my-model\)"):
        TasksManager.get_supported_tasks_for_model_type(task, "onnx", "my-model")


def test_arguments_of_a_configuration_are_bound_by_partial_new() -> None:
    constructor = TasksManager.get_exporter_config_constructor(
        "onnx", model_type="bert", exporter_config_kwargs={"int_dtype": "int32"}
    )
    assert isinstance(constructor, functools.partial)
    assert constructor.keywords == {"task": "feature-extraction", "int_dtype": "int32"}


class OwnConfig:
    """A configuration class as exporters define it."""

    SUPPORTS_PAST = True

    def __init__(self, config: Any, task: str, use_past: bool = False) -> None:
        self.arguments = (config, task, use_past)


class ConfigWithoutPast(OwnConfig):
    SUPPORTS_PAST = False


def test_the_function_beside_the_class_all_ages() -> None:
    constructor = make_backend_config_constructor_for_task(OwnConfig, "text-generation")
    assert isinstance(constructor, functools.partial)
    assert (constructor.func, constructor.keywords) == (OwnConfig, {"task": "text-generation"})
    with_past = make_backend_config_constructor_for_task(OwnConfig, "text-generation-with-past")
    assert with_past("the config").arguments == ("the config", "text-generation", True)
    bound = functools.partial(with_past, use_past=False)
    assert bound("the config").arguments == ("the config", "text-generation", False)
    with pytest.raises(ValueError, match="does not support tasks with past"):
        make_backend_config_constructor_for_task(ConfigWithoutPast, "text-generation-with-past")


def test_the_class_is_importable_from_the_package_too_all_ages() -> None:
    import resolver

    assert resolver.TasksManager is TasksManager


@pytest.fixture
def checkpoints(tmp_path: Path) -> Path:
    """Folders with weights of PyTorch, of TensorFlow, of both, and of neither."""
    config = json.dumps({"architectures": ["BertForMaskedLM"], "model_type": "bert"})
    weights = {
        "pt": ("model.safetensors",),
        "bin": ("pytorch_model.bin",),
        "tf": ("tf_model.h5",),
        "both": ("tf_model.h5", "pytorch_model.bin"),
        "flax": ("flax_model.msgpack",),
        "none": (),
    }
    for name, files in weights.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(config)
        for file in files:
            (tmp_path / name / file).write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    ("age", "call", "framework"),
    [
        ("old", lambda path: Manager.determine_framework(model=path("pt")), "pt"),
        ("old", lambda path: Manager.determine_framework(model=path("tf")), "tf"),
        ("old", lambda path: Manager.determine_framework(path("tf"), "pt"), "pt"),
        ("old", lambda path: Manager.determine_framework(path("pt"), framework="tf"), "tf"),
        ("old", lambda path: Manager.determine_framework(model="no/such", framework="tf"), "tf"),
        ("middle", lambda path: Manager.determine_framework(path("both")), "pt"),
        ("middle", lambda path: Manager.determine_framework(path("none"), framework="pt"), "pt"),
        ("new", lambda path: Manager.determine_framework(path("bin")), "pt"),
        ("new", lambda path: Manager.determine_framework(path(""), "tf"), "tf"),
        ("new", lambda path: Manager.determine_framework(model_name_or_path=path(""), subfolder="pt"), "pt"),
    ],
)
def test_the_framework_of_a_checkpoint(
    served: HubAndStore, checkpoints: Path, age: str, call: Callable[..., str], framework: str
) -> None:
    assert call(lambda name: str(checkpoints / name)) == framework


@pytest.mark.parametrize(("age", "name"), [("middle", "flax"), ("new", "none")])
def test_a_checkpoint_of_neither_framework_is_refused(
    served: HubAndStore, checkpoints: Path, age: str, name: str
) -> None:
    with pytest.raises(FileNotFoundError, match="weights"):
        TasksManager.determine_framework(checkpoints / name)
    with pytest.raises(ValueError, match="'pt'"):
        TasksManager.determine_framework(checkpoints / name, framework="jax")


def test_what_is_cached_is_used_before_the_hub_all_ages(served: HubAndStore) -> None:
    assert TasksManager.determine_framework("acme/bert") == "pt"
    before = served.hub.counts()["total"]
    TasksManager.configure(served.settings(refresh=True))
    assert TasksManager.determine_framework("acme/bert") == "pt"
    assert served.hub.counts()["total"] == before


@pytest.mark.parametrize(
    ("packages", "framework"),
    [
        ({"pt": "json", "tf": "json"}, "pt"),
        ({"pt": "no_such_package", "tf": "json"}, "tf"),
        ({"pt": "no_such_package", "tf": "no_such_package"}, None),
    ],
)
def test_what_cannot_be_seen_has_an_installed_framework_all_ages(
    served: HubAndStore,
    packages: dict[str, str],
    framework: str | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    TasksManager.configure(served.settings(offline=True))
    monkeypatch.setattr(repo_queries, "FRAMEWORK_PACKAGES", packages)
    if framework is None:
        with pytest.raises(OSError, match="offline"):
            TasksManager.determine_framework("acme/bert")
        return
    with caplog.at_level(logging.INFO):
        assert TasksManager.determine_framework("acme/bert") == framework
    assert f"{framework} is used, which is installed" in caplog.text


@pytest.mark.parametrize(
    ("age", "keywords"),
    [
        ("old", {"task": "masked-lm", "framework": "tf", "cache_dir": None}),
        ("middle", {"task": "fill-mask", "framework": "tf"}),
        ("middle", {"task": "auto"}),
    ],
)
def test_a_tensorflow_checkpoint_needs_transformers_4(
    served: HubAndStore, checkpoints: Path, age: str, keywords: dict[str, Any]
) -> None:
    transformers = pytest.importorskip("transformers")
    if hasattr(transformers, "TFAutoModelForMaskedLM"):
        pytest.skip("this transformers has TensorFlow's classes")
    with pytest.raises(ImportError, match=r"TFAutoModelForMaskedLM .*'transformers<5'"):
        Manager.get_model_from_task(model=checkpoints / "tf", **keywords)


def test_the_framework_may_be_the_third_argument_old(served: HubAndStore, checkpoints: Path) -> None:
    with pytest.raises(ValueError, match="'pt'"):
        TasksManager.get_model_from_task("masked-lm", str(checkpoints / "pt"), framework="jax")
    if importlib.util.find_spec("tensorflow") is None:
        with pytest.raises((ValueError, ImportError), match=r"TFAutoModelForMaskedLM|TensorFlow"):
            TasksManager.get_model_from_task("masked-lm", str(checkpoints / "pt"), "tf", None)


@pytest.mark.parametrize(
    ("age", "model", "task"),
    [
        ("old", "acme/bert", "fill-mask"),
        ("middle", "acme/tagless", "text-generation"),
        ("new", "acme/marian", "text2text-generation"),
    ],
)
def test_the_task_of_an_id(served: HubAndStore, age: str, model: str, task: str) -> None:
    assert TasksManager.infer_task_from_model(model) == task
    assert TasksManager.infer_task_from_model(model=model) == task
    assert TasksManager._infer_task_from_model_name_or_path(model) == task
    assert TasksManager._infer_library_from_model_name_or_path(model) == "transformers"


def test_the_errors_are_of_both_kinds_all_ages(served: HubAndStore) -> None:
    with pytest.raises(NoClassError):
        TasksManager._validate_framework_choice("jax")
    with pytest.raises(ResolveError):
        Manager.get_model_from_task("auto", model="acme/none")
