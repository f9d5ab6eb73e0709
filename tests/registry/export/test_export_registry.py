"""Tests the export registry: registrations, the names under which they are found, and the errors."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from registry import shipped_registry
from registry.export import (
    ExportConfig,
    ExportRegistry,
    UnsupportedModelTypeError,
    UnsupportedTaskError,
    shipped_export_registry,
)
from registry.export.defaults import BACKENDS
from registry.export.support_table import SUPPORT_ROWS

BERT = SimpleNamespace(model_type="bert", vocab_size=99, type_vocab_size=2, pad_token_id=0)


class NewBackendConfig(ExportConfig):
    """A configuration of a user's own backend."""


class OtherConfig(NewBackendConfig):
    """Another one."""


class PastConfig(ExportConfig):
    """A configuration that supports tasks with past."""

    SUPPORTS_PAST = True

    def __init__(self, config: Any, task: str, *, use_past: bool = False, more: int = 0) -> None:
        super().__init__(config, task)
        self.with_past = use_past
        self.more = more


@pytest.fixture
def empty() -> ExportRegistry:
    return ExportRegistry(shipped_registry())


@pytest.fixture(scope="module")
def shipped() -> ExportRegistry:
    return shipped_export_registry(shipped_registry())


def test_a_registered_configuration_is_found_and_gets_its_task(empty: ExportRegistry) -> None:
    register_for_new_backend = empty.create_register("new-backend")

    @register_for_new_backend("bert", "text-classification", "token-classification")
    class BertNewBackendConfig(NewBackendConfig):
        pass

    tasks = empty.get_supported_tasks_for_model_type("bert", "new-backend", library_name="transformers")
    built = tasks["token-classification"](BERT)

    assert list(tasks) == ["text-classification", "token-classification"]
    assert type(built) is BertNewBackendConfig
    assert built.task == "token-classification"
    assert tasks["text-classification"].func is BertNewBackendConfig
    assert empty.get_supported_model_type_for_task("text-classification", "new-backend") == ["bert"]


def test_the_first_registration_stays_unless_it_may_be_overwritten(empty: ExportRegistry) -> None:
    empty.create_register("onnx")("bert", "fill-mask")(NewBackendConfig)
    empty.create_register("onnx")("bert", "fill-mask", "text-classification")(OtherConfig)
    tasks = empty.get_supported_tasks_for_model_type("bert", "onnx", library_name="transformers")
    assert [tasks[task].func for task in ("fill-mask", "text-classification")] == [NewBackendConfig, OtherConfig]

    empty.create_register("onnx", overwrite_existing=True)("bert", "fill-mask")(OtherConfig)
    tasks = empty.get_supported_tasks_for_model_type("bert", "onnx", library_name="transformers")
    assert tasks["fill-mask"].func is OtherConfig


def test_a_registry_and_its_copy_do_not_share_registrations(empty: ExportRegistry) -> None:
    copy = empty.copy()
    copy.create_register("onnx")("bert", "fill-mask")(NewBackendConfig)
    tasks = copy.get_supported_tasks_for_model_type("bert", "onnx")
    tasks.clear()

    assert copy.list_model_types("onnx") == ("bert",)
    assert list(copy.get_supported_tasks_for_model_type("bert", "onnx")) == ["fill-mask"]
    assert empty.list_model_types("onnx") == ()


def test_with_past_sets_use_past_and_is_refused_if_the_class_does_not_support_it(empty: ExportRegistry) -> None:
    register = empty.create_register("new")
    register("gpt2", "text-generation", "text-generation-with-past")(PastConfig)
    tasks = empty.get_supported_tasks_for_model_type("gpt2", "new")

    built = tasks["text-generation-with-past"](BERT)
    assert (built.task, built.with_past) == ("text-generation", True)
    assert tasks["text-generation"](BERT).with_past is False
    with pytest.raises(UnsupportedTaskError, match="NewBackendConfig does not support"):
        register("bert", "text-generation", "text-generation-with-past")(NewBackendConfig)
    assert empty.list_model_types("new") == ("gpt2",)


def test_a_class_given_by_name_is_imported_and_checked_when_it_is_used(empty: ExportRegistry) -> None:
    reference = "registry.export.config:ExportConfig"
    empty.create_register("new")("gpt2", "text-generation", "text-generation-with-past")(reference)
    empty.create_register("new")("bert", "fill-mask")("no.such.module:Config")
    tasks = empty.get_supported_tasks_for_model_type("gpt2", "new")

    assert tasks["text-generation"].func is ExportConfig
    with pytest.raises(UnsupportedTaskError, match="ExportConfig does not support tasks with past"):
        tasks["text-generation-with-past"](BERT)
    constructor = empty.get_exporter_config_constructor("new", model_type="bert", task="fill-mask")
    with pytest.raises(ImportError, match="no"):
        constructor(BERT)


def test_a_task_that_is_not_known_cannot_be_registered(empty: ExportRegistry) -> None:
    with pytest.raises(UnsupportedTaskError, match="text-clasification"):
        empty.create_register("new")("bert", "text-clasification")(NewBackendConfig)


