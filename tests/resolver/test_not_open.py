"""A resolver that is not open here: forgotten `async with`, another event loop, a forked process."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from resolver.errors import HubresolveError, ResolverNotOpenError
from resolver.resolver import Resolver
from tests.resolver.support import environment, settings_for

pytestmark = pytest.mark.independent

NOBODY = "http://127.0.0.1:9"


async def first_of(resolver: Resolver, name: str) -> object:
    stream = getattr(resolver, name)(["acme/bert"]) if name != "resolve_listing" else resolver.resolve_listing("acme")
    async with aclosing(stream) as answers:
        return await anext(answers)


CALLS: dict[str, Callable[[Resolver], Awaitable[object]]] = {
    "resolve": lambda resolver: resolver.resolve("acme/bert"),
    "list_files": lambda resolver: resolver.list_files("acme/bert"),
    "load": lambda resolver: resolver.load("acme/bert"),
    "prepare_load": lambda resolver: resolver.prepare_load("acme/bert"),
    "resolve_many": lambda resolver: first_of(resolver, "resolve_many"),
    "resolve_listing": lambda resolver: first_of(resolver, "resolve_listing"),
    "load_many": lambda resolver: first_of(resolver, "load_many"),
}


@pytest.mark.parametrize("call", CALLS)
async def test_a_resolver_that_is_not_open_says_how_to_open_it(store: Path, call: str) -> None:
    resolver = Resolver(settings_for(NOBODY, store))
    with pytest.raises(ResolverNotOpenError, match="the resolver is not open; use it inside `async with`") as caught:
        await CALLS[call](resolver)
    assert isinstance(caught.value, (HubresolveError, RuntimeError)) and not store.exists()
    async with resolver:
        pass
    with pytest.raises(ResolverNotOpenError, match="the resolver is closed"):
        await CALLS[call](resolver)


@pytest.mark.parametrize("call", CALLS)
def test_a_resolver_of_another_event_loop_says_so(store: Path, call: str, caplog: pytest.LogCaptureFixture) -> None:
    home = asyncio.new_event_loop()
    resolver = Resolver(settings_for(NOBODY, store))
    try:
        home.run_until_complete(resolver.__aenter__())
        for action in (lambda: CALLS[call](resolver), lambda: resolver.__aexit__(None, None, None)):
            with pytest.raises(ResolverNotOpenError, match="belongs to the event loop that opened it: open another"):
                asyncio.run(_await(action))
        home.run_until_complete(resolver.__aexit__(None, None, None))
    finally:
        home.close()
    assert not caplog.records


async def _await(action: Callable[[], Awaitable[object]]) -> object:
    return await action()


PROGRAM = """
import asyncio, os, sys
from resolver import Resolver, ResolverNotOpenError, Settings

async def use(resolver):
    try:
        await resolver.resolve("acme/bert")
    except ResolverNotOpenError as error:
        print(f"{{error}}")

resolver = Resolver(Settings(endpoint="http://127.0.0.1:9", store={store!r}, token=False))
"""

CLOSED_LOOP = """
asyncio.run(resolver.__aenter__())
asyncio.run(use(resolver))
"""

FORKED = """
loop = asyncio.new_event_loop()
loop.run_until_complete(resolver.__aenter__())
child = os.fork()
if child == 0:
    async def work():
        await use(resolver)
        await resolver.__aexit__(None, None, None)
    asyncio.run(work())
    sys.exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
loop.run_until_complete(resolver.__aexit__(None, None, None))
loop.close()
"""


def run_program(source: str, store: Path) -> str:
    line = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PROGRAM.format(store=str(store)) + source]
    done = subprocess.run(line, env=environment(), capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_a_resolver_whose_event_loop_is_closed_says_so_without_a_traceback(store: Path) -> None:
    assert "belongs to the event loop that opened it, which is closed" in run_program(CLOSED_LOOP, store)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_forked_child_fails_at_once_and_its_parent_goes_on(store: Path) -> None:
    said, status = run_program(FORKED, store).splitlines()
    assert "was opened before this process was forked" in said and status == "7"
