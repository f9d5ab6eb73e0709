"""`decide`: from the facts of a repo to its library, task, class and framework, with the evidence. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from registry.class_rules import (
    class_for,
    class_without_architecture,
    explain_class,
    is_native,
    known_name,
    loads_trunk,
    remote_class,
    rows_of,
    version_notes,
)
from registry.decision import Candidate, Decision, Evidence
from registry.errors import ContradictionError
from registry.facts import RepoFacts
from registry.library_rules import decide_library
from registry.needs import ADAPTER_CONFIG, MODEL_INDEX, MODULAR_MODEL_INDEX, MODULES, SENTENCE_TRANSFORMERS_CONFIG
from registry.observed import Observed, text
from registry.registry import Registry
from registry.task_rules import TaskChoice, choose_task

TRUNK_TASK = "feature-extraction"


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
    rules = _BY_LIBRARY.get(found or "", _decide_by_tag)
    decision = rules(Asked(seen=seen, registry=registry, task=task, library=found))
    framework, weights, framework_evidence = _framework(seen, found, decision.architecture, registry)
    return replace(
        decision,
        library=found,
        framework=framework,
        weights=weights,
        base_models=_base_models(seen),
        notes=(*decision.notes, *_notes(seen, found)),
        evidence=(library_evidence, *decision.evidence, framework_evidence),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The question one library's rules answer."""

    seen: Observed
    registry: Registry
    task: str | None
    library: str | None

    @property
    def tag(self) -> str | None:
        return self.seen.hints.pipeline_tag


def _check_library(library: str, found: str | None, seen: Observed) -> None:
    """Whether the repo can be used with a library other than its own.

    sentence-transformers wraps any transformers repo and the other way round; a timm model loads through either.
    """
    compatible = {"transformers", "sentence_transformers", "open_clip", "timm", "transformers_js", "mlx", "peft", "gguf"}
    if found is None or library == found or (library in compatible and found in compatible and seen.has_config):
        return
    raise ContradictionError(f"{library} was asked for, but the repo is one of {found}")


def _decision(asked: Asked, choice: TaskChoice, model_class: str | None, **more: Any) -> Decision:
    """The parts of a decision that every library's rules fill alike."""
    return Decision(
        task=choice.task,
        model_type=asked.seen.model_type,
        model_class=model_class,
        conflict=choice.conflict,
        undecided=choice.undecided,
        evidence=(*choice.evidence, *more.pop("evidence", ())),
        **more,
    )


def _decide_transformers(asked: Asked) -> Decision:
    """By the architecture, looked up in the auto mappings; the repo's own code where transformers has none."""
    seen, registry = asked.seen, asked.registry
    architecture = _primary_architecture(asked)
    if architecture is None:
        return _decide_without_architecture(asked)
    rows = rows_of(architecture, registry)
    if not rows:
        return _decide_unknown_architecture(asked, architecture)
    known = known_name(architecture, registry)
    # A task's place is that of its last row: [a, b, a] means that a is what the class is for.
    possible = list(dict.fromkeys(row.task for row in reversed(rows)))[::-1]
    # A tag that the Hub only derived from the architecture adds nothing to what the registry knows better.
    is_derived = known in registry.main_tasks and asked.tag == seen.hints.auto_task
    choice = choose_task(
        possible,
        origin=architecture,
        tag=None if is_derived else asked.tag,
        asked=asked.task,
        registry=registry,
        also_asked=(TRUNK_TASK,) if loads_trunk(seen.model_type, registry) else (),
    )
    remote = remote_class(seen, choice.base, registry)
    if remote is not None and not is_native(known, seen.model_type, registry):
        return _with_remote_class(asked, choice, architecture, remote, possible)
    base = choice.base or ""
    model_class = class_for(known, seen.model_type, base, registry)
    if base == TRUNK_TASK and base not in possible:
        model_class = "AutoModel"
    notes = list(version_notes(known, registry))
    if known != architecture:
        notes.append(f"the architecture {architecture} was taken for {known}")
    if remote is not None:
        notes.append(f"also brings its own code: {remote[1]} for {remote[0]}")
    others = [task for task in reversed(possible) if task not in (choice.task, choice.base)]
    return _decision(
        asked,
        choice,
        model_class,
        architecture=architecture,
        candidates=tuple(
            Candidate(task=task, model_class=class_for(known, seen.model_type, task, registry))
            for task in ([choice.base] if choice.base not in (choice.task, None) else []) + others
            if task is not None
        ),
        notes=tuple(notes),
        evidence=(explain_class(model_class, known, seen.model_type, base),),
    )


