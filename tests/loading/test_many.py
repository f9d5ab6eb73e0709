"""Many models: order, failures in their place, files fetched ahead within bounds, and a budget for memory."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeGuard

import pytest
import torch
import transformers

from resolver.answer import Failure
from resolver.errors import MemoryBudgetError, OfflineError, UnknownTaskError
from resolver.loading import many
from resolver.loading.download import Snapshot
from resolver.loading.loaded import Loaded, measure
from tests.loading.families import BERT, llama
from tests.loading.support import Served, served

COUNT = 6
NAMES = [f"acme/m{number}" for number in range(COUNT)]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six models of one size, that differ in their weights."""
    folder = tmp_path_factory.mktemp("many")
    for number, name in enumerate(NAMES):
        torch.manual_seed(number)
        transformers.BertForMaskedLM(transformers.BertConfig(**BERT)).save_pretrained(folder / name)
    return folder


@pytest.fixture(scope="module")
def size_bytes(models: Path) -> int:
    """What one of them takes in memory, by its own account."""
    return measure(transformers.BertForMaskedLM.from_pretrained(models / NAMES[0])).resident_bytes


async def loaded(here: Served, ids: Any, **options: Any) -> AsyncIterator[Loaded | Failure]:
    """As `load_many` gives them, closed at the end of the loop."""
    async with aclosing(here.resolver.load_many(ids, **options)) as items:
        async for item in items:
            yield item


def first_weight(model: Any) -> float:
    return float(next(model.parameters()).detach().flatten()[0])


async def test_all_come_in_order_each_with_its_own_weights(models: Path, tmp_path: Path) -> None:
    async with served(models, tmp_path / "store") as here:
        found = [(item.repo_id, first_weight(item.model)) async for item in loaded(here, NAMES) if _ok(item)]
        again = {
            item.repo_id: first_weight(item.model) async for item in loaded(here, NAMES, ordered=False) if _ok(item)
        }
    saved = [(name, first_weight(transformers.BertForMaskedLM.from_pretrained(models / name))) for name in NAMES]
    assert found == saved and again == dict(saved)


def _ok(item: Loaded | Failure) -> TypeGuard[Loaded]:
    assert isinstance(item, Loaded), item.error
    return True


async def test_a_failure_stands_in_its_place_and_ends_nothing(models: Path, tmp_path: Path) -> None:
    ids = [NAMES[0], "acme/none", "not an id", NAMES[1], "acme/broken", NAMES[2]]
    async with served(models, tmp_path / "store") as here:
        here.hub.catalog.add(_broken(here))
        rows = [
            (item.repo_id, item.error.code if isinstance(item, Failure) else type(item.model).__name__)
            async for item in loaded(here, ids, ordered=True)
        ]
    assert rows == [
        (NAMES[0], "BertForMaskedLM"),
        ("acme/none", "repo_not_found"),
        ("not an id", "invalid_repo_id"),
        (NAMES[1], "BertForMaskedLM"),
        ("acme/broken", "load_failed"),
        (NAMES[2], "BertForMaskedLM"),
    ]


def _broken(here: Served) -> Any:
    from dataclasses import replace

    good = here.hub.catalog.get(NAMES[0])
    assert good is not None
    commit = "b" * 40
    files = {**good.commits[good.head], "model.safetensors": b"not safetensors"}
    return replace(good, id="acme/broken", commits={commit: files}, branches={"main": commit})


