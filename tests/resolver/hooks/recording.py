"""Hooks that keep what they are told."""

from __future__ import annotations

from resolver import EndedRequest, Hooks, Lookups, Retry, Wait


class RecordingHooks(Hooks):
    """Everything, in order."""

    def __init__(self) -> None:
        self.requests: list[EndedRequest] = []
        self.lookups: list[Lookups] = []
        self.waits: list[Wait] = []
        self.retries: list[Retry] = []

    def on_request(self, request: EndedRequest, /) -> None:
        self.requests.append(request)

    def on_lookups(self, lookups: Lookups, /) -> None:
        self.lookups.append(lookups)

    def on_wait(self, wait: Wait, /) -> None:
        self.waits.append(wait)

    def on_retry(self, retry: Retry, /) -> None:
        self.retries.append(retry)

    def count_lookups(self) -> dict[str, tuple[int, int]]:
        """Hits and misses of each cache."""
        counted: dict[str, tuple[int, int]] = {}
        for item in self.lookups:
            hits, misses = counted.get(item.cache, (0, 0))
            counted[item.cache] = (hits + item.hits, misses + item.misses)
        return counted
