"""Reads the tables of a release as a `RegistryUpdate`. The release is found by `registry.releases.files`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from registry.releases.diffusers import diffusers_table
from registry.releases.files import Release
from registry.releases.peft import peft_table
from registry.releases.sentence_transformers import sentence_transformers_table
from registry.releases.sources import Source
from registry.releases.transformers import read_model_tables
from registry.releases.update import RegistryUpdate, ReleaseError

_READERS: Mapping[str, Callable[[Source], dict[str, object]]] = {
    "transformers": read_model_tables,
    "diffusers": functools.partial(diffusers_table, is_strict=False),
    "sentence_transformers": sentence_transformers_table,
    "peft": peft_table,
}


def read_release(release: Release, *, read_at_s: int) -> RegistryUpdate:
    """The tables of a release, read from its source text; nothing is imported or run.

    Raises:
        ReleaseError: a table is missing, or written in a form that is not supported.
    """
    library, source = release.library, release.source
    try:
        tables = _READERS[library](source)
        return RegistryUpdate.build(library, source.version, tables, source=release.name, read_at_s=read_at_s)
    except (OSError, SyntaxError, ValueError, TypeError, LookupError, StopIteration, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ReleaseError(f"the tables of {library} {source.version} cannot be read ({reason})") from error
