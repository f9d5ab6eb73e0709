"""Decides task and class of PEFT adapters. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.decision import Decision, Evidence
from registry.rules.context import RuleContext, build_decision
from registry.rules.model_class import find_served_tasks
from registry.rules.observed import as_text
from registry.rules.required_files import ADAPTER_CONFIG
from registry.rules.task import TaskQuestion, choose_task


def decide_peft(context: RuleContext) -> Decision:
    """The decision by the adapter's task type, else by its base class, else by the tag."""
    observed, registry = context.observed, context.registry
    adapter = observed.get_manifest(ADAPTER_CONFIG)
    extract = observed.extract.get("peft")
    task_type = as_text(adapter.get("task_type")) or (
        as_text(extract.get("task_type")) if isinstance(extract, dict) else None
    )
    task, model_class = registry.peft_task_types.get(task_type or "", (None, None))
    origin = f"adapter_config.json: task_type {task_type}" if task_type else "the adapter names no task_type"
    mapping = adapter.get("auto_mapping")
    base_class = as_text(mapping.get("base_model_class")) if isinstance(mapping, dict) else None
    rows = find_served_tasks(base_class, registry) if base_class is not None else ()
    if task is None and rows:
        task, origin = rows[-1].task, f"adapter_config.json: auto_mapping to {base_class}"
    tagged = context.find_tagged_task()
    question = TaskQuestion(
        possible=(task,) if task is not None else (),
        origin=origin,
        tag=context.tag,
        tagged=tagged,
        requested=context.task,
        fallbacks=[("the Hub's auto class", observed.hints.auto_task), ("tags", tagged)],
    )
    choice = choose_task(question, registry)
    if model_class is None:
        by_task = dict(registry.peft_task_types.values())
        model_class = by_task.get(choice.base or "", "AutoPeftModel")
    return build_decision(
        context,
        choice,
        model_class,
        notes=_build_base_notes(adapter),
        evidence=(Evidence(rule="model class", saw=origin, said=model_class),),
    )


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
