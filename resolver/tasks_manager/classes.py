"""Which class loads models for a task, imported."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from registry.class_ref import ClassRef
from registry.errors import ContradictionError, RegistryError, UnknownNameError
from registry.queries.find_class import find_class
from registry.registry import Registry
from registry.tables.tasks import WITH_PAST
from resolver.tasks_manager.errors import NoClassError, NotKnownError
from resolver.tasks_manager.repo_queries import FRAMEWORK

TORCH = "torch"

_CLASS_OF_TASK = {
    # Tasks that have an auto class of their own, which the registry knows as one of several of a wider task.
    "semantic-segmentation": "AutoModelForSemanticSegmentation",
}


def check_framework(framework: str) -> None:
    """Nothing, where PyTorch is meant and installed.

    Raises:
        NoClassError: another framework.
        RuntimeError: PyTorch is not installed.
    """
    if framework != FRAMEWORK:
        raise NoClassError(f"models are exported from {FRAMEWORK} (PyTorch), not from {framework!r}")
    if importlib.util.find_spec(TORCH) is None:
        raise RuntimeError("PyTorch is not installed: pip install 'hubresolve[transformers]'")


def find_model_class(
    task: str,
    registry: Registry,
    *,
    library: str,
    model_type: str | None = None,
    architecture: str | None = None,
) -> ClassRef:
    """The class that loads models of this type for `task`, as far as the registry knows the type; else the task's own.

    `architecture` counts where it can serve the task: a trunk may be loaded for any head.

    Raises:
        NotKnownError: the task or library is not known.
        NoClassError: they are known, but no class serves them together.
    """
    task = task.removesuffix(WITH_PAST)
    own = _CLASS_OF_TASK.get(task) if library == "transformers" else None
    if own is not None and (model_type is None or model_type in registry.auto_class_models[own]):
        return ClassRef(library, own)
    try:
        if architecture is not None:
            try:
                return find_class(task, registry, library=library, model_type=model_type, architecture=architecture)
            except RegistryError:
                pass
        try:
            return find_class(task, registry, library=library, model_type=model_type)
        except UnknownNameError as error:
            if error.kind != "model type":
                raise
            # Registered with transformers by the user, or of a repo's own code.
            return find_class(task, registry, library=library)
    except UnknownNameError as error:
        raise NotKnownError(str(error)) from error
    except ContradictionError as error:
        raise NoClassError(str(error)) from error


def import_model_class(ref: ClassRef, registry: Registry, model_type: str | None) -> Any:
    """The class that `find_model_class` gave, or, where this release of the library has no such auto class yet or any
    more, the one that it loads this model type as.

    Raises: as `import_class`.
    """
    try:
        return import_class(ref)
    except AttributeError:
        loaded = registry.auto_class_models.get(ref.name, {}).get(model_type or "", ())
        for name in loaded:
            try:
                return import_class(ClassRef(ref.module, name))
            except AttributeError:
                continue
        raise


def import_class(ref: ClassRef) -> Any:
    """The class or function that `ref` names.

    Raises:
        ImportError: its package is not installed.
        AttributeError: this release of the package has no such class.
    """
    if importlib.util.find_spec(ref.package) is None:
        raise ImportError(f"{ref} is wanted, but {ref.package} is not installed", name=ref.package)
    found: Any = importlib.import_module(ref.module)
    for part in ref.name.split("."):
        found = getattr(found, part)
    return found