async def test_unordered_a_slow_one_keeps_nobody_waiting(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others_are_through, fetch = threading.Event(), Snapshot.fetch

    def slow_for_the_first(self: Snapshot, filenames: Iterable[str]) -> Path:
        if self.repo_id == NAMES[0]:
            others_are_through.wait()
        return fetch(self, filenames)

    monkeypatch.setattr(Snapshot, "fetch", slow_for_the_first)
    order = []
    async with served(models, tmp_path / "store") as here:
        async for item in loaded(here, NAMES[:3], ordered=False):
            order.append(item.repo_id)
            if len(order) == 2:
                others_are_through.set()
    assert order[-1] == NAMES[0] and set(order) == set(NAMES[:3])


async def test_the_second_time_no_request_is_sent_nor_needed(models: Path, tmp_path: Path) -> None:
    async with served(models, tmp_path / "store") as here:
        assert [item.repo_id async for item in loaded(here, NAMES) if _ok(item)] == NAMES
        here.hub.reset_counts()
        assert [item.repo_id async for item in loaded(here, NAMES) if _ok(item)] == NAMES
        assert here.hub.count.total == 0
    # The Hub is gone.
    from resolver import Resolver, Settings

    for offline in (False, True):
        settings = Settings(endpoint=here.settings.endpoint, store=tmp_path / "store", token=False, offline=offline)
        async with Resolver(settings) as resolver:
            async with aclosing(resolver.load_many([*NAMES, "acme/other"])) as items:
                found = [item async for item in items]
        assert [item.repo_id for item in found[:-1] if _ok(item)] == NAMES
        last = found[-1]
        assert isinstance(last, Failure) and isinstance(last.error, OfflineError) is offline


async def test_without_a_budget_no_two_models_are_in_memory(models: Path, tmp_path: Path) -> None:
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    async with served(models, tmp_path / "store") as here:
        async for item in loaded(here, NAMES):
            assert isinstance(item, Loaded)
            alive.add(item.model)
            await asyncio.sleep(0.05)
            gc.collect()
            assert len(alive) == 1


async def test_a_model_that_is_kept_stays_until_it_is_released(models: Path, tmp_path: Path) -> None:
    async with served(models, tmp_path / "store") as here:
        items = [item async for item in loaded(here, NAMES[:3]) if isinstance(item, Loaded) and item.keep() is not None]
        assert all(item.model is not None for item in items)
        items[0].release()
        assert items[0].model is None and items[1].model is not None


@pytest.mark.parametrize("fit", [1, 2, 3])
async def test_no_more_is_in_memory_than_the_budget_allows(
    fit: int, models: Path, size_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    most = 0
    real: Callable[[Any], Any] = measure

    def watched(model: Any) -> Any:
        nonlocal most
        alive.add(model)
        most = max(most, len(alive))
        return real(model)

    monkeypatch.setattr("resolver.loading.loader.measure", watched)
    async with served(models, tmp_path / "store") as here:
        found = []
        async for item in loaded(here, NAMES, max_resident_bytes=fit * size_bytes + size_bytes // 2):
            assert isinstance(item, Loaded), item.error
            assert item.resident_bytes == size_bytes
            found.append(item.repo_id)
            while most < fit:
                await asyncio.sleep(0.01)
        assert found == NAMES
    assert most == fit


async def test_a_budget_waits_for_what_is_kept_elsewhere(models: Path, size_bytes: int, tmp_path: Path) -> None:
    """One task loads, another one uses the models and lets them go when it is done with them."""
    queue: asyncio.Queue[Loaded | None] = asyncio.Queue()
    used: list[str] = []

    async def use() -> None:
        while (item := await queue.get()) is not None:
            await asyncio.sleep(0.05)
            used.append(item.repo_id)
            item.release()

    user = asyncio.create_task(use())
    async with served(models, tmp_path / "store") as here:
        async for item in loaded(here, NAMES, max_resident_bytes=size_bytes * 2):
            assert isinstance(item, Loaded), item.error
            item.keep()
            queue.put_nowait(item)
        queue.put_nowait(None)
        await user
    assert used == NAMES


async def test_waiting_for_oneself_is_an_error_that_names_what_is_held(
    models: Path, size_bytes: int, tmp_path: Path
) -> None:
    held = []
    async with served(models, tmp_path / "store") as here:
        rows = []
        async for item in loaded(here, NAMES[:3], max_resident_bytes=size_bytes):
            rows.append(item)
            if isinstance(item, Loaded):
                held.append(item.model)
            else:
                held.clear()
        first, second, third = rows
    assert isinstance(first, Loaded) and isinstance(third, Loaded)
    assert isinstance(second, Failure) and isinstance(second.error, MemoryBudgetError)
    assert NAMES[0] in str(second.error) and second.error.code == "memory_budget"


async def test_a_model_larger_than_the_budget_is_refused_before_it_is_loaded(
    models: Path, size_bytes: int, tmp_path: Path
) -> None:
    async with served(models, tmp_path / "store") as here:
        rows = [item async for item in loaded(here, NAMES[:2], max_resident_bytes=size_bytes // 2)]
        assert [item.error.code for item in rows if isinstance(item, Failure)] == ["memory_budget"] * 2
        # Its files are small enough, what becomes of them is not.
        rows = [item async for item in loaded(here, NAMES[:1], max_resident_bytes=size_bytes + 9_000, dtype="float64")]
        assert [item.error.code for item in rows if isinstance(item, Failure)] == ["memory_budget"]


async def test_files_are_fetched_ahead_but_not_without_bound(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "FETCHED_AHEAD", 2)

    def fetched(here: Served) -> set[str]:
        paths = [entry.path for entry in here.hub.requests if "/tree/" in entry.path]
        return {path.split("/tree/")[0].removeprefix("/api/models/") for path in paths}

    async with served(models, tmp_path / "store") as here:
        async with aclosing(here.resolver.load_many(NAMES)) as items:
            await anext(items)
            await asyncio.sleep(0.3)
            assert set(NAMES[:2]) <= fetched(here) <= set(NAMES[:3])


async def test_the_loop_goes_on_while_a_model_loads(models: Path, tmp_path: Path) -> None:
    where = []

    def note(model: Any, *_: Any) -> None:
        where.append(threading.current_thread())

    async with served(models, tmp_path / "store") as here:
        handle = transformers.BertForMaskedLM.post_init

        def post_init(self: Any) -> None:
            note(self)
            handle(self)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(transformers.BertForMaskedLM, "post_init", post_init)
            await here.load(NAMES[0])
    assert where and threading.main_thread() not in where


async def test_leaving_early_leaves_nothing_running(models: Path, tmp_path: Path) -> None:
    async with served(models, tmp_path / "store") as here:
        async with aclosing(here.resolver.load_many(NAMES, max_resident_bytes=10**9)) as items:
            await anext(items)
        left = [task for task in asyncio.all_tasks() if "load" in repr(task.get_coro()) or "_fetch" in repr(task)]
        assert not [task for task in left if task is not asyncio.current_task()]


async def test_a_task_nobody_knows_ends_the_run(models: Path, tmp_path: Path) -> None:
    async with served(models, tmp_path / "store") as here:
        with pytest.raises(UnknownTaskError):
            async for _ in loaded(here, NAMES, task="nonsense"):
                pass


async def test_an_endless_list_is_read_as_far_as_it_is_loaded(models: Path, tmp_path: Path) -> None:
    read = 0

    async def ids() -> AsyncIterator[str]:
        nonlocal read
        while True:
            read += 1
            yield NAMES[read % COUNT]
            await asyncio.sleep(0)

    async with served(models, tmp_path / "store") as here:
        async with aclosing(here.resolver.load_many(ids())) as items:
            for _ in range(10):
                assert _ok(await anext(items))
    assert read < 10_000


def test_shared_tensors_are_counted_once() -> None:
    model = transformers.LlamaForCausalLM(llama(tie_word_embeddings=True))
    tied = measure(model)
    parameters = {id(item): item for item in model.parameters()}.values()
    assert tied.parameters == sum(item.numel() for item in parameters)
    assert tied.resident_bytes >= tied.parameters * 4 and tied.dtype == "float32"
    assert measure(model.to("meta")).resident_bytes == 0
    assert measure(object()).parameters == 0