def _primary_architecture(asked: Asked) -> str | None:
    """Of several architectures the one that serves the tag, else the most specific, else the first."""
    names = asked.seen.architectures
    if len(names) < 2:
        return names[0] if names else None
    tag = asked.registry.find_task(asked.tag) if asked.tag else None
    known = [name for name in names if rows_of(name, asked.registry)]
    for name in known:
        if any(asked.registry.can_serve(row.task, tag) for row in rows_of(name, asked.registry) if tag is not None):
            return name
    return max(known, key=lambda name: rows_of(name, asked.registry)[-1].order) if known else names[0]


def _decide_without_architecture(asked: Asked) -> Decision:
    """Only a model type, or nothing that can be read."""
    seen, registry = asked.seen, asked.registry
    model_type = seen.model_type
    is_known = model_type is not None and loads_trunk(model_type, registry)
    remote = remote_class(seen, None, registry)
    otherwise: list[tuple[str, str | None]] = [
        ("the Hub's auto class", seen.hints.auto_task),
        ("remote code", registry.auto_class_tasks[remote[0]][1] if remote is not None else None),
        ("model type", TRUNK_TASK if is_known else None),
    ]
    origin = _why_no_architecture(seen)
    choice = choose_task((), origin=origin, tag=asked.tag, asked=asked.task, registry=registry, otherwise=otherwise)
    if remote is not None and not is_known:
        return _with_remote_class(asked, choice, None, remote, [])
    base = choice.base or ""
    model_class = None
    if model_type is not None and choice.base is not None:
        model_class = class_without_architecture(model_type, base, registry)
        if model_class is None and is_known:
            served = [task for task in registry.specialisations if registry.can_serve(task, base)]
            classes = (class_without_architecture(model_type, task, registry) for task in served)
            model_class = next((name for name in classes if name is not None), None)
    model_class = model_class or (seen.hints.auto_model if base == seen.hints.auto_task else None)
    return _decision(asked, choice, model_class, evidence=(explain_class(model_class, None, model_type, base),))


def _why_no_architecture(seen: Observed) -> str:
    if seen.model_type is not None:
        return f"config.json names no architecture, only model_type {seen.model_type}"
    if seen.config_problem is not None:
        return f"config.json cannot be used ({seen.config_problem})"
    return "config.json names neither architecture nor model_type" if seen.has_config else "there is no config.json"


def _decide_unknown_architecture(asked: Asked, architecture: str) -> Decision:
    """A class that no version of transformers we know of maps: the repo's own code, or a bare name."""
    seen, registry = asked.seen, asked.registry
    remote = remote_class(seen, None, registry)
    elsewhere = registry.other_architectures.get(architecture)
    otherwise: list[tuple[str, str | None]] = [
        ("remote code", registry.auto_class_tasks[remote[0]][1] if remote is not None else None),
        ("the Hub's auto class", seen.hints.auto_task),
        ("vision_config", "image-text-to-text" if isinstance(seen.config.get("vision_config"), dict) else None),
        ("head", _task_of_head(architecture) if remote is None and elsewhere is None else None),
        ("model type", TRUNK_TASK if elsewhere is not None else None),
    ]
    origin = f"the architecture {architecture} is in no auto mapping"
    choice = choose_task((), origin=origin, tag=asked.tag, asked=asked.task, registry=registry, otherwise=otherwise)
    remote = remote_class(seen, choice.base, registry)
    if remote is not None:
        return _with_remote_class(asked, choice, architecture, remote, [])
    model_class = architecture if elsewhere is not None else None
    notes = () if elsewhere is not None else (f"unknown to transformers {registry.versions['transformers']}",)
    version = text(seen.config.get("transformers_version"))
    if notes and version is not None:
        notes = (*notes, f"written with transformers {version}")
    return _decision(
        asked,
        choice,
        model_class,
        architecture=architecture,
        notes=notes,
        evidence=(explain_class(model_class, architecture, seen.model_type, choice.base or ""),),
    )


_HEADS: tuple[tuple[str, str], ...] = (
    ("ForCausalLM", "text-generation"),
    ("LMHeadModel", "text-generation"),
    ("ForMaskedLM", "fill-mask"),
    ("ForSequenceClassification", "text-classification"),
    ("ForRewardModel", "text-classification"),
    ("ForTokenClassification", "token-classification"),
    ("ForQuestionAnswering", "question-answering"),
    ("ForMultipleChoice", "multiple-choice"),
    ("ForSpeechSeq2Seq", "automatic-speech-recognition"),
    ("ForCTC", "automatic-speech-recognition"),
    ("ForImageClassification", "image-classification"),
    ("ForAudioClassification", "audio-classification"),
    ("ForObjectDetection", "object-detection"),
    ("ForVideoClassification", "video-classification"),
)
"""Endings of class names that transformers gives to one kind of head only; a weak sign, used when all else is silent."""


