"""What a repo can put into its small files: one row with an answer or a clear code, and no other row affected."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from registry.defaults import default_registry
from registry.facts import CONFIG, CommitFacts, HubHints, RepoFacts
from registry.rules.decide import decide
from resolver.hub.payloads import MAX_SMALL_FILE_BYTES, parse_small_file
from resolver.local_hub import LocalHub, faults, repos_from_rows
from resolver.render import render_explanation
from resolver.resolution import Resolution
from tests.resolver.support import (
    BERT,
    FILES,
    answers,
    bert_row,
    catalog_of,
    code_of,
    rows_without_source,
    run,
    settings_for,
)

GOOD = msgspec.json.encode(BERT)
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 570\n"


@dataclass(frozen=True)
class Config:
    """A `config.json`, and what must still come out. `note`: part of what is said of the file, None for nothing."""

    id: str
    body: bytes
    note: str | None = None
    task: str | None = "fill-mask"
    row: Mapping[str, Any] = field(default_factory=dict)


def of(**changes: Any) -> bytes:
    return msgspec.json.encode({**BERT, **changes})


TAGGED = {"pipeline_tag": "text-ranking"}
CONFIGS = (
    Config("good", GOOD),
    Config("not JSON", b"architectures: [BertForMaskedLM]", "not JSON", "text-ranking", TAGGED),
    Config("not JSON and no tag", b"{'architectures'}", "not JSON", None),
    Config("empty", b"", "not JSON", "text-ranking", TAGGED),
    Config("white space", b" \n ", "not JSON", "text-ranking", TAGGED),
    Config("cut short", GOOD[:-9], "not JSON", "text-ranking", TAGGED),
    Config("a list", b"[1, 2]", None, "text-ranking", TAGGED),
    Config("a string", b'"BertForMaskedLM"', "a JSON string", "text-ranking", TAGGED),
    Config("null", b"null", "a JSON null", "text-ranking", TAGGED),
    Config("a number", b"1e999", "a JSON null", "text-ranking", TAGGED),
    Config("an empty object", b"{}", None, "text-ranking", TAGGED),
    Config("with a BOM", b"\xef\xbb\xbf" + GOOD),
    Config("UTF-16", GOOD.decode().encode("utf-16")),
    Config("Latin-1", b'{"a": "\xe9"}', "not UTF-8", "text-ranking", TAGGED),
    Config("NUL bytes", b"\0" * 100, "not", "text-ranking", TAGGED),
    Config("a web page", b"<!DOCTYPE html><html></html>", "not JSON", "text-ranking", TAGGED),
    Config("an LFS pointer", LFS, "pointer", "text-ranking", TAGGED),
    Config("NaN and Infinity", GOOD[:-1] + b', "a": NaN, "b": Infinity, "c": -Infinity, "d": 1e999}'),
    Config("large numbers", GOOD[:-1] + b', "a": ' + b"9" * 400 + b', "b": -99999999999999999999}'),
    Config("a number of 5000 digits", GOOD[:-1] + b', "a": ' + b"9" * 5000 + b"}", None, None),
    Config("duplicate keys", b'{"architectures": ["X"], "architectures": ["BertForMaskedLM"], "model_type": "bert"}'),
    Config("comments", b"// hello\n" + GOOD, "not JSON", "text-ranking", TAGGED),
    Config("a trailing comma", GOOD[:-1] + b",}", "not JSON", "text-ranking", TAGGED),
    Config("half a character", GOOD[:-1] + b', "x": "\\ud800"}', "half a character", "text-ranking", TAGGED),
    Config("nested 10,000 deep", b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "nested deeper", "text-ranking", TAGGED),
    Config("lists 100,000 deep", b"[" * 100_000, "nested deeper", "text-ranking", TAGGED),
    Config("nested 150 deep", of(x=json.loads("[" * 150 + "]" * 150))),
    Config("architectures null", of(architectures=None), None, None),
    Config("architectures a string", of(architectures="BertForMaskedLM")),
    Config("architectures empty", of(architectures=[]), None, None),
    Config("architectures a number", of(architectures=7), None, None),
    Config("architectures of all kinds", of(architectures=[None, 7, {}, ["X"], "BertForMaskedLM"])),
    Config("an unknown architecture", of(architectures=["NobodyKnowsMe"]), None, "text-ranking", TAGGED),
    Config("model_type null", of(model_type=None)),
    Config("model_type a list", of(model_type=["bert"])),
    Config("model_type a number", of(model_type=7)),
    Config("auto_map a string", of(auto_map="x")),
    Config("auto_map of all kinds", of(auto_map={"AutoModel": None, "AutoModelForMaskedLM": 7, "": [], "x": [[]]})),
    Config("labels of the wrong kind", of(id2label=7, num_labels="x", quantization_config=[], text_config="x")),
    Config("everything null", of(**dict.fromkeys(BERT)), None, "text-ranking", TAGGED),
    Config("control characters", of(model_type="bert\x1b[31m\x07\r\n"), None, "fill-mask"),
    Config("very long names", of(model_type="b" * 10_000)),
)  # fmt: skip


def rows(configs: tuple[Config, ...]) -> list[dict[str, Any]]:
    # The Hub computes no extract from a file it cannot read; here it never does, so that the file alone counts.
    return [
        bert_row(f"acme/c{number}", extract={}, library_name=None, **config.row)
        for number, config in enumerate(configs)
    ]


@pytest.mark.parametrize("lean", [False, True])
async def test_every_config_is_one_row_with_an_answer(store: Path, lean: bool) -> None:
    catalog = catalog_of(*rows(CONFIGS))
    for number, config in enumerate(CONFIGS):
        repo = catalog.get(f"acme/c{number}")
        assert repo is not None
        files = {**repo.commits[repo.head], CONFIG: config.body}
        catalog.change(repo.id, commits={repo.head: files})
    ids = list(catalog.ids())
    async with LocalHub(catalog) as hub:
        found = await answers(settings_for(hub, store, lean=lean), ids)
    told = {item.repo_id: item for item in found if isinstance(item, Resolution)}
    for number, config in enumerate(CONFIGS):
        item = told[f"acme/c{number}"]
        problems = [note for note in item.decision.notes if note.startswith("config.json: ")]
        if config.id == "a number of 5000 digits":
            assert problems
            continue
        assert (len(problems) == 1 and config.note in problems[0]) if config.note else not problems, (config.id, item)
        if config.task is not None:
            assert item.task == config.task, (config.id, item)
        assert item.task is not None or item.undecided, (config.id, item)
        assert "\x1b" not in render_explanation(item, 0)
    again = await answers(settings_for(hub, store, offline=True), ids)
    assert rows_without_source(found) == rows_without_source(again)


async def test_a_config_that_is_huge_or_unpacks_to_gigabytes_is_not_read_to_its_end(hub: LocalHub, store: Path) -> None:
    rows = [bert_row(name, **TAGGED, extract={}) for name in ("acme/huge", "acme/bomb", "acme/small-bomb")]
    for repo in repos_from_rows(rows):
        hub.catalog.add(repo)
    hub.faults.add(faults.huge_config(), "/api/resolve-cache/models/acme/huge/*")
    hub.faults.add(faults.gzip_bomb(100 << 20), "/acme/bomb/resolve/*", times=None)
    small = faults.Reply(body=gzip.compress(GOOD), headers={"Content-Encoding": "gzip", "X-Repo-Commit": "0" * 40})
    hub.faults.add(small, "/acme/small-bomb/resolve/*", times=None)
    found = await answers(settings_for(hub, store), ["acme/huge", "acme/bert", "acme/bomb", "acme/small-bomb"])
    assert [code_of(item) for item in found] == [None] * 4
    for item in (found[0], found[2]):
        assert isinstance(item, Resolution) and item.task == "text-ranking"
        assert item.decision.notes == (f"config.json: longer than {MAX_SMALL_FILE_BYTES >> 20} MiB",)


MANIFESTS = ("model_index.json", "adapter_config.json", "modules.json", "config_sentence_transformers.json")
CONTENTS = (b"", b"null", b"[]", b"{}", b"[[[]]]", b'{"_class_name": 7, "model_type": [], "peft_type": {}}',
            b'{"_class_name": [], "base_model_name_or_path": 7, "task_type": ["X"]}', b'[{"type": 7}, 7]',
            b'"\\ud800"', b"[" * 5000, LFS)  # fmt: skip


async def test_the_other_small_files_may_hold_anything_too(store: Path) -> None:
    made: list[dict[str, Any]] = [
        {"id": f"acme/{path.split('.')[0]}-{number}-{with_config}", "files": {path: body.decode()},
         **({"config": BERT, "siblings": FILES} if with_config else {"siblings": ["0_Transformer/config.json"]})}
        for path in MANIFESTS for number, body in enumerate(CONTENTS) for with_config in (0, 1)
    ]  # fmt: skip
    async with LocalHub(catalog_of(*made)) as hub:
        ids = [row["id"] for row in made]
        found = await answers(settings_for(hub, store), ids)
    assert {code_of(item) for item in found} == {None}
    again = await answers(settings_for(hub, store, offline=True), ids)
    assert rows_without_source(found) == rows_without_source(again)


@pytest.mark.parametrize("format_", ["jsonl", "csv", "table"])
async def test_the_command_writes_every_row_of_them(store: Path, format_: str) -> None:
    made = rows(CONFIGS)
    for row, config in zip(made, CONFIGS, strict=True):
        row["files"] = {CONFIG: config.body.decode("utf-8", "replace")}
        del row["config"]
    async with LocalHub(catalog_of(*made)) as hub:
        ids = [row["id"] for row in made]
        done = await asyncio.to_thread(
            run, "resolve", *ids, "--format", format_, "--quiet", "--endpoint", hub.endpoint, "--store", store
        )
    assert (done.returncode, done.stderr) == (0, "")
    if format_ == "jsonl":
        assert [json.loads(line)["repo_id"] for line in done.stdout.splitlines()] == ids
    # CSV is data and faithful to it; the others may end up on a terminal.
    assert format_ == "csv" or "\x1b" not in done.stdout


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KNOWN_KEYS = st.sampled_from(
    (
        *("architectures", "model_type", "auto_map", "id2label", "num_labels", "quantization_config", "quantization"),
        *("architecture", "pretrained_cfg", "num_classes", "_class_name", "_diffusers_version", "class_name", "module"),
        *("sentence_transformers", "peft_type", "task_type", "base_model_name_or_path", "transformers_version"),
    )
)
WORDS = st.sampled_from(
    ("bert", "BertForMaskedLM", "AutoModel", "SentenceTransformer", "x--y.Z", "CAUSAL_LM", "resnet50")
)
VALUES = JSON | WORDS | st.lists(WORDS | JSON, max_size=3) | st.dictionaries(WORDS, WORDS | JSON, max_size=3)
OBJECTS = st.dictionaries(KNOWN_KEYS | st.text(max_size=5), VALUES, max_size=6)
NAMES = st.sampled_from(
    (
        *(CONFIG, *MANIFESTS, "model.safetensors", "m.gguf", "open_clip_config.json", "x.nemo", "adapters.safetensors"),
        *("tf_model.h5", "0_Transformer/config.json", "modular_model_index.json", "pytorch_lora_weights.bin"),
    )
)


@given(
    names=st.frozensets(NAMES | st.text(max_size=9)),
    contents=st.dictionaries(NAMES, OBJECTS | JSON, max_size=4),
    hints=st.builds(
        HubHints,
        pipeline_tag=st.none()
        | st.sampled_from(("fill-mask", "text-ranking", "nobody-knows-this"))
        | st.text(max_size=5),
        library_name=st.none()
        | st.sampled_from(("transformers", "timm", "sentence-transformers"))
        | st.text(max_size=5),
        tags=st.lists(WORDS | st.text(max_size=5), max_size=4).map(tuple),
        extract=OBJECTS,
        auto_model=st.none() | WORDS,
        auto_task=st.none() | st.text(max_size=5),
        gguf_architecture=st.none() | WORDS,
    ),
)
def test_any_json_in_any_file_leads_to_a_decision_and_always_the_same(
    names: frozenset[str], contents: dict[str, Any], hints: HubHints
) -> None:
    files = {path: parse_small_file(json.dumps(content).encode()) for path, content in contents.items()}
    facts = RepoFacts(commit=CommitFacts(filenames=tuple(sorted({*names, *files})), files=files), hints=hints)
    decision = decide(facts, default_registry())
    assert decision == decide(facts, default_registry())
    assert decision.task is not None or decision.undecided
    msgspec.json.encode(decision)
