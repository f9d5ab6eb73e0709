"""Calls a model with flat tensors, as an exported graph is called, and returns flat outputs.

A model's own arguments and outputs are nested: caches of keys and values, outputs of an encoder, mappings. An export
configuration maps each flat tensor to its place (`InputSpec.path`, `OutputSpec.path`). transformers is imported when
its cache or output classes are needed.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

NestedTensors = dict[str, Any]

PAST_KEY_VALUES = "past_key_values"
CACHE = "cache"
"""The name of the same argument and output in transformers 5.24 and later."""

ENCODER_OUTPUTS = "encoder_outputs"


ExportConfig = Any
"""An export configuration; its module imports this one."""


def call_with_flat_tensors(model: Any, config: ExportConfig, tensors: Sequence[Any]) -> tuple[Any, ...]:
    """The model's outputs, in the order of `config.outputs`; `tensors` are in the order of `config.inputs`.

    Raises:
        LookupError: the model returns no tensor at the path of an output.
    """
    specs = config.build_input_specs()
    arguments = build_arguments({spec.path: tensor for spec, tensor in zip(specs, tensors, strict=True)})
    if config.use_past:
        arguments["use_cache"] = True
    method = getattr(config.get_exported_module(model), config.METHOD)
    if PAST_KEY_VALUES in arguments and CACHE in inspect.signature(method).parameters:
        arguments[CACHE] = arguments.pop(PAST_KEY_VALUES)
    output = method(**arguments, **config.get_fixed_arguments())
    return tuple(_get_output(output, spec.path) for spec in config.build_output_specs())


@contextlib.contextmanager
def override_config(model: Any, config: ExportConfig) -> Iterator[None]:
    """Set `config.values_override` in the model's config and `config.ATTENTION`, and restore both at the end."""
    overrides = config.values_override or {}
    model_config = getattr(model, "config", None)
    previous = {name: getattr(model_config, name) for name in overrides if hasattr(model_config, name)}
    attention = getattr(model_config, "_attn_implementation", None) if config.ATTENTION is not None else None
    for name in previous:
        setattr(model_config, name, overrides[name])
    if attention is not None:
        model.set_attn_implementation(config.ATTENTION)
    try:
        yield
    finally:
        for name, value in previous.items():
            setattr(model_config, name, value)
        if attention is not None:
            model.set_attn_implementation(attention)


def build_arguments(tensors: Mapping[str, Any]) -> NestedTensors:
    """The model's arguments by name, built from tensors by dotted path ("past_key_values.0.key")."""
    arguments: NestedTensors = {}
    for path, tensor in tensors.items():
        *parents, name = path.split(".")
        level = arguments
        for parent in parents:
            level = level.setdefault(parent, {})
        level[name] = tensor
    if PAST_KEY_VALUES in arguments:
        arguments[PAST_KEY_VALUES] = _build_cache(arguments[PAST_KEY_VALUES])
    if ENCODER_OUTPUTS in arguments:
        outputs = importlib.import_module("transformers.modeling_outputs")
        arguments[ENCODER_OUTPUTS] = outputs.BaseModelOutput(**arguments[ENCODER_OUTPUTS])
        # Speech encoders that downsample return the mask of their output, and their decoders read this attribute.
        arguments[ENCODER_OUTPUTS].attention_mask = None
    return arguments


def _build_cache(layers: Mapping[str, Any]) -> Any:
    """The transformers cache of these keys and values: by layer and part, or by layer, side and part."""
    library = importlib.import_module("transformers")
    ordered = [layers[str(index)] for index in range(len(layers))]
    if "key" in ordered[0]:
        return library.DynamicCache([(layer["key"], layer["value"]) for layer in ordered])
    sides = (
        library.DynamicCache([(layer[side]["key"], layer[side]["value"]) for layer in ordered])
        for side in ("decoder", "encoder")
    )
    return library.EncoderDecoderCache(*sides)


def _get_output(output: Any, path: str) -> Any:
    value = output
    for part in path.split(".") if path else ():
        value = _unpack_cache(_get_cache(value)) if part == PAST_KEY_VALUES else _get_member(value, part)
        if value is None:
            raise LookupError(f"the model's output has no {path}; it has {_describe_output(output)}")
    return value


def _get_member(value: Any, part: str) -> Any:
    if part.isdecimal() and isinstance(value, (list, tuple)):
        return value[int(part)]
    return value.get(part) if isinstance(value, Mapping) else getattr(value, part, None)


def _get_cache(output: Any) -> Any:
    """The cache in a model's output. A mapping is asked by key: the old name is a property in later releases."""
    return _get_member(output, CACHE if CACHE in output else PAST_KEY_VALUES)


def _unpack_cache(cache: Any) -> list[NestedTensors]:
    """Keys and values of each layer of a transformers cache."""
    if hasattr(cache, "self_attention_cache"):
        sides = zip(_unpack_cache(cache.self_attention_cache), _unpack_cache(cache.cross_attention_cache), strict=False)
        return [{"decoder": own, "encoder": cross} for own, cross in sides]
    return [{"key": layer.keys, "value": layer.values} for layer in cache.layers]


def _describe_output(output: Any) -> str:
    return ", ".join(output) if isinstance(output, Mapping) else type(output).__name__
