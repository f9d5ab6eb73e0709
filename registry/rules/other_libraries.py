"""Rules for the libraries whose files tell little: MLX, and all that only the tag speaks for. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from registry.decision import Candidate, Decision
from registry.facts import CONFIG
from registry.rules.context import RuleContext, decision_of
from registry.rules.task import choose_task
from registry.rules.transformers import decide_transformers, why_no_architecture

PLACES_SHOWN = 5


def decide_mlx(asked: RuleContext) -> Decision:
    """As for transformers, whose configs these repos keep; but its own function loads them."""
    decision = decide_transformers(asked)
    return replace(
        decision,
        model_class=asked.registry.libraries["mlx"].model_class,
        requires_remote_code=False,
        candidates=tuple(Candidate(task=item.task, model_class="load") for item in decision.candidates),
        notes=(),
    )


def decide_by_tag(asked: RuleContext) -> Decision:
    """For libraries whose files tell nothing of the task: the tag, else the library's own task."""
    seen, registry = asked.seen, asked.registry
    row = registry.libraries.get(asked.library or "")
    if asked.library is None and not asked.seen.names and asked.tag is None:
        reason = "the repo is empty" if seen.facts.commit.files else "nothing is known of the repo's files"
    elif seen.config_problem is not None:
        reason = why_no_architecture(seen)
    else:
        reason = f"a {asked.library} repo without a pipeline tag" if asked.library else "no rule knows such a repo"
    elsewhere = sorted(name for name in seen.names if name.endswith(f"/{CONFIG}"))
    if asked.library is None and not seen.has_config and elsewhere:
        reason += f"; {CONFIG} is not at the top, but there is {_listed(elsewhere)}"
    if seen.names and not (seen.names - {".gitattributes", "README.md", ".gitignore", "LICENSE"}):
        reason = "the repo is empty: it holds neither config nor weights"
    otherwise: list[tuple[str, str | None]] = [("the Hub's auto class", seen.hints.auto_task)]
    if row is not None and row.tasks:
        otherwise.append(("library", row.tasks[0]))
    choice = choose_task((), origin=reason, tag=asked.tag, asked=asked.task, registry=registry, otherwise=otherwise)
    model_class = row.model_class if row is not None else None
    return decision_of(asked, choice, model_class, architecture=seen.architectures[0] if seen.architectures else None)


def _listed(paths: list[str]) -> str:
    shown = ", ".join(paths[:PLACES_SHOWN])
    return shown if len(paths) <= PLACES_SHOWN else f"{shown} and {len(paths) - PLACES_SHOWN} more"
