"""Every row of the corpus: what is decided against what public sources say, and the same again from memory."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from resolver.answer import Failure
from resolver.local_hub import Catalog, LocalHub, read_jsonl
from resolver.resolution import Resolution, Source
from tests.resolver.support import ROOT, open_resolver, rows_without_source, settings_for

CORPUS = ROOT / "tests" / "data" / "corpus.jsonl.gz"


@pytest.fixture(scope="module")
def labelled() -> list[dict[str, Any]]:
    """The rows, with their labels."""
    with gzip.open(CORPUS) as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def corpus() -> Catalog:
    """The repos, as a Hub serves them."""
    return read_jsonl(CORPUS)


async def resolve_all(
    ids: Sequence[str], endpoint: str, store: Path, **more: Any
) -> tuple[list[Resolution | Failure], int]:
    """The answers, and how many requests they took."""
    async with open_resolver(settings_for(endpoint, store, **more)) as resolver:
        return [item async for item in resolver.resolve_many(ids)], sum(resolver.requests.values())


def is_right(row: dict[str, Any], item: Resolution, what: str) -> bool:
    label = row["label"].get(what)
    value = getattr(item, what)
    return bool(value in label if isinstance(label, list) else value == label)


@pytest.mark.slow
async def test_every_repo_is_answered_and_nearly_all_are_right(
    labelled: list[dict[str, Any]], corpus: Catalog, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = [row["id"] for row in labelled]
    async with LocalHub(corpus) as hub:
        online, requests = await resolve_all(ids, hub.endpoint, store)
        assert requests == hub.count.total
        hub.reset_counts()
        again, requests_again = await resolve_all(ids, hub.endpoint, store)
        assert requests_again == hub.count.total == 0
    offline, _ = await resolve_all(ids, hub.endpoint, store, offline=True)

    found = [item for item in online if isinstance(item, Resolution)]
    commits = sum(row["sha"] == item.commit_hash for row, item in zip(labelled, found, strict=True))
    shares = {}
    for what in ("library", "framework", "task"):
        judged = [(row, item) for row, item in zip(labelled, found, strict=True) if row["label"].get(what)]
        wrong = [(row["id"], row["label"][what], getattr(item, what)) for row, item in judged
                 if not is_right(row, item, what)]  # fmt: skip
        shares[what] = (len(judged) - len(wrong), len(judged), wrong)
    with capsys.disabled():
        print(f"\ncorpus: {len(found)} of {len(ids)} answered, {commits} commits right, {requests} requests")
        for what, (right, judged_count, wrong) in shares.items():
            print(f"  {what}: {right} of {judged_count} right ({right / judged_count:.2%}); wrong: {wrong[:5]}")

    assert len(found) == len(ids) == commits
    for what, least in (("library", 0.99), ("framework", 0.99), ("task", 0.97)):
        right, judged_count, _ = shares[what]
        assert right >= least * judged_count, what
    assert rows_without_source(again) == rows_without_source(offline) == rows_without_source(online)
    assert {item.source for item in (*again, *offline) if isinstance(item, Resolution)} == {Source.STORE}


@pytest.mark.slow
async def test_lean_answers_of_the_corpus_are_the_same_with_fewer_requests(
    labelled: list[dict[str, Any]], corpus: Catalog, store: Path, tmp_path: Path
) -> None:
    ids = [row["id"] for row in labelled][::4]
    async with LocalHub(corpus) as hub:
        eager, eager_requests = await resolve_all(ids, hub.endpoint, store)
        lean, lean_requests = await resolve_all(ids, hub.endpoint, tmp_path / "lean.sqlite3", lean=True)
    assert lean_requests < 0.75 * eager_requests
    same = sum(
        isinstance(a, Resolution) and isinstance(b, Resolution)
        and (a.library, a.task, a.framework, a.commit_hash) == (b.library, b.task, b.framework, b.commit_hash)
        for a, b in zip(eager, lean, strict=True)
    )  # fmt: skip
    assert same >= 0.99 * len(ids)
