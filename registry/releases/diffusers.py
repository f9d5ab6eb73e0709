"""Reads the diffusers table from its source: every exported pipeline with its tasks, and the component classes.

Read from diffusers 0.42.1, `__init__.py` (exports), `pipelines/auto_pipeline.py` (Auto mappings) and the class
definitions. `diffusers_tasks` has the tasks of pipelines that are in no Auto mapping.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from registry.environment.modeling_auto import evaluate_literal, read_tables
from registry.releases.diffusers_tasks import EXTRA_TASKS, REVIEWED, WORKFLOW_TASKS, find_pipeline_tasks
from registry.releases.sources import Source, find_classes, parse_file

AUTO = "pipelines/auto_pipeline.py"
_AUTO_MAPPING = re.compile(r"_?AUTO_(\w+?)(?:_DECODER)?_PIPELINES_MAPPING$")
_TASK_OF_MAPPING = {
    "TEXT2IMAGE": "text-to-image",
    "IMAGE2IMAGE": "image-to-image",
    "INPAINT": "inpainting",
    "TEXT2VIDEO": "text-to-video",
    "CONDITION2VIDEO": "image-to-video",
    "IMAGE2VIDEO": "image-to-video",
    "VIDEO2VIDEO": "video-to-video",
    "TEXT2AUDIO": "text-to-audio",
}
"""In order of precedence: the main task of a class in several mappings is the first of theirs."""


@dataclass(frozen=True, slots=True)
class PipelineClass:
    """A class of the library: its bases, the parameters of its `__call__`, and blocks and workflows of modular ones.

    `parameters` are name -> whether it is required; None where the class has no `__call__` of its own. `workflows` are
    the keys of a blocks class's `_workflow_map`.
    """

    bases: tuple[str, ...]
    parameters: Mapping[str, bool] | None
    blocks: str | None
    workflows: tuple[str, ...]


def diffusers_table(source: Source, *, is_strict: bool = True) -> dict[str, object]:
    """The table for `diffusers.json`.

    Raises:
        ValueError: a mapping or a workflow has a name of unknown task. Those are left out if `is_strict` is false.
    """
    exported = read_exported_names(source)
    classes = _read_classes(source)
    mappings = _read_auto_mappings(source, is_strict=is_strict)
    auto_classes = _read_auto_classes(source, is_strict=is_strict)
    pipelines = [
        name for name in sorted({*exported["pipelines"]}) if "DiffusionPipeline" in _list_ancestors(name, classes)
    ]
    modular = [name for name in sorted(exported["modular_pipelines"]) if name.endswith("ModularPipeline")]
    models = {
        name
        for name in (*exported["models"], *exported["pipelines"])
        if "ModelMixin" in _list_ancestors(name, classes) and name != "ModelMixin"
    }
    rows = {name: _build_row(name, mappings, auto_classes, classes) for name in pipelines}
    rows |= {name: _build_unmapped_row(_find_modular_tasks(name, classes, is_strict=is_strict)) for name in modular}
    return {
        "version": source.version,
        "pipelines": dict(sorted(rows.items())),
        "auto_classes": auto_classes,
        "families": _build_families(mappings),
        "models": sorted(models),
        "modular": modular,
        "modular_blocks": sorted(name for name in exported["modular_pipelines"] if re.search(r".Blocks$", name)),
    }


def read_exported_names(source: Source) -> dict[str, list[str]]:
    """Submodule -> names that `diffusers` exports from it with all optional libraries installed."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(parse_file(source, "__init__.py")):
        match node:
            case ast.Assign(targets=[ast.Name(id="_import_structure")], value=value):
                start = evaluate_literal(value, {}, "_import_structure")
                found.update(start if isinstance(start, dict) else {})
            case ast.Call(
                func=ast.Attribute(
                    value=ast.Subscript(value=ast.Name(id="_import_structure"), slice=ast.Constant(value=str(module))),
                    attr="extend" | "append" as method,
                ),
                args=[argument],
            ):
                value_read = evaluate_literal(argument, {}, f"_import_structure[{module!r}]")
                names = value_read if isinstance(value_read, list) and method == "extend" else [value_read]
                found[module] = [*found[module], *(str(name) for name in names)]
    return found


def _build_row(
    name: str,
    mappings: Mapping[str, Mapping[str, str]],
    auto_classes: Mapping[str, str],
    classes: Mapping[str, PipelineClass],
) -> dict[str, object]:
    mapped_tasks = {_find_mapping_task(mapping) for mapping, rows in mappings.items() if name in rows.values()}
    if not mapped_tasks:
        return _build_unmapped_row(find_pipeline_tasks(name, _find_call_parameters(name, classes)))
    ordered = [task for task in dict.fromkeys(_TASK_OF_MAPPING.values()) if task in mapped_tasks]
    family = next(key for rows in mappings.values() for key, value in rows.items() if value == name)
    loaders = {task: auto for auto, task in auto_classes.items() if task in mapped_tasks}
    return _build_unmapped_row(tuple(dict.fromkeys((*ordered, *EXTRA_TASKS.get(name, ()))))) | {
        "auto": loaders,
        "family": family,
    }


def _build_unmapped_row(tasks: tuple[str, ...]) -> dict[str, object]:
    return {"task": tasks[0] if tasks else None, "tasks": list(tasks), "auto": {}, "family": None}


