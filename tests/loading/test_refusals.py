"""What is not loaded: the error says why and what to do, has the resolution, and no weights were fetched for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from resolver.errors import (
    LibraryNotInstalledError,
    ModelLoadError,
    NotLoadableError,
    OfflineError,
    RemoteCodeError,
    RepositoryNotFoundError,
    ResolveError,
    TaskMismatchError,
)
from resolver.loading import requirements
from tests.loading import others
from tests.loading.families import BERT, bert, words
from tests.loading.support import Served, served

CONFIG = {"model_type": "bert", "architectures": ["BertForMaskedLM"], **BERT}
REMOTE = {
    "model_type": "zyx",
    "architectures": ["ZyxForCausalLM"],
    "auto_map": {"AutoConfig": "code_zyx.ZyxConfig", "AutoModelForCausalLM": "code_zyx.ZyxForCausalLM"},
}
CODE = """
from pathlib import Path
from transformers import BertConfig, BertLMHeadModel
Path(__file__).parent.joinpath("ran").touch()
class ZyxConfig(BertConfig):
    model_type = "zyx"
class ZyxForCausalLM(BertLMHeadModel):
    config_class = ZyxConfig
"""

Files = dict[str, Any]


def put(models: Path, name: str, files: Files) -> Path:
    folder = models / name
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            (folder / path).write_bytes(content)
        else:
            (folder / path).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def no_weights_were_fetched(here: Served) -> bool:
    endings = (".safetensors", ".bin", ".h5", ".msgpack", ".gguf", ".onnx", ".py")
    return not any(entry.path.partition("?")[0].endswith(endings) for entry in here.hub.requests)


W = b"weights"
ROWS: tuple[tuple[str, Files, dict[str, Any], type[Exception], str], ...] = (
    # (what, files, options, error, part of the message)
    (
        "a task that the architecture cannot serve",
        {"config.json": CONFIG, "model.safetensors": W},
        {"task": "text-generation"},
        TaskMismatchError,
        "BertForMaskedLM serves only fill-mask",
    ),
    (
        "code of the repo's own",
        {"config.json": REMOTE, "model.safetensors": W, "code_zyx.py": CODE},
        {},
        RemoteCodeError,
        r"acme/repo@[0-9a-f]{40}: loading it runs the repo's own code \(code_zyx.py\)",
    ),
    (
        "code of another repo",
        {
            "config.json": {**REMOTE, "auto_map": {"AutoModelForCausalLM": "other/repo--sub.code.Zyx"}},
            "model.safetensors": W,
        },
        {},
        RemoteCodeError,
        r"\(sub/code.py of other/repo\)",
    ),
    (
        "a pipeline with a class of its own",
        {
            "model_index.json": {"_class_name": ["my_pipeline", "Mine"], "unet": ["diffusers", "UNet2DModel"]},
            "my_pipeline.py": CODE,
            "unet/config.json": {},
            "unet/diffusion_pytorch_model.safetensors": W,
        },
        {},
        RemoteCodeError,
        r"\(my_pipeline.py\)",
    ),
    (
        "a component with a class of its own",
        {
            "model_index.json": {"_class_name": "StableDiffusionPipeline", "unet": ["my_unet", "Mine"]},
            "unet/my_unet.py": CODE,
            "unet/config.json": {},
            "unet/diffusion_pytorch_model.safetensors": W,
        },
        {},
        RemoteCodeError,
        r"\(unet/my_unet.py\)",
    ),
    (
        "a module of sentence-transformers with a class of its own",
        {
            "config.json": {**CONFIG, "architectures": ["BertModel"]},
            "modules.json": [{"idx": 0, "name": "0", "path": "", "type": "custom.Mine"}],
            "config_sentence_transformers.json": {"model_type": "SentenceTransformer"},
            "custom.py": CODE,
            "model.safetensors": W,
        },
        {},
        RemoteCodeError,
        r"\(custom.py\)",
    ),
    (
        "a trunk of sentence-transformers with code of its own",
        {
            "config.json": {**REMOTE, "auto_map": {"AutoModel": "code_zyx.ZyxModel"}},
            "modules.json": [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}],
            "code_zyx.py": CODE,
            "model.safetensors": W,
        },
        {},
        RemoteCodeError,
        r"\(code_zyx.py\)",
    ),
    (
        "weights of TensorFlow alone",
        {"config.json": CONFIG, "tf_model.h5": W},
        {},
        NotLoadableError,
        "tf only.*transformers < 5 and TensorFlow",
    ),
    (
        "weights of Flax alone",
        {"config.json": CONFIG, "flax_model.msgpack": W},
        {},
        NotLoadableError,
        "flax only.*transformers < 5 and Flax",
    ),
    (
        "weights of ONNX alone",
        {"config.json": CONFIG, "onnx/model.onnx": W},
        {},
        NotLoadableError,
        "onnx only.*ONNX Runtime",
    ),
    ("no weights", {"config.json": CONFIG, "README.md": "# A model"}, {}, NotLoadableError, "it has no weights"),
    (
        "weights by other names",
        {"config.json": CONFIG, "consolidated.safetensors": W},
        {},
        NotLoadableError,
        "none of its weight files .consolidated.safetensors",
    ),
    (
        "a variant that is not there",
        {"config.json": CONFIG, "model.safetensors": W},
        {"variant": "fp8"},
        NotLoadableError,
        "variant 'fp8'",
    ),
    (
        "another framework",
        {"config.json": CONFIG, "model.safetensors": W},
        {"framework": "tf"},
        NotLoadableError,
        "PyTorch only, not into tf",
    ),
    (
        "a library that is not loaded here",
        {"config.json": {**CONFIG, "quantization": {"group_size": 64, "bits": 4}}, "model.safetensors": W},
        {},
        NotLoadableError,
        "models of mlx are not loaded here; mlx_lm.load does",
    ),
    (
        "an architecture that nothing knows",
        {"config.json": {"model_type": "zyx", "architectures": ["ZyxForCausalLM"]}, "model.safetensors": W},
        {},
        NotLoadableError,
        "unknown to transformers",
    ),
    (
        "an adapter whose base was on its author's disk",
        {
            "adapter_config.json": {"peft_type": "LORA", "base_model_name_or_path": "/home/me/llama"},
            "adapter_model.safetensors": W,
        },
        {},
        NotLoadableError,
        "its base model was at /home/me/llama",
    ),
    (
        "an adapter whose base is gone",
        {
            "adapter_config.json": {"peft_type": "LORA", "base_model_name_or_path": "acme/gone"},
            "adapter_model.safetensors": W,
        },
        {},
        RepositoryNotFoundError,
        "acme/gone",
    ),
    (
        "a GGUF file that is not there",
        {"a-Q8_0.gguf": W, "b-Q4_K_M.gguf": W},
        {"gguf_file": "c.gguf"},
        NotLoadableError,
        "no file 'c.gguf'; it has a-Q8_0.gguf, b-Q4_K_M.gguf",
    ),
    (
        "a subfolder that is not there",
        {"config.json": CONFIG, "model.safetensors": W},
        {"subfolder": "unet"},
        ResolveError,
        "no subfolder 'unet'",
    ),
)


@pytest.mark.parametrize(("files", "options", "error", "said"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
async def test_refused_before_any_weights_are_fetched(
    files: Files, options: dict[str, Any], error: type[Exception], said: str, tmp_path: Path
) -> None:
    put(tmp_path / "hub", "acme/repo", files)
    async with served(tmp_path / "hub", tmp_path / "store") as here:
        with pytest.raises(error, match=said) as caught:
            await here.load("acme/repo", **options)
        assert no_weights_were_fetched(here)
        if isinstance(caught.value, ModelLoadError):
            assert isinstance(caught.value, ResolveError)
            assert caught.value.resolution is not None and caught.value.resolution.repo_id == "acme/repo"
        # The same repo as a local folder is refused for the same reason.
        if isinstance(caught.value, (ModelLoadError, TaskMismatchError)):
            with pytest.raises(error):
                await here.load(str(tmp_path / "hub" / "acme" / "repo"), **options)


async def test_code_of_the_repo_runs_when_the_caller_says_so_and_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder = put(tmp_path / "hub", "acme/remote", {"code_zyx.py": CODE})
    config = transformers.BertConfig(**BERT, is_decoder=True)
    saved = transformers.BertLMHeadModel(config).eval()
    saved.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps({**config.to_dict(), **REMOTE}))
    async with served(tmp_path / "hub", tmp_path / "store") as here:
        for asked in ("acme/remote", str(folder)):
            with pytest.raises(RemoteCodeError):
                await here.load(asked)
        assert not list(tmp_path.rglob("ran"))
        model = await here.load("acme/remote", trust_remote_code=True)
    assert type(model).__name__ == "ZyxForCausalLM" and list(tmp_path.rglob("ran"))
    with torch.no_grad():
        assert torch.equal(saved(**words()).logits, model(**words()).logits)


async def test_a_missing_library_is_named_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "find_spec", lambda name: None)
    put(tmp_path / "hub", "acme/bert", {"config.json": CONFIG, "model.safetensors": W})
    put(
        tmp_path / "hub",
        "acme/timm",
        {"config.json": {"architecture": "a", "pretrained_cfg": {}}, "model.safetensors": W},
    )
    async with served(tmp_path / "hub", tmp_path / "store") as here:
        for name, said in (("bert", r"transformers and torch.*hubresolve\[transformers\]"), ("timm", r"\[timm\]")):
            with pytest.raises(LibraryNotInstalledError, match=said) as caught:
                await here.load(f"acme/{name}")
            assert isinstance(caught.value, ImportError) and caught.value.name is not None
        assert no_weights_were_fetched(here)


@pytest.mark.parametrize(
    ("architecture", "model_type", "version", "said"),
    [
        ("Qwen3ForCausalLM", "qwen3", "4.40.0", r"is a Qwen3ForCausalLM, which needs transformers >= 4.51.*4.40.0 is"),
        ("RetriBertModel", "retribert", "5.23.0", r"which needs transformers <= 4\.\d+"),
    ],
)
async def test_a_library_too_old_or_too_new_is_told_before_fetching(
    architecture: str, model_type: str, version: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requirements, "installed_version", lambda package: version)
    config = {"model_type": model_type, "architectures": [architecture]}
    put(tmp_path / "hub", "acme/repo", {"config.json": config, "model.safetensors": W})
    async with served(tmp_path / "hub", tmp_path / "store") as here:
        with pytest.raises(LibraryNotInstalledError, match=said):
            await here.load("acme/repo")
        assert no_weights_were_fetched(here)


async def test_what_a_library_says_is_passed_on(tmp_path: Path) -> None:
    put(tmp_path / "hub", "acme/broken", {"config.json": CONFIG, "model.safetensors": b"not safetensors"})
    async with served(tmp_path / "hub", tmp_path / "store") as here:
        with pytest.raises(ModelLoadError, match=r"acme/broken@.*could not load it as AutoModelForMaskedLM") as caught:
            await here.load("acme/broken")
        assert caught.value.__cause__ is not None and caught.value.resolution is not None
        with pytest.raises(ModelLoadError, match="no dtype 'silly'"):
            await here.load("acme/broken", dtype="silly")


class Bomb:
    """What a pickle may hold: a call of anything."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("kind", ["transformers", "timm", "diffusers", "peft", "sentence_transformers"])
