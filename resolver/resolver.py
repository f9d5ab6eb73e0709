"""`Resolver`: the public entry; wires the lookup, the caches, the Hub and the loader.

The path of a request is in `resolver.lookup.lookup`.
"""

from __future__ import annotations

import time
from asyncio import Future
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self, Unpack

from registry.class_ref import ClassRef
from registry.defaults import default_registry
from registry.errors import UnknownNameError
from registry.registry import Registry
from resolver.answer import Answer, Failure
from resolver.cache.answer_cache import AnswerCache
from resolver.cache.write_behind import WriteBehind
from resolver.concurrency.batcher import Batcher
from resolver.concurrency.home_loop import HomeLoop
from resolver.concurrency.ordered_pool import Entry, Work, run_ordered
from resolver.concurrency.prefetch import prefetch
from resolver.concurrency.single_flight import SingleFlight
from resolver.errors import InvalidRepoIdError, OfflineError, ResolveError, ResolverNotOpenError, UnknownTaskError
from resolver.hooks.hooks import GuardedHooks, Lookups
from resolver.hub.connection import Connection
from resolver.limits import DEFAULT_LIMITS, Limits
from resolver.lookup.context import LookupContext
from resolver.lookup.listing import ListingQuery, Page
from resolver.lookup.lookup import Lookup
from resolver.lookup.outcome import Outcome, Result
from resolver.lookup.recall import Recall
from resolver.lookup.request import Request, RequestStream, check_stream, parse_request, parse_subfolder
from resolver.lookup.stored import list_stored
from resolver.lookup.subfolder import SubfolderFacts
from resolver.lookup.walk import ListingWalk
from resolver.registry_in_force import get_registry
from resolver.repo_id import RepoRevision
from resolver.resolution import Resolution
from resolver.settings import FilledSettings, Settings
from resolver.shutdown import ENDING, is_process_ending
from store.keys import DecisionKey
from store.store import MetadataStore

if TYPE_CHECKING:
    from resolver.loading.loaded import Loaded
    from resolver.loading.loader import Loader
    from resolver.loading.options import LoadKwargs
    from resolver.loading.prepared import PreparedModel

PREFETCHED_PAGES = 3
"""Pages of a listing that are prefetched, so that the database never waits for the Hub."""

LOCKED_AHEAD = 4
"""Requests that are worked on with advisory locks, for each that may be in flight: a lock and a look into the store
come before each fetch (`benchmarks/fleet.py --only cost`).
"""

SingleRequest = tuple[Request, DecisionKey, str]
"""A request, what decisions it is answered with, and a subfolder ("" for none)."""


