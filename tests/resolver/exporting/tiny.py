"""Builds tiny models with random weights: the default config of a model type, with small sizes.

Each model is built with the same random seed.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from registry import RegistryError, find_class, shipped_registry
from registry.import_class import import_class
from tests.resolver.exporting.tiny_rows import BY_MODEL_TYPE, CLASSES, RULES, TWO_LAYERS

Config = dict[str, Any]

VOCABULARY = 128


class NotBuiltError(Exception):
    """No tiny model can be built for this pair; the message has the reason."""


def build_tiny_model(library: str, model_type: str, task: str, own: Mapping[str, Any] | None = None) -> Any:
    """A model of this type for this task, in eval mode; `own` are more fields of the config of a transformers model.

    Raises:
        NotBuiltError: it cannot be built with the installed libraries; the message has the reason.
    """
    import torch

    torch.manual_seed(0)
    if library != "transformers":
        from tests.resolver.exporting.tiny_others import build_other_model

        return build_other_model(library, model_type).eval()
    return build_transformers_model(model_type, task, own or {}).eval()


def build_transformers_model(model_type: str, task: str, own: Mapping[str, Any]) -> Any:
    """A transformers model of this type for this task. Raises the same errors as `build_tiny_model`."""
    import transformers

    base = task.removesuffix("-with-past")
    row = BY_MODEL_TYPE.get(model_type, {})
    config_type = row.get("config_type", model_type)
    if config_type not in transformers.CONFIG_MAPPING:
        raise NotBuiltError(f"transformers {transformers.__version__} has no {model_type}")
    layers = 2 if model_type in TWO_LAYERS else 1
    config_class = transformers.CONFIG_MAPPING[config_type]
    try:
        config = config_class(**shrink_config(config_class, layers, {**row.get("config", {}), **own}))
    except NotImplementedError as error:
        raise NotBuiltError(str(error)) from error
    attention = {"attn_implementation": row["attention"]} if "attention" in row else {}
    return choose_model_class(model_type, base)._from_config(config, **attention)


def choose_model_class(model_type: str, task: str) -> Any:
    """The class in `CLASSES` for the pair, else the registry's; for an auto class, the class that it maps to."""
    import transformers

    class_name = CLASSES.get((model_type, task))
    if class_name is not None:
        return getattr(transformers, class_name)
    try:
        ref = find_class(task, shipped_registry(), model_type=model_type)
    except RegistryError as error:
        raise NotBuiltError(str(error)) from error
    model_class = import_class(ref)
    mapping = getattr(model_class, "_model_mapping", None)
    if mapping is None:
        return model_class
    mapped = mapping[transformers.CONFIG_MAPPING[model_type]]
    return mapped[0] if isinstance(mapped, tuple) else mapped


def shrink_config(config_class: Any, layers: int, own: Mapping[str, Any]) -> Config:
    """Arguments of a small config of this class; `own` overrides the rules, also in nested configs."""
    default = config_class()
    arguments: Config = {}
    for name, value in default.to_dict().items():
        sub: Any = getattr(default, name, None)
        if name in ("transformers_version", "model_type"):
            continue
        if hasattr(sub, "to_dict") and name.endswith(("config", "encoder", "decoder")):
            nested = shrink_config(type(sub), layers, own.get(name, {}))
            arguments[name] = {**nested, "model_type": sub.model_type}
        elif name == "pad_token_id" and value is None:
            # Text classification of a batch needs one.
            arguments[name] = 0
        elif name in RULES:
            arguments[name] = _apply_rule(RULES[name], value, layers)
        elif name.endswith(("token_id", "token_index")) and isinstance(value, int) and value >= VOCABULARY:
            arguments[name] = VOCABULARY - 1 - len(arguments) % 8
    # A nested config with a model type replaces the default one.
    replaced = {name: value for name, value in own.items() if not isinstance(value, Mapping) or "model_type" in value}
    arguments.update(replaced)
    accepted = inspect.signature(config_class.__init__).parameters
    if not any(item.kind is inspect.Parameter.VAR_KEYWORD for item in accepted.values()):
        return {name: value for name, value in arguments.items() if name in accepted}
    return arguments


def _apply_rule(rule: Any, value: Any, layers: int) -> Any:
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
