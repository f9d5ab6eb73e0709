"""Give models of other libraries what exporters expect of one of transformers: a `config`, and in it a model type.

`model_type` is an attribute of a config's class; the model type to export as is put beside it, as `export_model_type`.
The models are changed, not copied. Called as exporters of optimum 2.3 call it (`exporters/tasks.py`).
"""

from __future__ import annotations

import contextlib
import importlib
from typing import Any

from registry.queries.infer_model import library_of_model
from registry.registry import Registry


def standardize(model: Any, library: str | None, registry: Registry) -> None:
    """Set `model.config.export_model_type` for models of diffusers, timm and sentence-transformers.

    `library` None: the one the model is of. Models of other libraries are left as they are.

    Raises:
        UnknownModelError: the model is of no known library.
        ValueError: a model of sentence-transformers whose first module is no transformer.
    """
    match library or library_of_model(model, registry):
        case "diffusers":
            model.config.export_model_type = pipeline_family(model, registry)
        case "timm":
            _of_timm(model)
        case "sentence_transformers":
            _of_sentence_transformers(model)
        case _:
            pass


def pipeline_family(pipeline: object, registry: Registry) -> str | None:
    """The family that a pipeline, or a class derived from one, belongs to, as "flux"; None where it is of none."""
    families = {name: family for family, names in registry.pipeline_families.items() for name in names.values()}
    return next((families[kind.__name__] for kind in type(pipeline).__mro__ if kind.__name__ in families), None)


def _of_timm(model: Any) -> None:
    pretrained = dict(model.pretrained_cfg)
    config_class = importlib.import_module("transformers").PretrainedConfig
    model.config = config_class.from_dict(pretrained)
    model.config.export_model_type = pretrained["architecture"]


def _of_sentence_transformers(model: Any) -> None:
    first = model[0]
    names = [kind.__name__ for kind in type(first).__mro__]
    if "CLIPModel" in names:
        config, model_type = first.model.config, "clip"
    elif "Transformer" in names:
        config, model_type = first.auto_model.config, "transformer"
    else:
        raise ValueError(
            f"the first module of this {type(model).__name__} is a {names[0]}: only transformers and CLIP have an "
            "export configuration"
        )
    # From sentence-transformers 6 on it is a property that reads the very same config.
    with contextlib.suppress(AttributeError):
        model.config = config
    config.export_model_type = model_type
