"""Accepts calls in the form of optimum's older manuals: other keywords, another order of arguments. Pure.

A method keeps the signature of today's optimum; an older call is translated before the method is called.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from registry.export.constructor import ExportConfigConstructor
from registry.tables.tasks import WITH_PAST

Method = TypeVar("Method", bound=Callable[..., Any])
Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""The positional and the keyword arguments of a call."""

FRAMEWORK_NAMES = ("pt", "tf")


def accept_older_calls(adapt: Callable[..., Arguments], *, hidden: tuple[str, ...] = ()) -> Callable[[Method], Method]:
    """A decorator: calls go through `adapt`, which takes a call's arguments and gives those of today's form.

    `hidden` are parameters of older manuals that today's signature does not show.
    """

    def decorate(method: Method) -> Method:
        @functools.wraps(method)
        def call(*args: Any, **keywords: Any) -> Any:
            args, keywords = adapt(*args, **keywords)
            return method(*args, **keywords)

        signature = inspect.signature(method)
        shown = [parameter for name, parameter in signature.parameters.items() if name not in hidden]
        call.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]  # read by `inspect`
        return call  # type: ignore[return-value]  # the same parameters, and older ones

    return decorate


def adapt_determine_framework(*args: Any, **keywords: Any) -> Arguments:
    """First age: `(model, framework=None)`."""
    keywords = _rename(keywords, "model", "model_name_or_path")
    if len(args) > 1 and _is_framework(args[0], args[1]):
        keywords, args = {"framework": args[1], **keywords}, (args[0], *args[2:])
    return args, keywords


def adapt_get_model_from_task(*args: Any, **keywords: Any) -> Arguments:
    """First age: `(task, model, framework=None, cache_dir=None)`."""
    keywords = _rename(keywords, "model", "model_name_or_path")
    if len(args) > 2 and _is_framework(args[1], args[2]):
        keywords = {"framework": args[2], **dict(zip(("cache_dir",), args[3:], strict=False)), **keywords}
        args = args[:2]
    if keywords.get("cache_dir", "") is None:
        del keywords["cache_dir"]
    return args, keywords


def adapt_get_exporter_config_constructor(*args: Any, **keywords: Any) -> Arguments:
    """First age: `(model_type, exporter, task="default", model_name=None)`; today the exporter comes first, then a
    model in memory."""
    if len(args) > 1 and isinstance(args[1], str):
        names = ("model_type", "exporter", "task", "model_name")
        return (), {**dict(zip(names, args, strict=False)), **keywords}
    if len(args) == 1 and "exporter" in keywords:
        return (), {"model_type": args[0], **keywords}
    return args, keywords


def _rename(keywords: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if name == old else name: value for name, value in keywords.items()}


def _is_framework(model: object, value: object) -> bool:
    """Whether `value` is the framework in the old order; a local subfolder of this name is taken for one."""
    return value in FRAMEWORK_NAMES and not os.path.isdir(os.path.join(str(model), str(value)))


class TaskConstructors(dict[str, ExportConfigConstructor]):
    """Task -> constructor. A task is also found by the names of older manuals ("default", "causal-lm-with-past"), which
    are neither iterated nor counted."""

    def __init__(self, items: Mapping[str, ExportConfigConstructor], aliases: Mapping[str, str]) -> None:
        super().__init__(items)
        self._aliases = aliases

    def _find(self, name: object) -> str | None:
        base = str(name).removesuffix(WITH_PAST)
        task = self._aliases.get(base, base) + str(name)[len(base) :]
        return task if dict.__contains__(self, task) else None

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, name) or self._find(name) is not None

    def __missing__(self, name: str) -> ExportConfigConstructor:
        task = self._find(name)
        if task is None:
            raise KeyError(name)
        return self[task]

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default
