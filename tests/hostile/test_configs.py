"""Whatever the files of a repo hold, the rules decide without an error, and the same for what the store gives back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings, strategies as st
from msgspec.structs import replace

from registry.decision import Decision
from registry.facts import CommitFacts, FileState, HubHints, RepoFacts, SmallFile
from registry.rules.decide import decide
from registry.rules.required_files import find_required_files
from resolver.hub.lenient_json import UnusableJsonError, parse_json
from resolver.hub.payloads import parse_small_file
from store import codec
from store.keys import FactsKey
from store.maintenance.verify import verify
from store.store import MetadataStore
from tests.hostile.damage import REGISTRY, ROUNDS
from tests.store.support import HUB, make_record, recall_one

FILES = ("config.json", "model_index.json", "modules.json", "adapter_config.json", "config_sentence_transformers.json")
FILENAMES = (
    *FILES,
    *(
        "model.safetensors",
        "pytorch_model.bin",
        "tf_model.h5",
        "flax_model.msgpack",
        "m-q8_0.gguf",
        "open_clip_config.json",
    ),
    *("1_Pooling/config.json", "unet/config.json", "modeling_x.py", "../up", "a//b", "\u202etxt.nosj", ""),
)
KEYS = (
    *("architectures", "model_type", "auto_map", "_class_name", "architecture", "id2label", "label2id", "num_labels"),
    *("quantization_config", "quant_method", "torch_dtype", "text_config", "vision_config", "is_encoder_decoder"),
    *("task_specific_params", "pretrained_cfg", "peft_type", "task_type", "base_model_name_or_path", "type", "path"),
    *("problem_type", "decoder", "encoder", "transformers_version", "modules_to_save", "tie_word_embeddings"),
)
WORDS = (
    *(
        "bert",
        "llama",
        "BertForMaskedLM",
        "LlamaForCausalLM",
        "StableDiffusionPipeline",
        "CAUSAL_LM",
        "LORA",
        "resnet50",
    ),
    *("AutoModelForCausalLM", "modeling_x.MyModel", "sentence_transformers.models.Transformer", "gptq", "__class__"),
    *("", "\0", "a" * 5_000, "../../etc/passwd", "{}", "[]", "\u202e", "é", "None", "org/base"),
)
NUMBERS = st.sampled_from((0, -1, 1, 2**31, 2**63, 10**40, 1.5, -0.0, 1e308))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS + WORDS), inner, max_size=5),
    max_leaves=20,
)
CONFIGS = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8) | VALUES
COMMITS = st.builds(
    CommitFacts,
    filenames=st.lists(st.sampled_from(FILENAMES), max_size=6, unique=True).map(sorted).map(tuple),
    files=st.dictionaries(
        st.sampled_from(FILES),
        st.one_of(
            st.builds(SmallFile, state=st.just(FileState.READ), content=CONFIGS),
            st.builds(SmallFile, state=st.sampled_from([state for state in FileState if state is not FileState.READ])),
        ),
        max_size=4,
    ),
)
TAGS = st.none() | st.sampled_from(
    (*WORDS, "text-generation", "fill-mask", "transformers", "diffusers", "timm", "peft")
)
HINTS = st.builds(
    HubHints,
    pipeline_tag=TAGS,
    library_name=TAGS,
    tags=st.lists(st.sampled_from(WORDS), max_size=4).map(tuple),
    extract=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5),
    auto_model=TAGS,
    auto_task=TAGS,
    gguf_architecture=TAGS,
)


def fuzz(examples: int) -> settings:
    """Settings of a campaign that is the same at each run."""
    unchecked = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
    return settings(
        max_examples=examples, derandomize=True, deadline=None, database=None, suppress_health_check=unchecked
    )


def decide_twice(facts: RepoFacts) -> Decision:
    """The decision on facts, the same for the facts that come back from the store."""
    find_required_files(facts.commit, facts.hints, lean=REGISTRY)
    decision = decide(facts, REGISTRY)
    commit = codec.decode(CommitFacts, codec.encode(facts.commit))
    hints = codec.decode(HubHints, codec.encode(facts.hints))
    assert decide(RepoFacts(commit=commit, hints=hints), REGISTRY) == decision
    assert codec.decode(Decision, codec.encode(decision)) == decision
    return decision


@fuzz(300)
@given(COMMITS, HINTS)
def test_any_files_are_decided_on(commit: CommitFacts, hints: HubHints) -> None:
    decide_twice(RepoFacts(commit=commit, hints=hints))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10 * ROUNDS))
def test_thousands_of_repos_of_any_files_are_decided_on(part: int) -> None:
    """In parts: hypothesis keeps all examples of one in memory."""

    @seed(part)
    @settings(fuzz(500), derandomize=False)
    @given(COMMITS, HINTS)
    def decide_on(commit: CommitFacts, hints: HubHints) -> None:
        decide_twice(RepoFacts(commit=commit, hints=hints))

    decide_on()


@fuzz(300)
@given(VALUES, st.randoms(use_true_random=False))
def test_a_damaged_json_file_is_read_or_called_unreadable(value: Any, chosen: Any) -> None:
    body = bytearray(json.dumps(value).encode())
    for _ in range(chosen.randrange(4)):
        body[chosen.randrange(len(body))] = chosen.choice(b'[]{}",:0-\\\xff\x00e')
    small_file = parse_small_file(bytes(body))
    facts = RepoFacts(commit=CommitFacts(filenames=("config.json",), files={"config.json": small_file}))
    assert decide_twice(facts) is not None
    try:
        parse_json(bytes(body))
    except UnusableJsonError:
        assert small_file.state is FileState.UNREADABLE


@fuzz(20)
@given(st.lists(st.tuples(COMMITS, HINTS), min_size=1, max_size=20))
def test_any_repos_are_stored_and_verified(tmp_path_factory: pytest.TempPathFactory, repos: list[Any]) -> None:
    asyncio.run(_store_all(tmp_path_factory.mktemp("configs") / "store.sqlite3", repos))


async def _store_all(path: Path, repos: list[tuple[CommitFacts, HubHints]]) -> None:
    async with MetadataStore(path) as store:
        records = []
        for number, (commit, hints) in enumerate(repos):
            # The Hub's payloads are cleaned of these (`payloads._as_text`).
            hints = replace(hints, pipeline_tag=_clean(hints.pipeline_tag), library_name=_clean(hints.library_name))
            key = FactsKey(HUB, f"org/{number}", f"{number:040x}")
            decision = decide(RepoFacts(commit=commit, hints=hints), REGISTRY)
            record = make_record(f"org/{number}")
            records.append(replace(record, hints=hints, facts_key=key, facts=commit, decision=decision))
        await store.put(records)
        assert (await verify(store, REGISTRY)).problems == []
        for number, record in enumerate(records):
            found = await recall_one(store, f"org/{number}")
            assert found is not None and found.decision() == record.decision


def _clean(text: str | None) -> str | None:
    return None if text is None or "\0" in text or len(text) > 1_000 else text
