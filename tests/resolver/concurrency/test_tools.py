"""The asyncio tools with plain coroutines: nothing of repos, sockets or databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing

import pytest

from resolver.concurrency.batcher import Batcher
from resolver.concurrency.ordered_pool import Entry, PoolLimits, Work, run_ordered
from resolver.concurrency.prefetch import prefetch
from resolver.concurrency.single_flight import LeaderSingleFlight, SingleFlight

pytestmark = pytest.mark.pure

Flight = SingleFlight[str, int] | LeaderSingleFlight[str, int]


class Task:
    """Counts how often it runs; ends when it is released."""

    def __init__(self) -> None:
        self.runs = 0
        self.release = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.runs += 1
        run = self.runs
        await self.release.wait()
        if self.error is not None:
            raise self.error
        return run


@pytest.fixture(params=[SingleFlight, LeaderSingleFlight])
def flight(request: pytest.FixtureRequest) -> Flight:
    made: Flight = request.param()
    return made


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_callers_of_one_key_share_a_flight(flight: Flight) -> None:
    task, other = Task(), Task()
    callers = [asyncio.create_task(flight.run("a", task)) for _ in range(5)]
    callers.append(asyncio.create_task(flight.run("b", other)))
    await settle()
    assert (task.runs, other.runs, len(flight)) == (1, 1, 2)
    task.release.set()
    other.release.set()
    assert await asyncio.gather(*callers) == [1] * 6
    assert len(flight) == 0
    assert await flight.run("a", task) == 2, "nothing is remembered"


async def test_callers_of_one_key_share_its_error(flight: Flight) -> None:
    task = Task()
    task.error = ValueError("broken")
    callers = [asyncio.create_task(flight.run("a", task)) for _ in range(3)]
    await settle()
    task.release.set()
    found = await asyncio.gather(*callers, return_exceptions=True)
    assert found == [task.error] * 3
    assert (task.runs, len(flight)) == (1, 0)


async def test_a_cancelled_caller_stops_no_other(flight: Flight) -> None:
    task = Task()
    first, second = (asyncio.create_task(flight.run("a", task)) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    task.release.set()
    assert await second == (1 if isinstance(flight, SingleFlight) else 2)
    assert first.cancelled() and len(flight) == 0


async def test_a_flight_is_cancelled_with_its_last_caller() -> None:
    flight, task = SingleFlight[str, int](), Task()
    callers = [asyncio.create_task(flight.run("a", task)) for _ in range(2)]
    await settle()
    for caller in callers:
        caller.cancel()
    await asyncio.gather(*callers, return_exceptions=True)
    assert len(flight) == 0
    task.release.set()
    assert await flight.run("a", task) == 2


async def test_requests_that_arrive_during_a_batch_form_the_next() -> None:
    batches: list[list[int]] = []
    release = asyncio.Event()

    async def load_batch(numbers: Sequence[int]) -> list[int]:
        batches.append(list(numbers))
        await release.wait()
        return [number * 10 for number in numbers]

    batcher = Batcher(load_batch)
    first = asyncio.create_task(batcher.load(1))
    await settle()
    others = [asyncio.create_task(batcher.load(number)) for number in (2, 3)]
    await settle()
    release.set()
    assert await asyncio.gather(first, *others) == [10, 20, 30]
    assert batches == [[1], [2, 3]]


async def test_an_error_of_a_batch_is_the_error_of_its_requests_only() -> None:
    async def load_batch(numbers: Sequence[int]) -> list[int]:
        if 0 in numbers:
            raise ValueError("zero")
        return list(numbers)

    batcher = Batcher(load_batch)
    with pytest.raises(ValueError, match="zero"):
        await batcher.load(0)
    assert await batcher.load(1) == 1


async def test_a_closed_batcher_leaves_nobody_waiting() -> None:
    async def load_batch(numbers: Sequence[int]) -> list[int]:
        await asyncio.Event().wait()
        return []

    batcher = Batcher(load_batch)
    waiting = [asyncio.create_task(batcher.load(number)) for number in range(3)]
    await settle()
    await batcher.close()
    assert all(
        isinstance(item, asyncio.CancelledError) for item in await asyncio.gather(*waiting, return_exceptions=True)
    )


@pytest.mark.parametrize("count", [1, 3])
async def test_prefetch_produces_a_bounded_number_ahead(count: int) -> None:
    produced = 0

    async def numbers() -> AsyncGenerator[int]:
        nonlocal produced
        for number in range(10):
            produced += 1
            yield number

    found = []
    async with aclosing(prefetch(numbers(), count)) as items:
        async for number in items:
            await settle()
            assert produced <= number + 1 + count
            found.append(number)
    assert found == list(range(10))


async def test_prefetch_passes_on_an_error_after_what_came_before_it() -> None:
    async def numbers() -> AsyncGenerator[int]:
        yield 1
        yield 2
        raise ValueError("three")

    async with aclosing(prefetch(numbers(), 5)) as items:
        assert [await anext(items), await anext(items)] == [1, 2]
        with pytest.raises(ValueError, match="three"):
            await anext(items)


async def test_prefetch_that_is_left_early_closes_its_source() -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncGenerator[int]:
        try:
            while True:
                yield 1
                await asyncio.sleep(0)
        finally:
            closed.set()

    async with aclosing(prefetch(endless(), 2)) as items:
        await anext(items)
    assert closed.is_set()


class Double(Work[int]):
    """Doubles its number, later ones sooner; records how many run at a time."""

    running = most = 0

    def __init__(self, number: int) -> None:
        self.number = number

    async def run(self) -> int:
        Double.running += 1
        Double.most = max(Double.most, Double.running)
        for _ in range(20 - self.number % 20):
            await asyncio.sleep(0)
        Double.running -= 1
        return 2 * self.number


async def start(numbers: Sequence[int]) -> list[Entry[int]]:
    """Every third number is known at once, every third is work, every third is work in future."""
    entries: list[Entry[int]] = []
    for number in numbers:
        if number % 3 == 0:
            entries.append(2 * number)
        elif number % 3 == 1:
            entries.append(Double(number))
        else:
            future: asyncio.Future[int | Work[int]] = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(future.set_result, Double(number) if number % 2 else 2 * number)
            entries.append(future)
    return entries


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("is_async", [True, False])
async def test_results_come_for_every_input_and_in_order_where_asked(ordered: bool, is_async: bool) -> None:
    Double.most = 0

    async def stream() -> AsyncIterator[int]:
        for number in range(200):
            yield number

    inputs = stream() if is_async else range(200)
    limits = PoolLimits(max_batch=16, max_unfinished=32, max_unconsumed=32)
    results = run_ordered(inputs, start, ordered=ordered, max_workers=lambda: 4, limits=limits)
    found = [number async for number in results]
    expected = [2 * number for number in range(200)]
    assert (found if ordered else sorted(found)) == expected
    assert Double.most <= 4


async def test_inputs_are_read_only_as_far_ahead_as_the_limits_allow() -> None:
    limits, read, consumed = PoolLimits(max_batch=8, max_unfinished=8, max_unconsumed=8), 0, 0

    def endless() -> Iterator[int]:
        nonlocal read
        while True:
            read += 1
            yield read

    async with aclosing(run_ordered(endless(), start, ordered=True, max_workers=lambda: 2, limits=limits)) as results:
        async for _ in results:
            consumed += 1
            assert read - consumed <= 4 * 8
            if consumed == 100:
                break


async def test_an_error_of_starting_a_batch_ends_the_stream_with_it() -> None:
    async def fail(numbers: Sequence[int]) -> list[Entry[int]]:
        raise ValueError("no batch")

    with pytest.raises(ValueError, match="no batch"):
        _ = [item async for item in run_ordered([1], fail, ordered=True, max_workers=lambda: 1)]


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("count", [0, 1, 5])
async def test_inputs_that_raise_do_so_after_the_results_of_those_before(is_async: bool, count: int) -> None:
    def read() -> Iterator[int]:
        yield from range(count)
        raise ValueError("damaged")

    async def stream() -> AsyncIterator[int]:
        for item in read():
            yield item

    async def start(batch: Sequence[int]) -> list[Entry[int]]:
        return [-item for item in batch]

    inputs = stream() if is_async else read()
    results = run_ordered(inputs, start, ordered=True, max_workers=lambda: 4, limits=PoolLimits(max_batch=2))
    assert [await anext(results) for _ in range(count)] == [-item for item in range(count)]
    with pytest.raises(ValueError, match="damaged"):
        await anext(results)
