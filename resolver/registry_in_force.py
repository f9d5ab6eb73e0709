"""Finds the registry that decisions are made by: the default one, or that of the settings, with the store's updates.

All workers of a store decide by the same tables.
"""

from __future__ import annotations

import logging

from registry.defaults import add_updates, default_registry
from registry.registry import Registry
from resolver.settings import Settings
from store.errors import StoreError, StoreMissingError
from store.store import MetadataStore

logger = logging.getLogger(__name__)


async def get_registry(store: MetadataStore, own: Registry | None = None) -> Registry:
    """The registry `own`, by default the one of this environment, with the updates of an open store."""
    return add_updates(own or default_registry(), await store.get_registry_updates())


async def find_registry(settings: Settings) -> Registry:
    """The registry in force with these settings. A store that does not exist is not created, and one that cannot be
    read is done without, with a warning.

    Raises:
        SettingsError: the settings, or the environment, are invalid.
    """
    filled = settings.fill()
    try:
        async with MetadataStore(filled.store, may_create=False) as store:
            return await get_registry(store, filled.registry)
    except StoreMissingError:
        pass
    except StoreError as error:
        logger.warning("the registry updates of the store are not used: %s", error)
    return filled.registry or default_registry()
