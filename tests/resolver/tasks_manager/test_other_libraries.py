"""Models of diffusers, timm and sentence-transformers: inferred, loaded, standardized, and given a configuration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from resolver.settings import Settings
from resolver.tasks_manager import TasksManager
from tests.resolver.loading import others

pytestmark = pytest.mark.slow

LIBRARIES = {
    # Folder -> (library, task, class, export_model_type, a task of its export configuration, an input of that).
    "timm": ("timm", "image-classification", "ResNet", "resnet18", "image-classification", "pixel_values"),
    "sd": ("diffusers", "text-to-image", "StableDiffusionPipeline", "stable-diffusion", None, None),
    "st/embed": (
        "sentence_transformers",
        "feature-extraction",
        "SentenceTransformer",
        "transformer",
        "sentence-similarity",
        "input_ids",
    ),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with one model of each library; offline."""
    folder = tmp_path_factory.mktemp("models")
    others.save_timm(folder / "timm")
    others.save_pipeline(folder / "sd")
    others.save_sentence_models(folder)
    TasksManager.configure(Settings(offline=True, store=folder / "store.sqlite3"))
    yield folder
    TasksManager.close()
    TasksManager.configure(Settings())


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_model_is_loaded_as_exporters_expect_it(models: Path, name: str) -> None:
    library, task, class_name, export_model_type, exported_task, an_input = LIBRARIES[name]
    folder = str(models / name)
    assert TasksManager.infer_library_from_model(folder) == library
    assert TasksManager.infer_task_from_model(folder) == task
    assert TasksManager.determine_framework(folder) == "pt"
    for requested_task in ("auto", task):
        model = TasksManager.get_model_from_task(requested_task, folder)
        assert type(model).__name__ == class_name
        assert model.config.export_model_type == export_model_type
        assert TasksManager.infer_library_from_model(model) == library
        assert TasksManager.infer_task_from_model(model) == task
    if exported_task is not None:
        constructor = TasksManager.get_exporter_config_constructor(
            "onnx", model, task=exported_task, library_name=library
        )
        assert an_input in constructor(model.config).inputs


def test_the_parts_of_a_pipeline_have_configurations(models: Path) -> None:
    pipeline = TasksManager.get_model_from_task("text-to-image", models / "sd", library_name="diffusers")
    constructor = TasksManager.get_exporter_config_constructor(
        "onnx", pipeline.unet, task="semantic-segmentation", model_type="unet-2d-condition", library_name="diffusers"
    )
    assert "encoder_hidden_states" in constructor(pipeline.unet.config).inputs
