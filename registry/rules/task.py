"""Chooses the task of a repo: among the tasks that its files allow, the one that its tag names. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from registry.decision import Evidence
from registry.errors import ContradictionError
from registry.registry import Registry


class TaskQuestion(Struct, frozen=True, kw_only=True, gc=False):
    """The input of `choose_task`.

    `possible` are the tasks that the repo's files allow, the main one last; `origin` describes where they come from.
    `tag` is the raw pipeline tag, `tagged` the only task among the other tags where there is no pipeline tag,
    `requested` the task that the caller requests. `fallbacks` are (source, task), tried in order where the files allow
    no task. `on_request` are tasks that other classes of the model serve from the same weights: they are chosen only if
    the caller or the tag names them.
    """

    possible: Sequence[str]
    origin: str
    tag: str | None
    requested: str | None
    tagged: str | None = None
    fallbacks: Sequence[tuple[str, str | None]] = ()
    on_request: Sequence[str] = ()


class TaskChoice(Struct, frozen=True, kw_only=True, gc=False):
    """The task chosen, and `base`: the task of the architecture that it is served as (the same, or a coarser one)."""

    task: str | None
    base: str | None
    conflict: bool = False
    undecided: str | None = None
    evidence: tuple[Evidence, ...] = ()


def choose_task(question: TaskQuestion, registry: Registry) -> TaskChoice:
    """The task of a repo, with the evidence for it.

    Raises:
        ContradictionError: the files or the tag rule out the requested task.
    """
    possible, tag = question.possible, question.tag
    main = possible[-1] if possible else None
    evidence = []
    if main is not None:
        evidence.append(Evidence(rule="task by architecture", saw=question.origin, said=join_tasks(possible)))
    if question.requested is not None:
        return _check_requested(question.requested, question, registry, evidence)
    tagged = registry.find_task(tag) if tag is not None else None
    if tag is not None and main is None:
        evidence.append(Evidence(rule="task by pipeline tag", saw=tag, said=tagged or tag))
        return TaskChoice(task=tagged or tag, base=tagged or tag, evidence=tuple(evidence))
    if tag is not None and main is not None:
        return _weigh_tag(tag, tagged, question, main, registry, evidence)
    if main is not None:
        return _weigh_tagged_task(question.tagged, possible, main, registry, evidence)
    for source, name in question.fallbacks:
        task = registry.find_task(name) or name if name is not None else None
        if task is not None:
            evidence.append(Evidence(rule=f"task by {source}", saw=str(name), said=task))
            return TaskChoice(task=task, base=task, evidence=tuple(evidence))
    evidence.append(Evidence(rule="task", saw=question.origin, said="undecided"))
    return TaskChoice(task=None, base=None, undecided=f"no task: {question.origin}", evidence=tuple(evidence))


def join_tasks(tasks: Sequence[str]) -> str:
    """Task names for a message, separated by commas: the last one first, each once."""
    return ", ".join(dict.fromkeys(reversed(tasks)))


def _weigh_tag(
    tag: str, tagged: str | None, question: TaskQuestion, main: str, registry: Registry, evidence: list[Evidence]
) -> TaskChoice:
    """The tag's task (`tagged`, None if unknown) where the architecture can serve it, else the main task."""
    possible = question.possible
    if tagged is None:
        # The Hub adds pipeline tags over time, so an unknown tag cannot be ruled out.
        evidence.append(Evidence(rule="task by pipeline tag", saw=tag, said=f"{tag}: not known here, passed on"))
        return TaskChoice(task=tag, base=main, evidence=tuple(evidence))
    if tagged == main or tagged in possible:
        evidence.append(Evidence(rule="task by pipeline tag", saw=tag, said=f"{tagged}: the architecture serves it"))
        return TaskChoice(task=tagged, base=tagged, evidence=tuple(evidence))
    if tagged in registry.coarser.get(main, ()):
        evidence.append(
            Evidence(rule="task by pipeline tag", saw=tag, said=f"{main}: the tag is a coarser word for it")
        )
        return TaskChoice(task=main, base=main, evidence=tuple(evidence))
    for base in reversed(possible):
        if registry.can_serve(base, tagged):
            evidence.append(Evidence(rule="task by pipeline tag", saw=tag, said=f"{tagged}: a kind of {base}"))
            return TaskChoice(task=tagged, base=base, evidence=tuple(evidence))
    granted = find_granted_task(tagged, question.on_request, registry)
    if granted is not None:
        evidence.append(
            Evidence(rule="task by pipeline tag", saw=tag, said=f"{tagged}: {granted} from the same weights")
        )
        return TaskChoice(task=tagged, base=granted, evidence=tuple(evidence))
    said = f"{main}: the architecture cannot serve {tagged}"
    evidence.append(Evidence(rule="task by pipeline tag", saw=tag, said=said))
    return TaskChoice(task=main, base=main, conflict=True, evidence=tuple(evidence))


_TEXT_EMBEDDING = ("sentence-similarity", "text-retrieval")
"""Kinds of feature extraction that any trunk may be for; other kinds need a model of their own."""


def find_granted_task(task: str, on_request: Sequence[str], registry: Registry) -> str | None:
    """The one of `on_request` that `task` is served as; None where there is none."""
    for base in on_request:
        if base == "feature-extraction":
            is_kind = task in _TEXT_EMBEDDING
        else:
            is_kind = base.endswith("generation") and registry.can_serve(base, task)
        if task == base or is_kind:
            return base
    return None


def _weigh_tagged_task(
    tagged: str | None, possible: Sequence[str], main: str, registry: Registry, evidence: list[Evidence]
) -> TaskChoice:
    """The task among the tags where the architecture can serve it, else the main task: never a conflict."""
    if tagged is not None and tagged != main:
        for base in (tagged, *reversed(possible)):
            if base in possible and registry.can_serve(base, tagged):
                said = f"{tagged}: the only task among the tags, and the architecture serves it"
                evidence.append(Evidence(rule="task by tags", saw=tagged, said=said))
                return TaskChoice(task=tagged, base=base, evidence=tuple(evidence))
    return TaskChoice(task=main, base=main, evidence=tuple(evidence))


def _check_requested(
    requested: str, question: TaskQuestion, registry: Registry, evidence: list[Evidence]
) -> TaskChoice:
    """The requested task, if neither the files nor the tag rule it out.

    Raises:
        ContradictionError: they do.
    """
    possible = question.possible
    evidence.append(Evidence(rule="task asked for", saw=requested, said=requested))
    if requested in possible:
        return TaskChoice(task=requested, base=requested, evidence=tuple(evidence))
    for base in reversed(possible):
        if registry.can_serve(base, requested) or requested in registry.coarser.get(base, ()):
            return TaskChoice(task=requested, base=base, evidence=tuple(evidence))
    granted = find_granted_task(requested, question.on_request, registry)
    if granted is not None:
        return TaskChoice(task=requested, base=granted, evidence=tuple(evidence))
    if not possible:
        # The files allow any task, so only the Hub's own names for the task can contradict the request.
        named = [name for name in (question.tag, *(name for _, name in question.fallbacks)) if name is not None]
        if not named or any(_is_compatible(registry.find_task(name) or name, requested, registry) for name in named):
            return TaskChoice(task=requested, base=requested, evidence=tuple(evidence))
        raise ContradictionError(f"{requested} was asked for, but the repo is for {join_tasks(named)}")
    raise ContradictionError(f"{requested} was asked for, but {question.origin} serves only {join_tasks(possible)}")


def _is_compatible(named: str, requested: str, registry: Registry) -> bool:
    return registry.can_serve(named, requested) or registry.can_serve(requested, named)
