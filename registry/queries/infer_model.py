"""Infers library, task and framework of a model in memory, or of its class, from its base classes.

A class belongs to a library if it or one of its ancestors was defined there; its name alone does not count. Nothing is
imported. The model inside a wrapper is read from the wrapper's attributes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from registry.errors import UnknownModelError
from registry.registry import Registry
from registry.rules.derived_head import derive_head

_FRAMEWORK_PACKAGES = {"torch": "pt", "keras": "tf", "tf_keras": "tf", "tensorflow": "tf", "flax": "flax"}

_WRAPPERS = {
    # (package, class) -> the attribute that holds the model; torch 2.13, accelerate 1.
    ("torch", "OptimizedModule"): "_orig_mod",
    ("torch", "DistributedDataParallel"): "module",
    ("torch", "DataParallel"): "module",
    ("torch", "FullyShardedDataParallel"): "module",
}

_REMOTE_CODE_PACKAGE = "transformers_modules"
"""The package in which transformers imports a repo's own code."""


def infer_library(model: object, registry: Registry) -> str:
    """The library of a model or model class.

    Raises:
        UnknownModelError: neither its class nor an ancestor belongs to a known library.
    """
    model = _unwrap(model)
    by_package = {name: name for name in ("transformers", "diffusers", "sentence_transformers", "peft")}
    for name, row in registry.libraries.items():
        if row.module is not None:
            by_package.setdefault(row.module.partition(".")[0], name)
    for ancestor in _list_ancestors(model):
        package = _get_package(ancestor)
        if package == _REMOTE_CODE_PACKAGE:
            continue
        if package in by_package:
            return by_package[package]
    raise UnknownModelError(
        f"{_get_name(model)} belongs to no known library; its base classes: {_render_ancestors(model)}"
    )


def infer_task(model: object, registry: Registry) -> str:
    """The task of a model or model class; an instance is more precise (wrapped model, number of classes).

    Raises:
        UnknownModelError: its library is unknown, or the class has no task of its own.
    """
    model = _unwrap(model)
    library = infer_library(model, registry)
    task = {
        "transformers": _infer_transformers_task,
        "diffusers": _infer_diffusers_task,
        "sentence_transformers": _infer_sentence_transformers_task,
        "peft": _infer_peft_task,
        "timm": _infer_timm_task,
    }.get(library, _infer_default_task)(model, registry, library)
    if task is None:
        raise UnknownModelError(
            f"{_get_name(model)} has no task of its own in {library}; its base classes: {_render_ancestors(model)}"
        )
    return task


def infer_task_from_class(model_class: type, registry: Registry) -> str:
    """The task of a model class. Raises the same errors as `infer_task`.

    Raises:
        TypeError: `model_class` is not a class.
    """
    if not isinstance(model_class, type):
        raise TypeError(f"expected a class, got an instance of {type(model_class).__qualname__}")
    return infer_task(model_class, registry)


def find_auto_class_task(model: object, registry: Registry) -> str | None:
    """The task of an auto class of transformers, or of a class derived from one; None for any other class or model."""
    auto_tasks = _list_auto_class_tasks(registry)
    name = next(_list_names(model, "transformers"), "")
    return auto_tasks.get(name)


def infer_framework(model: object) -> str | None:
    """`pt`, `tf` or `flax`, by the package of the model's ancestors; None where it is none of these."""
    model = _unwrap(model)
    packages = [_get_package(ancestor) for ancestor in _list_ancestors(model)]
    found = next((_FRAMEWORK_PACKAGES[package] for package in packages if package in _FRAMEWORK_PACKAGES), None)
    if found is None and any(package == "diffusers" for package in packages):
        return "flax" if any(ancestor.__name__.startswith("Flax") for ancestor in _list_ancestors(model)) else "pt"
    return found


def _infer_transformers_task(model: object, registry: Registry, _: str) -> str | None:
    auto_tasks = _list_auto_class_tasks(registry)
    for name in _list_names(model, "transformers"):
        if name in registry.served_tasks:
            return registry.served_tasks[name][-1].task
        if name in auto_tasks:
            return auto_tasks[name]
        if name in registry.other_architectures and not _is_abstract(model):
            return _find_head_task(name, registry) or "feature-extraction"
    # A class defined elsewhere that derives from a base class: only its name is left.
    name = _get_name(model)
    return _find_head_task(name, registry) or (
        "feature-extraction" if name.endswith("Model") and not _is_abstract(model) else None
    )


