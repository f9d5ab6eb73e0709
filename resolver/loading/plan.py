"""Builds the load plan of a repo: the class to call and the files that it reads. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from registry.class_ref import ClassRef
from registry.decision import Decision
from registry.facts import CONFIG, CommitFacts, RepoFacts
from registry.queries.load_class import find_load_class, find_own_class
from registry.registry import Registry
from registry.rules.code_files import find_remote_code
from registry.rules.framework import find_framework
from registry.rules.observed import Observed
from registry.rules.required_files import ADAPTER_CONFIG, MODEL_INDEX, MODULAR_CONFIG, MODULES
from resolver.errors import NotLoadableError
from resolver.loading import files
from resolver.loading.options import LoadOptions
from resolver.loading.refuse_names import raise_for_names
from resolver.resolution import Resolution, Source

REQUIRED_PACKAGES: Mapping[str, tuple[str, ...]] = {
    "transformers": ("transformers", "torch"),
    "transformers_js": ("transformers", "torch"),
    "diffusers": ("diffusers", "transformers", "torch"),
    "sentence_transformers": ("sentence_transformers", "torch"),
    "timm": ("timm", "torch"),
    "peft": ("peft", "transformers", "torch"),
    "gguf": ("gguf", "transformers", "torch"),
}
"""The libraries whose models can be loaded -> the packages that loading imports."""

DEFAULT_GGUF_QUANTIZATION = "Q4_K_M"
"""The quantization that llama.cpp takes where a repo has several and none is requested."""

_LIBRARIES_WITHOUT_WEIGHTS = ("sentence_transformers",)
"""Bag-of-words models of sentence-transformers have no weight files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """`filenames` are the files to fetch, weights included; paths are relative to the model's folder. `safetensors`
    is true where the weights have that format. `fallback_class` is called where `class_ref` is an auto class that does
    not accept the configuration.
    """

    library: str
    class_ref: ClassRef
    filenames: tuple[str, ...]
    fallback_class: ClassRef | None = None
    safetensors: bool = True
    variant: str | None = None
    gguf_file: str | None = None


def find_missing_manifests(decision: Decision, commit: CommitFacts) -> tuple[str, ...]:
    """The manifests that `plan_load` reads and that the facts do not contain yet; may be empty."""
    required = {
        "diffusers": (MODEL_INDEX, MODULAR_CONFIG),
        "sentence_transformers": (MODULES, CONFIG),
        "peft": (ADAPTER_CONFIG,),
        "transformers": (CONFIG,) if decision.requires_remote_code else (),
    }.get(decision.library or "", ())
    names = set(commit.filenames)
    return tuple(name for name in required if name in names and name not in commit.files)


def check_loadable(resolution: Resolution, options: LoadOptions) -> None:
    """Refuse a repo without a known library, and frameworks other than PyTorch.

    Raises:
        NotLoadableError: the message gives the reason, and the arguments that may help.
    """
    decision = resolution.decision
    if options.framework not in (None, "pt", "pytorch", "torch"):
        raise NotLoadableError(
            f"{_format_commit(resolution)}: models are loaded into PyTorch only, not into {options.framework}",
            resolution=resolution,
        )
    if decision.library is None:
        reason = decision.undecided or "its files name no library"
        raise NotLoadableError(
            f"{_format_commit(resolution)}: {reason}; pass library= and task=", resolution=resolution
        )


def plan_load(
    resolution: Resolution,
    commit: CommitFacts,
    options: LoadOptions,
    registry: Registry,
    *,
    as_class: ClassRef | None = None,
) -> LoadPlan:
    """The load plan for a repo with the facts `commit`; `as_class` replaces the class of the decision.

    Raises:
        RemoteCodeError: loading would run the repo's own code, and the caller did not allow that.
        NotLoadableError: no class is known, it has no weights that the class reads, or its files name other repos.
    """
    decision = resolution.decision
    observed = Observed(RepoFacts(commit=commit), None)
    raise_for_names(find_remote_code(decision, observed, registry), resolution, options)
    class_ref = as_class or find_load_class(decision, registry, commit.config or {})
    library = as_class.package if as_class is not None else decision.library or ""
    if library not in REQUIRED_PACKAGES:
        advice = f"; use {class_ref.module}.{class_ref.name}" if class_ref is not None else ""
        raise NotLoadableError(
            f"{_format_commit(resolution)}: hubresolve cannot load models of {library}{advice}", resolution=resolution
        )
    if class_ref is None:
        reason = decision.undecided or "; ".join(decision.notes) or "no class is known that loads it"
        raise NotLoadableError(f"{_format_commit(resolution)}: {reason}", resolution=resolution)
    if library == "gguf":
        return _plan_gguf(resolution, commit, options, class_ref)
    filenames, weights = _choose_files(library, commit, options)
    # The variant of an adapter is that of its base.
    lacks_variant = options.variant is not None and library != "peft" and (not weights or not weights.variant)
    if (weights is None and library not in _LIBRARIES_WITHOUT_WEIGHTS) or lacks_variant:
        reason = _explain_missing_weights(decision, commit, options)
        if resolution.source is Source.HF_CACHE:
            reason = f"of what the local Hugging Face cache has of it: {reason}"
        raise NotLoadableError(f"{_format_commit(resolution)}: {reason}", resolution=resolution)
    if options.trust_remote_code:
        python_files = files.find_python_files(commit.filenames)
        filenames = (*filenames, *(name for name in python_files if name not in filenames))
    present = set(commit.filenames)
    return LoadPlan(
        library=library,
        class_ref=class_ref,
        filenames=tuple(name for name in filenames if name in present),
        fallback_class=find_own_class(decision, registry) if as_class is None else None,
        safetensors=weights is None or weights.extension == "safetensors",
        variant=weights.variant if weights is not None else None,
    )


