"""Hostile models: one for every place of a repo that names code, a library, another repo or a path.

Each is a good model with one change. What it names would write the file `mark`, if anything ran it.
"""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resolver.errors import ModelLoadError, NotLoadableError, RemoteCodeError

Change = Callable[[Path, Path], None]
"""(the model's folder, the mark) -> the change is made."""

OWN_CLASS = "code_own.Own"
OTHER_REPO = "other/repo"


@dataclass(frozen=True, slots=True)
class Canary:
    """A change of the good model `model`; loading must raise `error`, with `message` in it.

    `is_local`: the file is not among those fetched from a Hub, so that only a folder on disk can have it.
    """

    name: str
    model: str
    change: Change
    error: type[ModelLoadError]
    message: str
    is_local: bool = False


class Bomb:
    """A pickle that calls a function when it is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.mark,)


def write_code(folder: Path, mark: Path, name: str = "code_own.py") -> None:
    """Python code that writes the mark when it is imported, with classes of every name that a canary uses."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"open({str(mark)!r}, 'w').close()\nclass Own:\n    pass\n")


def edit(file: str, code: str | None = None, **values: Any) -> Change:
    """Set keys of a JSON file of the model, which need not exist; with `code`, add that file too."""

    def change(folder: Path, mark: Path) -> None:
        path = folder / file
        content = json.loads(path.read_text()) if path.exists() else {}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**content, **values}))
        if code is not None:
            write_code(folder, mark, code)

    return change


def replace_first_module(**values: Any) -> Change:
    """Set keys of the first module in `modules.json`, and add code."""

    def change(folder: Path, mark: Path) -> None:
        path = folder / "modules.json"
        first, *others = json.loads(path.read_text())
        path.write_text(json.dumps([{**first, **values}, *others]))
        write_code(folder, mark)

    return change


def add_router(types: dict[str, str]) -> Change:
    """Put a router in front, with one folder or file for each of its types; a pickle hides in each."""

    def change(folder: Path, mark: Path) -> None:
        modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Router"}]
        (folder / "modules.json").write_text(json.dumps(modules))
        router = {"types": types, "structure": {"query": list(types), "document": list(types)}, "parameters": {}}
        (folder / "router_config.json").write_text(json.dumps(router))
        write_code(folder, mark)
        for name in types:
            if name.endswith(".txt"):
                (folder / name).write_bytes(pickle.dumps(Bomb(mark)))

    return change


def write(file: str, content: str | bytes) -> Change:
    """Write a file as it is."""

    def change(folder: Path, mark: Path) -> None:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        write_code(folder, mark)

    return change


def rewrite(file: str, write_text: Callable[[str], str]) -> Change:
    """Change the text of a JSON file, with an activation of the repo's own in it."""

    def change(folder: Path, mark: Path) -> None:
        content = {**json.loads((folder / file).read_text()), "activation_function": OWN_CLASS}
        (folder / file).write_text(write_text(json.dumps(content)))
        write_code(folder, mark)

    return change


def pickle_weights(folder: Path, mark: Path) -> None:
    """Pickled weights with a bomb, and a config that asks to read them as whole objects."""
    import torch

    (folder / "model.safetensors").unlink()
    torch.save({"weight": Bomb(mark)}, folder / "pytorch_model.bin")
    edit("sentence_bert_config.json", model_args={"weights_only": False})(folder, mark)


def move(change: Change, old: str, new: str) -> Change:
    """A change, and a folder that is copied."""

    def change_and_copy(folder: Path, mark: Path) -> None:
        change(folder, mark)
        shutil.copytree(folder / old, folder / new)

    return change_and_copy


OWN_MAP = {"AutoConfig": OWN_CLASS, "AutoModel": OWN_CLASS}
TORCH_LOAD = "sentence_transformers.base.modules.module.torch"
DEEP = '{"a":' * 300 + "1" + "}" * 300

