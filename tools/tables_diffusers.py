"""The diffusers table: every exported pipeline with its tasks, and the component classes; read from the source.

Read from diffusers 0.42.1, `__init__.py` (what is exported), `pipelines/auto_pipeline.py` (what the Auto classes load)
and the class definitions. What a pipeline outside the Auto mappings is for is left to `tables_diffusers_tasks`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from registry.environment.modeling_auto import evaluate, read_tables
from tools.tables_diffusers_tasks import EXTRA_TASKS, REVIEWED, WORKFLOW_TASKS, tasks_of_pipeline
from tools.tables_sources import Source, classes_of, parse

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
"""In order of precedence: a class in several mappings is first of all for the first of them."""


@dataclass(frozen=True, slots=True)
class PipelineClass:
    """A class of the library: its bases, what its own `__call__` takes, and, of modular ones, blocks and workflows.

    `parameters` are those of `__call__`, each with whether it must be given; None where it defines none.
    `workflows` are the keys of a blocks class's `_workflow_map`.
    """

    bases: tuple[str, ...]
    parameters: Mapping[str, bool] | None
    blocks: str | None
    workflows: tuple[str, ...]


def diffusers_table(source: Source) -> dict[str, object]:
    """The table for `diffusers.json`."""
    exported = exported_names(source)
    classes = _scan(source)
    mappings = _auto_mappings(source)
    auto_classes = _auto_classes(source)
    pipelines = [name for name in sorted({*exported["pipelines"]}) if "DiffusionPipeline" in _ancestors(name, classes)]
    modular = [name for name in sorted(exported["modular_pipelines"]) if name.endswith("ModularPipeline")]
    models = {
        name
        for name in (*exported["models"], *exported["pipelines"])
        if "ModelMixin" in _ancestors(name, classes) and name != "ModelMixin"
    }
    rows = {name: _row(name, mappings, auto_classes, classes) for name in pipelines}
    rows |= {name: _plain_row(_tasks_of_modular(name, classes)) for name in modular}
    return {
        "version": source.version,
        "pipelines": dict(sorted(rows.items())),
        "auto_classes": auto_classes,
        "families": _families(mappings),
        "models": sorted(models),
        "modular": modular,
        "modular_blocks": sorted(name for name in exported["modular_pipelines"] if re.search(r".Blocks$", name)),
    }


def exported_names(source: Source) -> dict[str, list[str]]:
    """Submodule -> names that `diffusers` exports from it, whatever is installed beside it."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(parse(source, "__init__.py")):
        match node:
            case ast.Assign(targets=[ast.Name(id="_import_structure")], value=value):
                start = evaluate(value, {}, "_import_structure")
                found.update(start if isinstance(start, dict) else {})
            case ast.Call(
                func=ast.Attribute(
                    value=ast.Subscript(value=ast.Name(id="_import_structure"), slice=ast.Constant(value=str(module))),
                    attr="extend" | "append" as method,
                ),
                args=[argument],
            ):
                value_read = evaluate(argument, {}, f"_import_structure[{module!r}]")
                names = value_read if isinstance(value_read, list) and method == "extend" else [value_read]
                found[module] = [*found[module], *(str(name) for name in names)]
    return found


def _row(
    name: str,
    mappings: Mapping[str, Mapping[str, str]],
    auto_classes: Mapping[str, str],
    classes: Mapping[str, PipelineClass],
) -> dict[str, object]:
    in_mappings = {_task_of(mapping) for mapping, rows in mappings.items() if name in rows.values()}
    if not in_mappings:
        return _plain_row(tasks_of_pipeline(name, _parameters(name, classes)))
    ordered = [task for task in dict.fromkeys(_TASK_OF_MAPPING.values()) if task in in_mappings]
    family = next(key for rows in mappings.values() for key, value in rows.items() if value == name)
    loaders = {task: auto for auto, task in auto_classes.items() if task in in_mappings}
    return _plain_row(tuple(dict.fromkeys((*ordered, *EXTRA_TASKS.get(name, ()))))) | {
        "auto": loaders,
        "family": family,
    }


def _plain_row(tasks: tuple[str, ...]) -> dict[str, object]:
    return {"task": tasks[0] if tasks else None, "tasks": list(tasks), "auto": {}, "family": None}


