"""Everything the Hub can say instead of an answer, and the error code it becomes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from resolver.answer import Failure
from resolver.errors import HubUnavailableError, RateLimitedError, ResolveError
from resolver.hub.retry import DEFAULT_RETRY, RetryPolicy
from resolver.limits import Limits
from resolver.local_hub import HubOptions, LocalHub, faults
from resolver.resolution import Resolution
from tests.resolver.support import (
    LIMITS,
    READER,
    STRANGER,
    TOKENS,
    answer,
    answers,
    bert_row,
    catalog_of,
    code_of,
    codes,
    open_resolver,
    rows_without_source,
    settings_for,
)

INFO, FILES = "/api/models/acme/bert/*", "/{}/resolve/*"
WRONG_TOKEN = "hf_wrong_or_expired"


USUAL = HubOptions(tokens=TOKENS)
IGNORES = HubOptions(tokens=TOKENS, invalid_token="ignore")
BY_404 = HubOptions(tokens=TOKENS, anonymous_missing=404)


@dataclass(frozen=True)
class Access:
    """What one caller is told of one repo. `code` None: an answer."""

    id: str
    repo_id: str
    code: str | None
    token: str | None = None
    revision: str | None = None
    options: HubOptions = USUAL


ACCESS = (
    Access("missing, anonymous", "acme/none", "repo_not_found"),
    Access("missing, anonymous, told by 404", "acme/none", "repo_not_found", options=BY_404),
    Access("missing, with a token", "acme/none", "repo_not_found", token=STRANGER),
    Access("private, anonymous", "acme/private", "repo_not_found"),
    Access("private, no access", "acme/private", "repo_not_found", token=STRANGER),
    Access("private, access", "acme/private", None, token=READER),
    Access("gated, anonymous", "acme/gated", None),
    Access("gated, no access", "acme/gated", None, token=STRANGER),
    Access("gated, access", "acme/gated", None, token=READER),
    Access("disabled, anonymous", "acme/disabled", "disabled"),
    Access("disabled, with a token", "acme/disabled", "disabled", token=READER),
    Access("no such branch", "acme/bert", "revision_not_found", revision="nope"),
    Access("no such commit", "acme/bert", "revision_not_found", revision="0" * 40),
    Access("no such branch, with a token", "acme/bert", "revision_not_found", revision="nope", token=READER),
    Access("no such branch of a missing repo", "acme/none", "repo_not_found", revision="nope"),
    Access("public, valid token", "acme/bert", None, token=STRANGER),
    Access("public, invalid token", "acme/bert", "unauthorized", token=WRONG_TOKEN),
    Access("missing, invalid token", "acme/none", "unauthorized", token=WRONG_TOKEN),
    Access("public, invalid token ignored", "acme/bert", None, token=WRONG_TOKEN, options=IGNORES),
    Access("a dataset", "acme/words", "not_a_model"),
    Access("a dataset, with a token", "acme/words", "not_a_model", token=READER),
)


@pytest.mark.parametrize("row", ACCESS, ids=[row.id for row in ACCESS])
async def test_each_caller_is_told_what_it_may_know(store: Path, row: Access) -> None:
    async with LocalHub(catalog_of(), row.options) as hub:
        settings = settings_for(hub, store, token=row.token or False)
        assert await codes(settings, [(row.repo_id, row.revision)]) == [row.code]


async def test_a_gated_repo_is_decided_from_what_is_public(hub: LocalHub, store: Path, tmp_path: Path) -> None:
    hub.catalog.change("acme/gated", library_name="transformers", pipeline_tag="fill-mask")
    outside = await answer(settings_for(hub, store), "acme/gated")
    inside = await answer(settings_for(hub, tmp_path / "2.sqlite3", token=READER), "acme/gated")
    for name in ("library", "task", "framework", "model_class", "model_type", "commit_hash"):
        assert getattr(outside, name) == getattr(inside, name)
    assert any("gated" in note for note in outside.decision.notes) and not inside.decision.notes


@dataclass(frozen=True)
class Trouble:
    """What the server does to every request of one kind, and how often it is asked before that counts."""

    id: str
    action: faults.Action
    code: str
    attempts: int = 1
    path: str = "/api/models/{}/*"


def body(payload: Any, **more: Any) -> faults.Reply:
    return faults.Reply(body=payload if isinstance(payload, bytes) else msgspec.json.encode(payload), **more)


SHA = "a" * 40
ATTEMPTS = DEFAULT_RETRY.max_attempts
UNREADABLE = DEFAULT_RETRY.max_attempts_unreadable
TROUBLES = (
    *(Trouble(f"{status}", faults.failing(status), "hub_unavailable", ATTEMPTS) for status in (500, 502, 503, 504)),
    Trouble("408", faults.failing(408), "hub_unavailable", ATTEMPTS),
    Trouble("a page instead", faults.html_page(), "hub_unavailable", ATTEMPTS),
    Trouble("a page with status 200", faults.html_page(200), "bad_response", UNREADABLE),
    Trouble("400", faults.failing(400, message="Invalid option"), "repo_not_found"),
    Trouble("404 without a code", faults.failing(404), "repo_not_found"),
    Trouble("410", faults.failing(410), "bad_response"),
    Trouble("418", faults.failing(418), "bad_response"),
    Trouble("403", faults.failing(403, message="Token lacks the scope"), "unauthorized"),
    Trouble("403 of a disabled repo", faults.failing(403, message="Access to this resource is disabled."), "disabled"),
    Trouble("403 of a gated repo", faults.failing(403, "GatedRepo"), "gated"),
    Trouble("401 of an invalid token", faults.failing(401, message="Invalid credentials in Authorization header"),
            "unauthorized"),
    Trouble("reset in the headers", faults.Cut(0), "hub_unavailable", ATTEMPTS),
    Trouble("reset in the body", faults.Cut(40), "hub_unavailable", ATTEMPTS),
    Trouble("cut JSON", faults.truncated(), "bad_response", UNREADABLE),
    Trouble("nothing", body(b""), "bad_response", UNREADABLE),
    Trouble("204", faults.Reply(status=204), "bad_response"),
    Trouble("a list", body([]), "bad_response", UNREADABLE),
    Trouble("null", body(None), "bad_response", UNREADABLE),
    Trouble("a string", body("acme/bert"), "bad_response", UNREADABLE),
    Trouble("no commit", body({"id": "acme/bert"}), "bad_response", UNREADABLE),
    Trouble("a short commit", body({"id": "acme/bert", "sha": "abc1234"}), "bad_response", UNREADABLE),
    Trouble("a commit that is a number", body({"id": "acme/bert", "sha": 7}), "bad_response", UNREADABLE),
    Trouble("a commit in capitals", body({"id": "acme/bert", "sha": "A" * 40}), "bad_response", UNREADABLE),
    Trouble("no id", body({"sha": SHA}), "bad_response", UNREADABLE),
    *(
        Trouble(f"id {bad!r}"[:30], body({"id": bad, "sha": SHA}), "bad_response", UNREADABLE)
        for bad in (7, "", "a/b/c", "../../etc", "acme/be rt", "acme/bert?x=1", "acme/bert#x", "..", "b" * 300)
    ),
    Trouble("deep JSON", body(b'{"a":' * 10_000 + b"1" + b"}" * 10_000), "bad_response", UNREADABLE),
    Trouble("half a character", body(b'{"id":"acme/bert","sha":"%s","tags":["\\ud800"]}' % SHA.encode()),
            "bad_response", UNREADABLE),
    Trouble("not gzip", body(b"{}", headers={"Content-Encoding": "gzip"}), "hub_unavailable", ATTEMPTS),
    Trouble("500 for the file", faults.failing(500), "hub_unavailable", ATTEMPTS, FILES),
    Trouble("403 for the file", faults.failing(403), "unauthorized", path=FILES),
    Trouble("404 without a code for the file", faults.failing(404), "bad_response", path=FILES),
)  # fmt: skip
STALLS = (
    Trouble("slow headers", faults.Stall(600.0), "hub_unavailable", ATTEMPTS),
    Trouble("slow body", faults.Stall(600.0, "body"), "hub_unavailable", ATTEMPTS),
    Trouble("slow file", faults.Stall(600.0), "hub_unavailable", ATTEMPTS, FILES),
)


REFUSALS = (
    Trouble("429", faults.rate_limited(reset_s=0), "rate_limited", ATTEMPTS),
    Trouble("429 of a finer limit", faults.rate_limited(remaining=400), "rate_limited", ATTEMPTS),
    Trouble("429 with Retry-After", faults.rate_limited(remaining=None, retry_after_s=1), "rate_limited", ATTEMPTS),
    Trouble("429 without a word", faults.rate_limited(remaining=None), "rate_limited", ATTEMPTS),
    Trouble("429 for the file", faults.rate_limited(reset_s=0, bucket="resolvers"), "rate_limited", ATTEMPTS,
            FILES),
)  # fmt: skip


@pytest.mark.parametrize("row", REFUSALS, ids=[row.id for row in REFUSALS])
async def test_a_quota_that_stays_used_up_is_an_error_in_the_end(hub: LocalHub, store: Path, row: Trouble) -> None:
    armed = hub.faults.add(row.action, row.path.format("acme/bert"), times=None)
    assert await codes(settings_for(hub, store), ["acme/bert"]) == [row.code]
    assert armed.hits == row.attempts
    hub.faults.clear()
    assert await codes(settings_for(hub, store), ["acme/bert"]) == [None]


# A request that stalls needs a short timeout, with which other requests may fail on a busy machine: hence two batches.
@pytest.mark.parametrize(("troubles", "timeout_s"), [(TROUBLES, 60.0), (STALLS, 0.5)], ids=["answered", "stalled"])
async def test_trouble_is_one_error_and_no_other_row_is_affected(
    store: Path, troubles: Sequence[Trouble], timeout_s: float
) -> None:
    rows = {f"t{number}/m": row for number, row in enumerate(troubles)}
    ids = [name for repo_id in rows for name in (repo_id, f"{repo_id}-neighbour")]
    async with LocalHub(catalog_of(*map(bert_row, ids))) as hub:
        armed = {}
        for repo_id, row in rows.items():
            armed[repo_id] = hub.faults.add(row.action, row.path.format(repo_id), times=None)
        settings = settings_for(hub, store, timeout_s=timeout_s, concurrency=200)
        async with open_resolver(settings) as resolver:
            # A server that has expanded once is not taken for a mirror that cannot.
            await resolver.resolve(ids[1])
            found = {item.repo_id: item async for item in resolver.resolve_many(ids)}
        got = {row.id: (code_of(found[repo_id]), armed[repo_id].hits) for repo_id, row in rows.items()}
        assert got == {row.id: (row.code, row.attempts) for row in troubles}
        assert {code_of(found[f"{repo_id}-neighbour"]) for repo_id in rows} == {None}
        for repo_id in rows:
            item = found[repo_id]
            assert isinstance(item, Failure) and repo_id in str(item.error)
        hub.faults.clear()
        # Trouble is not knowledge: the next question is asked anew.
        assert set(await codes(settings_for(hub, store), ids)) == {None}


WRONG: dict[str, tuple[Any, ...]] = {
    "siblings": (None, 7, "x", {}, [None, 7, "config.json", {"rfilename": 7}, {"x": 1}, []]),
    "tags": (None, 7, "transformers", {"a": 1}, [None, 7, ["x"], {}]),
    "pipeline_tag": (7, [], {}, "", True),
    "library_name": (7, ["transformers"], {}, "", "no-such-library"),
    "config": (None, 7, [], "x", {"architectures": 7, "model_type": [], "auto_map": "x"}, {"diffusers": 7, "peft": []}),
    "transformersInfo": (None, 7, [], {"auto_model": 7, "pipeline_tag": []}, {"auto_model": "", "new": {}}),
    "gguf": (None, 7, [], {"architecture": 7}, {}),
    "gated": (None, True, 7, [], "new-kind"),
    "private": (None, "no", 0, []),
    "disabled": (None, "yes", 1),
    "cardData": (None, 7, [], "x", {"pipeline_tag": [], "library_name": {}, "base_model": 7}),
    "surprise": ({"deep": [[[[]]]]},),
}


async def test_a_property_of_the_wrong_type_counts_as_not_said(store: Path) -> None:
    def says(key: str, value: Any) -> faults.Edit:
        return faults.Edit(change_body=lambda sent: msgspec.json.encode({**msgspec.json.decode(sent), key: value}))

    rows = {f"org{number}/m": pair for number, pair in enumerate((k, v) for k, vs in WRONG.items() for v in vs)}
    async with LocalHub(catalog_of(*(bert_row(repo_id, pipeline_tag="fill-mask") for repo_id in rows))) as hub:
        for repo_id, (key, value) in rows.items():
            hub.faults.add(says(key, value), f"/api/models/{repo_id}/*", times=None)
        found = await answers(settings_for(hub, store), rows)
        again = await answers(settings_for(hub, store, offline=True), rows)
    for item, (repo_id, said) in zip(found, rows.items(), strict=True):
        assert isinstance(item, Resolution), (said, item)
        assert (item.canonical_id, item.model_type, item.task) == (repo_id, "bert", "fill-mask"), said
    assert rows_without_source(found) == rows_without_source(again)


async def test_a_compressed_answer_is_read(store: Path) -> None:
    async with LocalHub(
        catalog_of(bert_row("acme/big", siblings=[f"f{i}" for i in range(999)])), HubOptions(gzip=True)
    ) as hub:
        assert (await answer(settings_for(hub, store), "acme/big")).library == "transformers"


async def test_an_answer_that_unpacks_to_gigabytes_is_cut(hub: LocalHub, store: Path) -> None:
    hub.faults.add(faults.gzip_bomb(100 << 20), INFO, times=None)
    assert await codes(settings_for(hub, store), ["acme/bert", "acme/sd"]) == ["bad_response", None]


@pytest.mark.parametrize(
    "action",
    [
        faults.failing(503),
        faults.html_page(502),
        faults.rate_limited(reset_s=0),
        faults.rate_limited(remaining=3),
        faults.rate_limited(remaining=None, retry_after_s=0),
        faults.rate_limited(remaining=None),
        faults.Cut(40),
        faults.truncated(),
    ],
    ids=lambda action: type(action).__name__,
)
async def test_trouble_that_passes_is_never_seen(hub: LocalHub, store: Path, action: faults.Action) -> None:
    times = 1 if isinstance(action, faults.Edit) else 2
    hub.faults.add(action, INFO, times=times)
    hub.faults.add(faults.Cut(10), "/api/resolve-cache/*")
    found = await answer(settings_for(hub, store), "acme/bert")
    assert found.task == "fill-mask" and not found.decision.notes


@pytest.mark.parametrize("where", ["headers", "body"])
async def test_a_stall_that_passes_is_never_seen(hub: LocalHub, store: Path, where: Literal["headers", "body"]) -> None:
    hub.faults.add(faults.Stall(600.0, where), INFO, times=2)
    # Many attempts, since a busy machine may miss the short timeout more than twice.
    limits = Limits(retry=replace(LIMITS.retry, max_attempts=100))
    async with open_resolver(settings_for(hub, store, timeout_s=0.5), limits=limits) as resolver:
        found = await resolver.resolve("acme/bert")
    assert found.task == "fill-mask" and not found.decision.notes


async def test_a_quota_that_is_used_up_is_waited_for(store: Path) -> None:
    rows = [bert_row(f"org{number}/m") for number in range(12)]
    options = HubOptions(quota_api=2, quota_resolvers=8, window_s=0.1)
    async with LocalHub(catalog_of(*rows), options) as hub:
        found = await codes(settings_for(hub, store, concurrency=4), [row["id"] for row in rows])
        assert found == [None] * 12 and hub.count.status[429] > 0


async def test_nobody_asks_while_the_quota_is_known_to_be_used_up(hub: LocalHub, store: Path) -> None:
    limits = Limits(retry=RetryPolicy(first_wait_s=0.002, max_wait_s=0.004, max_retry_after_s=0.3))
    hub.faults.add(faults.rate_limited(reset_s=0), "/api/models/*")
    settings = settings_for(hub, store, concurrency=1, lean=True)
    started_s = time.monotonic()
    assert await codes(settings, ["acme/bert", "acme/sd", "acme/gguf"], limits=limits) == [None] * 3
    assert time.monotonic() - started_s >= 0.3
    assert hub.count.kind["model_info"] == 4


async def test_errors_carry_what_a_program_needs(hub: LocalHub, store: Path) -> None:
    hub.faults.add(faults.rate_limited(remaining=None, retry_after_s=9), INFO, times=None)
    with pytest.raises(RateLimitedError) as limited:
        await answer(settings_for(hub, store), "acme/bert")
    assert (limited.value.status, limited.value.repo_id, limited.value.revision) == (429, "acme/bert", "main")
    assert limited.value.retry_after_s is not None
    hub.faults.clear()
    hub.faults.add(faults.failing(503), INFO, times=None)
    with pytest.raises(HubUnavailableError) as away:
        await answer(settings_for(hub, store), "acme/bert")
    assert (away.value.status, away.value.attempts) == (503, ATTEMPTS)


async def test_a_server_that_is_not_there_is_unavailable(store: Path) -> None:
    async with LocalHub(catalog_of()) as gone:
        endpoint = gone.endpoint
    assert await codes(settings_for(endpoint, store), ["acme/bert"]) == ["hub_unavailable"]


MALFORMED = (
    *("-a/b", "a/b-", "a/b.", ".a/b", "a--b/c", "a/b..c", "a/b.git", "a/b/c", "/a/b", "a/", "a//b"),
    *("café/x", "a b/c", " a/b", "a/b ", "a\tb", "a/b\n", "a\0b", "a/b?x", "a/b#c", "a\\b", "a" * 97, "@", "a/b@"),
    *("https://huggingface.co/a/b", "~nobody-of-this-name/x", "./nowhere", "/nowhere", "x/" * 3000, "/" + "y" * 5000),
    *("a/b@x y", "a/b@..", "a/b@x..y", "a/b@/x", "a/b@x~1", "a/b@x^", "a/b@x:y", "a/b@-x", "a/b@x@{0}"),
    *("a/b@" + "z" * 251, "\ud800/x", "a/b@\udcff"),
)  # fmt: skip


async def test_an_id_that_no_repo_can_have_is_refused_before_anything_is_asked(hub: LocalHub, store: Path) -> None:
    found = await codes(settings_for(hub, store), ["acme/bert", *MALFORMED, "acme/sd"], ordered=True)
    assert dict(zip(MALFORMED, found[1:-1], strict=True)) == dict.fromkeys(MALFORMED, "invalid_repo_id")
    assert (found[0], found[-1]) == (None, None)
    assert {entry.path.split("/")[3] for entry in hub.requests if entry.kind == "model_info"} == {"acme"}


@pytest.mark.parametrize("repo_id", ["datasets/acme/words", "datasets/words", "spaces/acme/app", "datasets/a/b@main"])
async def test_the_id_of_a_dataset_or_space_is_not_a_model(hub: LocalHub, store: Path, repo_id: str) -> None:
    assert await codes(settings_for(hub, store), [repo_id]) == ["not_a_model"]
    assert hub.count.total == 0


@pytest.mark.parametrize("wrong", [("acme/bert@v1", "v2"), (b"acme/bert", None), ("acme/bert", 7), ("acme/bert", "")])
async def test_a_request_of_the_wrong_kind_is_one_bad_row(hub: LocalHub, store: Path, wrong: Any) -> None:
    assert await codes(settings_for(hub, store), [wrong, "acme/bert"]) == ["invalid_repo_id", None]


def test_every_error_has_a_code_of_the_contract() -> None:
    def all_kinds(kind: type[ResolveError]) -> set[type[ResolveError]]:
        return {kind}.union(*map(all_kinds, kind.__subclasses__()))

    documented = {
        *("invalid_repo_id", "repo_not_found", "revision_not_found", "gated", "disabled", "unauthorized"),
        *("rate_limited", "hub_unavailable", "bad_response", "offline_miss", "not_a_model", "task_mismatch"),
        *("internal_error", "load_failed", "library_missing", "not_loadable", "remote_code", "memory_budget"),
        *("invalid_settings", "function_failed", "worker_lost"),
    }
    assert {kind.code for kind in all_kinds(ResolveError)} == documented
