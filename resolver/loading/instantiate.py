"""Calls the class of a library on a local folder. Blocking: call it in a thread.

The model libraries are imported here, by name, when they are first needed. They get local folders only, and run inside
a guard that refuses requests and the files of other repos.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from registry.class_ref import ClassRef
from registry.environment.newer_release import is_newer
from registry.errors import UnknownNameError
from registry.import_class import import_class
from resolver.errors import LibraryNotInstalledError, ModelLoadError, NotLoadableError
from resolver.loading.guard import guard_load
from resolver.loading.options import LoadOptions
from resolver.loading.plan import LoadPlan
from resolver.loading.pretrained_backbone import build_backbone_arguments
from resolver.loading.requirements import find_installed_version
from resolver.resolution import Resolution

_LAST_WITH_TORCH_DTYPE = {"transformers": "4.55.99", "diffusers": "0.41.99"}
"""The last releases that name the argument `torch_dtype`; later ones name it `dtype`."""

_NOT_MAPPED_MESSAGE = "Unrecognized configuration class"
"""Part of the ValueError of an auto class that does not map a configuration (transformers,
models/auto/auto_factory.py)."""

_MAX_MESSAGE_CHARS = 600


def instantiate(
    plan: LoadPlan,
    folder: Path,
    options: LoadOptions,
    resolution: Resolution,
    *,
    base: Any = None,
    base_folders: tuple[Path, ...] = (),
) -> Any:
    """The model in `folder`, in eval mode. `base` is the model that an adapter changes, `base_folders` are its files'.

    Raises:
        LibraryNotInstalledError: a package that the library or the repo's code imports is missing.
        ModelLoadError: the library cannot load the model, or lacks the class.
    """
    with (
        _translate_errors(plan, resolution) as place,
        guard_load(place, (folder, *base_folders), allow_code=options.trust_remote_code),
    ):
        model = _LOADERS[plan.library](plan, folder, options, base)
        return _set_eval_mode(model)


def import_library(plan: LoadPlan, resolution: Resolution) -> float:
    """Import what the plan's class is in; the seconds that it took.

    Raises the same errors as `instantiate`.
    """
    started_s = time.monotonic()
    with _translate_errors(plan, resolution) as place, guard_load(place, (), allow_code=False):
        if plan.library == "peft":
            importlib.import_module("peft")
        else:
            import_library_class(plan.class_ref)
    return time.monotonic() - started_s


@contextmanager
def _translate_errors(plan: LoadPlan, resolution: Resolution) -> Iterator[str]:
    """Turns what a library raises into a `ModelLoadError`; gives the name of the place in messages."""
    place = f"{resolution.repo_id}@{resolution.commit_hash or 'local'}"
    try:
        yield place
    except ModelLoadError as error:
        error.resolution = resolution
        raise
    except Exception as error:  # libraries and the repo's code may raise anything
        cause = _find_first_cause(error)
        if isinstance(error, ImportError) and isinstance(cause, ImportError):
            raise LibraryNotInstalledError(
                f"{resolution.repo_id} needs a package that is not installed: {_format_error(cause)}",
                resolution=resolution,
                name=cause.name,
            ) from error
        reason = _format_error(error) + (f" ({_format_error(cause)})" if cause is not error else "")
        raise ModelLoadError(
            f"{place}: {plan.class_ref.package} could not load it as {plan.class_ref.name}: {reason}",
            resolution=resolution,
        ) from error


def import_library_class(ref: ClassRef) -> Any:
    """The class or function that `ref` names.

    Raises:
        ImportError: its package cannot be imported.
        NotLoadableError: the installed release of the package has no such class.
    """
    try:
        return import_class(ref)
    except UnknownNameError as error:
        version = find_installed_version(ref.package.replace("_", "-")) or "as installed"
        raise NotLoadableError(f"{ref.package} {version} has no {ref.name}; another release may have it") from error


def _load_transformers(plan: LoadPlan, folder: Path, options: LoadOptions, base: Any) -> Any:
    arguments = {
        **_build_dtype_argument(options, "transformers"),
        **_build_device_map(options),
        "trust_remote_code": options.trust_remote_code,
        "local_files_only": True,
    }
    extra: Mapping[str, Any] = options.model_kwargs or {}
    if plan.gguf_file is not None:
        arguments["gguf_file"] = plan.gguf_file
    else:
        arguments |= {"use_safetensors": plan.safetensors, **_build_variant_argument(plan)}
        extra = build_backbone_arguments(folder, extra, trust_remote_code=options.trust_remote_code)
    return _move_to_device(_call_from_pretrained(plan, folder, {**arguments, **extra}), options)


def _load_diffusers(plan: LoadPlan, folder: Path, options: LoadOptions, base: Any) -> Any:
    is_pipeline = "/" in "".join(plan.filenames)
    arguments = {
        **_build_dtype_argument(options, "diffusers"),
        **_build_variant_argument(plan),
        "local_files_only": True,
    }
    if is_pipeline:
        arguments["trust_remote_code"] = options.trust_remote_code
    else:
        arguments |= _build_device_map(options)
    if plan.safetensors:
        arguments["use_safetensors"] = True
    if is_pipeline and not options.is_on_cpu and _has_accelerate():
        supported = importlib.import_module("diffusers.pipelines.pipeline_utils").SUPPORTED_DEVICE_MAP
        if str(options.device) in supported:
            arguments["device_map"] = str(options.device)
    arguments |= options.model_kwargs or {}
    return _move_to_device(_call_from_pretrained(plan, folder, arguments), options)


def _load_sentence_transformers(plan: LoadPlan, folder: Path, options: LoadOptions, base: Any) -> Any:
    model_kwargs = {**_build_dtype_argument(options, "transformers"), **_build_device_map(options)}
    arguments = {
        "device": None if options.device is None else str(options.device),
        "trust_remote_code": options.trust_remote_code,
        "local_files_only": True,
        **({"model_kwargs": model_kwargs} if model_kwargs else {}),
        **(options.model_kwargs or {}),
    }
    return import_library_class(plan.class_ref)(str(folder), **arguments)


def _load_timm(plan: LoadPlan, folder: Path, options: LoadOptions, base: Any) -> Any:
    torch = importlib.import_module("torch")
    create_model = import_library_class(plan.class_ref)
    # Created on the target device: timm copies the checkpoint into it tensor by tensor.
    with torch.device(options.device if options.device is not None else "cpu"):
        model = create_model(f"local-dir:{folder}", pretrained=True, **(options.model_kwargs or {}))
    dtype = _parse_dtype(options.dtype)
    return model.to(dtype=dtype) if dtype is not None else model


def _load_peft(plan: LoadPlan, folder: Path, options: LoadOptions, base: Any) -> Any:
    peft = importlib.import_module("peft")
    if (folder / "tokenizer_config.json").is_file() and hasattr(base, "get_input_embeddings"):
        # As in peft's auto classes: the adapter may have been trained with tokens that the base model lacks.
        auto_tokenizer = importlib.import_module("transformers").AutoTokenizer
        tokens = len(auto_tokenizer.from_pretrained(str(folder), trust_remote_code=options.trust_remote_code))
        if tokens > base.get_input_embeddings().weight.shape[0]:
            base.resize_token_embeddings(tokens)
    return peft.PeftModel.from_pretrained(base, str(folder))


_LOADERS: Mapping[str, Callable[[LoadPlan, Path, LoadOptions, Any], Any]] = {
    "transformers": _load_transformers,
    "transformers_js": _load_transformers,
    "gguf": _load_transformers,
    "diffusers": _load_diffusers,
    "sentence_transformers": _load_sentence_transformers,
    "timm": _load_timm,
    "peft": _load_peft,
}


def _call_from_pretrained(plan: LoadPlan, folder: Path, arguments: Mapping[str, Any]) -> Any:
    try:
        return import_library_class(plan.class_ref).from_pretrained(str(folder), **arguments)
    except ValueError as error:
        if plan.fallback_class is None or _NOT_MAPPED_MESSAGE not in str(error):
            raise
    return import_library_class(plan.fallback_class).from_pretrained(str(folder), **arguments)


def _build_dtype_argument(options: LoadOptions, library: str) -> dict[str, Any]:
    dtype = options.dtype if options.dtype == "auto" else _parse_dtype(options.dtype)
    installed = find_installed_version(library) or "0"
    name = "dtype" if is_newer(installed, than=_LAST_WITH_TORCH_DTYPE[library]) else "torch_dtype"
    return {name: dtype} if dtype is not None else {}


def _parse_dtype(dtype: Any) -> Any:
    """The torch.dtype of a name such as "bfloat16" or "torch.bfloat16"; anything but text is returned unchanged."""
    if not isinstance(dtype, str):
        return dtype
    found = getattr(importlib.import_module("torch"), dtype.removeprefix("torch."), None)
    if type(found).__name__ != "dtype":
        raise ModelLoadError(f"torch has no dtype {dtype!r}; use float32, float16 or bfloat16, for example")
    return found


def _build_variant_argument(plan: LoadPlan) -> dict[str, str]:
    return {"variant": plan.variant} if plan.variant is not None else {}


def _build_device_map(options: LoadOptions) -> dict[str, Any]:
    """The argument that loads weights from the file straight to the device; empty for the CPU, the default."""
    return {} if options.is_on_cpu or not _has_accelerate() else {"device_map": {"": options.device}}


def _has_accelerate() -> bool:
    return find_installed_version("accelerate") is not None


def _move_to_device(model: Any, options: LoadOptions) -> Any:
    """The model on the requested device; it is moved only where the library did not load it there."""
    is_mapped = getattr(model, "hf_device_map", None) is not None
    if options.is_on_cpu or is_mapped or str(getattr(model, "device", None)) == str(options.device):
        return model
    return model.to(options.device)


def _set_eval_mode(model: Any) -> Any:
    if callable(getattr(model, "eval", None)):
        model.eval()
    return model


def _find_first_cause(error: BaseException) -> BaseException:
    """The error at the end of the chain of causes: lazy imports wrap it in errors that do not repeat its message."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _format_error(error: BaseException) -> str:
    """The error's message on one line, cut to `_MAX_MESSAGE_CHARS`."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _MAX_MESSAGE_CHARS else text[: _MAX_MESSAGE_CHARS - 3] + "..."
