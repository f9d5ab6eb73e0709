"""The calls of the three ages of optimum's manual of its TasksManager, on real models; each row names its age.

`test_manuals.py` has the tables, and the calls that need no model.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from registry.defaults import default_registry
from resolver.settings import Settings
from resolver.tasks_manager import TasksManager
from resolver.tasks_manager.classes import find_model_class
from resolver.tasks_manager.errors import NoClassError
from tests.resolver.tasks_manager.conftest import HubAndStore

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

Manager: Any = TasksManager
"""TasksManager, for calls of older forms, which type checkers do not know."""


def build_bert() -> Any:
    """A tiny BERT with the head for masked words."""
    config = transformers.BertConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, vocab_size=64
    )
    return transformers.BertForMaskedLM(config).eval()


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tiny BERT, and with the same in its subfolder `part`."""
    folder = tmp_path_factory.mktemp("models") / "bert"
    for path in (folder, folder / "part"):
        build_bert().save_pretrained(path)
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[None]:
    """No Hub, an empty store, and the registrations of this test alone."""
    exports = TasksManager.exports().copy()
    TasksManager.configure(Settings(endpoint="http://127.0.0.1:9", store=tmp_path / "store.sqlite3", offline=True))
    yield
    TasksManager.close()
    TasksManager.configure(Settings(), exports)


@pytest.mark.parametrize(
    ("age", "load", "name"),
    [
        ("old", lambda path, _: Manager.get_model_from_task("masked-lm", path), "BertForMaskedLM"),
        ("old", lambda path, _: Manager.get_model_from_task(task="default", model=path), "BertModel"),
        ("old", lambda path, _: Manager.get_model_from_task("masked-lm", path, "pt"), "BertForMaskedLM"),
        ("old", lambda path, cache: Manager.get_model_from_task("default", path, "pt", cache), "BertModel"),
        (
            "middle",
            lambda path, cache: Manager.get_model_from_task("fill-mask", path, framework="pt", cache_dir=cache),
            "BertForMaskedLM",
        ),
        (
            "new",
            lambda path, cache: Manager.get_model_from_task(
                "fill-mask", model_name_or_path=path, subfolder="part", revision=None, cache_dir=cache, token=None
            ),
            "BertForMaskedLM",
        ),
        (
            "new",
            lambda path, _: Manager.get_model_from_task(
                "auto", path, framework="pt", torch_dtype=torch.float32, device="cpu", library_name="transformers"
            ),
            "BertForMaskedLM",
        ),
    ],
)
def test_a_model_is_loaded_by_each_call(
    folders: None, bert: Path, tmp_path: Path, age: str, load: Callable[[str, str], Any], name: str
) -> None:
    assert type(load(str(bert), str(tmp_path / "cache"))).__name__ == name


def test_an_argument_of_the_library_reaches_it_new(folders: None, bert: Path) -> None:
    model = TasksManager.get_model_from_task("fill-mask", str(bert), output_attentions=True)
    assert model.config.output_attentions is True


@pytest.mark.parametrize(
    ("age", "arguments", "keywords", "name"),
    [
        ("old", ("masked-lm", "pt"), {}, "AutoModelForMaskedLM"),
        ("old", (), {"task": "masked-lm", "framework": "pt"}, "AutoModelForMaskedLM"),
        ("new", ("automatic-speech-recognition", "pt", "wav2vec2"), {}, "AutoModelForCTC"),
        ("new", ("automatic-speech-recognition", "pt", None, "AutoModelForCTC"), {}, "AutoModelForCTC"),
        ("new", ("fill-mask", "pt", "bert", None, "transformers"), {}, "AutoModelForMaskedLM"),
    ],
)
def test_a_class_is_found_by_each_call(age: str, arguments: Any, keywords: Any, name: str) -> None:
    assert TasksManager.get_model_class_for_task(*arguments, **keywords) is getattr(transformers, name)


def test_image_to_text_has_the_class_that_maps_the_model_type_new() -> None:
    find = functools.partial(find_model_class, "image-to-text", default_registry(), library="transformers")
    assert find(model_type="vision-encoder-decoder").name == "AutoModelForImageTextToText"
    # The manual has AutoModel second; a model without a head gives no text.
    with pytest.raises(NoClassError, match="bert has no class for image-to-text"):
        find(model_type="bert")


def test_the_task_of_an_instance_and_of_a_class_all_ages() -> None:
    model = build_bert()
    derived = type("Mine", (type(model),), {})
    assert TasksManager.infer_task_from_model(model) == "fill-mask"
    assert TasksManager.infer_task_from_model(model=type(model)) == "fill-mask"
    # An instance has the task of the class that its own derives from.
    assert TasksManager.infer_task_from_model(derived(model.config)) == "fill-mask"
    assert TasksManager.infer_task_from_model(transformers.AutoModelForSequenceClassification) == "text-classification"


def test_the_calls_with_all_arguments_about_a_repo_new(served: HubAndStore, tmp_path: Path) -> None:
    about: dict[str, Any] = {"subfolder": "", "revision": "main", "cache_dir": str(tmp_path), "token": None}
    assert TasksManager.infer_task_from_model("acme/bert", **about, library_name="transformers") == "fill-mask"
    assert TasksManager.infer_task_from_model("acme/bert", "", "main", str(tmp_path), None) == "fill-mask"
    assert TasksManager.infer_library_from_model("acme/bert", **about) == "transformers"
    assert TasksManager.determine_framework("acme/bert", **about) == "pt"
    assert TasksManager.determine_framework("acme/bert", "", "main", str(tmp_path), None) == "pt"


def test_the_task_of_an_id_is_of_its_architecture_else_of_its_tag_all_ages(served: HubAndStore) -> None:
    # The first has an architecture and no tag, the second a tag and no architecture of transformers.
    assert TasksManager.infer_task_from_model("acme/tagless") == "text-generation"
    assert TasksManager.infer_task_from_model("acme/timm") == "image-classification"


@pytest.mark.parametrize(
    ("age", "tasks"),
    [("old", ("default", "sequence-classification")), ("middle", ("feature-extraction", "text-classification"))],
)
def test_a_backend_is_registered_by_a_decorator(folders: None, age: str, tasks: tuple[str, ...]) -> None:
    class OwnConfig:
        def __init__(self, config: Any, task: str) -> None:
            self.task = task

    class OtherConfig(OwnConfig):
        pass

    def find() -> functools.partial[Any]:
        constructor = TasksManager.get_exporter_config_constructor("mine", model_type="bert", task=tasks[1])
        assert isinstance(constructor, functools.partial)
        return constructor

    assert TasksManager.create_register("mine")("bert", *tasks)(OwnConfig) is OwnConfig
    # It gets the task by the name that it was registered for.
    assert find().func is OwnConfig and find()(None).task == tasks[1]
    TasksManager.create_register("mine")("bert", *tasks)(OtherConfig)
    assert find().func is OwnConfig
    TasksManager.create_register("mine", overwrite_existing=True)("bert", *tasks)(OtherConfig)
    assert find().func is OtherConfig


def test_the_model_type_of_another_library_is_the_exported_one_new() -> None:
    config = SimpleNamespace(model_type="", export_model_type="default-timm-config")
    constructor = TasksManager.get_exporter_config_constructor(
        "onnx", SimpleNamespace(config=config), task="image-classification", library_name="timm"
    )
    assert constructor.func.__name__ == "TimmConfig"
