"""`CallerResolvers`: a resolver for each caller that sends a token of its own; nobody else's answers come from it.

A token is kept in memory while its resolver is open, and nowhere else: what its resolver stores is in the token's
scope, whose name is a keyed hash.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from resolver.limits import Limits
from resolver.redaction import Secret, forget_secret, without_secrets
from resolver.resolver import Resolver
from resolver.settings import Settings

logger = logging.getLogger(__name__)


class CallersFullError(Exception):
    """As many callers as are allowed use a resolver of their own right now."""


@dataclass(slots=True)
class _Caller:
    token: Secret
    opening: asyncio.Task[Resolver]
    users: int = 0
    left_at_s: float = 0.0


class CallerResolvers:
    """Opens and closes them. Use it in `async with`, in the event loop of the service."""

    def __init__(
        self,
        settings: Settings,
        limits: Limits,
        *,
        max_callers: int,
        idle_s: float,
        keeps_hidden: Callable[[str], bool] = lambda _token: False,
    ) -> None:
        """`settings` are for all callers, without a token. `keeps_hidden`: whether a token is in use elsewhere in this
        process, so that it stays hidden in logs after the caller has left.
        """
        self._settings = settings
        self._limits = limits
        self._max_callers = max_callers
        self._idle_s = idle_s
        self._keeps_hidden = keeps_hidden
        # Of this process alone: what is in its memory names no token either.
        self._key = secrets.token_bytes(32)
        self._callers: OrderedDict[bytes, _Caller] = OrderedDict()
        self._sweeper: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> CallerResolvers:
        self._sweeper = asyncio.create_task(self._sweep())
        return self

    async def __aexit__(self, *_exception: object) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        await asyncio.gather(*self._closing)
        while self._callers:
            _, caller = self._callers.popitem()
            await self._close(caller)

    def __len__(self) -> int:
        """How many are open."""
        return len(self._callers)

    @asynccontextmanager
    async def use(self, token: str) -> AsyncIterator[Resolver]:
        """The resolver of `token`, which stays open until the end of the block at least.

        Raises:
            CallersFullError: all are in use by other callers.
            StoreError: the store cannot be opened.
        """
        name = self._name(token)
        caller = self._callers.get(name)
        if caller is None:
            leaving = self._make_room()
            opening = asyncio.create_task(self._open(token))
            caller = self._callers[name] = _Caller(Secret(token), opening)
        else:
            leaving = None
        self._callers.move_to_end(name)
        caller.users += 1
        try:
            if leaving is not None:
                await self._close(leaving)
            try:
                # A caller that goes away does not stop the opening for another one.
                resolver = await asyncio.shield(caller.opening)
            except Exception:
                if self._callers.get(name) is caller:
                    del self._callers[name]
                raise
            yield resolver
        finally:
            caller.users -= 1
            caller.left_at_s = asyncio.get_running_loop().time()

    def _make_room(self) -> _Caller | None:
        """The idle caller that has to leave, which was used longest ago; None where there is room.

        Raises:
            CallersFullError: there is no idle one.
        """
        if len(self._callers) < self._max_callers:
            return None
        for name, caller in self._callers.items():
            if not caller.users:
                return self._callers.pop(name)
        raise CallersFullError

    async def _open(self, token: str) -> Resolver:
        return await Resolver(replace(self._settings, token=token), limits=self._limits).__aenter__()

    async def _close(self, caller: _Caller) -> None:
        try:
            resolver = await caller.opening
            await resolver.__aexit__(None, None, None)
        except Exception as error:
            logger.error("the resolver of a caller was not closed", exc_info=without_secrets(error))
        finally:
            if self._name(caller.token) not in self._callers and not self._keeps_hidden(caller.token):
                forget_secret(caller.token)

    async def _sweep(self) -> None:
        """Close those that have been idle for long."""
        while True:
            await asyncio.sleep(self._idle_s / 4)
            now_s = asyncio.get_running_loop().time()
            idle = [
                name
                for name, caller in self._callers.items()
                if not caller.users and now_s - caller.left_at_s >= self._idle_s
            ]
            for name in idle:
                caller = self._callers.get(name)
                if caller is not None and not caller.users:
                    del self._callers[name]
                    # A task of its own: the end of the service cancels the sweep, and waits for what is being closed.
                    closing = asyncio.create_task(self._close(caller))
                    self._closing.add(closing)
                    closing.add_done_callback(self._closing.discard)
                    await asyncio.shield(closing)

    def _name(self, token: str) -> bytes:
        return hashlib.blake2b(token.encode(), key=self._key, digest_size=16).digest()
