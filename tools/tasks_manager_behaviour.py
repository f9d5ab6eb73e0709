"""Records results and errors of a `TasksManager`, for calls that need no Hub, as JSON. Works with any implementation.

    python tools/tasks_manager_behaviour.py optimum.exporters.tasks:TasksManager > FILE

Run it with a Python that has optimum 2.3, transformers and torch; `tests/resolver/tasks_manager` compares ours with it,
`tests/data/tasks_manager_behaviour.json`.
"""

from __future__ import annotations

import builtins
import importlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

Outcome = dict[str, Any]
"""{"gives": a JSON value}, or {"raises": the built-in classes of the error, the most specific first}."""

NAMES = (
    "audio-ctc",
    "causal-lm",
    "causal-lm-with-past",
    "default",
    "default-with-past",
    "masked-lm",
    "mask-generation",
    "sentence-similarity",
    "seq2seq-lm",
    "seq2seq-lm-with-past",
    "sequence-classification",
    "speech2seq-lm",
    "speech2seq-lm-with-past",
    "summarization",
    "text-to-speech",
    "translation",
    "vision2seq-lm",
    "zero-shot-classification",
    "image-feature-extraction",
    "pretraining",
    "stable-diffusion",
    "stable-diffusion-xl",
    "latent-consistency",
    "text-classification",
    "image-to-text",
    "auto",
    "nonsense",
)
CLASSES = (
    ("feature-extraction", None),
    ("fill-mask", "bert"),
    ("text-generation-with-past", "gpt2"),
    ("text-generation", "of-my-own"),
    ("translation", "marian"),
    ("automatic-speech-recognition", "wav2vec2"),
    ("automatic-speech-recognition", "whisper"),
    ("automatic-speech-recognition", "bert"),
    ("image-segmentation", "detr"),
    ("semantic-segmentation", "segformer"),
    ("text-to-audio", "vits"),
    ("document-question-answering", "vision-encoder-decoder"),
    ("mask-generation", "sam"),
    ("keypoint-detection", "vitpose"),
    ("nonsense", None),
)
ARCHITECTURES = (
    "BertForMaskedLM",
    "BertModel",
    "BertForPreTraining",
    "GPT2LMHeadModel",
    "T5ForConditionalGeneration",
    "MarianMTModel",
    "BartForConditionalGeneration",
    "WhisperForConditionalGeneration",
    "Wav2Vec2ForCTC",
    "ViTForImageClassification",
    "CLIPModel",
    "SamModel",
    "DetrForObjectDetection",
    "AutoModelForCausalLM",
    "AutoModelForSequenceClassification",
    "VitsModel",
    "NoSuchModel",
)


class Config:
    """A stand-in for an export configuration."""

    SUPPORTS_PAST = True

    def __init__(self, config: Any, task: str = "feature-extraction", use_past: bool = False, **more: Any) -> None:
        self.arguments = [config, task, use_past, more]


class Pastless(Config):
    """One that cannot be exported with past. The recorded results contain its name."""

    SUPPORTS_PAST = False


