"""One tiny model of each kind in transformers is resolved without hints, loaded, run, and compared."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import pytest
import torch
import transformers

from tests.resolver.loading.families import FAMILIES, Family, run_model
from tests.resolver.loading.support import serve_models


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.architecture)
async def test_a_model_comes_back_as_it_was_saved(family: Family, families: Path, tmp_path: Path) -> None:
    name = f"kinds/{family.architecture}"
    async with serve_models(families, tmp_path / "store") as served:
        answer = await served.resolver.resolve(name)
        assert (answer.task, answer.model_class) == (family.task, family.auto_class)
        model = await served.load(name)
        served.hub.reset_counts()
        again = await served.load(name)
        assert served.hub.count.total == 0
    saved = getattr(transformers, family.architecture).from_pretrained(families / name)
    assert type(model).__name__ == family.architecture and not model.training
    expected, actual = run_model(saved.eval(), family.inputs()), run_model(model, family.inputs())
    assert expected and len(expected) == len(actual)
    for left, right in zip(expected, actual, strict=True):
        torch.testing.assert_close(left, right, rtol=0, atol=0, equal_nan=True)
    assert all(torch.equal(left, right) for left, right in zip(model.parameters(), again.parameters(), strict=True))


async def test_the_own_class_is_used_where_the_auto_class_does_not_map_the_config(
    families: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One model type of transformers 5.23 (Evolla) has its configuration mapped under another name than the model."""
    mapping = transformers.AutoModelForMaskedLM._model_mapping
    monkeypatch.setattr(
        transformers.AutoModelForMaskedLM, "_model_mapping", type(mapping)(OrderedDict(), OrderedDict())
    )
    async with serve_models(families, tmp_path / "store") as served:
        assert type(await served.load("kinds/BertForMaskedLM")).__name__ == "BertForMaskedLM"


def test_there_are_many_kinds() -> None:
    assert len({family.auto_class for family in FAMILIES}) >= 25
