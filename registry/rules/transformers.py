"""Decides task, class and candidates of transformers repos by the auto mappings. Pure."""

from __future__ import annotations

import functools

from msgspec.structs import replace

from registry.decision import Candidate, Decision, Evidence
from registry.registry import Registry
from registry.rules.context import RuleContext, build_decision
from registry.rules.derived_head import (
    GENERIC_NAME,
    VISION_LANGUAGE_TASK,
    DerivedHead,
    derive_head,
    derive_trunk,
    find_generator_class,
    is_generator,
)
from registry.rules.model_class import (
    TRUNK_TASK,
    build_version_notes,
    choose_class,
    explain_class,
    find_auto_class,
    find_canonical_name,
    find_class_of_model_type,
    find_generation,
    find_served_tasks,
    find_wrapped,
    has_trunk,
    is_family_name,
    is_native,
    list_main_tasks,
    list_related_tasks,
)
from registry.rules.observed import Observed, as_text
from registry.rules.remote_code import (
    TRUNK_CLASS,
    RemoteClass,
    can_serve_tag,
    choose_remote_class,
    has_vision_config,
    is_vision_language_config,
    list_remote_candidates,
)
from registry.rules.tagged_task import find_chat_task
from registry.rules.task import TaskChoice, TaskQuestion, choose_task
from registry.tables.auto_mappings import ONLY_TASKS

MAX_SHARED_CHARS = 200
"""Longest `model_type` and tag, together, that may enter the decision cache; bounds its memory."""

PRETRAINING_TASK = "pretraining"
_GENERIC_VISION_LANGUAGE_CLASSES = (TRUNK_CLASS, "AutoModelForCausalLM")
"""Auto classes that vision-language models with remote code were mapped to before there was a better one."""


def decide_transformers(context: RuleContext) -> Decision:
    """The decision by the architecture's auto mappings; by the repo's own code where transformers lacks the class."""
    observed, registry = context.observed, context.registry
    architecture = choose_architecture(context)
    if architecture is None:
        return _decide_without_architecture(context)
    if not find_served_tasks(architecture, registry):
        wrapped = find_wrapped(architecture, observed.model_type, registry)
        if wrapped is None or observed.auto_map or architecture in registry.other_architectures:
            return _decide_unknown_architecture(context, architecture)
        decision = _decide_wrapped(context, architecture, wrapped)
        # A class of the author's own may serve other tasks than the one that it was made from.
        return _decide_unknown_architecture(context, architecture) if decision.conflict else decision
    return _decide_known(context, architecture)


def _decide_wrapped(context: RuleContext, architecture: str, wrapped: str) -> Decision:
    """The decision for a class whose name ends with that of one of transformers."""
    decision = _decide_known(context, wrapped, written=architecture)
    note = f"transformers has no {architecture}; it was taken for {wrapped}"
    return replace(decision, architecture=architecture, notes=(*decision.notes, note))


def _decide_known(context: RuleContext, architecture: str, *, written: str | None = None) -> Decision:
    """The decision for an architecture in the auto mappings; `written` is its name in the config where it differs."""
    observed, registry = context.observed, context.registry
    # A tag that the Hub derived from the architecture is ignored: the registry's main task is more precise.
    is_derived = (
        context.tag == observed.hints.auto_task and find_canonical_name(architecture, registry) in registry.main_tasks
    )
    tag = None if is_derived else context.tag
    tagged = None
    if context.tag is None:
        tagged = context.find_tagged_task(*list_main_tasks((architecture,), registry))
    is_short = len(observed.model_type or "") + len(tag or "") <= MAX_SHARED_CHARS
    by_architecture = _decide_by_architecture_cached if is_short else _decide_by_architecture
    # transformers writes the key where it is false.
    is_tied = observed.config.get("tie_word_embeddings") is not False
    choice, decision = by_architecture(registry, architecture, observed.model_type, tag, tagged, context.task, is_tied)
    remote = choose_remote_class(observed, choice.base, registry)
    if remote is not None and not is_native(find_canonical_name(architecture, registry), observed.model_type, registry):
        return _decide_remote(context, choice, architecture, remote)
    others = [name for name in observed.architectures if name not in (architecture, written)]
    if remote is None and not others:
        return decision
    notes, candidates = list(decision.notes), list(decision.candidates)
    if remote is not None:
        notes.append(f"also brings its own code: {remote.name} for {remote.auto_class}")
    if others:
        notes.append(f"config.json names several architectures; taken: {architecture}, left: {', '.join(others)}")
    tasks = (choice.task, *(item.task for item in candidates))
    served_by_others = [
        Candidate(
            task=row.task,
            model_class=choose_class(find_canonical_name(name, registry), observed.model_type, row.task, registry),
        )
        for name in others
        for row in reversed(find_served_tasks(name, registry))
        if row.task not in tasks
    ]
    return replace(
        decision,
        ambiguous=bool(others),
        notes=tuple(notes),
        candidates=(*candidates, *dict.fromkeys(served_by_others)),
    )