def list_calls(manager: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """(label, call) in a fixed order: later calls depend on what earlier ones register."""
    for name in NAMES:
        yield f"map_from_synonym {name}", partial(manager.map_from_synonym, name)
        yield f"synonyms_for_task {name}", partial(_sort_result, manager.synonyms_for_task, name)
    for task, model_type in CLASSES:
        yield (
            f"get_model_class_for_task {task} {model_type}",
            partial(_name_result, manager.get_model_class_for_task, task, model_type=model_type),
        )
    others: dict[str, dict[str, str]] = {
        "another framework": {"framework": "tf"},
        "another library": {"library": "nonsense"},
        "a class by name": {"model_class_name": "BertForMaskedLM"},
        "no such class": {"model_class_name": "NoSuchModel"},
    }
    for label, options in others.items():
        yield (
            f"get_model_class_for_task with {label}",
            partial(_name_result, manager.get_model_class_for_task, "fill-mask", **options),
        )
    for name in ARCHITECTURES:
        stand_in = type(name, (), {"__module__": "transformers.models.stand_in"})
        yield f"infer_task_from_model {name}", partial(manager.infer_task_from_model, stand_in)
        yield f"infer_task_from_model {name}()", partial(manager.infer_task_from_model, stand_in())
    for name in ("transformers.models", "diffusers.pipelines", "sentence_transformers", "timm.models", "elsewhere"):
        stand_in = type("Model", (), {"__module__": name})
        yield f"infer_library_from_model {name}", partial(manager.infer_library_from_model, stand_in)
    yield from _list_registration_calls(manager)
    yield from _list_folder_calls(manager)


def _list_registration_calls(manager: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    def register(*arguments: Any, config_class: type = Config, overwrite: bool = False, **more: Any) -> str:
        registered = manager.create_register("mine", overwrite_existing=overwrite)(*arguments, **more)(config_class)
        return str(registered.__name__)

    def construct(**options: Any) -> Any:
        return manager.get_exporter_config_constructor(**{"exporter": "mine", **options})("config").arguments

    def tasks(model_type: str, exporter: str, **more: Any) -> list[str]:
        return list(manager.get_supported_tasks_for_model_type(model_type, exporter, **more))

    yield "register", lambda: register("of-mine", "text-classification", "text2text-generation")
    yield (
        "register again",
        lambda: register("of-mine", "text-classification", "fill-mask", config_class=Pastless),
    )
    yield "register over", lambda: register("of-mine", "fill-mask", overwrite=True)
    yield "register a past", lambda: register("of-mine", "text-generation", "text-generation-with-past")
    yield "register for timm", lambda: register("default-timm-config", "image-classification", library_name="timm")
    yield (
        "register a past that is not supported",
        lambda: register("of-mine", "feature-extraction-with-past", config_class=Pastless),
    )
    yield "register nonsense", lambda: register("of-mine", "nonsense")
    yield "register for another library", lambda: register("of-mine", "fill-mask", library_name="nonsense")
    yield "supported", lambda: tasks("of-mine", "mine", library_name="transformers")
    yield "supported without a library", lambda: tasks("of-mine", "mine")
    yield "supported by default", lambda: tasks("resnet18", "mine", library_name="timm")
    yield "supported by no backend", lambda: tasks("of-mine", "nonsense", library_name="transformers")
    yield "supported by no model type", lambda: tasks("nonsense", "mine", library_name="transformers")
    yield "supported by no library", lambda: tasks("of-mine", "mine", library_name="nonsense")
    yield "model types", lambda: manager.get_supported_model_type_for_task("fill-mask", "mine")
    yield "model types of nonsense", lambda: manager.get_supported_model_type_for_task("nonsense", "mine")
    yield "constructor", lambda: construct(model_type="of-mine", task="fill-mask")
    yield "constructor of an alias", lambda: construct(model_type="of-mine", task="sequence-classification")
    yield "constructor of a wider task", lambda: construct(model_type="of-mine", task="translation")
    yield "constructor with a past", lambda: construct(model_type="of-mine", task="text-generation-with-past")
    yield (
        "constructor with arguments",
        lambda: construct(model_type="of-mine", task="fill-mask", exporter_config_kwargs={"int_dtype": "int32"}),
    )
    model = SimpleNamespace(config=SimpleNamespace(model_type="of-mine"))
    yield "constructor of a model", lambda: construct(model=model, task="fill-mask", library_name="transformers")
    timm = SimpleNamespace(config=SimpleNamespace(export_model_type="resnet18"))
    yield "constructor of timm", lambda: construct(model=timm, task="image-classification", library_name="timm")
    yield "constructor of nothing", lambda: construct(task="fill-mask")
    yield "constructor of a model without a type", lambda: construct(model=SimpleNamespace(config=SimpleNamespace()))
    yield "constructor of another task", lambda: construct(model_type="of-mine", task="image-classification")
    yield "constructor of nonsense", lambda: construct(model_type="nonsense", task="fill-mask")
    yield "constructor for nonsense", lambda: construct(model_type="of-mine", task="fill-mask", exporter="nonsense")


def _list_folder_calls(manager: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {
            "whole": {"config.json": '{"model_type": "bert"}', "model.safetensors": ""},
            "weightless": {"config.json": '{"model_type": "bert"}'},
            "tensorflow": {"config.json": '{"model_type": "bert"}', "tf_model.h5": ""},
            "timm": {"config.json": '{"architecture": "resnet18", "pretrained_cfg": {}}', "model.safetensors": ""},
            "diffusers": {"model_index.json": '{"_class_name": "FluxPipeline"}', "vae/model.safetensors": ""},
            "sentences": {"config_sentence_transformers.json": "{}", "config.json": "{}", "model.safetensors": ""},
            "empty": {"README.md": ""},
            "above": {"below/config.json": '{"model_type": "bert"}', "below/pytorch_model.bin": ""},
        }
        for kind, contents in files.items():
            for path, text in contents.items():
                (folder / kind / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / kind / path).write_text(text)
        for kind in files:
            path, more = str(folder / kind), {"subfolder": "below"} if kind == "above" else {}
            yield f"determine_framework {kind}", partial(manager.determine_framework, path, **more)
            yield f"infer_library_from_model {kind}", partial(manager.infer_library_from_model, path, **more)
            yield f"get_model_files {kind}", partial(_sort_first_result, manager.get_model_files, path, **more)


def _sort_result(call: Callable[..., Any], *arguments: Any) -> list[str]:
    return sorted(call(*arguments))


def _sort_first_result(call: Callable[..., Any], *arguments: Any, **more: Any) -> list[str]:
    return sorted(call(*arguments, **more)[0])


def _name_result(call: Callable[..., Any], *arguments: Any, **more: Any) -> str:
    return str(call(*arguments, **more).__name__)


def record_behaviour(manager: Any) -> dict[str, Outcome]:
    """The outcome of each call, by its label."""
    return {label: _record_outcome(call) for label, call in list_calls(manager)}


def _record_outcome(call: Callable[[], Any]) -> Outcome:
    try:
        return {"gives": call()}
    except Exception as error:
        kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == builtins.__name__]
        return {"raises": kinds[: kinds.index("Exception")]}


def main() -> None:
    module, _, name = sys.argv[1].partition(":")
    json.dump(record_behaviour(getattr(importlib.import_module(module), name)), sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
