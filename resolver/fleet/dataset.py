"""`resolve_dataset`: resolves a Ray dataset of ids with a pool of actors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resolver.fleet.cluster import check_shared_store, import_ray
from resolver.fleet.resolve_batch import ResolveBatch
from resolver.settings import Settings

if TYPE_CHECKING:
    from ray.data import ActorPoolStrategy, Dataset

AUTHOR = "__author__"
"""The column by which rows are spread; it is there only while they are."""

BLOCKS_PER_ACTOR = 4
"""Blocks of the dataset for each actor. With several of them, the other actors take over from a slow or dead one."""

CPUS_PER_ACTOR = 0.5
"""The CPUs that an actor reserves. It mostly waits for the Hub, and Ray needs free CPUs to read and spread the rows."""

BATCH_SIZE = 1_000
"""Ids of one call: a page of an author's listing has as many."""


def resolve_dataset(
    dataset: Dataset,
    settings: Settings | None = None,
    column: str = "repo_id",
    *,
    revision: str | None = None,
    task: str | None = None,
    library: str | None = None,
    compute: ActorPoolStrategy | None = None,
    batch_size: int = BATCH_SIZE,
    num_cpus: float = CPUS_PER_ACTOR,
    **ray_remote_args: Any,
) -> Dataset:
    """`dataset` with the columns of an answer beside its own, as `ResolveBatch` gives them; lazy, as all of Ray's.

    All ids of an author go to one actor at a time, so that one listing answers many of them, and no id is asked twice.
    The order of the rows changes. `compute` is Ray's pool of actors (default: one for each CPU of the cluster, up to
    four), `num_cpus` what each of them reserves; `ray_remote_args` are for the actors: `memory`, `runtime_env`…

    Raises:
        ImportError: Ray or pyarrow is not installed.
        SettingsError: the cluster has several machines, and the store is a SQLite file.
        ValueError: the dataset has no column of this name.
    """
    ray = import_ray()
    settings = settings or Settings()
    # Ray knows the columns of most datasets before it runs them.
    known = dataset.columns(fetch_if_missing=False)
    if known is not None and column not in known:
        raise ValueError(f"the dataset has no column {column!r}; it has {', '.join(map(repr, known))}")
    if not ray.is_initialized():
        ray.init()
    check_shared_store(settings)
    if compute is None:
        compute = ray.data.ActorPoolStrategy(size=max(1, min(4, int(ray.cluster_resources().get("CPU", 1)))))
    spread = dataset.map_batches(
        _add_author,  # type: ignore[arg-type]  # Ray's type of a function knows no keyword arguments
        fn_kwargs={"column": column},
        batch_format="pyarrow",
        batch_size=None,
    ).repartition(BLOCKS_PER_ACTOR * _get_size(compute), keys=[AUTHOR], sort=True)
    return spread.drop_columns([AUTHOR]).map_batches(
        ResolveBatch,
        fn_constructor_args=(settings, column),
        fn_constructor_kwargs={"revision": revision, "task": task, "library": library},
        batch_format="pyarrow",
        batch_size=batch_size,
        compute=compute,
        num_cpus=num_cpus,
        **ray_remote_args,
    )


def _get_size(compute: ActorPoolStrategy) -> int:
    """The most actors of a pool; that of a pool without a limit is its size at the start."""
    size = compute.max_size
    return int(size if size is not None and size != float("inf") else compute.initial_size or compute.min_size)


def _add_author(batch: Any, column: str) -> Any:
    import pyarrow

    authors = [str(value).partition("/")[0] for value in batch[column].to_pylist()]
    return batch.append_column(AUTHOR, pyarrow.array(authors, pyarrow.string()))
