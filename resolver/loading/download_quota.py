"""`DownloadWatch`: passes on what the Hub says of its quota in the responses that huggingface_hub gets.

From release 1 on huggingface_hub sends all requests by one client, which calls hooks; earlier releases tell nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit


class DownloadWatch:
    """Watches the downloads from one endpoint. `record` is called with the headers of a response, in any thread."""

    def __init__(self, endpoint: str, record: Callable[[Mapping[str, str]], None]) -> None:
        self._origin = urlsplit(endpoint).netloc
        self._record = record

    def start(self) -> None:
        """Watch the client that huggingface_hub has now; a program may give it another one later."""
        hooks = _find_hooks()
        if hooks is not None and self._see not in hooks:
            hooks.append(self._see)

    def stop(self) -> None:
        """Watch no more."""
        hooks = _find_hooks()
        if hooks is not None and self._see in hooks:
            hooks.remove(self._see)

    def _see(self, response: Any) -> None:
        if response.url.netloc.decode("ascii", "replace") == self._origin:
            self._record(response.headers)


def _find_hooks() -> list[Any] | None:
    from huggingface_hub import get_session

    hooks = getattr(get_session(), "event_hooks", None)
    return hooks.get("response") if isinstance(hooks, dict) else None
