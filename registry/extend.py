"""Adds extensions to a vocabulary. Pure.

An extension may override what is shipped; two extensions may not say different things about the same name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from registry.class_ref import ClassRef, parse_class_ref
from registry.errors import ExtensionError, RegistryError, UnknownNameError
from registry.extension import ArchitectureRow, Extension
from registry.table_rows import AutoMapping, Library
from registry.vocabulary import Vocabulary

V = TypeVar("V", bound=Vocabulary)


def extend(vocabulary: V, extensions: Iterable[Extension]) -> V:
    """`vocabulary` with `extensions`, in their order; one that it has already is skipped.

    Raises:
        ExtensionError: an extension is not well formed, or contradicts another one.
    """
    for extension in extensions:
        if extension in vocabulary.extensions:
            continue
        for earlier in vocabulary.extensions:
            _check_agree(earlier, extension)
        vocabulary = _with(vocabulary, extension)
    return vocabulary


def _claims(extension: Extension) -> Iterator[tuple[tuple[str, str], object]]:
    """What an extension says of each name: (kind, name) -> what it is."""
    mappings: tuple[tuple[str, Mapping[str, object]], ...] = (
        ("the modality of task", extension.tasks),
        ("alias", extension.aliases),
        ("library", extension.libraries),
        ("the library of", extension.signatures),
        ("pipeline", extension.pipelines),
        ("class", extension.class_refs),
    )
    for kind, mapping in mappings:
        for name, value in mapping.items():
            yield (kind, name), value
    for (task, model_type), name in extension.custom_classes.items():
        yield (f"the class for {task} of model type", model_type), name
    for row in extension.architectures:
        yield (f"the auto class for {row.task} of", f"{row.architecture} ({row.model_type})"), row.auto_class
    yield from _main_tasks(extension).items()


def _main_tasks(extension: Extension) -> dict[tuple[str, str], object]:
    return {("the main task of architecture", row.architecture): row.task for row in extension.architectures}


def _check_agree(first: Extension, second: Extension) -> None:
    said = dict(_claims(first))
    for (kind, name), value in _claims(second):
        if (kind, name) in said and said[kind, name] != value:
            raise ExtensionError(
                f"the extensions {first.name!r} and {second.name!r} contradict each other: {kind} {name!r} is "
                f"{said[kind, name]!r} to the one and {value!r} to the other"
            )


def _with(vocabulary: V, extension: Extension) -> V:
    libraries = _with_signatures({**vocabulary.libraries, **extension.libraries}, extension)
    specialisations = dict(vocabulary.specialisations)
    for task, tags in extension.specialisations.items():
        specialisations[task] = tuple(dict.fromkeys((*specialisations.get(task, ()), *tags)))
    rows = [*extension.architectures, *_custom_rows(extension)]
    main = {row.architecture: row.task for row in extension.architectures}
    extended = replace(
        vocabulary,
        tasks={**vocabulary.tasks, **extension.tasks},
        task_aliases={**vocabulary.task_aliases, **extension.aliases},
        with_past_tasks=vocabulary.with_past_tasks | extension.with_past_tasks,
        specialisations=specialisations,
        libraries=libraries,
        mappings=(*vocabulary.mappings, *_mappings(extension.name, rows)),
        main_tasks={**vocabulary.main_tasks, **main},
        model_types=vocabulary.model_types | {row.model_type for row in rows},
        pipelines={**vocabulary.pipelines, **extension.pipelines},
        class_refs={**vocabulary.class_refs, **extension.class_refs},
        extensions=(*vocabulary.extensions, extension),
    )
    try:
        _check_well_formed(extended, extension)
    except RegistryError as error:
        raise ExtensionError(f"the extension {extension.name!r}: {error}") from error
    return extended


def _with_signatures(libraries: dict[str, Library], extension: Extension) -> dict[str, Library]:
    for pattern, name in extension.signatures.items():
        row = libraries.get(name)
        if row is None:
            unknown = UnknownNameError("library", name, libraries)
            raise ExtensionError(f"the extension {extension.name!r}: signature {pattern!r}: {unknown}")
        if pattern.startswith("*"):
            libraries[name] = replace(row, suffixes=(*row.suffixes, pattern[1:]))
        else:
            libraries[name] = replace(row, files=(*row.files, pattern))
    return libraries


def _custom_rows(extension: Extension) -> Iterator[ArchitectureRow]:
    for (task, model_type), name in extension.custom_classes.items():
        yield ArchitectureRow(architecture=name, task=task, model_type=model_type)


def _mappings(name: str, rows: Iterable[ArchitectureRow]) -> Iterator[AutoMapping]:
    """One mapping for each task and auto class, in the order of their last rows."""
    grouped: dict[tuple[str, str | None], dict[str, tuple[str, ...]]] = {}
    for row in rows:
        models = grouped.pop((row.task, row.auto_class), {})
        models[row.model_type] = (*models.get(row.model_type, ()), row.architecture)
        grouped[row.task, row.auto_class] = models
    for (task, auto_class), models in grouped.items():
        yield AutoMapping(name=f"extension {name}", task=task, auto_class=auto_class, models=models)


def _check_well_formed(vocabulary: Vocabulary, extension: Extension) -> None:
    named = (
        *extension.with_past_tasks,
        *extension.specialisations,
        *(task for row in extension.libraries.values() for task in row.tasks),
        *(row.task for row in extension.architectures),
        *(task for task, _ in extension.custom_classes),
        *(task for pipeline in extension.pipelines.values() for task in pipeline.tasks),
        *extension.aliases.values(),
    )
    for task in named:
        if task not in vocabulary.tasks:
            raise UnknownNameError("task", task, vocabulary.tasks)
    for alias, task in extension.aliases.items():
        if alias in vocabulary.tasks:
            raise ExtensionError(f"alias {alias!r} of {task!r} is a task itself")
    for task in extension.tasks:
        if task in vocabulary.task_aliases:
            raise ExtensionError(f"task {task!r} is an alias of {vocabulary.task_aliases[task]!r}")
    for ref in extension.class_refs.values():
        parse_class_ref(ref)
    spellings: dict[str, str] = {}
    for name, row in vocabulary.libraries.items():
        for spelling in {name.lower(), *(item.lower() for item in row.names)}:
            if spellings.setdefault(spelling, name) != name:
                raise ExtensionError(f"{spelling!r} is a name of both {spellings[spelling]} and {name}")
        if name in extension.libraries and row.module is not None and row.model_class is not None:
            ClassRef(row.module, row.model_class)
