"""Every architecture of transformers that its default configuration builds: the class chosen builds it too."""

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
from registry.queries.load_class import loading_class, own_class
from resolver.loading.instantiate import import_class

REGISTRY = shipped_registry()
WANTED = 150
DEPTHS = (
    "num_hidden_layers",
    "num_layers",
    "n_layer",
    "n_layers",
    "encoder_layers",
    "decoder_layers",
    "num_decoder_layers",
    "num_encoder_layers",
)
"""What configurations call how many layers there are."""


def architectures() -> Iterator[tuple[str, str]]:
    """(model type, architecture): of each model type of the installed transformers, what it is for."""
    for model_type, names in REGISTRY.architectures_of.items():
        if model_type in transformers.CONFIG_MAPPING:
            yield (
                model_type,
                max(names, key=lambda name: REGISTRY.rows[name][-1].order if name in REGISTRY.rows else -1),
            )


def small_config(model_type: str) -> Any:
    """The default configuration, with two layers where it says how many it has."""
    kind = transformers.CONFIG_MAPPING[model_type]
    fewer = shallow(kind)
    for name, inner in getattr(kind, "sub_configs", {}).items():
        if (inside := shallow(inner)) and hasattr(inner, "model_type"):
            fewer[name] = inside
    try:
        return kind(**fewer)
    except Exception:  # one whose layers are described singly
        return kind()


def shallow(kind: Any) -> dict[str, Any]:
    """What makes a configuration of this class a shallow one."""
    try:
        names = vars(kind())
    except Exception:  # one that has no default
        return {}
    return {name: 2 for name in DEPTHS if name in names}


def build(config: Any, make: Any) -> Any:
    """A model without memory for its weights."""
    with torch.device("meta"):
        return make(config)


def trouble_with(model_type: str, architecture: str, folder: Path) -> str | None:
    """What went wrong with the class chosen for a generated config.json; None where it builds the architecture."""
    config = small_config(model_type)
    config.architectures = [architecture]
    config.save_pretrained(folder)
    content = json.loads((folder / "config.json").read_text())
    files = {"config.json": SmallFile(state=FileState.READ, content=content)}
    facts = RepoFacts(commit=CommitFacts(filenames=("config.json", "model.safetensors"), files=files))
    decision = decide(facts, REGISTRY)
    chosen, own = loading_class(decision, REGISTRY, content), own_class(decision, REGISTRY)
    if chosen is None:
        return "no class is chosen"
    try:
        read = transformers.AutoConfig.from_pretrained(folder)
        model_class = import_class(chosen)
        if type(read) not in getattr(model_class, "_model_mapping", [type(read)]) and own is not None:
            model_class = import_class(own)
        model = build(read, getattr(model_class, "from_config", model_class))
    except Exception as error:
        return f"{chosen.name}: {type(error).__name__}: {error}"
    return None if type(model).__name__ == architecture else f"{chosen.name} gives a {type(model).__name__}"


def builds_by_itself(model_type: str, architecture: str) -> bool:
    """Whether transformers builds the architecture from the same configuration, given its class by name."""
    try:
        build(small_config(model_type), getattr(transformers, architecture))
    except Exception:  # whatever it needs that a default does not say: other models, other packages
        return False
    return True


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_class_chosen_builds_what_the_config_describes(tmp_path: Path) -> None:
    built, wrong = 0, dict[str, str]()
    for model_type, architecture in architectures():
        try:
            trouble = trouble_with(model_type, architecture, tmp_path)
        except Exception as error:  # its configuration has no default
            trouble = f"{type(error).__name__}: {error}"
        built += trouble is None
        if trouble is not None and builds_by_itself(model_type, architecture):
            wrong[architecture] = trouble[:300]
    assert wrong == {}
    assert built >= WANTED
