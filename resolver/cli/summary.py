"""Counts what came out of a run, and renders it as the lines that a run ends with. Pure."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from resolver.hub.response import Bucket

SUMMARY_KEYS = (
    *("source", "library", "task", "model_class", "undecided", "error"),
    *("conflict", "requires_remote_code", "partial", "stale"),
)
"""The keys of a row that are read."""

MAX_DISTINCT = 1_000
"""Different values that are counted by name; what repos say could be different in each of them."""

MAX_SHOWN = 12
"""Values of one line at the end of a run; a summary that was asked for shows all."""

WIDTH = 80
_LABEL_WIDTH = 13
_OTHERS = "others"
_KEEP = "\0"
"""Stands for a space at which no line is broken."""


def _count(counter: Counter[str], value: str) -> None:
    counter[value if value in counter or len(counter) < MAX_DISTINCT else _OTHERS] += 1


@dataclass(slots=True)
class Summary:
    """The counts of a run's rows."""

    sources: Counter[str] = field(default_factory=Counter)
    libraries: Counter[str] = field(default_factory=Counter)
    tasks: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)
    undecided: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    """Conflicts, remote code, partial and stale answers."""

    @property
    def total(self) -> int:
        """How many rows were counted."""
        return self.sources.total() + self.failed

    @property
    def failed(self) -> int:
        """How many of them are errors."""
        return self.errors.total()

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one row."""
        if row["error"] is not None:
            _count(self.errors, row["error"]["code"])
            return
        _count(self.sources, row["source"])
        _count(self.libraries, row["library"] or "unknown")
        if row["task"] is not None:
            _count(self.tasks, row["task"])
        if row["model_class"] is not None:
            _count(self.classes, row["model_class"])
        if row["undecided"] is not None:
            _count(self.undecided, row["undecided"])
        for key, name in _MARKS.items():
            if row[key]:
                _count(self.marks, name)

    def render(self, *, shows_all: bool = False) -> str:
        """Lines of at most 80 columns: one value with its count after the other, the most frequent first."""
        max_shown = None if shows_all else MAX_SHOWN
        lines = [
            *_render_counts("library", self.libraries, max_shown),
            *_render_counts("task", self.tasks, max_shown),
            *_render_counts("class", self.classes, max_shown),
            *_render_reasons("undecided", self.undecided, max_shown),
            *_render_counts("marked", self.marks, max_shown),
            *_render_counts("errors", self.errors, max_shown),
        ]
        return "".join(f"{line}\n" for line in lines)


_MARKS = {"conflict": "conflict", "requires_remote_code": "needs remote code", "partial": "partial", "stale": "stale"}


def _render_counts(label: str, counts: Counter[str], max_shown: int | None) -> list[str]:
    if not counts:
        return []
    shown = [f"{value.replace(' ', _KEEP)}{_KEEP}{count:,}" for value, count in _order(counts)[:max_shown]]
    return _wrap(label, ", ".join([*shown, *_mention_rest(counts, max_shown)]))


def _render_reasons(label: str, counts: Counter[str], max_shown: int | None) -> list[str]:
    """As `_render_counts`, but a line for each: reasons are sentences."""
    if not counts:
        return []
    shown = [f"{count:,}: {value}" for value, count in _order(counts)[:max_shown]]
    lines = [line for item in [*shown, *_mention_rest(counts, max_shown)] for line in _wrap("", item)]
    return [label.ljust(_LABEL_WIDTH) + lines[0].lstrip(), *lines[1:]]


def _order(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (item[0] == _OTHERS, -item[1], item[0]))


def _mention_rest(counts: Counter[str], max_shown: int | None) -> list[str]:
    rest = len(counts) - max_shown if max_shown is not None else 0
    return [f"and {rest:,} more"] if rest > 0 else []


def _wrap(label: str, text: str) -> list[str]:
    lines = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=label.ljust(_LABEL_WIDTH),
        subsequent_indent=" " * _LABEL_WIDTH,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_KEEP, " ") for line in lines]


def render_totals(
    summary: Summary,
    *,
    requests: Mapping[str, int],
    quota_left: Mapping[str, int],
    elapsed_s: float,
    longest_wait_s: float,
) -> str:
    """How many repos in what time, where the answers came from, and the requests that were sent; in 80 columns."""
    sources = ", ".join(f"{count:,} from {name}" for name, count in summary.sources.most_common())
    sent = ", ".join(
        f"{count:,} {Bucket(bucket).noun}{_render_left(quota_left.get(bucket))}" for bucket, count in requests.items()
    )
    waited = f"; longest wait for the Hub: {longest_wait_s:.0f} s" if longest_wait_s >= 1 else ""
    repos = "repo" if summary.total == 1 else "repos"
    text = (
        f"{summary.total:,} {repos} in {elapsed_s:.1f} s ({summary.total / max(elapsed_s, 1e-9):.0f} a second): "
        f"{sources or 'none answered'}; {summary.failed:,} failed; requests: {sent or 'none'}{waited}"
    )
    return "\n".join(textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False))


def _render_left(left: int | None) -> str:
    return "" if left is None else f" ({left:,} left)"
