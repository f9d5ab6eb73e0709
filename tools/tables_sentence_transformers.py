"""The sentence-transformers table: the kinds of model, their modules under every name, and older layouts.

Read from sentence-transformers 6.2, `*/model.py` (kinds), `*/model_card.py` (the tag a saved model gets),
`*/modules/*.py` (module classes), `util/deprecated_import.py` (their older paths), `base/modules/transformer.py` (older
config names) and `multi_vector_encoder/model.py` (PyLate's and Stanford's markers).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from registry.environment.modeling_auto import read_tables
from tools.tables_sources import Source, classes_of, parse

_PACKAGE = "sentence_transformers"
_FIRST_CONFIG = "sentence_bert_config.json"
_ALSO = {"SentenceTransformer": ("feature-extraction",)}
"""Tasks of a kind beside the one its model card names: the other tag those cards carry."""


def sentence_transformers_table(source: Source) -> dict[str, object]:
    """The table for `sentence_transformers.json`.

    `kinds`: class -> its `model_type` in `config_sentence_transformers.json`, its tasks (what it is tagged by default
    first; a cross-encoder with more than one label is the second) and the namespace of its own modules. `modules`:
    every `type` that `modules.json` may hold -> class and kind, None where several kinds use it. `default_kind` is
    meant where no `model_type` is written.
    """
    kinds = {name: _kind(source, folder, name, value) for folder, name, value in sorted(_kinds(source))}
    namespaces = {str(kind["namespace"]): name for name, kind in kinds.items() if kind["namespace"] is not None}
    namespaces |= {"pylate.": "MultiVectorEncoder"}
    return {
        "version": source.version,
        "manifests": ["modules.json", "config_sentence_transformers.json"],
        "default_kind": _default_kind(source),
        "kinds": kinds,
        "model_type_aliases": {_compared(source, "model_type"): "MultiVectorEncoder"},
        "architectures": {_compared(source, "architectures"): "MultiVectorEncoder"},
        "namespaces": dict(sorted(namespaces.items())),
        "modules": dict(sorted(_modules(source, namespaces))),
        "transformer_configs": _transformer_configs(source),
        "module_configs": sorted(set(_module_configs(source))),
    }


def _kinds(source: Source) -> Iterator[tuple[str, str, str]]:
    """Folder, class and written `model_type` of each kind."""
    for path in source.paths():
        if path.count("/") == 1 and path.endswith("/model.py"):
            for node in classes_of(source, path):
                for inner in node.body:
                    match inner:
                        case ast.AnnAssign(target=ast.Name(id="model_type"), value=ast.Constant(value=str(value))):
                            yield path.split("/")[0], node.name, value


def _kind(source: Source, folder: str, name: str, model_type: str) -> dict[str, object]:
    tags = _tags(source, f"{folder}/model_card.py") or _tags(source, "base/model_card.py")
    if not tags:
        raise ValueError(f"{folder}/model_card.py: no pipeline tag was found")
    tasks = list(dict.fromkeys((*tags, *_ALSO.get(name, ()))))
    namespace = None if folder == "sentence_transformer" else f"{_PACKAGE}.{folder}."
    return {"model_type": model_type, "task": tasks[0], "tasks": tasks, "namespace": namespace}


def _tags(source: Source, path: str) -> list[str]:
    """The strings a model card sets `pipeline_tag` to, in order."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source.read(path))):
        match node:
            case ast.Assign(targets=[ast.Attribute(attr="pipeline_tag")], value=ast.IfExp() as either):
                found.extend(_texts(either.body) + _texts(either.orelse))
            case ast.Assign(targets=[ast.Attribute(attr="pipeline_tag")], value=value):
                found.extend(_texts(value))
            case ast.AnnAssign(target=ast.Name(id="pipeline_tag"), value=ast.Call(keywords=keywords)):
                for keyword in keywords:
                    found.extend(_texts(keyword.value) if keyword.arg == "default" else [])
    return found


def _modules(source: Source, namespaces: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str | None]]]:
    """Every path under which a module class is or was saved: the class's own, and the older ones of its file."""
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
    table = read_tables(parse(source, "util/deprecated_import.py"), re.compile("DEPRECATED_MODULE_PATHS$"))
    moved = table["DEPRECATED_MODULE_PATHS"]
    older = moved.items() if isinstance(moved, dict) else ()
    for name, classes in defined.items():
        for class_name in classes:
            row = {"class": class_name, "kind": _kind_of(name, namespaces)}
            yield f"{name}.{class_name}", row
            yield f"{name.rpartition('.')[0]}.{class_name}", row
    for old, new in older:
        last = str(old).rpartition(".")[2]
        for class_name in defined.get(str(new), ()):
            row = {"class": class_name, "kind": _kind_of(str(new), namespaces)}
            if class_name == last:
                yield str(old), row
            yield f"{old}.{class_name}", row


def _is_module(name: str, bases: Mapping[str, list[str]]) -> bool:
    """Whether a class derives from the library's own `Module`; torch's is written `nn.Module`."""
    return name in ("Module", "InputModule") or any(_is_module(base, bases) for base in bases.get(name, ()))


def _kind_of(path: str, namespaces: Mapping[str, str]) -> str | None:
    return next((kind for namespace, kind in namespaces.items() if path.startswith(namespace)), None)


def _transformer_configs(source: Source) -> list[str]:
    """The names the config of the Transformer module has had, in the order they are tried."""
    for node in ast.walk(ast.parse(source.read("base/modules/transformer.py"))):
        if isinstance(node, ast.List) and _FIRST_CONFIG in (
            names := [text for item in node.elts for text in _texts(item)]
        ):
            return names
    raise ValueError(f"base/modules/transformer.py: the list with {_FIRST_CONFIG} was not found")


def _module_configs(source: Source) -> Iterator[str]:
    """The names of the modules' own config files; `config.json`, which they share with others, left out."""
    for path in source.paths():
        if "/modules/" in path:
            for node in ast.walk(ast.parse(source.read(path))):
                match node:
                    case (
                        ast.Assign(targets=[ast.Name(id="config_file_name")], value=ast.Constant(value=str(name)))
                        | ast.AnnAssign(target=ast.Name(id="config_file_name"), value=ast.Constant(value=str(name)))
                    ) if name != "config.json":
                        yield name


def _default_kind(source: Source) -> str:
    """What `_get_model_type` takes a model without a `model_type` for."""
    for node in ast.walk(ast.parse(source.read("base/model.py"))):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="get"), args=[ast.Constant(value="model_type"), ast.Constant(value=str(name))]
            ):
                return name
    raise ValueError("base/model.py: the default model_type was not found")


def _compared(source: Source, key: str) -> str:
    """The older marker that the multi-vector encoder looks for under `key` of a config."""
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
            case ast.Compare(left=ast.Constant(value=str(marker)), ops=[ast.In()], comparators=[where]):
                if repr(key) in ast.unparse(where):
                    return marker
    raise ValueError(f"multi_vector_encoder/model.py: no marker under {key} was found")


def _texts(node: ast.expr) -> list[str]:
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []
