"""What a model already in memory, or its class, is: library, task and framework, told from its ancestors.

A class counts as a library's where it or an ancestor was defined there: a name alone proves nothing. Nothing is
imported; a wrapper's inner model is taken from its attributes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from registry.errors import UnknownModelError
from registry.registry import Registry
from registry.rules.transformers import task_of_head

_FRAMEWORK_PACKAGES = {"torch": "pt", "keras": "tf", "tf_keras": "tf", "tensorflow": "tf", "flax": "flax"}

_WRAPPERS = {
    # (package, class) -> the attribute that holds the model; torch 2.13, accelerate 1.
    ("torch", "OptimizedModule"): "_orig_mod",
    ("torch", "DistributedDataParallel"): "module",
    ("torch", "DataParallel"): "module",
    ("torch", "FullyShardedDataParallel"): "module",
}

_REMOTE_CODE = "transformers_modules"
"""Where transformers puts the modules of a repo's own code."""


def library_of_model(model: object, registry: Registry) -> str:
    """The library that a model, or model class, belongs to.

    Raises:
        UnknownModelError: neither its class nor an ancestor is of a known library.
    """
    model = _unwrapped(model)
    by_package = {name: name for name in ("transformers", "diffusers", "sentence_transformers", "peft")}
    for name, row in registry.libraries.items():
        if row.module is not None:
            by_package.setdefault(row.module.partition(".")[0], name)
    for ancestor in _ancestors(model):
        package = _package(ancestor)
        if package == _REMOTE_CODE:
            continue
        if package in by_package:
            return by_package[package]
    raise UnknownModelError(f"{_name(model)} is of no known library: {_lineage(model)}")


def task_of_model(model: object, registry: Registry) -> str:
    """What a model, or model class, is for. An instance may tell more than its class: what it wraps, its classes.

    Raises:
        UnknownModelError: its library is not known, or the library's class has no task of its own.
    """
    model = _unwrapped(model)
    library = library_of_model(model, registry)
    task = {
        "transformers": _task_in_transformers,
        "diffusers": _task_in_diffusers,
        "sentence_transformers": _task_in_sentence_transformers,
        "peft": _task_in_peft,
        "timm": _task_in_timm,
    }.get(library, _task_of_library)(model, registry, library)
    if task is None:
        raise UnknownModelError(f"{_name(model)} has no task of its own in {library}: {_lineage(model)}")
    return task


def task_of_class(model_class: type, registry: Registry) -> str:
    """What a model class is for.

    Raises:
        TypeError: `model_class` is no class.
        UnknownModelError: as `task_of_model`.
    """
    if not isinstance(model_class, type):
        raise TypeError(f"a class is needed, not an instance of {type(model_class).__qualname__}")
    return task_of_model(model_class, registry)


def framework_of_model(model: object) -> str | None:
    """`pt`, `tf` or `flax`, by the framework that the model's ancestors are of; None where it is none of them."""
    model = _unwrapped(model)
    packages = [_package(ancestor) for ancestor in _ancestors(model)]
    found = next((_FRAMEWORK_PACKAGES[package] for package in packages if package in _FRAMEWORK_PACKAGES), None)
    if found is None and any(package == "diffusers" for package in packages):
        return "flax" if any(ancestor.__name__.startswith("Flax") for ancestor in _ancestors(model)) else "pt"
    return found


def _task_in_transformers(model: object, registry: Registry, _: str) -> str | None:
    auto_tasks = {
        **{name: task for name, (_, task) in registry.auto_class_tasks.items()},
        **{m.auto_class: m.task for ms in registry.framework_mappings.values() for m in ms if m.auto_class is not None},
    }
    for name in _names_in(model, "transformers"):
        if name in registry.rows:
            return registry.rows[name][-1].task
        if name in auto_tasks:
            return auto_tasks[name]
        if name in registry.other_architectures:
            return task_of_head(name) or "feature-extraction"
    # A class of somebody else's, derived from a base class: its own name is all there is.
    name = _name(model)
    return task_of_head(name) or (
        "feature-extraction" if name.endswith("Model") and name != "PreTrainedModel" else None
    )


def _task_in_diffusers(model: object, registry: Registry, _: str) -> str | None:
    auto_tasks = {name: task for row in registry.pipelines.values() for task, name in row.auto_classes.items()}
    for name in _names_in(model, "diffusers"):
        tasks = registry.pipelines[name].tasks if name in registry.pipelines else ()
        if tasks:
            return tasks[0]
        if name in auto_tasks:
            return auto_tasks[name]
    return None


def _task_in_sentence_transformers(model: object, registry: Registry, _: str) -> str | None:
    names = _names_in(model, "sentence_transformers")
    return next((registry.sentence_kinds[name][0] for name in names if name in registry.sentence_kinds), None)


def _task_in_peft(model: object, registry: Registry, _: str) -> str | None:
    inner = _inner_of_peft(model)
    if inner is not None:
        return task_of_model(inner, registry)
    by_class = {name.removeprefix("Auto"): task for task, name in registry.peft_task_types.values()}
    names = (name.removeprefix("Auto") for name in _names_in(model, "peft"))
    return next((by_class[name] for name in names if name in by_class), None)


def _inner_of_peft(model: object) -> object | None:
    """The model that an instance of a PEFT class wraps: `PeftModel.base_model` is a tuner, whose `model` it is."""
    if isinstance(model, type):
        return None
    tuner = getattr(model, "base_model", model)
    inner = getattr(tuner, "model", None)
    # Prompt learning has no tuner: the base model itself stands there, and its trunk may be called `model`.
    if "peft" not in {_package(ancestor) for ancestor in _ancestors(tuner)}:
        inner = tuner
    return inner if inner is not None and inner is not model else None


def _task_in_timm(model: object, registry: Registry, library: str) -> str | None:
    return "image-feature-extraction" if _count_classes(model) == 0 else registry.libraries[library].tasks[0]


def _count_classes(model: object) -> Any:
    return None if isinstance(model, type) else getattr(model, "num_classes", None)


def _task_of_library(_: object, registry: Registry, library: str) -> str | None:
    tasks = registry.libraries[library].tasks
    return tasks[0] if tasks else None


def _unwrapped(model: object) -> object:
    """The model inside compiled and parallel wrappers; a class as it is."""
    while not isinstance(model, type):
        attribute = next(
            (_WRAPPERS[key] for item in _ancestors(model) if (key := (_package(item), item.__name__)) in _WRAPPERS),
            None,
        )
        inner = getattr(model, attribute, None) if attribute is not None else None
        if inner is None or inner is model:
            break
        model = inner
    return model


def _ancestors(model: object) -> tuple[type, ...]:
    """The class and its ancestors, nearest first; `type.__mro__` so that no metaclass can say otherwise."""
    model_class = model if isinstance(model, type) else type(model)
    mro: tuple[type, ...] = type.__dict__["__mro__"].__get__(model_class)
    return mro


def _names_in(model: object, package: str) -> Iterator[str]:
    """The names of those ancestors that were defined in `package`, nearest first."""
    return (item.__name__ for item in _ancestors(model) if _package(item) == package)


def _package(model_class: type) -> str:
    module = model_class.__module__
    return module.partition(".")[0] if isinstance(module, str) else ""


def _name(model: object) -> str:
    return _ancestors(model)[0].__name__


def _lineage(model: object) -> str:
    names = (f"{item.__module__}.{item.__qualname__}" for item in _ancestors(model) if item is not object)
    return ", ".join(list(names)[:4])
