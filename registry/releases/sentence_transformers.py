"""Reads the sentence-transformers table from its source: kinds of model, module paths, and older file names.

Read from sentence-transformers 6.2, `*/model.py` (kinds), `*/model_card.py` (the tag of a saved model),
`*/modules/*.py` (module classes), `util/deprecated_import.py` (their older paths), `base/modules/transformer.py` (older
config names) and `multi_vector_encoder/model.py` (PyLate's and Stanford's markers).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from registry.environment.modeling_auto import read_tables
from registry.releases.sources import Source, find_classes, parse_file

_PACKAGE = "sentence_transformers"
_FIRST_CONFIG = "sentence_bert_config.json"
_EXTRA_TASKS = {"SentenceTransformer": ("feature-extraction",)}
"""Further tasks of a kind, which its model cards have as a tag too."""


def sentence_transformers_table(source: Source) -> dict[str, object]:
    """The table for `sentence_transformers.json`.

    `kinds`: class -> its `model_type` in `config_sentence_transformers.json`, its tasks (the default tag first; the
    second is that of a cross-encoder with several labels) and the namespace of its own modules. `modules`: each `type`
    in `modules.json` -> class and kind (None where several kinds use it). `default_kind` is the kind of a model without
    `model_type`.
    """
    kinds = {name: _build_kind(source, folder, name, value) for folder, name, value in sorted(_read_kinds(source))}
    namespaces = {str(kind["namespace"]): name for name, kind in kinds.items() if kind["namespace"] is not None}
    namespaces |= {"pylate.": "MultiVectorEncoder"}
    return {
        "version": source.version,
        "manifests": ["modules.json", "config_sentence_transformers.json"],
        "default_kind": _read_default_kind(source),
        "kinds": kinds,
        "model_type_aliases": {_find_marker(source, "model_type"): "MultiVectorEncoder"},
        "architectures": {_find_marker(source, "architectures"): "MultiVectorEncoder"},
        "namespaces": dict(sorted(namespaces.items())),
        "modules": dict(sorted(_read_modules(source, namespaces))),
        "transformer_configs": _read_transformer_configs(source),
        "module_configs": sorted(set(_read_module_configs(source))),
    }


def _read_kinds(source: Source) -> Iterator[tuple[str, str, str]]:
    """(folder, class, saved `model_type`) of each kind."""
    for path in source.paths():
        if path.count("/") == 1 and path.endswith("/model.py"):
            for node in find_classes(source, path):
                for inner in node.body:
                    match inner:
                        case ast.AnnAssign(target=ast.Name(id="model_type"), value=ast.Constant(value=str(value))):
                            yield path.split("/")[0], node.name, value


def _build_kind(source: Source, folder: str, name: str, model_type: str) -> dict[str, object]:
    tags = _read_tags(source, f"{folder}/model_card.py") or _read_tags(source, "base/model_card.py")
    if not tags:
        raise ValueError(f"{folder}/model_card.py: no pipeline tag was found")
    tasks = list(dict.fromkeys((*tags, *_EXTRA_TASKS.get(name, ()))))
    namespace = None if folder == "sentence_transformer" else f"{_PACKAGE}.{folder}."
    return {"model_type": model_type, "task": tasks[0], "tasks": tasks, "namespace": namespace}


def _read_tags(source: Source, path: str) -> list[str]:
    """The values of `pipeline_tag` in a model card, in order."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source.read(path))):
        match node:
            case ast.Assign(targets=[ast.Attribute(attr="pipeline_tag")], value=ast.IfExp() as either):
                found.extend(_read_strings(either.body) + _read_strings(either.orelse))
            case ast.Assign(targets=[ast.Attribute(attr="pipeline_tag")], value=value):
                found.extend(_read_strings(value))
            case ast.AnnAssign(target=ast.Name(id="pipeline_tag"), value=ast.Call(keywords=keywords)):
                for keyword in keywords:
                    found.extend(_read_strings(keyword.value) if keyword.arg == "default" else [])
    return found


