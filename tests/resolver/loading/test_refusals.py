"""Refused loads: the error gives the reason and the resolution, and no weights are fetched."""

from __future__ import annotations

import json
import shutil
import tomllib
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
from tests.resolver.loading import others
from tests.resolver.loading.families import BERT, build_bert_config, build_text_inputs
from tests.resolver.loading.support import ServedModels, serve_models
from tests.resolver.support import ROOT

BERT_CONFIG = {"model_type": "bert", "architectures": ["BertForMaskedLM"], **BERT}
REMOTE_CONFIG = {
    "model_type": "zyx",
    "architectures": ["ZyxForCausalLM"],
    "auto_map": {"AutoConfig": "code_zyx.ZyxConfig", "AutoModelForCausalLM": "code_zyx.ZyxForCausalLM"},
}
REMOTE_CODE = """
from pathlib import Path
from transformers import BertConfig, BertLMHeadModel
Path(__file__).parent.joinpath("ran").touch()
class ZyxConfig(BertConfig):
    model_type = "zyx"
class ZyxForCausalLM(BertLMHeadModel):
    config_class = ZyxConfig
"""

RepoFiles = dict[str, Any]


def write_repo(models: Path, name: str, files: RepoFiles) -> Path:
    folder = models / name
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            (folder / path).write_bytes(content)
        else:
            (folder / path).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def has_fetched_no_weights(served: ServedModels) -> bool:
    endings = (".safetensors", ".bin", ".h5", ".msgpack", ".gguf", ".onnx", ".py")
    return not any(entry.path.partition("?")[0].endswith(endings) for entry in served.hub.requests)


WEIGHTS = b"weights"
ROWS: tuple[tuple[str, RepoFiles, dict[str, Any], type[Exception], str], ...] = (
    # (id, files, options, error, part of the message)
    (
        "a task that the architecture cannot serve",
        {"config.json": BERT_CONFIG, "model.safetensors": WEIGHTS},
        {"task": "text-generation"},
        TaskMismatchError,
        "BertForMaskedLM serves only fill-mask",
    ),
    (
        "code of the repo's own",
        {"config.json": REMOTE_CONFIG, "model.safetensors": WEIGHTS, "code_zyx.py": REMOTE_CODE},
        {},
        RemoteCodeError,
        r"acme/repo@[0-9a-f]{40}: loading it runs the repo's own code \(code_zyx.py\)",
    ),
    (
        "code of another repo",
        {
            "config.json": {**REMOTE_CONFIG, "auto_map": {"AutoModelForCausalLM": "other/repo--sub.code.Zyx"}},
            "model.safetensors": WEIGHTS,
        },
        {},
        RemoteCodeError,
        r"\(sub/code.py of other/repo\)",
    ),
    (
        "a pipeline with a class of its own",
        {
            "model_index.json": {"_class_name": ["my_pipeline", "Mine"], "unet": ["diffusers", "UNet2DModel"]},
            "my_pipeline.py": REMOTE_CODE,
            "unet/config.json": {},
            "unet/diffusion_pytorch_model.safetensors": WEIGHTS,
        },
        {},
        RemoteCodeError,
        r"\(my_pipeline.py\)",
    ),
    (
        "a component with a class of its own",
        {
            "model_index.json": {"_class_name": "StableDiffusionPipeline", "unet": ["my_unet", "Mine"]},
            "unet/my_unet.py": REMOTE_CODE,
            "unet/config.json": {},
            "unet/diffusion_pytorch_model.safetensors": WEIGHTS,
        },
        {},
        RemoteCodeError,
        r"\(unet/my_unet.py\)",
    ),
    (
        "a module of sentence-transformers with a class of its own",
        {
            "config.json": {**BERT_CONFIG, "architectures": ["BertModel"]},
            "modules.json": [{"idx": 0, "name": "0", "path": "", "type": "custom.Mine"}],
            "config_sentence_transformers.json": {"model_type": "SentenceTransformer"},
            "custom.py": REMOTE_CODE,
            "model.safetensors": WEIGHTS,
        },
        {},
        RemoteCodeError,
        r"\(custom.py\)",
    ),
    (
        "a trunk of sentence-transformers with code of its own",
        {
            "config.json": {**REMOTE_CONFIG, "auto_map": {"AutoModel": "code_zyx.ZyxModel"}},
            "modules.json": [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}],
            "code_zyx.py": REMOTE_CODE,
            "model.safetensors": WEIGHTS,
        },
        {},
        RemoteCodeError,
        r"\(code_zyx.py\)",
    ),
    (
        "weights of TensorFlow alone",
        {"config.json": BERT_CONFIG, "tf_model.h5": WEIGHTS},
        {},
        NotLoadableError,
        "tf only.*transformers < 5 and TensorFlow",
    ),
    (
        "weights of Flax alone",
        {"config.json": BERT_CONFIG, "flax_model.msgpack": WEIGHTS},
        {},
        NotLoadableError,
        "flax only.*transformers < 5 and Flax",
    ),
    (
        "weights of ONNX alone",
        {"config.json": BERT_CONFIG, "onnx/model.onnx": WEIGHTS},
        {},
        NotLoadableError,
        "onnx only.*ONNX Runtime",
    ),
    ("no weights", {"config.json": BERT_CONFIG, "README.md": "# A model"}, {}, NotLoadableError, "it has no weights"),
    (
        "weights by other names",
        {"config.json": BERT_CONFIG, "consolidated.safetensors": WEIGHTS},
        {},
        NotLoadableError,
        "none of its weight files .consolidated.safetensors",
    ),
    (
        "a variant that is not there",
        {"config.json": BERT_CONFIG, "model.safetensors": WEIGHTS},
        {"variant": "fp8"},
        NotLoadableError,
        "variant 'fp8'",
    ),
    (
        "another framework",
        {"config.json": BERT_CONFIG, "model.safetensors": WEIGHTS},
        {"framework": "tf"},
        NotLoadableError,
        "PyTorch only, not into tf",
    ),
    (
        "a library whose models cannot be loaded",
        {"config.json": {**BERT_CONFIG, "quantization": {"group_size": 64, "bits": 4}}, "model.safetensors": WEIGHTS},
        {},
        NotLoadableError,
        "cannot load models of mlx; use mlx_lm.load",
    ),
    (
        "an architecture that nothing knows",
        {"config.json": {"model_type": "zyx", "architectures": ["ZyxForCausalLM"]}, "model.safetensors": WEIGHTS},
        {},
        NotLoadableError,
        "unknown to transformers",
    ),
    (
        "an adapter whose base was on its author's disk",
        {
            "adapter_config.json": {"peft_type": "LORA", "base_model_name_or_path": "/home/me/llama"},
            "adapter_model.safetensors": WEIGHTS,
        },
        {},
        NotLoadableError,
        "its base model was at /home/me/llama",
    ),
    (
        "an adapter whose base is gone",
        {
            "adapter_config.json": {"peft_type": "LORA", "base_model_name_or_path": "acme/gone"},
            "adapter_model.safetensors": WEIGHTS,
        },
        {},
        RepositoryNotFoundError,
        "acme/gone",
    ),
    (
        "a GGUF file that is not there",
        {"a-Q8_0.gguf": WEIGHTS, "b-Q4_K_M.gguf": WEIGHTS},
        {"gguf_file": "c.gguf"},
        NotLoadableError,
        "no file 'c.gguf'; it has a-Q8_0.gguf, b-Q4_K_M.gguf",
    ),
    (
        "a subfolder that is not there",
        {"config.json": BERT_CONFIG, "model.safetensors": WEIGHTS},
        {"subfolder": "unet"},
        ResolveError,
        "no subfolder 'unet'",
    ),
)


