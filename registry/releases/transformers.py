"""Reads the transformers table of one release from its source.

Read from transformers 5.24, `models/auto/{modeling,configuration}_auto.py`, `models/auto/auto_mappings.py`,
`models/*/{modeling,configuration}_*.py` and `pipelines/__init__.py`. `tools/tables_transformers_history.py`
adds older releases.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from registry.environment.modeling_auto import parse_auto_classes, parse_auto_mappings, read_tables
from registry.releases.sources import Source, parse_file

MODELING = "models/auto/modeling_auto.py"
_CONFIG_TABLES = re.compile(r"(CONFIG_MAPPING_NAMES|SPECIAL_MODEL_TYPE_TO_MODULE_NAME)$")
_PIPELINE_TABLES = re.compile(r"(SUPPORTED_TASKS|TASK_ALIASES|REMOVED_TASKS)$")

Mappings = dict[str, dict[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class ModelClass:
    """A class of a `modeling_*.py`: its bases, its folder, its config class, and whether `__all__` lists it."""

    bases: tuple[str, ...]
    folder: str
    config: str | None
    is_public: bool


def transformers_table(source: Source) -> dict[str, object]:
    """The part of `transformers.json` that comes from one release."""
    pipelines, models = read_pipeline_tables(source), read_model_tables(source)
    elsewhere = models.pop("architectures_elsewhere")
    return {
        **models,
        "pipelines": pipelines["SUPPORTED_TASKS"],
        "pipeline_aliases": pipelines["TASK_ALIASES"],
        "architectures_elsewhere": elsewhere,
    }


def read_model_tables(source: Source) -> dict[str, object]:
    """The tables of model classes and model types, without those of pipelines."""
    mappings = read_model_mappings(source)
    configs, modules = read_config_tables(source)
    classes, model_types = _read_classes(source)
    return {
        "version": source.version,
        "auto_classes": read_auto_classes(source),
        "mappings": mappings,
        "configs": configs,
        "model_type_aliases": _build_aliases(configs, model_types),
        "model_type_modules": modules,
        "architectures_elsewhere": _find_unmapped_classes(mappings, configs, classes, model_types),
    }


def read_model_mappings(source: Source, path: str = MODELING) -> Mappings:
    """Mapping name -> {model type: architectures}, in the library's order."""
    return parse_auto_mappings(source.read(path))


def read_auto_classes(source: Source, path: str = MODELING) -> dict[str, str]:
    """Auto class -> mapping name, sorted by class, without private classes such as `_BaseAutoBackboneClass`."""
    return dict(sorted(parse_auto_classes(source.read(path)).items()))


def read_config_tables(source: Source) -> tuple[dict[str, str], dict[str, str]]:
    """Model type -> config class, and model type -> folder under `models/` where its name differs."""
    imported: dict[str, object] = {}
    if "models/auto/auto_mappings.py" in source.paths():
        imported = read_tables(parse_file(source, "models/auto/auto_mappings.py"), _CONFIG_TABLES)
    tables = read_tables(parse_file(source, "models/auto/configuration_auto.py"), _CONFIG_TABLES, imported)
    return _to_strings(tables["CONFIG_MAPPING_NAMES"]), _to_strings(tables["SPECIAL_MODEL_TYPE_TO_MODULE_NAME"])


def read_pipeline_tables(source: Source) -> dict[str, dict[str, object]]:
    """`SUPPORTED_TASKS` as task -> auto classes for torch; `TASK_ALIASES`, and `REMOVED_TASKS` of 5.x, as written."""
    module = _ClassNamesAsText().visit(parse_file(source, "pipelines/__init__.py"))
    module.body = [node for node in module.body if isinstance(node, ast.Assign)]
    tables = {name: dict(_check_mapping(table)) for name, table in read_tables(module, _PIPELINE_TABLES).items()}
    tasks = tables["SUPPORTED_TASKS"]
    tables["SUPPORTED_TASKS"] = {task: list(_check_sequence(_check_mapping(row)["pt"])) for task, row in tasks.items()}
    return tables


def _build_aliases(configs: Mapping[str, str], model_types: Mapping[str, str]) -> dict[str, str]:
    """Alias of a model type -> the model type that its config class saves, sorted; mappings use either."""
    saved = ((name, model_types.get(config, name)) for name, config in configs.items())
    return {name: declared for name, declared in sorted(saved) if name != declared}


