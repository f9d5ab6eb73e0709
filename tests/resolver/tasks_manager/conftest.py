"""Sets up `TasksManager` with a store per test and a local Hub.

The Hub runs in another process, because the calls of `TasksManager` block this event loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from resolver.local_hub.server.process import HubProcess, start_process
from resolver.settings import Settings
from resolver.tasks_manager import TasksManager
from tests.resolver.support import BERT, FILES, ROWS

T5 = {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5"}
MORE_ROWS: tuple[dict[str, Any], ...] = (
    {
        "id": "acme/marian",
        "config": {"architectures": ["MarianMTModel"], "model_type": "marian"},
        "siblings": ["config.json", "pytorch_model.bin"],
        "pipeline_tag": "translation",
        "library_name": "transformers",
    },
    {
        "id": "acme/ctc",
        "config": {"architectures": ["Wav2Vec2ForCTC"], "model_type": "wav2vec2"},
        "siblings": FILES,
        "pipeline_tag": "automatic-speech-recognition",
        "library_name": "transformers",
    },
    {
        "id": "acme/timm",
        "config": {"architecture": "resnet18", "num_classes": 10, "pretrained_cfg": {"tag": "x"}},
        "siblings": ["config.json", "model.safetensors"],
        "pipeline_tag": "image-classification",
        "library_name": "timm",
    },
    {
        "id": "acme/parts",
        "config": BERT,
        "siblings": ["config.json", "big/t5/model.safetensors"],
        "files": {"big/t5/config.json": T5},
        "pipeline_tag": "fill-mask",
    },
    {"id": "acme/onnx", "config": BERT, "siblings": ["config.json", "onnx/model.onnx"], "pipeline_tag": "fill-mask"},
    {"id": "acme/nothing", "siblings": ["README.md"]},
    {
        "id": "acme/tagless",
        "config": {"architectures": ["MistralForCausalLM"], "model_type": "mistral"},
        "siblings": FILES,
    },
)


@dataclass(frozen=True)
class HubAndStore:
    """The local Hub, and the path of the store."""

    hub: HubProcess
    store: Path

    def settings(self, **more: Any) -> Settings:
        """Settings without a token and online, unless `more` changes that."""
        return Settings(
            **{"endpoint": self.hub.endpoint, "store": self.store, "token": False, "offline": False, **more}
        )


@pytest.fixture(scope="session")
def hub_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    rows = tmp_path_factory.mktemp("hub") / "repos.jsonl"
    rows.write_bytes(b"\n".join(map(msgspec.json.encode, (*ROWS, *MORE_ROWS))))
    with start_process(jsonl=rows) as process:
        yield process


@pytest.fixture
def served(hub_process: HubProcess, tmp_path: Path) -> Iterator[HubAndStore]:
    """`TasksManager` uses the local Hub and a store of this test alone."""
    hub_and_store = HubAndStore(hub=hub_process, store=tmp_path / "store.sqlite3")
    exports = TasksManager.exports().copy()
    TasksManager.configure(hub_and_store.settings())
    yield hub_and_store
    TasksManager.close()
    TasksManager.configure(Settings(), exports)
