"""What a reader of the pages has at hand: a Hub with the repos that the pages name, a list of ids, a model folder."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from resolver.local_hub import Catalog, LocalHub, practice_catalog, read_folder

IDS = (
    *("openai/whisper-small", "BAAI/bge-large-en-v1.5", "stabilityai/sdxl-turbo", "google/gemma-3-1b-it"),
    "Qwen/Qwen-7B-Chat",
)

SMALL_MODEL = "hf-internal-testing/tiny-random-BertForSequenceClassification"
"""Its weights are on the local Hub too, for pages that load a model."""


def prepare(folder: Path, page: str) -> tuple[Catalog, dict[str, Any]]:
    """Put the reader's files into `folder`. The repos of the Hub, and the names that the Python of the page may use."""
    catalog = practice_catalog()
    (folder / "ids.txt").write_text("\n".join(IDS))
    setup = _SETUPS.get(page, _make_config_folder)
    return catalog, setup(folder, catalog)


def _make_config_folder(folder: Path, catalog: Catalog) -> dict[str, Any]:
    (folder / "my-model").mkdir()
    (folder / "my-model" / "config.json").write_text('{"architectures": ["BertForMaskedLM"], "model_type": "bert"}')
    (folder / "my-model" / "model.safetensors").write_bytes(b"")
    return {}


def _save_models(folder: Path, catalog: Catalog) -> dict[str, Any]:
    """`my-model` is a tiny model with a tokenizer, and the Hub serves one as well."""
    from tests.resolver.exporting.tiny import build_tiny_model

    hub = folder.parent / "hub"
    model = build_tiny_model("transformers", "bert", "text-classification")
    tokenizer = _build_tokenizer()
    for target in (folder / "my-model", hub / SMALL_MODEL, hub / "org" / "name"):
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
    _replace(catalog, read_folder(hub))
    return {"model": model, "tokenizer": tokenizer, "ids": ["org/name"], "use": lambda model: None}


def _save_decoder(folder: Path, catalog: Catalog) -> dict[str, Any]:
    from tests.resolver.exporting.tiny import build_tiny_model

    names = _save_models(folder, catalog)
    build_tiny_model("transformers", "gpt2", "text-generation").save_pretrained(folder / "my-decoder")
    names["tokenizer"].save_pretrained(folder / "my-decoder")
    return names | {
        "model": build_tiny_model("transformers", "t5", "text2text-generation"),
        "classifier": names["model"],
    }


def _build_tokenizer() -> Any:
    import tokenizers
    import transformers

    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0, "word": 1}, unk_token="[UNK]"))
    return transformers.PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", pad_token="[UNK]")


def _replace(catalog: Catalog, others: Catalog) -> None:
    for repo in others:
        if repo.id in catalog:
            catalog.delete(repo.id)
        catalog.add(repo)


def _save_certificate(folder: Path, catalog: Catalog) -> dict[str, Any]:
    """Any certificate will do for that of a company."""
    import certifi

    end = "-----END CERTIFICATE-----\n"
    first = Path(certifi.where()).read_text("utf-8").partition(end)[0]
    (folder / "company-ca.pem").write_text(first[first.index("-----BEGIN") :] + end)
    return {}


_SETUPS: dict[str, Callable[[Path, Catalog], dict[str, Any]]] = {
    "README.md": _save_models,
    "docs/loading.md": _save_models,
    "docs/exporting.md": _save_decoder,
    "docs/tutorial/loading.md": _save_models,
    "docs/tutorial/exporting.md": _save_models,
    "docs/how-to/notebooks.md": _save_models,
    "docs/how-to/company-network.md": _save_certificate,
}

SHELL_BEFORE = {
    "docs/store.md": (
        f"export HUBRESOLVE_STORE=store.sqlite3; hubresolve resolve {' '.join(IDS)} google/gemma-3-4b-it --quiet; "
        "cp store.sqlite3 yesterday.sqlite3; cp store.sqlite3 today.sqlite3"
    ),
}
"""What the reader of a page has run before."""

PAGES_WITH_MODELS = frozenset(page for page, setup in _SETUPS.items() if setup in (_save_models, _save_decoder))


@contextlib.contextmanager
def serve(catalog: Catalog) -> Iterator[str]:
    """The endpoint of a local Hub in a thread of its own, for programs that block this one."""
    started: list[str] = []
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def run() -> None:
        async with LocalHub(catalog) as hub:
            started.append(hub.endpoint)
            ready.set()
            await stop.wait()

    def work() -> None:
        try:
            loop.run_until_complete(run())
        finally:
            ready.set()

    thread = threading.Thread(target=work, name="local-hub")
    thread.start()
    ready.wait()
    try:
        yield started[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
