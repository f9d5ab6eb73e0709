"""`PublicHubClient`: sends requests with a token, and answers what a request without the token would get.

The token's quota is used for what is public, which is nearly everything. Where the Hub does not say that a repo is
public, its response is dropped, and the repo is requested once more without the token. Nothing that was learned with
the token is passed on then, not even that the repo exists.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from types import TracebackType
from typing import Self

from registry.facts import CommitHash, HubHints
from resolver.errors import HubUnavailableError, RateLimitedError, ResolveError
from resolver.hub.client import FetchedFile, HubClient, RepoClient
from resolver.hub.pacing.pacer import Pacer
from resolver.hub.payloads import ModelInfo
from resolver.hub.response import Bucket
from resolver.repo_id import RepoRevision


def is_public(hints: HubHints) -> bool:
    """Whether the Hub said that everybody may see the repo and its files. Pure."""
    return hints.private is False and hints.gated is None and not hints.disabled


class PublicHubClient(HubClient):
    """Two clients of one Hub, with a token and without. It is used as a `HubClient`."""

    def __init__(self, with_token: HubClient, without_token: HubClient) -> None:
        self._with_token = with_token
        self._without_token = without_token

    async def __aenter__(self) -> Self:
        await self._with_token.__aenter__()
        await self._without_token.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._without_token.__aexit__(kind, error, trace)
        finally:
            await self._with_token.__aexit__(kind, error, trace)

    @property
    def requests(self) -> Counter[Bucket]:
        """Requests sent so far, with the token and without."""
        return self._with_token.requests + self._without_token.requests

    @property
    def longest_wait_s(self) -> float:
        """The longest single wait, in seconds, that the Hub asked for."""
        return max(self._with_token.longest_wait_s, self._without_token.longest_wait_s)

    @property
    def pacers(self) -> dict[Bucket, Pacer]:
        """What is known of each of the token's quotas."""
        return self._with_token.pacers

    def find_room(self, bucket: Bucket) -> tuple[int | None, float]:
        """As the method of `HubClient`, for the token's quota."""
        return self._with_token.find_room(bucket)

    @property
    def file_requests_in_flight(self) -> int:
        """How many requests for files are in flight."""
        return self._with_token.file_requests_in_flight + self._without_token.file_requests_in_flight

    def begin_repo(self, hints: HubHints | None = None) -> RepoClient:
        """As the method of `HubClient`; files of a repo that neither `hints` nor its model info say to be public are
        requested without the token.
        """
        return _PublicRepoClient(
            self._with_token.begin_repo(), self._without_token.begin_repo(), is_known_public=_is_known_public(hints)
        )

    async def fetch_listing(self, url: str) -> tuple[list[ModelInfo | RepoRevision], str | None]:
        """As the method of `HubClient`, without the repos that the page does not say to be public."""
        items, next_url = await self._with_token.fetch_listing(url)
        return [item for item in items if isinstance(item, ModelInfo) and is_public(item.hints)], next_url


class _PublicRepoClient(RepoClient):
    """Asks for one repo, first with the token. Which client answers is chosen by model info."""

    def __init__(self, with_token: RepoClient, without_token: RepoClient, *, is_known_public: bool) -> None:
        self._with_token = with_token
        self._without_token = without_token
        self._chosen: RepoClient | None = with_token if is_known_public else without_token
        """None while the Hub is asked whether the repo is public."""
        self._choice: asyncio.Future[RepoClient] | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._with_token.__exit__(kind, error, trace)
        self._without_token.__exit__(kind, error, trace)

    @property
    def has_large_body(self) -> bool:
        """Whether a response was large."""
        return self._with_token.has_large_body or self._without_token.has_large_body

    async def fetch_model_info(self, target: RepoRevision) -> ModelInfo:
        """As the method of `RepoClient`.

        Raises:
            HubError: with the token, only that the quota is used up or the Hub cannot be reached; all else without it.
        """
        self._chosen, self._choice = None, asyncio.get_running_loop().create_future()
        try:
            info = await self._with_token.fetch_model_info(target)
        except (RateLimitedError, HubUnavailableError):
            self._choose(self._with_token)
            raise
        except ResolveError:
            # It may say that the repo exists, or what else the token may see.
            pass
        else:
            if is_public(info.hints):
                self._choose(self._with_token)
                return info
        self._choose(self._without_token)
        return await self._without_token.fetch_model_info(target)

    def _choose(self, client: RepoClient) -> None:
        self._chosen = client
        if self._choice is not None and not self._choice.done():
            self._choice.set_result(client)

    async def fetch_file(self, target: RepoRevision, path: str) -> FetchedFile:
        """As the method of `RepoClient`. Requested at the same time as model info, the file is dropped and requested
        again where the repo turns out not to be public.
        """
        if self._chosen is not None or self._choice is None:
            return await (self._chosen or self._without_token).fetch_file(target, path)
        early = asyncio.create_task(self._with_token.fetch_file(target, path))
        try:
            chosen = await asyncio.shield(self._choice)
            if chosen is self._with_token:
                return await early
        finally:
            if not early.done():
                early.cancel()
            await asyncio.gather(early, return_exceptions=True)
        return await chosen.fetch_file(target, path)

    async def fetch_text(self, target: RepoRevision, path: str) -> tuple[bytes | None, CommitHash | None]:
        """As the method of `RepoClient`; without the token, unless the repo is known to be public."""
        return await (self._chosen or self._without_token).fetch_text(target, path)

    async def is_dataset(self, repo_id: str) -> bool:
        """As the method of `RepoClient`."""
        return await (self._chosen or self._without_token).is_dataset(repo_id)


def _is_known_public(hints: HubHints | None) -> bool:
    return hints is not None and is_public(hints)
