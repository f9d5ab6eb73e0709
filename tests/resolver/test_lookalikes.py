"""Every lookalike by id, with `lean`, in a listing, as a folder and from the Hugging Face cache: the same answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from resolver.answer import Failure
from resolver.local_hub import LocalHub, repos_from_rows
from resolver.resolution import Resolution, Source
from resolver.settings import Settings
from tests.resolver.lookalikes import LOOKALIKES, Lookalike
from tests.resolver.support import answers, catalog_of, open_resolver, settings_for

NO_HUB = "http://127.0.0.1:9"
WAYS = {
    "id": Source.HUB,
    "lean": Source.HUB,
    "listing": Source.HUB,
    "folder": Source.LOCAL,
    "cache": Source.HF_CACHE,
}

Answers = Mapping[tuple[str, str], Resolution | Failure]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """(way, lookalike) -> its answer: a batch for each way."""
    return asyncio.run(answer_all(tmp_path_factory.mktemp("lookalikes")))


async def answer_all(place: Path) -> Answers:
    ids = [str(item.row["id"]) for item in LOOKALIKES]
    folders = [write_repo(item, place / "folders" / item.id) for item in LOOKALIKES]
    for item in LOOKALIKES:
        repo = place / "cache" / f"models--{str(item.row['id']).replace('/', '--')}"
        write_repo(item, repo / "snapshots" / item.row["sha"])
        (repo / "refs").mkdir()
        (repo / "refs" / "main").write_text(item.row["sha"])
    away: dict[str, Settings] = {
        "folder": settings_for(NO_HUB, place / "folder.sqlite3", offline=True),
        "cache": settings_for(NO_HUB, place / "cache.sqlite3", offline=True, cache_dir=place / "cache"),
    }
    async with LocalHub(catalog_of(*(item.row for item in LOOKALIKES))) as hub:
        by_way = {
            "id": await answers(settings_for(hub, place / "id.sqlite3"), ids),
            "lean": await answers(settings_for(hub, place / "lean.sqlite3", lean=True), ids),
            "listing": await list_all(settings_for(hub, place / "listing.sqlite3"), ids),
            "folder": await answers(away["folder"], folders),
            "cache": await answers(away["cache"], ids),
        }
    return {
        (way, item.id): answer for way, given in by_way.items() for item, answer in zip(LOOKALIKES, given, strict=True)
    }


async def list_all(settings: Settings, ids: Sequence[str]) -> list[Resolution | Failure]:
    """The answers of one listing, in the order of `ids`."""
    async with open_resolver(settings) as resolver:
        by_id = {item.repo_id: item async for item in resolver.resolve_listing(author="kinds")}
    return [by_id[repo_id] for repo_id in ids]


def write_repo(item: Lookalike, folder: Path) -> str:
    """The repo as files on disk; the model card has what its author wrote."""
    (repo,) = repos_from_rows([item.row])
    for name, content in repo.commits[repo.head].items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    tags = [tag for tag in repo.tags if not tag.startswith("base_model:")]
    bases = [tag.split(":") for tag in repo.tags if tag.count(":") == 2]
    card = {"pipeline_tag": repo.pipeline_tag, "library_name": repo.library_name, "tags": tags}
    card |= {"base_model": [base for _, _, base in bases], "base_model_relation": bases[0][1]} if bases else {}
    written = {key: value for key, value in card.items() if value}
    (folder / "README.md").write_text(f"---\n{json.dumps(written)}\n---\n" if written else "# A model\n")
    return str(folder)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("item", LOOKALIKES, ids=lambda item: item.id)
def test_a_lookalike_is_taken_for_what_it_is(item: Lookalike, way: str, found: Answers) -> None:
    answer = found[way, item.id]

    assert isinstance(answer, Resolution), answer
    assert answer.source is WAYS[way]
    expected = {name: value for name, value in item.expected.items() if name != "ambiguous"}
    assert {name: getattr(answer, name) for name in expected} == expected
    assert answer.decision.ambiguous is item.expected.get("ambiguous", answer.decision.ambiguous)
    for note in item.notes:
        assert any(note in text for text in answer.decision.notes), (note, answer.decision.notes)
    for note in item.not_notes:
        assert not any(note in text for text in answer.decision.notes), answer.decision.notes


@pytest.mark.parametrize("item", LOOKALIKES, ids=lambda item: item.id)
def test_all_ways_give_one_decision(item: Lookalike, found: Answers) -> None:
    decisions = {}
    for way in WAYS:
        answer = found[way, item.id]
        assert isinstance(answer, Resolution), answer
        # The steps differ where the Hub's extract was read instead of a file; what they conclude does not.
        decisions[way] = {
            name: getattr(answer.decision, name) for name in answer.decision.__struct_fields__ if name != "evidence"
        }

    assert all(decision == decisions["id"] for decision in decisions.values()), decisions
