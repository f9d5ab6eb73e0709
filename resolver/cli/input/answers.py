"""Reads the answers that an earlier run wrote as JSON lines, CSV or Parquet, as rows with the values of JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import click

from resolver.cli.input.formats import ID_COLUMNS, read_rows
from resolver.render import FORMULA_STARTS
from resolver.row import FLAG_KEYS, LIST_KEYS, NUMBER_KEYS, ROW_KEYS

_MAX_DIGITS = 19
"""Of a number of 64 bits."""

_COLUMNS = (*dict.fromkeys((*ID_COLUMNS, *ROW_KEYS)), "error_code", "error_message")


def read_answers(path: str) -> Iterator[dict[str, Any]]:
    """The rows of a file ("-": standard input). A row has those keys that the file has, and always `repo_id`.

    Raises:
        click.UsageError: the file cannot be read, or is not the output of a run; the message names it.
    """
    try:
        if path != "-" and Path(path).is_dir():
            raise click.UsageError("it is a folder; give the file that a run of resolve wrote")
        for number, row in enumerate(read_rows(cast(BinaryIO, click.open_file(path, "rb")), _COLUMNS), start=1):
            try:
                yield parse_answer(row)
            except ValueError as error:
                raise click.UsageError(f"row {number:,}: {error}") from error
    except FileNotFoundError as error:
        raise click.UsageError(f"{path}: there is no such file") from error
    except OSError as error:
        raise click.UsageError(f"{path}: it cannot be read: {error.strerror}") from error
    except click.UsageError as error:
        raise click.UsageError(f"{path}: {error.message}") from error


def parse_answer(cells: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a mapping whose values are those of JSON, or the texts of CSV.

    Raises:
        ValueError: there is no repo id, or a value is not of the type that its key has.
    """
    repo_id = next((cells[name] for name in ID_COLUMNS if cells.get(name)), None)
    if not isinstance(repo_id, str):
        raise ValueError("it has no repo id")
    row: dict[str, Any] = {key: _parse_value(key, cells[key]) for key in ROW_KEYS if key in cells}
    row["repo_id"] = _undo_csv_safe(repo_id)
    if "error_code" in cells:
        code, message = cells["error_code"], cells.get("error_message")
        row["error"] = {"code": str(code), "message": str(message or "")} if code else None
    return row


def _parse_value(key: str, value: Any) -> Any:
    if value is None or value == "":
        # CSV has one spelling for null and for an empty list.
        return None
    if key in FLAG_KEYS:
        return _parse_flag(key, value)
    if key in NUMBER_KEYS:
        return _parse_number(key, value)
    if key in LIST_KEYS:
        items = _undo_csv_safe(value).split(";") if isinstance(value, str) else value
        return _check_list(key, items, str)
    if key == "candidates":
        return _check_list(key, _parse_candidates(value) if isinstance(value, str) else value, Mapping)
    if key == "error":
        return _parse_error(value)
    if not isinstance(value, str):
        raise ValueError(f"{key} is {value!r:.80}, and must be a text")
    return _undo_csv_safe(value)


def _parse_flag(key: str, value: Any) -> bool:
    known = {"true": True, "false": False}
    flag = known.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(flag, bool):
        raise ValueError(f"{key} is {value!r:.80}, and must be true or false")
    return flag


def _parse_number(key: str, value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS:
        return int(value)
    if type(value) is not int:
        raise ValueError(f"{key} is {value!r:.80}, and must be a whole number")
    return value


def _check_list(key: str, items: Any, kind: type) -> list[Any]:
    if not isinstance(items, list) or not all(isinstance(item, kind) for item in items):
        raise ValueError(f"{key} is {items!r:.80}, and must be a list")
    return items


def _parse_candidates(text: str) -> list[dict[str, str | None]]:
    pairs = (item.partition("=") for item in _undo_csv_safe(text).split(";"))
    return [{"task": task, "model_class": model_class or None} for task, _, model_class in pairs]


def _parse_error(value: Any) -> dict[str, str]:
    """An error of JSON, or of a table in a pipe: "code: message"."""
    if isinstance(value, Mapping) and isinstance(value.get("code"), str):
        return {"code": value["code"], "message": str(value.get("message") or "")}
    if isinstance(value, str):
        code, _, message = _undo_csv_safe(value).partition(": ")
        return {"code": code, "message": message}
    raise ValueError(f"error is {value!r:.80}, and must have a code and a message")


def _undo_csv_safe(text: str) -> str:
    """A cell as it was before `--csv-safe` put "'" before what a spreadsheet would take for a formula."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA_STARTS) else text
