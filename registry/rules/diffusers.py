"""Decides pipeline class, task and candidates of diffusers repos. Pure."""

from __future__ import annotations

from registry.decision import Candidate, Decision, Evidence
from registry.errors import ContradictionError
from registry.rules.context import RuleContext, build_decision
from registry.rules.observed import as_text
from registry.rules.required_files import MODEL_INDEX, MODULAR_MODEL_INDEX
from registry.rules.task import TaskChoice, TaskQuestion, choose_task


def decide_diffusers(context: RuleContext) -> Decision:
    """The decision by the pipeline class that `model_index.json` names.

    Raises:
        ContradictionError: a task is requested that the pipeline does not serve, or the repo is a single component.
    """
    observed, registry = context.observed, context.registry
    index = observed.get_manifest(MODEL_INDEX) or observed.get_manifest(MODULAR_MODEL_INDEX)
    extract = observed.extract.get("diffusers")
    named = index.get("_class_name") or index.get("_blocks_class_name")
    if named is None and isinstance(extract, dict):
        named = extract.get("_class_name")
    requires_remote_code = isinstance(named, list)
    if isinstance(named, list):
        named = named[-1] if named else None
    pipeline_class = as_text(named)
    component = as_text(observed.config.get("_class_name")) if pipeline_class is None else None
    if component is not None:
        evidence = (Evidence(rule="component", saw="config.json: _class_name", said=component),)
        reason = f"{component} is one component of a pipeline, not a model with a task of its own"
        choice = TaskChoice(task=None, base=None, undecided=reason, evidence=evidence)
        if context.task is not None:
            raise ContradictionError(f"{context.task} was asked for, but {reason}")
        return build_decision(context, choice, component, architecture=component)
    row = registry.pipelines.get(pipeline_class or "")
    is_lora = any(name.rpartition("/")[2].startswith("pytorch_lora_weights.") for name in observed.names)
    origin = pipeline_class or ("LoRA weights for a diffusers pipeline" if is_lora else "no pipeline is named")
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
    model_class = auto_class or pipeline_class or ("DiffusionPipeline" if choice.task is not None else None)
    others = [task for task in (row.tasks if row is not None else ()) if task not in (choice.task, choice.base)]
    said = model_class or "no class is known to load it"
    return build_decision(
        context,
        choice,
        model_class,
        architecture=pipeline_class,
        requires_remote_code=requires_remote_code,
        candidates=tuple(
            Candidate(task=task, model_class=row.auto_classes.get(task, pipeline_class) if row is not None else None)
            for task in others
        ),
        notes=_build_notes(context, is_lora, pipeline_class is None),
        evidence=(Evidence(rule="model class", saw=origin, said=said),),
    )


def _build_notes(context: RuleContext, is_lora: bool, is_unnamed: bool) -> tuple[str, ...]:
    observed = context.observed
    if is_lora:
        return ("LoRA weights: to be loaded into the base model",)
    if MODULAR_MODEL_INDEX in observed.names and MODEL_INDEX not in observed.names:
        return ("a modular pipeline",)
    if is_unnamed and not any("/" in name for name in observed.names):
        return ("a single file: to be loaded with from_single_file",)
    return ()
