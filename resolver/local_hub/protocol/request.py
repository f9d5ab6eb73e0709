"""`HubRequest`: a request with parsed path, query and form, independent of the HTTP library. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, quote

from resolver.local_hub.protocol.access import Caller
from resolver.local_hub.protocol.routing import Route

_TRUE: Final = ("true", "1", "True")


class Query:
    """A parsed query string; keys may repeat."""

    __slots__ = ("pairs", "raw")

    def __init__(self, raw: str) -> None:
        self.raw = raw
        self.pairs = tuple(parse_qsl(raw, keep_blank_values=True))

    def get(self, key: str) -> str | None:
        """The first value of a key; None where it was not sent."""
        return next((value for name, value in self.pairs if name == key), None)

    def get_all(self, *keys: str) -> tuple[str, ...]:
        """All values of any of these keys, in order."""
        return tuple(value for name, value in self.pairs if name in keys)

    def is_true(self, key: str) -> bool:
        """Whether a flag was sent as true."""
        return self.get(key) in _TRUE

    @property
    def expand(self) -> tuple[str, ...]:
        """The values of `expand` and `expand[]`."""
        return self.get_all("expand", "expand[]")

    def replace(self, key: str, value: str) -> str:
        """The query text with one key set to a value."""
        pairs = [*(pair for pair in self.pairs if pair[0] != key), (key, value)]
        return "&".join(f"{quote(name, safe='')}={quote(text, safe='')}" for name, text in pairs)


parse_query = lru_cache(maxsize=1024)(Query)
"""Cached: clients send the same query text with thousands of requests."""


@dataclass(slots=True)
class HubRequest:
    """One request. `origin` is `http://host:port` as the client sent it; `form` holds the `paths` of a POST."""

    method: str
    route: Route
    query: Query
    headers: Mapping[str, str]
    caller: Caller
    origin: str
    raw_path: str
    form: Mapping[str, tuple[str, ...]]