SENTENCE_CANARIES = (
    Canary("a module of the repo's own", "st", replace_first_module(type=OWN_CLASS), RemoteCodeError, "code_own.py"),
    Canary("a module that is a function", "st", replace_first_module(type="torch.load"), RemoteCodeError, "torch.py"),
    Canary(
        "a module that is another package, by the library's name",
        "st",
        replace_first_module(type=TORCH_LOAD),
        RemoteCodeError,
        "sentence_transformers/base/modules/module.py",
    ),
    Canary("a module without a type", "st", replace_first_module(type=None), RemoteCodeError, "None"),
    Canary("a module above the repo", "st", replace_first_module(path="../other"), NotLoadableError, "../other"),
    Canary("a module elsewhere on the disk", "st", replace_first_module(path="/etc"), NotLoadableError, "/etc"),
    Canary("a router to a pickle", "st", add_router({"note.txt": TORCH_LOAD}), RemoteCodeError, TORCH_LOAD),
    Canary("a router to code", "st", add_router({"a": OWN_CLASS}), RemoteCodeError, "code_own.Own .router_config.json"),
    Canary(
        "a router above the repo",
        "st",
        add_router({"../other": "sentence_transformers.models.Dense"}),
        NotLoadableError,
        "../other",
    ),
    Canary(
        "an asymmetric module of code",
        "st",
        edit("1_Pooling/config.json", types={"a": OWN_CLASS}, structure={"query": ["a"]}),
        RemoteCodeError,
        "1_Pooling/config.json",
    ),
    Canary(
        "an activation of the repo's own",
        "st",
        edit("2_Dense/config.json", code="code_own.py", activation_function=OWN_CLASS),
        RemoteCodeError,
        "code_own.Own .2_Dense/config.json",
    ),
    Canary(
        "an activation that is another function of torch",
        "st",
        edit("2_Dense/config.json", activation_function="torch.hub.list"),
        RemoteCodeError,
        "torch.hub.list",
    ),
    Canary(
        "a word tokenizer of the repo's own",
        "st",
        edit("2_Dense/wordembedding_config.json", tokenizer_class=OWN_CLASS),
        RemoteCodeError,
        "wordembedding_config.json",
    ),
    Canary(
        "trust that the repo gives itself",
        "st",
        edit("sentence_bert_config.json", model_args={"trust_remote_code": True}),
        RemoteCodeError,
        "trust_remote_code",
    ),
    Canary("weights read as whole objects", "st", pickle_weights, RemoteCodeError, "weights_only"),
    Canary(
        "a config in the arguments",
        "st",
        edit("sentence_bert_config.json", code="code_own.py", config_args={"auto_map": OWN_MAP}),
        RemoteCodeError,
        "code_own.py",
    ),
    Canary(
        "a tokenizer elsewhere",
        "st",
        edit("sentence_bert_config.json", tokenizer_name_or_path=OTHER_REPO),
        NotLoadableError,
        "other/repo .sentence_bert_config.json",
    ),
    Canary(
        "a file named in the arguments",
        "st",
        edit("sentence_bert_config.json", tokenizer_args={"tokenizer_file": "/etc/hosts"}),
        NotLoadableError,
        "/etc/hosts",
    ),
    Canary(
        "a kernel in the arguments",
        "st",
        edit("sentence_bert_config.json", model_args={"attn_implementation": "other/kernel"}),
        RemoteCodeError,
        "other/kernel",
    ),
    Canary(
        "a tokenizer of the repo's own",
        "st",
        edit(
            "tokenizer_config.json",
            code="code_own.py",
            auto_map={"AutoTokenizer": [OWN_CLASS, None]},
            tokenizer_class="Own",
        ),
        RemoteCodeError,
        "code_own.py",
    ),
    Canary(
        "a processor of the repo's own",
        "st",
        edit("processor_config.json", code="code_own.py", auto_map={"AutoProcessor": OWN_CLASS}, processor_class="Own"),
        RemoteCodeError,
        "code_own.py",
    ),
    Canary(
        "an image processor of the repo's own",
        "st",
        edit("preprocessor_config.json", code="code_own.py", auto_map={"AutoImageProcessor": OWN_CLASS}),
        RemoteCodeError,
        "code_own.py",
    ),
    Canary(
        "an audio tokenizer elsewhere",
        "st",
        edit("processor_config.json", audio_tokenizer={"audio_tokenizer_name_or_path": OTHER_REPO}),
        NotLoadableError,
        "other/repo",
    ),
    Canary(
        "an adapter on another repo",
        "st",
        edit("adapter_config.json", peft_type="LORA", base_model_name_or_path=OTHER_REPO),
        NotLoadableError,
        "other/repo .adapter_config.json",
    ),
    Canary(
        "half a character",
        "st",
        rewrite("2_Dense/config.json", lambda text: text[:-1] + ', "x": "\\ud800"}'),
        NotLoadableError,
        "2_Dense/config.json .not JSON: half a character",
    ),
    Canary(
        "a file nested too deep",
        "st",
        rewrite("2_Dense/config.json", lambda text: text[:-1] + f', "x": {DEEP}}}'),
        NotLoadableError,
        "2_Dense/config.json .nested deeper",
    ),
    Canary(
        "a file with nine megabytes of blanks",
        "st",
        rewrite("2_Dense/config.json", lambda text: " " * 9_000_000 + text),
        RemoteCodeError,
        "2_Dense/config.json",
    ),
    Canary(
        "a key that stands there twice",
        "st",
        rewrite("2_Dense/config.json", lambda text: '{"activation_function": "torch.nn.Tanh", ' + text[1:]),
        RemoteCodeError,
        "2_Dense/config.json",
    ),
    Canary(
        "an activation of a cross-encoder's own",
        "cross",
        edit("config.json", code="code_own.py", sentence_transformers={"activation_fn": OWN_CLASS}),
        RemoteCodeError,
        "code_own.Own",
    ),
    Canary(
        "an activation of a cross-encoder that is another function of torch",
        "cross",
        edit("config.json", sentence_transformers={"activation_fn": "torch.hub.list"}),
        RemoteCodeError,
        "torch.hub.list",
    ),
)

