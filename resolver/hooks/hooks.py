"""`Hooks`: methods of a program that are called while its resolvers work, and the values that they get."""

from __future__ import annotations

import logging
from typing import Literal

from msgspec import Struct

from resolver.redaction import without_secrets

logger = logging.getLogger(__name__)


class EndedRequest(Struct, frozen=True, kw_only=True, gc=False):
    """A request to the Hub that has ended.

    `bucket`: what the Hub counts it in (`api`, `resolvers`). `status`: of the response, None where none came.
    `duration_s`: from sending it to the last byte, without the wait before. `body_bytes`: what the body takes in
    memory; the network may have carried less, since bodies are compressed. `redirects`: requests more than one.
    """

    bucket: str
    status: int | None
    duration_s: float
    body_bytes: int
    redirects: int


class Lookups(Struct, frozen=True, kw_only=True, gc=False):
    """Requests of callers that were looked up in a cache: hits were answered from there, misses were not.

    `cache`: `answers` for the answer cache of the process, which tells hits only, `store` for the store.
    """

    cache: Literal["answers", "store"]
    hits: int
    misses: int


class Wait(Struct, frozen=True, kw_only=True, gc=False):
    """A wait that begins now, and lasts `wait_s` unless its caller is cancelled.

    `reason`: `quota` where the Hub's quota is used up, `server` where the server asked for it with a status such as
    503, `down` while the Hub does not answer, `backoff` before another attempt.
    """

    bucket: str
    reason: Literal["quota", "server", "down", "backoff"]
    wait_s: float


class Retry(Struct, frozen=True, kw_only=True, gc=False):
    """Another attempt is made after a wait. `failed_attempts`: so many have failed. `code`: of the last one's error."""

    bucket: str
    failed_attempts: int
    code: str


class Hooks:
    """What a resolver calls while it works. Inherit from it, and define the methods that you need.

    - A hook is called in the thread that has something to tell: mostly that of the event loop, which waits meanwhile.
      One object may serve any number of resolvers, and so any number of threads.
    - A hook that raises does not break the work: the first error of each method is logged as a
      warning.
    - No value holds a token, a password, a URL or the id of a repo.
    """

    def on_request(self, request: EndedRequest, /) -> None:
        """A request to the Hub has ended."""

    def on_lookups(self, lookups: Lookups, /) -> None:
        """Requests were looked up in a cache."""

    def on_wait(self, wait: Wait, /) -> None:
        """A wait begins."""

    def on_retry(self, retry: Retry, /) -> None:
        """A request is sent once more."""


class GuardedHooks(Hooks):
    """Hooks that never raise."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._has_failed: set[str] = set()

    def on_request(self, request: EndedRequest, /) -> None:
        """Passed on."""
        self._call("on_request", request)

    def on_lookups(self, lookups: Lookups, /) -> None:
        """Passed on."""
        self._call("on_lookups", lookups)

    def on_wait(self, wait: Wait, /) -> None:
        """Passed on."""
        self._call("on_wait", wait)

    def on_retry(self, retry: Retry, /) -> None:
        """Passed on."""
        self._call("on_retry", retry)

    def _call(self, name: str, value: EndedRequest | Lookups | Wait | Retry) -> None:
        try:
            getattr(self._hooks, name)(value)
        except Exception as error:
            if name not in self._has_failed:
                self._has_failed.add(name)
                problem = "the hook %s raised an error; its further errors are not logged"
                logger.warning(problem, name, exc_info=without_secrets(error))