class Resolver:
    """Resolves Hugging Face Hub repos, and remembers the answers. Open it with `async with`.

    Answers come from the store while they are fresh, else from the Hub, and offline from the local Hugging Face cache.
    Any number of tasks of one event loop may use one resolver.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        clock: Callable[[], float] = time.time,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        """`clock` gives the time in seconds since 1970, UTC.

        Raises:
            SettingsError: a setting, or the environment variable it comes from, cannot be used.
        """
        self._settings: FilledSettings = (settings or Settings()).fill()
        self._registry: Registry = self._settings.registry or default_registry()
        self._clock = clock
        self._limits = limits
        self._store = MetadataStore(self._settings.store, is_optional=True, clock=clock)
        self._hooks = GuardedHooks(self._settings.hooks) if self._settings.hooks is not None else None
        self._connection = Connection(
            self._settings, limits.retry, limits.breaker, self._store.lease_quota, self._hooks
        )
        self._answer_cache = AnswerCache(self._settings.policy, clock, limits.answer_cache)
        self._write_behind = WriteBehind(self._store, limits.write_behind)
        self._wire()
        self._batcher: Batcher[SingleRequest, Entry[Result]] = Batcher(self._start_singles)
        self._flights: SingleFlight[tuple[str, str | None, str | None, str | None, str], Answer] = SingleFlight()
        self._exits = AsyncExitStack()
        self._home = HomeLoop()
        self._loader: Loader | None = None

    def _wire(self) -> None:
        """Make the parts of the path, which decide by `_registry`."""
        self._context = context = LookupContext(
            settings=self._settings,
            registry=self._registry,
            store=self._store,
            connection=self._connection,
            clock=self._clock,
            hooks=self._hooks,
        )
        self._recall = Recall(context, self._write_behind)
        self._subfolders = SubfolderFacts(context, self._write_behind)
        self._lookup = Lookup(
            context, self._recall, self._subfolders, self._write_behind, self._answer_cache, self._limits.listings
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Resolver holds connections and cannot be pickled or copied; send its Settings instead")

    async def __aenter__(self) -> Self:
        """Opens the store; a store that has no place to be is done without, with a warning.

        Raises:
            StoreError: the file or database is not a store of this program.
            ResolverNotOpenError: the process is ending.
        """
        if is_process_ending():
            # Before any thread is requested: from Python 3.12 on the end of `asyncio.run` would fail too.
            raise ResolverNotOpenError(ENDING)
        self._home.enter(self)
        await self._exits.enter_async_context(self._store)
        registry = await get_registry(self._store, self._settings.registry)
        if registry is not self._registry:
            self._registry = registry
            self._wire()
        self._exits.push_async_callback(self._store_counts)
        self._exits.push_async_callback(self._write_behind.close)
        await self._exits.enter_async_context(self._connection)
        self._exits.push_async_callback(self._lookup.close)
        self._exits.push_async_callback(self._batcher.close)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._home.is_foreign_process:
            # What is open belongs to the process that this one was forked from.
            self._exits.pop_all()
        else:
            self._check_home()
            await self._exits.aclose()
        self._home.leave()

    def _check_home(self) -> None:
        """Raises ResolverNotOpenError where the resolver cannot work."""
        problem = self._home.find_problem()
        if problem is not None:
            raise ResolverNotOpenError(f"the resolver {problem}")

    @property
    def registry_digest(self) -> str:
        """The digest of the rules that decide; they are those of the store once the resolver is open."""
        return self._registry.digest()

    @property
    def requests(self) -> dict[str, int]:
        """Requests sent to the Hub so far, by the bucket it counts them in (`api`, `resolvers`)."""
        return self._connection.requests

    @property
    def longest_wait_s(self) -> float:
        """The longest single wait, in seconds, that the Hub asked for so far, for its quota or because it was down."""
        return self._connection.longest_wait_s

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
        used for and with; they are checked against its facts. With `subfolder` the answer is for that folder.

        Raises:
            ResolveError: the kind says what can be done about it.
            ResolverNotOpenError: the resolver is not open in this event loop.
        """
        self._check_home()
        subfolder = parse_subfolder(subfolder)
        if not isinstance(repo_id, (str, Path)):
            raise InvalidRepoIdError(f"{repo_id!r:.100} is not a repo id; for many repos use resolve_many")
        if not subfolder and isinstance(repo_id, str):
            if (cached := self._answer_cache.get(repo_id, revision, task, library)) is not None:
                self._tell_hit()
                return cached
        decision_key = self._build_decision_key(task, library)
        # Concurrent callers of one request share one flight, storing included; a cancelled caller stops no other.
        key = (repo_id, revision, task, library, subfolder)
        answer = await self._flights.run(key, partial(self._resolve_single, repo_id, revision, decision_key, subfolder))
        if isinstance(answer, Failure):
            raise answer.error
        if not subfolder:
            self._answer_cache.put(answer, task, library)
        return answer

    def find_cached(
        self, repo_id: str, revision: str | None = None, task: str | None = None, library: str | None = None
    ) -> Resolution | None:
        """The answer of the answer cache, None where there is none; may be called from any thread."""
        cached = self._answer_cache.peek(repo_id, revision, task, library)
        if cached is not None:
            self._tell_hit()
        return cached

    def _tell_hit(self) -> None:
        if self._hooks is not None:
            self._hooks.on_lookups(Lookups(cache="answers", hits=1, misses=0))

    async def _resolve_single(
        self, repo_id: str, revision: str | None, decision_key: DecisionKey, subfolder: str
    ) -> Answer:
        entry = await self._batcher.load(((repo_id, revision), decision_key, subfolder))
        while isinstance(entry, (Work, Future)):
            entry = await (entry.run() if isinstance(entry, Work) else entry)
        return await entry.get() if isinstance(entry, Outcome) else entry

    async def _start_singles(self, requests: Sequence[SingleRequest]) -> list[Entry[Result]]:
        """As `Lookup.start_batch`, for requests with different tasks, libraries and subfolders."""
        entries: dict[int, Entry[Result]] = {}
        for group in dict.fromkeys((decision_key, subfolder) for _, decision_key, subfolder in requests):
            places = [place for place, request in enumerate(requests) if request[1:] == group]
            decision_key, subfolder = group
            started = await self._lookup.start_batch(
                [requests[place][0] for place in places], decision_key, subfolder=subfolder
            )
            entries.update(zip(places, started, strict=True))
        return [entries[place] for place in range(len(requests))]

    async def list_files(self, repo_id: str, revision: str | None = None, *, subfolder: str = "") -> tuple[str, ...]:
        """Paths of all files of a repo or local folder, or of those in `subfolder` relative to it, sorted.

        Raises:
            ResolveError: the kind says what can be done about it.
        """
        subfolder = parse_subfolder(subfolder)
        return await self._subfolders.list_files(await self.resolve(repo_id, revision), subfolder)

    async def resolve_many(
        self,
        ids: RequestStream,
        *,
        revision: str | None = None,
        task: str | None = None,
        library: str | None = None,
        subfolder: str = "",
        ordered: bool = True,
    ) -> AsyncGenerator[Resolution | Failure]:
        """An answer for each of `ids`, as they come, or with `ordered` in the order of `ids`.

        `ids` holds "org/name", "org/name@rev", (id, revision) or local folders. It may be endless: it is read only as
        far ahead as there is work. `revision` is for ids that name none. With `subfolder` the answers are for that
        folder of each repo. A caller that leaves the loop early closes the iterator (`contextlib.aclosing`), which
        cancels the work under way.

        Raises:
            TypeError: `ids` is a single id.
            UnknownTaskError: the registry does not know `task` or `library`.
            InvalidRepoIdError: `subfolder` is not a path inside a repo.
            ResolverNotOpenError: the resolver is not open in this event loop.
        """
        self._check_home()
        check_stream(ids)
        decision_key, subfolder = self._build_decision_key(task, library), parse_subfolder(subfolder)
        start_batch = partial(
            self._lookup.start_batch, decision_key=decision_key, revision=revision, subfolder=subfolder
        )
        results: AsyncGenerator[Result] = run_ordered(
            ids, start_batch, ordered=ordered, max_workers=self._count_workers, limits=self._limits.pool
        )
        async with aclosing(results) as items:
            async for item in items:
                answer = await item.get() if isinstance(item, Outcome) else item
                if self._answer_cache.has_room_for_batches and not subfolder and isinstance(answer, Resolution):
                    self._answer_cache.put(answer, task, library)
                yield answer

    async def resolve_listing(
        self,
        author: str | None = None,
        search: str | None = None,
        filter: str | Sequence[str] | None = None,  # noqa: A002 (the Hub's name for it)
        limit: int | None = None,
        *,
        task: str | None = None,
        library: str | None = None,
        since_s: float | None = None,
        resume: bool = False,
        sweep: bool = False,
    ) -> AsyncGenerator[Resolution | Failure]:
        """An answer for each repo that the Hub lists, at its default branch, the latest first: one request for each
        page of up to 1,000 repos, and small files only where neither the page nor the store settles the answer.

        `author` is a user or organisation, `search` a part of the name, `filter` one or more tags that must all be
        there, `limit` the most repos wanted; without these the listing is of all repos.

        `since_s` (seconds since 1970, UTC): only repos that were changed since then, those changed last coming first,
        or since the last complete run of the same listing, where that is longer ago; infinity: since that run alone, or
        all repos where there was none. `resume`: go on with the page
        where an earlier run of the same listing was interrupted, if one was. `sweep`: after the last page, also an
        answer for each repo in the store that the listing should have had and had not: it is gone or private by now,
        or the Hub has left it out.

        Raises:
            OfflineError: only the Hub has listings.
            HubError: the Hub cannot be reached, or has no listing.
            UnknownTaskError: the registry does not know `task` or `library`.
            ValueError: `sweep` is asked of a listing that has not all repos of an author, or of the Hub.
        """
        self._check_home()
        decision_key = self._build_decision_key(task, library)
        if self._settings.offline:
            raise OfflineError("only the Hub has listings, and it must not be asked while offline")
        filters = (filter,) if isinstance(filter, str) else tuple(filter or ())
        if sweep and (search is not None or filters or limit is not None or since_s is not None):
            raise ValueError("a sweep needs a listing of all repos, or of all repos of an author")
        client = await self._connection.open_client()
        walk = ListingWalk(
            self._context,
            client,
            ListingQuery(author=author, search=search, filters=filters),
            limit=limit,
            since_s=since_s,
            resume=resume,
            limits=self._limits.listings,
        )

        async def resolve_pages() -> AsyncGenerator[tuple[Page, list[Outcome]]]:
            async with aclosing(prefetch(walk.fetch_pages())) as fetched:
                async for page in fetched:
                    yield page, await self._lookup.resolve_page(client, page.items, decision_key)

        # A page is fetched while others are decided, and those while others are stored.
        async with aclosing(prefetch(resolve_pages(), PREFETCHED_PAGES)) as resolved:
            async for page, outcomes in resolved:
                for outcome in outcomes:
                    answer = await outcome.get()
                    walk.count(answer)
                    yield answer
                await walk.finish_page(page)
        await walk.finish()
        if sweep:
            async with aclosing(self._sweep(walk.started_at_s, author, decision_key)) as swept:
                async for answer in swept:
                    yield answer

    async def _sweep(
        self, before_s: int, author: str | None, decision_key: DecisionKey
    ) -> AsyncGenerator[Resolution | Failure]:
        """An answer for each public repo in the store that was last checked before `before_s`, from the Hub."""
        pages = self._store.list_unseen(self._settings.endpoint, before_s, author=author)
        names = [name async for page in pages for name in page]
        start_batch = partial(self._lookup.start_checks, decision_key=decision_key)
        results: AsyncGenerator[Result] = run_ordered(
            names, start_batch, ordered=False, max_workers=self._count_workers, limits=self._limits.pool
        )
        async with aclosing(results) as items:
            async for item in items:
                yield await item.get() if isinstance(item, Outcome) else item

    async def list_known(self, author: str | None = None) -> AsyncGenerator[Answer]:
        """The answer for each public repo and revision of this endpoint that the store knows, whatever its age, those
        stored first coming first; with `author` only theirs. Nothing is requested, and nothing is written.

        Raises:
            StoreError: the store cannot be read.
            ResolverNotOpenError: the resolver is not open in this event loop.
        """
        self._check_home()
        listed = list_stored(
            self._store,
            self._registry,
            endpoint=self._settings.endpoint,
            max_age_s=self._settings.max_age_s,
            now_s=self._clock(),
            author=author,
        )
        async with aclosing(listed) as answers:
            async for answer in answers:
                yield answer

    async def load(
        self, repo_id: str, revision: str | None = None, task: str | None = None, **options: Unpack[LoadKwargs]
    ) -> Any:
        """The model itself, at the commit that the revision points to, in eval mode; loaded off the event loop.

        The class is the one that `resolve` names for the repo, or for `task`. Files that are not in the Hugging Face
        cache are fetched with huggingface_hub; where all are there, no request is sent. `options` are those of
        `resolver.loading.options.LoadOptions`: `device`, `dtype`, `subfolder`, `variant`, `trust_remote_code`…

        Raises:
            ResolveError: the repo cannot be resolved, or its files cannot be fetched.
            ModelLoadError: it cannot be loaded here; the kind says why.
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
        **options: Unpack[LoadKwargs],
    ) -> PreparedModel:
        """What `load` does before it calls the library: checks, and the files. `load_prepared` does the rest.

        `as_class` is the class to call instead of the one that is decided for the repo. Raises the same errors as
        `load`.
        """
        from resolver.loading.options import LoadOptions

        load_options = LoadOptions(**options)
        # A subfolder may be for another task than the whole repo.
        task_of_repo, library = (task, load_options.library) if not load_options.subfolder else (None, None)
        prepare = partial(self._open_loader().prepare, options=load_options, as_class=as_class, task=task)
        if (cached := await self._find_cached_commit(repo_id, revision, task_of_repo, library)) is not None:
            # Where the cache lacks files, the Hub is asked which there are.
            with suppress(ResolveError):
                return await prepare(cached)
        return await prepare(await self.resolve(repo_id, revision, task_of_repo, library=library))

    async def _find_cached_commit(
        self, repo_id: str, revision: str | None, task: str | None, library: str | None
    ) -> Resolution | None:
        """As `Lookup.find_cached_commit`; None also where the request is of another kind, or not right."""
        self._check_home()
        try:
            request = (repo_id, revision) if revision is not None else repo_id
            target = parse_request(request, ids_only=self._settings.ids_only)
            if not isinstance(target, RepoRevision):
                return None
            return await self._lookup.find_cached_commit(target, self._build_decision_key(task, library))
        except ResolveError:
            return None

    async def measure_weights(
        self, resolution: Resolution, task: str | None = None, **options: Unpack[LoadKwargs]
    ) -> int:
        """About the bytes that the weights will take in memory when `load` loads them with these options, before they
        are fetched. Without an adapter's base. It is computed from the answer's `weight_bytes` and `parameters`; where
        they do not tell, it is the size of the files that `load` would read: one request, where they are not in the
        Hugging Face cache.

        Raises:
            ModelLoadError: it cannot be loaded with these options.
            ResolveError: the Hub does not tell.
        """
        from resolver.loading.options import LoadOptions

        return await self._open_loader().measure_weights(resolution, LoadOptions(**options), task=task)

    async def load_many(
        self,
        ids: RequestStream,
        *,
        revision: str | None = None,
        task: str | None = None,
        ordered: bool = True,
        max_resident_bytes: int | None = None,
        **options: Unpack[LoadKwargs],
    ) -> AsyncGenerator[Loaded | Failure]:
        """A `Loaded` or a `Failure` for each of `ids`: in their order, or else as soon as their files are there.

        Files are prefetched for a bounded number of repos. A model is released when the next one is requested, unless
        `Loaded.keep` was called. With `max_resident_bytes`, models are loaded ahead as well, and no more of them are in
        memory than it allows: a model counts, as measured, for as long as anything refers to it. Everything else is as
        for `resolve_many` and `load`.
        """
        from resolver.loading.many import load_all
        from resolver.loading.options import LoadOptions

        load_options = LoadOptions(**options)
        # A subfolder may be for another task than the whole repo.
        task_of_repo, library = (task, load_options.library) if not load_options.subfolder else (None, None)
        answers = self.resolve_many(ids, revision=revision, task=task_of_repo, library=library, ordered=ordered)
        loading = load_all(
            answers,
            self._open_loader(),
            load_options,
            task=task,
            ordered=ordered,
            max_resident_bytes=max_resident_bytes,
            limits=self._limits.loading,
        )
        async with aclosing(loading) as items:
            async for item in items:
                yield item

    def _open_loader(self) -> Loader:
        if self._loader is None:
            from resolver.loading.loader import Loader

            self._loader = Loader(
                self._settings,
                self._registry,
                self._connection,
                resolve=self.resolve,
                get_facts=self._subfolders.get_facts,
            )
            self._exits.push_async_callback(self._loader.close)
        return self._loader

    def _count_workers(self) -> int:
        """How many requests are worked on: one for each model info in flight, one for each that waits for a file, and
        with `partial` those that wait for model info, so that files are read meanwhile.

        With advisory locks more of them, that are locked and looked up while others are fetched.
        """
        concurrency = self._settings.concurrency
        if self._store.has_other_workers:
            return LOCKED_AHEAD * concurrency + self._lookup.waiting_for_info
        waiting = min(concurrency, self._connection.file_requests_in_flight)
        return concurrency + waiting + self._lookup.waiting_for_info

    def _build_decision_key(self, task: str | None, library: str | None) -> DecisionKey:
        try:
            return DecisionKey(
                self._registry.digest(),
                self._registry.normalize_task(task) if task is not None else None,
                self._registry.normalize_library(library) if library is not None else None,
            )
        except UnknownNameError as error:
            raise UnknownTaskError(str(error)) from error

    async def _store_counts(self) -> None:
        """Add hits and misses to the store's own counts."""
        hits, misses = self._recall.hits + self._answer_cache.hits, self._recall.misses
        if hits or misses:
            await self._store.add_lookups(hits, misses, now_s=self._clock())