async def test_pickles_are_read_as_weights_only(kind: str, tmp_path: Path) -> None:
    """Whatever a pickled file calls is not called, by none of the libraries."""
    mark, hub = tmp_path / "mark", tmp_path / "hub" / "acme"
    name, path = "acme/repo", hub / "repo" / "pytorch_model.bin"
    if kind == "transformers":
        put(tmp_path / "hub", name, {"config.json": CONFIG})
    elif kind == "timm":
        others.save_timm(hub / "repo", safe_serialization=False)
    elif kind == "diffusers":
        others.save_pipeline(hub / "repo")
        (hub / "repo" / "unet" / "diffusion_pytorch_model.safetensors").unlink()
        path = hub / "repo" / "unet" / "diffusion_pytorch_model.bin"
    elif kind == "peft":
        others.save_adapter(hub / "repo", hub / "base", "acme/base")
        (hub / "repo" / "adapter_model.safetensors").unlink()
        path = hub / "repo" / "adapter_model.bin"
    else:
        others.save_sentence_models(tmp_path)
        shutil.copytree(tmp_path / "st" / "embed", hub / "repo")
        (hub / "repo" / "2_Dense" / "model.safetensors").unlink()
        path = hub / "repo" / "2_Dense" / "pytorch_model.bin"
    torch.save({"weight": Bomb(mark)}, path)
    async with served(tmp_path / "hub", tmp_path / "store") as here:
        with pytest.raises(ModelLoadError):
            await here.load(name)
        assert any(entry.path.partition("?")[0].endswith(path.name) for entry in here.hub.requests)
    assert not mark.exists()


async def test_pickled_weights_load_where_there_is_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "hub" / "acme" / "old"
    saved = transformers.BertForMaskedLM(bert()).eval()
    saved.save_pretrained(folder)
    (folder / "model.safetensors").unlink()
    torch.save(saved.state_dict(), folder / "pytorch_model.bin")
    async with served(tmp_path / "hub", tmp_path / "store") as here:
        model = await here.load("acme/old")
    with torch.no_grad():
        assert torch.equal(saved(**words()).logits, model(**words()).logits)


async def test_offline_what_is_not_in_the_cache_is_named(tmp_path: Path) -> None:
    transformers.BertForMaskedLM(bert()).save_pretrained(tmp_path / "hub" / "acme" / "bert")
    async with served(tmp_path / "hub", tmp_path / "store") as here:
        await here.resolver.resolve("acme/bert")
    async with served(tmp_path / "hub", tmp_path / "store", offline=True, endpoint=here.settings.endpoint) as here:
        with pytest.raises(OfflineError, match=r"model\.safetensors may not be asked for while offline"):
            await here.load("acme/bert")
