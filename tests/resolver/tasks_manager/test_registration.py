"""`create_register`: the registered configurations are found, and other registries do not change."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from registry.defaults import default_registry
from registry.export.defaults import shipped_export_registry
from resolver.tasks_manager import TasksManager


@pytest.fixture(autouse=True)
def own_exports() -> Iterator[None]:
    """Remove the registrations of a test after it."""
    before = TasksManager.exports().copy()
    yield
    TasksManager.configure(exports=before)


class OwnConfig:
    """A configuration class as exporters define it; it keeps its arguments."""

    SUPPORTS_PAST = True

    def __init__(self, config: Any, task: str = "feature-extraction", use_past: bool = False, **more: Any) -> None:
        self.config, self.task, self.use_past, self.more = config, task, use_past, more


class ConfigWithoutPast(OwnConfig):
    SUPPORTS_PAST = False


def test_a_new_backend_for_a_known_model_type() -> None:
    register = TasksManager.create_register("mine")
    assert register("bert", "text-classification", "token-classification")(OwnConfig) is OwnConfig
    found = TasksManager.get_supported_tasks_for_model_type("bert", "mine", library_name="transformers")
    assert list(found) == ["text-classification", "token-classification"]
    config = found["token-classification"]("the config")
    assert (config.config, config.task, config.use_past) == ("the config", "token-classification", False)
    # The other backends of the model type have not changed.
    assert "fill-mask" in TasksManager.get_supported_tasks_for_model_type("bert", "onnx")


def test_a_new_model_type_with_a_past() -> None:
    TasksManager.create_register("onnx")("mine", "text-generation", "text-generation-with-past")(OwnConfig)
    constructor = TasksManager.get_exporter_config_constructor(
        "onnx", model_type="mine", task="causal-lm-with-past", exporter_config_kwargs={"int_dtype": "int32"}
    )
    config = constructor("the config", float_dtype="fp16")
    assert (config.task, config.use_past, config.more) == (
        "text-generation",
        True,
        {"int_dtype": "int32", "float_dtype": "fp16"},
    )
    assert constructor.func is OwnConfig
    assert "mine" in TasksManager.get_supported_model_type_for_task("text-generation", "onnx")
    assert "mine" in TasksManager._SUPPORTED_MODEL_TYPE


def test_an_existing_registration_is_kept_unless_it_is_overwritten() -> None:
    shipped = TasksManager.get_supported_tasks_for_model_type("bert", "onnx")["fill-mask"]
    TasksManager.create_register("onnx")("bert", "fill-mask", "masked-im")(OwnConfig)
    found = TasksManager.get_supported_tasks_for_model_type("bert", "onnx")
    assert found["fill-mask"] == shipped
    assert found["masked-im"].func is OwnConfig
    TasksManager.create_register("onnx", overwrite_existing=True)("bert", "fill-mask")(OwnConfig)
    found = TasksManager.get_supported_tasks_for_model_type("bert", "onnx")
    assert found["fill-mask"].func is OwnConfig
    assert found["text-classification"].func is not OwnConfig


@pytest.mark.parametrize(
    ("config_class", "task", "library", "kind"),
    [
        (OwnConfig, "no-such-task", "transformers", ValueError),
        (ConfigWithoutPast, "text-generation-with-past", "transformers", ValueError),
        (OwnConfig, "fill-mask", "no-such-library", KeyError),
    ],
)
def test_an_invalid_registration_is_refused_and_registers_nothing(
    config_class: type, task: str, library: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        TasksManager.create_register("mine")("mine", "text-classification", task, library_name=library)(config_class)
    with pytest.raises(KeyError):
        TasksManager.get_supported_tasks_for_model_type("mine", "mine")


def test_other_registries_do_not_change() -> None:
    before = shipped_export_registry(default_registry())
    copied = TasksManager.exports().copy()
    TasksManager.create_register("mine")("bert", "fill-mask")(OwnConfig)
    assert "mine" in TasksManager.exports().list_backends()
    assert "mine" not in before.list_backends()
    assert "mine" not in copied.list_backends()
    assert "mine" not in shipped_export_registry(default_registry()).list_backends()
    TasksManager.configure(exports=copied)
    TasksManager.create_register("other")("bert", "fill-mask")(OwnConfig)
    assert "other" not in copied.list_backends()


def test_threads_may_register_and_query_at_the_same_time() -> None:
    register = TasksManager.create_register("mine")
    problems: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for step in range(50):
                register(f"type-{number}-{step}", "fill-mask")(OwnConfig)
                TasksManager.get_supported_tasks_for_model_type("bert", "onnx")
                TasksManager.get_supported_model_type_for_task("fill-mask", "mine")
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert len(TasksManager.get_supported_model_type_for_task("fill-mask", "mine")) == 400


def test_the_model_type_comes_from_the_model_the_exported_one_first() -> None:
    bert = SimpleNamespace(config=SimpleNamespace(model_type="bert"))
    assert TasksManager.get_exporter_config_constructor("onnx", bert, library_name="transformers")
    timm = SimpleNamespace(config=SimpleNamespace(model_type="", export_model_type="resnet18"))
    constructor = TasksManager.get_exporter_config_constructor(
        "onnx", timm, task="image-classification", library_name="timm"
    )
    assert constructor.keywords["task"] == "image-classification"


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({}, ValueError),
        ({"model": SimpleNamespace(config=SimpleNamespace())}, ValueError),
        ({"model_type": "no-such-type"}, KeyError),
        ({"model_type": "bert", "exporter": "no-such-backend"}, KeyError),
        ({"model_type": "bert", "library_name": "no-such-library"}, KeyError),
        ({"model_type": "bert", "task": "no-such-task"}, ValueError),
        ({"model_type": "bert", "task": "image-classification"}, ValueError),
        ({"model_type": "bert", "task": "fill-mask-with-past"}, ValueError),
    ],
)
def test_what_has_no_constructor_is_the_error_that_optimum_raises(
    arguments: dict[str, Any], kind: type[Exception]
) -> None:
    with pytest.raises(kind) as caught:
        TasksManager.get_exporter_config_constructor(**{"exporter": "onnx", **arguments})
    assert str(caught.value) != repr(caught.value.args[0])


@pytest.mark.parametrize("task", ["translation", "summarization", "seq2seq-lm", "text2text-generation"])
def test_any_name_of_a_task_finds_its_constructor(task: str) -> None:
    constructor = TasksManager.get_exporter_config_constructor("onnx", model_type="marian", task=task)
    assert constructor.keywords["task"] == "text2text-generation"


def test_an_unknown_task_has_no_model_types_and_an_unknown_backend_neither() -> None:
    assert TasksManager.get_supported_model_type_for_task("no-such-task", "onnx") == []
    assert TasksManager.get_supported_model_type_for_task("fill-mask", "no-such-backend") == []
