"""Decides task and class of PEFT adapters. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.decision import Decision, Evidence
from registry.registry import Registry
from registry.rules.context import RuleContext, build_decision
from registry.rules.model_class import find_generation, find_served_tasks
from registry.rules.observed import Observed, as_text
from registry.rules.required_files import ADAPTER_CONFIG
from registry.rules.task import TaskQuestion, choose_task

_OTHER_MODALITIES = ("audio", "multimodal")
"""Modalities of models that generate text, and that the auto classes of the task types do not load."""

_WITHOUT_SEPARATORS = str.maketrans("", "", "-_. ")

PEFT_MODEL = "PeftModel"
"""The class that loads an adapter onto its base model, whichever class the base has."""


def decide_peft(context: RuleContext) -> Decision:
    """The decision by the adapter's task type, its base's class or family, and the tag.

    `AutoPeftModelFor...` loads the base with the auto class of the task type; where the base needs another one,
    because it hears or sees, it must be loaded first, and `PeftModel` puts the adapter on it.
    """
    observed, registry = context.observed, context.registry
    adapter = observed.get_manifest(ADAPTER_CONFIG)
    extract = observed.extract.get("peft")
    inner = adapter or (extract if isinstance(extract, dict) else {})
    task_type = as_text(inner.get("task_type"))
    base = as_text(inner.get("base_model_name_or_path"))
    typed, auto_class = registry.peft_task_types.get(task_type or "", (None, None))
    origin = f"adapter_config.json: task_type {task_type}" if task_type else "the adapter names no task_type"
    family = find_family(base, registry) if base is not None and not is_local_path(base) else None
    base_task, saw = _find_base_task(observed, adapter, family, registry)
    task = typed
    if base_task is not None and (typed is None or _needs_other_class(typed, base_task, registry)):
        task, origin = base_task, saw
    tagged = context.find_tagged_task()
    named = registry.find_task(context.tag) if context.tag is not None else tagged
    # The task type says how the adapter was trained; that its base only generates text, it does not say.
    is_open = task is None or (base_task is None and _needs_other_class(task, named, registry))
    question = TaskQuestion(
        possible=() if is_open or task is None else (task,),
        origin=origin,
        tag=context.tag,
        tagged=tagged,
        requested=context.task,
        fallbacks=[
            ("the Hub's auto class", observed.hints.auto_task),
            ("tags", tagged),
            (f"family of the base model {base}", find_generation(family, registry)),
        ],
    )
    choice = choose_task(question, registry)
    if auto_class is None:
        by_task = dict(registry.peft_task_types.values())
        is_mapped = isinstance(adapter.get("auto_mapping"), dict) or choice.base is None
        auto_class = "AutoPeftModel" if is_mapped else by_task.get(choice.base or "", PEFT_MODEL)
    elif typed is not None and _needs_other_class(typed, choice.task, registry):
        # A language model may speak; which class its base has, only the base tells.
        speaks = (typed, choice.task) == ("text-generation", "text-to-audio") and base_task != choice.task
        auto_class = auto_class if speaks else PEFT_MODEL
    return build_decision(
        context,
        choice,
        auto_class,
        notes=_build_base_notes(adapter),
        evidence=(Evidence(rule="model class", saw=origin, said=auto_class),),
    )


def _find_base_task(
    observed: Observed, adapter: Mapping[str, Any], family: str | None, registry: Registry
) -> tuple[str | None, str]:
    """The main task of the base model, and what tells it: its class in `auto_mapping` or in a `config.json` of the
    base that lies beside the adapter; else the family that its name begins with, where that family hears or sees.
    """
    mapping = adapter.get("auto_mapping")
    base_class = as_text(mapping.get("base_model_class")) if isinstance(mapping, dict) else None
    named = [(base_class, "adapter_config.json: auto_mapping to")] if base_class is not None else []
    named += [(name, "config.json: architecture") for name in observed.architectures]
    for name, source in named:
        rows = find_served_tasks(name, registry) if name is not None else ()
        if rows:
            return rows[-1].task, f"{source} {name}"
    if family is not None and base_class is None:
        main = find_served_tasks(registry.architectures_by_model_type[family][-1], registry)[-1].task
        if registry.tasks.get(main) in _OTHER_MODALITIES:
            return main, f"a base model of the family {family}"
    return None, "the base model is not known"


def _needs_other_class(typed: str, task: str | None, registry: Registry) -> bool:
    """Whether models for `task` are loaded by another class than the generators of text that a task type names."""
    generates = typed in ("text-generation", "text2text-generation")
    return generates and task != typed and registry.tasks.get(task or "") in _OTHER_MODALITIES


def find_family(name: str, registry: Registry) -> str | None:
    """The model type that the name of a repo begins with, such as `whisper` of "openai/whisper-small"; the longest."""
    plain = _simplify(name.rpartition("/")[2])
    found = [
        model_type
        for model_type in registry.architectures_by_model_type
        if len(model_type) > 2 and plain.startswith(_simplify(model_type))
    ]
    return max(found, key=len, default=None)


def _simplify(name: str) -> str:
    return name.lower().translate(_WITHOUT_SEPARATORS)


def is_local_path(name: str) -> bool:
    """Whether the name of a base model is a path on its author's disk and not a repo id."""
    return name.startswith(("/", ".", "~")) or "\\" in name or name.count("/") > 1


def _build_base_notes(adapter: Mapping[str, Any]) -> tuple[str, ...]:
    base, revision = as_text(adapter.get("base_model_name_or_path")), as_text(adapter.get("revision"))
    if base is None:
        return ()
    if is_local_path(base):
        return (f"its base model was at {base} on the author's disk",)
    return (f"its base model is {base} at revision {revision}",) if revision is not None else ()