PIPELINE_CANARIES = (
    Canary(
        "a component in a folder of the repo",
        "sd",
        edit("model_index.json", code="unet/folder.py", unet=["./folder", "Own"]),
        RemoteCodeError,
        r"\./folder",
    ),
    Canary(
        "a component of the repo's own",
        "sd",
        edit("model_index.json", code="unet/code_own.py", unet=["code_own", "Own"]),
        RemoteCodeError,
        "unet/code_own.py",
    ),
    Canary(
        "a component of another package", "sd", edit("model_index.json", unet=["os", "system"]), RemoteCodeError, "os"
    ),
    Canary(
        "a component by a path in the library",
        "sd",
        edit("model_index.json", unet=["diffusers", "utils.os"]),
        RemoteCodeError,
        "utils.os",
    ),
    Canary("a component of two letters", "sd", edit("model_index.json", unet="os"), RemoteCodeError, "o.s"),
    Canary(
        "a component of three values",
        "sd",
        edit("model_index.json", unet=["diffusers", "UNet2DConditionModel", {"repo": OTHER_REPO}]),
        NotLoadableError,
        "other/repo",
    ),
    Canary(
        "a component above the repo",
        "sd",
        edit("model_index.json", None, **{"../unet": ["diffusers", "UNet2DConditionModel"]}),
        NotLoadableError,
        "../unet",
    ),
    Canary(
        "a pipeline of the repo's own",
        "sd",
        edit("model_index.json", code="code_own.py", _class_name=["code_own", "Own"]),
        RemoteCodeError,
        "code_own.py",
    ),
    Canary(
        "code for a pipeline without a name",
        "sd",
        edit("model_index.json", code="None.py"),
        RemoteCodeError,
        "None.py",
    ),
    Canary(
        "code in a component's config",
        "sd",
        edit("unet/config.json", code="unet/code_own.py", auto_map={"AutoModel": OWN_CLASS}),
        RemoteCodeError,
        "code_own.py",
    ),
    Canary(
        "a kernel in a component's config",
        "sd",
        edit("text_encoder/config.json", _attn_implementation="other/kernel:run"),
        RemoteCodeError,
        "other/kernel:run",
    ),
    Canary(
        "a tokenizer of a pipeline's own",
        "sd",
        edit(
            "tokenizer/tokenizer_config.json",
            code="tokenizer/code_own.py",
            auto_map={"AutoTokenizer": [None, OWN_CLASS]},
            tokenizer_class="Own",
        ),
        RemoteCodeError,
        "code_own.py",
    ),
    Canary(
        "a component whose config cannot be read",
        "sd",
        write("scheduler/scheduler_config.json", '{"_class_name": "DDIMScheduler", "x": "\\udfff"}'),
        NotLoadableError,
        "scheduler/scheduler_config.json",
    ),
)

