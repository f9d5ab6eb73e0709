"""`HubClient`: requests model info, small files and listing pages from a Hub, and parses the responses.

Requests for one repo go through a `RepoClient`, for what is bounded for each repo: time, and large bodies in memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

from msgspec import Struct
from yarl import URL

from registry.facts import ABSENT_FILE, CommitHash, FileState, HubHints, SmallFile
from resolver.errors import GatedRepoError, HubError, HubResponseError, RepositoryNotFoundError, RevisionNotFoundError
from resolver.hooks.hooks import Hooks
from resolver.hub import http_errors, payloads, urls
from resolver.hub.pacing.circuit_breaker import DEFAULT_BREAKER, BreakerPolicy
from resolver.hub.pacing.pacer import Pacer
from resolver.hub.pacing.quota_pacer import QuotaPacer
from resolver.hub.response import Bucket, HttpResponse
from resolver.hub.retry import DEFAULT_RETRY, RetryPolicy
from resolver.hub.transport import Transport
from resolver.repo_id import DEFAULT_REVISION, RepoRevision, is_commit_hash

logger = logging.getLogger(__name__)

MAX_DATASET_INFO_BYTES = 65_536

MAX_TEXT_BYTES = 1024 * 1024
"""Longest model card that is fetched."""


class FetchedFile(Struct, frozen=True, kw_only=True, gc=False):
    """A small file, and the commit that the server says it belongs to (None where it does not say)."""

    small_file: SmallFile
    commit_hash: CommitHash | None


class Server:
    """A server, and what its responses have shown of it; kept as long as its client is open."""

    def __init__(self, endpoint: str, *, has_token: bool) -> None:
        self.endpoint = endpoint
        self.endpoint_is_encoded = str(URL(endpoint)) == endpoint
        self.has_token = has_token
        self.expands: bool | None = None
        """Whether it knows the parameter `expand`, which Artifactory and Nexus may refuse. None: not known yet."""


class HubClient:
    """Fetches model info, small files and listing pages. Open it with `async with`, in the event loop that uses it."""

    def __init__(
        self,
        endpoint: str,
        token: str | None,
        *,
        concurrency: int,
        timeout_s: float,
        retry: RetryPolicy = DEFAULT_RETRY,
        breaker: BreakerPolicy = DEFAULT_BREAKER,
        open_pacer: Callable[[Bucket], Pacer] = lambda bucket: QuotaPacer(),
        hooks: Hooks | None = None,
    ) -> None:
        """`open_pacer` gives what keeps to the quota of a bucket: by default for this process alone."""
        self._server = Server(endpoint, has_token=bool(token))
        self._transport = Transport(
            endpoint,
            token,
            concurrency=concurrency,
            timeout_s=timeout_s,
            retry=retry,
            breaker=breaker,
            open_pacer=open_pacer,
            hooks=hooks,
        )

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.__aexit__(kind, error, trace)

    @property
    def requests(self) -> Counter[Bucket]:
        """Requests sent so far; redirects and retries count too."""
        return self._transport.requests

    @property
    def longest_wait_s(self) -> float:
        """The longest single wait, in seconds, that the Hub asked for."""
        return self._transport.longest_wait_s

    @property
    def pacers(self) -> dict[Bucket, Pacer]:
        """What is known of each of the Hub's quotas."""
        return self._transport.pacers

    def find_room(self, bucket: Bucket) -> tuple[int | None, float]:
        """How many requests of a bucket may be sent in its window, None where that is not known, and how many seconds
        the next one would wait.
        """
        pacer, now_s = self._transport.pacers[bucket], asyncio.get_running_loop().time()
        wait_s = 0.0 if pacer.awaits_response(now_s) else pacer.wait_s(now_s)
        return pacer.find_room(now_s), wait_s

    @property
    def file_requests_in_flight(self) -> int:
        """How many requests for files are in flight."""
        return self._transport.in_flight(Bucket.RESOLVERS)

    def begin_repo(self, hints: HubHints | None = None) -> RepoClient:
        """For the requests about one repo. Use it in a `with` block, which lasts until the responses are done with.

        `hints`: what a page of a listing said of it a moment ago, if it did.
        """
        return RepoClient(self._transport, self._server)

    async def fetch_listing(self, url: str) -> tuple[list[payloads.ModelInfo | RepoRevision], str | None]:
        """One page of a listing of models (see `urls.listing_url`), and the URL that it names for the next one.

        The caller checks that URL: a page of another origin would be requested with the token.

        Raises:
            HubError: the server does not respond, or has no such listing.
        """
        with self._transport.open_permit(is_page=True) as permit:
            return await self._transport.fetch(
                URL(url),
                Bucket.API,
                payloads.MAX_PAGE_BYTES,
                None,
                self._parse_listing,
                self._transport.open_budget(),
                permit,
            )

    def _parse_listing(
        self, response: HttpResponse, target: RepoRevision | None
    ) -> tuple[list[payloads.ModelInfo | RepoRevision], str | None]:
        if not http_errors.is_success(response):
            raise http_errors.error_from_response(response, target, has_token=self._server.has_token)
        next_url = payloads.parse_next_link(response.headers.get("link", ""))
        return payloads.parse_listing(response.body, is_truncated=response.is_truncated), next_url


def _get_commit(response: HttpResponse) -> CommitHash | None:
    """The commit that a response for a file belongs to; None where it does not say."""
    commit_hash = response.headers.get("x-repo-commit", "")
    return CommitHash(commit_hash) if is_commit_hash(commit_hash) else None


