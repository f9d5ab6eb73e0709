"""`ResolveBatch`: resolves the ids of Arrow tables, for `ray.data.Dataset.map_batches`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resolver.answer import Answer
from resolver.blocking import BackgroundResolver
from resolver.frames import build_arrow_schema
from resolver.lookup.request import Request, UnusableRequest
from resolver.resolver import Resolver
from resolver.row import ROW_KEYS
from resolver.settings import Settings

if TYPE_CHECKING:
    import pyarrow


class ResolveBatch:
    """A callable class: an Arrow table with a column of ids in, the same rows with the columns of an answer out.

        dataset.map_batches(
            ResolveBatch, fn_constructor_args=(settings,), batch_format="pyarrow", compute=ActorPoolStrategy(size=4)
        )

    Each actor has one `Resolver`, on a loop of its own, which is closed when Ray ends the actor. The answers of a batch
    are stored before it is returned. The token is read from the environment of the worker: settings are pickled without
    it.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        column: str = "repo_id",
        *,
        revision: str | None = None,
        task: str | None = None,
        library: str | None = None,
    ) -> None:
        """`column` holds the ids; `revision`, `task` and `library` are those of `Resolver.resolve_many`."""
        self._settings = settings or Settings()
        self._column = column
        self._revision, self._task, self._library = revision, task, library
        self._schema = build_arrow_schema()
        self._background = BackgroundResolver(max_open=1)

    def __call__(self, batch: pyarrow.Table) -> pyarrow.Table:
        """The rows of `batch` in their order. Columns that are named as a key of an answer's row are replaced by it,
        all others are kept.

        Raises:
            KeyError: the table has no column of that name.
            UnknownTaskError: the registry does not know the task or library.
            SettingsError, StoreError: the resolver cannot be opened. A database that does not answer is done without.
        """
        import pyarrow

        requests = [_build_request(value) for value in batch[self._column].to_pylist()]
        answers = self._resolve(requests) if requests else []
        answered = pyarrow.Table.from_pylist([answer.to_dict() for answer in answers], schema=self._schema)
        kept = [name for name in batch.column_names if name not in ROW_KEYS]
        for place, name in enumerate(kept):
            answered = answered.add_column(place, batch.schema.field(name), batch[name])
        return answered

    def close(self) -> None:
        """Close the resolver. A later call opens it again."""
        self._background.close()

    def __del__(self) -> None:
        # Ray deletes the object in the shutdown hook of its actor.
        if hasattr(self, "_background"):
            self.close()

    def _resolve(self, requests: list[Request]) -> list[Answer]:
        async def work(resolver: Resolver) -> list[Answer]:
            answers = resolver.resolve_many(requests, revision=self._revision, task=self._task, library=self._library)
            return [answer async for answer in answers]

        return self._background.run(self._settings, work)


def _build_request(value: Any) -> Request:
    if isinstance(value, str):
        return value
    return UnusableRequest(str(value)[:200], f"{value!r:.100} is not a repo id: the column must hold texts")
