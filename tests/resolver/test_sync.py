"""The functions without `await`: they share resolvers that stay open, and read iterators in the caller's thread."""

from __future__ import annotations

import asyncio
import inspect
import re
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
import transformers

import resolver
from resolver import Failure, InvalidRepoIdError, Loaded, OfflineError, Resolution, Resolver, Settings, Source, blocking
from resolver.local_hub.server.process import HubProcess, start_process
from resolver.settings import find_token, read_environment
from tests.resolver.support import bert_row, environment, settings_for

FILL = inspect.getsource(Settings.fill) + inspect.getsource(find_token)
IDS = [f"org{number:03}/m" for number in range(300)]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    rows = tmp_path_factory.mktemp("hub") / "repos.jsonl"
    rows.write_bytes(b"\n".join(msgspec.json.encode(bert_row(repo_id)) for repo_id in IDS))
    with start_process(jsonl=rows) as process:
        yield process


@pytest.fixture(scope="module", autouse=True)
def shared() -> Iterator[None]:
    yield
    blocking.close()


@pytest.fixture
def settings(hub: HubProcess, store: Path) -> Settings:
    return settings_for(hub.endpoint, store)


def names(items: Any) -> list[str]:
    return [item.repo_id for item in items]


def test_an_answer_of_the_cache_needs_no_other_thread(settings: Settings) -> None:
    first = resolver.resolve(IDS[0], settings=settings)
    may_go_on, is_blocked = threading.Event(), threading.Event()

    async def block(_: Resolver) -> None:
        is_blocked.set()
        may_go_on.wait()

    blocked = blocking._shared.submit(settings, block)
    is_blocked.wait()
    again = resolver.resolve(IDS[0], settings=settings)
    may_go_on.set()
    blocked.result()
    assert (first.source, again.source, again.decision) == (Source.HUB, Source.STORE, first.decision)


