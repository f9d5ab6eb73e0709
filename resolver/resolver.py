"""`Resolver`: from a repo id to its decision, whole path, top to bottom."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

from msgspec.structs import replace

from registry.class_ref import ClassRef
from registry.defaults import default_registry
from registry.errors import UnknownNameError
from registry.registry import Registry
from resolver.answer import Answer, Failure
from resolver.cache.answer_cache import AnswerCache
from resolver.concurrency.batcher import Batcher
from resolver.concurrency.ordered_pool import answer_all
from resolver.concurrency.prefetch import ahead
from resolver.concurrency.single_flight import SingleFlight
from resolver.errors import OfflineError, UnknownTaskError
from resolver.hub.connection import Connection
from resolver.lookup.listing import pages
from resolver.lookup.lookup import Lookup, Request, RequestStream
from resolver.lookup.outcome import Outcome, Pending
from resolver.lookup.perform import Asker
from resolver.lookup.recall import Memory
from resolver.lookup.subfolder import SubfolderFacts, parse_subfolder
from resolver.resolution import Resolution
from resolver.settings import FilledSettings, Settings
from store.keys import DecisionKey
from store.store import MetadataStore

if TYPE_CHECKING:
    from resolver.loading.loaded import Loaded
    from resolver.loading.loader import Loader, Prepared
    from resolver.loading.options import LoadOptions


PAGES_AHEAD = 3
"""So many that the database is never waited for: it gets several at once when it is behind."""


class Resolver:
    """Resolves Hugging Face Hub repos, and remembers what it learned. Open it with `async with`.

    Its answers come, in this order, from the store while they are fresh, from the Hub, and offline from the local
    Hugging Face cache. Any number of tasks of one event loop may use one resolver.
    """

    def __init__(self, settings: Settings | None = None, *, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives the time in seconds since 1970, UTC.

        Raises:
            SettingsError: a setting, or the environment variable it comes from, cannot be used.
        """
        self._settings: FilledSettings = (settings or Settings()).filled()
        self._registry: Registry = self._settings.registry or default_registry()
        self._clock = clock
        self._store = MetadataStore(self._settings.store, is_optional=True)
        self._connection = Connection(self._settings)
        self._hot = AnswerCache(self._settings.policy, clock)
        self._asker = Asker(
            self._settings, self._registry, self._store, self._connection, clock, watch=self._hot.forget
        )
        self._memory = Memory(
            self._settings, self._store, self._connection, self._asker.recorder, self._asker.decide, clock
        )
        self._looking = Lookup(self._settings, self._store, self._memory, self._asker)
        self._single: Batcher[tuple[Request, DecisionKey], Answer | Pending] = Batcher(self._looking.look_up_alike)
        self._below = SubfolderFacts(self._settings, self._store, self._connection, self._asker.recorder)
        self._alike: SingleFlight[tuple[str, str | None, str | None, str | None], Answer] = SingleFlight()
        self._exits = AsyncExitStack()
        self._loader: Loader | None = None

    async def __aenter__(self) -> Self:
        """Raises:
        StoreError: the store is not one of ours. One that has no place to be is done without.
        """
        await self._exits.enter_async_context(self._store)
        self._exits.push_async_callback(self._memory.close)
        self._exits.push_async_callback(self._asker.recorder.close)
        await self._exits.enter_async_context(self._connection)
        self._exits.push_async_callback(self._single.close)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exits.aclose()

    @property
    def requests(self) -> dict[str, int]:
        """Requests sent to the Hub so far, by the bucket it counts them in (`api`, `resolvers`)."""
        return self._connection.requests

    @property
    def quota_left(self) -> dict[str, int]:
        """Requests that the Hub still allows in the current window, by bucket, as far as it has said."""
        return self._connection.quota_left

    async def resolve(
        self,
        repo_id: str,
        revision: str | None = None,
        task: str | None = None,
        *,
        library: str | None = None,
        subfolder: str = "",
    ) -> Resolution:
        """The answer for one repo ("org/name", "org/name@revision") or local folder.

        `revision` is a branch, tag or commit hash, by default "main". `task` and `library` say what the repo is to be
        used for and with; they are checked against its facts. With `subfolder` the answer is for what lies there.

        Raises:
            ResolveError: of the kind that says what can be done about it.
        """

        if subfolder := parse_subfolder(subfolder):
            asked, root = self._asked(task, library), await self.resolve(repo_id, revision)
            facts = await self._below.get_facts(root, subfolder)
            return replace(root, decision=self._asker.decide(facts, asked))
        if isinstance(repo_id, str) and (hot := self._hot.get(repo_id, revision, task, library)) is not None:
            self._memory.hits += 1
            return hot
        asked = self._asked(task, library)

        async def one() -> Answer:
            entry = await self._single.ask(((repo_id, revision), asked))
            if isinstance(entry, (Resolution, Failure)):
                answer = entry
            else:
                answer = await (await entry()).get()
            if isinstance(answer, Resolution):
                self._hot.keep(answer, task, library)
            return answer

        # Everyone who asks while one look-up is under way, its storing included, shares it.
        item = await self._alike.run((repo_id, revision, task, library), one)
        if isinstance(item, Failure):
            raise item.error
        return item

    async def list_files(self, repo_id: str, revision: str | None = None, *, subfolder: str = "") -> tuple[str, ...]:
        """Paths of all files of a repo or local folder, or of those in `subfolder` relative to it, sorted.

        Raises:
            ResolveError: of the kind that says what can be done about it.
        """
        subfolder = parse_subfolder(subfolder)
        return await self._below.list_files(await self.resolve(repo_id, revision), subfolder)

    async def resolve_many(
        self,
        ids: RequestStream,
        *,
        revision: str | None = None,
        task: str | None = None,
        library: str | None = None,
        ordered: bool = True,
    ) -> AsyncGenerator[Resolution | Failure]:
        """An answer for each of `ids`, as they come, or with `ordered` in the order asked for.

        `ids` holds "org/name", "org/name@rev", (id, revision) or local folders; it may be endless, and is read only as
        far ahead as there is work. `revision` counts for those that name none. Who leaves the loop early closes the
        iterator (`contextlib.aclosing`), which ends the work under way.

        Raises:
            UnknownTaskError: `task` or `library` is not one the registry knows.
        """
        asked = self._asked(task, library)
        look_up = partial(self._looking.look_up, revision=revision, asked=asked)
        answers = answer_all(ids, look_up, ordered=ordered, at_once=self._at_once)
        async with aclosing(answers) as items:
            async for item in items:
                if self._hot.has_room and isinstance(item, Resolution):
                    self._hot.keep(item, task, library)
                yield item

    async def resolve_listing(
        self,
        author: str | None = None,
        search: str | None = None,
        filter: str | Sequence[str] | None = None,  # noqa: A002 (the Hub's name for it)
        limit: int | None = None,
        *,
        task: str | None = None,
        library: str | None = None,
    ) -> AsyncGenerator[Resolution | Failure]:
        """An answer for each repo that the Hub lists, in its order, at its default branch: one request for each page of
        up to 1,000 repos, and `config.json` only where the listing does not settle the answer.

        `author` is a user or organisation, `search` a part of the name, `filter` one or more tags that must all be
        there, `limit` the most repos wanted.

        Raises:
            OfflineError: a listing can only be had from the Hub.
            HubError: the Hub cannot be asked, or has no listing.
            UnknownTaskError: `task` or `library` is not one the registry knows.
        """
        asked = self._asked(task, library)
        if self._settings.offline:
            raise OfflineError("a listing can only be had from the Hub, which may not be asked while offline")
        filters = [filter] if isinstance(filter, str) else list(filter or ())
        client = await self._connection.open_client()
        listed = pages(client, self._settings.endpoint, author=author, search=search, filters=filters, limit=limit)

        async def take() -> AsyncGenerator[list[Outcome]]:
            async with aclosing(ahead(listed)) as listing:
                async for page in listing:
                    yield await self._asker.take_page(client, page, asked)

        # A page comes in while others are decided, and those while others are stored.
        async with aclosing(ahead(take(), PAGES_AHEAD)) as outcomes:
            async for page in outcomes:
                for outcome in page:
                    yield await outcome.get()

    async def load(
        self, repo_id: str, revision: str | None = None, task: str | None = None, **options: Unpack[LoadOptions]
    ) -> Any:
        """The model itself, at the commit that the revision stands at, in eval mode; loaded off the event loop.

        The class is the one that `resolve` names for the repo, or for `task`. Its files are fetched with
        huggingface_hub, as far as they are not in its cache; where all are, no request is sent. `options` are those
        of `resolver.loading.options.Options`: `device`, `dtype`, `subfolder`, `variant`, `trust_remote_code`…

        Raises:
            ResolveError: the repo cannot be resolved, or its files cannot be had.
            ModelLoadError: it cannot be loaded here, for the reason that the kind of error tells.
        """
        prepared = await self.prepare_load(repo_id, revision, task, **options)
        model, *_ = await self._open_loader().instantiate(prepared)
        return model

    async def prepare_load(
        self,
        repo_id: str,
        revision: str | None = None,
        task: str | None = None,
        *,
        as_class: ClassRef | None = None,
        **options: Unpack[LoadOptions],
    ) -> Prepared:
        """All that `load` does before it calls the library: checks, and the files. `load_prepared` does the rest.

        `as_class` is the class to call instead of the one that is named for the repo.

        Raises: as `load`.
        """
        from resolver.loading.options import Options

        wanted = Options(**options)
        asked = (task, wanted.library) if not wanted.subfolder else (None, None)
        # What is in the subfolder may be for another task than the whole.
        resolution = await self.resolve(repo_id, revision, asked[0], library=asked[1])
        return await self._open_loader().prepare(resolution, wanted, as_class=as_class, task=task)

    async def load_many(
        self,
        ids: RequestStream,
        *,
        revision: str | None = None,
        task: str | None = None,
        ordered: bool = True,
        max_resident_bytes: int | None = None,
        **options: Unpack[LoadOptions],
    ) -> AsyncGenerator[Loaded | Failure]:
        """A `Loaded` or a `Failure` for each of `ids`: in their order, or else as their files are there.

        Files are fetched ahead of loading, for a bounded number of repos. A model given is let go when the next one
        is asked for, unless `Loaded.keep` was called. With `max_resident_bytes`, models are loaded ahead as well, and
        no more of them are in memory than it allows: a model counts, as measured, for as long as anything refers to
        it. Everything else is as for `resolve_many` and `load`.
        """
        from resolver.loading.many import load_all
        from resolver.loading.options import Options

        wanted = Options(**options)
        asked = {"library": wanted.library, "task": task} if not wanted.subfolder else {}
        answers = self.resolve_many(ids, revision=revision, ordered=ordered, **asked)
        loading = load_all(
            answers, self._open_loader(), wanted, task=task, ordered=ordered, max_resident_bytes=max_resident_bytes
        )
        async with aclosing(loading) as items:
            async for item in items:
                yield item

    def _open_loader(self) -> Loader:
        if self._loader is None:
            from resolver.loading.loader import Loader

            self._loader = Loader(
                self._settings, self._registry, self._connection, resolve=self.resolve, get_facts=self._below.get_facts
            )
            self._exits.push_async_callback(self._loader.close)
        return self._loader

    def _at_once(self) -> int:
        """How many repos are worked on: one for each request for model info, and those that wait for something else."""
        most = self._settings.concurrency
        return most + (most if self._store.has_claims else min(most, self._connection.file_requests_in_flight))

    def _asked(self, task: str | None, library: str | None) -> DecisionKey:
        try:
            return DecisionKey(
                self._registry.digest(),
                self._registry.canonical_task(task) if task is not None else None,
                self._registry.canonical_library(library) if library is not None else None,
            )
        except UnknownNameError as error:
            raise UnknownTaskError(str(error)) from error
