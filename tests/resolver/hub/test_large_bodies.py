"""Large responses: what is read of them, and how many are in memory."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from registry.facts import FileState
from resolver.errors import HubResponseError
from resolver.hub.body_size import SMALL_BODY_BYTES, is_large
from resolver.hub.large_bodies import LargeBodyPermit
from resolver.hub.payloads import (
    MAX_FIELD_BYTES,
    MAX_FILES,
    MAX_PAGE_VALUES,
    MAX_VALUES,
    build_model_info,
    parse_listing,
    parse_model_info,
    parse_small_file,
)
from resolver.repo_id import RepoRevision

INFO: dict[str, Any] = {
    "id": "acme/x", "sha": "a" * 40, "pipeline_tag": "fill-mask", "library_name": "timm", "tags": ["one", "two"],
    "gated": "manual", "private": False, "disabled": False, "config": {"model_type": "bert", "tokenizer_config": {}},
    "cardData": {"pipeline_tag": "other"}, "transformersInfo": {"auto_model": "AutoModel", "pipeline_tag": "fill-mask"},
    "gguf": {"architecture": "llama"}, "siblings": [{"rfilename": f"shard-{n}"} for n in range(10_000)],
}  # fmt: skip


def encode(**changes: Any) -> bytes:
    return json.dumps({**INFO, **changes}).encode()


@pytest.mark.parametrize(
    "more",
    [{}, {"spaces": ["x" * 99] * 9_000}, {"gated": True}, {"tags": None}, {"id": None, "modelId": "acme/y"}],
    ids=["files", "what nobody reads", "gated", "no tags", "its other name"],
)
def test_large_model_info_says_the_same_as_small(more: dict[str, Any]) -> None:
    body = encode(**more)
    assert is_large(body)
    assert parse_model_info(body) == build_model_info(json.loads(body))


def test_a_value_of_large_model_info_that_is_too_long_counts_as_missing() -> None:
    info = parse_model_info(encode(tags=["x" * MAX_FIELD_BYTES], config={"x": "y" * MAX_FIELD_BYTES}))
    assert (info.hints.tags, info.hints.extract, info.hints.library_name) == ((), {}, "timm")


@pytest.mark.parametrize(
    "body",
    [
        encode(siblings=[{}] * (MAX_FILES + 1)),
        encode(siblings=[1] * SMALL_BODY_BYTES),
        b"[" * SMALL_BODY_BYTES * 2,
        b'{"id":"a/b"' + b" " * SMALL_BODY_BYTES,
        b"null" + b" " * SMALL_BODY_BYTES,
    ],
    ids=["too many files", "files of another kind", "nested", "cut short", "null"],
)
def test_large_model_info_that_cannot_be_used_is_a_bad_response(body: bytes) -> None:
    with pytest.raises(HubResponseError) as caught:
        parse_model_info(body)
    assert len(str(caught.value)) < 500


def test_a_file_of_very_many_values_is_unreadable() -> None:
    small = parse_small_file(b"[" + b"{}," * MAX_VALUES + b"0]")
    assert small.state is FileState.UNREADABLE and small.problem == f"more than {MAX_VALUES:,} values"


def test_a_large_entry_of_a_page_is_requested_by_itself() -> None:
    page = b"[%s,%s]" % (encode(), encode(id="acme/small", siblings=[]))
    large, small = parse_listing(page)
    assert large == RepoRevision("acme/x") and not isinstance(small, RepoRevision)


@pytest.mark.parametrize(
    "body",
    [b"[" + b"1," * MAX_PAGE_VALUES + b"1]", b'{"a":"' + b"x" * SMALL_BODY_BYTES + b'"}'],
    ids=["many values", "no list"],
)
def test_a_page_of_very_many_values_or_of_none_is_a_bad_response(body: bytes) -> None:
    with pytest.raises(HubResponseError):
        parse_listing(body)


async def test_one_permit_covers_all_bodies_of_a_repo_and_few_repos_have_one() -> None:
    semaphore = asyncio.Semaphore(1)
    with LargeBodyPermit(semaphore) as first, LargeBodyPermit(semaphore) as second:
        await asyncio.gather(first.acquire(), first.acquire())
        waiting = asyncio.create_task(second.acquire())
        await asyncio.sleep(0)
        assert first.is_held and not second.is_held
        first.release()
        await waiting
        assert second.is_held
    assert not semaphore.locked()
