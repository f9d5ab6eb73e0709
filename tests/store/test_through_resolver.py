"""A resolver on either database: stored answers are given again offline, to those who may see them."""

from __future__ import annotations

from resolver.local_hub import HubOptions, LocalHub
from tests.resolver.support import (
    READER,
    TOKENS,
    answers,
    bert_row,
    catalog_of,
    codes,
    rows_without_source,
    settings_for,
)

ODD = bert_row("acme/odd", pipeline_tag="fill\0mask", tags=["a\0b"])
IDS = ["acme/bert", "acme/sd", "acme/odd", "acme/many"]


async def test_stored_answers_are_given_offline_for_any_text_of_the_hub(location: str) -> None:
    many = bert_row("acme/many", siblings=[f"file{number}" for number in range(3_000)], pipeline_tag="é" * 300)
    async with LocalHub(catalog_of(bert_row("acme/bert"), bert_row("acme/sd"), ODD, many)) as hub:
        online = await answers(settings_for(hub, location), IDS)
        assert hub.count.total > 0
    offline = await answers(settings_for(hub, location, offline=True), IDS)
    assert rows_without_source(offline) == rows_without_source(online)
    assert [getattr(item, "commit_hash", None) is not None for item in offline] == [True] * 4


async def test_private_answers_are_given_to_their_token_alone(location: str) -> None:
    async with LocalHub(catalog_of(), HubOptions(tokens=TOKENS)) as hub:
        assert await codes(settings_for(hub, location, token=READER), ["acme/private", "acme/bert"]) == [None, None]
        hub.catalog.change("acme/bert", private=True)
        await codes(settings_for(hub, location, token=READER, refresh=True), ["acme/bert"])
    both = ["acme/private", "acme/bert"]
    assert await codes(settings_for(hub, location, token=READER, offline=True), both) == [None, None]
    assert await codes(settings_for(hub, location, offline=True), both) == ["offline_miss"] * 2
