"""What an export configuration says of each tensor that goes in or comes out. Pure data."""

from __future__ import annotations

import ast
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field

Dim = int | str
"""A length: a number where it is fixed, else a name ("batch_size") or a sum, difference, product or quotient of names
and numbers ("past_sequence_length + sequence_length")."""

_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv}


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """A tensor that the exported graph takes.

    `kind` is "int", "float" or "bool". `fill` says what an example of it holds: "random" (integers from `low` to below
    `high`, floats from a normal distribution), "ones", "zeros", "range" (counted along the last axis from `start`) or
    "boxes" (left, top, right, bottom, below `high`). `fixed` are (position on the last axis, value) that an example
    must have. `argument` is where the tensor goes in the call of the model, by dots ("encoder_outputs.0"): by default
    the argument of its name.
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
        """The axes that vary, with the names of their lengths."""
        return {axis: dim for axis, dim in enumerate(self.shape) if isinstance(dim, str)}

    @property
    def path(self) -> str:
        """Where the tensor goes in the call of the model."""
        return self.argument or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSpec:
    """A tensor that the exported graph gives. `source` is where it is found in what the model returns, by dots
    ("hidden_states.2"): by default the field of its name; "" is the returned value itself."""

    name: str
    axes: Mapping[int, str] = field(default_factory=dict)
    source: str | None = None

    @property
    def path(self) -> str:
        """Where the tensor is found in what the model returns."""
        return self.name if self.source is None else self.source


def length_of(dim: Dim, sizes: Mapping[str, int]) -> int:
    """The number that `dim` stands for where its names have these sizes.

    Raises:
        KeyError: a name has no size.
        ValueError: `dim` is no expression of names, numbers and + - * //.
    """
    if isinstance(dim, int):
        return dim
    if dim in sizes:
        return sizes[dim]
    return _value(ast.parse(dim.strip(), mode="eval").body, sizes)


def _value(node: ast.expr, sizes: Mapping[str, int]) -> int:
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.Name(id=name):
            return sizes[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            result: int = _OPERATORS[type(op)](_value(left, sizes), _value(right, sizes))
            return result
    raise ValueError(f"{ast.unparse(node)!r} is no length; write names, numbers and + - * //")
