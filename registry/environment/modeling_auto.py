"""What a transformers `modeling_auto.py` maps, read from its text alone: nothing is imported, nothing is run. Pure.

Finding the file, and what the mappings mean for a repo, is left to others. The evaluator here knows the few shapes such
tables are written in and refuses every other one by name, so that a table is read whole or not at all.

Read against transformers 4.40 to 5.23, `models/auto/modeling_auto.py`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

MAPPING_NAME = re.compile(r"(?:TF_|FLAX_)?MODEL(?:_[A-Z0-9_]+)?_NAMES$")
"""How transformers names a model mapping; the one of audio tokenizers ends in `_NAMES` alone."""

_LAZY_MAPPING = re.compile(r"_Lazy(?:\w+)?Mapping$")


class SourceShapeError(ValueError):
    """A table is written in a shape that is not understood; the message names the table, the line and the shape."""

    def __init__(self, table: str, node: ast.AST, reason: str) -> None:
        where = f", line {node.lineno}" if isinstance(node, ast.stmt | ast.expr) and hasattr(node, "lineno") else ""
        super().__init__(f"{table}{where}: {reason}: {ast.unparse(node)[:80]}")
        self.table = table


def parse_auto_source(text: str | ast.Module) -> dict[str, dict[str, tuple[str, ...]]]:
    """Every model mapping of a `modeling_auto.py`: mapping name -> {model type: architectures}.

    Names are those of the file (`MODEL_FOR_CAUSAL_LM_MAPPING_NAMES`); mappings and model types keep the file's order.
    A model type has one architecture or, where the library lists several, all of them in its order; never none.
    Parsing is most of the cost: who wants the auto classes too passes both functions the same `ast.Module`.

    Raises:
        SourceShapeError: a mapping is written, or changed later in the file, in a way not understood.
        SyntaxError: the text is not Python.
    """
    tables = read_tables(_module(text), MAPPING_NAME)
    return {name: _rows(name, table) for name, table in tables.items()}


def parse_auto_classes(text: str | ast.Module) -> dict[str, str]:
    """The auto classes of a `modeling_auto.py`: class name -> name of its mapping, as `parse_auto_source` spells it.

    In the file's order. A class takes the mapping it sets as `_model_mapping`, or the one of its base class
    (`AutoModelForVision2Seq(_AutoModelForVision2Seq)` in 4.x). Private classes are left
    out. Some mappings have no class.

    Raises:
        SourceShapeError: `_model_mapping` is something other than the name of a mapping of this file.
        SyntaxError: the text is not Python.
    """
    lazy: dict[str, str] = {}
    found: dict[str, str] = {}
    for statement in _module(text).body:
        if (lazy_names := _lazy_mapping(statement)) is not None:
            lazy[lazy_names[0]] = lazy_names[1]
        elif isinstance(statement, ast.ClassDef):
            mapping = _own_mapping(statement, lazy) or _inherited_mapping(statement, found)
            if mapping is not None:
                found[statement.name] = mapping
    return {name: mapping for name, mapping in found.items() if not name.startswith("_")}


def read_tables(
    module: ast.Module, wanted: re.Pattern[str], imported: Mapping[str, object] = MappingProxyType({})
) -> dict[str, object]:
    """The values of a module's names that match `wanted`, in order, with their later top-level changes applied.

    `imported` are tables of other modules that this one imports, and may change: they come first. Understood changes
    are `NAME[key] = value`, `NAME.update(...)`, `NAME.append(...)` and `NAME.extend(...)`.

    Raises:
        SourceShapeError: a wanted value is not understood, or any other top-level statement may change it.
    """
    tables = {name: dict(table) if isinstance(table, dict) else table for name, table in imported.items()}
    for statement in module.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom):
            continue
        name, value = _assignment(statement)
        try:
            if name is None:
                _change(statement, tables, wanted)
            elif wanted.match(name) and value is not None:
                tables[name] = evaluate(value, tables, name)
        except TypeError as error:
            raise SourceShapeError(name or "a table", statement, "holds a key that cannot be one") from error
    return tables


def evaluate(node: ast.expr, known: Mapping[str, object], table: str) -> object:
    """The value of a table written as a literal: constants, tuples, lists, sets, dicts and what joins them.

    A name stands for its value in `known`. A dict keeps the order of its first keys and the last of its values, as at
    run time. `OrderedDict`, `dict`, `list`, `tuple`, `set`, `frozenset` and `sorted` may be called.

    Raises:
        SourceShapeError: anything else.
    """
    match node:
        case ast.Constant():
            return node.value
        case ast.Name() if node.id in known:
            return known[node.id]
        case ast.Tuple():
            return tuple(_elements(node.elts, known, table))
        case ast.List():
            return list(_elements(node.elts, known, table))
        case ast.Set():
            return set(_elements(node.elts, known, table))
        case ast.Dict():
            return _dict_literal(node, known, table)
        case ast.BinOp(op=ast.BitOr()):
            left, right = evaluate(node.left, known, table), evaluate(node.right, known, table)
            if isinstance(left, dict) and isinstance(right, dict):
                return left | right
        case ast.BinOp(op=ast.Add()):
            left, right = evaluate(node.left, known, table), evaluate(node.right, known, table)
            if isinstance(left, list) and isinstance(right, list):
                return left + right
            if isinstance(left, tuple) and isinstance(right, tuple):
                return left + right
        case ast.Call():
            return _call(node, known, table)
    raise SourceShapeError(table, node, "cannot be read as a literal")


_BUILDERS: Mapping[str, Callable[[list[object]], object]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "sorted": lambda values: sorted(values, key=str),
}


def _call(node: ast.Call, known: Mapping[str, object], table: str) -> object:
    match node.func:
        case ast.Name(id="OrderedDict" | "dict") | ast.Subscript(value=ast.Name(id="OrderedDict" | "dict")):
            return _dict_call(node, known, table)
        case ast.Name(id=builder) if builder in _BUILDERS and len(node.args) <= 1 and not node.keywords:
            return _BUILDERS[builder](_iterated(node.args[0], known, table) if node.args else [])
        case ast.Attribute(attr="items" | "keys" | "values" | "copy" as method) if not node.args and not node.keywords:
            value = evaluate(node.func.value, known, table)
            if isinstance(value, dict):
                return {"items": list(value.items()), "keys": list(value), "values": list(value.values())}.get(
                    method, dict(value)
                )
    raise SourceShapeError(table, node, "a call that is not understood")


def _dict_call(node: ast.Call, known: Mapping[str, object], table: str) -> dict[object, object]:
    built: dict[object, object] = {}
    for argument in node.args:
        value = evaluate(argument, known, table)
        for pair in value.items() if isinstance(value, dict) else _iterated(argument, known, table):
            if not isinstance(pair, tuple | list) or len(pair) != 2:
                raise SourceShapeError(table, argument, "not a list of pairs")
            built[pair[0]] = pair[1]
    for keyword in node.keywords:
        value = evaluate(keyword.value, known, table)
        if keyword.arg is not None:
            built[keyword.arg] = value
        elif isinstance(value, dict):
            built.update(value)
        else:
            raise SourceShapeError(table, keyword.value, "not a mapping")
    return built


def _dict_literal(node: ast.Dict, known: Mapping[str, object], table: str) -> dict[object, object]:
    built: dict[object, object] = {}
    for key, value_node in zip(node.keys, node.values, strict=True):
        value = evaluate(value_node, known, table)
        if key is not None:
            built[evaluate(key, known, table)] = value
        elif isinstance(value, dict):
            built.update(value)
        else:
            raise SourceShapeError(table, value_node, "not a mapping")
    return built


def _elements(nodes: list[ast.expr], known: Mapping[str, object], table: str) -> Iterator[object]:
    for node in nodes:
        if isinstance(node, ast.Starred):
            yield from _iterated(node.value, known, table)
        else:
            yield evaluate(node, known, table)


def _iterated(node: ast.expr, known: Mapping[str, object], table: str) -> list[object]:
    value = evaluate(node, known, table)
    if isinstance(value, list | tuple | dict):
        return list(value)
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    raise SourceShapeError(table, node, "not a list")


def _change(statement: ast.stmt, tables: dict[str, object], wanted: re.Pattern[str]) -> None:
    """Apply a statement that assigns no plain name to the table it changes; harmless ones are passed over."""
    match statement:
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name), slice=key)]):
            table = tables.get(name)
            if isinstance(table, dict):
                table[evaluate(key, tables, name)] = evaluate(statement.value, tables, name)
            if isinstance(table, dict) or not wanted.match(name):
                return
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) as call):
            if not wanted.match(name) or _change_by_call(tables.get(name), method, call, tables, name):
                return
    touched = next((name for name in _names_in(statement) if wanted.match(name)), None)
    if touched is not None:
        raise SourceShapeError(touched, statement, "is used by a statement that is not understood")


def _change_by_call(table: object, method: str, call: ast.Call, tables: Mapping[str, object], name: str) -> bool:
    """Apply `table.method(...)`; False where that is not understood."""
    if method == "update" and isinstance(table, dict):
        table.update(_dict_call(call, tables, name))
        return True
    if isinstance(table, list) and len(call.args) == 1 and not call.keywords:
        if method == "extend":
            table.extend(_iterated(call.args[0], tables, name))
            return True
        if method == "append":
            table.append(evaluate(call.args[0], tables, name))
            return True
    return False


def _rows(name: str, table: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(table, dict):
        raise SourceShapeError(name, ast.Constant(str(table)[:40]), "is not a mapping")
    rows: dict[str, tuple[str, ...]] = {}
    for model_type, value in table.items():
        architectures = value if isinstance(value, tuple | list) else (value,)
        names = tuple(item for item in architectures if isinstance(item, str))
        if not isinstance(model_type, str) or not names or len(names) != len(architectures):
            raise SourceShapeError(name, ast.Constant(str(model_type)), "does not map a model type to class names")
        rows[model_type] = names
    return rows


def _assignment(statement: ast.stmt) -> tuple[str | None, ast.expr | None]:
    """The plain name a statement assigns, with the value; both None for any other statement."""
    match statement:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value) | ast.AnnAssign(target=ast.Name(id=name), value=value)
        ):
            return name, value
    return None, None


def _module(text: str | ast.Module) -> ast.Module:
    return text if isinstance(text, ast.Module) else ast.parse(text)


def _names_in(node: ast.AST) -> Iterator[str]:
    return (child.id for child in ast.walk(node) if isinstance(child, ast.Name))


def _lazy_mapping(statement: ast.stmt) -> tuple[str, str] | None:
    """`X_MAPPING = _LazyAutoMapping(CONFIG_MAPPING_NAMES, X_MAPPING_NAMES)` as its two model names."""
    match statement:
        case ast.Assign(
            targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id=maker), args=[_, ast.Name(id=names)])
        ) if _LAZY_MAPPING.match(maker):
            return name, names
    return None


def _own_mapping(statement: ast.ClassDef, lazy: Mapping[str, str]) -> str | None:
    for inner in statement.body:
        name, value = _assignment(inner)
        if name == "_model_mapping":
            if isinstance(value, ast.Name) and value.id in lazy:
                return lazy[value.id]
            raise SourceShapeError(f"{statement.name}._model_mapping", inner, "is not a mapping of this file")
    return None


def _inherited_mapping(statement: ast.ClassDef, found: Mapping[str, str]) -> str | None:
    bases = (base.id for base in statement.bases if isinstance(base, ast.Name))
    return next((found[base] for base in bases if base in found), None)
