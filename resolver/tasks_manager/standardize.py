"""Sets the attributes of loaded models that exporters read: a `config` with a model type, as transformers models have.

`model_type` is a class attribute of a config, so the model type to export as is stored as `export_model_type`.
The models are changed in place. Exporters of optimum 2.3 call it the same way (`exporters/tasks.py`).
"""

from __future__ import annotations

import contextlib
import importlib
from typing import Any

from registry.queries.infer_model import infer_library
from registry.registry import Registry


def standardize(model: Any, library: str | None, registry: Registry) -> None:
    """Set `model.config.export_model_type` for models of diffusers, timm and sentence-transformers.

    `library` None: the library is inferred from the model. Models of other libraries are not changed.

    Raises:
        UnknownModelError: the library of the model is not known.
        ValueError: the first module of a sentence-transformers model is neither a transformer nor CLIP.
    """
    match library or infer_library(model, registry):
        case "diffusers":
            model.config.export_model_type = find_pipeline_family(model, registry)
        case "timm":
            _standardize_timm(model)
        case "sentence_transformers":
            _standardize_sentence_transformers(model)
        case _:
            pass


def find_pipeline_family(pipeline: object, registry: Registry) -> str | None:
    """The family of a pipeline's class or of the nearest base class that has one, such as "flux"; None if none has."""
    families = {name: family for family, names in registry.pipeline_families.items() for name in names.values()}
    return next((families[kind.__name__] for kind in type(pipeline).__mro__ if kind.__name__ in families), None)


def _standardize_timm(model: Any) -> None:
    pretrained = dict(model.pretrained_cfg)
    config_class = importlib.import_module("transformers").PretrainedConfig
    model.config = config_class.from_dict(pretrained)
    model.config.export_model_type = pretrained["architecture"]


def _standardize_sentence_transformers(model: Any) -> None:
    first_module = model[0]
    class_names = [kind.__name__ for kind in type(first_module).__mro__]
    if "CLIPModel" in class_names:
        config, model_type = first_module.model.config, "clip"
    elif "Transformer" in class_names:
        config, model_type = first_module.auto_model.config, "transformer"
    else:
        raise ValueError(
            f"the first module of this {type(model).__name__} is a {class_names[0]}: only transformers and CLIP have "
            "an export configuration"
        )
    # sentence-transformers 6 and later: `model.config` is a read-only property that returns the same config.
    with contextlib.suppress(AttributeError):
        model.config = config
    config.export_model_type = model_type
