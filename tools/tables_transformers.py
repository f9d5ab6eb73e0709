"""The transformers table: what one release maps, read from its source.

Read from transformers 5.23, `models/auto/{modeling,configuration}_auto.py`, `models/auto/auto_mappings.py`,
`models/*/{modeling,configuration}_*.py` and `pipelines/__init__.py`. What older releases had is left to
`tables_transformers_history`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from registry.environment.modeling_auto import parse_auto_classes, parse_auto_source, read_tables
from tools.tables_sources import Source, parse

MODELING = "models/auto/modeling_auto.py"
_CONFIG_TABLES = re.compile(r"(CONFIG_MAPPING_NAMES|SPECIAL_MODEL_TYPE_TO_MODULE_NAME)$")
_PIPELINE_TABLES = re.compile(r"(SUPPORTED_TASKS|TASK_ALIASES|REMOVED_TASKS)$")

Mappings = dict[str, dict[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class ModelClass:
    """A class of a `modeling_*.py` or `configuration_*.py`: its bases, its folder, and what it says of its config."""

    bases: tuple[str, ...]
    folder: str
    config: str | None
    is_public: bool


def transformers_table(source: Source) -> dict[str, object]:
    """The part of `transformers.json` that one release tells."""
    mappings = model_mappings(source)
    configs, modules = config_tables(source)
    classes, model_types = _scan(source)
    pipelines = pipeline_tables(source)
    return {
        "version": source.version,
        "auto_classes": auto_classes(source),
        "mappings": mappings,
        "configs": configs,
        "model_type_aliases": _aliases(configs, model_types),
        "model_type_modules": modules,
        "pipelines": pipelines["SUPPORTED_TASKS"],
        "pipeline_aliases": pipelines["TASK_ALIASES"],
        "architectures_elsewhere": _elsewhere(mappings, configs, classes, model_types),
    }


def model_mappings(source: Source, path: str = MODELING) -> Mappings:
    """Mapping name -> {model type: architectures}, in the library's order."""
    return parse_auto_source(source.read(path))


def auto_classes(source: Source, path: str = MODELING) -> dict[str, str]:
    """Auto class -> mapping name, sorted by class; `_BaseAutoBackboneClass` and other private ones left out."""
    return dict(sorted(parse_auto_classes(source.read(path)).items()))


def config_tables(source: Source) -> tuple[dict[str, str], dict[str, str]]:
    """Model type -> config class, and model type -> folder under `models/` where it is not the type's own name."""
    imported: dict[str, object] = {}
    if "models/auto/auto_mappings.py" in source.paths():
        imported = read_tables(parse(source, "models/auto/auto_mappings.py"), _CONFIG_TABLES)
    tables = read_tables(parse(source, "models/auto/configuration_auto.py"), _CONFIG_TABLES, imported)
    return _strings(tables["CONFIG_MAPPING_NAMES"]), _strings(tables["SPECIAL_MODEL_TYPE_TO_MODULE_NAME"])


def pipeline_tables(source: Source) -> dict[str, dict[str, object]]:
    """`SUPPORTED_TASKS` as task -> auto classes for torch; `TASK_ALIASES`, and `REMOVED_TASKS` of 5.x, as written."""
    module = _ClassNamesAsText().visit(parse(source, "pipelines/__init__.py"))
    module.body = [node for node in module.body if isinstance(node, ast.Assign)]
    tables = {name: dict(_mapping(table)) for name, table in read_tables(module, _PIPELINE_TABLES).items()}
    tasks = tables["SUPPORTED_TASKS"]
    tables["SUPPORTED_TASKS"] = {task: list(_sequence(_mapping(row)["pt"])) for task, row in tasks.items()}
    return tables


def _aliases(configs: Mapping[str, str], model_types: Mapping[str, str]) -> dict[str, str]:
    """Another name of a model type -> the one its config class saves, sorted; a mapping may have either."""
    saved = ((name, model_types.get(config, name)) for name, config in configs.items())
    return {name: declared for name, declared in sorted(saved) if name != declared}


def _elsewhere(
    mappings: Mappings, configs: Mapping[str, str], classes: Mapping[str, ModelClass], model_types: Mapping[str, str]
) -> dict[str, str]:
    """Public model classes in no auto mapping -> the model type they load, else the folder that defines them."""
    mapped = {name for rows in mappings.values() for names in rows.values() for name in names}
    found: dict[str, str] = {}
    for name, entry in sorted(classes.items()):
        ancestors = list(_ancestors(name, classes))
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


def _ancestors(name: str, classes: Mapping[str, ModelClass]) -> Iterator[str]:
    """A class, its first base, that one's first base and so on, then the other bases; names only."""
    yield name
    for base in classes[name].bases if name in classes else ():
        if base != name:
            yield from _ancestors(base, classes)


def _scan(source: Source) -> tuple[dict[str, ModelClass], dict[str, str]]:
    """Every class of the modeling files, and config class -> the `model_type` it declares."""
    classes: dict[str, ModelClass] = {}
    model_types: dict[str, str] = {}
    for path in source.paths():
        parts = path.split("/")
        if parts[0] != "models" or len(parts) != 3 or parts[1] == "auto":
            continue
        if parts[2].startswith("modeling_"):
            module = ast.parse(source.read(path))
            public = read_tables(_only(module, "__all__"), re.compile("__all__$")).get("__all__", [])
            for node in (node for node in module.body if isinstance(node, ast.ClassDef)):
                bases = tuple(ast.unparse(base).split(".")[-1] for base in node.bases)
                is_public = isinstance(public, list) and node.name in public
                classes.setdefault(node.name, ModelClass(bases, parts[1], _config_of(node), is_public))
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


def _config_of(node: ast.ClassDef) -> str | None:
    """The config class named in a model class, as `config: BertConfig` (5.x) or `config_class = BertConfig`."""
    for inner in node.body:
        match inner:
            case ast.AnnAssign(target=ast.Name(id="config"), annotation=ast.Name(id=name)):
                return name
            case ast.AnnAssign(target=ast.Name(id="config"), annotation=ast.Constant(value=str(name))):
                return name
            case ast.Assign(targets=[ast.Name(id="config_class")], value=ast.Name(id=name)):
                return name
    return None


def _only(module: ast.Module, name: str) -> ast.Module:
    """The statements of a module that mention `name`, classes and functions left out."""
    kept: list[ast.stmt] = [
        node
        for node in module.body
        if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr)
        and any(isinstance(child, ast.Name) and child.id == name for child in ast.walk(node))
    ]
    return ast.Module(body=kept, type_ignores=[])


class _ClassNamesAsText(ast.NodeTransformer):
    """Replaces names of classes by their text, so that tables of classes read as tables of names."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        is_class = isinstance(node.ctx, ast.Load) and re.search("[a-z]", node.id) and node.id[0].isupper()
        return ast.copy_location(ast.Constant(node.id), node) if is_class else node


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"expected a mapping, found {value!r:.60}")
    return value


def _sequence(value: object) -> tuple[object, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError(f"expected a list, found {value!r:.60}")
    return tuple(value)


def _strings(value: object) -> dict[str, str]:
    return {key: item if isinstance(item, str) else str(item) for key, item in _mapping(value).items()}