def _task_of_head(architecture: str) -> str | None:
    return next((task for ending, task in _HEADS if architecture.endswith(ending)), None)


def _with_remote_class(
    asked: Asked, choice: TaskChoice, architecture: str | None, remote: tuple[str, str], possible: list[str]
) -> Decision:
    auto_class, name = remote
    evidence = Evidence(rule="model class", saw=f"auto_map: {auto_class}", said=f"{name}, code of the repo's own")
    others = [task for task in reversed(possible) if task not in (choice.task, choice.base)]
    return _decision(
        asked,
        choice,
        name,
        architecture=architecture,
        requires_remote_code=True,
        candidates=tuple(Candidate(task=task, model_class=name) for task in others),
        notes=(f"{auto_class} with trust_remote_code loads it",),
        evidence=(evidence,),
    )


def _decide_diffusers(asked: Asked) -> Decision:
    """By the pipeline class that the index names."""
    seen, registry = asked.seen, asked.registry
    index = seen.manifest(MODEL_INDEX) or seen.manifest(MODULAR_MODEL_INDEX)
    extract = seen.extract.get("diffusers")
    named = index.get("_class_name") or index.get("_blocks_class_name")
    if named is None and isinstance(extract, dict):
        named = extract.get("_class_name")
    requires_remote_code = isinstance(named, list)
    if isinstance(named, list):
        named = named[-1] if named else None
    pipeline_class = text(named)
    component = text(seen.config.get("_class_name")) if pipeline_class is None else None
    if component is not None:
        evidence = (Evidence(rule="component", saw="config.json: _class_name", said=component),)
        reason = f"{component} is one component of a pipeline, not a model with a task of its own"
        choice = TaskChoice(task=None, base=None, undecided=reason, evidence=evidence)
        if asked.task is not None:
            raise ContradictionError(f"{asked.task} was asked for, but {reason}")
        return _decision(asked, choice, component, architecture=component)
    row = registry.pipelines.get(pipeline_class or "")
    is_lora = any(name.rpartition("/")[2].startswith("pytorch_lora_weights.") for name in seen.names)
    origin = pipeline_class or ("LoRA weights for a diffusers pipeline" if is_lora else "no pipeline is named")
    choice = choose_task(
        tuple(reversed(row.tasks)) if row is not None else (),
        origin=origin,
        tag=asked.tag,
        asked=asked.task,
        registry=registry,
    )
    auto_class = row.auto_classes.get(choice.base or "") if row is not None else None
    model_class = auto_class or pipeline_class or ("DiffusionPipeline" if choice.task is not None else None)
    others = [task for task in (row.tasks if row is not None else ()) if task not in (choice.task, choice.base)]
    said = model_class or "no class is known to load it"
    return _decision(
        asked,
        choice,
        model_class,
        architecture=pipeline_class,
        requires_remote_code=requires_remote_code,
        candidates=tuple(
            Candidate(task=task, model_class=row.auto_classes.get(task, pipeline_class) if row is not None else None)
            for task in others
        ),
        notes=("LoRA weights: to be loaded into the base model",) if is_lora else (),
        evidence=(Evidence(rule="model class", saw=origin, said=said),),
    )


def _decide_sentence_transformers(asked: Asked) -> Decision:
    """By the kind of model, which one of its files names."""
    seen, registry = asked.seen, asked.registry
    kind, saw = _sentence_kind(asked)
    default, *tasks = registry.sentence_kinds[kind]
    others = [task for task in tasks if task != default]
    choice = choose_task(
        (*others, default), origin=f"a {kind}", tag=asked.tag, asked=asked.task, registry=registry
    )
    return _decision(
        asked,
        choice,
        kind,
        architecture=_primary_architecture(asked),
        candidates=tuple(
            Candidate(task=task, model_class=kind) for task in (default, *others) if task not in (choice.task, choice.base)
        ),
        evidence=(Evidence(rule="model class", saw=saw, said=kind),),
    )


