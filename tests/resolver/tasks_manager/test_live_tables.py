"""The private tables are live: they show what is in force, and a write counts from then on, for TasksManager alone."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from registry.defaults import default_registry
from registry.export.defaults import shipped_export_registry
from registry.queries.find_class import find_class
from resolver.tasks_manager import TasksManager, state, supported
from resolver.tasks_manager.model_tables import ModelTables

Manager: Any = TasksManager
"""TasksManager, for tables that type checkers do not know."""


@pytest.fixture(autouse=True)
def own_tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """New tables and exports for each test."""
    before = TasksManager.exports().copy()
    tables = ModelTables(lambda: state.STATE.registry)
    monkeypatch.setattr(state.STATE, "tables", tables)
    views = {
        "_LIBRARY_TO_TASKS_TO_MODEL_LOADER_MAP": tables.loaders,
        "_TRANSFORMERS_TASKS_TO_MODEL_LOADERS": tables.loaders.get_view("transformers"),
        "_DIFFUSERS_TASKS_TO_MODEL_LOADERS": tables.loaders.get_view("diffusers"),
        "_DIFFUSERS_TASKS_TO_MODEL_MAPPINGS": tables.pipeline_mappings,
        "_CUSTOM_CLASSES": tables.custom_classes,
        "_SYNONYM_TASK_MAP": tables.synonyms,
    }
    for name, view in views.items():
        assert type(getattr(supported.ExporterTables, name)) is type(view)
        monkeypatch.setattr(TasksManager, name, view)
    yield
    TasksManager.configure(exports=before)


class OwnConfig:
    """A configuration class as exporters define it."""

    SUPPORTS_PAST = True

    def __init__(self, config: Any, task: str, use_past: bool = False) -> None:
        self.arguments = (config, task, use_past)


def test_what_is_read_is_in_force() -> None:
    assert Manager._TRANSFORMERS_TASKS_TO_MODEL_LOADERS["fill-mask"] == "AutoModelForMaskedLM"
    speech = Manager._TRANSFORMERS_TASKS_TO_MODEL_LOADERS["automatic-speech-recognition"]
    assert speech[0] == "AutoModelForSpeechSeq2Seq" and "AutoModelForCTC" in speech
    loaders = Manager._LIBRARY_TO_TASKS_TO_MODEL_LOADER_MAP
    assert list(loaders) == ["diffusers", "sentence_transformers", "timm", "transformers"]
    assert loaders["timm"]["image-classification"] == "create_model"
    assert loaders["diffusers"] is Manager._DIFFUSERS_TASKS_TO_MODEL_LOADERS
    assert Manager._DIFFUSERS_TASKS_TO_MODEL_LOADERS["inpainting"] == "AutoPipelineForInpainting"
    assert Manager._DIFFUSERS_TASKS_TO_MODEL_MAPPINGS["text-to-image"]["flux"] == "FluxPipeline"
    assert Manager._TRANSFORMERS_TASKS_TO_MODEL_MAPPINGS["fill-mask"]["bert"] == "BertForMaskedLM"
    custom = Manager._CUSTOM_CLASSES
    assert custom["pt", "pix2struct", "image-to-text"] == ("transformers", "Pix2StructForConditionalGeneration")
    assert ("pt", "vision-encoder-decoder", "image-to-text") not in custom
    assert Manager._SYNONYM_TASK_MAP["causal-lm-with-past"] == "text-generation-with-past"


@pytest.mark.parametrize(
    "key",
    [
        # The rows of optimum 2.3.
        ("pt", "colpali", "feature-extraction"),
        ("pt", "patchtsmixer", "time-series-forecasting"),
        ("pt", "patchtst", "time-series-forecasting"),
        ("pt", "pix2struct", "image-to-text"),
        ("pt", "pix2struct", "visual-question-answering"),
        ("pt", "visual_bert", "question-answering"),
        ("pt", "vision-encoder-decoder", "document-question-answering"),
    ],
)
def test_the_custom_classes_of_optimum_are_in_force(key: tuple[str, str, str]) -> None:
    _, model_type, task = key
    pytest.importorskip("torch")
    _, name = Manager._CUSTOM_CLASSES[key]
    assert TasksManager.get_model_class_for_task(task, model_type=model_type).__name__ == name


def test_a_written_class_counts_for_its_task() -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("torch")
    Manager._TRANSFORMERS_TASKS_TO_MODEL_LOADERS["fill-mask"] = "AutoModel"
    assert TasksManager.get_model_class_for_task("masked-lm") is transformers.AutoModel
    # Of several classes the model type chooses one.
    Manager._TRANSFORMERS_TASKS_TO_MODEL_LOADERS["fill-mask"] = ("AutoModelForCTC", "AutoModelForCausalLM")
    assert TasksManager.get_model_class_for_task("fill-mask") is transformers.AutoModelForCTC
    assert TasksManager.get_model_class_for_task("fill-mask", model_type="gpt2") is transformers.AutoModelForCausalLM
    with pytest.raises(ValueError, match="loads vit for fill-mask"):
        TasksManager.get_model_class_for_task("fill-mask", model_type="vit")
    Manager._CUSTOM_CLASSES["pt", "bert", "fill-mask"] = ("transformers", "BertForMaskedLM")
    assert TasksManager.get_model_class_for_task("fill-mask", model_type="bert") is transformers.BertForMaskedLM
    # Nobody else sees it.
    assert find_class("fill-mask", default_registry()).name == "AutoModelForMaskedLM"
    del Manager._CUSTOM_CLASSES["pt", "bert", "fill-mask"]
    del Manager._TRANSFORMERS_TASKS_TO_MODEL_LOADERS["fill-mask"]
    assert TasksManager.get_model_class_for_task("fill-mask", model_type="bert") is transformers.AutoModelForMaskedLM
    assert "fill-mask" not in Manager._TRANSFORMERS_TASKS_TO_MODEL_LOADERS


def test_what_optimum_intel_writes_counts() -> None:
    """optimum-intel 2.2, exporters/openvino/model_configs.py init_model_configs."""
    pytest.importorskip("torch")
    for library in ("open_clip", "kokoro", "funasr"):
        if library not in Manager._LIBRARY_TO_SUPPORTED_MODEL_TYPES:
            Manager._LIBRARY_TO_SUPPORTED_MODEL_TYPES[library] = {}
        assert library in Manager._LIBRARY_TO_SUPPORTED_MODEL_TYPES
    # The class of an added library is an attribute of its module; `json` stands in for one.
    Manager._LIBRARY_TO_TASKS_TO_MODEL_LOADER_MAP["json"] = {"text-to-audio": "JSONDecoder"}
    assert TasksManager.get_model_class_for_task("text-to-audio", library="json").__name__ == "JSONDecoder"
    Manager._CUSTOM_CLASSES["pt", "phi4mm", "image-text-to-text"] = ("transformers", "AutoModelForCausalLM")
    found = TasksManager.get_model_class_for_task("image-text-to-text", model_type="phi4mm")
    assert found.__name__ == "AutoModelForCausalLM"
    Manager._DIFFUSERS_TASKS_TO_MODEL_LOADERS["fill"] = "FluxFillPipeline"
    Manager._DIFFUSERS_TASKS_TO_MODEL_MAPPINGS["fill"] = {"flux": "FluxFillPipeline"}
    Manager._DIFFUSERS_TASKS_TO_MODEL_MAPPINGS["text-to-image"]["sana-new"] = "SanaNewPipeline"
    Manager._DIFFUSERS_TASKS_TO_MODEL_MAPPINGS.setdefault("text-to-video", {})["ltx9"] = "LTX9Pipeline"
    assert "fill" in TasksManager.get_all_tasks()
    assert Manager._DIFFUSERS_TASKS_TO_MODEL_MAPPINGS["text-to-image"]["flux"] == "FluxPipeline"
    for name, task, family in [
        ("FluxFillPipeline", "fill", "flux"),
        ("SanaNewPipeline", "text-to-image", "sana-new"),
        ("LTX9Pipeline", "text-to-video", "ltx9"),
    ]:
        pipeline = type(name, (), {"__module__": "diffusers.pipelines", "config": SimpleNamespace()})()
        assert TasksManager.infer_task_from_model(pipeline) == task
        TasksManager.standardize_model_attributes(pipeline)
        assert pipeline.config.export_model_type == family
    # Added libraries and tasks can be registered for.
    register = TasksManager.create_register("openvino", overwrite_existing=True)
    register("fill-flux", "fill", library_name="diffusers")(OwnConfig)
    register("clip-text", "feature-extraction", library_name="open_clip")(OwnConfig)
    assert list(TasksManager.get_supported_tasks_for_model_type("fill-flux", "openvino", library_name="diffusers"))
    constructor = TasksManager.get_exporter_config_constructor(
        "openvino", model_type="clip-text", library_name="open_clip"
    )
    assert constructor("the config").arguments == ("the config", "feature-extraction", False)
    assert "clip-text" in Manager._LIBRARY_TO_SUPPORTED_MODEL_TYPES["open_clip"]


def test_configurations_are_read_and_written() -> None:
    types = Manager._LIBRARY_TO_SUPPORTED_MODEL_TYPES["transformers"]
    assert dict(types["bert"]) == dict(Manager._SUPPORTED_MODEL_TYPE["bert"])
    assert isinstance(types["bert"]["onnx"]["fill-mask"], functools.partial)
    constructor = functools.partial(OwnConfig, task="fill-mask")
    types["mine"] = {"onnx": {"fill-mask": constructor}}
    types["bert"]["onnx"]["masked-im"] = constructor
    types["mine"].setdefault("openvino", {})["fill-mask"] = constructor
    found = TasksManager.get_exporter_config_constructor(
        "onnx", model_type="mine", task="fill-mask", exporter_config_kwargs={"use_past": True}
    )
    assert found("the config").arguments == ("the config", "fill-mask", True)
    assert TasksManager.get_supported_tasks_for_model_type("bert", "onnx")["masked-im"] is constructor
    assert list(TasksManager.get_supported_tasks_for_model_type("mine", "openvino")) == ["fill-mask"]
    assert "mine" not in shipped_export_registry(default_registry()).list_model_types("onnx")
    del types["mine"]
    assert "mine" not in Manager._SUPPORTED_MODEL_TYPE and types.get("mine") is None
    with pytest.raises(KeyError):
        del types["mine"]
    with pytest.raises(TypeError, match="expected the constructor"):
        types["mine"] = {"onnx": {"fill-mask": "no constructor"}}


def test_the_types_of_the_command_are_a_set_and_a_mapping() -> None:
    types = Manager._SUPPORTED_CLI_MODEL_TYPE
    everything = set(Manager._SUPPORTED_MODEL_TYPE)
    assert types - everything == {"default-timm-config", "transformer"} | (
        set(Manager._DIFFUSERS_SUPPORTED_MODEL_TYPE) - everything - Manager._UNSUPPORTED_CLI_MODEL_TYPE
    )
    assert everything - types == everything & Manager._UNSUPPORTED_CLI_MODEL_TYPE
    assert types & {"bert", "no-such-type"} == {"bert"} and types | {"mine"} == {*types, "mine"}
    assert {"bert", "gpt2"} <= types and not {"mine"} <= types
    assert types == set(types) and types != everything and set(types.keys()) == types
    assert "text-generation-with-past" in types["gpt2"]["onnx"]
    TasksManager.create_register("onnx")("mine", "fill-mask")(OwnConfig)
    assert "mine" in types


def test_a_written_synonym_counts() -> None:
    Manager._SYNONYM_TASK_MAP["guess-the-word"] = "fill-mask"
    assert TasksManager.map_from_synonym("guess-the-word") == "fill-mask"
    assert "guess-the-word" in TasksManager.synonyms_for_task("fill-mask")
    del Manager._SYNONYM_TASK_MAP["translation"]
    assert TasksManager.map_from_synonym("translation") == "translation"


def test_an_unknown_task_is_refused_in_optimums_words() -> None:
    with pytest.raises(ValueError, match='The TasksManager does not know the task called "nonsense", known tasks: '):
        TasksManager.create_register("onnx")("bert", "nonsense-with-past")(OwnConfig)


@pytest.mark.parametrize("question", ["task", "library"])
def test_the_private_methods_take_a_model_or_a_class(question: str) -> None:
    model = type("BertForMaskedLM", (), {"__module__": "transformers.models.stand_in"})
    call = getattr(TasksManager, f"_infer_{question}_from_model_or_model_class")
    assert call(model=model()) == call(model_class=model) == call(model)
    for arguments in ({}, {"model": model(), "model_class": model}):
        with pytest.raises(ValueError, match="either a model or a model class"):
            call(**arguments)