MODEL_CANARIES = (
    Canary(
        "code of a part of the model",
        "bert",
        edit("config.json", code="code_own.py", text_config={"model_type": "own", "auto_map": OWN_MAP}),
        RemoteCodeError,
        "code_own.py",
    ),
    Canary(
        "code of another repo, in a list",
        "bert",
        edit("config.json", parts=[[{"auto_map": {"AutoModel": f"{OTHER_REPO}--{OWN_CLASS}"}}]]),
        RemoteCodeError,
        "code_own.py of other/repo",
    ),
    Canary(
        "a kernel", "bert", edit("config.json", attn_implementation="other/kernel"), RemoteCodeError, "other/kernel"
    ),
    Canary(
        "a kernel for a part",
        "bert",
        edit("config.json", _attn_implementation={"": "sdpa", "text": "other/kernel@main:run"}),
        RemoteCodeError,
        "other/kernel@main:run",
    ),
    Canary(
        "a kernel behind a known name",
        "bert",
        edit("config.json", attn_implementation="paged|other/kernel"),
        RemoteCodeError,
        "other/kernel",
    ),
    Canary(
        "a kernel for experts",
        "bert",
        edit("config.json", experts_implementation="other/kernel"),
        RemoteCodeError,
        "other/kernel",
    ),
    Canary(
        "weights elsewhere on the disk",
        "bert",
        edit("model.safetensors.index.json", weight_map={"a": "/tmp/weights.bin"}),
        NotLoadableError,
        "/tmp/weights.bin",
        is_local=True,
    ),
    Canary(
        "a config in another place",
        "bert",
        edit("config.json", configuration_files=["sub/config.4.0.0.json"]),
        NotLoadableError,
        "sub/config.4.0.0.json",
    ),
    Canary(
        "a base model on the side",
        "bert",
        edit("adapter_config.json", peft_type="LORA", base_model_name_or_path=OTHER_REPO),
        NotLoadableError,
        "other/repo .adapter_config.json",
        is_local=True,
    ),
    Canary(
        "a generation config that cannot be read",
        "bert",
        write("generation_config.json", '{"x": "\\ud800"}'),
        NotLoadableError,
        "generation_config.json",
    ),
    Canary(
        "a backbone in another repo",
        "detr",
        edit("config.json", backbone=OTHER_REPO, backbone_config=None, use_timm_backbone=False),
        NotLoadableError,
        "asked for the repo other/repo",
    ),
    Canary(
        "a pretrained backbone in another repo",
        "detr",
        edit(
            "config.json",
            backbone=OTHER_REPO,
            backbone_config=None,
            use_timm_backbone=False,
            use_pretrained_backbone=True,
        ),
        NotLoadableError,
        "asked for the repo other/repo",
    ),
)

OTHER_CANARIES = (
    Canary(
        "a base class of another package",
        "lora",
        edit("adapter_config.json", auto_mapping={"parent_library": "os.path", "base_model_class": "Own"}),
        RemoteCodeError,
        "os.path.Own",
    ),
    Canary(
        "a base class by a path",
        "lora",
        edit("adapter_config.json", auto_mapping={"parent_library": "transformers", "base_model_class": "utils.os"}),
        RemoteCodeError,
        "utils.os",
    ),
    Canary(
        "a module for layers",
        "lora",
        edit("adapter_config.json", code="code_own.py", megatron_core="code_own", megatron_config={}),
        RemoteCodeError,
        "code_own",
    ),
    Canary(
        "an adapter's tokenizer with code",
        "lora",
        edit(
            "tokenizer_config.json",
            code="code_own.py",
            auto_map={"AutoTokenizer": [OWN_CLASS, None]},
            tokenizer_class="Own",
        ),
        RemoteCodeError,
        "code_own.py",
    ),
    Canary(
        "trust for an adapter's tokenizer",
        "lora",
        edit("adapter_config.json", tokenizer_kwargs={"trust_remote_code": True}, tokenizer_name_or_path=OTHER_REPO),
        RemoteCodeError,
        "trust_remote_code",
    ),
    Canary(
        "an adapter on itself",
        "lora",
        edit("adapter_config.json", base_model_name_or_path="acme/repo"),
        NotLoadableError,
        "acme/repo",
    ),
    Canary(
        "weights of timm from elsewhere",
        "timm",
        edit("config.json", model_args={"checkpoint_path": "/tmp/weights.pth"}),
        NotLoadableError,
        "/tmp/weights.pth",
    ),
    Canary(
        "an architecture of timm that is a repo",
        "timm",
        edit("config.json", architecture="hf-hub:other/repo"),
        NotLoadableError,
        "hf-hub:other/repo",
    ),
)

CANARIES = (*SENTENCE_CANARIES, *PIPELINE_CANARIES, *MODEL_CANARIES, *OTHER_CANARIES)
