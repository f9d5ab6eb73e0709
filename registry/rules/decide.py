"""Decides library, task, class and framework of a repo from its facts, with the evidence. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from registry.decision import Decision, Evidence
from registry.errors import ContradictionError
from registry.facts import RepoFacts
from registry.registry import Registry
from registry.rules.code_files import find_remote_code
from registry.rules.context import RuleContext
from registry.rules.diffusers import decide_diffusers
from registry.rules.gguf import decide_gguf
from registry.rules.library import decide_library
from registry.rules.model_class import FRAMEWORK_PREFIXES, find_framework_class
from registry.rules.named_library import find_named_library
from registry.rules.nemo import decide_nemo
from registry.rules.observed import Observed, as_text
from registry.rules.other_libraries import decide_by_tag, decide_mlx, decide_sklearn
from registry.rules.peft import decide_peft, is_local_path
from registry.rules.required_files import ADAPTER_CONFIG, is_adapter_alone
from registry.rules.sentence_transformers import decide_sentence_transformers
from registry.rules.timm import decide_timm
from registry.rules.transformers import decide_transformers
from registry.tables.weights import KEPT_FRAMEWORKS, QUANTIZATION_FILES, UNNAMED


def decide(facts: RepoFacts, registry: Registry, task: str | None = None, *, library: str | None = None) -> Decision:
    """The decision for a repo; the same facts and registry always give the same decision.

    `task` and `library` are canonical names that the caller requests; they count more than all rules.

    Raises:
        ContradictionError: the facts rule out the requested task or library.
    """
    observed = Observed(facts, find_named_library(facts, registry))
    found, library_evidence = decide_library(observed, registry)
    if library is not None:
        _check_library(library, found, observed)
        library_evidence = Evidence(rule="library asked for", saw=library_evidence.saw, said=library)
        found = library
    rules = _RULES_BY_LIBRARY.get(found or "", decide_by_tag)
    context = RuleContext(observed=observed, registry=registry, task=task, library=found)
    decision = rules(context)
    framework, weights, framework_evidence = _decide_framework(observed, found, decision.architecture, registry)
    if found == "transformers" and framework in FRAMEWORK_PREFIXES:
        decision = _replace_classes(decision, framework, registry)
    decided = replace(
        decision,
        library=found,
        framework=framework,
        weights=weights,
        base_models=_find_base_models(observed),
        notes=(*decision.notes, *_build_notes(observed, found)),
        evidence=(library_evidence, *decision.evidence, framework_evidence),
        partial=facts.commit.unseen,
    )
    code = find_remote_code(decided, observed, registry).code
    return _add_remote_code(decided, code) if code and not decided.requires_remote_code else decided


def _add_remote_code(decided: Decision, code: tuple[str, ...]) -> Decision:
    """The decision with code that the rules of its library did not speak of."""
    evidence = Evidence(rule="remote code", saw=", ".join(code), said="loading runs code of a repo")
    return replace(
        decided, requires_remote_code=True, evidence=(*decided.evidence[:-1], evidence, decided.evidence[-1])
    )


def _check_library(library: str, found: str | None, observed: Observed) -> None:
    """Checks that the requested library can load a repo of the library `found`.

    Raises:
        ContradictionError: it cannot.
    """
    if found is None or library == found or _can_load(library, found, observed):
        return
    raise ContradictionError(f"{library} was asked for, but the repo is one of {found}")


def _can_load(library: str, found: str, observed: Observed) -> bool:
    match library:
        case "transformers":
            # transformers loads GGUF, adapters with their base, and timm models, but not weights quantised by MLX.
            is_mlx = found == "mlx" and isinstance(observed.config.get("quantization"), dict)
            has_other_weights = found in ("ctranslate2", "mlc_llm", "coreml", "diffusers", "keras", "keras_hub")
            return observed.has_config and not has_other_weights and not is_mlx
        case "sentence_transformers":
            return observed.has_config and found in ("transformers", "transformers_js", "setfit", "pylate", "model2vec")
        case "diffusers":
            return found == "diffusion_single_file"
        case "timm":
            return "pretrained_cfg" in observed.config
        case "open_clip":
            return "open_clip_config.json" in observed.names
        case "peft" | "adapter_transformers":
            return ADAPTER_CONFIG in observed.names
        case "mlx":
            return found == "transformers" and observed.has_config
        case "transformers_js":
            return "onnx" in observed.weights
        case _:
            return library in observed.weights


_RULES_BY_LIBRARY: Mapping[str, Callable[[RuleContext], Decision]] = {
    "transformers": decide_transformers,
    "transformers_js": decide_transformers,
    "diffusers": decide_diffusers,
    "diffusion_single_file": decide_diffusers,
    "sentence_transformers": decide_sentence_transformers,
    "timm": decide_timm,
    "peft": decide_peft,
    "gguf": decide_gguf,
    "llama_cpp": decide_gguf,
    "mlx": decide_mlx,
    "nemo": decide_nemo,
    "sklearn": decide_sklearn,
}


_SHARED_NAMES: Mapping[str, tuple[str, ...]] = {"mlx": ("pt",), "keras": ("keras", "tf")}
"""Framework of a library -> formats whose file names it shares."""


def _decide_framework(
    observed: Observed, library: str | None, architecture: str | None, registry: Registry
) -> tuple[str | None, tuple[str, ...], Evidence]:
    """The framework of the weights to load, all weight formats (that framework first), and the evidence."""
    weights = dict(observed.weights)
    row = registry.libraries.get(library or "")
    own = row.framework if row is not None else None
    unnamed = weights.pop(UNNAMED, None)
    if own is not None:
        # Other libraries use the same file names for weights: MLX those of PyTorch, Keras those of TensorFlow.
        shared = next((name for name in _SHARED_NAMES.get(own, ()) if name in weights), None)
        if shared is not None:
            weights = {own: weights.pop(shared), **weights}
    if unnamed is not None and not weights and row is not None:
        weights = {own or "pt": unnamed}
    if weights:
        if own in KEPT_FRAMEWORKS:
            weights = {own: weights.pop(own, f"library {library}"), **weights}
        framework = own if own in weights else next(iter(weights))
        order = (framework, *(name for name in weights if name != framework))
        return framework, order, Evidence(rule="framework", saw=weights[framework], said=", ".join(order))
    if own is not None:
        return own, (), Evidence(rule="framework", saw=f"library {library}", said=own)
    for name, prefix in FRAMEWORK_PREFIXES.items():
        if architecture is not None and architecture.startswith(prefix):
            return name, (), Evidence(rule="framework", saw=architecture, said=name)
    return None, (), Evidence(rule="framework", saw="no weight files", said="unknown")


def _replace_classes(decision: Decision, framework: str, registry: Registry) -> Decision:
    """The decision with TensorFlow or Flax classes, for a repo that has only such weights."""

    def find_counterpart(name: str | None) -> str | None:
        return find_framework_class(name, decision.model_type, framework, registry) if name is not None else None

    model_class = find_counterpart(decision.model_class)
    if model_class is None:
        return decision
    return replace(
        decision,
        model_class=model_class,
        candidates=tuple(replace(item, model_class=find_counterpart(item.model_class)) for item in decision.candidates),
        notes=(*decision.notes, f"the weights are {framework}'s: needs transformers < 5"),
        evidence=(
            *decision.evidence,
            Evidence(rule="model class", saw=f"only {framework} weights", said=model_class),
        ),
    )


def _find_base_models(observed: Observed) -> tuple[str, ...]:
    """The models that this one was made from: by the adapter's config, else by the Hub's tags."""
    if ADAPTER_CONFIG in observed.names and (named := _find_adapter_base(observed)) is not None:
        return (named,)
    prefix = "base_model:"
    tags = [tag for tag in observed.hints.tags if tag.startswith(prefix) and tag.count(":") == 1]
    return tuple([tag.removeprefix(prefix) for tag in tags])


def _find_adapter_base(observed: Observed) -> str | None:
    """The model that an adapter names as its base, unless that is a path."""
    named = as_text(observed.get_manifest(ADAPTER_CONFIG).get("base_model_name_or_path"))
    extract = observed.extract.get("peft") if is_adapter_alone(observed.names) else None
    if named is None and isinstance(extract, dict):
        named = as_text(extract.get("base_model_name_or_path"))
    return named if named is not None and not is_local_path(named) else None


def _build_notes(observed: Observed, library: str | None) -> tuple[str, ...]:
    notes = []
    quantization = observed.config.get("quantization_config")
    if isinstance(quantization, dict) and library in ("transformers", "sentence_transformers"):
        # Before transformers 4.36, bitsandbytes wrote no quant_method.
        bits = quantization.get("load_in_4bit") or quantization.get("load_in_8bit")
        method = as_text(quantization.get("quant_method")) or ("bitsandbytes" if bits else "method not named")
        notes.append(f"quantised: {method}")
    elif library in ("transformers", "sentence_transformers"):
        present = observed.names.intersection(QUANTIZATION_FILES)
        notes.extend(f"quantised: {QUANTIZATION_FILES[name]} ({name})" for name in sorted(present))
    if "open_clip_config.json" in observed.names and observed.model_type is not None:
        notes.append(f"has files of two libraries: open_clip and transformers; taken: {library}")
    if ADAPTER_CONFIG in observed.names and library not in ("peft", "mlx", "adapter_transformers"):
        notes.append("holds an adapter beside the model")
    if observed.config_problem is not None:
        notes.append(f"config.json: {observed.config_problem}")
    return tuple(notes)
