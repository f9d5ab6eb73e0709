"""Finds the library that a repo is named after: by `library_name`, or by the tags where the Hub gives none. Pure."""

from __future__ import annotations

from msgspec import Struct

from registry.facts import RepoFacts
from registry.registry import Registry
from registry.tables.weights import FORMAT_TAGS

WRAPPER_TAG = "sentence-transformers"
"""The tag of the library that wraps any transformers model: it counts wherever it stands among the tags."""

_ENGINES = frozenset({"sglang", "vllm"})
"""Names of programs that run the models of other libraries: where the files are known, these tell the library."""

_FILE_FORMATS = frozenset(FORMAT_TAGS) - {"mlx"}
"""Tags of file formats that are no libraries; `mlx` is both."""


class NamedLibrary(Struct, frozen=True, kw_only=True, gc=False):
    """A library as it is named, in any spelling, and `source`: the field or tag that names it."""

    name: str
    source: str


def find_named_library(facts: RepoFacts, registry: Registry) -> NamedLibrary | None:
    """The library that the hints name; None where they name none.

    The Hub lists the library first, then the formats of the files, then all other tags; a repo without a library has
    any of these first. So a first tag must be a known name, or, where the tags are all that is known, stand before the
    formats.
    """
    hints, has_files = facts.hints, facts.commit.has_all_names
    if hints.library_name is not None and not (has_files and hints.library_name.lower() in _ENGINES):
        return NamedLibrary(name=hints.library_name, source=f"library_name {hints.library_name}")
    first, second = (*hints.tags, "", "")[:2]
    if first not in _FILE_FORMATS and _is_library_name(first, registry):
        return NamedLibrary(name=first, source=f"first tag {first}")
    if WRAPPER_TAG in hints.tags:
        return NamedLibrary(name=WRAPPER_TAG, source=f"tag {WRAPPER_TAG}")
    if not has_files and first in _ENGINES:
        return NamedLibrary(name=first, source=f"first tag {first}")
    is_before_formats = first not in FORMAT_TAGS and second in FORMAT_TAGS and ":" not in first
    if not has_files and is_before_formats and registry.find_task(first) is None:
        return NamedLibrary(name=first, source=f"tag {first}, before the file formats")
    return None


def _is_library_name(tag: str, registry: Registry) -> bool:
    """Whether a tag is a library's name, in the letter case that the library uses."""
    library = registry.library_names.get(tag.lower())
    return library is not None and tag in registry.libraries[library].names
