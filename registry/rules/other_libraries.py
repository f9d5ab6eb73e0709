"""Decides repos of MLX, and of libraries without rules of their own, by the pipeline tag. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from registry.decision import Candidate, Decision
from registry.facts import CONFIG
from registry.rules.context import RuleContext, build_decision
from registry.rules.model_class import find_generation, list_main_tasks
from registry.rules.observed import as_text
from registry.rules.remote_code import choose_remote_class
from registry.rules.task import TaskQuestion, choose_task
from registry.rules.transformers import decide_transformers, explain_missing_architecture
from registry.tables.weights import RUNTIME_LIBRARIES

MAX_PATHS_SHOWN = 5
"""Paths listed in the reason of an undecided repo."""


def decide_mlx(context: RuleContext) -> Decision:
    """The decision of transformers, whose config an MLX repo keeps, with the function that loads MLX repos."""
    generated = find_generation(context.observed.model_type, context.registry)
    if generated is not None and not context.observed.architectures:
        # MLX's own trainers and converters name no architecture.
        origin = f"an MLX model of model_type {context.observed.model_type}"
        question = TaskQuestion(
            possible=(generated,),
            origin=origin,
            tag=context.tag,
            tagged=context.find_tagged_task(generated),
            requested=context.task,
        )
        decision = build_decision(context, choose_task(question, context.registry), None)
    else:
        decision = decide_transformers(context)
    return replace(
        decision,
        model_class=context.registry.libraries["mlx"].model_class,
        requires_remote_code=False,
        candidates=tuple(Candidate(task=item.task, model_class="load") for item in decision.candidates),
        notes=(),
    )


def decide_by_tag(context: RuleContext, signs: Sequence[tuple[str, str | None]] = ()) -> Decision:
    """The decision by the tag, else by `signs` (source, task), the Hub's auto class, or the library's default task."""
    observed, registry = context.observed, context.registry
    row = registry.libraries.get(context.library or "")
    if context.library is None and not context.observed.has_all_names and context.tag is None:
        reason = "the repo is empty" if observed.facts.commit.files else "nothing is known of the repo's files"
    elif observed.config_problem is not None:
        reason = explain_missing_architecture(observed)
    else:
        reason = (
            f"the repo is for {context.library} and has no pipeline tag"
            if context.library
            else "no rule knows such a repo"
        )
    elsewhere = sorted(name for name in observed.names if name.endswith(f"/{CONFIG}"))
    if context.library is None and not observed.has_config and elsewhere:
        reason += f"; {CONFIG} is not at the top, but there is {_join_paths(elsewhere)}"
    if observed.has_all_names and not (observed.names - {".gitattributes", "README.md", ".gitignore", "LICENSE"}):
        reason = "the repo is empty: it holds neither config nor weights"
    fallbacks: list[tuple[str, str | None]] = [
        *signs,
        ("the Hub's auto class", observed.hints.auto_task),
        ("tags", context.find_tagged_task(*list_main_tasks(observed.architectures, registry))),
    ]
    if context.library in RUNTIME_LIBRARIES.values():
        # A converted model keeps the config, and the task, of the model that it was made from.
        fallbacks.extend(("architecture", task) for task in list_main_tasks(observed.architectures, registry)[:1])
    if row is not None and row.tasks:
        fallbacks.append(("library", row.tasks[0]))
    question = TaskQuestion(possible=(), origin=reason, tag=context.tag, requested=context.task, fallbacks=fallbacks)
    choice = choose_task(question, registry)
    model_class = row.model_class if row is not None else None
    remote = choose_remote_class(observed, choice.base, registry) if model_class is None else None
    return build_decision(
        context,
        choice,
        remote.name if remote is not None else model_class,
        architecture=observed.architectures[0] if observed.architectures else None,
        requires_remote_code=remote is not None,
        notes=(f"{remote.auto_class} of transformers with trust_remote_code loads it",) if remote is not None else (),
    )


def decide_sklearn(context: RuleContext) -> Decision:
    """The decision by the tag, else by the task that skops writes into `config.json`."""
    own = context.observed.config.get("sklearn")
    task = as_text(own.get("task")) if isinstance(own, dict) else None
    return decide_by_tag(context, (("config.json: sklearn.task", task),))


def _join_paths(paths: list[str]) -> str:
    shown = ", ".join(paths[:MAX_PATHS_SHOWN])
    return shown if len(paths) <= MAX_PATHS_SHOWN else f"{shown} and {len(paths) - MAX_PATHS_SHOWN} more"
