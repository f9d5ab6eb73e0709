"""The size of the weights in answers: from the same request, from a page, from the store, and never forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resolver.cli.input.answers import read_answers
from resolver.local_hub import LocalHub
from resolver.resolution import Resolution
from tests.resolver.support import answer, answers, bert_row, catalog_of, open_resolver, run, settings_for

BERT_SIZE = {"parameters": {"F32": 110_106_428, "I64": 512}, "total": 110_106_940}
SIZE = (110_106_940, 440_429_808)
GGUF = {"id": "acme/gguf", "sha": "d" * 40, "siblings": ["m-q8_0.gguf"], "gguf": {"total": 5, "architecture": "llama"}}


def make_hub() -> LocalHub:
    sized: dict[str, Any] = bert_row("acme/bert", safetensors=BERT_SIZE)
    return LocalHub(catalog_of(sized, bert_row("acme/plain"), GGUF))


def sizes(items: list[Any]) -> dict[str, tuple[int | None, int | None]]:
    return {item.repo_id: (item.parameters, item.weight_bytes) for item in items if isinstance(item, Resolution)}


ALL = {"acme/bert": SIZE, "acme/plain": (None, None), "acme/gguf": (5, None)}


@pytest.mark.parametrize("lean", [False, True])
async def test_a_size_costs_no_request_and_is_remembered(lean: bool, store: Path) -> None:
    async with make_hub() as hub:
        assert sizes(await answers(settings_for(hub, store, lean=lean), list(ALL))) == ALL
        assert hub.count.bucket["api"] == 3
        assert sizes(await answers(settings_for(hub, store, lean=lean), list(ALL))) == ALL
        assert hub.count.bucket["api"] == 3
        assert sizes(await answers(settings_for(hub, store, offline=True), list(ALL))) == ALL


async def test_a_page_of_a_listing_has_the_sizes(store: Path) -> None:
    async with make_hub() as hub:
        async with open_resolver(settings_for(hub, store)) as resolver:
            assert sizes([item async for item in resolver.resolve_listing(author="acme")]) == ALL
        assert hub.count.bucket["api"] == 1


async def test_a_size_is_kept_where_a_later_check_of_the_same_commit_does_not_tell_it(store: Path) -> None:
    catalog = catalog_of(bert_row("acme/bert", safetensors=BERT_SIZE))
    async with LocalHub(catalog) as hub:
        refreshing = settings_for(hub, store, refresh=True)
        await answer(refreshing, "acme/bert")
        # As a mirror that does not compute it.
        catalog.change("acme/bert", safetensors=None)
        assert sizes([await answer(refreshing, "acme/bert")]) == {"acme/bert": SIZE}
        async with open_resolver(refreshing) as resolver:
            assert sizes([item async for item in resolver.resolve_listing(author="acme")]) == {"acme/bert": SIZE}
        catalog.push("acme/bert", {"config.json": "{}"})
        assert sizes([await answer(refreshing, "acme/bert")]) == {"acme/bert": (None, None)}


async def test_rows_have_the_size_in_every_format(store: Path, tmp_path: Path) -> None:
    async with make_hub() as hub:
        await answers(settings_for(hub, store), list(ALL))
        arguments = ("--offline", "--endpoint", hub.endpoint, "--store", store)
    for format_ in ("jsonl", "csv", "parquet"):
        path = tmp_path / f"answers.{format_}"
        assert run("resolve", *ALL, *arguments, "--output", path).returncode == 0
        found = [(row["repo_id"], row["parameters"], row["weight_bytes"]) for row in read_answers(str(path))]
        assert found == [(name, *size) for name, size in ALL.items()]
    done = run(
        "resolve",
        *ALL,
        *arguments,
        "--where",
        "parameters>1e6",
        "--columns",
        "repo_id,weight_bytes",
        "--format",
        "jsonl",
    )
    assert done.stdout == '{"repo_id":"acme/bert","weight_bytes":440429808}\n'
    done = run(
        "store", "query", "SELECT sum(weight_bytes) AS bytes FROM answers", "--store", store, "--format", "jsonl"
    )
    assert done.stdout == '{"bytes":440429808}\n'
    assert "weight bytes      440,429,808" in run("explain", "acme/bert", *arguments).stdout
