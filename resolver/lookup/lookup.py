"""One look into the store for many requests: the answers that it gives, and the work that is left for the others."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import assert_never

from resolver.answer import Answer, Failure
from resolver.errors import ResolveError
from resolver.local.folder import folder_meant_by, names_here
from resolver.lookup.convert import from_store, remembered_problem
from resolver.lookup.outcome import Outcome, Pending, failed, until_stored
from resolver.lookup.perform import Asker
from resolver.lookup.recall import Memory
from resolver.lookup.step import AskHub, LookInHfCache, Refuse, Step, UseStored
from resolver.repo_id import RepoRevision, parse_repo_id
from resolver.settings import FilledSettings
from store.keys import DecisionKey
from store.store import MetadataStore

Request = str | Path | tuple[str, str | None]
"""A repo id, with or without "@revision"; a local folder; or an id with its revision (None: the default)."""

RequestStream = Iterable[Request] | AsyncIterable[Request]


class Lookup:
    """Turns requests into answers or into work; what is asked of the Hub is the asker's."""

    def __init__(self, settings: FilledSettings, store: MetadataStore, memory: Memory, asker: Asker) -> None:
        self._settings = settings
        self._store = store
        self._memory = memory
        self._asker = asker

    async def look_up(
        self, requests: Sequence[Request], revision: str | None, asked: DecisionKey
    ) -> list[Answer | Pending]:
        """For each request its answer, where one look into the store gives it, or the work that is left."""
        entries: list[Answer | Pending | None] = []
        here = names_here()
        wanted: list[tuple[int, RepoRevision]] = []
        for request in requests:
            repo_id, own_revision = request if isinstance(request, tuple) else (request, None)
            repo_id = str(repo_id) if isinstance(repo_id, Path) else repo_id
            is_name = isinstance(repo_id, str) and own_revision is None
            folder = folder_meant_by(repo_id, here) if is_name else None
            if folder is not None:
                entries.append(partial(self._resolve_folder, repo_id, folder, asked))
                continue
            try:
                parsed = _parse(repo_id, own_revision, revision)
            except ResolveError as error:
                entries.append(Failure(repo_id=str(repo_id), revision=own_revision or revision, error=error))
                continue
            wanted.append((len(entries), parsed))
            entries.append(None)
        steps = await self._memory.next_steps([item for _, item in wanted], asked)
        self._memory.count(steps)
        listed = await self._asker.list_authors(
            [item for (_, item), step in zip(wanted, steps, strict=True) if isinstance(step, AskHub)], asked
        )
        for (position, item), step in zip(wanted, steps, strict=True):
            if isinstance(step, UseStored):
                entries[position] = from_store(item, step)
            elif item in listed:
                entries[position] = listed[item]
            else:
                entries[position] = partial(self._perform, item, step, asked)
        return [entry for entry in entries if entry is not None]

    async def look_up_alike(self, requests: Sequence[tuple[Request, DecisionKey]]) -> list[Answer | Pending]:
        """As `look_up`, where not all ask for the same task and library."""
        entries: dict[int, Answer | Pending] = {}
        for asked in dict.fromkeys(asked for _, asked in requests):
            places = [place for place, request in enumerate(requests) if request[1] == asked]
            found = await self.look_up([requests[place][0] for place in places], None, asked)
            entries.update(zip(places, found, strict=True))
        return [entries[place] for place in range(len(requests))]

    async def _perform(self, wanted: RepoRevision, step: Step, asked: DecisionKey) -> Outcome:
        try:
            match step:
                case UseStored():
                    return Outcome(from_store(wanted, step))
                case Refuse():
                    raise step.error or remembered_problem(wanted, step.problem)
                case AskHub():
                    if self._store.has_claims or self._asker.just_learned(wanted) is not None:
                        return await self._ask_in_turn(wanted, step, asked)
                    return await self._asker.ask_hub(wanted, step.known, asked)
                case LookInHfCache():
                    return Outcome(await self._asker.look_in_hf_cache(wanted, asked))
                case _:
                    assert_never(step)
        except Exception as error:
            return failed(wanted.repo_id, wanted.revision, error)

    async def _ask_in_turn(self, wanted: RepoRevision, step: AskHub, asked: DecisionKey) -> Outcome:
        """Ask for what somebody else who uses the store may ask for now, or have stored since our look into it."""
        async with self._store.claim(self._settings.endpoint, wanted.repo_id, wanted.revision) as has_waited:
            stored = self._asker.just_learned(wanted)
            if (has_waited or stored is not None) and not self._settings.refresh:
                await until_stored(stored)
                (now,) = await self._memory.next_steps([wanted], asked)
                if not isinstance(now, AskHub):
                    return await self._perform(wanted, now, asked)
                step = now
            outcome = await self._asker.ask_hub(wanted, step.known, asked)
            if self._store.has_claims:
                # Whoever waits for the claim finds it in the store.
                await until_stored(outcome.stored)
            return outcome

    async def _resolve_folder(self, repo_id: str, folder: Path, asked: DecisionKey) -> Outcome:
        try:
            return Outcome(await self._asker.resolve_folder(repo_id, folder, asked))
        except Exception as error:
            return failed(repo_id, None, error)


def _parse(repo_id: str, own_revision: str | None, revision: str | None) -> RepoRevision:
    """The revision named with the id counts before the one for all."""
    has_own = own_revision is not None or (isinstance(repo_id, str) and "@" in repo_id)
    return parse_repo_id(repo_id, own_revision if has_own else revision)
