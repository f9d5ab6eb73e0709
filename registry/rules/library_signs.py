"""Finds signs of a library in `config.json`, and says whether transformers knows the model in it. Pure."""

from __future__ import annotations

from registry.library_names import derive_library_name
from registry.registry import Registry
from registry.rules.model_class import find_served_tasks
from registry.rules.observed import Observed
from registry.tables.library_signs import LIBRARY_BY_KEYS, LIBRARY_BY_MODEL_TYPE, TOOLS


def is_mlx(observed: Observed) -> bool:
    """Whether the weights are MLX's: by the quantisation that only MLX writes, by the tag or by `library_name`.

    Conversions keep the card of the model that they were made from, so that `library_name` may be another.
    """
    if not observed.has_config or (observed.weights and "pt" not in observed.weights):
        return False
    name = (observed.hints.library_name or "").lower()
    return name.startswith("mlx") or "mlx" in observed.hints.tags or _has_mlx_quantization(observed)


def _has_mlx_quantization(observed: Observed) -> bool:
    quantization = observed.config.get("quantization")
    return (
        isinstance(quantization, dict)
        and {"group_size", "bits"} <= quantization.keys()
        and "quant_method" not in quantization
    )


def knows_model(observed: Observed, registry: Registry) -> bool:
    """Whether transformers has one of the architectures; without any, the model type."""
    if observed.architectures:
        return any(knows_architecture(name, registry) for name in observed.architectures)
    return knows_model_type(observed.model_type, registry)


def knows_architecture(name: str, registry: Registry) -> bool:
    """Whether a release of transformers has this class."""
    return bool(find_served_tasks(name, registry)) or name in registry.other_architectures


def knows_model_type(model_type: str | None, registry: Registry) -> bool:
    """Whether transformers has this model type."""
    return model_type in registry.model_types or model_type in registry.model_type_aliases


def find_library_of_model_type(observed: Observed, registry: Registry) -> str | None:
    """The library that is the only one to use the config's model type."""
    if observed.model_type is None or observed.model_type in registry.model_types:
        return None
    known = LIBRARY_BY_MODEL_TYPE.get(observed.model_type)
    return known or next(
        (name for name, row in registry.libraries.items() if observed.model_type in row.model_types), None
    )


def find_other_library(observed: Observed, registry: Registry, *, is_known: bool) -> tuple[str, str] | None:
    """The library of a config that is not, or not only, transformers', and the sign of it; None without such a sign.

    Where transformers has the very class (`is_known`), and the author names transformers, that counts. Else the
    author's `library_name` comes first, then keys and model types of other libraries, then diffusers' `_class_name`.
    """
    named = (observed.hints.library_name or "").lower()
    if is_known and named == "transformers":
        return None
    author = _find_named_library(observed, registry)
    if author is not None and not is_known:
        return author, f"library_name {observed.hints.library_name}"
    for keys, library in LIBRARY_BY_KEYS:
        if all(key in observed.config for key in keys):
            return library, f"config.json: {', '.join(keys)}"
    if is_known:
        return None
    own = find_library_of_model_type(observed, registry)
    if own is not None:
        return own, f"config.json: model_type {observed.model_type}"
    if isinstance(observed.config.get("_class_name"), str) or "_diffusers_version" in observed.config:
        return "diffusers", "config.json: _class_name"
    return None


def _find_named_library(observed: Observed, registry: Registry) -> str | None:
    """The library that the author names, unless that is transformers; a name without a row counts as it is written,
    but not against a class of the repo's own for transformers' auto classes, or a known model type.
    """
    named = (observed.hints.library_name or "").lower()
    if named in TOOLS:
        return None
    listed = registry.library_names.get(named)
    if listed is not None:
        return listed if listed != "transformers" else None
    if not named or observed.auto_map or knows_model_type(observed.model_type, registry):
        return None
    return derive_library_name(named)
