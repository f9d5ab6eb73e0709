"""Rules for transformers: architectures, looked up in the auto mappings. Pure."""

from __future__ import annotations

import functools

from msgspec.structs import replace

from registry.decision import Candidate, Decision, Evidence
from registry.registry import Registry
from registry.rules.context import RuleContext, decision_of
from registry.rules.model_class import (
    class_for,
    class_of_model_type,
    class_without_architecture,
    explain_class,
    is_family_name,
    is_native,
    known_name,
    loads_trunk,
    rows_of,
    version_notes,
)
from registry.rules.observed import Observed, text
from registry.rules.remote_code import (
    TRUNK,
    RemoteClass,
    remote_candidates,
    remote_class,
    sees_images,
    serves,
    speaks_of_images,
)
from registry.rules.task import TaskChoice, choose_task

LONGEST_SHARED = 200
"""Most characters that a repo may say of itself for what is made of them to be kept in memory."""

TRUNK_TASK = "feature-extraction"
_IMAGE_TEXT = "image-text-to-text"
_MAY_SEE = (TRUNK, "AutoModelForCausalLM")
"""Auto classes that remote code of models for images and words was mapped to for want of a better one."""


def decide_transformers(asked: RuleContext) -> Decision:
    """By the architecture, looked up in the auto mappings; the repo's own code where transformers has none."""
    seen, registry = asked.seen, asked.registry
    architecture = primary_architecture(asked)
    if architecture is None:
        return _decide_without_architecture(asked)
    if not rows_of(architecture, registry):
        return _decide_unknown_architecture(asked, architecture)
    # A tag that the Hub only derived from the architecture adds nothing to what the registry knows better.
    is_derived = asked.tag == seen.hints.auto_task and known_name(architecture, registry) in registry.main_tasks
    tag = None if is_derived else asked.tag
    is_short = len(seen.model_type or "") + len(tag or "") <= LONGEST_SHARED
    by_architecture = _decide_alike if is_short else _decide_by_architecture
    choice, decision = by_architecture(registry, architecture, seen.model_type, tag, asked.task)
    remote = remote_class(seen, choice.base, registry)
    if remote is not None and not is_native(known_name(architecture, registry), seen.model_type, registry):
        return _with_remote_class(asked, choice, architecture, remote)
    others = [name for name in seen.architectures if name != architecture]
    if remote is None and not others:
        return decision
    notes, candidates = list(decision.notes), list(decision.candidates)
    if remote is not None:
        notes.append(f"also brings its own code: {remote.name} for {remote.auto_class}")
    if others:
        notes.append(f"config.json names several architectures; taken: {architecture}, left: {', '.join(others)}")
    tasks = (choice.task, *(item.task for item in candidates))
    served_by_others = [
        Candidate(task=row.task, model_class=class_for(known_name(name, registry), seen.model_type, row.task, registry))
        for name in others
        for row in reversed(rows_of(name, registry))
        if row.task not in tasks
    ]
    return replace(
        decision,
        ambiguous=bool(others),
        notes=tuple(notes),
        candidates=(*candidates, *dict.fromkeys(served_by_others)),
    )


def _decide_by_architecture(
    registry: Registry, architecture: str, model_type: str | None, tag: str | None, task: str | None
) -> tuple[TaskChoice, Decision]:
    """What an architecture that the auto mappings hold is for, by itself.

    Raises:
        ContradictionError: `task` was asked for, and the architecture does not serve it.
    """
    known = known_name(architecture, registry)
    # A task's place is that of its last row: [a, b, a] means that a is what the class is for.
    possible = list(dict.fromkeys(row.task for row in reversed(rows_of(architecture, registry))))[::-1]
    choice = choose_task(
        possible,
        origin=architecture,
        tag=tag,
        asked=task,
        registry=registry,
        also_asked=(TRUNK_TASK,) if loads_trunk(model_type, registry) else (),
    )
    base = choice.base or ""
    model_class = class_for(known, model_type, base, registry)
    if base == TRUNK_TASK and base not in possible:
        model_class = "AutoModel"
    notes = version_notes(known, registry)
    if known != architecture:
        notes = (*notes, f"the architecture {architecture} was taken for {known}")
    candidates = dict.fromkeys(name for name in (choice.base, *reversed(possible)) if name not in (choice.task, None))
    decision = Decision(
        task=choice.task,
        model_type=model_type,
        architecture=architecture,
        model_class=model_class,
        conflict=choice.conflict,
        undecided=choice.undecided,
        candidates=tuple(
            Candidate(task=name, model_class=class_for(known, model_type, name, registry))
            for name in candidates
            if name is not None
        ),
        notes=notes,
        evidence=(*choice.evidence, explain_class(model_class, known, model_type, base)),
    )
    return choice, decision


_decide_alike = functools.lru_cache(maxsize=4_096)(_decide_by_architecture)
"""Repos alike share the very same decision, made once."""


def primary_architecture(asked: RuleContext) -> str | None:
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


def _decide_without_architecture(asked: RuleContext) -> Decision:
    """Only a model type, or nothing that can be read."""
    seen, registry = asked.seen, asked.registry
    model_type = seen.model_type
    is_known = model_type is not None and loads_trunk(model_type, registry)
    remote = remote_class(seen, None, registry)
    otherwise: list[tuple[str, str | None]] = [
        ("the Hub's auto class", seen.hints.auto_task),
        ("remote code", remote.task if remote is not None else None),
        ("model type", TRUNK_TASK if is_known else None),
    ]
    origin = why_no_architecture(seen)
    choice = choose_task((), origin=origin, tag=asked.tag, asked=asked.task, registry=registry, otherwise=otherwise)
    if remote is not None and not is_known:
        return _with_remote_class(asked, choice, None, remote)
    base = choice.base or ""
    model_class = None
    if model_type is not None and choice.base is not None:
        model_class = class_of_model_type(model_type, base, registry)
    model_class = model_class or (seen.hints.auto_model if base == seen.hints.auto_task else None)
    return decision_of(asked, choice, model_class, evidence=(explain_class(model_class, None, model_type, base),))