class RepoClient:
    """Fetches model info and small files of one repo. All its requests share one budget of time; and while a large body
    of it is in memory, until the end of the `with` block, few other repos have one.
    """

    def __init__(self, transport: Transport, server: Server) -> None:
        self._transport = transport
        self._server = server
        self._budget = transport.open_budget()
        self._permit = transport.open_permit()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._permit.release()

    @property
    def has_large_body(self) -> bool:
        """Whether a response was large."""
        return self._permit.is_held

    async def fetch_model_info(self, target: RepoRevision) -> payloads.ModelInfo:
        """The commit that the revision points to, its file names, and the Hub's hints.

        Raises:
            HubError: the kind that the response means.
        """
        expand = self._server.expands is not False
        try:
            info = await self._fetch_info(target, expand=expand)
        except RepositoryNotFoundError as error:
            if not http_errors.is_mirror_refusal(error):
                raise
            refusal = error
        else:
            self._server.expands = expand
            return info
        if self._server.expands is None:
            # Either there is no such repo or revision, or the server refuses the parameter.
            try:
                info = await self._fetch_info(target, expand=False)
            except RepositoryNotFoundError as error:
                if not http_errors.is_mirror_refusal(error):
                    raise
                refusal, expand = error, False
            else:
                self._server.expands = False
                logger.info("%s refuses the parameter expand, and is asked without it", self._server.endpoint)
                return info
        raise await self._explain_refusal(target, refusal, expand=expand)

    async def _explain_refusal(
        self, target: RepoRevision, refusal: RepositoryNotFoundError, *, expand: bool
    ) -> RepositoryNotFoundError | RevisionNotFoundError:
        """A plain refusal does not say whether the repo or the revision is missing: the default branch shows it."""
        if target.revision == DEFAULT_REVISION:
            return refusal
        try:
            await self._fetch_info(RepoRevision(target.repo_id), expand=expand)
        except HubError:
            return refusal
        return http_errors.build_missing_revision(target, refusal)

    async def _fetch_info(self, target: RepoRevision, *, expand: bool) -> payloads.ModelInfo:
        endpoint = self._server.endpoint
        url = self._build_url(urls.model_info_url(endpoint, target.repo_id, target.revision, expand=expand))
        return await self._transport.fetch(
            url, Bucket.API, payloads.MAX_INFO_BYTES, target, self._parse_model_info, self._budget, self._permit
        )

    async def fetch_file(self, target: RepoRevision, path: str) -> FetchedFile:
        """A small JSON file. A file that is missing, unreadable or gated is a value too, not an error.

        Raises:
            HubError: the repo or revision is missing, or the Hub could not be reached.
        """
        url = self._build_url(urls.file_url(self._server.endpoint, target.repo_id, target.revision, path))
        return await self._transport.fetch(
            url,
            Bucket.RESOLVERS,
            payloads.MAX_SMALL_FILE_BYTES,
            target,
            self._parse_file,
            self._budget,
            self._permit,
        )

    async def fetch_text(self, target: RepoRevision, path: str) -> tuple[bytes | None, CommitHash | None]:
        """A file that is short text, and the commit that the server says it belongs to. The text is None where there is
        no such file, it is longer, or this token has no access.

        Raises:
            HubError: the repo or revision is missing, or the Hub could not be reached.
        """
        url = self._build_url(urls.file_url(self._server.endpoint, target.repo_id, target.revision, path))
        return await self._transport.fetch(
            url, Bucket.RESOLVERS, MAX_TEXT_BYTES, target, self._parse_text, self._budget, self._permit
        )

    async def is_dataset(self, repo_id: str) -> bool:
        """Whether the Hub has a dataset of this id; false where that cannot be found out. Sent once, without retry."""
        url = self._build_url(urls.dataset_info_url(self._server.endpoint, repo_id))
        try:
            response = await self._transport.send(
                url, Bucket.API, MAX_DATASET_INFO_BYTES, RepoRevision(repo_id), self._budget, self._permit
            )
        except HubError:
            return False
        return http_errors.is_success(response)

    def _parse_model_info(self, response: HttpResponse, target: RepoRevision | None) -> payloads.ModelInfo:
        if not http_errors.is_success(response):
            if target is not None and http_errors.is_plain_refusal(response):
                raise http_errors.error_from_plain_refusal(response, target)
            raise self._error_from(response, target)
        info = payloads.parse_model_info(response.body, is_truncated=response.is_truncated)
        if target is not None and target.is_pinned and info.commit_hash != target.revision:
            raise HubResponseError(f"the response is about commit {info.commit_hash}")
        return info

    def _parse_text(
        self, response: HttpResponse, target: RepoRevision | None
    ) -> tuple[bytes | None, CommitHash | None]:
        text = None
        if http_errors.is_success(response):
            text = response.body if not response.is_truncated else None
        elif not http_errors.is_entry_missing(response):
            error = self._error_from(response, target)
            if not isinstance(error, GatedRepoError):
                raise error
        return text, _get_commit(response)

    def _parse_file(self, response: HttpResponse, target: RepoRevision | None) -> FetchedFile:
        if http_errors.is_success(response):
            small_file = payloads.parse_small_file(response.body, is_truncated=response.is_truncated)
        elif http_errors.is_entry_missing(response):
            small_file = ABSENT_FILE
        else:
            error = self._error_from(response, target)
            if not isinstance(error, GatedRepoError):
                raise error
            small_file = SmallFile(state=FileState.INACCESSIBLE, problem="gated: this token has no access")
        return FetchedFile(small_file=small_file, commit_hash=_get_commit(response))

    def _build_url(self, url: str) -> URL:
        """A URL that `urls` built: it is encoded already, so yarl need not look at its characters again."""
        return URL(url, encoded=self._server.endpoint_is_encoded)

    def _error_from(self, response: HttpResponse, target: RepoRevision | None) -> HubError:
        return http_errors.error_from_response(response, target, has_token=self._server.has_token)
