"""A resolver that is not open here: forgotten `async with`, another event loop, a forked process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from resolver.errors import HubresolveError, ResolverNotOpenError
from resolver.local_hub import LocalHub
from resolver.resolver import Resolver
from tests.resolver.support import environment, settings_for

pytestmark = pytest.mark.independent

NOBODY = "http://127.0.0.1:9"

HANGS_AFTER_S = 300
"""A program that has not ended by then waits for what never comes; its processes are ended too."""


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


FORKED_INSIDE = """
import pathlib, sqlite3
from resolver.local_hub import LocalHub
from tests.resolver.support import catalog_of, settings_for

store = pathlib.Path({store!r})

async def resolve_anew(hub):
    async with Resolver(settings_for(hub, store.with_name("other"), lean=True)) as own:
        print("child:", (await own.resolve("acme/sd")).library)

async def work(hub):
    async with Resolver(settings_for(hub, store, lean=True)) as resolver:
        # From here on the event loop has a connection and a thread to wait for.
        await resolver.resolve("acme/bert")
        other = sqlite3.connect(store, isolation_level=None)
        if {writing}:
            # A thread of the store waits for this lock when the process is forked.
            other.execute("BEGIN IMMEDIATE")
            waiting = asyncio.create_task(resolver.resolve("acme/sd"))
            await asyncio.sleep(0.3)
        child = os.fork()
        if child == 0:
            await use(resolver)
            {child}
            return
        other.close()
        while os.waitpid(child, os.WNOHANG)[0] == 0:
            await asyncio.sleep(0.01)
        for repo_id in ("acme/st", "acme/sd", "acme/gguf"):
            await resolver.resolve(repo_id)
        print("parent:", dict(resolver.requests))

asyncio.run(work({hub!r}))
"""

CHILDREN = {
    "returns": "pass",
    "returns while the store writes": "pass",
    "leaves by an exception": "sys.exit()",
    "ends at once": "sys.stdout.flush(); os._exit(0)",
    "opens its own": "asyncio.run(resolve_anew(hub))",
    "calls without await": "from resolver import resolve; print('child:', resolve('acme/sd', settings="
    "settings_for(hub, store.with_name('other'), lean=True)).library); from resolver import blocking; blocking.close()",
}
"""What a child that is forked inside a running event loop does, with what it inherited still open."""


def run_program(source: str, store: Path, **names: str) -> str:
    program = PROGRAM.format(store=str(store)) + source.format(store=str(store), **names)
    line = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        line, env=environment(), stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=HANGS_AFTER_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    assert (process.returncode, stderr) == (0, "")
    return stdout


def test_a_resolver_whose_event_loop_is_closed_says_so_without_a_traceback(store: Path) -> None:
    assert "belongs to the event loop that opened it, which is closed" in run_program(CLOSED_LOOP, store)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_forked_child_fails_at_once_and_its_parent_goes_on(store: Path) -> None:
    said, status = run_program(FORKED, store).splitlines()
    assert "was opened before this process was forked" in said and status == "7"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
@pytest.mark.parametrize(
    "child", [pytest.param(name, marks=() if name.startswith("returns") else pytest.mark.slow) for name in CHILDREN]
)
async def test_a_child_that_is_forked_inside_a_running_loop_does_not_stop_its_parent(
    hub: LocalHub, store: Path, child: str
) -> None:
    """In the parent's epoll a child that closes what it inherited would remove what the parent waits for."""
    names = {"hub": hub.endpoint, "child": CHILDREN[child], "writing": str("writes" in child)}
    said = await asyncio.to_thread(run_program, FORKED_INSIDE, store, **names)
    assert "parent: {'api': 4}" in said and "was opened before this process was forked" in said
    if "child:" in CHILDREN[child] or "anew" in CHILDREN[child]:
        assert "child: diffusers" in said


AT_EXIT = """
import atexit
import resolver as package
from resolver import load, resolve, resolve_many

settings = Settings(endpoint="http://127.0.0.1:9", store={store!r}, token=False, offline=True)

async def open_anew():
    async with Resolver(settings) as own:
        await own.resolve("acme/bert")

def report():
    try:
        {call}
    except Exception as error:
        print(isinstance(error, package.HubresolveError), error)

atexit.register(report)
"""

LATE_CALLS = {
    "resolve": "resolve('acme/bert', settings=settings)",
    "resolve_many": "list(resolve_many(['acme/bert'], settings=settings))",
    "load": "load('acme/bert', settings=settings)",
    "a resolver": "asyncio.run(open_anew())",
}


@pytest.mark.parametrize("call", LATE_CALLS)
def test_a_call_while_the_process_ends_says_so(store: Path, call: str) -> None:
    assert run_program(AT_EXIT, store, call=LATE_CALLS[call]).startswith("True the resolver cannot do this any more")


OPEN_AT_EXIT = """
for repo_id in ("acme/bert", "acme/st"):
    try:
        resolve(repo_id, settings=settings)
    except package.OfflineError:
        pass
"""


def test_so_does_a_call_of_a_resolver_that_is_open(store: Path) -> None:
    said = run_program(AT_EXIT + OPEN_AT_EXIT, store, call=LATE_CALLS["resolve"])
    assert said.startswith("True the resolver cannot do this any more")
