"""Loading many models: order, failures, bounded prefetching, and the memory budget."""

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
from resolver.limits import Limits
from resolver.loading.download import Snapshot
from resolver.loading.limits import LoadLimits
from resolver.loading.loaded import Loaded, measure_model
from tests.resolver.loading.families import BERT, build_llama_config
from tests.resolver.loading.support import ServedModels, serve_models
from tests.resolver.support import wait_until, wait_until_settled

COUNT = 6
NAMES = [f"acme/m{number}" for number in range(COUNT)]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six models of equal size with different weights."""
    folder = tmp_path_factory.mktemp("many")
    for number, name in enumerate(NAMES):
        torch.manual_seed(number)
        transformers.BertForMaskedLM(transformers.BertConfig(**BERT)).save_pretrained(folder / name)
    return folder


@pytest.fixture(scope="module")
def size_bytes(models: Path) -> int:
    """The bytes that one of them takes in memory."""
    return measure_model(transformers.BertForMaskedLM.from_pretrained(models / NAMES[0])).resident_bytes


async def load_many(served: ServedModels, ids: Any, **options: Any) -> AsyncIterator[Loaded | Failure]:
    """The items of `Resolver.load_many`, which is closed at the end of the loop."""
    async with aclosing(served.resolver.load_many(ids, **options)) as items:
        async for item in items:
            yield item


def get_first_weight(model: Any) -> float:
    return float(next(model.parameters()).detach().flatten()[0])


async def test_all_come_in_order_each_with_its_own_weights(models: Path, tmp_path: Path) -> None:
    async with serve_models(models, tmp_path / "store") as served:
        found = [
            (item.repo_id, get_first_weight(item.model)) async for item in load_many(served, NAMES) if is_loaded(item)
        ]
        again = {
            item.repo_id: get_first_weight(item.model)
            async for item in load_many(served, NAMES, ordered=False)
            if is_loaded(item)
        }
    saved = [(name, get_first_weight(transformers.BertForMaskedLM.from_pretrained(models / name))) for name in NAMES]
    assert found == saved and again == dict(saved)


def is_loaded(item: Loaded | Failure) -> TypeGuard[Loaded]:
    assert isinstance(item, Loaded), item.error
    return True


async def test_a_failure_keeps_its_place_and_does_not_end_the_run(models: Path, tmp_path: Path) -> None:
    ids = [NAMES[0], "acme/none", "not an id", NAMES[1], "acme/broken", NAMES[2]]
    async with serve_models(models, tmp_path / "store") as served:
        served.hub.catalog.add(build_broken_repo(served))
        rows = [
            (item.repo_id, item.error.code if isinstance(item, Failure) else type(item.model).__name__)
            async for item in load_many(served, ids, ordered=True)
        ]
    assert rows == [
        (NAMES[0], "BertForMaskedLM"),
        ("acme/none", "repo_not_found"),
        ("not an id", "invalid_repo_id"),
        (NAMES[1], "BertForMaskedLM"),
        ("acme/broken", "load_failed"),
        (NAMES[2], "BertForMaskedLM"),
    ]


def build_broken_repo(served: ServedModels) -> Any:
    from dataclasses import replace

    good = served.hub.catalog.get(NAMES[0])
    assert good is not None
    commit = "b" * 40
    files = {**good.commits[good.head], "model.safetensors": b"not safetensors"}
    return replace(good, id="acme/broken", commits={commit: files}, branches={"main": commit})


async def test_unordered_a_slow_fetch_does_not_delay_the_others(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others_are_loaded, fetch = threading.Event(), Snapshot.fetch

    def fetch_slowly(self: Snapshot, filenames: Iterable[str]) -> Path:
        if self.repo_id == NAMES[0]:
            others_are_loaded.wait()
        return fetch(self, filenames)

    monkeypatch.setattr(Snapshot, "fetch", fetch_slowly)
    order = []
    async with serve_models(models, tmp_path / "store") as served:
        async for item in load_many(served, NAMES[:3], ordered=False):
            order.append(item.repo_id)
            if len(order) == 2:
                others_are_loaded.set()
    assert order[-1] == NAMES[0] and set(order) == set(NAMES[:3])


async def test_a_second_load_sends_no_request_and_works_without_the_hub(models: Path, tmp_path: Path) -> None:
    async with serve_models(models, tmp_path / "store") as served:
        assert [item.repo_id async for item in load_many(served, NAMES) if is_loaded(item)] == NAMES
        served.hub.reset_counts()
        assert [item.repo_id async for item in load_many(served, NAMES) if is_loaded(item)] == NAMES
        assert served.hub.count.total == 0
    # The Hub has stopped.
    from resolver import Resolver, Settings

    for offline in (False, True):
        settings = Settings(endpoint=served.settings.endpoint, store=tmp_path / "store", token=False, offline=offline)
        async with Resolver(settings) as resolver:
            async with aclosing(resolver.load_many([*NAMES, "acme/other"])) as items:
                found = [item async for item in items]
        assert [item.repo_id for item in found[:-1] if is_loaded(item)] == NAMES
        last = found[-1]
        assert isinstance(last, Failure) and isinstance(last.error, OfflineError) is offline


async def test_without_a_budget_no_two_models_are_in_memory(models: Path, tmp_path: Path) -> None:
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    async with serve_models(models, tmp_path / "store") as served:
        async for item in load_many(served, NAMES):
            assert isinstance(item, Loaded)
            alive.add(item.model)
            await asyncio.sleep(0.05)
            gc.collect()
            assert len(alive) == 1


async def test_a_model_that_is_kept_stays_until_it_is_released(models: Path, tmp_path: Path) -> None:
    async with serve_models(models, tmp_path / "store") as served:
        items = [
            item async for item in load_many(served, NAMES[:3]) if isinstance(item, Loaded) and item.keep() is not None
        ]
        assert all(item.model is not None for item in items)
        items[0].release()
        assert items[0].model is None and items[1].model is not None


@pytest.mark.parametrize("models_that_fit", [1, 2, 3])
async def test_no_more_is_in_memory_than_the_budget_allows(
    models_that_fit: int, models: Path, size_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    max_alive = 0
    measure: Callable[[Any], Any] = measure_model

    def measure_and_record(model: Any) -> Any:
        nonlocal max_alive
        alive.add(model)
        max_alive = max(max_alive, len(alive))
        return measure(model)

    monkeypatch.setattr("resolver.loading.prepared.measure_model", measure_and_record)
    async with serve_models(models, tmp_path / "store") as served:
        found = []
        async for item in load_many(served, NAMES, max_resident_bytes=models_that_fit * size_bytes + size_bytes // 2):
            assert isinstance(item, Loaded), item.error
            assert item.resident_bytes == size_bytes
            found.append(item.repo_id)
            while max_alive < models_that_fit:
                await asyncio.sleep(0.01)
        assert found == NAMES
    assert max_alive == models_that_fit


async def test_a_budget_waits_for_models_that_another_task_keeps(models: Path, size_bytes: int, tmp_path: Path) -> None:
    """One task loads the models, another one uses and releases them."""
    queue: asyncio.Queue[Loaded | None] = asyncio.Queue()
    used: list[str] = []

    async def use() -> None:
        while (item := await queue.get()) is not None:
            await asyncio.sleep(0.05)
            used.append(item.repo_id)
            item.release()

    user = asyncio.create_task(use())
    async with serve_models(models, tmp_path / "store") as served:
        async for item in load_many(served, NAMES, max_resident_bytes=size_bytes * 2):
            assert isinstance(item, Loaded), item.error
            item.keep()
            queue.put_nowait(item)
        queue.put_nowait(None)
        await user
    assert used == NAMES


async def test_a_deadlock_is_an_error_that_names_the_referenced_models(
    models: Path, size_bytes: int, tmp_path: Path
) -> None:
    references = []
    async with serve_models(models, tmp_path / "store") as served:
        rows = []
        async for item in load_many(served, NAMES[:3], max_resident_bytes=size_bytes):
            rows.append(item)
            if isinstance(item, Loaded):
                references.append(item.model)
            else:
                references.clear()
        first, second, third = rows
    assert isinstance(first, Loaded) and isinstance(third, Loaded)
    assert isinstance(second, Failure) and isinstance(second.error, MemoryBudgetError)
    assert NAMES[0] in str(second.error) and second.error.code == "memory_budget"


async def test_a_model_larger_than_the_budget_is_refused_before_it_is_loaded(
    models: Path, size_bytes: int, tmp_path: Path
) -> None:
    async with serve_models(models, tmp_path / "store") as served:
        rows = [item async for item in load_many(served, NAMES[:2], max_resident_bytes=size_bytes // 2)]
        assert [item.error.code for item in rows if isinstance(item, Failure)] == ["memory_budget"] * 2
        # Its files fit into the budget; as float64 it does not.
        rows = [
            item async for item in load_many(served, NAMES[:1], max_resident_bytes=size_bytes + 9_000, dtype="float64")
        ]
        assert [item.error.code for item in rows if isinstance(item, Failure)] == ["memory_budget"]


async def test_files_are_fetched_ahead_but_not_without_bound(models: Path, tmp_path: Path) -> None:
    def list_fetched(served: ServedModels) -> set[str]:
        paths = [entry.path for entry in served.hub.requests if "/tree/" in entry.path]
        return {path.split("/tree/")[0].removeprefix("/api/models/") for path in paths}

    limits = Limits(loading=LoadLimits(max_prefetched_repos=2))
    async with serve_models(models, tmp_path / "store", limits) as served:
        async with aclosing(served.resolver.load_many(NAMES)) as items:
            await anext(items)
            await wait_until(lambda: set(NAMES[:2]) <= list_fetched(served))
            await wait_until_settled(lambda: served.hub.count.total)
            assert list_fetched(served) <= set(NAMES[:3])


async def test_the_loop_goes_on_while_a_model_loads(models: Path, tmp_path: Path) -> None:
    threads = []

    def record_thread(model: Any, *_: Any) -> None:
        threads.append(threading.current_thread())

    async with serve_models(models, tmp_path / "store") as served:
        original_post_init = transformers.BertForMaskedLM.post_init

        def post_init(self: Any) -> None:
            record_thread(self)
            original_post_init(self)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(transformers.BertForMaskedLM, "post_init", post_init)
            await served.load(NAMES[0])
    assert threads and threading.main_thread() not in threads


async def test_leaving_early_leaves_nothing_running(models: Path, tmp_path: Path) -> None:
    async with serve_models(models, tmp_path / "store") as served:
        async with aclosing(served.resolver.load_many(NAMES, max_resident_bytes=10**9)) as items:
            await anext(items)
        left = [task for task in asyncio.all_tasks() if "load" in repr(task.get_coro()) or "_fetch" in repr(task)]
        assert not [task for task in left if task is not asyncio.current_task()]


async def test_an_unknown_task_ends_the_run(models: Path, tmp_path: Path) -> None:
    async with serve_models(models, tmp_path / "store") as served:
        with pytest.raises(UnknownTaskError):
            async for _ in load_many(served, NAMES, task="nonsense"):
                pass


async def test_an_endless_list_is_read_only_as_far_as_it_is_loaded(models: Path, tmp_path: Path) -> None:
    read = 0

    async def ids() -> AsyncIterator[str]:
        nonlocal read
        while True:
            read += 1
            yield NAMES[read % COUNT]
            await asyncio.sleep(0)

    async with serve_models(models, tmp_path / "store") as served:
        async with aclosing(served.resolver.load_many(ids())) as items:
            for _ in range(10):
                assert is_loaded(await anext(items))
    assert read < 10_000


def test_shared_tensors_are_counted_once() -> None:
    model = transformers.LlamaForCausalLM(build_llama_config(tie_word_embeddings=True))
    tied = measure_model(model)
    parameters = {id(item): item for item in model.parameters()}.values()
    assert tied.parameters == sum(item.numel() for item in parameters)
    assert tied.resident_bytes >= tied.parameters * 4 and tied.dtype == "float32"
    assert measure_model(model.to("meta")).resident_bytes == 0
    assert measure_model(object()).parameters == 0
