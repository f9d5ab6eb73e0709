"""What a user or a plugin adds to a registry, as a value. Pure.

An extension may override what is shipped; two extensions may not say different things of the same name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from registry.class_ref import ClassRef, parse_class_ref
from registry.errors import ExtensionError, RegistryError, UnknownNameError
from registry.library import Library
from registry.mappings import AutoMapping, Pipeline
from registry.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchitectureRow:
    """A task that an architecture of transformers' kind serves.

    `auto_class` is the auto class that loads it for this model type; None: it is loaded by its own class.
    """

    architecture: str
    task: str
    model_type: str
    auto_class: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """Additions to a registry. `name` is what errors call it.

    `tasks`: task -> modality. `aliases`: other name -> task. `specialisations`: task -> tags that its models may carry.
    `libraries`: canonical name -> library, in place of one of that name. `signatures`: file name -> library that it
    tells, a whole path or "*" and an ending. `architectures`: what they serve, the main task of each last.
    `custom_classes`: (task, model type) -> the class that serves it and no auto class leads to. `pipelines`: diffusers
    pipeline classes. `class_refs`: class name -> where it is imported from ("package.module:Name"), for those that are
    not the library's own.
    """

    name: str
    tasks: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    with_past_tasks: frozenset[str] = frozenset()
    specialisations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    libraries: Mapping[str, Library] = field(default_factory=dict)
    signatures: Mapping[str, str] = field(default_factory=dict)
    architectures: tuple[ArchitectureRow, ...] = ()
    custom_classes: Mapping[tuple[str, str], str] = field(default_factory=dict)
    pipelines: Mapping[str, Pipeline] = field(default_factory=dict)
    class_refs: Mapping[str, str] = field(default_factory=dict)


def extend(registry: Registry, extensions: Iterable[Extension]) -> Registry:
    """`registry` with `extensions`, in their order; one that it has already is passed over.

    Raises:
        ExtensionError: an extension is not well formed, or contradicts another one.
    """
    for extension in extensions:
        if extension in registry.extensions:
            continue
        for earlier in registry.extensions:
            _check_agree(earlier, extension)
        registry = _with(registry, extension)
    return registry


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


def _with(registry: Registry, extension: Extension) -> Registry:
    libraries = _with_signatures({**registry.libraries, **extension.libraries}, extension)
    specialisations = dict(registry.specialisations)
    for task, tags in extension.specialisations.items():
        specialisations[task] = tuple(dict.fromkeys((*specialisations.get(task, ()), *tags)))
    rows = [*extension.architectures, *_custom_rows(extension)]
    main = {row.architecture: row.task for row in extension.architectures}
    extended = replace(
        registry,
        tasks={**registry.tasks, **extension.tasks},
        task_aliases={**registry.task_aliases, **extension.aliases},
        with_past_tasks=registry.with_past_tasks | extension.with_past_tasks,
        specialisations=specialisations,
        libraries=libraries,
        mappings=(*registry.mappings, *_mappings(extension.name, rows)),
        main_tasks={**registry.main_tasks, **main},
        model_types=registry.model_types | {row.model_type for row in rows},
        pipelines={**registry.pipelines, **extension.pipelines},
        class_refs={**registry.class_refs, **extension.class_refs},
        extensions=(*registry.extensions, extension),
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


def _check_well_formed(registry: Registry, extension: Extension) -> None:
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
        if task not in registry.tasks:
            raise UnknownNameError("task", task, registry.tasks)
    for alias, task in extension.aliases.items():
        if alias in registry.tasks:
            raise ExtensionError(f"alias {alias!r} of {task!r} is a task itself")
    for task in extension.tasks:
        if task in registry.task_aliases:
            raise ExtensionError(f"task {task!r} is an alias of {registry.task_aliases[task]!r}")
    for ref in extension.class_refs.values():
        parse_class_ref(ref)
    spellings: dict[str, str] = {}
    for name, row in registry.libraries.items():
        for spelling in {name.lower(), *(item.lower() for item in row.names)}:
            if spellings.setdefault(spelling, name) != name:
                raise ExtensionError(f"{spelling!r} is a name of both {spellings[spelling]} and {name}")
        if name in extension.libraries and row.module is not None and row.model_class is not None:
            ClassRef(row.module, row.model_class)
