"""Chooses the worker for each model by the bytes that it will take. Pure.

A model goes to the smallest kind of worker that can hold it, and there to the worker with the least work. A worker is
given a few models ahead, so that it fetches the files of the next ones while one runs.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class WorkerState:
    """What one worker is doing. `max_resident_bytes`: of all models that it holds at once; None: no limit.
    `assigned` is the size in bytes of each model that it was given and has not finished, 0 where it is not known.
    `is_exclusive`: it gets no other model until one that must be alone there is done. `is_down`: it died, and is being
    started again.
    """

    max_resident_bytes: int | None
    max_assigned: int
    assigned: dict[Hashable, int] = field(default_factory=dict)
    is_exclusive: bool = False
    is_down: bool = False

    def can_hold(self, size_bytes: int | None) -> bool:
        """Whether a model of this size (None: not known) fits at all."""
        return self.max_resident_bytes is None or size_bytes is None or size_bytes <= self.max_resident_bytes

    def has_room(self, *, alone: bool) -> bool:
        """Whether it can be given one more model now; one that must be alone waits there until the others are done."""
        return not (self.is_exclusive or self.is_down) and (alone or len(self.assigned) < self.max_assigned)

    def assign(self, key: Hashable, size_bytes: int | None, *, alone: bool) -> None:
        """Give it a model."""
        self.assigned[key] = size_bytes or 0
        self.is_exclusive = alone

    def finish(self, key: Hashable) -> None:
        """Take a model from it that is done, or lost."""
        del self.assigned[key]
        self.is_exclusive = False


def choose_worker(workers: Iterable[WorkerState], size_bytes: int | None, *, alone: bool = False) -> WorkerState | None:
    """The worker for a model of this size; None where none of those that can hold it has room now."""
    fitting = [worker for worker in workers if worker.can_hold(size_bytes)]
    # Larger workers are for what fits nowhere else, unless they idle.
    ready = [worker for worker in fitting if worker.has_room(alone=alone)]
    return min(ready, key=lambda worker: (bool(worker.assigned), *_rank(worker)), default=None)


def find_largest(workers: Iterable[WorkerState]) -> int | None:
    """The bytes of the largest worker; None where one has no limit."""
    limits = [worker.max_resident_bytes for worker in workers]
    return None if None in limits else max(limit for limit in limits if limit is not None)


def _rank(worker: WorkerState) -> tuple[float, int, int]:
    limit = worker.max_resident_bytes
    return (float("inf") if limit is None else limit, len(worker.assigned), sum(worker.assigned.values()))
