"""Call the class of a library on a folder of files. Blocking: call it in a thread.

The model libraries are imported here, by name, when they are first needed. Only local folders are given to them, so
that none of them asks a Hub.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from registry.class_ref import ClassRef
from registry.environment.newer_release import is_newer
from resolver.errors import LibraryNotInstalledError, ModelLoadError, NotLoadableError
from resolver.loading.options import Options
from resolver.loading.plan import LoadPlan
from resolver.loading.requirements import installed_version
from resolver.resolution import Resolution

_ONE_AT_A_TIME = threading.Lock()
"""transformers and diffusers set torch's default dtype, and patch its initialisers, while they build a model: for the
whole process."""

_DTYPE_AFTER = {"transformers": "4.55.99", "diffusers": "0.41.99"}
"""The last releases that call the argument `torch_dtype`; later ones call it `dtype`."""


_NOT_MAPPED = "Unrecognized configuration class"
"""What transformers says of a configuration that an auto class does not map (models/auto/auto_factory.py)."""


def instantiate(plan: LoadPlan, folder: Path, options: Options, resolution: Resolution, *, base: Any = None) -> Any:
    """The model that `folder` holds, in eval mode. `base` is the model that an adapter is put on.

    Raises:
        ModelLoadError: the library cannot load it, or lacks the class.
    """
    with _ONE_AT_A_TIME:
        try:
            model = _BY_LIBRARY[plan.library](plan, folder, options, base)
            return _in_eval_mode(model)
        except ModelLoadError as error:
            error.resolution = resolution
            raise
        except Exception as error:  # whatever a library, or code of the repo's, raises
            cause = _first_cause(error)
            if isinstance(error, ImportError) and isinstance(cause, ImportError):
                raise LibraryNotInstalledError(
                    f"{resolution.repo_id} needs what is not installed: {_told(cause)}",
                    resolution=resolution,
                    name=cause.name,
                ) from error
            raise ModelLoadError(
                f"{resolution.repo_id}@{resolution.commit_hash or 'local'}: {plan.class_ref.package} could not load "
                f"it as {plan.class_ref.name}: {_told(error)}" + (f" ({_told(cause)})" if cause is not error else ""),
                resolution=resolution,
            ) from error


def import_class(ref: ClassRef) -> Any:
    """The class or function that `ref` names.

    Raises:
        ImportError: its package cannot be imported.
        NotLoadableError: this release of the package has no such class.
    """
    found: Any = importlib.import_module(ref.module)
    for part in ref.name.split("."):
        found = getattr(found, part, None)
        if found is None:
            version = installed_version(ref.package.replace("_", "-")) or "as installed"
            raise NotLoadableError(f"{ref.package} {version} has no {ref.name}; another release may have it")
    return found


def _load_transformers(plan: LoadPlan, folder: Path, options: Options, base: Any) -> Any:
    arguments = {
        **_dtype(options, "transformers"),
        **_device_map(options),
        "trust_remote_code": options.trust_remote_code,
        "local_files_only": True,
    }
    if plan.gguf_file is not None:
        arguments["gguf_file"] = plan.gguf_file
    else:
        arguments |= {"use_safetensors": plan.safetensors, **_variant(plan)}
    return _placed(_from_pretrained(plan, folder, arguments, options), options)


def _load_diffusers(plan: LoadPlan, folder: Path, options: Options, base: Any) -> Any:
    is_pipeline = "/" in "".join(plan.filenames)
    arguments = {**_dtype(options, "diffusers"), **_variant(plan), "local_files_only": True}
    if is_pipeline:
        arguments["trust_remote_code"] = options.trust_remote_code
    else:
        arguments |= _device_map(options)
    if plan.safetensors:
        arguments["use_safetensors"] = True
    if is_pipeline and not options.is_on_cpu and _has_accelerate():
        supported = importlib.import_module("diffusers.pipelines.pipeline_utils").SUPPORTED_DEVICE_MAP
        if str(options.device) in supported:
            arguments["device_map"] = str(options.device)
    return _placed(_from_pretrained(plan, folder, arguments, options), options)


def _load_sentence_transformers(plan: LoadPlan, folder: Path, options: Options, base: Any) -> Any:
    model_kwargs = {**_dtype(options, "transformers"), **_device_map(options)}
    arguments = {
        "device": None if options.device is None else str(options.device),
        "trust_remote_code": options.trust_remote_code,
        "local_files_only": True,
        **({"model_kwargs": model_kwargs} if model_kwargs else {}),
        **(options.model_kwargs or {}),
    }
    return import_class(plan.class_ref)(str(folder), **arguments)


def _load_timm(plan: LoadPlan, folder: Path, options: Options, base: Any) -> Any:
    torch = importlib.import_module("torch")
    create_model = import_class(plan.class_ref)
    # Made where it is to be: the checkpoint is copied into it tensor by tensor.
    with torch.device(options.device if options.device is not None else "cpu"):
        model = create_model(f"local-dir:{folder}", pretrained=True, **(options.model_kwargs or {}))
    dtype = _as_dtype(options.dtype)
    return model.to(dtype=dtype) if dtype is not None else model


def _load_peft(plan: LoadPlan, folder: Path, options: Options, base: Any) -> Any:
    peft = importlib.import_module("peft")
    if (folder / "tokenizer_config.json").is_file() and hasattr(base, "get_input_embeddings"):
        # As peft's own auto classes do: the adapter may have been trained with tokens added to the base's.
        auto = importlib.import_module("transformers").AutoTokenizer
        tokens = len(auto.from_pretrained(str(folder), trust_remote_code=options.trust_remote_code))
        if tokens > base.get_input_embeddings().weight.shape[0]:
            base.resize_token_embeddings(tokens)
    return peft.PeftModel.from_pretrained(base, str(folder))


_BY_LIBRARY: Mapping[str, Callable[[LoadPlan, Path, Options, Any], Any]] = {
    "transformers": _load_transformers,
    "transformers_js": _load_transformers,
    "gguf": _load_transformers,
    "diffusers": _load_diffusers,
    "sentence_transformers": _load_sentence_transformers,
    "timm": _load_timm,
    "peft": _load_peft,
}


def _from_pretrained(plan: LoadPlan, folder: Path, arguments: Mapping[str, Any], options: Options) -> Any:
    arguments = {**arguments, **(options.model_kwargs or {})}
    try:
        return import_class(plan.class_ref).from_pretrained(str(folder), **arguments)
    except ValueError as error:
        if plan.own_class is None or _NOT_MAPPED not in str(error):
            raise
    return import_class(plan.own_class).from_pretrained(str(folder), **arguments)


def _dtype(options: Options, library: str) -> dict[str, Any]:
    dtype = options.dtype if options.dtype == "auto" else _as_dtype(options.dtype)
    installed = installed_version(library) or "0"
    name = "dtype" if is_newer(installed, than=_DTYPE_AFTER[library]) else "torch_dtype"
    return {name: dtype} if dtype is not None else {}


def _as_dtype(dtype: Any) -> Any:
    """A torch.dtype for one, or for its name with or without "torch."."""
    if not isinstance(dtype, str):
        return dtype
    found = getattr(importlib.import_module("torch"), dtype.removeprefix("torch."), None)
    if type(found).__name__ != "dtype":
        raise ModelLoadError(f"torch has no dtype {dtype!r}; float32, float16 and bfloat16 are usual")
    return found


def _variant(plan: LoadPlan) -> dict[str, str]:
    return {"variant": plan.variant} if plan.variant is not None else {}


def _device_map(options: Options) -> dict[str, Any]:
    """Where the weights go straight from the file; nothing for the CPU, where they are anyway."""
    return {} if options.is_on_cpu or not _has_accelerate() else {"device_map": {"": options.device}}


def _has_accelerate() -> bool:
    return installed_version("accelerate") is not None


def _placed(model: Any, options: Options) -> Any:
    """The model on its device, where the library did not put it there itself."""
    is_mapped = getattr(model, "hf_device_map", None) is not None
    if options.is_on_cpu or is_mapped or str(getattr(model, "device", None)) == str(options.device):
        return model
    return model.to(options.device)


def _in_eval_mode(model: Any) -> Any:
    if callable(getattr(model, "eval", None)):
        model.eval()
    return model


def _first_cause(error: BaseException) -> BaseException:
    """What went wrong first: libraries that import lazily wrap it in errors that do not say it."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _told(error: BaseException) -> str:
    """What an error says, in one line that is not endless."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 600 else text[:597] + "..."
