"""What loading a repo takes: the class to call and the files it reads; or why it cannot be. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from registry.class_ref import ClassRef
from registry.decision import Decision
from registry.facts import CommitFacts
from registry.queries.load_class import loading_class, own_class
from registry.registry import Registry
from registry.rules.framework import framework_of_file
from registry.rules.required_files import ADAPTER_CONFIG, MODEL_INDEX, MODULES
from resolver.errors import NotLoadableError, RemoteCodeError
from resolver.loading import files
from resolver.loading.options import Options
from resolver.loading.remote_code import code_run
from resolver.resolution import Resolution

LOADERS: Mapping[str, tuple[str, ...]] = {
    "transformers": ("transformers", "torch"),
    "transformers_js": ("transformers", "torch"),
    "diffusers": ("diffusers", "transformers", "torch"),
    "sentence_transformers": ("sentence_transformers", "torch"),
    "timm": ("timm", "torch"),
    "peft": ("peft", "transformers", "torch"),
    "gguf": ("gguf", "transformers", "torch"),
}
"""The libraries whose models can be loaded, each with the packages that this takes."""

PREFERRED_GGUF = "Q4_K_M"
"""What llama.cpp takes where a repo holds several quantisations and none is named."""

_WITHOUT_WEIGHTS = ("sentence_transformers",)
"""A model that counts words has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """`filenames` are the files that must be there, weights included, below the model's folder. `safetensors` says
    whether the weights are in that format; `variant` and `gguf_file` which of several are meant. `own_class` is to be
    called where `class_ref`, an auto class, turns out not to know the model.
    """

    library: str
    class_ref: ClassRef
    filenames: tuple[str, ...]
    own_class: ClassRef | None = None
    safetensors: bool = True
    variant: str | None = None
    gguf_file: str | None = None


def manifests(decision: Decision, commit: CommitFacts) -> tuple[str, ...]:
    """The small files that planning reads beside those a decision does, as far as they are not in the facts."""
    wanted = {
        "diffusers": (MODEL_INDEX,),
        "sentence_transformers": (MODULES,),
        "peft": (ADAPTER_CONFIG,),
        "transformers": ("config.json",) if decision.requires_remote_code else (),
    }.get(decision.library or "", ())
    names = set(commit.filenames)
    return tuple(name for name in wanted if name in names and name not in commit.files)


def check_loadable(resolution: Resolution, options: Options) -> None:
    """Refuse what cannot be loaded whatever its files are.

    Raises:
        NotLoadableError: the message says why, and what loads it instead where that is known.
    """
    decision = resolution.decision
    if options.framework not in (None, "pt", "pytorch", "torch"):
        raise NotLoadableError(
            f"{_named(resolution)}: models are loaded into PyTorch only, not into {options.framework}",
            resolution=resolution,
        )
    if decision.library is None:
        why = decision.undecided or "nothing in it says which library it is for"
        raise NotLoadableError(f"{_named(resolution)}: {why}; say library= and task=", resolution=resolution)


def plan_load(
    resolution: Resolution,
    commit: CommitFacts,
    options: Options,
    registry: Registry,
    *,
    as_class: ClassRef | None = None,
) -> LoadPlan:
    """The plan for a repo whose facts are `commit`; `as_class` is the class to use instead of the one decided.

    Raises:
        RemoteCodeError: it takes code of the repo's own, which the caller did not allow.
        NotLoadableError: no class is known, or the repo has no weights that the class reads.
    """
    decision = resolution.decision
    code = code_run(decision, commit, registry)
    if code and not options.trust_remote_code:
        raise RemoteCodeError(
            f"{_named(resolution)}: loading it runs the repo's own code ({', '.join(code)}); read that code at this "
            "commit, and pass trust_remote_code=True if you trust it",
            resolution=resolution,
        )
    class_ref = as_class or loading_class(decision, registry, commit.config or {})
    library = as_class.package if as_class is not None else decision.library or ""
    if library not in LOADERS:
        with_ = f"; {class_ref.module}.{class_ref.name} does" if class_ref is not None else ""
        raise NotLoadableError(
            f"{_named(resolution)}: models of {library} are not loaded here{with_}", resolution=resolution
        )
    if class_ref is None:
        why = decision.undecided or "; ".join(decision.notes) or "no class is known that loads it"
        raise NotLoadableError(f"{_named(resolution)}: {why}", resolution=resolution)
    if library == "gguf":
        return _plan_gguf(resolution, commit, options, class_ref)
    wanted, weights = _files(library, commit, options)
    if weights is None and library not in _WITHOUT_WEIGHTS:
        raise NotLoadableError(_why_no_weights(resolution, commit, options), resolution=resolution)
    if options.trust_remote_code:
        wanted = (*wanted, *(name for name in files.code_files(commit.filenames) if name not in wanted))
    present = set(commit.filenames)
    return LoadPlan(
        library=library,
        class_ref=class_ref,
        filenames=tuple(name for name in wanted if name in present),
        own_class=own_class(decision, registry) if as_class is None else None,
        safetensors=weights is None or weights.ending == "safetensors",
        variant=weights.variant if weights is not None else None,
    )