def test_settings_that_are_open_are_read_from_the_environment_at_each_call(
    hub: HubProcess, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUBRESOLVE_STORE", str(store))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(OfflineError):
        resolver.resolve(IDS[1])
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    assert resolver.resolve(IDS[1]).source is Source.HUB
    assert resolver.resolve(IDS[1]).source is Source.STORE
    monkeypatch.setenv("HUBRESOLVE_STORE", str(store.with_name("other.sqlite3")))
    assert resolver.resolve(IDS[1]).source is Source.HUB


@pytest.mark.parametrize("variable", sorted(re.findall(r'"(H[A-Z_]+|TRANSFORMERS_OFFLINE)"', FILL)))
def test_every_variable_that_fills_a_setting_counts_from_the_next_call_on(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_environment(Settings())
    monkeypatch.setenv(variable, "1")
    assert read_environment(Settings()) != before


async def test_they_work_inside_a_running_loop(settings: Settings) -> None:
    assert resolver.resolve(IDS[2], settings=settings).task == "fill-mask"
    assert names(resolver.resolve_many(IDS[:3], settings=settings)) == IDS[:3]


async def as_stream(ids: list[str]) -> AsyncIterator[str]:
    for repo_id in ids:
        yield repo_id


@pytest.mark.parametrize(
    "make",
    [list, tuple, iter, dict.fromkeys, lambda ids: (item for item in ids), as_stream],
    ids=["list", "tuple", "iterator", "dict", "generator", "stream"],
)
@pytest.mark.parametrize("count", [0, 1, 300])
def test_many_answers_come_in_order_whatever_holds_the_ids(settings: Settings, make: Any, count: int) -> None:
    assert names(resolver.resolve_many(make(IDS[:count]), settings=settings)) == IDS[:count]


def test_an_iterator_is_read_in_the_callers_thread_and_not_far_ahead(settings: Settings) -> None:
    threads: set[threading.Thread] = set()
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            threads.add(threading.current_thread())
            yield IDS[0]

    answers = resolver.resolve_many(endless(), settings=settings)
    for _ in range(1_000):
        next(answers)
    assert threads == {threading.current_thread()} and read < 20_000
    assert isinstance(answers, Iterator)
    del answers


def test_an_iterator_that_fails_fails_the_call_with_its_own_error(settings: Settings) -> None:
    def broken() -> Iterator[str]:
        yield IDS[0]
        raise LookupError("of the input")

    with pytest.raises(LookupError, match="of the input"):
        list(resolver.resolve_many(broken(), settings=settings))
    # Nothing is left that would disturb the next call.
    assert names(resolver.resolve_many(IDS[:2], settings=settings)) == IDS[:2]


def test_leaving_the_loop_early_cancels_the_work(settings: Settings) -> None:
    answers = resolver.resolve_many(IDS, settings=settings)
    assert next(answers).repo_id == IDS[0]
    answers.close()  # type: ignore[attr-defined]

    async def count_tasks(_: Resolver) -> int:
        while len(asyncio.all_tasks()) > 2:
            await asyncio.sleep(0.005)
        return len(asyncio.all_tasks())

    assert blocking._shared.run(settings, count_tasks) <= 2


SINGLE = ["org/name", b"org/name", Path("org/name"), None, 7]


@pytest.mark.parametrize("ids", SINGLE, ids=lambda value: type(value).__name__)
def test_a_single_id_where_many_are_wanted_is_a_type_error(settings: Settings, ids: Any) -> None:
    for function in (resolver.resolve_many, resolver.load_many):
        with pytest.raises(TypeError, match="iterable of repo ids"):
            function(ids, settings=settings)


@pytest.mark.parametrize("ids", SINGLE, ids=lambda value: type(value).__name__)
async def test_a_single_id_is_a_type_error_with_await_too(settings: Settings, ids: Any) -> None:
    async with Resolver(settings) as opened:
        for function in (opened.resolve_many, opened.load_many):
            with pytest.raises(TypeError, match="iterable of repo ids"):
                await anext(function(ids))


WRONG: list[Any] = [None, 7, b"a/b", {}, [], (), ("a/b",), ("a/b", "main", "x"), ("a/b", 7), (None, "main"), 1.5]


@pytest.mark.parametrize("repo_id", [["a/b"], ("a/b",), {"a/b"}, None, 7, b"a/b"], ids=repr)
def test_what_is_no_id_is_refused(settings: Settings, repo_id: Any) -> None:
    with pytest.raises(InvalidRepoIdError, match="not a repo id"):
        resolver.resolve(repo_id, settings=settings)


LEFT_OPEN = """
import sys
from resolver import Settings, resolve_many
answers = resolve_many([f"org{number:03}/m" for number in range(300)], settings=Settings(endpoint=sys.argv[1],
                       store=sys.argv[2], token=False, concurrency=8))
print(next(answers).repo_id)
"""


def test_an_iterator_that_is_left_open_ends_with_the_program(hub: HubProcess, store: Path) -> None:
    line = [sys.executable, "-c", LEFT_OPEN, hub.endpoint, str(store)]
    done = subprocess.run(line, env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "org000/m\n", "")


def test_a_wrong_item_is_a_failure_of_its_own(settings: Settings) -> None:
    found = list(resolver.resolve_many([item for wrong in WRONG for item in (wrong, IDS[0])], settings=settings))
    assert len(found) == 2 * len(WRONG)
    for wrong, failed, good in zip(WRONG, found[::2], found[1::2], strict=True):
        assert isinstance(failed, Failure) and isinstance(failed.error, InvalidRepoIdError), wrong
        assert isinstance(failed.repo_id, str) and isinstance(failed.revision, str | None)
        assert isinstance(good, Resolution)


def test_models_are_loaded_one_by_one_and_released(tmp_path: Path, store: Path) -> None:
    config = transformers.BertConfig(
        vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
    )
    folders = [str(tmp_path / name) for name in ("a", "b", "c")]
    for folder in folders:
        torch.manual_seed(0)
        transformers.BertForMaskedLM(config).save_pretrained(folder)
    settings = Settings(store=store, token=False, offline=True)
    assert isinstance(resolver.load(folders[0], settings=settings), transformers.BertForMaskedLM)
    before: Loaded | None = None
    loaded = []
    for item in resolver.load_many([*folders, "./none"], settings=settings):
        assert before is None or before.model is None
        if isinstance(item, Loaded):
            loaded.append(item.repo_id)
            assert isinstance(item.model, transformers.BertForMaskedLM)
            before = item
        else:
            assert (item.repo_id, item.error.code) == ("./none", "invalid_repo_id")
    assert loaded == folders
