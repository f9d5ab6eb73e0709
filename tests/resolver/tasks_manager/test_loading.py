"""`get_model_from_task`: real models, from folders and from a Hub, for their own task and for others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.errors import RegistryError
from resolver.local_hub.server.process import start_process
from resolver.settings import Settings
from resolver.tasks_manager import TasksManager

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

BERT: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "vocab_size": 64,
}
T5: dict[str, Any] = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2, "vocab_size": 64}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models in folders named like repos; one model is in a subfolder."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    bert = transformers.BertForMaskedLM(transformers.BertConfig(**BERT))
    bert.save_pretrained(folder / "tiny" / "bert")
    transformers.T5ForConditionalGeneration(transformers.T5Config(**T5)).save_pretrained(
        folder / "tiny" / "bert" / "big" / "t5"
    )
    ctc = transformers.Wav2Vec2Config(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        vocab_size=16,
        conv_dim=(16,),
        conv_stride=(5,),
        conv_kernel=(10,),
        num_feat_extract_layers=1,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
    )
    transformers.Wav2Vec2ForCTC(ctc).save_pretrained(folder / "tiny" / "ctc")
    return folder


@pytest.fixture
def repos(models: Path, tmp_path: Path) -> Iterator[Settings]:
    """A local Hub that serves the folder, with a store and a cache of this test alone."""
    with start_process(folder=models) as hub:
        settings = Settings(
            endpoint=hub.endpoint,
            store=tmp_path / "store.sqlite3",
            token=False,
            offline=False,
            cache_dir=tmp_path / "cache",
        )
        TasksManager.configure(settings)
        yield settings
    TasksManager.close()
    TasksManager.configure(Settings())


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[None]:
    """No Hub, and an empty store."""
    TasksManager.configure(Settings(endpoint="http://127.0.0.1:9", store=tmp_path / "store.sqlite3", offline=True))
    yield
    TasksManager.close()
    TasksManager.configure(Settings())


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("auto", "BertForMaskedLM"),
        ("fill-mask", "BertForMaskedLM"),
        ("masked-lm", "BertForMaskedLM"),
        ("feature-extraction", "BertModel"),
        # The base model may be loaded for another task.
        ("text-classification", "BertForSequenceClassification"),
    ],
)
def test_a_folder_is_loaded_for_the_requested_task(folders: None, models: Path, task: str, name: str) -> None:
    model = TasksManager.get_model_from_task(task, models / "tiny" / "bert")
    assert type(model).__name__ == name
    assert not model.training
    assert model.config.model_type == "bert"


def test_a_subfolder_a_dtype_and_an_argument_of_the_library(folders: None, models: Path) -> None:
    model = TasksManager.get_model_from_task(
        "text2text-generation-with-past",
        str(models / "tiny" / "bert"),
        subfolder="big/t5",
        torch_dtype=torch.float16,
        device="cpu",
        library_name="transformers",
        framework="pt",
        attn_implementation="eager",
    )
    assert type(model).__name__ == "T5ForConditionalGeneration"
    assert model.dtype is torch.float16
    assert model.config._attn_implementation == "eager"


@pytest.mark.parametrize("task", ["auto", "automatic-speech-recognition"])
def test_speech_recognition_is_loaded_by_its_architecture(folders: None, models: Path, task: str) -> None:
    assert type(TasksManager.get_model_from_task(task, models / "tiny" / "ctc")).__name__ == "Wav2Vec2ForCTC"


def test_a_repo_is_loaded_and_then_offline_again(repos: Settings) -> None:
    online = TasksManager.get_model_from_task("auto", "tiny/bert")
    subfolder = TasksManager.get_model_from_task("auto", "tiny/bert", subfolder="big/t5")
    assert [type(model).__name__ for model in (online, subfolder)] == ["BertForMaskedLM", "T5ForConditionalGeneration"]
    offline = TasksManager.get_model_from_task("auto", "tiny/bert", local_files_only=True)
    for name, weight in online.state_dict().items():
        assert torch.equal(weight, offline.state_dict()[name])
    with pytest.raises(RuntimeError):
        TasksManager.get_model_from_task("auto", "tiny/ctc", local_files_only=True)


async def test_inside_a_running_event_loop(repos: Settings) -> None:
    assert TasksManager.get_model_from_task("feature-extraction", "tiny/bert").config.model_type == "bert"


@pytest.mark.parametrize(
    ("arguments", "kinds"),
    [
        ({"task": "no-such-task"}, (KeyError, RegistryError)),
        ({"task": "fill-mask", "library_name": "no-such-library"}, (KeyError, RegistryError)),
        ({"task": "fill-mask", "framework": "tf"}, (ValueError, RegistryError)),
        ({"task": "automatic-speech-recognition"}, (ValueError, RegistryError)),
    ],
)
def test_what_cannot_be_loaded_is_the_error_that_optimum_raises(
    folders: None, models: Path, arguments: dict[str, Any], kinds: tuple[type[Exception], ...]
) -> None:
    with pytest.raises(kinds[0]) as caught:
        TasksManager.get_model_from_task(**arguments, model_name_or_path=models / "tiny" / "bert")
    assert all(isinstance(caught.value, kind) for kind in kinds)


def test_no_weights_and_broken_ones_are_oserrors(folders: None, models: Path, tmp_path: Path) -> None:
    transformers.BertConfig(**BERT, architectures=["BertForMaskedLM"]).save_pretrained(tmp_path / "config-only")
    for framework, kind in ((None, FileNotFoundError), ("pt", OSError)):
        with pytest.raises(kind, match="weights"):
            TasksManager.get_model_from_task("fill-mask", tmp_path / "config-only", framework=framework)
    (tmp_path / "config-only" / "model.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(Exception) as caught:
        TasksManager.get_model_from_task("fill-mask", tmp_path / "config-only")
    assert any("config-only" in note for note in caught.value.__notes__)


def test_an_exporters_config_is_made_for_a_model_that_was_loaded(folders: None, models: Path) -> None:
    model = TasksManager.get_model_from_task("text2text-generation", models / "tiny" / "bert", subfolder="big/t5")
    task = TasksManager.infer_task_from_model(model)
    constructor = TasksManager.get_exporter_config_constructor("onnx", model, task=task, library_name="transformers")
    assert "decoder_input_ids" in constructor(model.config).inputs
