"""`hubresolve tasks`: the listed rows, and unknown names."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from registry.defaults import default_registry
from resolver.cli.main import cli


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["tasks", *arguments], standalone_mode=True)


def rows(result: Result) -> list[list[str]]:
    return [line.split() for line in result.stdout.splitlines()[1:]]


def test_every_task_is_listed_with_its_modality_and_aliases() -> None:
    listed = {row[0]: row[1:] for row in rows(run())}

    assert listed.keys() == default_registry().tasks.keys()
    assert listed["text-to-audio"] == ["audio", "text-to-speech"]


def test_a_model_type_is_listed_with_its_classes_the_most_specific_task_first() -> None:
    listed = rows(run("--model-type", "whisper"))

    assert listed[0] == ["automatic-speech-recognition", "audio", "AutoModelForSpeechSeq2Seq"]
    assert ["text-generation", "text", "AutoModelForCausalLM"] in listed


@pytest.mark.parametrize(
    ("library", "row"),
    [
        ("diffusers", ["text-to-image", "image", "AutoPipelineForText2Image"]),
        ("sentence-transformers", ["text-ranking", "text", "CrossEncoder"]),
        ("timm", ["image-classification", "image", "create_model"]),
        ("gguf", ["any"]),
    ],
)
def test_a_library_is_listed_with_its_tasks_and_classes(library: str, row: list[str]) -> None:
    assert row in rows(run("--library", library))


def test_a_family_of_diffusers_is_listed_with_its_pipelines() -> None:
    assert ["text-to-image", "image", "FluxPipeline"] in rows(run("--library", "diffusers", "--model-type", "flux"))


def test_a_model_type_is_listed_with_the_tasks_that_a_backend_exports() -> None:
    listed = rows(run("--model-type", "marian", "--backend", "onnx"))

    assert ["text2text-generation-with-past", "text", "BartConfig"] in listed
    assert len(listed) == 6


def test_a_backend_is_listed_with_the_model_types_that_it_exports() -> None:
    listed = rows(run("--backend", "torch_export"))

    assert ["unet-2d-condition", "diffusers", "semantic-segmentation"] in listed
    assert len(listed) == 166
    assert len(rows(run("--backend", "onnx", "--library", "sentence-transformers"))) == 2


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (["--backend", "onx"], "'onnx'"),
        (["--backend", "onnx", "--model-type", "pythia"], "pythia has no export configuration"),
        (["--library", "difusers"], "'diffusers'"),
        (["--model-type", "whispr"], "'whisper'"),
        (["--library", "diffusers", "--model-type", "fluxx"], "'flux'"),
    ],
)
def test_an_unknown_name_is_wrong_usage_and_names_the_nearest(arguments: list[str], nearest: str) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert nearest in result.stderr
    assert result.stdout == ""