def _decide_by_architecture(
    registry: Registry,
    architecture: str,
    model_type: str | None,
    tag: str | None,
    tagged: str | None,
    task: str | None,
    is_tied: bool,
) -> tuple[TaskChoice, Decision]:
    """The decision by these arguments alone; the architecture is in the mappings.

    Raises:
        ContradictionError: the architecture does not serve the requested `task`.
    """
    known = find_canonical_name(architecture, registry)
    # A task is ranked by its last row: of [a, b, a], a is the main task.
    possible = list(dict.fromkeys(row.task for row in reversed(find_served_tasks(architecture, registry))))[::-1]
    related = list_related_tasks(known, model_type, is_tied=is_tied, registry=registry)
    question = TaskQuestion(
        possible=possible,
        origin=architecture,
        tag=tag,
        tagged=tagged,
        requested=task,
        on_request=related,
    )
    choice = choose_task(question, registry)
    if known in ONLY_TASKS and tag is None and task is None:
        only = ONLY_TASKS[known]
        evidence = Evidence(rule="task by architecture", saw=known, said=f"{only}: all models of the class are for it")
        choice = replace(choice, task=only, evidence=(*choice.evidence, evidence))
    base = choice.base or ""
    model_class = choose_class(known, model_type, base, registry)
    if base not in possible or (base == PRETRAINING_TASK and choice.task != base):
        # Another class of the model type reads the same weights.
        model_class = find_class_of_model_type(model_type or "", choice.task or "", registry) or model_class
    notes = build_version_notes(known, registry)
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
            Candidate(
                task=name,
                model_class=choose_class(known, model_type, name, registry) if name in possible else model_class,
            )
            for name in candidates
            if name is not None
        ),
        notes=notes,
        evidence=(*choice.evidence, explain_class(model_class, known, model_type, base)),
    )
    return choice, decision


_decide_by_architecture_cached = functools.lru_cache(maxsize=4_096)(_decide_by_architecture)
"""Repos of equal arguments share one decision object."""


def choose_architecture(context: RuleContext) -> str | None:
    """The architecture that decides: the first that transformers knows, unless the tag needs another; or None."""
    names, registry = context.observed.architectures, context.registry
    if len(names) < 2:
        return names[0] if names else None
    known = [name for name in names if find_served_tasks(name, registry)]
    tag = registry.find_task(context.tag) if context.tag else None
    serving = (
        name
        for name in known
        if tag is not None and any(registry.can_serve(row.task, tag) for row in find_served_tasks(name, registry))
    )
    return next(serving, known[0] if known else names[0])


def _decide_without_architecture(context: RuleContext) -> Decision:
    """The decision for a config that names no architecture: by the model type, or by fallbacks."""
    observed, registry = context.observed, context.registry
    model_type = observed.model_type
    is_known = model_type is not None and has_trunk(model_type, registry)
    remote = choose_remote_class(observed, None, registry)
    fallbacks: list[tuple[str, str | None]] = [
        ("the Hub's auto class", observed.hints.auto_task),
        ("remote code", remote.task if remote is not None else None),
        ("tags", context.find_tagged_task()),
        ("tag conversational", find_chat_task(observed.hints) if model_type is None else None),
        ("model type", TRUNK_TASK if is_known else None),
    ]
    origin = explain_missing_architecture(observed)
    question = TaskQuestion(possible=(), origin=origin, tag=context.tag, requested=context.task, fallbacks=fallbacks)
    choice = choose_task(question, registry)
    if remote is not None and not is_known:
        return _decide_remote(context, choice, None, remote)
    base = choice.base or ""
    model_class = None
    if model_type is not None and choice.base is not None:
        model_class = find_class_of_model_type(model_type, base, registry)
    model_class = model_class or (observed.hints.auto_model if base == observed.hints.auto_task else None)
    return build_decision(context, choice, model_class, evidence=(explain_class(model_class, None, model_type, base),))