@pytest.mark.parametrize(
    ("files", "options", "error", "message"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
async def test_refused_before_any_weights_are_fetched(
    files: RepoFiles, options: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    write_repo(tmp_path / "hub", "acme/repo", files)
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        with pytest.raises(error, match=message) as caught:
            await served.load("acme/repo", **options)
        assert has_fetched_no_weights(served)
        if isinstance(caught.value, ModelLoadError):
            assert isinstance(caught.value, ResolveError)
            assert caught.value.resolution is not None and caught.value.resolution.repo_id == "acme/repo"
        # The same repo as a local folder is refused for the same reason.
        if isinstance(caught.value, (ModelLoadError, TaskMismatchError)):
            with pytest.raises(error):
                await served.load(str(tmp_path / "hub" / "acme" / "repo"), **options)


async def test_code_of_the_repo_runs_only_when_the_caller_allows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder = write_repo(tmp_path / "hub", "acme/remote", {"code_zyx.py": REMOTE_CODE})
    config = transformers.BertConfig(**BERT, is_decoder=True)
    saved = transformers.BertLMHeadModel(config).eval()
    saved.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps({**config.to_dict(), **REMOTE_CONFIG}))
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        for request in ("acme/remote", str(folder)):
            with pytest.raises(RemoteCodeError):
                await served.load(request)
        assert not list(tmp_path.rglob("ran"))
        model = await served.load("acme/remote", trust_remote_code=True)
    assert type(model).__name__ == "ZyxForCausalLM" and list(tmp_path.rglob("ran"))
    with torch.no_grad():
        assert torch.equal(saved(**build_text_inputs()).logits, model(**build_text_inputs()).logits)


async def test_a_missing_library_is_named_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "find_spec", lambda name: None)
    write_repo(tmp_path / "hub", "acme/bert", {"config.json": BERT_CONFIG, "model.safetensors": WEIGHTS})
    write_repo(
        tmp_path / "hub",
        "acme/timm",
        {"config.json": {"architecture": "a", "pretrained_cfg": {}}, "model.safetensors": WEIGHTS},
    )
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        for name, message in (("bert", r"transformers and torch.*hubresolve\[transformers\]"), ("timm", r"\[timm\]")):
            with pytest.raises(LibraryNotInstalledError, match=message) as caught:
                await served.load(f"acme/{name}")
            assert isinstance(caught.value, ImportError) and caught.value.name is not None
        assert has_fetched_no_weights(served)


@pytest.mark.parametrize("package", sorted(requirements.LOWEST_RELEASES))
async def test_a_release_that_may_run_code_of_a_repo_is_refused(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lowest, name = requirements.LOWEST_RELEASES[package], package.replace("_", "-")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert any(f"{name}>={lowest}" in extra for extra in extras.values())
    find_version = requirements.find_installed_version
    monkeypatch.setattr(
        requirements, "find_installed_version", lambda other: "0.1" if other == name else find_version(other)
    )
    configs: dict[str, RepoFiles] = {
        "diffusers": {
            "model_index.json": {"_class_name": "DDPMPipeline", "unet": ["diffusers", "UNet2DModel"]},
            "unet/diffusion_pytorch_model.safetensors": WEIGHTS,
        },
        "timm": {"config.json": {"architecture": "resnet18", "pretrained_cfg": {}}},
        "sentence_transformers": {"config.json": BERT_CONFIG, "modules.json": []},
        "peft": {"adapter_config.json": {"peft_type": "LORA", "base_model_name_or_path": "acme/base"}},
    }
    files = configs.get(package, {"config.json": BERT_CONFIG})
    weights = "adapter_model.safetensors" if package == "peft" else "model.safetensors"
    write_repo(tmp_path / "hub", "acme/repo", {**files, weights: WEIGHTS})
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        with pytest.raises(LibraryNotInstalledError, match=rf"needs {name} >= {lowest}; 0.1 is installed"):
            await served.load("acme/repo")
        assert has_fetched_no_weights(served)


@pytest.mark.parametrize(
    ("architecture", "model_type", "version", "message"),
    [
        ("Qwen3ForCausalLM", "qwen3", "4.40.0", r"is a Qwen3ForCausalLM, which needs transformers >= 4.51.*4.40.0 is"),
        ("RetriBertModel", "retribert", "5.23.0", r"which needs transformers <= 4\.\d+"),
    ],
)
async def test_a_library_too_old_or_too_new_is_refused_before_fetching(
    architecture: str, model_type: str, version: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requirements, "find_installed_version", lambda package: version)
    config = {"model_type": model_type, "architectures": [architecture]}
    write_repo(tmp_path / "hub", "acme/repo", {"config.json": config, "model.safetensors": WEIGHTS})
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        with pytest.raises(LibraryNotInstalledError, match=message):
            await served.load("acme/repo")
        assert has_fetched_no_weights(served)


async def test_the_message_of_a_library_is_passed_on(tmp_path: Path) -> None:
    write_repo(tmp_path / "hub", "acme/broken", {"config.json": BERT_CONFIG, "model.safetensors": b"not safetensors"})
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        with pytest.raises(ModelLoadError, match=r"acme/broken@.*could not load it as AutoModelForMaskedLM") as caught:
            await served.load("acme/broken")
        assert caught.value.__cause__ is not None and caught.value.resolution is not None
        with pytest.raises(ModelLoadError, match="no dtype 'silly'"):
            await served.load("acme/broken", dtype="silly")


class Bomb:
    """A pickle that calls a function when it is read."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.marker,)


@pytest.mark.parametrize("kind", ["transformers", "timm", "diffusers", "peft", "sentence_transformers"])
async def test_pickles_are_read_as_weights_only(kind: str, tmp_path: Path) -> None:
    """No library calls the functions in a pickled file."""
    marker, hub = tmp_path / "mark", tmp_path / "hub" / "acme"
    name, path = "acme/repo", hub / "repo" / "pytorch_model.bin"
    if kind == "transformers":
        write_repo(tmp_path / "hub", name, {"config.json": BERT_CONFIG})
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
    torch.save({"weight": Bomb(marker)}, path)
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        with pytest.raises(ModelLoadError):
            await served.load(name)
        assert any(entry.path.partition("?")[0].endswith(path.name) for entry in served.hub.requests)
    assert not marker.exists()


async def test_pickled_weights_load_where_there_is_no_safetensors(tmp_path: Path) -> None:
    folder = tmp_path / "hub" / "acme" / "old"
    saved = transformers.BertForMaskedLM(build_bert_config()).eval()
    saved.save_pretrained(folder)
    (folder / "model.safetensors").unlink()
    torch.save(saved.state_dict(), folder / "pytorch_model.bin")
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        model = await served.load("acme/old")
    with torch.no_grad():
        assert torch.equal(saved(**build_text_inputs()).logits, model(**build_text_inputs()).logits)


async def test_offline_the_files_that_the_cache_lacks_are_named(tmp_path: Path) -> None:
    transformers.BertForMaskedLM(build_bert_config()).save_pretrained(tmp_path / "hub" / "acme" / "bert")
    async with serve_models(tmp_path / "hub", tmp_path / "store") as served:
        await served.resolver.resolve("acme/bert")
    async with serve_models(
        tmp_path / "hub", tmp_path / "store", offline=True, endpoint=served.settings.endpoint
    ) as served:
        with pytest.raises(OfflineError, match=r"cache lacks .*model\.safetensors, and the Hub must not be asked"):
            await served.load("acme/bert")
