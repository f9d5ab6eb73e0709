"""Rules for PEFT adapters: the adapter's task type. Pure."""

from __future__ import annotations

from registry.decision import Decision, Evidence
from registry.needs import ADAPTER_CONFIG
from registry.rules.observed import text
from registry.rules.question import Asked, decision_of
from registry.rules.task import choose_task


def decide_peft(asked: Asked) -> Decision:
    """By the adapter's task type; else by the tag, which the base model's task often is."""
    seen, registry = asked.seen, asked.registry
    adapter = seen.manifest(ADAPTER_CONFIG)
    extract = seen.extract.get("peft")
    task_type = text(adapter.get("task_type")) or (
        text(extract.get("task_type")) if isinstance(extract, dict) else None
    )
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
        by_task = dict(registry.peft_task_types.values())
        model_class = by_task.get(choice.base or "", "AutoPeftModel")
    return decision_of(
        asked, choice, model_class, evidence=(Evidence(rule="model class", saw=origin, said=model_class),)
    )