def _choose_files(library: str, commit: CommitFacts, options: LoadOptions) -> files.ModelFiles:
    filenames = commit.filenames
    match library:
        case "diffusers" if MODEL_INDEX in filenames:
            return files.choose_pipeline_files(filenames, commit.mapping(MODEL_INDEX) or {}, options.variant)
        case "diffusers":
            return files.choose_component_files(filenames, options.variant)
        case "sentence_transformers":
            return files.choose_sentence_transformers_files(filenames)
        case "timm":
            return files.choose_timm_files(filenames)
        case "peft":
            return files.choose_adapter_files(filenames)
        case _:
            return files.choose_transformers_files(filenames, options.variant)


_ADVICE = {
    "tf": "; load them with transformers < 5 and TensorFlow, and save them as safetensors",
    "flax": "; load them with transformers < 5 and Flax, and save them as safetensors",
    "onnx": "; run them with ONNX Runtime or optimum",
    "openvino": "; run them with OpenVINO or optimum-intel",
    "gguf": "; pass library='gguf', or run them with llama.cpp",
    "mlx": "; run them with mlx-lm",
}
"""Weight format -> the programs that use it."""


def _explain_missing_weights(decision: Decision, commit: CommitFacts, options: LoadOptions) -> str:
    formats = [name for name in decision.weights if name != "pt"]
    notes = "; ".join(decision.notes)
    if options.variant is not None:
        others = files.list_variants(commit.filenames)
        advice = f"; it has {', '.join(others)}, and may have weights without a variant" if others else ""
        return f"it has no weights of the variant {options.variant!r}{advice}"
    if "a single file" in notes or "to be loaded into" in notes:
        return notes
    if not decision.weights:
        return "it has no weights"
    if "pt" in decision.weights:
        return f"{decision.library} reads none of its weight files ({_join_weight_files(commit)})"
    return f"it has weights for {', '.join(formats)} only, none for PyTorch" + _ADVICE.get(formats[0], "")


def _join_weight_files(commit: CommitFacts) -> str:
    found = [name for name in commit.filenames if find_framework(name) == "pt"]
    return ", ".join(found[:3]) + (", …" if len(found) > 3 else "")


def _plan_gguf(resolution: Resolution, commit: CommitFacts, options: LoadOptions, class_ref: ClassRef) -> LoadPlan:
    found = files.find_gguf_files(commit.filenames)
    requested = options.gguf_file
    if requested is not None and requested not in found:
        available = ", ".join(found) or "no GGUF file that holds a whole model"
        raise NotLoadableError(
            f"{_format_commit(resolution)}: it has no file {requested!r}; it has {available}", resolution=resolution
        )
    if not found:
        raise NotLoadableError(
            f"{_format_commit(resolution)}: it has no GGUF file that holds a whole model, and transformers reads no "
            "others",
            resolution=resolution,
        )
    default = next((name for name in found if DEFAULT_GGUF_QUANTIZATION.lower() in name.lower()), found[0])
    chosen = requested or default
    return LoadPlan(
        library="gguf",
        class_ref=class_ref,
        filenames=(chosen, *(name for name in ("config.json", "generation_config.json") if name in commit.filenames)),
        safetensors=False,
        gguf_file=chosen,
    )


def _format_commit(resolution: Resolution) -> str:
    """The repo as messages name it: "org/name@commit"; a local folder has no commit."""
    return f"{resolution.repo_id}@{resolution.commit_hash}" if resolution.commit_hash else resolution.repo_id
