"""`decide`: from the facts of a repo to its library, task, class and framework, with the evidence. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from registry.decision import Decision, Evidence
from registry.errors import ContradictionError
from registry.facts import RepoFacts
from registry.registry import Registry
from registry.rules.context import RuleContext
from registry.rules.diffusers import decide_diffusers
from registry.rules.gguf import decide_gguf
from registry.rules.library import decide_library
from registry.rules.model_class import FRAMEWORK_PREFIXES, class_in_framework
from registry.rules.observed import Observed, text
from registry.rules.other_libraries import decide_by_tag, decide_mlx
from registry.rules.peft import decide_peft, is_local_path
from registry.rules.required_files import ADAPTER_CONFIG
from registry.rules.sentence_transformers import decide_sentence_transformers
from registry.rules.timm import decide_timm
from registry.rules.transformers import decide_transformers


def decide(facts: RepoFacts, registry: Registry, task: str | None = None, *, library: str | None = None) -> Decision:
    """What the repo is for and what loads it: the same facts and registry always give the same decision.

    `task` and `library` are canonical names of what the caller wants; they count before everything else.

    Raises:
        ContradictionError: the facts rule out what the caller wants.
    """
    seen = Observed(facts)
    found, library_evidence = decide_library(seen, registry)
    if library is not None:
        _check_library(library, found, seen)
        library_evidence = Evidence(rule="library asked for", saw=library_evidence.saw, said=library)
        found = library
    rules = _BY_LIBRARY.get(found or "", decide_by_tag)
    decision = rules(RuleContext(seen=seen, registry=registry, task=task, library=found))
    framework, weights, framework_evidence = _framework(seen, found, decision.architecture, registry)
    if found == "transformers" and framework in FRAMEWORK_PREFIXES:
        decision = _in_framework(decision, framework, registry)
    return replace(
        decision,
        library=found,
        framework=framework,
        weights=weights,
        base_models=_base_models(seen),
        notes=(*decision.notes, *_notes(seen, found)),
        evidence=(library_evidence, *decision.evidence, framework_evidence),
    )


def _check_library(library: str, found: str | None, seen: Observed) -> None:
    """Whether the repo can be used with a library other than its own."""
    if found is None or library == found or _can_load(library, found, seen):
        return
    raise ContradictionError(f"{library} was asked for, but the repo is one of {found}")


def _can_load(library: str, found: str, seen: Observed) -> bool:
    match library:
        case "transformers":
            # It reads GGUF, adapters with their base, and timm models; but not the arrays that MLX quantises.
            is_mlx = found == "mlx" and isinstance(seen.config.get("quantization"), dict)
            return seen.has_config and found not in ("diffusers", "keras", "keras_hub") and not is_mlx
        case "sentence_transformers":
            return seen.has_config and found in ("transformers", "transformers_js", "setfit", "pylate", "model2vec")
        case "timm":
            return "pretrained_cfg" in seen.config
        case "open_clip":
            return "open_clip_config.json" in seen.names
        case "peft" | "adapters":
            return ADAPTER_CONFIG in seen.names
        case "mlx":
            return found == "transformers" and seen.has_config
        case "transformers_js":
            return "onnx" in seen.weights
        case _:
            return library in seen.weights


_BY_LIBRARY: Mapping[str, Callable[[RuleContext], Decision]] = {
    "transformers": decide_transformers,
    "transformers_js": decide_transformers,
    "diffusers": decide_diffusers,
    "sentence_transformers": decide_sentence_transformers,
    "timm": decide_timm,
    "peft": decide_peft,
    "gguf": decide_gguf,
    "mlx": decide_mlx,
}


def _framework(
    seen: Observed, library: str | None, architecture: str | None, registry: Registry
) -> tuple[str | None, tuple[str, ...], Evidence]:
    """The framework of the weights to use, all weight formats, and how that is known."""
    weights = dict(seen.weights)
    own = registry.libraries[library].framework if library is not None and library in registry.libraries else None
    if library == "mlx" and "pt" in weights:
        # MLX writes its arrays into files of the same name as PyTorch's.
        weights = {"mlx": weights.pop("pt"), **weights}
    if weights:
        framework = own if own in weights else next(iter(weights))
        order = (framework, *(name for name in weights if name != framework))
        return framework, order, Evidence(rule="framework", saw=weights[framework], said=", ".join(order))
    if own is not None:
        return own, (), Evidence(rule="framework", saw=f"library {library}", said=own)
    for name, prefix in FRAMEWORK_PREFIXES.items():
        if architecture is not None and architecture.startswith(prefix):
            return name, (), Evidence(rule="framework", saw=architecture, said=name)
    return None, (), Evidence(rule="framework", saw="no weight files", said="unknown")


def _in_framework(decision: Decision, framework: str, registry: Registry) -> Decision:
    """The decision with the classes of TensorFlow or Flax, whose weights alone are there."""

    def stands_in(name: str | None) -> str | None:
        return class_in_framework(name, decision.model_type, framework, registry) if name is not None else None

    model_class = stands_in(decision.model_class)
    if model_class is None:
        return decision
    return replace(
        decision,
        model_class=model_class,
        candidates=tuple(replace(item, model_class=stands_in(item.model_class)) for item in decision.candidates),
        notes=(*decision.notes, f"the weights are {framework}'s: needs transformers < 5"),
        evidence=(
            *decision.evidence,
            Evidence(rule="model class", saw=f"only {framework} weights", said=model_class),
        ),
    )


def _base_models(seen: Observed) -> tuple[str, ...]:
    """The models this one was made from: as the adapter says, else as the Hub's tags do."""
    adapter, extract = seen.manifest(ADAPTER_CONFIG), seen.extract.get("peft")
    named = text(adapter.get("base_model_name_or_path"))
    if named is None and isinstance(extract, dict):
        named = text(extract.get("base_model_name_or_path"))
    if named is not None and not is_local_path(named):
        return (named,)
    return tuple(
        tag.removeprefix("base_model:")
        for tag in seen.hints.tags
        if tag.startswith("base_model:") and tag.count(":") == 1
    )


def _notes(seen: Observed, library: str | None) -> tuple[str, ...]:
    notes = []
    quantization = seen.config.get("quantization_config")
    if isinstance(quantization, dict) and library in ("transformers", "sentence_transformers"):
        # bitsandbytes did not name itself before transformers 4.36.
        bits = quantization.get("load_in_4bit") or quantization.get("load_in_8bit")
        method = text(quantization.get("quant_method")) or ("bitsandbytes" if bits else "method not named")
        notes.append(f"quantised: {method}")
    if "open_clip_config.json" in seen.names and seen.model_type is not None:
        notes.append(f"has files of two libraries: open_clip and transformers; taken: {library}")
    if ADAPTER_CONFIG in seen.names and library not in ("peft", "mlx", "adapters"):
        notes.append("holds an adapter beside the model")
    if seen.config_problem is not None:
        notes.append(f"config.json: {seen.config_problem}")
    return tuple(notes)
