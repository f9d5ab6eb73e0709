"""Every architecture of transformers that its default configuration builds is built by the chosen class too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from registry import CommitFacts, RepoFacts, decide, shipped_registry
from registry.facts import FileState, SmallFile
from registry.queries.load_class import find_load_class, find_own_class
from resolver.loading.instantiate import import_library_class

REGISTRY = shipped_registry()
MIN_BUILT = 150
DEPTH_ARGUMENTS = (
    "num_hidden_layers",
    "num_layers",
    "n_layer",
    "n_layers",
    "encoder_layers",
    "decoder_layers",
    "num_decoder_layers",
    "num_encoder_layers",
)
"""The arguments of configuration classes that set the number of layers."""


def list_architectures() -> Iterator[tuple[str, str]]:
    """(model type, main architecture) for each model type of the installed transformers."""
    for model_type, names in REGISTRY.architectures_by_model_type.items():
        if model_type in transformers.CONFIG_MAPPING:
            yield (
                model_type,
                max(
                    names,
                    key=lambda name: REGISTRY.served_tasks[name][-1].rank if name in REGISTRY.served_tasks else -1,
                ),
            )


def build_small_config(model_type: str) -> Any:
    """The default configuration, with two layers where it has an argument for that."""
    config_class = transformers.CONFIG_MAPPING[model_type]
    arguments = find_depth_arguments(config_class)
    for name, inner in getattr(config_class, "sub_configs", {}).items():
        if (inner_arguments := find_depth_arguments(inner)) and hasattr(inner, "model_type"):
            arguments[name] = inner_arguments
    try:
        return config_class(**arguments)
    except Exception:  # the configuration describes each layer
        return config_class()


def find_depth_arguments(config_class: Any) -> dict[str, Any]:
    """The arguments that give a configuration of this class two layers."""
    try:
        names = vars(config_class())
    except Exception:  # the class has no default configuration
        return {}
    return {name: 2 for name in DEPTH_ARGUMENTS if name in names}


def build_on_meta(config: Any, factory: Any) -> Any:
    """The model on the meta device: its weights take no memory."""
    with torch.device("meta"):
        return factory(config)


def find_problem(model_type: str, architecture: str, folder: Path) -> str | None:
    """The error of the class chosen for a generated config.json; None where it builds the architecture."""
    config = build_small_config(model_type)
    config.architectures = [architecture]
    config.save_pretrained(folder)
    content = json.loads((folder / "config.json").read_text())
    files = {"config.json": SmallFile(state=FileState.READ, content=content)}
    facts = RepoFacts(commit=CommitFacts(filenames=("config.json", "model.safetensors"), files=files))
    decision = decide(facts, REGISTRY)
    auto_class, own_class = find_load_class(decision, REGISTRY, content), find_own_class(decision, REGISTRY)
    if auto_class is None:
        return "no class is chosen"
    try:
        config_read = transformers.AutoConfig.from_pretrained(folder)
        model_class = import_library_class(auto_class)
        if (
            type(config_read) not in getattr(model_class, "_model_mapping", [type(config_read)])
            and own_class is not None
        ):
            model_class = import_library_class(own_class)
        model = build_on_meta(config_read, getattr(model_class, "from_config", model_class))
    except Exception as error:
        return f"{auto_class.name}: {type(error).__name__}: {error}"
    return None if type(model).__name__ == architecture else f"{auto_class.name} gives a {type(model).__name__}"


def is_buildable(model_type: str, architecture: str) -> bool:
    """Whether the architecture's own class builds it from the same configuration."""
    try:
        build_on_meta(build_small_config(model_type), getattr(transformers, architecture))
    except Exception:  # it may need other models or packages
        return False
    return True


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_class_chosen_builds_what_the_config_describes(tmp_path: Path) -> None:
    built, problems = 0, dict[str, str]()
    for model_type, architecture in list_architectures():
        try:
            problem = find_problem(model_type, architecture, tmp_path)
        except Exception as error:  # the configuration class has no default
            problem = f"{type(error).__name__}: {error}"
        built += problem is None
        if problem is not None and is_buildable(model_type, architecture):
            problems[architecture] = problem[:300]
    assert problems == {}
    assert built >= MIN_BUILT