def _find_unmapped_classes(
    mappings: Mappings, configs: Mapping[str, str], classes: Mapping[str, ModelClass], model_types: Mapping[str, str]
) -> dict[str, str]:
    """Public model class in no auto mapping -> its model type, else the folder that defines it."""
    mapped = {name for rows in mappings.values() for names in rows.values() for name in names}
    found: dict[str, str] = {}
    for name, entry in sorted(classes.items()):
        ancestors = list(_list_ancestors(name, classes))
        if (
            not entry.is_public
            or name in mapped
            or name.endswith("PreTrainedModel")
            or "PreTrainedModel" not in ancestors
        ):
            continue
        config = next((classes[base].config for base in ancestors if base in classes and classes[base].config), None)
        keys = sorted(key for key, value in configs.items() if value == config)
        own = model_types.get(config or "")
        found[name] = own if own else keys[0] if keys else entry.folder
    return found


def _list_ancestors(name: str, classes: Mapping[str, ModelClass]) -> Iterator[str]:
    """The names of a class and its ancestors, depth first."""
    yield name
    for base in classes[name].bases if name in classes else ():
        if base != name:
            yield from _list_ancestors(base, classes)


def _read_classes(source: Source) -> tuple[dict[str, ModelClass], dict[str, str]]:
    """Every class of the modeling files, and config class -> the `model_type` it declares."""
    classes: dict[str, ModelClass] = {}
    model_types: dict[str, str] = {}
    for path in source.paths():
        parts = path.split("/")
        if parts[0] != "models" or len(parts) != 3 or parts[1] == "auto":
            continue
        if parts[2].startswith("modeling_"):
            module = ast.parse(source.read(path))
            public = read_tables(_keep_statements(module, "__all__"), re.compile("__all__$")).get("__all__", [])
            for node in (node for node in module.body if isinstance(node, ast.ClassDef)):
                bases = tuple(ast.unparse(base).split(".")[-1] for base in node.bases)
                is_public = isinstance(public, list) and node.name in public
                classes.setdefault(node.name, ModelClass(bases, parts[1], _find_config_class(node), is_public))
        elif parts[2].startswith("configuration_"):
            for node in (node for node in ast.parse(source.read(path)).body if isinstance(node, ast.ClassDef)):
                for inner in node.body:
                    match inner:
                        case (
                            ast.Assign(targets=[ast.Name(id="model_type")], value=ast.Constant(value=str(declared)))
                            | ast.AnnAssign(target=ast.Name(id="model_type"), value=ast.Constant(value=str(declared)))
                        ):
                            model_types[node.name] = declared
    return classes, model_types


def _find_config_class(node: ast.ClassDef) -> str | None:
    """The config class in a model class: `config: BertConfig` (5.x) or `config_class = BertConfig`; None if missing."""
    for inner in node.body:
        match inner:
            case ast.AnnAssign(target=ast.Name(id="config"), annotation=ast.Name(id=name)):
                return name
            case ast.AnnAssign(target=ast.Name(id="config"), annotation=ast.Constant(value=str(name))):
                return name
            case ast.Assign(targets=[ast.Name(id="config_class")], value=ast.Name(id=name)):
                return name
    return None


def _keep_statements(module: ast.Module, name: str) -> ast.Module:
    """The statements of a module that use `name`, without classes and functions."""
    kept: list[ast.stmt] = [
        node
        for node in module.body
        if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr)
        and any(isinstance(child, ast.Name) and child.id == name for child in ast.walk(node))
    ]
    return ast.Module(body=kept, type_ignores=[])


class _ClassNamesAsText(ast.NodeTransformer):
    """Replaces class names by strings, so that tables of classes become tables of names."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        is_class = isinstance(node.ctx, ast.Load) and re.search("[a-z]", node.id) and node.id[0].isupper()
        return ast.copy_location(ast.Constant(node.id), node) if is_class else node


def _check_mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"expected a mapping, found {value!r:.60}")
    return value


def _check_sequence(value: object) -> tuple[object, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError(f"expected a list, found {value!r:.60}")
    return tuple(value)


def _to_strings(value: object) -> dict[str, str]:
    return {key: item if isinstance(item, str) else str(item) for key, item in _check_mapping(value).items()}
