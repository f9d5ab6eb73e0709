"""Hooks are told of requests, hits, waits and retries; what they do breaks nothing."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from resolver import EndedRequest, Hooks, Settings, blocking
from resolver.limits import Limits
from resolver.local_hub import Catalog, LocalHub, faults
from resolver.local_hub.testing.faults import Reply
from tests.resolver.hooks.recording import RecordingHooks
from tests.resolver.support import LIMITS, answers, code_of, open_resolver, settings_for

NO_QUOTA = faults.RATE_LIMIT_HEADERS


async def test_every_request_is_told_with_its_redirects_and_bytes(hub: LocalHub, store: Path) -> None:
    hooks = RecordingHooks()
    async with open_resolver(settings_for(hub, store, hooks=hooks)) as resolver:
        await resolver.resolve("acme/bert")
        told = Counter[str]()
        for request in hooks.requests:
            told[request.bucket] += 1 + request.redirects
        assert told == resolver.requests and told == {"api": 1, "resolvers": 2}
    assert {request.status for request in hooks.requests} == {200}
    assert all(request.body_bytes > 50 and request.duration_s > 0 for request in hooks.requests)
    assert hooks.waits == [] and hooks.retries == []


async def test_hits_and_misses_are_told_by_cache(hub: LocalHub, store: Path) -> None:
    hooks = RecordingHooks()
    settings = settings_for(hub, store, hooks=hooks)
    async with open_resolver(settings) as resolver:
        await resolver.resolve("acme/bert")
        assert hooks.count_lookups() == {"store": (0, 1)}
        await resolver.resolve("acme/bert")
        assert hooks.count_lookups() == {"store": (0, 1), "answers": (1, 0)}
    await answers(settings, ["acme/bert", "acme/sd", "not an id"])
    assert hooks.count_lookups() == {"store": (1, 2), "answers": (1, 0)}


@pytest.mark.parametrize(
    ("reply", "reason", "code"),
    [
        (faults.failing(503), "backoff", "hub_unavailable"),
        (Reply(status=503, headers={"Retry-After": "1"}, drop=NO_QUOTA), "server", "hub_unavailable"),
        (Reply(status=429, headers={"Retry-After": "1"}, drop=NO_QUOTA), "quota", "rate_limited"),
    ],
    ids=["backoff", "server", "quota"],
)
async def test_a_retry_is_told_with_its_wait(hub: LocalHub, store: Path, reply: Reply, reason: str, code: str) -> None:
    hooks = RecordingHooks()
    hub.faults.add(reply, "/api/models/*")
    (found,) = await answers(settings_for(hub, store, lean=True, hooks=hooks), ["acme/bert"])
    assert code_of(found) is None
    assert [request.status for request in hooks.requests] == [reply.status, 200]
    assert [(retry.bucket, retry.failed_attempts, retry.code) for retry in hooks.retries] == [("api", 1, code)]
    assert hooks.waits[0].reason == reason and 0 < hooks.waits[0].wait_s <= LIMITS.retry.max_retry_after_s


async def test_a_request_without_a_response_has_no_status(store: Path) -> None:
    hooks = RecordingHooks()
    limits = Limits(retry=replace(LIMITS.retry, max_attempts=2))
    (found,) = await answers(settings_for("http://127.0.0.1:9", store, hooks=hooks), ["acme/bert"], limits=limits)
    assert code_of(found) == "hub_unavailable"
    assert {(request.status, request.body_bytes) for request in hooks.requests} == {(None, 0)}
    assert {retry.code for retry in hooks.retries} == {"hub_unavailable"}


PASSWORD = "secret-word"


class BrokenHooks(Hooks):
    def __init__(self) -> None:
        self.calls = 0

    def on_request(self, request: EndedRequest, /) -> None:
        self.calls += 1
        raise OSError(f"the collector at https://user:{PASSWORD}@metrics.example is gone")


async def test_a_hook_that_raises_breaks_nothing_and_is_said_once(
    hub: LocalHub, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hooks = BrokenHooks()
    found = await answers(settings_for(hub, store, hooks=hooks), ["acme/bert", "acme/sd"])
    assert [code_of(item) for item in found] == [None, None] and hooks.calls > 1
    assert caplog.text.count("the hook on_request raised an error") == 1
    assert "the collector" in caplog.text and PASSWORD not in caplog.text


def test_functions_without_await_have_hooks_too(store: Path, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text('{"model_type": "bert", "architectures": ["BertModel"]}')
    hooks = RecordingHooks()
    settings = Settings(endpoint="http://127.0.0.1:9", store=store, token=False, offline=True, hooks=hooks)
    try:
        for _ in range(2):
            with pytest.raises(Exception, match="neither in the store"):
                blocking.resolve("acme/bert", settings=settings)
    finally:
        blocking.close()
    assert hooks.count_lookups() == {"store": (0, 2)}


async def test_a_hit_without_await_is_told(hub: LocalHub, store: Path, catalog: Catalog) -> None:
    hooks = RecordingHooks()
    async with open_resolver(settings_for(hub, store, hooks=hooks)) as resolver:
        assert resolver.find_cached("acme/bert") is None
        await resolver.resolve("acme/bert")
        assert resolver.find_cached("acme/bert") is not None
    assert hooks.count_lookups() == {"store": (0, 1), "answers": (1, 0)}


def test_settings_with_hooks_are_a_key_and_go_to_another_process_without_them() -> None:
    class Unhashable(RecordingHooks):
        def __eq__(self, other: object) -> bool:
            return self is other

        __hash__ = None  # type: ignore[assignment]

    settings = Settings(token=False, hooks=Unhashable())
    assert {settings: 1}[settings] == 1 and settings != Settings(token=False)
    again = pickle.loads(pickle.dumps(settings))
    assert again == Settings(token=False) and again.hooks is None
