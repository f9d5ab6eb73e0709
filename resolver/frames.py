"""Converts many answers to a table of Arrow, pandas or polars: one row each, with the columns of a row's keys.

pyarrow, pandas and polars are imported only when they are used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from resolver.answer import Failure
from resolver.resolution import Resolution
from resolver.row import FLAG_KEYS, LIST_KEYS, NUMBER_KEYS, ROW_KEYS

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

_STRUCTS: Mapping[str, tuple[str, ...]] = {"error": ("code", "message")}
_LISTS_OF_STRUCTS: Mapping[str, tuple[str, ...]] = {"candidates": ("task", "model_class")}


def to_arrow(answers: Iterable[Resolution | Failure]) -> pyarrow.Table:
    """A `pyarrow.Table` of the answers.

    Raises:
        ImportError: pyarrow is not installed.
    """
    pyarrow = _import_pyarrow("to_arrow")
    return pyarrow.Table.from_pylist([answer.to_dict() for answer in answers], schema=build_arrow_schema())


def to_pandas(answers: Iterable[Resolution | Failure]) -> pandas.DataFrame:
    """A `pandas.DataFrame` of the answers; lists are arrays, and a missing value is None.

    Raises:
        ImportError: pandas or pyarrow is not installed.
    """
    try:
        import pandas  # noqa: F401
    except ImportError as error:
        raise ImportError("to_pandas needs pandas: pip install pandas") from error
    return to_arrow(answers).to_pandas()


def to_polars(answers: Iterable[Resolution | Failure]) -> polars.DataFrame:
    """A `polars.DataFrame` of the answers.

    Raises:
        ImportError: polars or pyarrow is not installed.
    """
    try:
        import polars
    except ImportError as error:
        raise ImportError("to_polars needs polars: pip install polars") from error
    return polars.from_arrow(to_arrow(answers))


def build_arrow_schema() -> pyarrow.Schema:
    """The Arrow schema of a row; Parquet files have it too.

    Raises:
        ImportError: pyarrow is not installed.
    """
    pyarrow = _import_pyarrow("an Arrow table")
    return pyarrow.schema([(key, _build_type(key, pyarrow)) for key in ROW_KEYS])


def _import_pyarrow(purpose: str) -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise ImportError(f"{purpose} needs pyarrow: pip install 'hubresolve[parquet]'") from error
    return pyarrow


def _build_type(key: str, pyarrow: Any) -> Any:
    text = pyarrow.string()
    if key in FLAG_KEYS:
        return pyarrow.bool_()
    if key in NUMBER_KEYS:
        return pyarrow.int64()
    if key in LIST_KEYS:
        return pyarrow.list_(text)
    if key in _STRUCTS:
        return pyarrow.struct([(name, text) for name in _STRUCTS[key]])
    if key in _LISTS_OF_STRUCTS:
        return pyarrow.list_(pyarrow.struct([(name, text) for name in _LISTS_OF_STRUCTS[key]]))
    return text
