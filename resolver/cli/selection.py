"""Chooses rows and columns: `--where`, `--sort` and `--columns`. Pure."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.errors import suggest_names
from resolver.row import NUMBER_KEYS, ROW_KEYS

Row = Mapping[str, Any]

ENDPOINT = "endpoint"
"""The key of rows of several endpoints that says which one a row is of."""

_CONDITION = re.compile(r"([a-z_]+)(?:(!?=|[<>]=?)(.*))?", re.DOTALL)

_COMPARISONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class SelectionError(ValueError):
    """A column or condition is not written as it must be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which rows are written, in which order, with which keys; `columns` None: all."""

    conditions: tuple[Callable[[Row], bool], ...] = ()
    sort: str | None = None
    is_descending: bool = False
    columns: tuple[str, ...] | None = None

    def accepts(self, row: Row) -> bool:
        """Whether all conditions hold for the row."""
        return all(condition(row) for condition in self.conditions)

    def sort_rows(self, rows: list[Row]) -> list[Row]:
        """The rows in the order that was asked for; those without a value come last."""
        key = self.sort
        if key is None:
            return rows
        known = [row for row in rows if row[key] is not None]
        unknown = [row for row in rows if row[key] is None]
        build_key = int if key in NUMBER_KEYS else _build_sort_key
        return sorted(known, key=lambda row: build_key(row[key]), reverse=self.is_descending) + unknown

    def choose_columns(self, row: Row) -> Row:
        """The row with the chosen keys, in the chosen order."""
        return row if self.columns is None else {name: row[name] for name in self.columns}


def parse_selection(where: Sequence[str] = (), sort: str | None = None, columns: str | None = None) -> Selection:
    """The selection that the options name.

    Raises:
        SelectionError: a key does not exist, or a condition has another form than KEY, KEY=VALUE, KEY!=VALUE or, of
            numbers, KEY<VALUE, KEY<=VALUE, KEY>VALUE and KEY>=VALUE.
    """
    is_descending = sort is not None and sort.startswith("-")
    chosen = tuple(_check_key(name.strip()) for name in columns.split(",")) if columns is not None else None
    return Selection(
        conditions=tuple(map(_parse_condition, where)),
        sort=_check_key(sort.removeprefix("-")) if sort is not None else None,
        is_descending=is_descending,
        columns=chosen,
    )


def _check_key(name: str) -> str:
    if name not in ROW_KEYS:
        hint = suggest_names(name, ROW_KEYS) or f"; there are {', '.join(ROW_KEYS)}"
        raise SelectionError(f"rows have no key {name!r}{hint}")
    return name


def _parse_condition(text: str) -> Callable[[Row], bool]:
    match = _CONDITION.fullmatch(text.strip())
    if match is None:
        raise SelectionError(f"{text!r} is not a condition such as library=diffusers, error=gated, task= or conflict")
    key, sign, wanted = _check_key(match[1]), match[2], match[3]
    if sign is None:
        return lambda row: bool(row[key])
    if sign in _COMPARISONS:
        return _build_comparison(key, sign, wanted)
    if wanted.lower() in ("true", "false"):
        wanted = wanted.lower()
    is_negated = sign == "!="
    return lambda row: (wanted in _list_texts(row[key])) is not is_negated


def _build_comparison(key: str, sign: str, text: str) -> Callable[[Row], bool]:
    """A condition on a number, which no row without the number fulfils."""
    if key not in NUMBER_KEYS:
        raise SelectionError(f"only {' and '.join(NUMBER_KEYS)} are numbers that {sign} can compare, not {key}")
    try:
        limit = float(text)
    except ValueError:
        limit = math.nan
    if math.isnan(limit):
        raise SelectionError(f"{text!r} is not a number such as 7000000000 or 7e9")
    compare = _COMPARISONS[sign]
    return lambda row: row[key] is not None and compare(row[key], limit)


def _list_texts(value: Any) -> list[str]:
    """The texts that a condition compares a value with: each item of a list; of an error its code; "" for nothing."""
    if value is None or value in ([], ()):
        return [""]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, Mapping):
        return [str(value.get("code") or value.get("task"))]
    if isinstance(value, (list, tuple)):
        return [text for item in value for text in _list_texts(item)]
    return [str(value)]


def _build_sort_key(value: Any) -> str:
    return "; ".join(_list_texts(value)).casefold()
