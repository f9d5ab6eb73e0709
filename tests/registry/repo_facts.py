"""Builds repo facts for the tests of the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from registry.facts import ABSENT_FILE, CommitFacts, FileState, HubHints, RepoFacts, SmallFile

PT = "model.safetensors"


def read(content: Any) -> SmallFile:
    """A small file that was fetched and parsed."""
    return SmallFile(state=FileState.READ, content=content)


def unreadable(problem: str) -> SmallFile:
    """A small file that exists, but is not JSON."""
    return SmallFile(state=FileState.UNREADABLE, problem=problem)


def inaccessible(problem: str = "the repo is gated") -> SmallFile:
    """A small file that the Hub refused to send."""
    return SmallFile(state=FileState.INACCESSIBLE, problem=problem)


def repo(
    architectures: Any = None,
    model_type: Any = None,
    *,
    tag: str | None = None,
    names: Sequence[str] = (PT,),
    library_name: str | None = None,
    tags: Sequence[str] = (),
    files: Mapping[str, SmallFile | Any] | None = None,
    config: Mapping[str, Any] | SmallFile | None = None,
    auto_map: Mapping[str, str] | None = None,
    **hints: Any,
) -> RepoFacts:
    """The facts of a repo with this `config.json`, these other files (each as content or `SmallFile`) and these hints.

    `names` are further file names. Without architectures, model type, `config` and `auto_map`, config.json is absent.
    """
    small_files = {
        path: value if isinstance(value, SmallFile) else read(value) for path, value in (files or {}).items()
    }
    if isinstance(config, SmallFile):
        small_files["config.json"] = config
    else:
        content: dict[str, Any] = dict(config or {})
        if architectures is not None:
            content["architectures"] = [architectures] if isinstance(architectures, str) else architectures
        if model_type is not None:
            content["model_type"] = model_type
        if auto_map is not None:
            content["auto_map"] = auto_map
        small_files["config.json"] = read(content) if content else ABSENT_FILE
    present = [path for path, file in small_files.items() if file.state is not FileState.ABSENT]
    return RepoFacts(
        commit=CommitFacts(filenames=tuple(sorted({*names, *present})), files=small_files),
        hints=HubHints(pipeline_tag=tag, library_name=library_name, tags=tuple(tags), **hints),
    )
