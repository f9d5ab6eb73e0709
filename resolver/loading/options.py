"""`LoadOptions`: how a model is loaded. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict


class LoadKwargs(TypedDict, total=False):
    """The keyword arguments of `Resolver.load` and `load_many`; `LoadOptions` explains each."""

    library: str | None
    device: Any
    dtype: Any
    subfolder: str
    variant: str | None
    framework: str | None
    cache_dir: str | Path | None
    gguf_file: str | None
    trust_remote_code: bool
    model_kwargs: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """`library`: load with this library instead of the repo's own (checked as in `resolve`).
    `device`: the weights are read from the file straight to this device ("cuda", "cuda:1", a torch.device).
    `dtype`: of the weights, a torch.dtype or its name; None: the library's default.
    `subfolder`: the folder of the repo that holds the model, such as one component of a pipeline.
    `variant`: of the weight files, such as "fp16". `gguf_file`: the file to load where a repo has several GGUF files.
    `framework`: only "pt" can be loaded; any other is refused with the reason.
    `cache_dir`: the Hugging Face cache to use; None: huggingface_hub's default.
    `trust_remote_code`: allow the repo's own code to run. Never set implicitly.
    `model_kwargs`: passed on unchanged to the library's loading function.
    """

    library: str | None = None
    device: Any = "cpu"
    dtype: Any = None
    subfolder: str = ""
    variant: str | None = None
    framework: str | None = None
    cache_dir: str | Path | None = None
    gguf_file: str | None = None
    trust_remote_code: bool = False
    model_kwargs: Mapping[str, Any] | None = field(default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "subfolder", self.subfolder.strip("/"))

    @property
    def is_on_cpu(self) -> bool:
        return self.device is None or str(self.device) == "cpu"
