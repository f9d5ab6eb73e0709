"""Models of other libraries get a config with the model type that exporters go by."""

from __future__ import annotations

from pathlib import Path

import pytest
import transformers

from registry import UnknownModelError, default_registry
from resolver.tasks_manager.standardize import find_pipeline_family, standardize
from tests.resolver.loading import others
from tests.resolver.loading.families import build_bert_config

REGISTRY = default_registry()


def test_a_pipeline_is_exported_as_its_family(tmp_path: Path) -> None:
    pipeline = others.save_pipeline(tmp_path)
    standardize(pipeline, None, REGISTRY)
    assert pipeline.config.export_model_type == "stable-diffusion"
    pipeline.__class__ = type("Mine", (type(pipeline),), {})
    assert find_pipeline_family(pipeline, REGISTRY) == "stable-diffusion"
    assert find_pipeline_family(object(), REGISTRY) is None


def test_a_model_of_timm_gets_a_config_of_transformers(tmp_path: Path) -> None:
    model = others.save_timm(tmp_path)
    standardize(model, "timm", REGISTRY)
    assert model.config.export_model_type == "resnet18"
    assert isinstance(model.config, transformers.PretrainedConfig)


def test_a_sentence_transformer_gets_the_config_of_its_trunk(tmp_path: Path) -> None:
    import sentence_transformers
    from sentence_transformers.sentence_transformer.modules import Normalize

    others.save_sentence_models(tmp_path)
    for kind, name in (("SentenceTransformer", "embed"), ("CrossEncoder", "cross"), ("SparseEncoder", "sparse")):
        model = getattr(sentence_transformers, kind)(str(tmp_path / "st" / name), device="cpu")
        standardize(model, None, REGISTRY)
        assert (model.config.model_type, model.config.export_model_type) == ("bert", "transformer")
    headless = sentence_transformers.SentenceTransformer(modules=[Normalize()], device="cpu")
    with pytest.raises(ValueError, match="first module of this SentenceTransformer is a Normalize"):
        standardize(headless, "sentence_transformers", REGISTRY)


def test_a_model_of_transformers_stays_as_it_is() -> None:
    model = transformers.BertModel(build_bert_config())
    before = model.config.to_dict()
    standardize(model, None, REGISTRY)
    assert model.config.to_dict() == before
    with pytest.raises(UnknownModelError):
        standardize(object(), None, REGISTRY)