def _sentence_kind(asked: Asked) -> tuple[str, str]:
    seen, registry = asked.seen, asked.registry
    for path in (SENTENCE_TRANSFORMERS_CONFIG,):
        named = text(seen.manifest(path).get("model_type"))
        kind = registry.sentence_kind_aliases.get(named or "", named)
        if kind in registry.sentence_kinds:
            return kind, f"{path}: model_type {named}"
    content = seen.facts.commit.files.get(MODULES)
    modules = content.content if content is not None and isinstance(content.content, list) else []
    for module in modules:
        module_type = text(module.get("type")) if isinstance(module, dict) else None
        for namespace, kind in registry.sentence_namespaces.items():
            if module_type is not None and module_type.startswith(namespace):
                return kind, f"{MODULES}: {module_type}"
    tags = set(seen.hints.tags)
    for tag, kind in (("cross-encoder", "CrossEncoder"), ("sparse-encoder", "SparseEncoder"), ("ColBERT", "MultiVectorEncoder")):
        if tag in tags:
            return kind, f"tag {tag}"
    for architecture in seen.architectures:
        if architecture in registry.sentence_kind_aliases:
            return registry.sentence_kind_aliases[architecture], f"architecture {architecture}"
    has_modules = MODULES in seen.names or SENTENCE_TRANSFORMERS_CONFIG in seen.names
    if not has_modules and any(name.endswith("ForSequenceClassification") for name in seen.architectures):
        return "CrossEncoder", "a classification head without modules.json"
    return "SentenceTransformer", "no file names another kind"


def _decide_timm(asked: Asked) -> Decision:
    """By the number of classes: a model without any gives features."""
    seen, registry = asked.seen, asked.registry
    inner = seen.config.get("pretrained_cfg")
    inner = inner if isinstance(inner, dict) else {}
    architecture = text(seen.config.get("architecture")) or text(inner.get("architecture"))
    num_classes = seen.config.get("num_classes", inner.get("num_classes"))
    if num_classes == 0:
        possible: tuple[str, ...] = ("image-feature-extraction",)
    else:
        possible = ("image-feature-extraction", "image-classification")
    origin = f"{architecture or 'a timm model'} with num_classes {num_classes if num_classes is not None else 'unknown'}"
    choice = choose_task(
        possible, origin=origin, tag=asked.tag, asked=asked.task, registry=registry, also_asked=(TRUNK_TASK,)
    )
    return _decision(
        asked,
        choice,
        registry.libraries["timm"].model_class,
        architecture=architecture,
        candidates=tuple(
            Candidate(task=task, model_class="create_model") for task in reversed(possible) if task != choice.task
        ),
    )


def _decide_peft(asked: Asked) -> Decision:
    """By the adapter's task type; else by the tag, which the base model's task often is."""
    seen, registry = asked.seen, asked.registry
    adapter = seen.manifest(ADAPTER_CONFIG)
    extract = seen.extract.get("peft")
    task_type = text(adapter.get("task_type")) or (text(extract.get("task_type")) if isinstance(extract, dict) else None)
    task, model_class = registry.peft_task_types.get(task_type or "", (None, None))
    origin = f"adapter_config.json: task_type {task_type}" if task_type else "the adapter names no task_type"
    choice = choose_task(
        (task,) if task is not None else (),
        origin=origin,
        tag=asked.tag,
        asked=asked.task,
        registry=registry,
        otherwise=[("the Hub's auto class", seen.hints.auto_task)],
    )
    if model_class is None:
        by_task = {name: auto_class for name, auto_class in registry.peft_task_types.values()}
        model_class = by_task.get(choice.base or "", "AutoPeftModel")
    return _decision(
        asked, choice, model_class, evidence=(Evidence(rule="model class", saw=origin, said=model_class),)
    )


def _decide_gguf(asked: Asked) -> Decision:
    """By the tag, the architecture that the Hub read from the file, or a projector beside it."""
    seen, registry = asked.seen, asked.registry
    name = seen.hints.gguf_architecture
    task = registry.gguf_architectures.get(name or "")
    if task is None and name is not None:
        task = registry.gguf_architectures.get(name.replace("_", ""))
    if any(path.rpartition("/")[2].startswith("mmproj") for path in seen.names):
        possible: tuple[str, ...] = ("text-generation", "image-text-to-text")
        origin = "a multimodal projector (mmproj) beside the model"
    else:
        possible = (task,) if task is not None else ()
        origin = f"GGUF architecture {name}" if name is not None else "a GGUF file whose architecture is not known"
    named = seen.architectures[0] if seen.architectures else None
    otherwise: list[tuple[str, str | None]] = []
    if named is not None and rows_of(named, registry):
        otherwise.append(("architecture", rows_of(named, registry)[-1].task))
    if "conversational" in seen.hints.tags:
        otherwise.append(("tag conversational", "text-generation"))
    # One GGUF architecture serves embedders, rerankers and generators alike: the author knows, the file does not.
    tag = asked.tag if asked.tag is not None else None
    choice = choose_task(
        () if tag is not None else possible,
        origin=origin,
        tag=tag,
        asked=asked.task,
        registry=registry,
        otherwise=otherwise,
    )
    return _decision(asked, choice, None, architecture=named or name)


