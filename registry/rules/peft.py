"""Rules for PEFT adapters: the adapter's task type. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.decision import Decision, Evidence
from registry.rules.context import RuleContext, decision_of
from registry.rules.model_class import rows_of
from registry.rules.observed import text
from registry.rules.required_files import ADAPTER_CONFIG
from registry.rules.task import choose_task


def decide_peft(asked: RuleContext) -> Decision:
    """By the adapter's task type; else by the tag, which the base model's task often is."""
    seen, registry = asked.seen, asked.registry
    adapter = seen.manifest(ADAPTER_CONFIG)
    extract = seen.extract.get("peft")
    task_type = text(adapter.get("task_type")) or (
        text(extract.get("task_type")) if isinstance(extract, dict) else None
    )
    task, model_class = registry.peft_task_types.get(task_type or "", (None, None))
    origin = f"adapter_config.json: task_type {task_type}" if task_type else "the adapter names no task_type"
    mapping = adapter.get("auto_mapping")
    base_class = text(mapping.get("base_model_class")) if isinstance(mapping, dict) else None
    rows = rows_of(base_class, registry) if base_class is not None else ()
    if task is None and rows:
        task, origin = rows[-1].task, f"adapter_config.json: auto_mapping to {base_class}"
    choice = choose_task(
        (task,) if task is not None else (),
        origin=origin,
        tag=asked.tag,
        asked=asked.task,
        registry=registry,
        otherwise=[("the Hub's auto class", seen.hints.auto_task)],
    )
    if model_class is None:
        by_task = dict(registry.peft_task_types.values())
        model_class = by_task.get(choice.base or "", "AutoPeftModel")
    return decision_of(
        asked,
        choice,
        model_class,
        notes=_base_notes(adapter),
        evidence=(Evidence(rule="model class", saw=origin, said=model_class),),
    )


def is_local_path(name: str) -> bool:
    """Whether a base model is named by a place on its author's disk, which is no repo id."""
    return name.startswith(("/", ".", "~")) or "\\" in name or name.count("/") > 1


def _base_notes(adapter: Mapping[str, Any]) -> tuple[str, ...]:
    base, revision = text(adapter.get("base_model_name_or_path")), text(adapter.get("revision"))
    if base is None:
        return ()
    if is_local_path(base):
        return (f"its base model was at {base} on the author's disk",)
    return (f"its base model is {base} at revision {revision}",) if revision is not None else ()