def why_no_architecture(seen: Observed) -> str:
    if seen.model_type is not None:
        return f"config.json names no architecture, only model_type {seen.model_type}"
    if seen.config_problem is not None:
        return f"config.json cannot be used ({seen.config_problem})"
    return "config.json names neither architecture nor model_type" if seen.has_config else "there is no config.json"


def _decide_unknown_architecture(asked: RuleContext, architecture: str) -> Decision:
    """A class that no version of transformers we know of maps: the repo's own code, or a bare name."""
    seen, registry = asked.seen, asked.registry
    remote = remote_class(seen, None, registry)
    elsewhere = registry.other_architectures.get(architecture)
    if remote is None and elsewhere is None and is_family_name(architecture, seen.model_type, registry):
        return _decide_family(asked, architecture)
    is_trunk = remote is not None and remote.auto_class == TRUNK
    is_seeing = remote is not None and remote.auto_class in _MAY_SEE and speaks_of_images(seen.config)
    head = task_of_head(architecture) if elsewhere is None and (remote is None or is_trunk) else None
    otherwise: list[tuple[str, str | None]] = [
        ("images and words in the config", _IMAGE_TEXT if is_seeing else None),
        ("head", head if is_trunk else None),
        ("remote code", remote.task if remote is not None else None),
        ("the Hub's auto class", seen.hints.auto_task),
        ("images in the config", _IMAGE_TEXT if sees_images(seen.config) else None),
        ("head", head),
        ("model type", TRUNK_TASK if elsewhere is not None else None),
    ]
    origin = f"the architecture {architecture} is in no auto mapping"
    choice = choose_task((), origin=origin, tag=asked.tag, asked=asked.task, registry=registry, otherwise=otherwise)
    notes: tuple[str, ...] = ("role: reward model",) if architecture.endswith("ForRewardModel") else ()
    remote = remote_class(seen, choice.base, registry)
    if remote is not None:
        return _with_remote_class(asked, choice, architecture, remote, notes)
    model_class = architecture if elsewhere is not None else None
    if elsewhere is None:
        notes = (*notes, f"unknown to transformers {registry.versions['transformers']}")
        version = text(seen.config.get("transformers_version"))
        notes = (*notes, f"written with transformers {version}") if version is not None else notes
    return decision_of(
        asked,
        choice,
        model_class,
        architecture=architecture,
        notes=notes,
        evidence=(explain_class(model_class, architecture, seen.model_type, choice.base or ""),),
    )


def _decide_family(asked: RuleContext, architecture: str) -> Decision:
    """A class named as the family of its model type, without a head: what the model type's classes serve."""
    seen, registry = asked.seen, asked.registry
    model_type = seen.model_type or ""
    names = registry.architectures_of.get(model_type, ())
    ranked = [rows_of(name, registry)[-1] for name in names]
    possible = [row.task for row in sorted(ranked, key=lambda row: row.order)]
    main = rows_of(names[-1], registry)[-1].task
    possible = [*(task for task in dict.fromkeys(possible) if task != main), main]
    origin = f"{architecture}, taken for the family of model_type {model_type}"
    choice = choose_task(possible, origin=origin, tag=asked.tag, asked=asked.task, registry=registry)
    base = choice.base or ""
    model_class = class_without_architecture(model_type, base, registry)
    return decision_of(
        asked,
        choice,
        model_class,
        architecture=architecture,
        candidates=tuple(
            Candidate(task=task, model_class=class_without_architecture(model_type, task, registry))
            for task in reversed(possible)
            if task not in (choice.task, choice.base)
        ),
        notes=(f"transformers has no {architecture}; it was taken for one of {', '.join(names)}",),
        evidence=(explain_class(model_class, architecture, model_type, base),),
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
"""Endings of class names that transformers gives to one kind of head only: a weak sign, for when all else is silent."""


def task_of_head(architecture: str) -> str | None:
    """The task that a class name's ending tells; None where it tells none."""
    return next((task for ending, task in _HEADS if architecture.endswith(ending)), None)


def _with_remote_class(
    asked: RuleContext, choice: TaskChoice, architecture: str | None, remote: RemoteClass, notes: tuple[str, ...] = ()
) -> Decision:
    seen, registry = asked.seen, asked.registry
    saw = f"auto_map: {remote.auto_class}"
    evidence = [Evidence(rule="model class", saw=saw, said=f"{remote.name}, code of the repo's own")]
    tagged = registry.find_task(asked.tag) if asked.tag is not None else None
    if asked.task is None and tagged is not None and not serves(seen, tagged, registry):
        choice = replace(choice, conflict=True)
        evidence.append(Evidence(rule="conflict", saw=saw, said=f"is for {remote.task}, tagged {asked.tag}"))
    return decision_of(
        asked,
        choice,
        remote.name,
        architecture=architecture,
        requires_remote_code=True,
        ambiguous=len(seen.architectures) > 1,
        candidates=tuple(
            item for item in remote_candidates(seen, remote, registry) if item.task not in (choice.task, None)
        ),
        notes=(f"{remote.auto_class} with trust_remote_code loads it", *notes),
        evidence=tuple(evidence),
    )
