"""Decides pipeline class, task and candidates of diffusers repos. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from registry.decision import Candidate, Decision, Evidence
from registry.errors import ContradictionError
from registry.rules.context import RuleContext, build_decision
from registry.rules.observed import as_text
from registry.rules.pipeline_parts import PipelinePart, find_pipeline_part
from registry.rules.required_files import MODEL_INDEX, MODULAR_CONFIG, MODULAR_MODEL_INDEX
from registry.rules.task import TaskChoice, TaskQuestion, choose_task


def decide_diffusers(context: RuleContext) -> Decision:
    """The decision by the pipeline class that `model_index.json` names.

    Raises:
        ContradictionError: a task is requested that the pipeline does not serve, or the repo is a single component.
    """
    observed, registry = context.observed, context.registry
    part = find_pipeline_part(observed)
    if part is not None:
        return _decide_part(context, part)
    index = observed.get_manifest(MODEL_INDEX) or observed.get_manifest(MODULAR_MODEL_INDEX)
    index = index or observed.get_manifest(MODULAR_CONFIG)
    extract = observed.extract.get("diffusers")
    named = index.get("_class_name") or index.get("_blocks_class_name")
    if named is None and isinstance(extract, dict):
        named = extract.get("_class_name")
    requires_remote_code = isinstance(named, list)
    if isinstance(named, list):
        named = named[-1] if named else None
    pipeline_class = as_text(named)
    component = as_text(observed.config.get("_class_name")) if pipeline_class is None else None
    is_original = (
        component is not None
        and component not in registry.components
        and (context.tag or context.find_tagged_task()) is not None
    )
    if component is not None and not is_original:
        evidence = (Evidence(rule="component", saw="config.json: _class_name", said=component),)
        reason = f"{component} is one component of a pipeline, not a model with a task of its own"
        choice = TaskChoice(task=None, base=None, undecided=reason, evidence=evidence)
        if context.task is not None:
            raise ContradictionError(f"{context.task} was asked for, but {reason}")
        return build_decision(context, choice, component, architecture=component)
    row = registry.pipelines.get(pipeline_class or "")
    origin = pipeline_class or "no pipeline is named"
    tagged = context.find_tagged_task()
    question = TaskQuestion(
        possible=tuple(reversed(row.tasks)) if row is not None else (),
        origin=origin,
        tag=context.tag,
        tagged=tagged,
        requested=context.task,
        fallbacks=[("tags", tagged)],
    )
    choice = choose_task(question, registry)
    auto_class = row.auto_classes.get(choice.base or "") if row is not None else None
    blocks = index.get("auto_map")
    if auto_class is None and isinstance(blocks, dict) and blocks:
        # A modular block of the repo's own: the key is the class of diffusers that loads it.
        auto_class = str(next(iter(blocks)))
    model_class = (
        auto_class or pipeline_class or ("DiffusionPipeline" if choice.task is not None and not is_original else None)
    )
    others = [task for task in (row.tasks if row is not None else ()) if task not in (choice.task, choice.base)]
    said = model_class or "no class is known to load it"
    return build_decision(
        context,
        choice,
        model_class,
        architecture=pipeline_class or component,
        requires_remote_code=requires_remote_code,
        candidates=tuple(
            Candidate(task=task, model_class=row.auto_classes.get(task, pipeline_class) if row is not None else None)
            for task in others
        ),
        notes=(
            (f"diffusers has no {component}: weights of the model's own code",)
            if is_original
            else _build_notes(context, pipeline_class is None)
        ),
        evidence=(Evidence(rule="model class", saw=origin, said=said),),
    )


def _decide_part(context: RuleContext, part: PipelinePart) -> Decision:
    """The decision about weights that are loaded into a pipeline: no class loads them alone."""
    question = TaskQuestion(
        possible=(),
        origin=f"{part.name} for a diffusers pipeline",
        tag=context.tag,
        requested=context.task,
        fallbacks=[("tags", context.find_tagged_task())],
    )
    choice = choose_task(question, context.registry)
    return build_decision(
        context,
        choice,
        None,
        notes=(f"{part.name}: to be loaded into a pipeline of the base model with {part.method}",),
        evidence=(Evidence(rule="part of a pipeline", saw=part.saw, said=part.name),),
    )


def _build_notes(context: RuleContext, is_unnamed: bool) -> tuple[str, ...]:
    observed = context.observed
    if observed.names & {MODULAR_MODEL_INDEX, MODULAR_CONFIG} and MODEL_INDEX not in observed.names:
        return ("a modular pipeline",)
    if is_unnamed and not any("/" in name for name in observed.names):
        return ("a single file: to be loaded with from_single_file",)
    return ()


def parse_components(index: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """The components that a `model_index.json` lists and the pipeline has: name -> (library, class)."""
    return {
        name: (str(value[0]), str(value[1]))
        for name, value in index.items()
        if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], str)
        if not name.startswith("_")
    }
