"""Reads the auto mappings from the source text of a transformers `modeling_auto.py`, without importing it. Pure.

Finding the file is left to the caller. The evaluator supports the few forms in which such tables are written, and
raises an error for any other, so that a table is read completely or not at all.

Read against transformers 4.40 to 5.24, `models/auto/modeling_auto.py`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

MAPPING_NAME = re.compile(r"(?:TF_|FLAX_)?MODEL(?:_[A-Z0-9_]+)?_NAMES$")
"""Names of model mappings in transformers; that of audio tokenizers ends in `_NAMES` alone."""

_LAZY_MAPPING = re.compile(r"_Lazy(?:\w+)?Mapping$")


class UnreadableTableError(ValueError):
    """A table is written in a form that is not supported; the message has the table, the line and the source."""

    def __init__(self, table: str, node: ast.AST, reason: str) -> None:
        where = f", line {node.lineno}" if isinstance(node, ast.stmt | ast.expr) and hasattr(node, "lineno") else ""
        super().__init__(f"{table}{where}: {reason}: {ast.unparse(node)[:80]}")
        self.table = table


def parse_auto_mappings(text: str | ast.Module) -> dict[str, dict[str, tuple[str, ...]]]:
    """Every model mapping of a `modeling_auto.py`: mapping name -> {model type: architectures}.

    Names are those of the file (`MODEL_FOR_CAUSAL_LM_MAPPING_NAMES`); mappings and model types keep the file's order.
    A model type has one architecture or, where the library lists several, all of them in its order; never none.
    Parsing takes most of the time: to get the auto classes too, pass the same `ast.Module` to both functions.

    Raises:
        UnreadableTableError: a mapping is written, or changed later in the file, in a form that is not supported.
        SyntaxError: the text is not Python.
    """
    tables = read_tables(_parse_module(text), MAPPING_NAME)
    return {name: _build_rows(name, table) for name, table in tables.items()}


def parse_auto_classes(text: str | ast.Module) -> dict[str, str]:
    """The auto classes of a `modeling_auto.py`: class name -> name of its mapping, as in `parse_auto_mappings`.

    In the file's order. The mapping of a class is its `_model_mapping`, or that of its base class
    (`AutoModelForVision2Seq(_AutoModelForVision2Seq)` in 4.x). Private classes are left out. Some mappings have no
    class.

    Raises:
        UnreadableTableError: `_model_mapping` is something other than the name of a mapping of this file.
        SyntaxError: the text is not Python.
    """
    lazy: dict[str, str] = {}
    found: dict[str, str] = {}
    for statement in _parse_module(text).body:
        if (lazy_names := _match_lazy_mapping(statement)) is not None:
            lazy[lazy_names[0]] = lazy_names[1]
        elif isinstance(statement, ast.ClassDef):
            mapping = _find_own_mapping(statement, lazy) or _find_inherited_mapping(statement, found)
            if mapping is not None:
                found[statement.name] = mapping
    return {name: mapping for name, mapping in found.items() if not name.startswith("_")}


def read_tables(
    module: ast.Module, pattern: re.Pattern[str], imported: Mapping[str, object] = MappingProxyType({})
) -> dict[str, object]:
    """The values of a module's names that match `pattern`, in order, with later top-level changes applied.

    `imported` are tables of other modules that this one imports and may change; they come first. The supported changes
    are `NAME[key] = value`, `NAME.update(...)`, `NAME.append(...)` and `NAME.extend(...)`.

    Raises:
        UnreadableTableError: a value is not supported, or another top-level statement may change it.
    """
    tables = {name: dict(table) if isinstance(table, dict) else table for name, table in imported.items()}
    for statement in module.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom):
            continue
        name, value = _match_assignment(statement)
        try:
            if name is None:
                _apply_change(statement, tables, pattern)
            elif pattern.match(name) and value is not None:
                tables[name] = evaluate_literal(value, tables, name)
        except TypeError as error:
            raise UnreadableTableError(name or "a table", statement, "has a key that is not hashable") from error
    return tables


def evaluate_literal(node: ast.expr, known: Mapping[str, object], table: str) -> object:
    """The value of a table written as a literal: constants, tuples, lists, sets, dicts, and `|` and `+` of these.

    A name is replaced by its value in `known`. A repeated dict key keeps its first place and its last value, as at run
    time. `OrderedDict`, `dict`, `list`, `tuple`, `set`, `frozenset` and `sorted` may be called.

    Raises:
        UnreadableTableError: the expression has any other form.
    """
    match node:
        case ast.Constant():
            return node.value
        case ast.Name() if node.id in known:
            return known[node.id]
        case ast.Tuple():
            return tuple(_evaluate_elements(node.elts, known, table))
        case ast.List():
            return list(_evaluate_elements(node.elts, known, table))
        case ast.Set():
            return set(_evaluate_elements(node.elts, known, table))
        case ast.Dict():
            return _evaluate_dict(node, known, table)
        case ast.BinOp(op=ast.BitOr()):
            left, right = evaluate_literal(node.left, known, table), evaluate_literal(node.right, known, table)
            if isinstance(left, dict) and isinstance(right, dict):
                return left | right
        case ast.BinOp(op=ast.Add()):
            left, right = evaluate_literal(node.left, known, table), evaluate_literal(node.right, known, table)
            if isinstance(left, list) and isinstance(right, list):
                return left + right
            if isinstance(left, tuple) and isinstance(right, tuple):
                return left + right
        case ast.Call():
            return _evaluate_call(node, known, table)
    raise UnreadableTableError(table, node, "cannot be read as a literal")


_BUILDERS: Mapping[str, Callable[[list[object]], object]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "sorted": lambda values: sorted(values, key=str),
}


def _evaluate_call(node: ast.Call, known: Mapping[str, object], table: str) -> object:
    match node.func:
        case ast.Name(id="OrderedDict" | "dict") | ast.Subscript(value=ast.Name(id="OrderedDict" | "dict")):
            return _evaluate_dict_call(node, known, table)
        case ast.Name(id=builder) if builder in _BUILDERS and len(node.args) <= 1 and not node.keywords:
            return _BUILDERS[builder](_evaluate_iterable(node.args[0], known, table) if node.args else [])
        case ast.Attribute(attr="items" | "keys" | "values" | "copy" as method) if not node.args and not node.keywords:
            value = evaluate_literal(node.func.value, known, table)
            if isinstance(value, dict):
                return {"items": list(value.items()), "keys": list(value), "values": list(value.values())}.get(
                    method, dict(value)
                )
    raise UnreadableTableError(table, node, "is a call that is not supported")


def _evaluate_dict_call(node: ast.Call, known: Mapping[str, object], table: str) -> dict[object, object]:
    built: dict[object, object] = {}
    for argument in node.args:
        value = evaluate_literal(argument, known, table)
        for pair in value.items() if isinstance(value, dict) else _evaluate_iterable(argument, known, table):
            if not isinstance(pair, tuple | list) or len(pair) != 2:
                raise UnreadableTableError(table, argument, "is not a list of pairs")
            built[pair[0]] = pair[1]
    for keyword in node.keywords:
        value = evaluate_literal(keyword.value, known, table)
        if keyword.arg is not None:
            built[keyword.arg] = value
        elif isinstance(value, dict):
            built.update(value)
        else:
            raise UnreadableTableError(table, keyword.value, "is not a mapping")
    return built


def _evaluate_dict(node: ast.Dict, known: Mapping[str, object], table: str) -> dict[object, object]:
    built: dict[object, object] = {}
    for key, value_node in zip(node.keys, node.values, strict=True):
        value = evaluate_literal(value_node, known, table)
        if key is not None:
            built[evaluate_literal(key, known, table)] = value
        elif isinstance(value, dict):
            built.update(value)
        else:
            raise UnreadableTableError(table, value_node, "is not a mapping")
    return built


def _evaluate_elements(nodes: list[ast.expr], known: Mapping[str, object], table: str) -> Iterator[object]:
    for node in nodes:
        if isinstance(node, ast.Starred):
            yield from _evaluate_iterable(node.value, known, table)
        else:
            yield evaluate_literal(node, known, table)


def _evaluate_iterable(node: ast.expr, known: Mapping[str, object], table: str) -> list[object]:
    value = evaluate_literal(node, known, table)
    if isinstance(value, list | tuple | dict):
        return list(value)
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    raise UnreadableTableError(table, node, "is not a list")


def _apply_change(statement: ast.stmt, tables: dict[str, object], pattern: re.Pattern[str]) -> None:
    """Applies a statement, other than an assignment to a name, to the table that it changes; ignores unrelated ones."""
    match statement:
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name), slice=key)]):
            table = tables.get(name)
            if isinstance(table, dict):
                table[evaluate_literal(key, tables, name)] = evaluate_literal(statement.value, tables, name)
            if isinstance(table, dict) or not pattern.match(name):
                return
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) as call):
            if not pattern.match(name) or _apply_call(tables.get(name), method, call, tables, name):
                return
    changed = next((name for name in _find_names(statement) if pattern.match(name)), None)
    if changed is not None:
        raise UnreadableTableError(changed, statement, "is used by a statement that is not supported")


def _apply_call(table: object, method: str, call: ast.Call, tables: Mapping[str, object], name: str) -> bool:
    """Applies `table.method(...)`; False if it is not supported."""
    if method == "update" and isinstance(table, dict):
        table.update(_evaluate_dict_call(call, tables, name))
        return True
    if isinstance(table, list) and len(call.args) == 1 and not call.keywords:
        if method == "extend":
            table.extend(_evaluate_iterable(call.args[0], tables, name))
            return True
        if method == "append":
            table.append(evaluate_literal(call.args[0], tables, name))
            return True
    return False


def _build_rows(name: str, table: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(table, dict):
        raise UnreadableTableError(name, ast.Constant(str(table)[:40]), "is not a mapping")
    rows: dict[str, tuple[str, ...]] = {}
    for model_type, value in table.items():
        architectures = value if isinstance(value, tuple | list) else (value,)
        names = tuple(item for item in architectures if isinstance(item, str))
        if not isinstance(model_type, str) or not names or len(names) != len(architectures):
            raise UnreadableTableError(name, ast.Constant(str(model_type)), "does not map a model type to class names")
        rows[model_type] = names
    return rows


def _match_assignment(statement: ast.stmt) -> tuple[str | None, ast.expr | None]:
    """The name that a statement assigns to, and the value; both None for any other statement."""
    match statement:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value) | ast.AnnAssign(target=ast.Name(id=name), value=value)
        ):
            return name, value
    return None, None


def _parse_module(text: str | ast.Module) -> ast.Module:
    return text if isinstance(text, ast.Module) else ast.parse(text)


def _find_names(node: ast.AST) -> Iterator[str]:
    return (child.id for child in ast.walk(node) if isinstance(child, ast.Name))


def _match_lazy_mapping(statement: ast.stmt) -> tuple[str, str] | None:
    """The names in `X_MAPPING = _LazyAutoMapping(CONFIG_MAPPING_NAMES, X_MAPPING_NAMES)`: X's two; None otherwise."""
    match statement:
        case ast.Assign(
            targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id=function), args=[_, ast.Name(id=names)])
        ) if _LAZY_MAPPING.match(function):
            return name, names
    return None


def _find_own_mapping(statement: ast.ClassDef, lazy: Mapping[str, str]) -> str | None:
    for inner in statement.body:
        name, value = _match_assignment(inner)
        if name == "_model_mapping":
            if isinstance(value, ast.Name) and value.id in lazy:
                return lazy[value.id]
            raise UnreadableTableError(f"{statement.name}._model_mapping", inner, "is not a mapping of this file")
    return None


def _find_inherited_mapping(statement: ast.ClassDef, found: Mapping[str, str]) -> str | None:
    bases = (base.id for base in statement.bases if isinstance(base, ast.Name))
    return next((found[base] for base in bases if base in found), None)
