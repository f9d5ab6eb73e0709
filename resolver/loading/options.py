"""How a model is to be loaded. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict


class LoadOptions(TypedDict, total=False):
    """The keywords of `Resolver.load` and `load_many`; `Options` says what each means."""

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
class Options:
    """`library`: load with this one, where it is not the repo's own (checked as `resolve` does).
    `device`: where the weights go, straight from the file ("cuda", "cuda:1", a torch.device).
    `dtype`: of the weights, a torch.dtype or its name; None: as the library has it by default.
    `subfolder`: the model is in this folder of the repo, such as one component of a pipeline.
    `variant`: of the weight files, such as "fp16". `gguf_file`: which of several GGUF files.
    `framework`: only "pt" can be loaded; another one is refused with the reason.
    `cache_dir`: the Hugging Face cache to use; None: huggingface_hub's own.
    `trust_remote_code`: run code of the repo's own. Never implied.
    `model_kwargs`: passed on to the library's loading function as they are.
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
