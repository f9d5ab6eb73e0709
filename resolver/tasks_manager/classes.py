"""Finds and imports the class that loads models for a task."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

from registry.class_ref import ClassRef
from registry.errors import ContradictionError, RegistryError, UnknownNameError
from registry.import_class import import_class
from registry.queries.find_class import find_class
from registry.registry import Registry
from registry.tables.tasks import WITH_PAST
from resolver.tasks_manager.errors import MissingTFClassError, NoClassError, UnknownTaskOrLibraryError

PT = "pt"
TF = "tf"
TORCH = "torch"

_AUTO_CLASS_BY_TASK = {
    # Tasks with their own auto class in transformers, which the registry lists under a more general task.
    "semantic-segmentation": "AutoModelForSemanticSegmentation",
}


_CUSTOM_ROWS = frozenset(
    {
        # (task, model type) that optimum 2.3 loads by the architecture itself, though an auto class would load it too.
        ("document-question-answering", "vision-encoder-decoder"),
        ("image-to-text", "pix2struct"),
        ("visual-question-answering", "pix2struct"),
    }
)


def choose_model(model: Any, model_class: Any) -> Any:
    """The one of the two that is given.

    Raises:
        ValueError: none is given, or both are.
    """
    if (model is None) == (model_class is None):
        raise ValueError("pass either a model or a model class, not both")
    return model if model is not None else model_class


def list_class_names(model: object) -> Iterator[str]:
    """The names of the class of a model, or of a model class, and of its ancestors, nearest first."""
    model_class = model if isinstance(model, type) else type(model)
    return (item.__name__ for item in model_class.__mro__)


def check_framework_name(framework: str) -> None:
    """Accept only "pt" and "tf".

    Raises:
        NoClassError: it is another one.
    """
    if framework not in (PT, TF):
        raise NoClassError(f"the framework is {PT!r} (PyTorch) or {TF!r} (TensorFlow), not {framework!r}")


def check_framework(framework: str) -> None:
    """Accept only "tf", and "pt" if PyTorch is installed.

    Raises:
        NoClassError: it is another framework.
        RuntimeError: PyTorch is not installed.
    """
    check_framework_name(framework)
    if framework == PT and importlib.util.find_spec(TORCH) is None:
        raise RuntimeError("PyTorch is not installed: pip install 'hubresolve[transformers]'")


def find_model_class(
    task: str,
    registry: Registry,
    *,
    library: str,
    framework: str = PT,
    model_type: str | None = None,
    architecture: str | None = None,
) -> ClassRef:
    """The class that loads models of `model_type` for `task`; for an unknown model type, the default class of the task.

    `architecture` is used only if it can serve the task: the weights of a base model may be loaded for another task.

    Raises:
        UnknownTaskOrLibraryError: the task or library is not known.
        NoClassError: they are known, but no class serves them together.
    """
    task = task.removesuffix(WITH_PAST)
    if framework != PT:
        return _find_framework_class(task, registry, library, framework, model_type)
    auto_class = _AUTO_CLASS_BY_TASK.get(task) if library == "transformers" else None
    if auto_class is not None and (model_type is None or model_type in registry.auto_class_models[auto_class]):
        return ClassRef(library, auto_class)
    try:
        if architecture is not None:
            try:
                return find_class(task, registry, library=library, model_type=model_type, architecture=architecture)
            except RegistryError:
                pass
        try:
            ref = find_class(task, registry, library=library, model_type=model_type)
            return _prefer_auto_class(ref, task, model_type, registry)
        except UnknownNameError as error:
            if error.kind != "model type":
                raise
            # The user registered this model type with transformers, or the code of a repo defines it.
            return find_class(task, registry, library=library)
    except UnknownNameError as error:
        raise UnknownTaskOrLibraryError(str(error)) from error
    except ContradictionError as error:
        raise NoClassError(str(error)) from error


def _find_framework_class(
    task: str, registry: Registry, library: str, framework: str, model_type: str | None
) -> ClassRef:
    try:
        return find_class(task, registry, library=library, framework=framework, model_type=model_type)
    except UnknownNameError as error:
        raise UnknownTaskOrLibraryError(str(error)) from error
    except ContradictionError as error:
        raise NoClassError(str(error)) from error


def _prefer_auto_class(ref: ClassRef, task: str, model_type: str | None, registry: Registry) -> ClassRef:
    """The auto class that loads the architecture `ref` for this model type, if there is one; else `ref`.

    Only an auto class has the `from_config` that callers use.
    """
    name = registry.normalize_task(task)
    if ref.module != "transformers" or model_type is None or (name, model_type) in _CUSTOM_ROWS:
        return ref
    loading = (
        auto_class
        for served in registry.find_serving_tasks(name)
        for auto_class in registry.task_auto_classes.get(served, ())
        if ref.name in registry.auto_class_models.get(auto_class, {}).get(model_type, ())
    )
    return ClassRef(ref.module, next(loading, ref.name))


def import_model_class(ref: ClassRef, registry: Registry, model_type: str | None) -> Any:
    """The class that `ref` names, or, if the installed library lacks that auto class, the class it maps the model to.

    Raises the same errors as `import_named_class`.
    """
    try:
        return import_named_class(ref)
    except AttributeError:
        mapped_names = registry.auto_class_models.get(ref.name, {}).get(model_type or "", ())
        for name in mapped_names:
            try:
                return import_named_class(ClassRef(ref.module, name))
            except AttributeError:
                continue
        raise


def import_tf_class(ref: ClassRef) -> Any:
    """The TensorFlow class that `ref` names; transformers 5 has none.

    Raises:
        MissingTFClassError: it is not in the installed transformers, or transformers is not installed.
    """
    try:
        return import_named_class(ref)
    except (ImportError, AttributeError) as error:
        raise MissingTFClassError(
            f"{ref.name} loads such models with TensorFlow, and the installed {ref.package} does not have it: "
            f"pip install 'transformers<5' tensorflow tf-keras"
        ) from error


def import_named_class(ref: ClassRef) -> Any:
    """The class or function that `ref` names.

    Raises:
        ImportError: its package is not installed.
        AttributeError: the installed release of the package has no such class.
    """
    if importlib.util.find_spec(ref.package) is None:
        raise ImportError(f"{ref} cannot be imported: {ref.package} is not installed", name=ref.package)
    try:
        return import_class(ref)
    except UnknownNameError as error:
        raise AttributeError(f"module {ref.module!r} has no attribute {ref.name!r}", name=ref.name) from error
