"""Rules for diffusers: the pipeline class that the index names. Pure."""

from __future__ import annotations

from registry.decision import Candidate, Decision, Evidence
from registry.errors import ContradictionError
from registry.rules.context import RuleContext, decision_of
from registry.rules.observed import text
from registry.rules.required_files import MODEL_INDEX, MODULAR_MODEL_INDEX
from registry.rules.task import TaskChoice, choose_task


def decide_diffusers(asked: RuleContext) -> Decision:
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
        return decision_of(asked, choice, component, architecture=component)
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
    return decision_of(
        asked,
        choice,
        model_class,
        architecture=pipeline_class,
        requires_remote_code=requires_remote_code,
        candidates=tuple(
            Candidate(task=task, model_class=row.auto_classes.get(task, pipeline_class) if row is not None else None)
            for task in others
        ),
        notes=_notes(asked, is_lora, pipeline_class is None),
        evidence=(Evidence(rule="model class", saw=origin, said=said),),
    )


def _notes(asked: RuleContext, is_lora: bool, is_unnamed: bool) -> tuple[str, ...]:
    seen = asked.seen
    if is_lora:
        return ("LoRA weights: to be loaded into the base model",)
    if MODULAR_MODEL_INDEX in seen.names and MODEL_INDEX not in seen.names:
        return ("a modular pipeline",)
    if is_unnamed and not any("/" in name for name in seen.names):
        return ("a single file: to be loaded with from_single_file",)
    return ()
