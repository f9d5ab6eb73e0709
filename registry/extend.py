"""Adds extensions to a vocabulary. Pure.

An extension may override the shipped tables; two extensions may not contradict each other about a name.
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
    """A new vocabulary with `extensions` added in order; one that it already has is skipped.

    Raises:
        ExtensionError: an extension is not well formed, or contradicts another one.
    """
    for extension in extensions:
        if extension in vocabulary.extensions:
            continue
        for earlier in vocabulary.extensions:
            _check_agree(earlier, extension)
        vocabulary = _add_extension(vocabulary, extension)
    return vocabulary


def _list_claims(extension: Extension) -> Iterator[tuple[tuple[str, str], object]]:
    """Pairs of (kind, name) and the value that the extension gives it; two extensions must give equal values."""
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
    yield from _list_main_tasks(extension).items()


def _list_main_tasks(extension: Extension) -> dict[tuple[str, str], object]:
    return {("the main task of architecture", row.architecture): row.task for row in extension.architectures}


def _check_agree(first: Extension, second: Extension) -> None:
    """Checks that two extensions do not contradict each other.

    Raises:
        ExtensionError: they do.
    """
    claims = dict(_list_claims(first))
    for (kind, name), value in _list_claims(second):
        if (kind, name) in claims and claims[kind, name] != value:
            raise ExtensionError(
                f"the extensions {first.name!r} and {second.name!r} contradict each other: {kind} {name!r} is "
                f"{claims[kind, name]!r} in the first and {value!r} in the second"
            )


def _add_extension(vocabulary: V, extension: Extension) -> V:
    libraries = _add_signatures({**vocabulary.libraries, **extension.libraries}, extension)
    specialisations = dict(vocabulary.specialisations)
    for task, tags in extension.specialisations.items():
        specialisations[task] = tuple(dict.fromkeys((*specialisations.get(task, ()), *tags)))
    rows = [*extension.architectures, *_build_custom_rows(extension)]
    main = {row.architecture: row.task for row in extension.architectures}
    extended = replace(
        vocabulary,
        tasks={**vocabulary.tasks, **extension.tasks},
        task_aliases={**vocabulary.task_aliases, **extension.aliases},
        with_past_tasks=vocabulary.with_past_tasks | extension.with_past_tasks,
        specialisations=specialisations,
        libraries=libraries,
        mappings=(*vocabulary.mappings, *_build_mappings(extension.name, rows)),
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


def _add_signatures(libraries: dict[str, Library], extension: Extension) -> dict[str, Library]:
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


def _build_custom_rows(extension: Extension) -> Iterator[ArchitectureRow]:
    for (task, model_type), name in extension.custom_classes.items():
        yield ArchitectureRow(architecture=name, task=task, model_type=model_type)


def _build_mappings(name: str, rows: Iterable[ArchitectureRow]) -> Iterator[AutoMapping]:
    """One auto mapping for each task and auto class, in the order of their last rows."""
    grouped: dict[tuple[str, str | None], dict[str, tuple[str, ...]]] = {}
    for row in rows:
        models = grouped.pop((row.task, row.auto_class), {})
        models[row.model_type] = (*models.get(row.model_type, ()), row.architecture)
        grouped[row.task, row.auto_class] = models
    for (task, auto_class), models in grouped.items():
        yield AutoMapping(name=f"extension {name}", task=task, auto_class=auto_class, models=models)


def _check_well_formed(vocabulary: Vocabulary, extension: Extension) -> None:
    """Checks the names in `extension` against `vocabulary`, which it was added to.

    Raises:
        RegistryError: a task is unknown, a name has two meanings, or a class reference does not parse.
    """
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
            raise ExtensionError(f"the alias {alias!r} of {task!r} is a task itself")
    for task in extension.tasks:
        if task in vocabulary.task_aliases:
            raise ExtensionError(f"the task {task!r} is an alias of {vocabulary.task_aliases[task]!r}")
    for ref in extension.class_refs.values():
        parse_class_ref(ref)
    spellings: dict[str, str] = {}
    for name, row in vocabulary.libraries.items():
        for spelling in {name.lower(), *(item.lower() for item in row.names)}:
            if spellings.setdefault(spelling, name) != name:
                raise ExtensionError(f"{spelling!r} is a name of both {spellings[spelling]} and {name}")
        if name in extension.libraries and row.module is not None and row.model_class is not None:
            ClassRef(row.module, row.model_class)
