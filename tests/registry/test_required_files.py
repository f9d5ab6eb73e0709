"""The small files that a decision still needs, as a table: what is known of a repo, and what is to be fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from registry.defaults import default_registry
from registry.facts import CommitFacts, HubHints
from registry.rules.required_files import find_required_files
from tests.registry.repo_facts import read

pytestmark = pytest.mark.pure

CONFIG, INDEX, ADAPTER = "config.json", "model_index.json", "adapter_config.json"
ENCODER, MODULES = "config_sentence_transformers.json", "modules.json"
POOLING, FEATURES = "1_Pooling/config.json", "feature-extraction"
SETTLED = {"architectures": ["BertModel"], "model_type": "bert"}
PIPELINE = {"diffusers": {"_class_name": "FluxPipeline"}}
BASE = {"peft": {"base_model_name_or_path": "org/base", "task_type": "CAUSAL_LM"}}


@dataclass(frozen=True)
class Row:
    """`extract` is the Hub's own extract of the repo's config; `fetched` are files that were read before."""

    id: str
    names: tuple[str, ...]
    required: tuple[str, ...]
    extract: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    library_name: str | None = None
    pipeline_tag: str | None = None
    fetched: tuple[str, ...] = ()
    lean: bool = False


ROWS = (
    Row("a config", (CONFIG, "model.safetensors"), (CONFIG,)),
    Row("a config that was fetched", (CONFIG,), (), fetched=(CONFIG,)),
    Row("no config", ("model.gguf",), ()),
    Row("a server that lists no files", (), (CONFIG,)),
    Row("a config with an extract", (CONFIG,), (CONFIG,), SETTLED),
    Row("lean, the extract settles it", (CONFIG,), (), SETTLED, library_name="transformers", lean=True),
    Row("lean, an author who names no library", (CONFIG,), (CONFIG,), SETTLED, lean=True),
    Row("lean, Python files", (CONFIG, "modeling.py"), (CONFIG,), SETTLED, library_name="transformers", lean=True),
    Row("lean, an architecture that is not known", (CONFIG,), (CONFIG,), {**SETTLED, "architectures": ["NewModel"]},
        library_name="transformers", lean=True),
    Row("lean, an extract without a model type", (CONFIG,), (CONFIG,), {"architectures": ["BertModel"]}, lean=True),
    Row("lean, an extract without architectures", (CONFIG,), (CONFIG,), {"model_type": "bert"}, lean=True),
    Row("lean, a model type of the wrong type", (CONFIG,), (CONFIG,), {**SETTLED, "model_type": 7}, lean=True),
    Row("lean, no extract", (CONFIG,), (CONFIG,), lean=True),
    Row("a pipeline", (INDEX, "vae/config.json"), (INDEX,)),
    Row("a pipeline with an extract", (INDEX, "vae/config.json"), (), PIPELINE),
    Row("a pipeline beside a config", (CONFIG, INDEX), (CONFIG,), PIPELINE),
    Row("lean, a pipeline beside a config", (CONFIG, INDEX), (), PIPELINE, lean=True),
    Row("a modular pipeline", ("modular_model_index.json",), ("modular_model_index.json",)),
    Row("a pipeline that is also modular", (INDEX, "modular_model_index.json"), (INDEX,)),
    Row("an adapter", (ADAPTER,), (ADAPTER,)),
    Row("an adapter with an extract", (ADAPTER,), (), BASE),
    Row("an adapter whose task is not in the extract", (ADAPTER,), (ADAPTER,),
        {"peft": {"base_model_name_or_path": "org/base"}}),
    Row("an adapter with an extract of the wrong type", (ADAPTER,), (ADAPTER,), {"peft": []}),
    Row("an adapter beside a config", (ADAPTER, CONFIG), (CONFIG,)),
    Row("sentence-transformers", (CONFIG, ENCODER, MODULES), (CONFIG, ENCODER, MODULES)),
    Row("lean, sentence-transformers without code", (CONFIG, ENCODER, MODULES), (), SETTLED, ("cross-encoder",),
        "sentence-transformers", lean=True),
    Row("lean, sentence-transformers with code", (CONFIG, ENCODER, MODULES), (MODULES,), SETTLED,
        ("cross-encoder", "custom_code"), "sentence-transformers", lean=True),
    Row("an old sentence-transformers repo", (CONFIG, MODULES), (CONFIG, MODULES)),
    Row("the module in a folder", (MODULES, "0_A/config.json", "0_B/config.json"), (MODULES, "0_A/config.json")),
    Row("a deeper folder is no module", (MODULES, "0_A/x/config.json"), (MODULES,)),
    Row("lean, the tags give the kind", (CONFIG, ENCODER), (), SETTLED, ("cross-encoder",), "sentence-transformers",
        lean=True),
    Row("lean, library and task give the kind", (CONFIG, ENCODER), (), SETTLED, (), "sentence-transformers",
        "sentence-similarity", lean=True),
    Row("lean, features that are pooled", (CONFIG, ENCODER, POOLING, "2_Normalize/config.json"), (), SETTLED, (),
        "sentence-transformers", FEATURES, lean=True),
    Row("lean, features that are not pooled", (CONFIG, ENCODER), (ENCODER,), SETTLED, (), "sentence-transformers",
        FEATURES, lean=True),
    Row("lean, features that a sparse encoder may give", (CONFIG, ENCODER, POOLING, "2_SparseAutoEncoder/config.json"),
        (ENCODER,), SETTLED, (), "sentence-transformers", FEATURES, lean=True),
    Row("lean, features of a module of the repo's own", (CONFIG, ENCODER, POOLING, "2_MyPooling/config.json"),
        (ENCODER,), SETTLED, (), "sentence-transformers", FEATURES, lean=True),
    Row("lean, pooled features of another library", (CONFIG, ENCODER, POOLING), (ENCODER,), SETTLED, (),
        "transformers", FEATURES, lean=True),
    Row("lean, no task", (CONFIG, ENCODER), (ENCODER,), SETTLED, (), "sentence-transformers", lean=True),
    Row("lean, another library", (CONFIG, ENCODER), (ENCODER,), SETTLED, (), "transformers", "fill-mask", lean=True),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
def test_only_the_files_that_a_decision_still_needs_are_required(row: Row) -> None:
    commit = CommitFacts(filenames=tuple(sorted(row.names)), files={path: read({}) for path in row.fetched})
    hints = HubHints(extract=row.extract, tags=row.tags, library_name=row.library_name, pipeline_tag=row.pipeline_tag)
    assert find_required_files(commit, hints, lean=default_registry() if row.lean else None) == row.required
