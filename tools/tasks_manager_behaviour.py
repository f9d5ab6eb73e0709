"""What a `TasksManager` answers and raises when nothing need be asked of a Hub, as JSON. Runs against anybody's.

    python tools/tasks_manager_behaviour.py optimum.exporters.tasks:TasksManager > FILE

Run with a Python that has optimum 2.3, transformers and torch; `tests/tasks_manager` holds ours against
`tests/data/tasks_manager_behaviour.json`, which it made.
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
"""{"gives": a JSON value}, or {"raises": the built-in kinds of the error, the most special first}."""

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
    """As an export configuration is made."""

    SUPPORTS_PAST = True

    def __init__(self, config: Any, task: str = "feature-extraction", use_past: bool = False, **more: Any) -> None:
        self.said = [config, task, use_past, more]


class Pastless(Config):
    SUPPORTS_PAST = False


def calls(manager: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Each call with a label; in this order, since some register what later ones ask for."""
    for name in NAMES:
        yield f"map_from_synonym {name}", partial(manager.map_from_synonym, name)
        yield f"synonyms_for_task {name}", partial(_sorted, manager.synonyms_for_task, name)
    for task, model_type in CLASSES:
        yield (
            f"get_model_class_for_task {task} {model_type}",
            partial(_named, manager.get_model_class_for_task, task, model_type=model_type),
        )
    others: dict[str, dict[str, str]] = {
        "another framework": {"framework": "tf"},
        "another library": {"library": "nonsense"},
        "a class by name": {"model_class_name": "BertForMaskedLM"},
        "no such class": {"model_class_name": "NoSuchModel"},
    }
    for label, asked in others.items():
        yield (
            f"get_model_class_for_task with {label}",
            partial(_named, manager.get_model_class_for_task, "fill-mask", **asked),
        )
    for name in ARCHITECTURES:
        stand_in = type(name, (), {"__module__": "transformers.models.stand_in"})
        yield f"infer_task_from_model {name}", partial(manager.infer_task_from_model, stand_in)
        yield f"infer_task_from_model {name}()", partial(manager.infer_task_from_model, stand_in())
    for name in ("transformers.models", "diffusers.pipelines", "sentence_transformers", "timm.models", "elsewhere"):
        stand_in = type("Model", (), {"__module__": name})
        yield f"infer_library_from_model {name}", partial(manager.infer_library_from_model, stand_in)
    yield from _registering(manager)
    yield from _folders(manager)


def _registering(manager: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    def register(*arguments: Any, config_class: type = Config, overwrite: bool = False, **more: Any) -> str:
        given = manager.create_register("mine", overwrite_existing=overwrite)(*arguments, **more)(config_class)
        return str(given.__name__)

    def said(**asked: Any) -> Any:
        return manager.get_exporter_config_constructor(**{"exporter": "mine", **asked})("config").said

    def tasks(model_type: str, exporter: str, **more: Any) -> list[str]:
        return list(manager.get_supported_tasks_for_model_type(model_type, exporter, **more))

    yield "register", lambda: register("of-mine", "text-classification", "text2text-generation")
    yield "register again", lambda: register("of-mine", "text-classification", "fill-mask", config_class=Pastless)
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
    yield "constructor", lambda: said(model_type="of-mine", task="fill-mask")
    yield "constructor of an alias", lambda: said(model_type="of-mine", task="sequence-classification")
    yield "constructor of a wider task", lambda: said(model_type="of-mine", task="translation")
    yield "constructor with a past", lambda: said(model_type="of-mine", task="text-generation-with-past")
    yield (
        "constructor with arguments",
        lambda: said(model_type="of-mine", task="fill-mask", exporter_config_kwargs={"int_dtype": "int32"}),
    )
    model = SimpleNamespace(config=SimpleNamespace(model_type="of-mine"))
    yield "constructor of a model", lambda: said(model=model, task="fill-mask", library_name="transformers")
    timm = SimpleNamespace(config=SimpleNamespace(export_model_type="resnet18"))
    yield "constructor of timm", lambda: said(model=timm, task="image-classification", library_name="timm")
    yield "constructor of nothing", lambda: said(task="fill-mask")
    yield "constructor of a model without a type", lambda: said(model=SimpleNamespace(config=SimpleNamespace()))
    yield "constructor of another task", lambda: said(model_type="of-mine", task="image-classification")
    yield "constructor of nonsense", lambda: said(model_type="nonsense", task="fill-mask")
    yield "constructor for nonsense", lambda: said(model_type="of-mine", task="fill-mask", exporter="nonsense")


def _folders(manager: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
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
            yield f"get_model_files {kind}", partial(_first_sorted, manager.get_model_files, path, **more)


def _sorted(call: Callable[..., Any], *arguments: Any) -> list[str]:
    return sorted(call(*arguments))


def _first_sorted(call: Callable[..., Any], *arguments: Any, **more: Any) -> list[str]:
    return sorted(call(*arguments, **more)[0])


def _named(call: Callable[..., Any], *arguments: Any, **more: Any) -> str:
    return str(call(*arguments, **more).__name__)


def behaviour(manager: Any) -> dict[str, Outcome]:
    """The outcome of each call, by its label."""
    return {label: _outcome(call) for label, call in calls(manager)}


def _outcome(call: Callable[[], Any]) -> Outcome:
    try:
        return {"gives": call()}
    except Exception as error:
        kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == builtins.__name__]
        return {"raises": kinds[: kinds.index("Exception")]}


def main() -> None:
    module, _, name = sys.argv[1].partition(":")
    json.dump(behaviour(getattr(importlib.import_module(module), name)), sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
