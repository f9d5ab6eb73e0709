"""The thread that resolvers run on: shared, closed when asked, and never waiting for itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from resolver.blocking import BackgroundResolver
from resolver.resolver import Resolver
from resolver.settings import Settings
from store.errors import StoreError


@pytest.fixture
def running() -> Iterator[BackgroundResolver]:
    made = BackgroundResolver(max_open=2)
    yield made
    made.close()


def settings(store: Path, number: int = 0) -> Settings:
    """Different for each number."""
    return Settings(store=store, token=False, offline=True, timeout_s=30.0 + number)


async def itself(resolver: Resolver) -> Resolver:
    return resolver


def test_the_same_settings_share_a_resolver_and_others_have_their_own(running: BackgroundResolver, store: Path) -> None:
    first, again = running.run(settings(store), itself), running.run(settings(store), itself)
    assert first is again
    assert running.run(settings(store, 1), itself) is not first


def test_settings_unused_for_longest_are_closed_first_but_never_under_work(
    running: BackgroundResolver, store: Path
) -> None:
    started, may_end = threading.Event(), threading.Event()

    async def long(resolver: Resolver) -> tuple[str, ...]:
        started.set()
        await asyncio.to_thread(may_end.wait)
        return await resolver.list_files(str(store.parent))

    (store.parent / "config.json").write_text("{}")
    answers: list[tuple[str, ...]] = []
    thread = threading.Thread(target=lambda: answers.append(running.run(settings(store), long)))
    thread.start()
    started.wait()
    others = [running.run(settings(store, number), itself) for number in (1, 2, 3)]
    assert len(running._open) == 2
    assert running.run(settings(store, 3), itself) is others[2]
    assert running.run(settings(store, 1), itself) is not others[0]
    may_end.set()
    thread.join()
    assert "config.json" in answers[0]


def test_a_store_that_cannot_be_opened_is_told_each_time_until_it_can(
    running: BackgroundResolver, tmp_path: Path
) -> None:
    place = tmp_path / "store.sqlite3"
    place.mkdir()
    for _ in range(2):
        with pytest.raises(StoreError):
            running.run(settings(place), itself)
    place.rmdir()
    assert running.run(settings(place), itself) is not None


def test_work_cannot_wait_for_more_work_nor_for_the_end(running: BackgroundResolver, store: Path) -> None:
    async def nested(_: Resolver) -> Resolver:
        return running.run(settings(store), itself)

    async def closing(_: Resolver) -> None:
        running.close()

    for work in (nested, closing):
        with pytest.raises(RuntimeError, match="await the resolver"):
            running.run(settings(store), work)
    assert running.run(settings(store), itself) is not None


def test_closing_ends_the_work_under_way_and_the_thread(running: BackgroundResolver, store: Path) -> None:
    started, problems = threading.Event(), list[BaseException]()

    async def endless(_: Resolver) -> None:
        started.set()
        await asyncio.Event().wait()

    def call() -> None:
        try:
            running.run(settings(store), endless)
        except RuntimeError as error:
            problems.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    started.wait()
    thread = running._thread
    running.close()
    caller.join()
    assert [str(error) for error in problems] == ["the resolver was closed while it worked on this call"]
    assert thread is not None and not thread.is_alive()
    assert running.run(settings(store), itself) is not None


def test_an_error_of_the_work_is_the_callers(running: BackgroundResolver, store: Path) -> None:
    async def failing(_: Resolver) -> None:
        raise LookupError("of the work")

    with pytest.raises(LookupError, match="of the work"):
        running.run(settings(store), failing)
