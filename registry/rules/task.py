"""What a repo is for: the task among those that its files allow and its tag names. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from registry.decision import Evidence
from registry.errors import ContradictionError
from registry.registry import Registry


class TaskChoice(Struct, frozen=True, kw_only=True, gc=False):
    """The task chosen, and `base`: the task of the architecture that it is served as (the same, or a coarser one)."""

    task: str | None
    base: str | None
    conflict: bool = False
    undecided: str | None = None
    evidence: tuple[Evidence, ...] = ()


def choose_task(
    possible: Sequence[str],
    *,
    origin: str,
    tag: str | None,
    asked: str | None,
    registry: Registry,
    otherwise: Sequence[tuple[str, str | None]] = (),
    also_asked: Sequence[str] = (),
) -> TaskChoice:
    """The task of a repo.

    `possible` are the tasks its files allow, what it is mainly for last; `origin` says how that is known. `tag` is
    the raw pipeline tag, `asked` the task the caller wants, `also_asked` tasks that are granted only when asked for.
    `otherwise` are (source, task) that count, in order, where the files allow none.

    Raises:
        ContradictionError: `asked` is none that the files allow.
    """
    main = possible[-1] if possible else None
    evidence = []
    if main is not None:
        evidence.append(Evidence(rule="task by architecture", saw=origin, said=_listed(possible)))
    if asked is not None:
        return _as_asked(asked, possible, origin, tag, registry, otherwise, also_asked, evidence)
    tagged = _task_of_tag(tag, registry)
    if tag is not None and main is None:
        evidence.append(Evidence(rule="task by pipeline tag", saw=tag, said=tagged or tag))
        return TaskChoice(task=tagged or tag, base=tagged or tag, evidence=tuple(evidence))
    if tag is not None and main is not None:
        return _weigh_tag(tag, tagged, possible, main, registry, evidence)
    if main is not None:
        return TaskChoice(task=main, base=main, evidence=tuple(evidence))
    for source, name in otherwise:
        task = registry.find_task(name) or name if name is not None else None
        if task is not None:
            evidence.append(Evidence(rule=f"task by {source}", saw=str(name), said=task))
            return TaskChoice(task=task, base=task, evidence=tuple(evidence))
    evidence.append(Evidence(rule="task", saw=origin, said="undecided"))
    return TaskChoice(task=None, base=None, undecided=f"no task: {origin}", evidence=tuple(evidence))


def _weigh_tag(
    tag: str, tagged: str | None, possible: Sequence[str], main: str, registry: Registry, evidence: list[Evidence]
) -> TaskChoice:
    """The tag counts where the architecture can serve it; otherwise the architecture's main task stands."""
    if tagged is None:
        # The Hub's vocabulary grows: what we do not know we cannot rule out.
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
    said = f"{main}: the architecture cannot serve {tagged}"
    evidence.append(Evidence(rule="task by pipeline tag", saw=tag, said=said))
    return TaskChoice(task=main, base=main, conflict=True, evidence=tuple(evidence))


def _as_asked(
    asked: str,
    possible: Sequence[str],
    origin: str,
    tag: str | None,
    registry: Registry,
    otherwise: Sequence[tuple[str, str | None]],
    also_asked: Sequence[str],
    evidence: list[Evidence],
) -> TaskChoice:
    evidence.append(Evidence(rule="task asked for", saw=asked, said=asked))
    if asked in possible or asked in also_asked:
        return TaskChoice(task=asked, base=asked, evidence=tuple(evidence))
    for base in reversed(possible):
        if registry.can_serve(base, asked) or asked in registry.coarser.get(base, ()):
            return TaskChoice(task=asked, base=base, evidence=tuple(evidence))
    if not possible:
        # Nothing in the files speaks against it; what the Hub says must not either.
        named = [name for name in (tag, *(name for _, name in otherwise)) if name is not None]
        if not named or any(_agrees(registry.find_task(name) or name, asked, registry) for name in named):
            return TaskChoice(task=asked, base=asked, evidence=tuple(evidence))
        raise ContradictionError(f"{asked} was asked for, but the repo is for {_listed(named)}")
    raise ContradictionError(f"{asked} was asked for, but {origin} serves only {_listed(possible)}")


def _agrees(named: str, asked: str, registry: Registry) -> bool:
    return registry.can_serve(named, asked) or registry.can_serve(asked, named)


def _task_of_tag(tag: str | None, registry: Registry) -> str | None:
    return registry.find_task(tag) if tag is not None else None


def _listed(tasks: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(reversed(tasks)))