def explain_missing_architecture(observed: Observed) -> str:
    """The reason why no architecture is known, as part of a sentence."""
    if observed.model_type is not None:
        return f"config.json names no architecture, only model_type {observed.model_type}"
    if observed.config_problem is not None:
        return f"config.json cannot be used ({observed.config_problem})"
    return "config.json names neither architecture nor model_type" if observed.has_config else "there is no config.json"


def _decide_unknown_architecture(context: RuleContext, architecture: str) -> Decision:
    """The decision for an architecture that no known transformers release maps: by the repo's own code, or its name."""
    observed, registry = context.observed, context.registry
    remote = choose_remote_class(observed, None, registry)
    elsewhere = registry.other_architectures.get(architecture)
    if remote is None and elsewhere is None and is_family_name(architecture, observed.model_type, registry):
        return _decide_family(context, architecture)
    is_trunk = remote is not None and remote.auto_class == TRUNK_CLASS
    is_vision_language = (
        remote is not None
        and remote.auto_class in _GENERIC_VISION_LANGUAGE_CLASSES
        and is_vision_language_config(observed.config)
    )
    head = derive_head(architecture, registry, observed.config) if elsewhere is None else None
    head_task = head.task if head is not None and (remote is None or is_trunk) else None
    if head_task == "text-generation" and remote is None and _is_encoder_decoder(observed, registry):
        head_task = "text2text-generation"
    trunk = derive_trunk(architecture, observed.config) if elsewhere is None and remote is None else None
    has_images = has_vision_config(observed.config) and trunk is None and is_generator(architecture, head)
    fallbacks: list[tuple[str, str | None]] = [
        ("images and words in the config", VISION_LANGUAGE_TASK if is_vision_language else None),
        ("head", head_task if is_trunk else None),
        ("remote code", remote.task if remote is not None else None),
        ("the Hub's auto class", observed.hints.auto_task),
        ("images in the config", VISION_LANGUAGE_TASK if has_images else None),
        ("tags", context.find_tagged_task(*(() if head_task is None else (head_task,)))),
        (head.source if head is not None else "head", head_task),
        ("model type", TRUNK_TASK if elsewhere is not None else _find_generation(observed, architecture, registry)),
        (trunk.source if trunk is not None else "head", trunk.task if trunk is not None else None),
    ]
    origin = f"the architecture {architecture} is in no auto mapping"
    question = TaskQuestion(possible=(), origin=origin, tag=context.tag, requested=context.task, fallbacks=fallbacks)
    choice = choose_task(question, registry)
    notes: tuple[str, ...] = ("role: reward model",) if architecture.endswith("ForRewardModel") else ()
    remote = choose_remote_class(observed, choice.base, registry)
    if remote is not None:
        return _decide_remote(context, choice, architecture, remote, notes)
    model_class = architecture if elsewhere is not None else None
    if model_class is None and architecture != GENERIC_NAME:
        model_class = _find_class_by_model_type(observed.model_type, choice.task, registry)
    if model_class is not None and elsewhere is None:
        notes = (*notes, f"transformers has no {architecture}: {model_class} loads the model type")
    elif elsewhere is None:
        notes = (*notes, f"unknown to transformers {registry.versions['transformers']}")
        version = as_text(observed.config.get("transformers_version"))
        notes = (*notes, f"written with transformers {version}") if version is not None else notes
        model_class, source = _derive_class(observed, architecture, choice.task, (head, trunk), registry)
        if model_class is not None:
            notes = (*notes, f"derived from {source}, not from a table: {model_class}")
    return build_decision(
        context,
        choice,
        model_class,
        architecture=architecture,
        notes=notes,
        evidence=(explain_class(model_class, architecture, observed.model_type, choice.base or ""),),
    )


