"""`Library`: how a library of the ecosystem is called, recognised and used. Pure data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """One library whose models are on the Hub.

    `names` are the spellings it is called by in `library_name` and tags. A repo is recognised by its files where it
    has one of `files` (whole paths), all of `together`, or one that ends in one of `suffixes`, or where its
    `config.json` has one of `model_types`, which no other library uses; `ambiguous` says that other libraries use
    such files too, so that they count only where nothing else speaks. `framework` is what its weights are, where the
    files do not tell. `tasks` are the tasks it can serve, the default first; empty: any. `model_class` is the class
    or function that loads its models, `module` where it is imported from.
    """

    names: tuple[str, ...]
    files: tuple[str, ...] = ()
    together: tuple[str, ...] = ()
    model_types: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    ambiguous: bool = False
    framework: str | None = None
    tasks: tuple[str, ...] = ()
    model_class: str | None = None
    module: str | None = None
