"""`HubClient`: asks a Hub, over aiohttp. The only importer of the HTTP library; others say what answers mean."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
import tenacity
from msgspec import Struct
from multidict import CIMultiDict
from yarl import URL

from registry.facts import ABSENT_FILE, CommitHash, FileState, SmallFile
from resolver.errors import GatedRepoError, HubError, HubResponseError, HubUnavailableError
from resolver.hub import parse, retry, status, urls
from resolver.hub.answer import Answer, Bucket
from resolver.hub.bucket import BucketState, Ticket
from resolver.hub.identity import proxy_for, user_agent
from resolver.hub.limit import AdaptiveLimit
from resolver.hub.quota import parse_quota, retry_after_s
from resolver.hub.silence import Silence
from resolver.repo_id import Wanted, is_commit_hash

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_REDIRECTS = 10
_BUCKETS = {bucket.value: bucket for bucket in Bucket}
CONNECT_TIMEOUT_S = 10.0


class FetchedFile(Struct, frozen=True, kw_only=True, gc=False):
    """A small file, and the commit that the server says it is of (None where it does not say)."""

    small_file: SmallFile
    commit_hash: CommitHash | None


class HubClient:
    """Fetches model info and small files of repos. Open it with `async with`, in the event loop that uses it.

    Every fetch asks again, with growing waits, after a refusal for quota, a server error, a timeout or a broken
    connection. The token goes to the endpoint's origin only: aiohttp drops it on a redirect to another.
    """

    def __init__(self, endpoint: str, token: str | None, *, concurrency: int, timeout_s: float) -> None:
        self._endpoint = endpoint
        self._endpoint_is_encoded = str(URL(endpoint)) == endpoint
        self._token = token
        self._concurrency = concurrency
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None
        self._limits = {bucket: AdaptiveLimit(concurrency) for bucket in Bucket}
        self.buckets = {bucket: BucketState() for bucket in Bucket}
        """What is known of each of the Hub's quotas."""
        self._silence = Silence()
        self._proxy = proxy_for(endpoint)
        self.requests: Counter[Bucket] = Counter()
        """Requests sent so far, redirects and repeated ones counted each."""

    async def __aenter__(self) -> Self:
        headers = {"User-Agent": user_agent()}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        self._session = aiohttp.ClientSession(
            headers=headers,
            connector=aiohttp.TCPConnector(limit=2 * self._concurrency),
            timeout=aiohttp.ClientTimeout(total=self._timeout_s, sock_connect=min(CONNECT_TIMEOUT_S, self._timeout_s)),
            # A signed URL of the file servers is no longer valid when its query is quoted anew.
            requote_redirect_url=False,
            # One process may serve many users: what one server sets is not sent with the next request.
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @property
    def files_under_way(self) -> int:
        """How many requests for files are under way."""
        return self._limits[Bucket.RESOLVERS].under_way

    def fetch_model_info(self, wanted: Wanted) -> Coroutine[Any, Any, parse.ModelInfo]:
        """Where the repo stands at the revision, what it holds, and the Hub's hints.

        Raises:
            HubError: the kind that the answer means.
        """
        url = self._made(urls.model_info_url(self._endpoint, wanted.repo_id, wanted.revision))
        return self._ask(url, Bucket.API, parse.MAX_INFO_BYTES, wanted, self._model_info_of)

    def fetch_file(self, wanted: Wanted, path: str) -> Coroutine[Any, Any, FetchedFile]:
        """A small JSON file; one that is missing, unreadable or not for this token is a value too.

        Raises:
            HubError: the repo or revision is missing, or the Hub could not be reached.
        """
        url = self._made(urls.file_url(self._endpoint, wanted.repo_id, wanted.revision, path))
        return self._ask(url, Bucket.RESOLVERS, parse.MAX_SMALL_FILE_BYTES, wanted, self._file_of)

    def fetch_listing(self, url: str) -> Coroutine[Any, Any, tuple[list[parse.ModelInfo | Wanted], str | None]]:
        """One page of a listing of models (see `urls.listing_url`), and the URL of the next one.

        Raises:
            HubError: the server does not answer, or knows no such listing.
        """
        return self._ask(URL(url), Bucket.API, parse.MAX_INFO_BYTES, Wanted("a listing"), self._page_of)

    async def is_dataset(self, repo_id: str) -> bool:
        """Whether the Hub has a dataset of this id; false where it cannot be told. Asked once, never again."""
        url = self._made(urls.dataset_info_url(self._endpoint, repo_id))
        try:
            return status.is_success(await self._get(url, Bucket.API, Wanted(repo_id), 65_536))
        except HubError:
            return False

    def _model_info_of(self, answer: Answer, wanted: Wanted) -> parse.ModelInfo:
        if not status.is_success(answer):
            raise self._refusal(answer, wanted)
        info = parse.parse_model_info(answer.body, is_cut=answer.is_cut)
        if wanted.is_pinned and info.commit_hash != wanted.revision:
            raise HubResponseError(f"the answer is about commit {info.commit_hash}")
        return info

    def _file_of(self, answer: Answer, wanted: Wanted) -> FetchedFile:
        if status.is_success(answer):
            small_file = parse.parse_small_file(answer.body, is_cut=answer.is_cut)
        elif status.is_entry_missing(answer):
            small_file = ABSENT_FILE
        else:
            error = self._refusal(answer, wanted)
            if not isinstance(error, GatedRepoError):
                raise error
            small_file = SmallFile(state=FileState.INACCESSIBLE, problem="gated: this token has no access")
        commit_hash = answer.headers.get("x-repo-commit", "")
        return FetchedFile(
            small_file=small_file, commit_hash=CommitHash(commit_hash) if is_commit_hash(commit_hash) else None
        )

    def _page_of(self, answer: Answer, wanted: Wanted) -> tuple[list[parse.ModelInfo | Wanted], str | None]:
        if not status.is_success(answer):
            raise self._refusal(answer, wanted)
        next_url = parse.parse_next_link(answer.headers.get("link", ""))
        # A page elsewhere would be asked for with the token.
        next_url = next_url if next_url and urls.is_page_of(self._endpoint, next_url) else None
        return parse.parse_listing(answer.body, is_cut=answer.is_cut), next_url

    async def _ask(
        self, url: URL, bucket: Bucket, limit_bytes: int, wanted: Wanted, read: Callable[[Answer, Wanted], T]
    ) -> T:
        """What `read` makes of the answer, which is asked for again for as long as its error is worth that.

        The first time without the library: it nearly always does, and the library takes as long as the request.

        Raises:
            HubError: there is no answer, or `read` finds it a refusal or of no use.
        """
        try:
            return _read_by(read, await self._get(url, bucket, wanted, limit_bytes), wanted)
        except HubError as error:
            if retry.attempts_for(error) == 1 or self._silence.refuses(asyncio.get_running_loop().time()):
                raise
            await asyncio.sleep(retry.wait_s(error, 1, random.random()))
        retrying = tenacity.AsyncRetrying(
            retry=_is_worth_asking_again, wait=_wait_s, stop=tenacity.stop_never, reraise=True
        )

        async def again() -> T:
            return _read_by(read, await self._get(url, bucket, wanted, limit_bytes), wanted)

        return await retrying(again)

    async def _get(self, url: URL, bucket: Bucket, wanted: Wanted, limit_bytes: int) -> Answer:
        """One request, redirects followed, with at most `limit_bytes` of the body read.

        Raises:
            HubError: there was no answer, or it refuses for quota; any other answer is returned as it is.
        """
        if self._session is None:
            raise RuntimeError("the client is not open; use it inside `async with`")
        limit, state, loop = self._limits[bucket], self.buckets[bucket], asyncio.get_running_loop()
        if not limit.acquire_now():
            await limit.acquire()
        try:
            while (wait_s := self._wait_s(state, wanted)) > 0:  # noqa: ASYNC110 (what is waited for may move)
                await asyncio.sleep(wait_s)
            ticket = state.sent(loop.time())
            self.requests[bucket] += 1
            try:
                async with self._session.get(url, max_redirects=MAX_REDIRECTS, proxy=self._proxy) as response:
                    self.requests[bucket] += len(response.history)
                    if _is_short(response, limit_bytes):
                        body, is_cut = await response.read(), False
                    else:
                        body, is_cut = await _read(response, limit_bytes)
            except aiohttp.TooManyRedirects as error:
                raise _about(HubResponseError("the Hub redirects in circles"), wanted) from error
            except (ValueError, aiohttp.NonHttpUrlRedirectClientError) as error:
                # aiohttp's own InvalidURL, or what yarl raises for a port or host that cannot be.
                raise _about(HubResponseError("the Hub redirects to what is no HTTP address"), wanted) from error
            except TimeoutError as error:
                limit.failed()
                self._silence.failed(loop.time())
                raise _about(HubUnavailableError(f"no answer within {self._timeout_s:g} s"), wanted) from error
            except (aiohttp.ClientError, OSError) as error:
                limit.failed()
                self._silence.failed(loop.time())
                reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
                raise _about(HubUnavailableError(f"{self._endpoint} cannot be reached ({reason})"), wanted) from error
            finally:
                state.ended()
            answer = Answer(status=response.status, headers=_headers(response), body=body, is_cut=is_cut)
            self._learn_from(answer, bucket, ticket, hops=len(response.history))
        finally:
            limit.release()
        return answer

    def _made(self, url: str) -> URL:
        """A URL that `urls` made, encoded already: its characters need no second look."""
        return URL(url, encoded=self._endpoint_is_encoded)

    def _wait_s(self, state: BucketState, wanted: Wanted) -> float:
        """How long the next request has to wait, for its quota or for a Hub that is silent.

        Raises:
            HubUnavailableError: the Hub has been silent for too long.
        """
        now_s = asyncio.get_running_loop().time()
        if self._silence.refuses(now_s):
            raise _about(HubUnavailableError(f"{self._endpoint} has not answered for a minute"), wanted)
        return state.wait_s(now_s) or self._silence.wait_s(now_s)

    def _learn_from(self, answer: Answer, bucket: Bucket, ticket: Ticket, *, hops: int) -> None:
        """What an answer says of the quota and of how the server fares."""
        self._silence.answered()
        quota, now_s = parse_quota(answer), asyncio.get_running_loop().time()
        # The Hub may count a route in another bucket than expected; its own word counts.
        named = _BUCKETS.get(quota.name, bucket) if quota is not None else bucket
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            self.buckets[named].refused(retry_after_s(answer), quota, now_s)
        else:
            self.buckets[named].answered(quota, now_s, ticket, hops=hops)
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._limits[bucket].failed()
        else:
            self._limits[bucket].succeeded()

    def _refusal(self, answer: Answer, wanted: Wanted) -> HubError:
        return status.error_of(answer, wanted, has_token=bool(self._token))


def _headers(response: aiohttp.ClientResponse) -> Mapping[str, str]:
    """The answer's headers; with the commit that a redirect to a file server named, as its own answer does not."""
    if not response.history or "X-Repo-Commit" in response.headers:
        return response.headers
    commits = [hop.headers["X-Repo-Commit"] for hop in response.history if "X-Repo-Commit" in hop.headers]
    if not commits:
        return response.headers
    return CIMultiDict([*response.headers.items(), ("X-Repo-Commit", commits[-1])])


def _read_by(read: Callable[[Answer, Wanted], T], answer: Answer, wanted: Wanted) -> T:
    """What `read` makes of `answer`; its error says what it is about."""
    try:
        return read(answer, wanted)
    except HubResponseError as error:
        if error.repo_id is not None:
            raise
        raise _about(error, wanted, answer) from None


def _is_short(response: aiohttp.ClientResponse, limit_bytes: int) -> bool:
    """Whether the answer says that its body is no longer than `limit_bytes`."""
    return (response.content_length or limit_bytes) < limit_bytes and "Content-Encoding" not in response.headers


async def _read(response: aiohttp.ClientResponse, limit_bytes: int) -> tuple[bytes, bool]:
    """The body, and whether it was longer than `limit_bytes` and cut there."""
    chunks: list[bytes] = []
    size_bytes = 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        size_bytes += len(chunk)
        if size_bytes > limit_bytes:
            response.close()
            return b"".join(chunks)[:limit_bytes], True
    return b"".join(chunks), False


def _about(error: HubError, wanted: Wanted, answer: Answer | None = None) -> HubError:
    """`error` with what it is about, which whoever raised it did not know."""
    error.args = (f"{wanted.repo_id}@{wanted.revision}: {error}",)
    error.repo_id, error.revision = wanted.repo_id, wanted.revision
    error.status = answer.status if answer is not None else None
    return error


def _is_worth_asking_again(state: tenacity.RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome is not None else None
    if isinstance(error, HubUnavailableError):
        error.attempts = _attempts(state)
    return error is not None and _attempts(state) < retry.attempts_for(error)


def _wait_s(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    return retry.wait_s(error, _attempts(state), random.random())


def _attempts(state: tenacity.RetryCallState) -> int:
    """Attempts so far, with the first one, which was made outside."""
    return state.attempt_number + 1
