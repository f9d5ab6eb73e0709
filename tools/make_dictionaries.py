"""Writes `store/dictionaries/*.txt`, the preset dictionaries for compressing stored bodies, from the tests' corpus.

    python tools/make_dictionaries.py

Each dictionary consists of the JSON of whole bodies. They are chosen one after another, each so that a sample of texts
deflates to the fewest bytes. A body can only be read with the dictionary that it was compressed with: a changed
dictionary needs a new `store.tables.SCHEMA_VERSION` and a migration.
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
from resolver.lookup.listing import ListingQuery, fetch_pages
from store import codec

CORPUS = Path(__file__).resolve().parent.parent / "tests" / "data" / "corpus.jsonl.gz"
SAMPLE_SIZE = 150
"""Texts that are deflated to compare candidates."""

CANDIDATES_PER_STEP = 40
"""Random candidates for the next text of a dictionary."""

MAX_TEXT_BYTES = 700
"""Longest text of a body that a dictionary may contain."""

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
"""Texts that are frequent in repos but rare in the corpus, which has only the data that decisions read."""

MAX_TEXTS_BYTES = {"commit_facts": 1_200, "hub_hints": 2_200, "decision": 3_800}
"""Most bytes of texts in a dictionary, beside the common ones."""


async def fetch_infos(endpoint: str) -> list[ModelInfo]:
    """Model info of all repos of a Hub, without entries that cannot be parsed."""
    async with HubClient(endpoint, None, concurrency=4, timeout_s=60) as client:
        return [
            item
            async for page in fetch_pages(client, endpoint, ListingQuery())
            for item in page.items
            if isinstance(item, ModelInfo)
        ]


def build_texts() -> dict[str, list[bytes]]:
    """Name of a dictionary -> the JSON of all such bodies of the corpus."""
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as rows:
        rows.write(gzip.decompress(CORPUS.read_bytes()))
        rows.flush()
        with start_process(jsonl=rows.name) as hub:
            infos = asyncio.run(fetch_infos(hub.endpoint))
    registry = shipped_registry()
    texts: dict[str, list[bytes]] = {name: [] for name in MAX_TEXTS_BYTES}
    for info in infos:
        facts = RepoFacts(commit=CommitFacts(filenames=info.filenames), hints=info.hints)
        texts["commit_facts"].append(codec.encode_json(facts.commit))
        texts["hub_hints"].append(codec.encode_json(facts.hints))
        texts["decision"].append(codec.encode_json(decide(facts, registry)))
    return texts


def train_dictionary(texts: Sequence[bytes], common: bytes, max_bytes: int) -> bytes:
    """`common` and then up to `max_bytes` of texts, the most useful ones last, where deflate's offsets are shortest."""
    draw = random.Random(0)
    sample = draw.sample(texts, SAMPLE_SIZE)
    candidates = [text for text in dict.fromkeys(texts) if len(text) <= MAX_TEXT_BYTES]
    chosen = b""
    while True:
        attempts = [
            text + chosen
            for text in draw.sample(candidates, min(CANDIDATES_PER_STEP, len(candidates)))
            if len(text) + len(chosen) <= max_bytes
        ]
        if not attempts:
            return common + chosen
        chosen = min(attempts, key=lambda dictionary: sum(len(codec.deflate(text, dictionary)) for text in sample))


def main() -> None:
    for name, texts in build_texts().items():
        dictionary = train_dictionary(texts, COMMON[name], MAX_TEXTS_BYTES[name])
        (codec.DICTIONARIES / f"{name}.txt").write_bytes(dictionary)
        size = sum(len(codec.deflate(text, dictionary)) for text in texts) / len(texts)
        print(
            f"{name}: {len(dictionary)} bytes; a body of {sum(map(len, texts)) / len(texts):.0f} bytes takes {size:.0f}"
        )


if __name__ == "__main__":
    main()
