"""Calling a model with flat tensors, as an exported graph is called, and laying out what it gives. Imports no library
before a cache is made.

The model's own arguments and outputs are nested: caches of keys and values, outputs of an encoder, mappings. An export
configuration says where each flat tensor goes (`InputSpec.path`) and comes from (`OutputSpec.path`).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from registry.export.config import ExportConfig

Nested = dict[str, Any]

PAST = "past_key_values"
ENCODED = "encoder_outputs"


def call(model: Any, config: ExportConfig, tensors: Sequence[Any]) -> tuple[Any, ...]:
    """What the model gives for `tensors`, which are in the order of `config.inputs`; in the order of `config.outputs`.

    Raises:
        LookupError: the model gives nothing by the name that the configuration says.
    """
    specs = config.input_specs()
    arguments = model_arguments({spec.path: tensor for spec, tensor in zip(specs, tensors, strict=True)})
    if config.use_past:
        arguments["use_cache"] = True
    output = getattr(config.part_of(model), config.METHOD)(**arguments)
    return tuple(_found(output, spec.path) for spec in config.output_specs())


def model_arguments(tensors: Mapping[str, Any]) -> Nested:
    """Arguments by name, of tensors by path ("past_key_values.0.key")."""
    arguments: Nested = {}
    for path, tensor in tensors.items():
        *parents, name = path.split(".")
        place = arguments
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = tensor
    if PAST in arguments:
        arguments[PAST] = _cache(arguments[PAST])
    if ENCODED in arguments:
        outputs = importlib.import_module("transformers.modeling_outputs")
        arguments[ENCODED] = outputs.BaseModelOutput(**arguments[ENCODED])
        # Encoders that thin out what they hear give its mask too, which their decoders look for.
        arguments[ENCODED].attention_mask = None
    return arguments


def _cache(layers: Mapping[str, Any]) -> Any:
    """The cache of transformers that holds these keys and values: layer -> part, or layer -> side -> part."""
    library = importlib.import_module("transformers")
    ordered = [layers[str(index)] for index in range(len(layers))]
    if "key" in ordered[0]:
        return library.DynamicCache([(layer["key"], layer["value"]) for layer in ordered])
    sides = (
        library.DynamicCache([(layer[side]["key"], layer[side]["value"]) for layer in ordered])
        for side in ("decoder", "encoder")
    )
    return library.EncoderDecoderCache(*sides)


def _found(output: Any, path: str) -> Any:
    value = output
    for part in path.split(".") if path else ():
        value = _laid_out(value.past_key_values) if part == PAST else _member(value, part)
        if value is None:
            raise LookupError(f"the model gives no {path}; it gives {_named(output)}")
    return value


def _member(value: Any, part: str) -> Any:
    if part.isdecimal() and isinstance(value, (list, tuple)):
        return value[int(part)]
    return value.get(part) if isinstance(value, Mapping) else getattr(value, part, None)


def _laid_out(cache: Any) -> list[Nested]:
    """Keys and values of each layer of a cache of transformers."""
    if hasattr(cache, "self_attention_cache"):
        sides = zip(_laid_out(cache.self_attention_cache), _laid_out(cache.cross_attention_cache), strict=False)
        return [{"decoder": own, "encoder": cross} for own, cross in sides]
    return [{"key": layer.keys, "value": layer.values} for layer in cache.layers]


def _named(output: Any) -> str:
    return ", ".join(output) if isinstance(output, Mapping) else type(output).__name__
