"""Under which names the configuration of a task may be registered. Pure."""

from __future__ import annotations

from registry.registry import Registry
from registry.tables.tasks import WITH_PAST

EXPORTED_AS: dict[str, str] = {
    # A task -> the task whose graph it shares; optimum 2.3, exporters/tasks.py, beside what `KIND_OF` has.
    "image-feature-extraction": "feature-extraction",
    "mask-generation": "feature-extraction",
    "pretraining": "feature-extraction",
}


def names_of_export(task: str, registry: Registry) -> tuple[str, ...]:
    """`task`, then the other names that a configuration for it may have, the nearest first.

    Its canonical name, its aliases, the more general task whose graph it shares, then the other tasks that share it;
    each with "-with-past" where `task` has it.
    """
    base = task.removesuffix(WITH_PAST)
    ending = task[len(base) :]
    canonical = registry.find_task(base) or base
    general = _general(canonical, registry)
    aliases = (alias for alias, target in registry.task_aliases.items() if target in (canonical, general))
    alike = (name for name in (*registry.kind_of, *EXPORTED_AS) if _general(name, registry) == general)
    return tuple(dict.fromkeys(f"{name}{ending}" for name in (base, canonical, general, *aliases, *alike)))


def _general(task: str, registry: Registry) -> str:
    return EXPORTED_AS.get(task) or registry.kind_of.get(task) or task