def _files(library: str, commit: CommitFacts, options: Options) -> files.Files:
    names = commit.filenames
    match library:
        case "diffusers" if MODEL_INDEX in names:
            return files.pipeline_files(names, commit.mapping(MODEL_INDEX) or {}, options.variant)
        case "diffusers":
            return files.component_files(names, options.variant)
        case "sentence_transformers":
            return files.sentence_files(names)
        case "timm":
            return files.timm_files(names)
        case "peft":
            return files.adapter_files(names)
        case _:
            return files.transformers_files(names, options.variant)


def _why_no_weights(resolution: Resolution, commit: CommitFacts, options: Options) -> str:
    decision = resolution.decision
    others = [name for name in decision.weights if name != "pt"]
    what = f"{_named(resolution)}: "
    if options.variant is not None:
        return what + f"it has no weights of the variant {options.variant!r}"
    if "a single file" in "; ".join(decision.notes) or "LoRA weights" in "; ".join(decision.notes):
        return what + "; ".join(decision.notes)
    if not decision.weights:
        return what + "it has no weights"
    if "pt" in decision.weights:
        return what + f"{decision.library} knows none of its weight files ({_some_weights(commit)})"
    advice = {
        "tf": "; TensorFlow weights take transformers < 5 and TensorFlow, which can save them as safetensors",
        "flax": "; Flax weights take transformers < 5 and Flax, which can save them as safetensors",
        "onnx": "; ONNX Runtime or optimum runs them",
        "openvino": "; OpenVINO or optimum-intel runs them",
        "gguf": "; pass library='gguf', or run them with llama.cpp",
        "mlx": "; mlx-lm runs them",
    }
    return what + f"its weights are {', '.join(others)} only, not PyTorch's" + advice.get(others[0], "")


def _some_weights(commit: CommitFacts) -> str:
    found = [name for name in commit.filenames if framework_of_file(name) == "pt"]
    return ", ".join(found[:3]) + (", …" if len(found) > 3 else "")


def _plan_gguf(resolution: Resolution, commit: CommitFacts, options: Options, class_ref: ClassRef) -> LoadPlan:
    found = files.gguf_files(commit.filenames)
    wanted = options.gguf_file
    if wanted is not None and wanted not in found:
        raise NotLoadableError(
            f"{_named(resolution)}: it has no file {wanted!r}; it has {', '.join(found) or 'none in one piece'}",
            resolution=resolution,
        )
    if not found:
        raise NotLoadableError(
            f"{_named(resolution)}: transformers reads GGUF files in one piece, and it has none", resolution=resolution
        )
    chosen = wanted or next((name for name in found if PREFERRED_GGUF.lower() in name.lower()), found[0])
    return LoadPlan(
        library="gguf",
        class_ref=class_ref,
        filenames=(chosen, *(name for name in ("config.json", "generation_config.json") if name in commit.filenames)),
        safetensors=False,
        gguf_file=chosen,
    )


def _named(resolution: Resolution) -> str:
    """How messages call the repo: what was asked for, at the commit it stood at."""
    return f"{resolution.repo_id}@{resolution.commit_hash}" if resolution.commit_hash else resolution.repo_id
