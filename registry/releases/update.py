"""`RegistryUpdate`: the tables of one release of a library, as data that is kept, and the check of their form. Pure.

An update only adds: what the tables in force have is never taken away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from registry.errors import RegistryError

MAX_TABLE_BYTES = 10 * 2**20
"""The longest tables of one release, as JSON; those of transformers take 140 KB."""


class ReleaseError(RegistryError):
    """A release of a library cannot be read: it is damaged, too old, or written in a form that is not supported."""


class TransformersTables(Struct, frozen=True):
    """As `registry.releases.transformers` reads them; `mappings` is mapping -> model type -> architectures."""

    auto_classes: dict[str, str]
    mappings: dict[str, dict[str, tuple[str, ...]]]
    configs: dict[str, str]
    model_type_aliases: dict[str, str]
    architectures_elsewhere: dict[str, str]


class PipelineRow(Struct, frozen=True):
    """A pipeline class: its tasks, the main one first, and the auto class of each."""

    tasks: tuple[str, ...]
    auto: dict[str, str]


class DiffusersTables(Struct, frozen=True):
    """As `registry.releases.diffusers` reads them."""

    pipelines: dict[str, PipelineRow]
    families: dict[str, dict[str, str]]
    models: tuple[str, ...]


class TaskTypeRow(Struct, frozen=True):
    """A task type of PEFT."""

    task: str
    model_class: str


class PeftTables(Struct, frozen=True):
    """As `registry.releases.peft` reads them."""

    task_types: dict[str, TaskTypeRow]


class KindRow(Struct, frozen=True):
    """A kind of sentence-transformers model."""

    task: str
    tasks: tuple[str, ...]


class SentenceTransformersTables(Struct, frozen=True):
    """As `registry.releases.sentence_transformers` reads them."""

    kinds: dict[str, KindRow]
    model_type_aliases: dict[str, str]
    architectures: dict[str, str]
    namespaces: dict[str, str]
    modules: dict[str, Any]


Tables = TransformersTables | DiffusersTables | PeftTables | SentenceTransformersTables

_KINDS: Mapping[str, type[Tables]] = {
    "transformers": TransformersTables,
    "diffusers": DiffusersTables,
    "sentence_transformers": SentenceTransformersTables,
    "peft": PeftTables,
}

LIBRARIES = tuple(_KINDS)
"""The libraries whose releases can be read: the names of their packages, and in the registry."""


class RegistryUpdate(Struct, frozen=True, kw_only=True, gc=False):
    """The tables of one release: `tables` is JSON, `source` the name of the file or folder that they were read from.

    `read_at_s` is in seconds since 1970, UTC.
    """

    library: str
    version: str
    source: str
    read_at_s: int
    tables: bytes

    def decode(self) -> Tables:
        """The tables, checked for their form.

        Raises:
            ReleaseError: they have another form.
        """
        if self.library not in _KINDS or len(self.tables) > MAX_TABLE_BYTES:
            raise ReleaseError(f"the registry update of {self.library!r} is not one of this program")
        try:
            tables: Tables = msgspec.json.decode(self.tables, type=_KINDS[self.library])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ReleaseError(f"the registry update of {self.library} cannot be read: {error}") from error
        if isinstance(tables, TransformersTables):
            if not all(names for rows in tables.mappings.values() for names in rows.values()):
                raise ReleaseError(f"the registry update of {self.library} maps a model type to no class")
        return tables

    @classmethod
    def build(cls, library: str, version: str, tables: object, *, source: str, read_at_s: int) -> RegistryUpdate:
        """The update with `tables` as a reader of the library gives them; what is not kept is left out.

        Raises:
            ReleaseError: they are too large.
            ValueError: they have another form.
        """
        text = msgspec.json.encode(msgspec.convert(msgspec.to_builtins(tables), _KINDS[library]))
        if len(text) > MAX_TABLE_BYTES:
            raise ReleaseError(f"the tables of {library} {version} take {len(text):,} bytes; no release has so many")
        return cls(library=library, version=version, source=source, read_at_s=read_at_s, tables=text)