def _read_modules(source: Source, namespaces: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str | None]]]:
    """(path, row) for every path under which a module class is or was saved: its own, and older ones."""
    defined: dict[str, list[str]] = {}
    bases: dict[str, list[str]] = {"Module": [], "InputModule": []}
    for path in source.paths():
        if "/modules/" in path and not path.endswith("__init__.py"):
            module = ast.parse(source.read(path))
            name = f"{_PACKAGE}.{path[:-3].replace('/', '.')}"
            for node in module.body:
                match node:
                    case ast.ClassDef() if node.name not in bases:
                        bases[node.name] = [ast.unparse(base) for base in node.bases]
                        defined.setdefault(name, []).append(node.name)
                    case ast.Assign(targets=[ast.Name(id=alias)], value=ast.Name(id=original)) if original in bases:
                        bases[alias] = [original]
                        defined.setdefault(name, []).append(alias)
    defined = {name: [item for item in names if _is_module(item, bases)] for name, names in defined.items()}
    table = read_tables(parse_file(source, "util/deprecated_import.py"), re.compile("DEPRECATED_MODULE_PATHS$"))
    moved = table["DEPRECATED_MODULE_PATHS"]
    older = moved.items() if isinstance(moved, dict) else ()
    for name, classes in defined.items():
        for class_name in classes:
            row = {"class": class_name, "kind": _find_kind(name, namespaces)}
            yield f"{name}.{class_name}", row
            yield f"{name.rpartition('.')[0]}.{class_name}", row
    for old, new in older:
        last = str(old).rpartition(".")[2]
        for class_name in defined.get(str(new), ()):
            row = {"class": class_name, "kind": _find_kind(str(new), namespaces)}
            if class_name == last:
                yield str(old), row
            yield f"{old}.{class_name}", row


def _is_module(name: str, bases: Mapping[str, list[str]]) -> bool:
    """Whether a class derives from the library's `Module`; torch's is always written as `nn.Module`."""
    return name in ("Module", "InputModule") or any(_is_module(base, bases) for base in bases.get(name, ()))


def _find_kind(path: str, namespaces: Mapping[str, str]) -> str | None:
    return next((kind for namespace, kind in namespaces.items() if path.startswith(namespace)), None)


def _read_transformer_configs(source: Source) -> list[str]:
    """The config file names of the Transformer module, in the order in which the library tries them."""
    for node in ast.walk(ast.parse(source.read("base/modules/transformer.py"))):
        if isinstance(node, ast.List) and _FIRST_CONFIG in (
            names := [text for item in node.elts for text in _read_strings(item)]
        ):
            return names
    raise ValueError(f"base/modules/transformer.py: the list with {_FIRST_CONFIG} was not found")


def _read_module_configs(source: Source) -> Iterator[str]:
    """The config file names of modules, without `config.json`, which other libraries use too."""
    for path in source.paths():
        if "/modules/" in path:
            for node in ast.walk(ast.parse(source.read(path))):
                match node:
                    case (
                        ast.Assign(targets=[ast.Name(id="config_file_name")], value=ast.Constant(value=str(name)))
                        | ast.AnnAssign(target=ast.Name(id="config_file_name"), value=ast.Constant(value=str(name)))
                    ) if name != "config.json":
                        yield name


def _read_default_kind(source: Source) -> str:
    """The kind that `_get_model_type` returns for a model without `model_type`."""
    for node in ast.walk(ast.parse(source.read("base/model.py"))):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="get"), args=[ast.Constant(value="model_type"), ast.Constant(value=str(name))]
            ):
                return name
    raise ValueError("base/model.py: the default model_type was not found")


def _find_marker(source: Source, key: str) -> str:
    """The value under `key` of a config by which the multi-vector encoder recognises older models."""
    function = next(
        node
        for node in ast.walk(ast.parse(source.read("multi_vector_encoder/model.py")))
        if isinstance(node, ast.FunctionDef) and node.name == "_get_model_type"
    )
    for node in ast.walk(function):
        match node:
            case ast.Compare(left=ast.Name(id=name), ops=[ast.Eq()], comparators=[ast.Constant(value=str(marker))]):
                if name == key:
                    return marker
            case ast.Compare(left=ast.Constant(value=str(marker)), ops=[ast.In()], comparators=[container]):
                if repr(key) in ast.unparse(container):
                    return marker
    raise ValueError(f"multi_vector_encoder/model.py: no marker under {key} was found")


def _read_strings(node: ast.expr) -> list[str]:
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []
