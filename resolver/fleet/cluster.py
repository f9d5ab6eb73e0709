"""Checks that Ray is there, and that its workers can share the store."""

from __future__ import annotations

from typing import Any

from resolver.errors import SettingsError
from resolver.settings import Settings


def import_ray() -> Any:
    """The package `ray`.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise ImportError("resolver.fleet needs Ray: pip install 'hubresolve[ray]'") from error
    return ray


def check_shared_store(settings: Settings, *, reason: str | None = None) -> None:
    """Refuse a store that the machines of a cluster cannot share. `reason` says why it has to be shared; by default
    because the cluster that this process is connected to has several machines.

    Raises:
        SettingsError: the store is a SQLite file, and it has to be shared.
    """
    store = str(settings.fill().store)
    if store.startswith("postgresql"):
        return
    if reason is None:
        nodes = sum(bool(node["Alive"]) for node in import_ray().nodes())
        reason = f"the Ray cluster has {nodes} machines" if nodes > 1 else None
    if reason is not None:
        raise SettingsError(
            f"{reason}, and a SQLite store ({store}) is a file of one machine: each would ask the Hub for everything "
            "and use up the quota; give a PostgreSQL store, for example --store postgresql://USER@HOST/DATABASE"
        )