def _decide_mlx(asked: Asked) -> Decision:
    """As for transformers, whose configs these repos keep; but its own function loads them."""
    decision = _decide_transformers(asked)
    return replace(
        decision,
        model_class=asked.registry.libraries["mlx"].model_class,
        requires_remote_code=False,
        candidates=tuple(Candidate(task=item.task, model_class="load") for item in decision.candidates),
        notes=(),
    )


def _decide_by_tag(asked: Asked) -> Decision:
    """For libraries whose files tell nothing of the task: the tag, else the library's own task."""
    seen, registry = asked.seen, asked.registry
    row = registry.libraries.get(asked.library or "")
    if asked.library is None and not asked.seen.names and asked.tag is None:
        reason = "the repo is empty" if seen.facts.commit.files else "nothing is known of the repo's files"
    elif seen.config_problem is not None:
        reason = _why_no_architecture(seen)
    else:
        reason = f"a {asked.library} repo without a pipeline tag" if asked.library else "no rule knows such a repo"
    if seen.names and not (seen.names - {".gitattributes", "README.md", ".gitignore", "LICENSE"}):
        reason = "the repo is empty: it holds neither config nor weights"
    otherwise: list[tuple[str, str | None]] = [("the Hub's auto class", seen.hints.auto_task)]
    if row is not None and row.tasks:
        otherwise.append(("library", row.tasks[0]))
    choice = choose_task((), origin=reason, tag=asked.tag, asked=asked.task, registry=registry, otherwise=otherwise)
    model_class = row.model_class if row is not None else None
    return _decision(
        asked, choice, model_class, architecture=seen.architectures[0] if seen.architectures else None
    )


_BY_LIBRARY: Mapping[str, Callable[[Asked], Decision]] = {
    "transformers": _decide_transformers,
    "transformers_js": _decide_transformers,
    "diffusers": _decide_diffusers,
    "sentence_transformers": _decide_sentence_transformers,
    "timm": _decide_timm,
    "peft": _decide_peft,
    "gguf": _decide_gguf,
    "mlx": _decide_mlx,
}


def _framework(
    seen: Observed, library: str | None, architecture: str | None, registry: Registry
) -> tuple[str | None, tuple[str, ...], Evidence]:
    """The framework of the weights to use, all weight formats, and how that is known."""
    weights = dict(seen.weights)
    own = registry.libraries[library].framework if library in registry.libraries else None
    if library == "mlx" and "pt" in weights:
        # MLX writes its arrays into files of the same name as PyTorch's.
        weights = {"mlx": weights.pop("pt"), **weights}
    if weights:
        framework = own if own in weights else next(iter(weights))
        order = (framework, *(name for name in weights if name != framework))
        return framework, order, Evidence(rule="framework", saw=weights[framework], said=", ".join(order))
    if own is not None:
        return own, (), Evidence(rule="framework", saw=f"library {library}", said=own)
    for name, prefix in (("tf", "TF"), ("flax", "Flax")):
        if architecture is not None and architecture.startswith(prefix):
            return name, (), Evidence(rule="framework", saw=architecture, said=name)
    return None, (), Evidence(rule="framework", saw="no weight files", said="unknown")


def _base_models(seen: Observed) -> tuple[str, ...]:
    """The models this one was made from: as the adapter says, else as the Hub's tags do."""
    adapter, extract = seen.manifest(ADAPTER_CONFIG), seen.extract.get("peft")
    named = text(adapter.get("base_model_name_or_path"))
    if named is None and isinstance(extract, dict):
        named = text(extract.get("base_model_name_or_path"))
    if named is not None:
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
        notes.append(f"quantised: {text(quantization.get('quant_method')) or 'method not named'}")
    if ADAPTER_CONFIG in seen.names and library not in ("peft", "mlx", "adapters"):
        notes.append("holds an adapter beside the model")
    if seen.config_problem is not None:
        notes.append(f"config.json: {seen.config_problem}")
    return tuple(notes)
