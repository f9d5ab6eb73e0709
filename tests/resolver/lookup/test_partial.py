"""Both buckets: facts come through files where requests for model info are short, and are completed later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resolver.answer import Failure
from resolver.hub.hop_costs import HopCosts
from resolver.hub.pacing.quota_headers import Quota
from resolver.limits import Limits
from resolver.local_hub import HubOptions, LocalHub
from resolver.resolution import Resolution
from tests.resolver.support import BERT, FILES, LIMITS, answers, bert_row, catalog_of, code_of, settings_for

SENTENCE_FILES = (*FILES, "modules.json", "config_sentence_transformers.json", "1_Pooling/config.json")
KINDS: tuple[dict[str, Any], ...] = (
    {
        "config": BERT,
        "siblings": FILES,
        "library_name": "transformers",
        "tags": ["transformers", "safetensors", "bert"],
    },
    {
        "model_index": {"_class_name": "StableDiffusionPipeline", "vae": ["diffusers", "AutoencoderKL"]},
        "siblings": ["README.md", "model_index.json", "vae/config.json"],
        "library_name": "diffusers",
        "pipeline_tag": "text-to-image",
    },
    {
        "config": {"architectures": ["BertModel"], "model_type": "bert"},
        "siblings": SENTENCE_FILES,
        "library_name": "sentence-transformers",
        "pipeline_tag": "sentence-similarity",
    },
    # What only model info tells: a card without a library, no card, and weights that the card does not speak of.
    {"config": BERT, "siblings": FILES},
    {"config": BERT, "siblings": ["config.json", "model.safetensors"], "library_name": "transformers"},
    {"siblings": ["README.md", "m-q8_0.gguf"], "gguf": {"total": 5, "architecture": "llama"}},
)
ROWS = [{"id": f"author{n}/repo", **KINDS[n % len(KINDS)]} for n in range(24)]
IDS = [str(row["id"]) for row in ROWS]
SHORT_OF_INFO = HubOptions(quota_api=8, window_s=1.0)
WAITING = Limits(listings=LIMITS.listings)
"""Waits for a quota take as long as the Hub says."""


def triple(item: Resolution | Failure) -> tuple[str | None, ...]:
    assert isinstance(item, Resolution)
    return item.library, item.task, item.model_class


@pytest.mark.parametrize("meters_redirects", [True, False])
async def test_files_answer_while_model_info_is_short(store: Path, tmp_path: Path, meters_redirects: bool) -> None:
    options = HubOptions(quota_api=8, window_s=1.0, meter_resolve_cache=meters_redirects)
    async with LocalHub(catalog_of(*ROWS), options) as hub:
        found = await answers(settings_for(hub, store, partial=True, concurrency=4), IDS, limits=WAITING)
        assert hub.count.status[429] == 0
    async with LocalHub(catalog_of(*ROWS)) as hub:
        complete = await answers(settings_for(hub, tmp_path / "complete.db"), IDS)
    assert [item.repo_id for item in found] == IDS and [triple(item) for item in found] == [
        triple(item) for item in complete
    ]
    partial = [item for item in found if isinstance(item, Resolution) and item.partial]
    assert partial and all("files" in item.partial and item.commit_hash for item in partial)
    assert {IDS.index(item.repo_id) % len(KINDS) for item in partial} <= {0, 1, 2}


async def test_a_partial_answer_is_completed_without_asking_again_for_what_is_known(store: Path) -> None:
    async with LocalHub(catalog_of(*ROWS), SHORT_OF_INFO) as hub:
        found = await answers(settings_for(hub, store, partial=True, concurrency=4), IDS, limits=WAITING)
        partial = [item.repo_id for item in found if isinstance(item, Resolution) and item.partial]
        hub.reset_counts()
        again = await answers(settings_for(hub, store, partial=True), IDS)
        assert hub.count.total == 0 and [triple(item) for item in again] == [triple(item) for item in found]
        offline = await answers(settings_for(hub, store, offline=True), partial)
        assert all(isinstance(item, Resolution) and item.partial for item in offline)
        of_bert = [name for name in partial if IDS.index(name) % len(KINDS) == 0]
        assert of_bert
        complete = await answers(settings_for(hub, store), of_bert, limits=WAITING)
        # Its config.json was read already.
        assert set(hub.count.kind) == {"model_info"}
    assert all(isinstance(item, Resolution) and not item.partial and item.framework == "pt" for item in complete)


async def test_without_it_every_answer_is_complete(store: Path) -> None:
    async with LocalHub(catalog_of(*ROWS), SHORT_OF_INFO) as hub:
        found = await answers(settings_for(hub, store), IDS, limits=WAITING)
    assert all(isinstance(item, Resolution) and not item.partial for item in found)


async def test_what_is_wrong_with_a_repo_is_said_as_without_it(store: Path) -> None:
    bad = [
        bert_row("bad0/gated", gated="auto"),
        bert_row("bad1/private", private=True),
        bert_row("bad2/off", disabled=True),
    ]
    ids = [*IDS, *(row["id"] for row in bad), "bad3/none"]
    async with LocalHub(catalog_of(*ROWS, *bad), SHORT_OF_INFO) as hub:
        found = await answers(settings_for(hub, store, partial=True, concurrency=4), ids, limits=WAITING)
    assert [code_of(item) for item in found[len(IDS) :]] == [None, "repo_not_found", "disabled", "repo_not_found"]


def quota(remaining: int, reset_s: float = 5.0, name: str = "resolvers") -> Quota:
    return Quota(name=name, remaining=remaining, reset_after_s=reset_s)


HOPS = (
    ("counted", (quota(10), quota(9)), False),
    ("others were counted meanwhile", (quota(10), quota(7)), False),
    ("free", (quota(10), quota(10)), True),
    ("a new window", (quota(10, 0.0), quota(10, 5.0)), False),
    ("nothing left", (quota(0), quota(0)), False),
    ("of another quota", (quota(10), quota(10, name="api")), False),
    ("not said", (None, quota(10)), False),
    ("not said by the last one", (quota(10), None), False),
)


@pytest.mark.pure
@pytest.mark.parametrize(("seen", "are_free"), [case[1:] for case in HOPS], ids=[case[0] for case in HOPS])
def test_the_headers_tell_whether_a_redirect_counts(seen: tuple[Quota | None, Quota | None], are_free: bool) -> None:
    costs = HopCosts()
    assert costs.count(*seen, 1) == (0 if are_free else 1)
    assert costs.count(quota(9), quota(8), 1) == (0 if are_free else 1)
    assert costs.count(None, None, 0) == 0
