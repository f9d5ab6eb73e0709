"""`LookupContext`: what every part of the lookup works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from registry.registry import Registry
from resolver.hooks.hooks import Hooks
from resolver.hub.connection import Connection
from resolver.settings import FilledSettings
from store.store import MetadataStore


@dataclass(frozen=True, slots=True, kw_only=True)
class LookupContext:
    """`clock` gives seconds since 1970, UTC. `hooks` never raise."""

    settings: FilledSettings
    registry: Registry
    store: MetadataStore
    connection: Connection
    clock: Callable[[], float]
    hooks: Hooks | None
