"""Decides task and class of NeMo repos by the family of the model. Pure."""

from __future__ import annotations

import re

from registry.class_ref import ClassRef
from registry.decision import Decision, Evidence
from registry.rules.context import RuleContext, build_decision
from registry.rules.observed import Observed
from registry.rules.task import TaskQuestion, choose_task
from registry.tables.nemo import NEMO_ANY, NEMO_CLASSES, NEMO_FAMILIES


def decide_nemo(context: RuleContext) -> Decision:
    """The decision by the family that file names and tags tell; else by the tag, with the class for any model."""
    task, reference, saw = _find_family(context.observed)
    question = TaskQuestion(
        possible=(),
        origin="a nemo repo without a pipeline tag",
        tag=context.tag,
        requested=context.task,
        fallbacks=[("tags", context.find_tagged_task()), (f"family, {saw}", task)],
    )
    choice = choose_task(question, context.registry)
    if task is None or (choice.base is not None and choice.base != task and choice.base in NEMO_CLASSES):
        module, name = NEMO_CLASSES.get(choice.base or "", NEMO_ANY)
        reference, saw = ClassRef(module, name), f"task {choice.base}"
    evidence = Evidence(rule="model class", saw=saw, said=f"{reference.module}.{reference.name}")
    return build_decision(context, choice, reference.name, evidence=(evidence,))


def find_nemo_class(name: str | None) -> ClassRef:
    """Where a class of NeMo is imported from; the class for any model where `name` is None or unknown."""
    known = {named: ClassRef(module, named) for _, _, module, named in NEMO_FAMILIES}
    known |= {named: ClassRef(module, named) for module, named in NEMO_CLASSES.values()}
    return known.get(name or "", ClassRef(*NEMO_ANY))


def find_nemo_class_for_task(task: str) -> ClassRef:
    """The class that restores models for the task."""
    return ClassRef(*NEMO_CLASSES.get(task, NEMO_ANY))


def _find_family(observed: Observed) -> tuple[str | None, ClassRef, str]:
    """Task and class of the family, and the file or tag that tells it; the task is None where nothing does."""
    files = [name for name in observed.facts.commit.filenames if name.endswith(".nemo")]
    for source in (*files, *observed.hints.tags):
        text = source.rpartition("/")[2].lower()
        words = {*re.split(r"[^a-z0-9]+", text), text}
        for signs, task, module, name in NEMO_FAMILIES:
            if words.intersection(signs):
                return task, ClassRef(module, name), source
    return None, ClassRef(*NEMO_ANY), "no family is named"