def _find_head_task(name: str, registry: Registry) -> str | None:
    head = derive_head(name, registry)
    return head.task if head is not None else None


def _list_auto_class_tasks(registry: Registry) -> dict[str, str]:
    """Auto class -> its task, of all frameworks."""
    return {
        **{name: task for name, (_, task) in registry.auto_class_tasks.items()},
        **{m.auto_class: m.task for ms in registry.framework_mappings.values() for m in ms if m.auto_class is not None},
    }


def _is_abstract(model: object) -> bool:
    """Whether the class is a base of models and no model: by its name, or because it computes nothing itself."""
    model_class = _list_ancestors(model)[0]
    # torch's nn.Module gives this method to each class that defines no `forward`.
    has_no_forward = getattr(getattr(model_class, "forward", None), "__name__", "") == "_forward_unimplemented"
    return model_class.__name__.endswith("PreTrainedModel") or has_no_forward


def _infer_diffusers_task(model: object, registry: Registry, _: str) -> str | None:
    auto_tasks = {name: task for row in registry.pipelines.values() for task, name in row.auto_classes.items()}
    for name in _list_names(model, "diffusers"):
        tasks = registry.pipelines[name].tasks if name in registry.pipelines else ()
        if tasks:
            return tasks[0]
        if name in auto_tasks:
            return auto_tasks[name]
    return None


def _infer_sentence_transformers_task(model: object, registry: Registry, _: str) -> str | None:
    names = _list_names(model, "sentence_transformers")
    return next((registry.sentence_kinds[name][0] for name in names if name in registry.sentence_kinds), None)


def _infer_peft_task(model: object, registry: Registry, _: str) -> str | None:
    inner = _unwrap_peft(model)
    if inner is not None:
        return infer_task(inner, registry)
    by_class = {name.removeprefix("Auto"): task for task, name in registry.peft_task_types.values()}
    names = (name.removeprefix("Auto") for name in _list_names(model, "peft"))
    return next((by_class[name] for name in names if name in by_class), None)


def _unwrap_peft(model: object) -> object | None:
    """The model inside an instance of a PEFT class: the `model` of the tuner at `PeftModel.base_model`; or None."""
    if isinstance(model, type):
        return None
    tuner = getattr(model, "base_model", model)
    inner = getattr(tuner, "model", None)
    # Prompt learning has no tuner: `base_model` is then the base model itself, whose trunk may be named `model`.
    if "peft" not in {_get_package(ancestor) for ancestor in _list_ancestors(tuner)}:
        inner = tuner
    return inner if inner is not None and inner is not model else None


def _infer_timm_task(model: object, registry: Registry, library: str) -> str | None:
    return "image-feature-extraction" if _count_classes(model) == 0 else registry.libraries[library].tasks[0]


def _count_classes(model: object) -> Any:
    return None if isinstance(model, type) else getattr(model, "num_classes", None)


def _infer_default_task(_: object, registry: Registry, library: str) -> str | None:
    tasks = registry.libraries[library].tasks
    return tasks[0] if tasks else None


def _unwrap(model: object) -> object:
    """The model inside compiled and parallel wrappers; a class unchanged."""
    while not isinstance(model, type):
        attribute = next(
            (
                _WRAPPERS[key]
                for item in _list_ancestors(model)
                if (key := (_get_package(item), item.__name__)) in _WRAPPERS
            ),
            None,
        )
        inner = getattr(model, attribute, None) if attribute is not None else None
        if inner is None or inner is model:
            break
        model = inner
    return model


def _list_ancestors(model: object) -> tuple[type, ...]:
    """The class and its ancestors, nearest first; read by `type.__mro__`, which a metaclass cannot override."""
    model_class = model if isinstance(model, type) else type(model)
    mro: tuple[type, ...] = type.__dict__["__mro__"].__get__(model_class)
    return mro


def _list_names(model: object, package: str) -> Iterator[str]:
    """The names of the ancestors that were defined in `package`, nearest first."""
    return (item.__name__ for item in _list_ancestors(model) if _get_package(item) == package)


def _get_package(model_class: type) -> str:
    module = model_class.__module__
    return module.partition(".")[0] if isinstance(module, str) else ""


def _get_name(model: object) -> str:
    return _list_ancestors(model)[0].__name__


def _render_ancestors(model: object) -> str:
    names = (f"{item.__module__}.{item.__qualname__}" for item in _list_ancestors(model) if item is not object)
    return ", ".join(list(names)[:4])
