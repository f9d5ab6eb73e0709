"""Renders answers as CSV, and as an explanation for a reader. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from resolver.resolution import Resolution
from resolver.row import ROW_KEYS

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
"""The controls C0 and C1, DEL, line separators, and characters that are invisible or change the direction of text."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""First characters of a cell that a spreadsheet evaluates as a formula (OWASP, CSV Injection)."""

_encode_json = msgspec.json.Encoder().encode


def render_json_line(value: object) -> str:
    """A row, or another value, as one line of JSON.

    Characters that control a terminal or the direction of text are escaped.
    """
    line = _encode_json(value).decode()
    # The encoder itself escapes those below U+0020.
    return line if line.isprintable() else _UNPRINTABLE.sub(_escape_for_json, line)


def _escape_for_json(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def render_csv_header(columns: Sequence[str] | None = None) -> str:
    """The first line of CSV, with these keys of a row; None: all."""
    return _csv_line(_list_csv_keys(columns))


def render_csv_line(row: Mapping[str, Any], columns: Sequence[str] | None = None, *, is_safe: bool = False) -> str:
    """One line of CSV: lists are joined by ";", booleans are "true" and "false", a candidate is "task=class".

    Control characters are escaped, so that an answer is one line. `is_safe`: a cell that a spreadsheet would take for a
    formula begins with "'".
    """
    error = row["error"] or {"code": None, "message": None}
    values = {**row, "error_code": error["code"], "error_message": error["message"]}
    keys = _list_csv_keys(columns)
    cells = (_UNPRINTABLE.sub(lambda match: _escape(match[0]), render_cell(values[key])) for key in keys)
    return _csv_line(f"'{cell}" if is_safe and cell.startswith(FORMULA_STARTS) else cell for cell in cells)


def _list_csv_keys(columns: Sequence[str] | None) -> tuple[str, ...]:
    keys = ROW_KEYS if columns is None else columns
    return tuple(name for key in keys for name in (("error_code", "error_message") if key == "error" else (key,)))


def render_cell(value: Any) -> str:
    """A value of a row as text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ";".join(map(_render_item, value))
    return str(value)


def _render_item(item: Any) -> str:
    return f"{item['task']}={item['model_class'] or ''}" if isinstance(item, dict) else str(item)


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def render_explanation(answer: Resolution, now_s: float) -> str:
    """An answer with every step of its decision, in lines for a reader. `now_s` is in seconds since 1970, UTC."""
    decision = answer.decision
    where = f"{answer.canonical_id or answer.repo_id}"
    if answer.commit_hash:
        where += f" at {answer.commit_hash} ({answer.revision})"
    lines = [where, f"  facts from        {answer.source}"]
    if answer.checked_at_s is not None:
        stale = ", stale: the Hub was not asked, or did not answer" if answer.stale else ""
        lines.append(f"  checked           {describe_age(answer.checked_at_s, now_s)}{stale}")
    lines.append("")
    rows = (
        ("library", decision.library),
        ("task", decision.task),
        ("model class", decision.model_class),
        ("architecture", decision.architecture),
        ("model type", decision.model_type),
        ("framework", decision.framework),
        ("weights", ", ".join(decision.weights) or None),
        ("weight bytes", _format_number(answer.weight_bytes)),
        ("parameters", _format_number(answer.parameters)),
        ("pipeline tag", answer.pipeline_tag),
        ("library name", answer.library_name),
        ("base models", ", ".join(decision.base_models) or None),
    )
    lines += [f"  {name:<17} {value if value is not None else '-'}" for name, value in rows]
    if decision.undecided:
        lines.append(f"  undecided         {decision.undecided}")
    if decision.conflict:
        lines.append("  conflict          the pipeline tag names a task that the architecture cannot serve")
    if decision.ambiguous:
        lines.append("  ambiguous         the config names several architectures")
    if decision.requires_remote_code:
        lines.append("  remote code       loading it would run code from the repo")
    lines += [f"  note              {note}" for note in decision.notes]
    lines += ["", "  why"]
    lines += [
        f"  {number}. {item.rule}: saw {item.saw}; concluded {item.said}"
        for number, item in enumerate(decision.evidence, start=1)
    ]
    if decision.candidates:
        lines += ["", "  other tasks it can serve"]
        lines += [f"  - {item.task} with {item.model_class or '?'}" for item in decision.candidates]
    return make_printable("\n".join(lines)) + "\n"


def _format_number(value: int | None) -> str | None:
    return f"{value:,}" if value is not None else None


def describe_age(seconds: float, now_s: float) -> str:
    """How long ago `seconds` was, in words; both are seconds since 1970, UTC."""
    passed_s = max(0, int(now_s - seconds))
    for unit, length_s in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if count := passed_s // length_s:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def make_printable(text: str) -> str:
    """`text` with control characters escaped, but for line ends: text from a repo must not control a terminal."""
    return "\n".join(map(_escape_unprintable, text.split("\n")))


def _escape_unprintable(text: str) -> str:
    return text if text.isprintable() else "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    """`char` as in a Python string, such as "\\x1b" for an escape character."""
    return char.encode("unicode_escape").decode()
