"""Writes `store/dictionaries/*.txt`, the texts that stored bodies are deflated with, from the repos of the tests.

    python tools/make_dictionaries.py

Each is made of whole bodies, chosen one after another: the one that makes a sample of the others shortest. Changing a
dictionary makes every body stored with it unreadable: `schema.SCHEMA_VERSION` rises with it.
"""

from __future__ import annotations

import asyncio
import gzip
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from registry.defaults import shipped_registry
from registry.facts import CommitFacts, RepoFacts
from registry.rules.decide import decide
from resolver.hub.client import HubClient
from resolver.hub.payloads import ModelInfo
from resolver.local_hub import start_process
from resolver.lookup.listing import pages
from store import codec

CORPUS = Path(__file__).resolve().parent.parent / "tests" / "data" / "corpus.jsonl.gz"
SAMPLE = 150
TRIED = 40
LONGEST_BODY_BYTES = 700

# What repos of all kinds have, and the corpus, which holds only what decisions read, has less of.
COMMON = {
    "commit_facts": b'"README.md","LICENSE","added_tokens.json","special_tokens_map.json","tokenizer_config.json",'
    b'"tokenizer.json","tokenizer.model","spiece.model","vocab.txt","vocab.json","merges.txt","chat_template.jinja",'
    b'"preprocessor_config.json","generation_config.json","training_args.bin","trainer_state.json","optimizer.pt",'
    b'"scheduler.pt","rng_state.pth","runs/events.out.tfevents.","checkpoint-","onnx/model.onnx","tf_model.h5",'
    b'"flax_model.msgpack","pytorch_model.bin.index.json","pytorch_model-00001-of-0000","Q4_K_M.gguf","Q8_0.gguf",'
    b'"model.safetensors.index.json","model-00001-of-00002.safetensors","model-00002-of-00002.safetensors",',
    "hub_hints": b'"base_model:","base_model:quantized:","base_model:merge:","base_model:adapter:",'
    b'"base_model:finetune:","license:other","license:llama3","license:cc-by-nc-4.0","license:apache-2.0","license:mit","dataset:","arxiv:',
    "decision": b"",
}
BUDGET_BYTES = {"commit_facts": 1_200, "hub_hints": 2_200, "decision": 3_800}


async def infos(endpoint: str) -> list[ModelInfo]:
    async with HubClient(endpoint, None, concurrency=4, timeout_s=60) as client:
        return [item async for page in pages(client, endpoint) for item in page if isinstance(item, ModelInfo)]


def bodies() -> dict[str, list[bytes]]:
    """The texts of the bodies that the corpus gives, by the name of their dictionary."""
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as rows:
        rows.write(gzip.decompress(CORPUS.read_bytes()))
        rows.flush()
        with start_process(jsonl=rows.name) as hub:
            found = asyncio.run(infos(hub.endpoint))
    registry = shipped_registry()
    texts: dict[str, list[bytes]] = {name: [] for name in BUDGET_BYTES}
    for info in found:
        facts = RepoFacts(commit=CommitFacts(filenames=info.filenames), hints=info.hints)
        texts["commit_facts"].append(codec.text_of(facts.commit))
        texts["hub_hints"].append(codec.text_of(facts.hints))
        texts["decision"].append(codec.text_of(decide(facts, registry)))
    return texts


def trained(texts: Sequence[bytes], common: bytes, budget_bytes: int) -> bytes:
    """`common` and then bodies, `budget_bytes` of them, the most useful last, where deflate reaches them cheapest."""
    draw = random.Random(0)
    sample = draw.sample(texts, SAMPLE)
    candidates = [text for text in dict.fromkeys(texts) if len(text) <= LONGEST_BODY_BYTES]
    chosen = b""
    while True:
        tried = [
            text + chosen
            for text in draw.sample(candidates, min(TRIED, len(candidates)))
            if len(text) + len(chosen) <= budget_bytes
        ]
        if not tried:
            return common + chosen
        chosen = min(tried, key=lambda dictionary: sum(len(codec.deflate(text, dictionary)) for text in sample))


def main() -> None:
    for name, texts in bodies().items():
        dictionary = trained(texts, COMMON[name], BUDGET_BYTES[name])
        (codec.DICTIONARIES / f"{name}.txt").write_bytes(dictionary)
        size = sum(len(codec.deflate(text, dictionary)) for text in texts) / len(texts)
        print(
            f"{name}: {len(dictionary)} bytes; a body of {sum(map(len, texts)) / len(texts):.0f} bytes takes {size:.0f}"
        )


if __name__ == "__main__":
    main()
