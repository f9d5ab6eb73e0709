"""`DamagedRows`: the damaged rows that were read, until they are removed."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables import facts, refs

MAX_REMEMBERED = 10_000
"""Most damaged rows that are removed together; the others are found again when they are read again."""

REMOVED = -(2**31)
"""The rank by which damaged facts are marked: any new facts of the commit replace them. They are not
deleted: refs refer to them by their row id, which SQLite would use again.
"""


class DamagedRows:
    """Keys of damaged rows. A decision is not among them: it is made again, and replaced by that."""

    def __init__(self) -> None:
        self.count = 0
        self._refs: set[int] = set()
        self._facts: set[int] = set()

    @property
    def has_rows(self) -> bool:
        """Whether any are to be removed."""
        return bool(self._refs or self._facts)

    def add_refs(self, keys: Collection[int]) -> None:
        """Remember damaged refs."""
        self._add(self._refs, keys)

    def add_facts(self, keys: Collection[int]) -> None:
        """Remember damaged facts."""
        self._add(self._facts, keys)

    def add_count(self, count: int) -> None:
        """Count damaged rows that need not be removed."""
        self.count += count

    async def remove(self, connection: AsyncConnection) -> None:
        """Remove the rows. They stay remembered until `forget_removed`: the transaction may fail."""
        for key in self._refs:
            await connection.execute(delete(refs).where(refs.c.key == key))
        for key in self._facts:
            await connection.execute(update(facts).where(facts.c.key == key).values(files_asked=REMOVED))

    def forget_removed(self) -> None:
        """Forget the rows, which are removed."""
        self._refs.clear()
        self._facts.clear()

    def _add(self, known: set[int], keys: Iterable[int]) -> None:
        for key in keys:
            self.count += 1
            # A row with a key of another type is not found by the key of what is put next.
            if type(key) is int and len(known) < MAX_REMEMBERED:
                known.add(key)
