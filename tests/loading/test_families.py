"""One tiny model of each kind that transformers has: resolved without a hint, loaded, run, and compared."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import pytest
import torch
import transformers

from tests.loading.families import FAMILIES, Family, outputs
from tests.loading.support import served


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.architecture)
async def test_a_model_comes_back_as_it_was_saved(family: Family, families: Path, tmp_path: Path) -> None:
    name = f"kinds/{family.architecture}"
    async with served(families, tmp_path / "store") as here:
        answer = await here.resolver.resolve(name)
        assert (answer.task, answer.model_class) == (family.task, family.auto_class)
        model = await here.load(name)
        here.hub.reset_counts()
        again = await here.load(name)
        assert here.hub.count.total == 0
    saved = getattr(transformers, family.architecture).from_pretrained(families / name)
    assert type(model).__name__ == family.architecture and not model.training
    wanted, found = outputs(saved.eval(), family.inputs()), outputs(model, family.inputs())
    assert wanted and len(wanted) == len(found)
    for one, other in zip(wanted, found, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), again.parameters(), strict=True))


async def test_an_auto_class_that_does_not_know_the_model_is_done_without(
    families: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of one model type in transformers 5.23, whose configuration is mapped by another name than the model."""
    mapping = transformers.AutoModelForMaskedLM._model_mapping
    monkeypatch.setattr(
        transformers.AutoModelForMaskedLM, "_model_mapping", type(mapping)(OrderedDict(), OrderedDict())
    )
    async with served(families, tmp_path / "store") as here:
        assert type(await here.load("kinds/BertForMaskedLM")).__name__ == "BertForMaskedLM"


def test_there_are_many_kinds() -> None:
    assert len({family.auto_class for family in FAMILIES}) >= 25