def _find_modular_tasks(name: str, classes: Mapping[str, PipelineClass], *, is_strict: bool) -> tuple[str, ...]:
    """The tasks of a modular pipeline: the reviewed ones, else those of its default blocks' workflows."""
    blocks = classes[name].blocks
    workflows = classes[blocks].workflows if blocks is not None else ()
    unknown = [workflow for workflow in workflows if workflow not in WORKFLOW_TASKS]
    if is_strict and (unknown or not (workflows or name in REVIEWED)):
        raise ValueError(f"{name}: {f'unknown workflows {unknown}' if unknown else 'no workflows, and not reviewed'}")
    tasks = (WORKFLOW_TASKS.get(workflow) for workflow in workflows)
    return REVIEWED.get(name) or tuple(dict.fromkeys(task for task in tasks if task is not None))


def _build_families(mappings: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Family -> task -> class. An Auto class loads a repo of any class of a family as the class for its own task."""
    found: dict[str, dict[str, str]] = {}
    for mapping, rows in mappings.items():
        for family, name in rows.items():
            found.setdefault(family, {}).setdefault(_find_mapping_task(mapping), name)
    return dict(sorted(found.items()))


def _has_known_task(mapping: str) -> bool:
    parts = _AUTO_MAPPING.match(mapping)
    return parts is not None and parts.group(1) in _TASK_OF_MAPPING


def _find_mapping_task(mapping: str) -> str:
    parts = _AUTO_MAPPING.match(mapping)
    if parts is None or parts.group(1) not in _TASK_OF_MAPPING:
        raise ValueError(f"{mapping}: the task of this Auto mapping is not in _TASK_OF_MAPPING")
    return _TASK_OF_MAPPING[parts.group(1)]


def _read_auto_mappings(source: Source, *, is_strict: bool) -> dict[str, dict[str, str]]:
    """Auto mapping -> family -> class name, in the file's order (decoder pipelines last)."""
    module = _PipelineNamesAsText().visit(parse_file(source, AUTO))
    module.body = [node for node in module.body if isinstance(node, ast.Assign)]
    tables = read_tables(module, _AUTO_MAPPING)
    found = {
        name: {str(key): str(value) for key, value in rows.items()}
        for name, rows in tables.items()
        if isinstance(rows, dict)
    }
    if not found or len(found) != len(tables):
        raise ValueError(f"{AUTO}: an Auto mapping is not a mapping")
    return found if is_strict else {name: rows for name, rows in found.items() if _has_known_task(name)}


def _read_auto_classes(source: Source, *, is_strict: bool) -> dict[str, str]:
    """Auto class -> the task of the mapping that its methods use."""
    found: dict[str, str] = {}
    for node in find_classes(source, AUTO):
        names = {child.id for child in ast.walk(node) if isinstance(child, ast.Name) and _AUTO_MAPPING.match(child.id)}
        tasks = {_find_mapping_task(name) for name in names if is_strict or _has_known_task(name)}
        if node.name.startswith("AutoPipelineFor"):
            if len(tasks) != 1 and not is_strict:
                continue
            if len(tasks) != 1:
                raise ValueError(f"{node.name} uses {sorted(names)}, expected the mappings of one task")
            found[node.name] = tasks.pop()
    return found


def _read_classes(source: Source) -> dict[str, PipelineClass]:
    found: dict[str, PipelineClass] = {}
    for path in source.paths():
        if path.startswith(("pipelines/", "models/", "modular_pipelines/")):
            for node in (node for node in ast.parse(source.read(path)).body if isinstance(node, ast.ClassDef)):
                bases = tuple(ast.unparse(base).split(".")[-1] for base in node.bases)
                entry = PipelineClass(bases, _read_call_parameters(node), *_read_blocks_and_workflows(node))
                found.setdefault(node.name, entry)
    return found


def _read_call_parameters(node: ast.ClassDef) -> dict[str, bool] | None:
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef) and inner.name == "__call__":
            names = [argument.arg for argument in inner.args.args[1:]]
            required = len(names) - len(inner.args.defaults)
            return {name: index < required for index, name in enumerate(names)}
    return None


def _read_blocks_and_workflows(node: ast.ClassDef) -> tuple[str | None, tuple[str, ...]]:
    blocks: str | None = None
    workflows: tuple[str, ...] = ()
    for inner in node.body:
        match inner:
            case ast.Assign(targets=[ast.Name(id="default_blocks_name")], value=ast.Constant(value=str(name))):
                blocks = name
            case ast.Assign(targets=[ast.Name(id="_workflow_map")], value=ast.Dict() as value):
                table = evaluate_literal(value, {}, f"{node.name}._workflow_map")
                workflows = tuple(map(str, table)) if isinstance(table, dict) else ()
    return blocks, workflows


def _find_call_parameters(name: str, classes: Mapping[str, PipelineClass]) -> Mapping[str, bool]:
    found = (classes[base].parameters for base in _list_ancestors(name, classes) if base in classes)
    return next((parameters for parameters in found if parameters is not None), {})


def _list_ancestors(name: str, classes: Mapping[str, PipelineClass]) -> list[str]:
    def walk(current: str) -> Iterator[str]:
        yield current
        for base in classes[current].bases if current in classes else ():
            if base != current:
                yield from walk(base)

    return list(walk(name))


class _PipelineNamesAsText(ast.NodeTransformer):
    """Replaces the class names in the Auto mappings by strings."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        is_pipeline = isinstance(node.ctx, ast.Load) and "Pipeline" in node.id
        return ast.copy_location(ast.Constant(node.id), node) if is_pipeline else node
