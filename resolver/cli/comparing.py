"""Compares the answers of two runs. Pure."""

from __future__ import annotations

import enum
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resolver.render import render_cell
from resolver.repo_id import DEFAULT_REVISION

Row = Mapping[str, Any]

COMPARED_KEYS = ("commit_hash", "library", "task", "framework", "model_class", "error")
"""The keys that are compared where none are chosen."""


class Event(enum.StrEnum):
    """What happened to a repo between two runs."""

    NEW = "new"
    """Only the later run has the repo."""
    GONE = "gone"
    """Only the earlier run has the repo."""
    FAILED = "failed"
    """The repo was answered, and is an error now."""
    RECOVERED = "recovered"
    """The repo was an error, and is answered now."""
    MOVED = "moved"
    """The revision leads to another commit; nothing else that is compared is different."""
    CHANGED = "changed"
    """Another of the compared values is different."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is different in one repo at one revision: each key with its old and new value, None where there is none."""

    repo_id: str
    revision: str
    event: Event
    values: Mapping[str, tuple[Any, Any]]

    def to_dict(self) -> dict[str, Any]:
        """The change as plain values."""
        return {
            "repo_id": self.repo_id,
            "revision": self.revision,
            "event": self.event.value,
            "changes": {key: {"old": old, "new": new} for key, (old, new) in self.values.items()},
        }


Name = tuple[str, str]
"""A repo id and a revision."""


class ComparedRun:
    """The compared values of a run's rows, by repo and revision. Of several rows of one repo the last one counts."""

    def __init__(self, rows: Iterable[Row] = (), keys: Sequence[str] = COMPARED_KEYS) -> None:
        self.keys = tuple(keys)
        self.present: set[str] = set()
        """The keys that at least one row has: a file may hold chosen columns only."""
        self.rows: dict[Name, tuple[Any, ...]] = {}
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> Name:
        """Add the values of a row; its repo and revision."""
        self.present.update(key for key in self.keys if key in row)
        name = get_name(row)
        self.rows[name] = tuple(_share(key, row.get(key)) for key in self.keys)
        return name


def _share(key: str, value: Any) -> Any:
    """The same text for all rows that have it: libraries, tasks and classes are few, commits are not."""
    return sys.intern(value) if type(value) is str and key != "commit_hash" else value


def compare(old: ComparedRun, new: ComparedRun, keys: Sequence[str] = COMPARED_KEYS) -> Iterator[Change]:
    """What is different: repos of `new` in its order, then those that are gone. Both are of these `keys`.

    A key is compared where both runs have it.
    """
    shared = {key for key in keys if key in old.present and key in new.present}
    for name in [*new.rows, *(name for name in old.rows if name not in new.rows)]:
        if (change := compare_repo(name, old.rows.get(name), new.rows.get(name), keys, shared)) is not None:
            yield change


def compare_repo(
    name: Name, old: Sequence[Any] | None, new: Sequence[Any] | None, keys: Sequence[str], shared: Collection[str]
) -> Change | None:
    """What is different in one repo, from the values of `keys` in two runs, None where a run does not have it.

    `shared` are the keys that both runs have.
    """
    nothing = (None,) * len(keys)
    is_new, is_gone = old is None, new is None
    pairs = zip(keys, old or nothing, new or nothing, strict=True)
    values = {
        key: (before, after)
        for key, before, after in pairs
        if (is_new or is_gone or key in shared) and _differ(before, after)
    }
    if is_new or is_gone:
        return Change(*name, Event.NEW if is_new else Event.GONE, values)
    return Change(*name, _name_event(values), values) if values else None


def count_events(changes: Iterable[Change]) -> Counter[Event]:
    """How often each event occurs."""
    return Counter(change.event for change in changes)


def get_name(row: Row) -> Name:
    """Repo and revision. A folder and an id that was refused have no revision: they are compared by name."""
    return row["repo_id"], row.get("revision") or DEFAULT_REVISION


def _differ(old: Any, new: Any) -> bool:
    """Whether two values mean something different. Of an error only the code counts: messages tell times and limits.

    Lists are compared as CSV has them, and false and an empty list are nothing: the row of an error has null for both.
    """
    return bool(_normalize(old) != _normalize(new))


def _normalize(value: Any) -> Any:
    if isinstance(value, Mapping):
        return value["code"]
    return render_cell(value) if isinstance(value, list) and value else value or None


def _name_event(values: Mapping[str, tuple[Any, Any]]) -> Event:
    if "error" in values:
        old, new = values["error"]
        if old is None:
            return Event.FAILED
        if new is None:
            return Event.RECOVERED
    return Event.MOVED if set(values) == {"commit_hash"} else Event.CHANGED
