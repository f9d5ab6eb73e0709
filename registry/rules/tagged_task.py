"""Finds the task that a repo's tags name, for servers that pass the tags on but derive no pipeline tag. Pure."""

from __future__ import annotations

from collections.abc import Collection

from registry.facts import HubHints
from registry.registry import Registry

_SPEECH_TAG = "text-to-speech"
"""The only one of the Hub's pipeline tags that is an alias here."""

_NO_TASK = "other"

_CHAT_TAG, _CHAT_TASK = "conversational", "text-generation"
"""The tag of chat models of all kinds, and the task of most."""


def find_tagged_task(hints: HubHints, registry: Registry, *, derived: Collection[str] = ()) -> str | None:
    """The only task among the tags, where the Hub gives no pipeline tag; None where there are none or several.

    The Hub adds the task of the architecture to the tags: of several, the `derived` ones are left out.
    """
    if hints.pipeline_tag is not None:
        return None
    named = [tag for tag in hints.tags if (tag in registry.tasks and tag != _NO_TASK) or tag == _SPEECH_TAG]
    tasks = list(dict.fromkeys(registry.find_task(tag) or tag for tag in named))
    if len(tasks) > 1:
        tasks = [task for task in tasks if task not in derived]
    return tasks[0] if len(tasks) == 1 else None


def find_chat_task(hints: HubHints) -> str | None:
    """The task of a chat model of which no tag names a task; None where it is not tagged as one."""
    return _CHAT_TASK if _CHAT_TAG in hints.tags else None
