"""`Counts` and `LoggedRequest`: counters and log entries of the requests to a local Hub."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRequest:
    """One request. `path` is unchanged, with its query; `port` is that of the Hub or of its second origin."""

    method: str
    path: str
    headers: Mapping[str, str]
    kind: str
    bucket: str
    port: int
    status: int


@dataclass(slots=True)
class Counts:
    """Numbers of requests: total, by bucket (`api`, `resolvers`, `pages`, `cdn`), by kind of route and by status."""

    total: int = 0
    bucket: Counter[str] = field(default_factory=Counter)
    kind: Counter[str] = field(default_factory=Counter)
    status: Counter[int] = field(default_factory=Counter)

    def reset(self) -> None:
        """Set all counters to zero."""
        self.total = 0
        self.bucket.clear()
        self.kind.clear()
        self.status.clear()

    def as_json(self) -> dict[str, Any]:
        """The counters as a JSON object."""
        return {
            "total": self.total,
            "bucket": dict(self.bucket),
            "kind": dict(self.kind),
            "status": {str(status): count for status, count in self.status.items()},
        }