def _tasks_of_modular(name: str, classes: Mapping[str, PipelineClass]) -> tuple[str, ...]:
    """The tasks of a modular pipeline: those of its default blocks' workflows, else as reviewed."""
    blocks = classes[name].blocks
    workflows = classes[blocks].workflows if blocks is not None else ()
    unknown = [workflow for workflow in workflows if workflow not in WORKFLOW_TASKS]
    if unknown or not (workflows or name in REVIEWED):
        raise ValueError(f"{name}: {f'unknown workflows {unknown}' if unknown else 'no workflows, and not reviewed'}")
    tasks = (WORKFLOW_TASKS[workflow] for workflow in workflows)
    return REVIEWED.get(name) or tuple(dict.fromkeys(task for task in tasks if task is not None))


def _families(mappings: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Family -> task -> class: an Auto class loads a repo of any class of a family as the one for its own task."""
    found: dict[str, dict[str, str]] = {}
    for mapping, rows in mappings.items():
        for family, name in rows.items():
            found.setdefault(family, {}).setdefault(_task_of(mapping), name)
    return dict(sorted(found.items()))


def _task_of(mapping: str) -> str:
    parts = _AUTO_MAPPING.match(mapping)
    if parts is None or parts.group(1) not in _TASK_OF_MAPPING:
        raise ValueError(f"{mapping}: an Auto mapping for a task that has no name here yet")
    return _TASK_OF_MAPPING[parts.group(1)]


def _auto_mappings(source: Source) -> dict[str, dict[str, str]]:
    """Every mapping of the Auto pipelines as family -> class name; those of decoder pipelines last, as in the file."""
    module = _NamesAsText().visit(parse(source, AUTO))
    module.body = [node for node in module.body if isinstance(node, ast.Assign)]
    tables = read_tables(module, _AUTO_MAPPING)
    found = {
        name: {str(key): str(value) for key, value in rows.items()}
        for name, rows in tables.items()
        if isinstance(rows, dict)
    }
    if not found or len(found) != len(tables):
        raise ValueError(f"{AUTO}: an Auto mapping is not a mapping")
    return found


def _auto_classes(source: Source) -> dict[str, str]:
    """Auto class -> the task of the mapping its methods look into."""
    found: dict[str, str] = {}
    for node in classes_of(source, AUTO):
        names = {child.id for child in ast.walk(node) if isinstance(child, ast.Name) and _AUTO_MAPPING.match(child.id)}
        tasks = {_task_of(name) for name in names}
        if node.name.startswith("AutoPipelineFor"):
            if len(tasks) != 1:
                raise ValueError(f"{node.name} looks into {sorted(names)}, expected the mappings of one task")
            found[node.name] = tasks.pop()
    return found


def _scan(source: Source) -> dict[str, PipelineClass]:
    found: dict[str, PipelineClass] = {}
    for path in source.paths():
        if path.startswith(("pipelines/", "models/", "modular_pipelines/")):
            for node in (node for node in ast.parse(source.read(path)).body if isinstance(node, ast.ClassDef)):
                bases = tuple(ast.unparse(base).split(".")[-1] for base in node.bases)
                entry = PipelineClass(bases, _call_parameters(node), *_blocks_and_workflows(node))
                found.setdefault(node.name, entry)
    return found


def _call_parameters(node: ast.ClassDef) -> dict[str, bool] | None:
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef) and inner.name == "__call__":
            names = [argument.arg for argument in inner.args.args[1:]]
            required = len(names) - len(inner.args.defaults)
            return {name: index < required for index, name in enumerate(names)}
    return None


def _blocks_and_workflows(node: ast.ClassDef) -> tuple[str | None, tuple[str, ...]]:
    blocks: str | None = None
    workflows: tuple[str, ...] = ()
    for inner in node.body:
        match inner:
            case ast.Assign(targets=[ast.Name(id="default_blocks_name")], value=ast.Constant(value=str(name))):
                blocks = name
            case ast.Assign(targets=[ast.Name(id="_workflow_map")], value=ast.Dict() as value):
                table = evaluate(value, {}, f"{node.name}._workflow_map")
                workflows = tuple(map(str, table)) if isinstance(table, dict) else ()
    return blocks, workflows


def _parameters(name: str, classes: Mapping[str, PipelineClass]) -> Mapping[str, bool]:
    found = (classes[base].parameters for base in _ancestors(name, classes) if base in classes)
    return next((parameters for parameters in found if parameters is not None), {})


def _ancestors(name: str, classes: Mapping[str, PipelineClass]) -> list[str]:
    def walk(current: str) -> Iterator[str]:
        yield current
        for base in classes[current].bases if current in classes else ():
            if base != current:
                yield from walk(base)

    return list(walk(name))


class _NamesAsText(ast.NodeTransformer):
    """Replaces the class names in the Auto mappings by their text."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        is_pipeline = isinstance(node.ctx, ast.Load) and "Pipeline" in node.id
        return ast.copy_location(ast.Constant(node.id), node) if is_pipeline else node
