"""Which worker gets a model: by its size, and by what the workers do."""

from __future__ import annotations

import pytest

from resolver.fleet.placement import WorkerState, choose_worker, find_largest

pytestmark = pytest.mark.pure

SMALL, LARGE = 100, 1_000


def make_workers(*loads: int, limits: tuple[int | None, ...] = (SMALL, SMALL, LARGE)) -> list[WorkerState]:
    """Workers that were given so many models each."""
    workers = [WorkerState(limit, 3) for limit in limits]
    for worker, load in zip(workers, loads, strict=False):
        for key in range(load):
            worker.assign(key, 10, alone=False)
    return workers


CASES = (
    ("a small model goes to the first idle small worker", (0, 0, 0), 50, 0),
    ("to the idle one of two", (1, 0, 0), 50, 1),
    ("to an idle large one before it waits behind another", (1, 1, 0), 50, 2),
    ("to the smallest that can hold it, where all are busy", (1, 2, 1), 50, 0),
    ("a large model goes to the large worker only", (0, 0, 2), 500, 2),
    ("and waits for it", (0, 0, 3), 500, None),
    ("what fits nowhere gets none", (0, 0, 0), 5_000, None),
    ("a model of unknown size goes anywhere", (3, 1, 3), None, 1),
    ("nobody has room", (3, 3, 3), 50, None),
)


@pytest.mark.parametrize(("loads", "size_bytes", "expected"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_the_worker_is_chosen_by_size_and_load(
    loads: tuple[int, ...], size_bytes: int | None, expected: int | None
) -> None:
    workers = make_workers(*loads)
    chosen = choose_worker(workers, size_bytes)
    assert (workers.index(chosen) if chosen is not None else None) == expected


def test_a_worker_that_is_kept_for_one_model_gets_no_other() -> None:
    (worker,) = workers = make_workers(2, limits=(None,))
    assert choose_worker(workers, 50, alone=True) is worker
    worker.assign("alone", 50, alone=True)
    assert choose_worker(workers, 50) is None and choose_worker(workers, 50, alone=True) is None
    worker.finish("alone")
    assert choose_worker(workers, 50) is worker


def test_a_worker_that_is_down_gets_nothing() -> None:
    workers = make_workers(0, 0, limits=(SMALL, SMALL))
    workers[0].is_down = True
    assert choose_worker(workers, 50) is workers[1]


def test_the_largest_worker() -> None:
    assert find_largest(make_workers()) == LARGE
    assert find_largest(make_workers(limits=(SMALL, None))) is None