def _derive_class(
    observed: Observed,
    architecture: str,
    task: str | None,
    derived: tuple[DerivedHead | None, DerivedHead | None],
    registry: Registry,
) -> tuple[str | None, str]:
    """The auto class for a class in no table, and what tells it; None where nothing does."""
    if observed.hints.auto_model is not None and task == observed.hints.auto_task:
        return observed.hints.auto_model, "the Hub's auto class"
    if task == VISION_LANGUAGE_TASK and has_vision_config(observed.config) and "For" in architecture:
        return "AutoModelForImageTextToText", "images in the config"
    for item in derived:
        found = item.find_class(task, registry) if item is not None else None
        if item is not None and found is not None:
            return found, f"the class name ({item.source})"
    return find_generator_class(architecture, task, registry), "the class name and the task"


def _decide_family(context: RuleContext, architecture: str) -> Decision:
    """The decision for a class named after its model type's family, without a head: by that model type's classes."""
    observed, registry = context.observed, context.registry
    model_type = observed.model_type or ""
    names = registry.architectures_by_model_type.get(model_type, ())
    ranked = [find_served_tasks(name, registry)[-1] for name in names]
    possible = [row.task for row in sorted(ranked, key=lambda row: row.rank)]
    main = find_served_tasks(names[-1], registry)[-1].task
    possible = [*(task for task in dict.fromkeys(possible) if task != main), main]
    origin = f"{architecture}, taken for the family of model_type {model_type}"
    tagged = context.find_tagged_task(main)
    question = TaskQuestion(possible=possible, origin=origin, tag=context.tag, tagged=tagged, requested=context.task)
    choice = choose_task(question, registry)
    base = choice.base or ""
    model_class = find_auto_class(model_type, base, registry)
    return build_decision(
        context,
        choice,
        model_class,
        architecture=architecture,
        candidates=tuple(
            Candidate(task=task, model_class=find_auto_class(model_type, task, registry))
            for task in reversed(possible)
            if task not in (choice.task, choice.base)
        ),
        notes=(f"transformers has no {architecture}; it was taken for one of {', '.join(names)}",),
        evidence=(explain_class(model_class, architecture, model_type, base),),
    )


def _find_class_by_model_type(model_type: str | None, task: str | None, registry: Registry) -> str | None:
    """The auto class that transformers loads the model type with for the task, or for the task that it is a kind of."""
    for name in (task, registry.kind_of.get(task or "")):
        found = find_auto_class(model_type, name, registry) if model_type is not None and name is not None else None
        if found is not None:
            return found
    return None


def _find_generation(observed: Observed, architecture: str, registry: Registry) -> str | None:
    """What the model type generates, for a class of another name that transformers would load as that model type."""
    if observed.auto_map or architecture == GENERIC_NAME or "For" in architecture:
        # A head of another name is for another task.
        return None
    return find_generation(observed.model_type, registry)


def _is_encoder_decoder(observed: Observed, registry: Registry) -> bool:
    """Whether the model type has a class with encoder and decoder, and none with a decoder alone."""
    model_type = observed.model_type or ""
    return find_auto_class(model_type, "text2text-generation", registry) is not None and (
        find_auto_class(model_type, "text-generation", registry) is None
    )


def _decide_remote(
    context: RuleContext, choice: TaskChoice, architecture: str | None, remote: RemoteClass, notes: tuple[str, ...] = ()
) -> Decision:
    observed, registry = context.observed, context.registry
    saw = f"auto_map: {remote.auto_class}"
    evidence = [Evidence(rule="model class", saw=saw, said=f"{remote.name}, code of the repo's own")]
    tagged = registry.find_task(context.tag) if context.tag is not None else None
    if context.task is None and tagged is not None and not can_serve_tag(observed, tagged, registry):
        choice = replace(choice, conflict=True)
        evidence.append(Evidence(rule="conflict", saw=saw, said=f"is for {remote.task}, tagged {context.tag}"))
    return build_decision(
        context,
        choice,
        remote.name,
        architecture=architecture,
        requires_remote_code=True,
        ambiguous=len(observed.architectures) > 1,
        candidates=tuple(
            item for item in list_remote_candidates(observed, remote, registry) if item.task not in (choice.task, None)
        ),
        notes=(f"{remote.auto_class} with trust_remote_code loads it", *notes),
        evidence=tuple(evidence),
    )
