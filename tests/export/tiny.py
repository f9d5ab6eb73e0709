"""Tiny models with random weights: the default config of a model type, shrunk by rules, with what a type needs beside.

The weights are drawn anew for each model, from one seed.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from registry import RegistryError, find_class, shipped_registry
from tests.export.tiny_rows import BY_MODEL_TYPE, CLASSES, RULES, TWO_LAYERS

Config = dict[str, Any]

VOCABULARY = 128


class NotBuiltError(Exception):
    """No tiny model can be made of this pair; the message says why."""


def tiny_model(library: str, model_type: str, task: str) -> Any:
    """A model of this type for this task, in evaluation mode.

    Raises:
        NotBuiltError: it cannot be had here; the message says why.
    """
    import torch

    torch.manual_seed(0)
    if library != "transformers":
        from tests.export.tiny_others import other_model

        return other_model(library, model_type).eval()
    return transformers_model(model_type, task).eval()


def transformers_model(model_type: str, task: str) -> Any:
    """As `tiny_model`, of transformers."""
    import transformers

    base = task.removesuffix("-with-past")
    row = BY_MODEL_TYPE.get(model_type, {})
    config_type = row.get("config_type", model_type)
    if config_type not in transformers.CONFIG_MAPPING:
        raise NotBuiltError(f"transformers {transformers.__version__} has no {model_type}")
    layers = 2 if model_type in TWO_LAYERS else 1
    config_class = transformers.CONFIG_MAPPING[config_type]
    try:
        config = config_class(**shrunk(config_class, layers, row.get("config", {})))
    except NotImplementedError as error:
        raise NotBuiltError(str(error)) from error
    attention = {"attn_implementation": row["attention"]} if "attention" in row else {}
    return model_class(model_type, base)._from_config(config, **attention)


def model_class(model_type: str, task: str) -> Any:
    """The class that the registry names for the pair, or the row does; of an auto class the one it leads to."""
    import transformers

    named = CLASSES.get((model_type, task))
    if named is not None:
        return getattr(transformers, named)
    try:
        ref = find_class(task, shipped_registry(), model_type=model_type)
    except RegistryError as error:
        raise NotBuiltError(str(error)) from error
    found = getattr(importlib.import_module(ref.module), ref.name)
    mapping = getattr(found, "_model_mapping", None)
    if mapping is None:
        return found
    loaded = mapping[transformers.CONFIG_MAPPING[model_type]]
    return loaded[0] if isinstance(loaded, tuple) else loaded


def shrunk(config_class: Any, layers: int, own: Mapping[str, Any]) -> Config:
    """Arguments that make a small config of this class; `own` counts more than the rules, in parts too."""
    default = config_class()
    arguments: Config = {}
    for name, value in default.to_dict().items():
        sub: Any = getattr(default, name, None)
        if name in ("transformers_version", "model_type"):
            continue
        if hasattr(sub, "to_dict") and name.endswith(("config", "encoder", "decoder")):
            nested = shrunk(type(sub), layers, own.get(name, {}))
            arguments[name] = {**nested, "model_type": sub.model_type}
        elif name == "pad_token_id" and value is None:
            # Texts cannot be classified together without one.
            arguments[name] = 0
        elif name in RULES:
            arguments[name] = _ruled(RULES[name], value, layers)
        elif name.endswith(("token_id", "token_index")) and isinstance(value, int) and value >= VOCABULARY:
            arguments[name] = VOCABULARY - 1 - len(arguments) % 8
    # A part that names its model type is another part than the default one.
    whole = {name: value for name, value in own.items() if not isinstance(value, Mapping) or "model_type" in value}
    arguments.update(whole)
    accepted = inspect.signature(config_class.__init__).parameters
    if not any(item.kind is inspect.Parameter.VAR_KEYWORD for item in accepted.values()):
        return {name: value for name, value in arguments.items() if name in accepted}
    return arguments


def _ruled(rule: Any, value: Any, layers: int) -> Any:
    if value is None:
        return None
    if rule == "layers":
        return layers
    if isinstance(value, (list, tuple)):
        if isinstance(rule, list):
            return type(value)(rule[: len(value)])
        return type(value)([rule] * len(value))
    if isinstance(rule, list):
        return value
    return min(rule, value) if isinstance(value, int) and not isinstance(value, bool) else rule
