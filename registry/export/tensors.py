"""`InputSpec` and `OutputSpec`: the tensors that an exported graph takes and returns. Pure data."""

from __future__ import annotations

import ast
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field

Dim = int | str
"""The size of an axis: a number if it is fixed, else a name ("batch_size") or an expression of names, numbers and
+ - * // ("past_sequence_length + sequence_length")."""

_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv}


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """An input of the exported graph.

    `kind` is "int", "float" or "bool". `fill` is the content of a dummy input: "random" (integers from `low` to below
    `high`, or normally distributed floats), "ones", "zeros", "range" (counts along the last axis from `start`) or
    "boxes" (left, top, right, bottom, below `high`). `fixed` are pairs (position on the last axis, value) that every
    dummy input has. `argument` is the dotted path of the tensor among the model's arguments ("encoder_outputs.0");
    by default it is the name.
    """

    name: str
    shape: tuple[Dim, ...]
    kind: str = "int"
    fill: str = "random"
    low: int = 0
    high: int = 2
    start: Dim = 0
    fixed: tuple[tuple[int, int], ...] = ()
    argument: str | None = None

    @property
    def axes(self) -> dict[int, str]:
        """The dynamic axes, with the names of their sizes."""
        return {axis: dim for axis, dim in enumerate(self.shape) if isinstance(dim, str)}

    @property
    def path(self) -> str:
        """The dotted path of the tensor among the arguments of the model."""
        return self.argument or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSpec:
    """An output of the exported graph.

    `source` is the dotted path of the tensor in the model's output ("hidden_states.2"). By default it is the name; ""
    is the model's output itself.
    """

    name: str
    axes: Mapping[int, str] = field(default_factory=dict)
    source: str | None = None

    @property
    def path(self) -> str:
        """The dotted path of the tensor in the model's output."""
        return self.name if self.source is None else self.source


def evaluate_dim(dim: Dim, sizes: Mapping[str, int]) -> int:
    """The value of `dim` for these sizes.

    Raises:
        KeyError: a name has no size.
        ValueError: `dim` is not an expression of names, numbers and + - * //.
    """
    if isinstance(dim, int):
        return dim
    if dim in sizes:
        return sizes[dim]
    return _evaluate(ast.parse(dim.strip(), mode="eval").body, sizes)


def list_names(dim: Dim) -> frozenset[str]:
    """The names of sizes in `dim`."""
    if isinstance(dim, int):
        return frozenset()
    return frozenset(node.id for node in ast.walk(ast.parse(dim.strip(), mode="eval")) if isinstance(node, ast.Name))


def _evaluate(node: ast.expr, sizes: Mapping[str, int]) -> int:
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.Name(id=name):
            return sizes[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            result: int = _OPERATORS[type(op)](_evaluate(left, sizes), _evaluate(right, sizes))
            return result
    raise ValueError(f"{ast.unparse(node)!r} is not a valid axis size; write names, numbers and + - * //")
