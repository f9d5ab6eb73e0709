"""`NamedCode`: what was found in a repo's files. Pure data."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct


class NamedCode(Struct, frozen=True, kw_only=True, gc=False):
    """`code`: what would run, "file.py", "file.py of org/name", or "module.name (the file that names it)".
    `elsewhere`: names of other repos or of paths outside this one. `unreadable`: files that our parser cannot read, so
    that nobody knows what they name; each has the reason in brackets.
    """

    code: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()


NO_NAMED_CODE = NamedCode()


def join_findings(parts: Iterable[NamedCode]) -> NamedCode:
    """All findings as one, each once, in the order found."""
    parts = tuple(part for part in parts if part.code or part.elsewhere or part.unreadable)
    if not parts:
        return NO_NAMED_CODE
    return NamedCode(
        code=_join(part.code for part in parts),
        elsewhere=_join(part.elsewhere for part in parts),
        unreadable=_join(part.unreadable for part in parts),
    )


def parse_class_path(reference: str) -> str:
    """The file that defines `modeling.Class`, or `org/name--modeling.Class`."""
    repo_id, separator, name = reference.rpartition("--")
    file = name.rpartition(".")[0].replace(".", "/") + ".py"
    return f"{file} of {repo_id}" if separator else file


def is_plain_path(path: str) -> bool:
    """Whether a path stays in the repo: relative, and with no way up."""
    return not path.startswith(("/", "~")) and "\\" not in path and ":" not in path and ".." not in path.split("/")


def _join(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for group in groups for item in group))
