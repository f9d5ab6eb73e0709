"""The model card that the local Hub serves: what a row's own library, task and tags amount to."""

from __future__ import annotations

from typing import Any

import pytest

from resolver.local.model_card import parse_card
from resolver.local_hub import repos_from_rows

BERT: dict[str, Any] = {"architectures": ["BertModel"], "model_type": "bert"}

CARDS: dict[str, tuple[dict[str, Any], tuple[str | None, str | None, tuple[str, ...]]]] = {
    "library, task and own tags": (
        {
            "library_name": "peft",
            "pipeline_tag": "text-generation",
            "tags": [
                "peft",
                "safetensors",
                "lora",
                "text-generation",
                "base_model:org/base",
                "license:mit",
                "region:us",
            ],
        },
        ("peft", "text-generation", ("lora", "base_model:org/base")),
    ),
    "what the Hub computes is not in it": (
        {"config": BERT, "tags": ["bert", "pytorch"], "hub": {"pipeline_tag": "feature-extraction"}},
        (None, None, ()),
    ),
    "a card of its own": (
        {"library_name": "timm", "card": {"library_name": "diffusers", "tags": ["art"]}},
        ("diffusers", None, ("art",)),
    ),
    "a file of its own": (
        {"library_name": "timm", "files": {"README.md": "---\npipeline_tag: fill-mask\n---\n"}},
        (None, "fill-mask", ()),
    ),
}


@pytest.mark.pure
@pytest.mark.parametrize(("row", "expected"), CARDS.values(), ids=CARDS)
def test_a_row_has_the_card_that_it_amounts_to(
    row: dict[str, Any], expected: tuple[str | None, str | None, tuple[str, ...]]
) -> None:
    (repo,) = repos_from_rows([{"id": "acme/model", "siblings": ["README.md"], **row}])
    hints = parse_card(repo.commits[repo.head]["README.md"])
    assert (hints.library_name, hints.pipeline_tag, hints.tags) == expected


@pytest.mark.pure
def test_a_repo_without_the_file_has_no_card() -> None:
    (repo,) = repos_from_rows([{"id": "acme/model", "siblings": ["config.json"], "library_name": "timm"}])
    assert "README.md" not in repo.commits[repo.head]