@pytest.mark.parametrize(
    ("registered", "requested"),
    [
        ("text2text-generation", "translation"),
        ("text2text-generation", "summarization"),
        ("text2text-generation", "seq2seq-lm"),
        ("text2text-generation-with-past", "translation-with-past"),
        ("translation", "text2text-generation"),
        ("translation", "summarization"),
        ("seq2seq-lm", "text2text-generation"),
        ("causal-lm-with-past", "text-generation-with-past"),
        ("feature-extraction", "sentence-similarity"),
        ("feature-extraction", "mask-generation"),
        ("feature-extraction", "default"),
        ("feature-extraction", "image-feature-extraction"),
        ("sentence-similarity", "feature-extraction"),
        ("text-classification", "zero-shot-classification"),
        ("text-to-audio", "text-to-speech"),
        ("image-to-text", "image-text-to-text"),
        ("image-to-text", "vision2seq-lm"),
    ],
)
def test_a_configuration_is_found_by_the_other_names_of_its_task(
    empty: ExportRegistry, registered: str, requested: str
) -> None:
    empty.create_register("new")("marian", registered)(PastConfig)

    found = empty.get_exporter_config_constructor(
        "new", model_type="marian", task=requested, library_name="transformers"
    )

    assert found.func is PastConfig
    assert bool(found.keywords.get("use_past")) is requested.endswith("-with-past")


def test_the_exact_task_comes_before_its_other_names(empty: ExportRegistry) -> None:
    empty.create_register("new")("marian", "text2text-generation")(NewBackendConfig)
    empty.create_register("new")("marian", "translation")(OtherConfig)

    find = empty.get_exporter_config_constructor
    assert find("new", model_type="marian", task="translation").func is OtherConfig
    assert find("new", model_type="marian", task="summarization").func is NewBackendConfig


def test_the_model_type_comes_from_the_config_and_keywords_are_passed_on(empty: ExportRegistry) -> None:
    empty.create_register("new")("gpt2", "text-generation")(PastConfig)
    empty.create_register("new")("mine", "text-generation")(PastConfig)
    config = SimpleNamespace(model_type="mine", export_model_type="gpt2")
    find = empty.get_exporter_config_constructor

    found = find("new", SimpleNamespace(config=config), "text-generation", exporter_config_kwargs={"more": 3})

    assert found(config).more == 3
    assert find("new", SimpleNamespace(config=SimpleNamespace(model_type="mine")), "text-generation")
    with pytest.raises(ValueError, match="model_type"):
        find("new", SimpleNamespace(config=SimpleNamespace()), "text-generation")
    with pytest.raises(ValueError, match="a model type is needed"):
        find("new", task="text-generation")


def test_an_unregistered_name_is_refused_with_those_that_are_registered(shipped: ExportRegistry) -> None:
    find = shipped.get_exporter_config_constructor

    with pytest.raises(UnsupportedModelTypeError, match=r"nothing \(mine\) has no export configuration") as unknown:
        shipped.get_supported_tasks_for_model_type("nothing", "onnx", model_name="mine", library_name="transformers")
    with pytest.raises(UnsupportedModelTypeError, match="only for: onnx, torch_export"):
        find("tflite", model_type="bert", library_name="transformers")
    with pytest.raises(UnsupportedTaskError, match="bert has no export configuration for audio-xvector"):
        find("onnx", model_type="bert", task="audio-xvector", library_name="transformers")
    assert isinstance(unknown.value, KeyError)
    assert str(unknown.value).startswith("nothing (mine)")


def test_every_model_of_timm_has_the_default_configuration(shipped: ExportRegistry) -> None:
    config = SimpleNamespace(model_type="resnet18d", pretrained_cfg={"input_size": (3, 288, 288)})

    found = shipped.get_exporter_config_constructor(
        "onnx", SimpleNamespace(config=config), "image-classification", library_name="timm"
    )(config)

    assert found.build_input_specs()[0].shape == ("batch_size", 3, 288, 288)


def test_the_usage_example_of_the_documentation_holds(shipped: ExportRegistry) -> None:
    tasks = shipped.get_supported_tasks_for_model_type("distilbert", "onnx", library_name="transformers")
    constructor = shipped.get_exporter_config_constructor("onnx", model_type="bert", library_name="transformers")
    config = constructor(BERT)

    assert sorted(tasks) == [
        "feature-extraction",
        "fill-mask",
        "multiple-choice",
        "question-answering",
        "text-classification",
        "token-classification",
    ]
    axes = {0: "batch_size", 1: "sequence_length"}
    assert config.inputs == {"input_ids": axes, "attention_mask": axes, "token_type_ids": axes}
    assert config.outputs == {"last_hidden_state": axes}


def test_every_shipped_row_names_a_configuration_and_known_tasks(shipped: ExportRegistry) -> None:
    pairs = [
        (library, model_type, task)
        for library, rows in SUPPORT_ROWS.items()
        for model_type, _, tasks in rows
        for task in tasks
    ]

    assert len(pairs) == len(set(pairs)) >= 580
    assert sum(len(rows) for rows in SUPPORT_ROWS.values()) >= 166
    for library, model_type, task in pairs:
        for backend in BACKENDS:
            found = shipped.get_exporter_config_constructor(backend, None, task, model_type, library_name=library)
            assert isinstance(found.func, type) and issubclass(found.func, ExportConfig)
            assert found.func.SUPPORTS_PAST or not task.endswith("-with-past")


LIST_ALL = """
import json, sys
from registry import shipped_registry
from registry.export import shipped_export_registry
exports = shipped_export_registry(shipped_registry())
exports.get_supported_tasks_for_model_type("bert", "onnx", library_name="transformers")
print(json.dumps(sorted(sys.modules)))
"""


def test_listing_imports_no_configuration_and_no_model_library() -> None:
    process = subprocess.run([sys.executable, "-c", LIST_ALL], capture_output=True, text=True, check=True)
    loaded = set(json.loads(process.stdout))

    assert not loaded & {"torch", "numpy", "transformers", "optimum", "registry.export.families.text"}
